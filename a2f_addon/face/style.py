"""How somebody moves when they talk, as a few figures of each shape, and how another's performance is made to move so.

A style is what Wu et al. ("Imitating arbitrary talking style for realistic audio-driven talking face synthesis", 2021) found to tell speakers apart:
the standard deviation of each curve and of its change over time, and of the head's pose; beside them the rest pose, and how often somebody blinks and
looks elsewhere. They compare speakers by deviations from many; here the figures themselves travel, and curves are moved until theirs are the same.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np

from ..errors import SettingError
from ..settings import check, option
from . import arkit
from .articulation import kept_share
from .curves import FaceCurves, Floats
from .smoothing import averaged, gaussian
from .spans import Doubles, above

SHORTEST_S = 5.0
"""Wu et al. take 5 to 20 s of somebody's talking."""
CHANGE_S = 0.10
"""Speed is the change over so long: half a syllable, and longer than a frame at any rate, so that every rate gives the same figure."""
REST_PERCENT = 10.0
"""A speaker's rest pose is what each shape is below for a tenth of the time: pauses are about as much of speech."""
STILL = 0.004
"""What moves less has no movement to be made larger."""
LARGEST_GAIN = 6.0
SLOW_S = (0.03, 0.06, 0.12, 0.24)
"""What is slower than a Gaussian of these seconds, and what is quicker, are given shares of their own until the speed is right."""
SHARPEST = 4.0
"""Times what is quick is added at the most."""
ROUNDS, NEAR = 6, 0.02
"""How often the aim is moved at the most; a channel whose figures are missed by less than this share is done."""
KNEE = 0.8
"""From here on a shape bends towards 1."""

STYLED = (*arkit.MOUTH, *arkit.BROWS, *arkit.CHEEKS_AND_NOSE, *arkit.HEAD)
"""What a style moves. mouthClose goes with the jaw, so that lips that met still meet; the eyes get rates, not curves."""
FREE = tuple(name for name in STYLED if name != "mouthClose")

Finish = Callable[[FaceCurves], FaceCurves]


class Moves(NamedTuple):
    """How one channel moves. rest and spread in the channel's own unit (0 to 1, or radians), speed in that unit a second."""

    rest: float
    spread: float
    speed: float


NONE = Moves(0.0, 0.0, 0.0)


@dataclass(frozen=True)
class Style:
    """How somebody talks: for each channel the figures to reach, `channels` and beside it `factors` times the performance's own.

    channels: by name of STYLED. Of a measured style these are the figures themselves.
    factors: by some of the same names. With the factors 1, s and v a performance rests where it did and moves s times as far and v times as fast.
    blinks_per_minute, looks_per_minute: None where nobody measured them.
    Raises SettingError for a name that no style moves, and for figures that cannot be.
    """

    channels: Mapping[str, Moves]
    description: str = ""
    factors: Mapping[str, Moves] = field(default_factory=dict)
    blinks_per_minute: float | None = None
    looks_per_minute: float | None = None

    def __post_init__(self) -> None:
        for name, moves in (*self.channels.items(), *self.factors.items()):
            if name not in STYLED or name not in self.channels:
                raise SettingError(f"There is no shape '{name}' that a style could move.")
            if not np.isfinite(moves).all() or moves.spread < 0 or moves.speed < 0:
                raise SettingError(f"'{name}' needs a rest, a spread and a speed that are numbers, the latter two not below 0.")

    def goal(self, name: str, own: Moves) -> Moves:
        """What it makes of a channel whose figures are these."""
        return Moves(*(figure + factor * of for figure, factor, of in zip(self.channels[name], self.factors.get(name, NONE), own, strict=True)))


@dataclass(frozen=True)
class Styling:
    """Whose style, and how much of it."""

    name: str = option(
        "", "A talking style: one that comes with the add-on, or a .toml file of your own; NAME or NAME:STRENGTH", flag="style", file=".toml"
    )
    strength: float = option(1.0, "How much of the style; 0 leaves the performance as it is", minimum=0.0, maximum=1.0)
    target: Style | None = field(default=None)

    def __post_init__(self) -> None:
        check(self)


def split(text: str) -> tuple[str, float | None]:
    """The name and the strength in "NAME[:STRENGTH]". Raises SettingError for a strength that is no number from 0 to 1."""
    match = re.fullmatch(r"(.*?)(?::([^:/\\]*))?", text.strip())
    if not match or match[2] is None:
        return text.strip(), None
    try:
        strength = float(match[2])
    except ValueError:
        strength = np.nan
    if not 0 <= strength <= 1:
        raise SettingError(f"The strength of the style '{match[1]}' must be a number between 0 and 1, not '{match[2]}'.")
    return match[1].strip(), strength


def measure(curves: FaceCurves, *, description: str = "") -> Style:
    """The style of a performance: 5 s of talking tell it, 20 s tell it well.

    Raises SettingError for a performance that is too short, or in which nothing moves.
    """
    seconds = len(curves) / curves.fps
    if seconds < SHORTEST_S:
        raise SettingError(f"{seconds:.1f} s are too short to tell a style from; take {SHORTEST_S:g} s of talking or more.")
    channels = _measured(curves)
    if not any(moves.spread > STILL for moves in channels.values()):
        raise SettingError("Nothing moves in these curves, so there is no style to tell.")
    return Style(channels, description, {}, *_eyes(curves))


