"""How large each shape's movement is, and how alike the face's two sides are: the last word before contacts are made.

Jaw and lips have strengths that know speech (:mod:`articulation`); here is what an artist turns up or down for one character, shape by shape. What is
enlarged bends towards 1 instead of being cut off there, so that the largest movements still differ from each other.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass

import numpy as np

from ..errors import SettingError
from ..settings import check, option
from . import arkit
from .articulation import gained, kept_share
from .curves import FaceCurves, Floats, Speech

LARGEST_GAIN = 4.0
ROTATIONS = (*arkit.HEAD, *arkit.EYE_ROTATIONS)
PAIRS = tuple(
    (name, name.removesuffix("Left") + "Right")
    for name in arkit.NAMES
    # Gaze is no expression: both eyes look one way. jawLeft and mouthLeft have no other side but an opposite.
    if name.endswith("Left") and not name.startswith("eyeLook") and name not in ("jawLeft", "mouthLeft")
)


@dataclass(frozen=True)
class Rescale:
    """Gains and symmetry."""

    upper: float = option(1.0, "How far brows, cheeks and nose move", minimum=0.0, maximum=LARGEST_GAIN, flag="upper")
    gains: str = option("", "Single shapes made larger or smaller: jawOpen:1.2,mouthSmile:0.8", flag="gains")
    symmetry: float = option(0.0, "How alike the face's two sides are made; 1 is a mirror", minimum=0.0, maximum=1.0, flag="symmetry")

    def __post_init__(self) -> None:
        check(self)
        parse(self.gains)


def parse(text: str) -> dict[str, float]:
    """The gain of each channel in "jawOpen:1.2,mouthSmile:0.8"; a name without its side is both sides.

    Raises SettingError for a shape that there is not, and for what is no number from 0 to LARGEST_GAIN.
    """
    gains: dict[str, float] = {}
    for part in filter(None, map(str.strip, text.split(","))):
        name, _, number = (word.strip() for word in part.partition(":"))
        names = [known for known in (*arkit.NAMES, *ROTATIONS) if known in (name, f"{name}Left", f"{name}Right")]
        if not names:
            raise SettingError(f"There is no shape '{name}' to give a gain; write one of ARKit's names, as in jawOpen:1.2.")
        try:
            gain = float(number)
        except ValueError:
            gain = np.nan
        if not 0 <= gain <= LARGEST_GAIN:
            raise SettingError(f"The gain of '{name}' must be a number between 0 and {LARGEST_GAIN:g}, as in {name}:1.2, not '{number}'.")
        gains |= dict.fromkeys(names, gain)
    return gains


def rescale(curves: FaceCurves, speech: Speech, settings: Rescale, *, names: Collection[str]) -> FaceCurves:
    """These channels with their gains, then with their sides made alike; every other, and those that nothing was asked of, bit for bit as it was."""
    gains = dict.fromkeys((*arkit.BROWS, *arkit.CHEEKS_AND_NOSE), settings.upper) | parse(settings.gains)
    chosen = {name: gain for name, gain in gains.items() if gain != 1 and name in names and name in curves.names}
    if chosen:
        curves = curves.with_channels(_gained(curves, chosen))
    return curves.with_channels(_mirrored(curves, settings.symmetry, names)) if settings.symmetry else curves


def _gained(curves: FaceCurves, gains: dict[str, float]) -> Iterator[tuple[str, Floats]]:
    for name, gain in gains.items():
        curve = curves.channel(name)
        # A full movement stays one to the last bit.
        moved = gain * curve if name in ROTATIONS else np.minimum(gained(curve, gain), np.float32(1))
        yield name, moved
        if name == "jawOpen" and "mouthClose" in curves.names and "mouthClose" not in gains:
            yield "mouthClose", kept_share(curves.channel("mouthClose"), of=curve, now=moved)


def _mirrored(curves: FaceCurves, amount: float, names: Collection[str]) -> Iterator[tuple[str, Floats]]:
    for pair in PAIRS:
        if set(pair) <= set(names) and set(pair) <= set(curves.names):
            sides = [curves.channel(name) for name in pair]
            middle = (sides[0] + sides[1]) / 2
            yield from ((name, side + np.float32(amount) * (middle - side)) for name, side in zip(pair, sides, strict=True))
