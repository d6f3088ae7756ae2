"""The two pictures to judge a sentence by: the face at its telling moments, and the curves under its waveform."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import matplotlib

matplotlib.use("Agg")
import numpy as np
from matplotlib import pyplot
from matplotlib.axes import Axes
from PIL import Image, ImageDraw, ImageFont

from a2f_addon.face.curves import FaceCurves, Speech

from .head import Part
from .moments import Moment, sounds

COLUMNS, ROWS = 7, 4
TILE = 300
CROP = (0.175, 0.205, 0.745, 0.775)
"""The face in a frame of the film: left, top, right, bottom as shares of it."""
CAPTION = 30
COLOURS = {"closed": "#c8443a", "labiodental": "#d98b2b", "rounded": "#8a5aa8", "open": "#3b8a5a", "spread": "#5b86b0", "silence": "#c9ced2"}
SHOWN = {"jawOpen": "#2c3e50", "mouthClose": "#c8443a", "mouthFunnel": "#8a5aa8", "mouthPucker": "#d070b0", "mouthRollLower": "#d98b2b",
         "mouthStretchLeft": "#5b86b0", "eyeBlinkLeft": "#9aa5ad"}  # fmt: skip


def contact_sheet(moments: Sequence[Moment], picture: Callable[[float], Path], path: Path) -> None:
    """The face at each moment with what is heard there; ``picture`` says where the film's frame at a time in seconds lies."""
    font = ImageFont.load_default(size=17)
    sheet = Image.new("RGB", (COLUMNS * TILE, -(-len(moments) // COLUMNS) * (TILE + CAPTION)), "#20282b")
    draw = ImageDraw.Draw(sheet)
    for index, moment in enumerate(moments):
        left, top = index % COLUMNS * TILE, index // COLUMNS * (TILE + CAPTION)
        with Image.open(picture(moment.time)) as frame:
            size = frame.height
            offset = (frame.width - size) // 2
            box = tuple(round(share * size) + (offset if axis % 2 == 0 else 0) for axis, share in enumerate(CROP))
            sheet.paste(frame.convert("RGB").crop(box).resize((TILE, TILE), Image.Resampling.LANCZOS), (left, top))
        kind = moment.label.split()[-1]
        draw.rectangle((left, top + TILE, left + TILE, top + TILE + 4), fill=COLOURS.get(kind, COLOURS["silence"]))
        draw.text((left + 8, top + TILE + 7), moment.label, fill="#f2efe9", font=font)
        draw.text((left + TILE - 8, top + TILE + 7), f"{moment.time:.2f} s", fill="#a9b4b8", font=font, anchor="ra")
    sheet.save(path)


def lip_gap(face: Part, curves: FaceCurves) -> np.ndarray:
    """How far the middle of the lips is open, float64 [frames]: 0 at rest, 1 with jawOpen alone."""
    upper, lower = middle_of_the_lips(face)
    opening = {name: (moves[upper] - moves[lower])[2] for name, moves in face.shapes.items()}
    return sum(curves.channel(name) * float(opening[name]) for name in curves.names if name in opening) / opening["jawOpen"]


def middle_of_the_lips(face: Part) -> tuple[int, int]:
    """The only two vertices in the face's middle that touch: the upper lip's, which stays when the jaw opens, and the lower lip's."""
    points = face.mesh.vertices
    middle = np.flatnonzero(np.abs(points[:, 0]) < 1e-9)
    apart = np.linalg.norm(points[middle, None] - points[None, middle], axis=-1) + np.eye(len(middle))
    pair = middle[list(np.unravel_index(apart.argmin(), apart.shape))]
    upper, lower = sorted(pair.tolist(), key=lambda vertex: float(np.linalg.norm(face.shapes["jawOpen"][vertex])))
    return upper, lower


def curves_plot(samples: np.ndarray, rate: int, *, speech: Speech, curves: FaceCurves, gap: np.ndarray, path: Path) -> None:
    """Waveform, phones, main curves and the gap between the lips, one below the other on the same clock.

    samples: float [samples] at ``rate`` per second; gap: of each frame of the curves (see :func:`lip_gap`).
    """
    heights = (1.2, 0.45, 3, 1.3)
    figure, (wave, phones, shapes, lips) = pyplot.subplots(4, 1, figsize=(15, 9), sharex=True, height_ratios=heights, layout="constrained")
    wave.plot(np.arange(len(samples)) / rate, samples, color="#5c7a80", linewidth=0.5)
    wave.set_ylabel("sound")
    _phone_strip(phones, speech)
    for name, colour in SHOWN.items():
        shapes.plot(curves.times, curves.channel(name), color=colour, label=name, linewidth=1.0 if name.startswith("eye") else 1.7)
    shapes.set_ylim(-0.02, 1.02)
    shapes.set_ylabel("curves")
    shapes.legend(loc="upper right", ncols=len(SHOWN), frameon=False)
    lips.fill_between(curves.times, np.maximum(gap, 0), color="#c8443a", alpha=0.35)
    lips.plot(curves.times, gap, color="#c8443a", linewidth=1.2)
    lips.set_ylabel("gap of the lips\n(1: jawOpen)")
    lips.set_xlabel("seconds")
    lips.set_xlim(0, len(samples) / rate)
    for axes in (shapes, lips):
        _shade_closures(axes, speech)
    figure.savefig(path, dpi=100)
    pyplot.close(figure)


def _phone_strip(axes: Axes, speech: Speech) -> None:
    for sound in sounds(speech):
        axes.axvspan(sound.start, sound.end, color=COLOURS.get(sound.kind, COLOURS["silence"]), linewidth=0)
        if sound.kind != "silence":
            axes.text(sound.middle, 0.5, sound.phone, ha="center", va="center", color="white", fontsize=8)
    axes.set_yticks([])
    axes.set_ylabel("phones")


def _shade_closures(axes: Axes, speech: Speech) -> None:
    """Where the lips must be shut."""
    for sound in sounds(speech):
        if sound.kind == "closed":
            axes.axvspan(sound.start, sound.end, color=COLOURS["closed"], alpha=0.12, linewidth=0)
    axes.spines[["top", "right"]].set_visible(False)
