"""Draw what each stage does, a picture a stage: ``python -m docs.stages`` writes docs/stages/*.svg and the page docs/stages.md.

Over the waveform of the demo's sentence stand the curves that the stage changes most: thin and grey before it, in colour after it, both at the end of
everything, so that what later stages do about it is in the picture too.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from a2f_addon import Job  # noqa: E402
from a2f_addon.face import arkit  # noqa: E402
from a2f_addon.face.curves import FaceCurves  # noqa: E402
from a2f_addon.face.eyes import FULL_DEG  # noqa: E402
from a2f_addon.job import Heard, Motion, animate, listen  # noqa: E402
from a2f_addon.settings import build, options  # noqa: E402

SENTENCE = ROOT / "demo" / "sentence.flac"
FOLDER, PAGE = ROOT / "docs" / "stages", ROOT / "docs" / "stages.md"
FPS = 30.0
ROTATIONS = (*arkit.HEAD, *arkit.EYE_ROTATIONS)
MOST = 5
"""Curves in a picture."""
LEAST = 0.02
"""A curve that changes less is not drawn."""
WIDTH, LEFT, WAVE, ROW, GAP = 900, 150, 70, 62, 8
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00")
"""Okabe and Ito's, which colour-blind people tell apart."""


@dataclass(frozen=True)
class Shown:
    """How a stage is shown: settings without it and with it, and in words what was set."""

    after: Mapping[str, Any] = field(default_factory=dict)
    before: Mapping[str, Any] = field(default_factory=dict)
    words: str = "as it comes"


SHOWN = {
    "smoothing": Shown(before={"smoothing_mouth_s": 0.0, "smoothing_upper_s": 0.0, "smoothing_head_s": 0.0}),
    "articulation": Shown(before={"articulation_dynamics": 0.0}, words="as it comes: the jaw after the strength of each syllable"),
    "closure": Shown(before={"closure_strength": 0.0, "closure_bite": 0.0, "closure_parting": 0.0}),
    "emotion": Shown(after={"emotion_mix": "joy:0.8"}, words="joy at 0.8"),
    "style": Shown(after={"style_name": "exuberant"}, words="the style 'exuberant'"),
    "rescale": Shown(after={"rescale_upper": 1.6}, words="the upper face at 1.6"),
}
"""Stages whose settings have no switch. Every other is switched off and on."""
NEEDS_MORE = ("eye_clips",)
"""What shows nothing without somebody's recordings."""


def main() -> None:
    """Write every picture and the page."""
    heard = listen(Job(SENTENCE))
    FOLDER.mkdir(exist_ok=True)
    wave = _wave()
    found = {stage: _shown(stage) for stage in dict.fromkeys(item.path[0] for item in options(Motion)) if stage not in NEEDS_MORE}
    for stage, shown in found.items():
        before, after = (animate(heard, build(Motion, dict(values)), fps=FPS) for values in (shown.before, shown.after))
        (FOLDER / f"{stage}.svg").write_text(picture(before, after, wave), "utf-8")
    PAGE.write_text(_page(found, heard), "utf-8")


def _shown(stage: str) -> Shown:
    return SHOWN.get(stage) or Shown(before={f"{stage}_enabled": False})


def picture(before: FaceCurves, after: FaceCurves, wave: NDArray[np.floating]) -> str:
    """An SVG of the waveform and, below it, the channels that differ most."""
    names = most_changed(before, after)
    height = WAVE + len(names) * (ROW + GAP) + 24
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" font-size="13">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        f'<path d="{_outline(wave)}" fill="#b9c2cc"/>',
    ]
    for number, name in enumerate(names):
        parts += _row(name, before, after, WAVE + number * (ROW + GAP), COLOURS[number % len(COLOURS)])
    return "\n".join([*parts, *_seconds(after, height), "</svg>"]) + "\n"


def most_changed(before: FaceCurves, after: FaceCurves) -> list[str]:
    """The channels that differ most, the most first; of a pair of sides that do alike, one."""
    # A rotation counts as the shape does that is at 1 where an eye is turned by 35 degrees.
    sizes = {name: FULL_DEG if name in ROTATIONS else 1.0 for name in after.names}
    changes = {name: float(np.abs(_curve(after, name) - _curve(before, name)).max()) / sizes[name] for name in after.names}
    chosen: list[str] = []
    for name in sorted((name for name, change in changes.items() if change > LEAST), key=lambda name: -changes[name]):
        twin = name.replace("Left", "Right").replace("left", "right")
        if twin != name and twin in changes and abs(changes[twin] - changes[name]) < 0.02:
            changes[twin] = 0.0
        if changes[name] > LEAST:
            chosen.append(name)
    return chosen[:MOST]


