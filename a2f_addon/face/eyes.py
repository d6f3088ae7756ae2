"""Eyes that live: they blink where a speaker blinks, look at the listener and away as a speaker does, and never stand quite still.

When they blink and where they look is told in blinks.py and gaze.py, with the published figures. Here they become shapes and rotations.

Lids: what a shape does to the gap between them, as a share of what eyeBlink does, was measured on two heads with ARKit's shapes: eyeSquint 0.14 and
0.23 from below, eyeLookDown 0.42 and 0.25 from above, eyeWide 0.18 and 0.25 the other way.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..settings import check, option
from . import arkit
from .accents import accents, swell, thinned
from .blinks import blinks, lid_closure
from .curves import FaceCurves, Floats, Speech
from .gaze import Habit, wandering_deg
from .spans import Doubles

RECORDED = 0.5
"""Lids that come in closed so far were recorded, or keyed by somebody; a mood's heavy lids are not."""
FULL_DEG = 35.0
"""How far an eye is turned where its shape is at 1, about as far as eyes turn with comfort; recordings of Live Link Face have 33 to 35."""
LOOKS = {
    "eyeLookOutLeft": (1, 0),
    "eyeLookInRight": (1, 0),
    "eyeLookInLeft": (-1, 0),
    "eyeLookOutRight": (-1, 0),
    "eyeLookUpLeft": (0, 1),
    "eyeLookUpRight": (0, 1),
    "eyeLookDownLeft": (0, -1),
    "eyeLookDownRight": (0, -1),
}
"""Which way each shape looks: to the face's own left, and up. Apple's shapes bring the lids along."""
SQUINT_CLOSES, DOWN_CLOSES = 0.18, 0.33
"""Of the gap between the lids: see above."""
LOWER_LID = 0.12
"""How far the lower lid comes up in a blink, of eyeSquint."""
LID_DOWN, LID_UP = 0.22, 0.25
"""What the lids follow the gaze beyond what Apple's shapes bring, of eyeBlink and of eyeWide where an eye is turned as far as it goes."""
WIDE_ON_ACCENT, WIDE_FROM, WIDE_APART_S = 0.14, 0.5, 1.0
"""Of eyeWide on the strongest accent, from which strength on, and how far apart: by eye, as the two above."""


@dataclass(frozen=True)
class Eyes:
    """How the eyes live."""

    enabled: bool = option(True, "Let the eyes live", flag="eyes")
    blinks: bool = option(True, "Let the eyes blink", flag="blinks")
    blinks_per_minute: float = option(26.0, "Blinks a minute in speech, at rest two thirds", minimum=0.0, maximum=60.0, flag="blinks-per-minute")
    look: bool = option(True, "Let the eyes look around", flag="gaze")
    gaze: float = option(1.0, "How far the eyes wander, 1 as people's do; 0 keeps them on their target", minimum=0.0, maximum=1.0, flag="gaze")
    liveliness: float = option(1.0, "How often the eyes move, 1 as people's do; 0 never", minimum=0.0, maximum=2.0, flag="liveliness")
    yaw_deg: float = option(0.0, "Where the listener is, to the face's left", minimum=-30.0, maximum=30.0, unit="deg", flag="gaze-yaw")
    pitch_deg: float = option(0.0, "Where the listener is, upwards", minimum=-30.0, maximum=30.0, unit="deg", flag="gaze-pitch")
    lids: bool = option(True, "Let the lids follow the gaze and stress", flag="lids")
    seed: int = option(0, "Another number gives another natural rhythm, the same number the same", minimum=0, maximum=2**31 - 1)

    def __post_init__(self) -> None:
        check(self)


def look(curves: FaceCurves, speech: Speech, settings: Eyes) -> FaceCurves:
    """The same face with living eyes; the motion is the same at any frame rate.

    It owns eyeLook* and the eyes' rotations (float32, radians, added where missing), and adds to eyeBlink*, eyeSquint* and eyeWide* what a mood left
    there room for. Lids that were recorded stay bit for bit as they are, and so does what is switched off, and every other channel.
    """
    if not settings.enabled or not len(curves) or not len(speech):
        return curves
    times = curves.times
    angles, aims = np.zeros((len(times), 2)), dict[str, Floats]()
    if settings.look:
        habit = Habit(settings.gaze, settings.liveliness, settings.seed)
        angles = np.clip(wandering_deg(times, speech, habit) + np.array([settings.yaw_deg, settings.pitch_deg]), -FULL_DEG, FULL_DEG)
        aims = _aims(curves, angles)
    if recorded(curves):
        return curves.with_added(aims)
    per_minute = settings.blinks_per_minute if settings.blinks else 0.0
    shut = lid_closure(times, blinks(speech, per_minute=per_minute, seed=settings.seed)).astype(np.float64)
    down, up = np.maximum(-angles[:, 1] / FULL_DEG, 0), np.maximum(angles[:, 1] / FULL_DEG, 0)
    if not settings.lids:
        return curves.with_added(aims | _lids(curves, shut, down=down, lowered=np.zeros(len(times)), widened=np.zeros(len(times))))
    widened = LID_UP * up + WIDE_ON_ACCENT * min(settings.liveliness, 1.0) * _stress(times, speech)
    return curves.with_added(aims | _lids(curves, shut, down=down, lowered=LID_DOWN * down, widened=widened))


