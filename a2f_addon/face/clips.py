"""Eyes from recordings: somebody's own blinks and looks, taken from a library of clips and made as long as the speech is.

The shortest clip that is long enough gives its eyes from its beginning. Where none is, clips follow each other; each is left where its pose and speed
are nearest to a place near the next one's beginning, and the two are blended over a fifth of a second, so that nothing jumps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

import numpy as np

from ..errors import SettingError
from ..settings import check, option
from . import arkit
from .curves import FaceCurves, Floats, Speech
from .eyes import FULL_DEG
from .spans import Doubles, smoothstep

SHORTEST_S = 1.0
"""What is shorter has no look and hardly a blink to give."""
STEP_S = 1 / 60
BLEND_S = 0.2
LEAVE_FROM, ENTER_UNTIL = 0.6, 0.3
"""A clip is left in its last part and entered in its first, in shares of its length..."""
SEARCH_S = 2.0
"""...and no more than so many seconds from its end and from its beginning."""
SPEED_S = 0.1
"""Speeds count as the poses that they lead to in so many seconds."""


@dataclass(frozen=True)
class EyeClips:
    """Whose eyes to take."""

    folder: str = option("", "A folder of Live Link Face CSVs whose eyes to take instead of made ones", flag="eye-clips", file="/")
    seed: int = option(0, "Another number puts clips that are too short together in another order", minimum=0, maximum=2**31 - 1)

    def __post_init__(self) -> None:
        check(self)


class Piece(NamedTuple):
    """A stretch of one clip: which, from where in it, and from when on it is seen; seconds."""

    clip: int
    from_s: float
    start_s: float


def donate(curves: FaceCurves, speech: Speech, settings: EyeClips, library: Sequence[FaceCurves]) -> FaceCurves:
    """The same face with a library's eyes: the eye shapes that all its clips have, and both eyes' rotations; every other channel as it was.

    A clip's own frame rate does not matter. Raises SettingError where no clip lasts a second.
    """
    names = eye_channels(library)
    clips = sorted((clip for clip in library if _length_s(clip) >= SHORTEST_S), key=_length_s)
    if not clips:
        raise SettingError(f"No eye clip is as long as {SHORTEST_S:g} s; record longer ones.")
    if not len(curves):
        return curves
    times = curves.times - curves.times[0]
    enough = next((number for number, clip in enumerate(clips) if _length_s(clip) >= times[-1]), None)
    pieces = _stitched(clips, names, float(times[-1]), settings.seed) if enough is None else [Piece(enough, 0.0, 0.0)]
    values = _played(clips, names, pieces, times)
    found = FaceCurves(curves.fps, curves.start, names, values.astype(np.float32))
    return curves.with_added({name: found.channel(name) for name in names} | _rotations(found))


def eye_channels(library: Sequence[FaceCurves]) -> tuple[str, ...]:
    """The eyes' shapes and rotations that every clip has."""
    return tuple(name for name in (*arkit.EYES, *arkit.EYE_ROTATIONS) if all(name in clip.names for clip in library))


def _length_s(clip: FaceCurves) -> float:
    return (len(clip) - 1) / clip.fps


def _sampled(clip: FaceCurves, names: Sequence[str], times: Doubles) -> Doubles:
    """The clip at these seconds from its beginning, float64 [times, names]."""
    own = np.arange(len(clip)) / clip.fps
    return np.stack([np.interp(times, own, clip.channel(name)) for name in names], axis=1)


def _stitched(clips: Sequence[FaceCurves], names: tuple[str, ...], length_s: float, seed: int) -> list[Piece]:
    """Clips one after the other until they are long enough; the same one twice in a row only where there is no other."""
    random = np.random.default_rng(seed)
    joint = cache(lambda before, after: _joint(clips[before], clips[after], names))
    pieces = [Piece(int(random.integers(len(clips))), 0.0, 0.0)]
    while True:
        last = pieces[-1]
        others = [number for number in range(len(clips)) if number != last.clip] or [last.clip]
        after = others[int(random.integers(len(others)))]
        leave_s, enter_s = joint(last.clip, after)
        start_s = last.start_s + leave_s - last.from_s
        if last.start_s + _length_s(clips[last.clip]) - last.from_s >= length_s:
            return pieces
        pieces.append(Piece(after, enter_s, start_s))


def _joint(before: FaceCurves, after: FaceCurves, names: tuple[str, ...]) -> tuple[float, float]:
    """Where to leave one clip and to enter the next, in seconds of each: where pose and speed are nearest."""
    end_s, length_s = _length_s(before), _length_s(after)
    leave = np.arange(max(LEAVE_FROM * end_s, end_s - SEARCH_S), end_s - BLEND_S + 1e-9, STEP_S)
    enter = np.arange(0.0, min(ENTER_UNTIL * length_s, SEARCH_S) + 1e-9, STEP_S)
    poses, others = (_with_speed(clip, names, at) for clip, at in ((before, leave), (after, enter)))
    # |a - b|² = |a|² + |b|² - 2ab
    apart = np.square(poses).sum(axis=1)[:, None] + np.square(others).sum(axis=1) - 2 * poses @ others.T
    row, column = np.unravel_index(int(np.argmin(apart)), apart.shape)
    return float(leave[row]), float(enter[column])


def _with_speed(clip: FaceCurves, names: tuple[str, ...], times: Doubles) -> Doubles:
    here, later = (_sampled(clip, names, times + shift) for shift in (0.0, STEP_S))
    return np.concatenate((here, (later - here) / STEP_S * SPEED_S), axis=1)


def _played(clips: Sequence[FaceCurves], names: tuple[str, ...], pieces: Sequence[Piece], times: Doubles) -> Doubles:
    """The pieces one after the other, float64 [times, names]; each is blended in over the one before, which goes on meanwhile."""
    values = np.zeros((len(times), len(names)))
    ends = [piece.start_s + BLEND_S for piece in pieces[1:]] + [float(times[-1]) + 1.0]
    for piece, end_s in zip(pieces, ends, strict=True):
        first, past = np.searchsorted(times, (piece.start_s, end_s))
        near = times[first:past]
        share = smoothstep((near - piece.start_s) / BLEND_S)[:, None] if piece.start_s > 0 else 1.0
        there = _sampled(clips[piece.clip], names, near - piece.start_s + piece.from_s)
        values[first:past] += share * (there - values[first:past])
    return values


def _rotations(eyes: FaceCurves) -> dict[str, Floats]:
    """Both eyes' rotations from their shapes, float32 radians, where the clips have none of their own."""
    if all(name in eyes.names for name in arkit.EYE_ROTATIONS):
        return {}
    found: dict[str, Floats] = {}
    for side, inward in (("left", -1), ("right", 1)):
        into, out, up, down = (
            eyes.channel(name) if name in eyes.names else np.zeros(len(eyes), np.float32)
            for name in (f"eyeLook{way}{side.title()}" for way in ("In", "Out", "Up", "Down"))
        )
        yaw, pitch = np.radians(FULL_DEG) * inward * (into - out), np.radians(FULL_DEG) * (down - up)
        found |= {f"{side}EyeYaw": yaw, f"{side}EyePitch": pitch, f"{side}EyeRoll": yaw * pitch}
    return {name: curve.astype(np.float32) for name, curve in found.items()}
