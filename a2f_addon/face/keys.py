"""Few keys in place of one a frame: a curve as cubic Bezier pieces that miss no frame by more than a chosen error, the sealed ones kept exactly.

Between two keys runs the cubic Hermite piece whose slopes are the curve's own, so that neighbours meet smoothly; a piece that misses a frame by
too much is parted there, and keys that turn out to be needless are taken away again. A handle lies a third of the way to the next key, which
makes Blender's Bezier the same cubic.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..settings import check, option
from . import arkit
from .closure import Closure, bites, seals
from .curves import FaceCurves, Floats, Speech

Frames = NDArray[np.int64]
Mask = NDArray[np.bool_]

FINE, COARSE = 0.004, 0.02
"""The largest error of a frame, as a share of a shape's whole way: on a mouth that opens by 25 mm, 0.1 and 0.5 mm."""
FIRST_PIECE = 32
"""Frames of the pieces that the search begins with."""
ROUNDS = 6
"""How often needless keys are looked for; each round leaves at most every second one."""


@dataclass(frozen=True)
class Reduction:
    """How many keys there will be."""

    error: float = option(0.0, "How far a frame may be off, as a share of a shape's whole way; 0 keys every frame", minimum=0.0, maximum=0.2)

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class CurveKeys:
    """The keys of one curve. Frames count from the curve's first, 0.

    frames: int64 [keys]. values: float32 [keys].
    left, right: float32 [keys], the values of the handles, which lie a third of the way to the neighbouring keys.
    is_bezier: False where every frame is keyed and the pieces are straight.
    """

    frames: Frames
    values: Floats
    left: Floats
    right: Floats
    is_bezier: bool

    def __len__(self) -> int:
        return len(self.frames)

    def at(self, frames: NDArray[np.floating]) -> NDArray[np.float64]:
        """What plays at these frames."""
        if len(self) < 2:
            return np.full(len(frames), self.values[0] if len(self) else 0.0, np.float64)
        piece = np.clip(np.searchsorted(self.frames, frames, side="right") - 1, 0, len(self) - 2)
        length = self.frames[piece + 1] - self.frames[piece]
        u = np.clip((frames - self.frames[piece]) / length, 0, 1)
        first, last = self.values[piece].astype(np.float64), self.values[piece + 1]
        if not self.is_bezier:
            return first + u * (last - first)
        return _bezier(u, first, self.right[piece], self.left[piece + 1], last)


def every_frame(curve: Floats) -> CurveKeys:
    """A key on each frame, straight between them; a curve that never moves gets one at either end."""
    frames = np.arange(len(curve)) if np.ptp(curve) > 0 else np.unique([0, max(len(curve) - 1, 0)])
    values = curve[frames]
    return CurveKeys(frames, values, values, values, False)


def reduced(curve: Floats, *, error: float, pinned: Mask | None = None) -> CurveKeys:
    """The curve in few keys. No frame misses its value by more than `error`; the pinned frames have keys of their own and so keep theirs exactly.

    curve: float32 [frames]. pinned: bool [frames]. An error of 0 keys every frame. What lay within 0..1 stays there, between the frames too.
    """
    if error <= 0 or len(curve) < 3 or not np.ptp(curve) > 0:
        return every_frame(curve)
    fit = _Fit(curve)
    keep = np.zeros(len(curve), bool)
    keep[::FIRST_PIECE] = keep[0] = keep[-1] = True
    fixed = np.zeros(len(curve), bool)
    fixed[[0, -1]] = True
    if pinned is not None:
        fixed |= pinned
    chosen = _parted(fit, np.flatnonzero(keep | fixed), error)
    chosen = _thinned(fit, chosen, fixed, error)
    left, right = fit.handles(chosen)
    return CurveKeys(chosen, curve[chosen], left, right, True)


def sealed(curves: FaceCurves, speech: Speech, settings: Closure) -> Mask:
    """The frames at which the lips touch each other or the teeth, bool [frames]: those that a viewer looks at, and no reduction may blur."""
    mask = np.zeros(len(curves), bool)
    if not len(curves) or not len(speech):
        return mask
    for start, end in (*seals(speech, settings, fps=curves.fps), *bites(speech, fps=curves.fps)):
        first, last = np.searchsorted(curves.times, (start, end))
        mask[first:last] = True
    return mask