def _curve(curves: FaceCurves, name: str) -> NDArray[np.float64]:
    """A channel as it is drawn, rotations in degrees; 0 where it is not there."""
    if name not in curves.names:
        return np.zeros(len(curves))
    values = curves.channel(name).astype(np.float64)
    return np.degrees(values) if name in ROTATIONS else values


def _row(name: str, before: FaceCurves, after: FaceCurves, top: float, colour: str) -> list[str]:
    old, new = _curve(before, name), _curve(after, name)
    low, high = min(0.0, old.min(), new.min()), max(float(old.max()), float(new.max()), 1e-6)
    lines = [_line(values, low=low, high=high, top=top) for values in (old, new)]
    unit = "°" if name in ROTATIONS else ""
    return [
        f'<text x="6" y="{top + ROW / 2:.0f}">{name}</text>',
        f'<text x="6" y="{top + ROW / 2 + 15:.0f}" font-size="10" fill="#777">{low:.2g}{unit} to {high:.2g}{unit}</text>',
        f'<line x1="{LEFT}" x2="{WIDTH}" y1="{top + ROW:.0f}" y2="{top + ROW:.0f}" stroke="#ddd"/>',
        f'<path d="{lines[0]}" fill="none" stroke="#888"/>',
        f'<path d="{lines[1]}" fill="none" stroke="{colour}" stroke-width="1.8"/>',
    ]


def _line(values: NDArray[np.float64], *, low: float, high: float, top: float) -> str:
    """The path of a curve; points on a straight line between their neighbours are left out."""
    across = LEFT + np.arange(len(values)) / max(len(values) - 1, 1) * (WIDTH - LEFT)
    down = top + ROW * (high - values) / (high - low)
    bent = np.abs(np.diff(down, n=2, prepend=1e9, append=1e9)) > 0.004
    return "M" + " ".join(f"{x:.1f},{y:.1f}" for x, y in zip(across[bent], down[bent], strict=True))


def _outline(wave: NDArray[np.floating]) -> str:
    """The loudest of each of so many pieces, mirrored."""
    pieces = np.array([np.abs(piece).max(initial=0.0) for piece in np.array_split(wave, 400)])
    across = LEFT + np.arange(len(pieces)) / (len(pieces) - 1) * (WIDTH - LEFT)
    tall = pieces / max(pieces.max(), 1e-9) * (WAVE / 2 - 6)
    there = [f"{x:.1f},{WAVE / 2 - y:.1f}" for x, y in zip(across, tall, strict=True)]
    back = [f"{x:.1f},{WAVE / 2 + y:.1f}" for x, y in zip(across[::-1], tall[::-1], strict=True)]
    return "M" + " ".join(there + back) + "Z"


def _seconds(curves: FaceCurves, height: float) -> list[str]:
    length_s = (len(curves) - 1) / curves.fps
    places = [(second, LEFT + second / length_s * (WIDTH - LEFT)) for second in range(int(length_s) + 1)]
    return [f'<text x="{x + 2:.0f}" y="{height - 6:.0f}" font-size="10" fill="#777">{second} s</text>' for second, x in places]


def _wave() -> NDArray[np.floating]:
    import soundfile

    sound: NDArray[np.floating] = soundfile.read(SENTENCE, dtype="float32", always_2d=True)[0]
    return sound.mean(axis=1)


def _page(found: Mapping[str, Shown], heard: Heard) -> str:
    lines = [
        "# What each stage does",
        "",
        f"The demo's sentence, {(len(heard.speech) / heard.speech.fps):.1f} s. Grey is the face without the stage, colour the face with it;",
        "shown are the curves that it changes most. Made by `python -m docs.stages`.",
        "",
    ]
    for stage, shown in found.items():
        words: Sequence[str] = (f"## {stage.replace('_', ' ').capitalize()}", "", f"{shown.words[0].upper()}{shown.words[1:]}.", "")
        lines += [*words, f"![{stage}](stages/{stage}.svg)", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    main()
