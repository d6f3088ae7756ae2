"""A motion at a glance: a small square picture of what the mouth does, a few lines of time below each other as on a page.

The jaw is a filled shape on its line, where the lips meet stands a tick below it, rounding and smile are thin lines. It is a picture of the sliders'
own values, so that two of them can be compared by eye.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .curves import FaceCurves, Floats

Colour = tuple[float, float, float]
Bits = NDArray[np.bool_]

LINES: Mapping[str, tuple[str, ...]] = {
    "jaw": ("jawOpen",),
    "rounding": ("mouthFunnel", "mouthPucker"),
    "smile": ("mouthSmileLeft", "mouthSmileRight"),
}
"""What is drawn, and the shapes of which the largest counts for it."""
WORDS: Mapping[str, str] = {"jaw": "Jaw", "contact": "Lip Contact", "rounding": "Rounding", "smile": "Smile"}
FULL = 0.75
"""The slider's value at a line's upper edge: speech seldom opens the jaw further. What does is cut off there."""
ROW_S = 2.0
"""Seconds of a line, where that is enough for all of the motion: about eight syllables."""
LEAST_ROWS, MOST_ROWS = 3, 5
TICK, GAP, PEN = 0.07, 0.05, 0.025
"""Heights as shares of a line: of the ticks, of what is left free between two lines, and of a thin line."""


@dataclass(frozen=True)
class Palette:
    """Colours as sRGB, 0 to 1. The four of a picture are told apart by colour-blind people, being of Okabe and Ito's set, or darker (2008)."""

    paper: Colour
    ground: Colour
    jaw: Colour
    contact: Colour
    rounding: Colour
    smile: Colour


DARK = Palette((0.11, 0.11, 0.11), (0.30, 0.30, 0.30), (0.62, 0.62, 0.62), (0.90, 0.45, 0.10), (0.34, 0.71, 0.91), (0.94, 0.89, 0.26))
LIGHT = Palette((0.96, 0.96, 0.96), (0.70, 0.70, 0.70), (0.58, 0.58, 0.58), (0.80, 0.30, 0.00), (0.00, 0.38, 0.66), (0.45, 0.36, 0.00))


@dataclass(frozen=True)
class Sketch:
    """What a picture needs of a motion. levels: name of LINES to float32 [frames]. contact: bool [frames], where lips meet. fps: frames a second."""

    levels: Mapping[str, Floats]
    contact: Bits
    fps: float

    @property
    def rows(self) -> int:
        """How many lines of time the picture has."""
        return int(np.clip(np.ceil(len(self.contact) / self.fps / ROW_S), LEAST_ROWS, MOST_ROWS))


def taken(curves: FaceCurves, contact: Bits) -> Sketch | None:
    """The sketch of a motion; None where the mouth takes no part in it. contact: bool [frames], as of keys.sealed."""
    there = {name: curves.columns(shapes) for name, shapes in LINES.items()}
    levels = {name: curves.values[:, columns].max(axis=1) for name, columns in there.items() if columns}
    return Sketch(levels, np.array(contact, bool), curves.fps) if "jaw" in levels and len(curves) else None


def draw(sketch: Sketch, *, side: int, palette: Palette) -> Floats:
    """The picture, float32 [side, side, 4], sRGB and opaque, from the upper left corner on as pictures are read. side: in pixels, 16 at least."""
    picture = np.empty((side, side, 4), np.float32)
    picture[:] = (*palette.paper, 1.0)
    height = side // sketch.rows
    tick, gap = max(round(TICK * height), 2), max(round(GAP * height), 2)
    plot = height - tick - 2 * gap
    columns = sketch.rows * side
    levels = {name: _columns(level, columns, of_several=np.max if name == "jaw" else np.mean) for name, level in sketch.levels.items()}
    contact = _columns(sketch.contact.astype(np.float32), columns, of_several=lambda fine, axis: np.mean(fine > 0.5, axis=axis))
    for row in range(sketch.rows):
        part = slice(row * side, (row + 1) * side)
        top = row * height + gap
        lines = {name: level[part] * (plot / FULL) for name, level in levels.items()}
        _plot(picture[top : top + plot], lines, palette, pen=max(PEN * height, 1.0))
        picture[top + plot, :, :3] = palette.ground
        _over(picture[top + plot + 1 : top + plot + 1 + tick], palette.contact, contact[None, part])
    return picture


def swatch(colour: Colour, *, side: int) -> Floats:
    """A square of a colour for the legend, float32 [side, side, 4], clear around it."""
    picture = np.zeros((side, side, 4), np.float32)
    edge = side // 4
    picture[edge : side - edge, edge : side - edge] = (*colour, 1.0)
    return picture


def _columns(level: Floats, count: int, *, of_several: Callable[..., Any]) -> Floats:
    """The level in so many columns of pixels, and what it comes to where a column holds several frames."""
    each = 2 * int(np.ceil(len(level) / count))
    fine = np.interp(np.linspace(0, len(level) - 1, each * count), np.arange(len(level)), level)
    return np.asarray(of_several(fine.reshape(count, each), axis=1), np.float32)


def _plot(paper: Floats, lines: Mapping[str, Floats], palette: Palette, *, pen: float) -> None:
    """One line of time. paper: float32 [height, columns, 4], drawn into; lines: float32 [columns] each, in pixels above its lower edge."""
    height = len(paper)
    floor = np.arange(height - 1, -1, -1, dtype=np.float32)[:, None]
    _over(paper, palette.jaw, np.clip(lines["jaw"] - floor, 0, 1))
    for name in ("rounding", "smile"):
        if name in lines:
            level = np.clip(lines[name], 0, height - pen)
            padded = np.concatenate((level[:1], level, level[-1:]))
            half = np.stack((padded[:-2], padded[2:])) / 2 + level / 2
            low, high = np.minimum(level, half.min(axis=0)), np.maximum(level, half.max(axis=0)) + pen
            _over(paper, getattr(palette, name), np.clip(np.minimum(floor + 1, high) - np.maximum(floor, low), 0, 1))


def _over(paper: Floats, colour: Colour, cover: Any) -> None:
    """Paint where it covers, float32 [height, columns], 0 to 1."""
    paper[..., :3] += cover[..., None] * (np.array(colour, np.float32) - paper[..., :3])
