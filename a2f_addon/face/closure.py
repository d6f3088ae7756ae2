"""Lips that touch where speech makes them touch: sealed on P, B and M, the lower one under the teeth on F and V, and parted elsewhere.

The model's curves blur what its phone probabilities know: a seal of 60 ms comes out as a dip. A viewer forgives almost anything but lips that stay
open on a P. So contacts are decided here, from the probabilities, on the frames that will be keyed.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..settings import check, option
from .curves import FaceCurves, Speech
from .spans import Doubles, Spans, above, envelope, joined, widened

Mouth = dict[str, Doubles]

SEAL_RISE_S, SEAL_FALL_S = 0.055, 0.060
SEAL_DELAY_S, SEAL_EARLY_S = 0.025, 0.010
"""The lips touch, for the eye, some 30 ms before the seal is whole, and they part at the burst, a little before the phone ends."""
SEAL_AT_LEAST_S = 0.045
"""Longer than a frame at 24 frames a second, so that one of them always finds the lips together."""
SAME_SEAL_S = 0.030
"""Lips don't part for less."""
SEALED_JAW = 0.20
"""The jaw opens no farther in a seal."""
PRESS, ROLL_UPPER, ROLL_LOWER = 0.20, 0.12, 0.14
"""What lips that meet do to each other, at the least: by eye."""

BITE_RISE_S, BITE_FALL_S, BITE_AT_LEAST_S = 0.070, 0.055, 0.045
"""The bite is over soon: a W after a V ("love waffles") would read as a second V."""
BITE_JAW, BITE_UPPER, BITE_ROLL = 0.11, 0.26, 0.50
"""On the ICT head the lower lip's edge meets the upper teeth's with the jaw at .10, and at .14 a dark slot of 1.5 mm is left between them; at .09 a
smile would shut the lips on an F."""

STIRRING = 0.05
"""A mouth that moves less is at rest to the eye."""
USUAL_GAP = 0.45
"""How far lips that speak are apart in the tenth of the time in which they are widest, as a share of an open jaw: 0.4 to 0.5 in recordings. The eye
measures a small gap by the large ones around it, so in a mouth that opens wider all that must be seen apart is further apart."""

GAP = {
    "jawOpen": 1.0,
    "mouthClose": -1.1,
    "mouthFunnel": 0.35,
    "mouthShrugLower": -0.17,
    "mouthShrugUpper": 0.14,
    "mouthRollLower": -0.1,
    **{f"mouthLowerDown{side}": 0.08 for side in ("Left", "Right")},
    **{f"mouthUpperUp{side}": 0.09 for side in ("Left", "Right")},
    **{f"mouthPress{side}": -0.04 for side in ("Left", "Right")},
}
"""What a shape does to the gap between the lips, as a share of what jawOpen does: means of two heads with ARKit's shapes."""
_TOUCHED = (*GAP, "mouthRollUpper")
BESIDE = {"noseSneerLeft": 0.05, "noseSneerRight": 0.05, "jawForward": 0.04}
"""What parts the lips a little and is no articulation of theirs, as a share of what jawOpen does: means of the same heads."""


@dataclass(frozen=True)
class Closure:
    """How firmly the lips meet and part."""

    strength: float = option(1.0, "How far the lips close on P, B and M", minimum=0.0, maximum=1.0)
    on: float = option(0.50, "How likely a closure must be to be made", minimum=0.05, maximum=0.95)
    off: float = option(0.40, "How likely it must remain to last; never more than to be made", minimum=0.02, maximum=0.95)
    bite: float = option(1.0, "How far the lower lip goes under the teeth on F and V", minimum=0.0, maximum=1.0)
    parting: float = option(
        0.10,
        "The least gap between lips that speak and do not close, as a share of an open jaw; more in a mouth that opens wide",
        minimum=0.0,
        maximum=0.3,
    )

    def __post_init__(self) -> None:
        check(self)


def seal(curves: FaceCurves, speech: Speech, settings: Closure) -> FaceCurves:
    """The mouth with its contacts made. Channels that take no part in them are left bit for bit, as is everything where no contact is near."""
    if not len(curves) or not len(speech):
        return curves
    mouth = {name: curves.channel(name).astype(np.float64) for name in _TOUCHED if name in curves.names}
    sealed = settings.strength * envelope(seals(speech, settings, fps=curves.fps), curves.times, rise_s=SEAL_RISE_S, fall_s=SEAL_FALL_S)
    bitten = settings.bite * envelope(bites(speech, fps=curves.fps), curves.times, rise_s=BITE_RISE_S, fall_s=BITE_FALL_S)
    stirring = _stirring(mouth)
    least = settings.parting * max(_widest(mouth, stirring) / USUAL_GAP, 1.0)
    mouth = _parted(mouth, stirring * _open_speech(speech, curves.times) * (1 - sealed), gap=least)
    mouth = _sealed(_bitten(mouth, stirring * bitten, gap=least), sealed)
    beside = sum((part * curves.channel(name) for name, part in BESIDE.items() if name in curves.names), np.zeros(len(curves)))
    mouth = _met(mouth, sealed * beside)
    if "jawOpen" in mouth and "mouthClose" in mouth:
        mouth["mouthClose"] = np.minimum(mouth["mouthClose"], mouth["jawOpen"])
    return curves.with_channels({name: np.clip(curve, 0, 1).astype(np.float32) for name, curve in mouth.items()})