def is_pinned(channel: str) -> bool:
    """Whether a channel takes part in how the lips meet: every one but those of eyes, brows, nose and head."""
    return channel not in _NO_LIPS


_NO_LIPS = frozenset((*arkit.EYES, *arkit.BROWS, *arkit.CHEEKS_AND_NOSE, *arkit.HEAD, *arkit.EYE_ROTATIONS))


class _Fit:
    """A curve and the pieces that may stand for it."""

    def __init__(self, curve: Floats) -> None:
        self.curve = curve
        self.slopes = _slopes(curve)
        self.low, self.high = min(float(curve.min()), 0.0), max(float(curve.max()), 1.0)

    def worst(self, starts: Frames, ends: Frames) -> tuple[Floats, Frames]:
        """How far each piece misses its worst frame, and which frame that is. Pieces are at least two frames long."""
        lengths = ends - starts - 1  # of the frames within
        first = np.cumsum(lengths) - lengths
        within = np.arange(int(lengths.sum())) - np.repeat(first - starts - 1, lengths)
        start, span = np.repeat(starts, lengths), np.repeat((ends - starts).astype(np.float32), lengths)
        third = (ends - starts).astype(np.float32) / 3
        after = np.clip(self.curve[starts] + self.slopes[starts] * third, self.low, self.high)
        before = np.clip(self.curve[ends] - self.slopes[ends] * third, self.low, self.high)
        u = (within - start) / span
        fitted = _bezier(u, *(np.repeat(each, lengths) for each in (self.curve[starts], after, before, self.curve[ends])))
        missed = np.abs(fitted - self.curve[within])
        most = np.maximum.reduceat(missed, first)
        at_most = np.flatnonzero(missed >= np.repeat(most, lengths))
        piece = np.searchsorted(first, at_most, side="right") - 1
        _, once = np.unique(piece, return_index=True)
        return most, within[at_most[once]]

    def handles(self, frames: Frames) -> tuple[Floats, Floats]:
        """The values of the handles to the left and to the right of each key."""
        thirds = np.diff(frames).astype(np.float32) / 3
        values, rises = self.curve[frames], self.slopes[frames]
        left = values - rises * np.concatenate((thirds[:1], thirds))
        right = values + rises * np.concatenate((thirds, thirds[-1:]))
        # A Bezier stays within its four points, so nothing overshoots.
        return np.clip(left, self.low, self.high), np.clip(right, self.low, self.high)


def _parted(fit: _Fit, chosen: Frames, error: float) -> Frames:
    """More keys, until no piece misses a frame by more than the error."""
    open_pieces = np.stack((chosen[:-1], chosen[1:]), axis=1)
    added = [chosen]
    while True:
        open_pieces = open_pieces[open_pieces[:, 1] - open_pieces[:, 0] > 1]
        if not len(open_pieces):
            break
        missed, where = fit.worst(open_pieces[:, 0], open_pieces[:, 1])
        bad = missed > error
        open_pieces, where = open_pieces[bad], where[bad]
        added.append(where)
        open_pieces = np.concatenate((np.stack((open_pieces[:, 0], where), axis=1), np.stack((where, open_pieces[:, 1]), axis=1)))
    return np.unique(np.concatenate(added))


def _thinned(fit: _Fit, chosen: Frames, fixed: Mask, error: float) -> Frames:
    """Fewer keys: of those that could go, no two neighbours at once."""
    for turn in range(ROUNDS):
        place = np.arange(1 + turn % 2, len(chosen) - 1, 2)
        place = place[~fixed[chosen[place]]]
        if not len(place):
            continue
        missed, _ = fit.worst(chosen[place - 1], chosen[place + 1])
        chosen = np.delete(chosen, place[missed <= error])
    return chosen


def _slopes(curve: Floats) -> Floats:
    """The rise a frame, from both neighbours; none where the curve begins or ends to rest, for there a hand would set a level key."""
    steps = np.diff(curve, prepend=curve[:1], append=curve[-1:])
    return np.where((steps[:-1] == 0) | (steps[1:] == 0), 0, (steps[:-1] + steps[1:]) / 2).astype(np.float32)


def _bezier(u: Any, first: Any, after: Any, before: Any, last: Any) -> Any:
    """Four points, and how far along, 0 to 1; arrays of one length."""
    v = 1 - u
    return v * v * (v * first + 3 * u * after) + u * u * (3 * v * before + u * last)
