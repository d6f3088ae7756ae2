"""Folders of recordings as `corpora.clips` reads them, written by what is gathered from programs that are installed."""

from __future__ import annotations

import csv
import shutil
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

from training.corpora import RATE

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: What a table of clips names, in this order.
COLUMNS = ("clip", "speaker", "seconds", "text")


class Spoken(NamedTuple):
    """A recording on its way into a folder. name: of the clip. text: what is said, empty where it is not known. sound: float32 [samples], 16 kHz."""

    name: str
    speaker: str
    text: str
    sound: NDArray[np.float32]


def stands(folder: Path) -> bool:
    """Whether a folder was written; it is whole then."""
    return (folder / "clips.tsv").is_file()


def write(folder: Path, spoken: Iterable[Spoken]) -> None:
    """Write a folder of recordings, whole or not at all: its table, and each clip as Opus."""
    import soundfile

    part = folder.with_name(f".{folder.name}.part")
    shutil.rmtree(part, ignore_errors=True)
    (part / "clips").mkdir(parents=True)
    with (part / "clips.tsv").open("w", encoding="utf-8", newline="") as table:
        rows = csv.writer(table, delimiter="\t")
        rows.writerow(COLUMNS)
        for one in spoken:
            soundfile.write(part / "clips" / f"{one.name}.opus", one.sound, RATE, format="OGG", subtype="OPUS")
            rows.writerow((one.name, one.speaker, f"{len(one.sound) / RATE:.3f}", one.text))
    part.replace(folder)