def seals(speech: Speech, settings: Closure, *, fps: float) -> Spans:
    """When the lips are together for P, B and M, in seconds; each lasts long enough to be seen at `fps`."""
    found = above(speech.probability("closed"), speech.times, on=settings.on, off=min(settings.off, settings.on))
    found = joined(found, gap_s=SAME_SEAL_S)
    return widened(found + np.array([SEAL_DELAY_S, -SEAL_EARLY_S]), at_least_s=max(SEAL_AT_LEAST_S, 1.01 / fps))


def bites(speech: Speech, *, fps: float) -> Spans:
    """When the lower lip is under the teeth for F and V, in seconds."""
    return widened(above(speech.probability("labiodental"), speech.times, on=0.5, off=0.3), at_least_s=max(BITE_AT_LEAST_S, 1.01 / fps))


def _stirring(mouth: Mouth) -> Doubles | float:
    """0 where the mouth is at rest, which a stage before this one decided and phones alone don't overrule, 1 where it moves, float64 [frames]."""
    return np.clip(np.max(list(mouth.values()), axis=0) / STIRRING, 0, 1) if mouth else 0.0


def _gap(mouth: Mouth) -> Doubles:
    """How far the lips are apart, as a share of an open jaw, float64 [frames]."""
    still = np.zeros(len(next(iter(mouth.values()), ())))
    return sum((GAP[name] * curve for name, curve in mouth.items() if name in GAP), still)


def _widest(mouth: Mouth, stirring: Doubles | float) -> float:
    """The gap that is reached in a tenth of the time in which the mouth moves."""
    moving = _gap(mouth)[np.asarray(stirring) >= 1] if mouth else np.zeros(0)
    return float(np.percentile(moving, 90)) if len(moving) else 0.0


def _open_speech(speech: Speech, times: Doubles) -> Doubles:
    """1 where it is plain that someone speaks and the lips don't meet, 0 where either is in doubt, float64 [times]."""
    apart = np.clip(1 - speech.probability("closed") / 0.2, 0, 1)
    talking = np.clip(1 - speech.probability("silence") / 0.3, 0, 1)
    near = np.pad(apart * talking, 2, mode="edge")
    worst = np.lib.stride_tricks.sliding_window_view(near, 5).min(axis=1)
    return np.interp(times, speech.times, np.convolve(np.pad(worst, 1, mode="edge"), [0.25, 0.5, 0.25], mode="valid"))


def _parted(mouth: Mouth, certain: Doubles, *, gap: float) -> Mouth:
    """Lips that speak are seen apart: where the gap is too small, less mouthClose, and where that is not enough, more jaw."""
    if "jawOpen" not in mouth:
        return mouth
    missing = certain * np.maximum(0, gap - _gap(mouth))
    close = mouth.get("mouthClose", np.zeros_like(missing))
    less = np.minimum(close, missing / -GAP["mouthClose"])
    changed = mouth | {"jawOpen": mouth["jawOpen"] + missing + GAP["mouthClose"] * less}
    return changed | ({"mouthClose": close - less} if "mouthClose" in mouth else {})


def _bitten(mouth: Mouth, amount: Doubles, *, gap: float) -> Mouth:
    """Lower lip in and up to the teeth, the jaw near, and the upper lip lifted off them, far enough for the least gap."""
    drawn = _faded(mouth, amount, "mouthLowerDownLeft", "mouthLowerDownRight", "mouthClose")
    drawn = _faded(drawn, 0.5 * amount, "mouthFunnel")
    drawn = _raised(drawn, amount, {"mouthRollLower": BITE_ROLL, "mouthUpperUpLeft": BITE_UPPER, "mouthUpperUpRight": BITE_UPPER})
    drawn |= {name: curve + 0.9 * amount * (BITE_JAW - curve) for name, curve in drawn.items() if name == "jawOpen"}
    lifted = [name for name in ("mouthUpperUpLeft", "mouthUpperUpRight") if name in drawn]
    if not lifted:
        return drawn
    missing = amount * np.maximum(0, gap - _gap(drawn)) / sum(GAP[name] for name in lifted)
    return drawn | {name: drawn[name] + missing for name in lifted}


def _sealed(mouth: Mouth, amount: Doubles) -> Mouth:
    """The jaw near, mouthClose all the way to it, and nothing that parts the lips; a little pressure, as lips that meet have."""
    apart = ("mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight", "mouthFunnel", "mouthShrugUpper", "mouthRollLower")
    shut = _faded(mouth, amount, *apart)
    shut = _raised(shut, amount, {"mouthRollLower": ROLL_LOWER, "mouthRollUpper": ROLL_UPPER, "mouthPressLeft": PRESS, "mouthPressRight": PRESS})
    if "jawOpen" in shut:
        shut["jawOpen"] = shut["jawOpen"] - amount * np.maximum(0, shut["jawOpen"] - SEALED_JAW)
        if "mouthClose" in shut:
            shut["mouthClose"] = shut["mouthClose"] + amount * (shut["jawOpen"] - shut["mouthClose"])
    return shut


def _met(mouth: Mouth, gap: Doubles) -> Mouth:
    """The lower lip pushed up by as much as a wrinkled nose has lifted the upper one off it."""
    return mouth | {name: mouth[name] - gap / GAP[name] for name in ("mouthShrugLower",) if name in mouth}


def _faded(mouth: Mouth, amount: Doubles, *names: str) -> Mouth:
    return mouth | {name: mouth[name] * (1 - amount) for name in names if name in mouth}


def _raised(mouth: Mouth, amount: Doubles, to: dict[str, float]) -> Mouth:
    return mouth | {name: mouth[name] + amount * np.maximum(0, level - mouth[name]) for name, level in to.items() if name in mouth}