def aimed(curves: FaceCurves, angles_deg: Doubles) -> FaceCurves:
    """The same face looking there. angles_deg: float [frames, 2] to the face's left and up, no farther than FULL_DEG."""
    return curves.with_added(_aims(curves, angles_deg))


def _aims(curves: FaceCurves, angles_deg: Doubles) -> dict[str, Floats]:
    looks = {name: np.clip(angles_deg @ way / FULL_DEG, 0.0, 1.0).astype(np.float32) for name, way in LOOKS.items() if name in curves.names}
    left, down = np.radians(angles_deg[:, 0]).astype(np.float32), np.radians(-angles_deg[:, 1]).astype(np.float32)
    # An eye that looks aside and down at once is turned about its axis too, by about the product: recordings of Live Link Face have just that.
    return looks | dict(zip(arkit.EYE_ROTATIONS, (left, down, left * down) * 2, strict=True))


def aim_deg(curves: FaceCurves) -> Doubles:
    """Where the eyes look, float64 [frames, 2] to the face's left and up: by their rotations, or else by their shapes, the mean of both eyes."""
    if all(name in curves.names for name in arkit.EYE_ROTATIONS):
        yaw, pitch = (curves.values[:, curves.columns(f"{side}Eye{axis}" for side in ("left", "right"))].mean(axis=1) for axis in ("Yaw", "Pitch"))
        return np.degrees(np.stack((yaw, -pitch), axis=1).astype(np.float64))
    ways = np.array([LOOKS[name] for name in LOOKS if name in curves.names], float).reshape(-1, 2)
    return FULL_DEG / 2 * curves.values[:, curves.columns(LOOKS)].astype(np.float64) @ ways


def towards(curves: FaceCurves, direction_deg: Doubles) -> FaceCurves:
    """The same living gaze around another target. direction_deg: float [frames, 2], by how much to turn it to the face's left and up."""
    return aimed(curves, np.clip(aim_deg(curves) + direction_deg, -FULL_DEG, FULL_DEG))


def recorded(curves: FaceCurves) -> bool:
    """Whether the lids that come in are somebody's own."""
    lids = curves.values[:, curves.columns(("eyeBlinkLeft", "eyeBlinkRight"))]
    return bool(lids.size and lids.max() >= RECORDED)


def _lids(curves: FaceCurves, shut: Doubles, *, down: Doubles, lowered: Doubles, widened: Doubles) -> dict[str, Floats]:
    """Lids that close over what squint and gaze have closed already, and no farther; a wide eye that blinks closes too.

    shut: of a blink. down: how far the eyes look down. lowered, widened: what follows the gaze and stress; all float64 [frames], 0 to 1.
    """
    found: dict[str, Floats] = {}
    for side in ("Left", "Right"):
        blink, squint, open_wide = (_channel(curves, f"eye{part}{side}") for part in ("Blink", "Squint", "Wide"))
        squint = squint + (1 - squint) * LOWER_LID * shut
        whole = 1 - SQUINT_CLOSES * squint - DOWN_CLOSES * down
        rest = blink + (1 - blink) * lowered
        found[f"eyeBlink{side}"] = (rest + np.maximum(whole - rest, 0) * shut).astype(np.float32)
        found[f"eyeSquint{side}"] = squint.astype(np.float32)
        found[f"eyeWide{side}"] = ((open_wide + (1 - open_wide) * widened) * (1 - shut)).astype(np.float32)
    return {name: curve for name, curve in found.items() if name in curves.names}


def _channel(curves: FaceCurves, name: str) -> Doubles:
    return curves.channel(name).astype(np.float64) if name in curves.names else np.zeros(len(curves))


def _stress(times: Doubles, speech: Speech) -> Doubles:
    """0 to 1: the eyes open a little on what is stressed most."""
    found = thinned(accents(speech), at_least=WIDE_FROM, apart_s=WIDE_APART_S)
    return np.minimum(swell(times, found.times, found.strengths, rise_s=0.15, fall_s=0.4, hold_s=0.1), 1)
