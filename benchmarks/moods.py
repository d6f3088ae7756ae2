"""Contact sheets of one sentence in several moods and styles, on three heads, to be looked at.

    python -m benchmarks.moods -o DIR [--heads demo ict_facekit makehuman] [--moods neutral joy anger] [--styles stoic exuberant]

A row a mood or style; the columns are the sentence's telling moments: pauses, lips that meet, rounded and open vowels.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from a2f_addon import presets
from a2f_addon.face import emotion
from a2f_addon.files import styles
from a2f_addon.job import Heard, Job, animate, listen
from benchmarks import SHARED, faces, raster
from benchmarks.sheets import HEADS, LINE
from demo import moments
from demo.sentence import RECORDING

TILE = 190
FPS = 60.0
FROM, MOST = 60, 13


def main() -> None:
    """Draw a sheet of moods and one of styles for every head."""
    given = _options()
    given.out.mkdir(parents=True, exist_ok=True)
    heard = listen(Job(given.speech))
    moods = {name: {"emotion": name} for name in given.moods}
    as_styled = {"as it was": {}} | {name: {"style": name} for name in given.styles}
    for head in given.heads:
        face = faces.load(head, given.shared / "heads", wide=faces.WHOLE_FACE, raised=faces.ABOVE_THE_MOUTH)
        for kind, rows in (("moods", moods), ("styles", as_styled)):
            path = given.out / f"{kind}_{head}.png"
            raster.write_png(path, sheet(heard, rows, face))
            print(path, flush=True)


def sheet(heard: Heard, rows: dict[str, dict[str, str]], face: faces.Face) -> raster.Picture:
    """A row for each way of animating, a column for each telling moment."""
    looked_at = _moments(heard)
    picture = np.zeros((LINE + (TILE + LINE) * len(rows), TILE * len(looked_at), 3), np.uint8)
    for column, (label, time_s) in enumerate(looked_at):
        raster.write_text(picture, f"{label} {time_s:.2f}", left=column * TILE + 4, top=4)
    for row, (name, chosen) in enumerate(rows.items()):
        curves = animate(heard, presets.motion(**chosen), fps=FPS)
        top = LINE + row * (TILE + LINE)
        for column, (_, time_s) in enumerate(looked_at):
            picture[top : top + TILE, column * TILE : (column + 1) * TILE] = face.picture(faces.weights_at(curves, time_s), size=TILE)
        raster.write_text(picture, name, left=4, top=top + TILE + 4, colour=(150, 200, 160))
    return picture


def _moments(heard: Heard) -> Sequence[tuple[str, float]]:
    """Two of each kind of moment at the most (the label without its phone), in time's order: seals alone would show no vowel."""
    last_s = float(heard.speech.times[-1])
    found: list[tuple[str, float]] = []
    for moment in moments.telling(heard.speech, last_s=last_s, most=FROM):
        if sum(label.split()[-1] == moment.label.split()[-1] for label, _ in found) < 2:
            found.append((moment.label, moment.time))
    return sorted(found, key=lambda moment: moment[1])[:MOST]


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.moods", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("-o", dest="out", type=Path, required=True, help="the folder to write PNG files into")
    parser.add_argument("--speech", type=Path, default=RECORDING, help="a recording (default: the demo's sentence)")
    parser.add_argument("--shared", type=Path, default=SHARED, help="where `heads` lies (%(default)s)")
    parser.add_argument("--heads", nargs="+", choices=HEADS, default=HEADS, help="(all)")
    parser.add_argument("--moods", nargs="+", default=list(emotion.POSES), metavar="NAME", help="(all)")
    parser.add_argument("--styles", nargs="+", default=list(styles.names()), metavar="NAME", help="(all)")
    return parser.parse_args()


if __name__ == "__main__":
    main()