def blend(first: Style, second: Style, share: float) -> Style:
    """`share` (0 to 1) of the second, the rest of the first; what only one of them knows is taken from it.

    A measured style blends with one of factors too: what either would make of a performance is what is mixed.
    """
    channels: dict[str, Moves] = {}
    factors: dict[str, Moves] = {}
    for name in STYLED:
        knowing = [style for style in (first, second) if name in style.channels]
        if knowing:
            one, other = knowing[0], knowing[-1]
            channels[name] = _between(one.channels[name], other.channels[name], share)
            if name in one.factors or name in other.factors:
                factors[name] = _between(one.factors.get(name, NONE), other.factors.get(name, NONE), share)
    rates = [_mixed(getattr(first, rate), getattr(second, rate), share) for rate in ("blinks_per_minute", "looks_per_minute")]
    return Style(channels, "", factors, *rates)


def imitate(curves: FaceCurves, target: Style, *, strength: float = 1.0, finish: Finish = lambda curves: curves) -> FaceCurves:
    """The same performance in another style: each channel's movement made as large and as quick as the style's, about the style's rest pose.

    finish: the stages that come after and whose work is to be in the figures that are reached, as seals are. What it returns is not returned.
    A channel that does not move has nothing to be made larger and takes the rest pose alone, and one that sways at a single pace cannot be made much
    quicker; what the style does not know, and the eyes, are left bit for bit. Curves that are asked for their own style are left as they are.
    """
    names = [name for name in FREE if name in target.channels and name in curves.names]
    if not strength or not names or len(curves) < 2:
        return curves
    # What counts is what is seen in the end, so the figures are read behind the later stages and the aim is moved until they are right.
    own = _measured(finish(curves), names)
    goals = {name: _between(own[name], target.goal(name, own[name]), strength) for name in names}
    aims, raw = dict(goals), _measured(curves, names)
    changed = {name for name in names if not _same(own[name], goals[name])}
    best, least = curves, dict.fromkeys(changed, np.inf)
    for _ in range(ROUNDS):
        if not changed:
            break
        tried = best.with_channels(_moved(curves, {name: aims[name] for name in changed}, raw))
        reached = _measured(finish(tried), changed)
        for name in list(changed):
            missed = _missed(reached[name], goals[name])
            if missed < least[name]:
                least[name] = missed
                best = best.with_channels({name: tried.channel(name)} | _close(tried, name))
            aims[name] = _corrected(aims[name], reached[name], goals[name])
            if missed < NEAR or raw[name].spread < STILL:
                changed.discard(name)
    return best


def _measured(curves: FaceCurves, names: object = FREE) -> dict[str, Moves]:
    """The figures of each of these channels that is there."""
    shift = max(round(CHANGE_S * curves.fps), 1)
    found = {}
    for name in curves.names:
        if name in FREE and name in names:  # type: ignore[operator]
            curve = curves.channel(name).astype(np.float64)
            # A head is turned to where the camera stood, which is nobody's style.
            rest = 0.0 if name in arkit.HEAD else float(np.percentile(curve, REST_PERCENT))
            found[name] = Moves(rest, float(curve.std()), float(_change(curve, shift).std() * curves.fps / shift))
    return found


def _change(curve: Doubles, shift: int) -> Doubles:
    return curve[shift:] - curve[:-shift] if len(curve) > shift else np.zeros(1)


def _eyes(curves: FaceCurves) -> tuple[float | None, float | None]:
    """Blinks and looks elsewhere a minute; None for what was not recorded."""
    minutes = len(curves) / curves.fps / 60
    blinks = looks = None
    lids = curves.values[:, curves.columns(("eyeBlinkLeft", "eyeBlinkRight"))]
    if lids.any():
        blinks = len(above(lids.mean(axis=1), curves.times, on=0.5, off=0.3)) / minutes
    pairs = [("eyeLookOutLeft", "eyeLookInLeft"), ("eyeLookUpLeft", "eyeLookDownLeft")]
    if all(name in curves.names for pair in pairs for name in pair):
        gaze = np.stack([curves.channel(one) - curves.channel(other) for one, other in pairs], axis=1).astype(np.float64)
        if gaze.any():
            # Eyes that go 3 degrees of 35 in a tenth of a second have jumped.
            shift = max(round(CHANGE_S * curves.fps), 1)
            far = np.hypot(*_change(gaze, shift).T) if len(gaze) > shift else np.zeros(1)
            looks = len(above(far, np.arange(len(far)) / curves.fps, on=0.085, off=0.06)) / minutes
    return blinks, looks


def _between(first: Moves, second: Moves, share: float) -> Moves:
    return Moves(*((1 - share) * one + share * other for one, other in zip(first, second, strict=True)))


def _mixed(first: float | None, second: float | None, share: float) -> float | None:
    if first is None or second is None:
        return first if second is None else second
    return (1 - share) * first + share * second


