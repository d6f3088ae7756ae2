"""Are the curves of many real recordings sane? One command, one table.

    python -m benchmarks.sanity [--shared ../shared] [--clips 100] [--fps 60]

Clips are taken evenly from four languages. A clip is sane when every value lies within 0 to 1, no channel but the blinks jumps by more than
0.5 between two frames at 60 fps, and the mouth is at rest in the middle of every pause. Pauses are found in the sound alone: at least 0.5 s
in which the level stays 35 dB below the recording's loud parts, less 0.25 s at each side for the lips to close and to open.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from a2f_addon import Job, run
from a2f_addon.face import arkit
from a2f_addon.face.curves import FaceCurves
from benchmarks import SHARED

LANGUAGES = {"English": ("en_kathleen", ""), "German": ("de_kerstin", ""), "Dutch": ("nl_nathalie", ""), "Italian": ("neural_voices", "it_IT")}
LARGEST_JUMP = 0.5
REST = 0.1
PAUSE_S, MARGIN_S, PAUSE_DB = 0.5, 0.25, -35.0
BLINKS = ("eyeBlinkLeft", "eyeBlinkRight")


@dataclass(frozen=True)
class Verdict:
    """One clip: its extremes, the largest jump, and the most open mouth in a pause."""

    language: str
    clip: str
    low: float
    high: float
    jump: float
    pause_s: float
    in_pause: float

    @property
    def sane(self) -> bool:
        """Whether all of it is as the head of this file says."""
        return self.low >= 0 and self.high <= 1 and self.jump <= LARGEST_JUMP and self.in_pause <= REST


def judge(language: str, path: Path, *, fps: float) -> Verdict:
    """Bake one clip and measure it."""
    curves = run(Job(path, fps=fps))
    moving = [column for column, name in enumerate(curves.names) if name not in BLINKS]
    steps = np.abs(np.diff(curves.values[:, moving], axis=0)) * fps / 60
    resting = in_pauses(curves, pauses(path))
    mouth = curves.values[:, curves.columns(arkit.MOUTH)][resting]
    return Verdict(
        language,
        path.name,
        low=float(curves.values.min()),
        high=float(curves.values.max()),
        jump=float(steps.max(initial=0)),
        pause_s=float(resting.sum() / fps),
        in_pause=float(mouth.max(initial=0)),
    )


def pauses(path: Path) -> list[tuple[float, float]]:
    """The inner part of each pause, in seconds, from the level of the sound alone."""
    import soundfile

    sound, rate = soundfile.read(path, dtype="float32", always_2d=True)
    step = rate // 50
    frames = sound.mean(axis=1)[: len(sound) // step * step].reshape(-1, step)
    level = 20 * np.log10(np.sqrt((frames**2).mean(axis=1)) + 1e-9)
    quiet = np.concatenate(([False], level < np.percentile(level, 95) + PAUSE_DB, [False]))
    starts, ends = np.flatnonzero(~quiet[:-1] & quiet[1:]) / 50, np.flatnonzero(quiet[:-1] & ~quiet[1:]) / 50
    return [(a + MARGIN_S, b - MARGIN_S) for a, b in zip(starts, ends, strict=True) if b - a >= PAUSE_S]


def in_pauses(curves: FaceCurves, spans: list[tuple[float, float]]) -> np.ndarray:
    """Which frames stand inside a pause, bool [frames]."""
    times = curves.times
    return np.array([(times >= a) & (times <= b) for a, b in spans]).any(axis=0) if spans else np.zeros(len(curves), bool)


def clips(shared: Path, count: int) -> Iterator[tuple[str, Path]]:
    """The same number of each language, evenly over each folder."""
    each = count // len(LANGUAGES)
    for language, (folder, prefix) in LANGUAGES.items():
        with (shared / "speech" / folder / "clips.tsv").open(encoding="utf-8", newline="") as table:
            names = [row["clip"] for row in csv.DictReader(table, delimiter="\t", quoting=csv.QUOTE_NONE) if row["clip"].startswith(prefix)]
        for place in np.linspace(0, len(names) - 1, min(each, len(names))).astype(int):
            yield language, shared / "speech" / folder / "clips" / f"{names[place]}.opus"


def main() -> int:
    """Judge, and print the table; 1 where a clip is not sane."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=SHARED, help="the folder of real data")
    parser.add_argument("--clips", type=int, default=100)
    parser.add_argument("--fps", type=float, default=60.0)
    given = parser.parse_args()
    verdicts = [judge(language, path, fps=given.fps) for language, path in clips(given.shared, given.clips)]
    write = sys.stdout.write
    write("| language | clips | sane | lowest | highest | largest jump | pauses, s | most open in a pause |\n|---|---|---|---|---|---|---|---|\n")
    for language in LANGUAGES:
        of = [verdict for verdict in verdicts if verdict.language == language]
        write(
            f"| {language} | {len(of)} | {sum(v.sane for v in of)} | {min(v.low for v in of):.3f} | {max(v.high for v in of):.3f} "
            f"| {max(v.jump for v in of):.3f} | {sum(v.pause_s for v in of):.1f} | {max(v.in_pause for v in of):.3f} |\n"
        )
    for verdict in verdicts:
        if not verdict.sane:
            write(f"not sane: {verdict}\n")
    return 0 if all(verdict.sane for verdict in verdicts) else 1


if __name__ == "__main__":
    raise SystemExit(main())