def _same(own: Moves, goal: Moves) -> bool:
    # Files keep six digits.
    return bool(np.allclose(own, goal, rtol=1e-4, atol=2e-6))


def _missed(reached: Moves, goal: Moves) -> float:
    """By which share the spread or the speed is missed, whichever is missed by more."""
    return max(abs(is_ - be) / max(be, STILL) for is_, be in ((reached.spread, goal.spread), (reached.speed, goal.speed)))


def _corrected(aim: Moves, reached: Moves, goal: Moves) -> Moves:
    """Aim higher by what fell short."""
    spread, speed = (aimed * float(np.clip(be / max(is_, 1e-6), 0.5, 2.0)) for aimed, is_, be in list(zip(aim, reached, goal, strict=True))[1:])
    return Moves(aim.rest + 0.5 * (goal.rest - reached.rest), spread, speed)


def _moved(curves: FaceCurves, aims: Mapping[str, Moves], raw: Mapping[str, Moves]) -> Iterator[tuple[str, Floats]]:
    """Each channel about its rest pose, with its quick part and its slow part weighed so that spread and speed are as aimed at."""
    for name, aim in aims.items():
        curve, rest = curves.channel(name), raw[name].rest
        if raw[name].spread < STILL:
            yield name, _within(name, curve + np.float32(aim.rest - rest))
            continue
        shaped = _quickened(curve - np.float32(rest), aim.speed / max(aim.spread, 1e-9), curves.fps)
        if name not in arkit.HEAD:
            # What was slowed rests higher than it did; it must not be enlarged about that.
            shaped = shaped - np.float32(np.percentile(shaped, REST_PERCENT))
        gain = min(aim.spread / max(float(shaped.std()), 1e-9), LARGEST_GAIN)
        moved = _within(name, np.float32(aim.rest) + np.float32(gain) * shaped)
        yield name, moved
        if name == "jawOpen" and "mouthClose" in curves.names:
            yield "mouthClose", kept_share(curves.channel("mouthClose"), of=curve, now=moved)


def _close(tried: FaceCurves, name: str) -> dict[str, Floats]:
    return {"mouthClose": tried.channel("mouthClose")} if name == "jawOpen" and "mouthClose" in tried.names else {}


def _quickened(curve: Floats, ratio: float, fps: float) -> Floats:
    """The curve with more or less of what is quick in it, until its speed is `ratio` times its spread, or as near as can be."""
    shift = max(round(CHANGE_S * fps), 1)
    best = (np.inf, 0.0, np.zeros_like(curve))
    for slow_s in SLOW_S:
        taps = gaussian(slow_s * fps)
        if len(taps) == 1:
            continue
        quick = curve - averaged(curve, taps)
        share, missed = _share(curve, quick, ratio, shift, fps)
        if missed < best[0] - 1e-3:
            best = (missed, share, quick)
        if missed < 1e-3:
            break
    return curve if best[1] == 0 else np.asarray(curve + np.float32(best[1]) * best[2], np.float32)


def _share(curve: Floats, quick: Floats, ratio: float, shift: int, fps: float) -> tuple[float, float]:
    """How much of the quick part to add (-1 takes it away), and by which share the ratio is then missed.

    With k of it both variances are a + 2 b k + c k^2, so their ratio asks for a root of a quadratic; the one nearest to no change is taken.
    """
    parts = np.stack((curve, quick)).astype(np.float64)
    spreads = np.cov(parts)
    speeds = np.cov(_change(parts.T, shift).T) * (fps / shift) ** 2 if len(curve) > shift else np.zeros((2, 2))
    c, b, a = (speeds[place] - ratio**2 * spreads[place] for place in ((1, 1), (0, 1), (0, 0)))
    if abs(a) <= 1e-4 * speeds[0, 0]:
        return 0.0, 0.0
    roots = np.roots([c, 2 * b, a])
    roots = roots[np.abs(roots.imag) < 1e-9].real
    roots = roots[(roots >= -1) & (roots <= SHARPEST)]
    if len(roots):
        return float(roots[np.argmin(np.abs(roots))]), 0.0

    def at(share: float) -> float:
        speed, spread = (m[0, 0] + 2 * share * m[0, 1] + share * share * m[1, 1] for m in (speeds, spreads))
        return abs(float(np.sqrt(max(speed, 0) / max(spread, 1e-12))) / ratio - 1) if ratio > 0 else 1.0

    share = min((-1.0, SHARPEST), key=at)
    return share, at(share)


def _within(name: str, curve: Floats) -> Floats:
    """A shape within 0..1: what goes beyond 1 bends towards it from KNEE on, so that its largest movements still differ."""
    if name in arkit.HEAD:
        return curve
    top = float(curve.max(initial=0.0))
    if top > 1:
        over, most = np.maximum(curve - KNEE, 0) / (1 - KNEE), (top - KNEE) / (1 - KNEE)
        curve = np.where(curve > KNEE, KNEE + (1 - KNEE) * over / (1 + over * (1 - 1 / most)), curve)
    return np.clip(curve, 0, 1).astype(np.float32)
