"""Where the training speech lies: the folders of recordings that are read, and the cache of labelled utterances that is made of them.

A cached corpus is a folder of three files: ``audio.i16`` (all utterances one after the other, int16, 16 kHz mono), ``index.jsonl`` (a line an
utterance) and ``made_from.txt`` (a fingerprint of everything that went in, so that a second run finds its work done).
"""

from __future__ import annotations

import ast
import csv
import hashlib
import json
import shutil
import tomllib
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from training.phones import CLASS_OF, SILENCE

if TYPE_CHECKING:
    from numpy.typing import NDArray

RATE = 16_000

#: Start and end in seconds, and a phone of training.phones.PHONES.
Segment = tuple[float, float, str]

Progress = Callable[[float, str], None]

#: A silence shorter than this inside speech is a glottal onset or a label's rounding, not a pause in which the mouth would rest.
SHORTEST_PAUSE_S = 0.045

TRAIN, HELD_OUT = "train", "heldout"


@dataclass(frozen=True)
class Recording:
    """A labelled utterance on its way into a corpus. audio: int16 [samples], 16 kHz mono; phones: see `tidy`."""

    id: str
    speaker: str
    language: str
    licence: str
    audio: NDArray[np.int16]
    phones: tuple[Segment, ...]


@dataclass(frozen=True)
class Utterance:
    """A line of a corpus's index. `start` and `samples` count samples of the corpus's audio; `split` is TRAIN or HELD_OUT."""

    id: str
    corpus: str
    speaker: str
    language: str
    licence: str
    split: str
    start: int
    samples: int
    phones: tuple[Segment, ...]

    @property
    def duration_s(self) -> float:
        """Seconds of sound."""
        return self.samples / RATE


@dataclass(frozen=True)
class Corpus:
    """A cached corpus, its audio mapped into memory and read where it is used."""

    name: str
    utterances: tuple[Utterance, ...]
    samples: NDArray[np.int16]

    def audio(self, utterance: Utterance) -> NDArray[np.int16]:
        """int16 [utterance.samples], a read-only view."""
        return self.samples[utterance.start : utterance.start + utterance.samples]

    @property
    def hours(self) -> float:
        """Of sound, all utterances together."""
        return sum(utterance.samples for utterance in self.utterances) / RATE / 3600


@dataclass(frozen=True)
class Clip:
    """A recording in a folder of speech, as its clips.tsv names it; `text` may be empty."""

    id: str
    speaker: str
    text: str
    path: Path


# ---- labels ----------------------------------------------------------------------------------------------------------------------------------------


def tidy(segments: Iterable[Segment], *, duration_s: float) -> tuple[Segment, ...]:
    """Segments that cover 0 to `duration_s` without holes or overlaps.

    Holes become silence, neighbouring silences one, and silences under SHORTEST_PAUSE_S between two phones go to the phone before them.
    Raises ValueError for a phone that is not in the set.
    """
    filled = _without_holes(sorted(segments), duration_s)
    merged: list[Segment] = []
    for i, (start, end, phone) in enumerate(filled):
        inside = 0 < i < len(filled) - 1 and merged and merged[-1][2] != SILENCE
        if merged and phone == SILENCE and (merged[-1][2] == SILENCE or (inside and end - start < SHORTEST_PAUSE_S)):
            merged[-1] = (merged[-1][0], end, merged[-1][2])
        else:
            merged.append((start, end, phone))
    return tuple((round(start, 4), round(end, 4), phone) for start, end, phone in merged)


def _without_holes(segments: list[Segment], duration_s: float) -> list[Segment]:
    filled: list[Segment] = []
    at = 0.0
    for start, end, phone in segments:
        if phone not in CLASS_OF:
            raise ValueError(f"'{phone}' is no phone of the set")
        start, end = max(start, at), min(end, duration_s)
        if end - start < 1e-4:
            continue
        if start - at > 1e-4:
            filled.append((at, start, SILENCE))
            at = start
        filled.append((at, end, phone))
        at = end
    if duration_s - at > 1e-4:
        filled.append((at, duration_s, SILENCE))
    return joined(filled)


def joined(segments: Iterable[Segment]) -> list[Segment]:
    """The same with neighbouring silences made one, so that a pause in two parts is not taken for two short ones."""
    found: list[Segment] = []
    for start, end, phone in segments:
        if found and phone == SILENCE == found[-1][2]:
            found[-1] = (found[-1][0], end, phone)
        else:
            found.append((start, end, phone))
    return found


# ---- the cache -------------------------------------------------------------------------------------------------------------------------------------


def fingerprint(*parts: object) -> str:
    """A short name for everything that a corpus is made from; any change of a part changes it."""
    return hashlib.sha256("\n".join(map(str, parts)).encode()).hexdigest()[:16]


def source_of(*files: str) -> str:
    """A fingerprint of what source files do, given as their modules' ``__file__``; comments and layout do not count."""
    return fingerprint(*(ast.dump(ast.parse(Path(file).read_text(encoding="utf-8"))) for file in files))


def names(cache: Path) -> list[str]:
    """The corpora that stand in the cache, whole."""
    return sorted(folder.parent.name for folder in cache.glob("*/made_from.txt") if not folder.parent.name.startswith("."))


def is_current(cache: Path, name: str, made_from: str) -> bool:
    """Whether the corpus stands in the cache and was made from the same."""
    note = cache / name / "made_from.txt"
    return note.is_file() and note.read_text(encoding="utf-8").strip() == made_from


def write_corpus(cache: Path, name: str, recordings: Iterable[Recording], *, made_from: str = "") -> Corpus:
    """Write recordings as a corpus, whole or not at all; what stood under that name is replaced at the end. Returns it as read back, both splits.

    Raises ValueError when a recording's labels do not cover its audio, or there is none at all.
    """
    part = cache / f".{name}.part"
    shutil.rmtree(part, ignore_errors=True)
    part.mkdir(parents=True)
    try:
        _write_files(part, name, recordings)
        (part / "made_from.txt").write_text(made_from + "\n", encoding="utf-8")
        shutil.rmtree(cache / name, ignore_errors=True)
        part.replace(cache / name)
    finally:
        shutil.rmtree(part, ignore_errors=True)
    return read_corpus(cache, name, split=None)


def _write_files(folder: Path, name: str, recordings: Iterable[Recording]) -> None:
    start = 0
    with (folder / "audio.i16").open("wb") as audio, (folder / "index.jsonl").open("w", encoding="utf-8") as index:
        for recording in recordings:
            samples = len(recording.audio)
            _check_cover(recording, samples / RATE)
            audio.write(np.ascontiguousarray(recording.audio, "<i2").tobytes())
            index.write(json.dumps(_index_line(recording, corpus=name, start=start), ensure_ascii=False) + "\n")
            start += samples
    if start == 0:
        raise ValueError(f"the corpus '{name}' would be empty")


def _index_line(recording: Recording, *, corpus: str, start: int) -> dict[str, Any]:
    split = HELD_OUT if is_held_out(corpus, speaker=recording.speaker, language=recording.language) else TRAIN
    return {
        "id": recording.id,
        "corpus": corpus,
        "speaker": recording.speaker,
        "language": recording.language,
        "licence": recording.licence,
        "split": split,
        "start": start,
        "samples": len(recording.audio),
        "phones": recording.phones,
    }


def _check_cover(recording: Recording, duration_s: float) -> None:
    at = 0.0
    for start, end, phone in recording.phones:
        if abs(start - at) > 2e-4 or end <= start or phone not in CLASS_OF:
            raise ValueError(f"the labels of '{recording.id}' leave a hole, overlap or name no phone of the set at {start:.3f} s")
        at = end
    if abs(at - duration_s) > 2e-3:
        raise ValueError(f"the labels of '{recording.id}' end at {at:.3f} s of {duration_s:.3f} s")


def read_corpus(cache: Path, name: str, *, split: str | None = TRAIN) -> Corpus:
    """Map a cached corpus into memory. `split` TRAIN leaves out every held-out speaker and language, HELD_OUT keeps only these, None keeps all.

    Raises FileNotFoundError when it is not in the cache.
    """
    folder = cache / name
    with (folder / "index.jsonl").open(encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    utterances = tuple(
        Utterance(**{**row, "phones": tuple((start, end, phone) for start, end, phone in row["phones"])})
        for row in rows
        if split is None or row["split"] == split
    )
    return Corpus(name, utterances, np.memmap(folder / "audio.i16", "<i2", "r"))


# ---- who is kept out of training -------------------------------------------------------------------------------------------------------------------


def held_out_text() -> str:
    """training/heldout.toml as it stands: a part of the fingerprint of every corpus."""
    return (Path(__file__).parent / "heldout.toml").read_text(encoding="utf-8")


@lru_cache(maxsize=1)
def _held_out_rules() -> dict[str, Any]:
    return tomllib.loads(held_out_text())


def is_held_out(corpus: str, *, speaker: str, language: str) -> bool:
    """Whether training/heldout.toml keeps this speaker or this language out of training."""
    rules = _held_out_rules()
    if language.split("-")[0].split("_")[0].lower() in rules["languages"]:
        return True
    if any(fnmatchcase(speaker, pattern) for pattern in rules["speakers"].get(corpus, ())):
        return True
    nth = rules["every_nth_speaker"].get(corpus, 0)
    # A checksum, not a position: adding a speaker moves no other across the line.
    return bool(nth) and zlib.crc32(speaker.encode()) % nth == 0


# ---- folders of recordings -------------------------------------------------------------------------------------------------------------------------


def clips(folder: Path) -> list[Clip]:
    """The recordings that a folder's clips.tsv lists and that are there, in its order. Raises FileNotFoundError without a clips.tsv."""
    with (folder / "clips.tsv").open(encoding="utf-8", newline="") as table:
        rows = list(csv.DictReader(table, delimiter="\t"))
    listed = (Clip(row["clip"], row["speaker"] or "", row["text"] or "", folder / "clips" / f"{row['clip']}.opus") for row in rows)
    return [_with_speaker(clip, corpus=folder.name) for clip in listed if clip.path.is_file()]


def _with_speaker(clip: Clip, *, corpus: str) -> Clip:
    """Where the table names a set of voices or nobody, the clip's own name tells the speaker: what follows the last two underscores."""
    if clip.speaker and corpus != "neural_voices":
        return clip
    own = clip.id.split("__")[-1].removeprefix("sample_")
    return replace(clip, speaker=f"{clip.speaker}/{own}" if clip.speaker else own)


def read_audio(path: Path) -> NDArray[np.float32]:
    """float32 [samples] at 16 kHz, the channels averaged. Raises soundfile.LibsndfileError for what is no recording."""
    import soundfile

    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return resample(samples.mean(axis=1), rate=rate)


def resample(samples: NDArray[np.floating[Any]], *, rate: int) -> NDArray[np.float32]:
    """The same sound, float32, at 16 kHz."""
    from math import gcd

    from scipy.signal import resample_poly

    if rate == RATE:
        return np.asarray(samples, np.float32)
    common = gcd(rate, RATE)
    return np.asarray(resample_poly(samples, RATE // common, rate // common), np.float32)


def to_int16(samples: NDArray[np.floating[Any]]) -> NDArray[np.int16]:
    """Samples within -1 to 1 as int16; what lies outside is brought in by turning the whole down, never by clipping."""
    peak = float(np.abs(samples).max(initial=0.0))
    return np.round(samples * (32_767 / max(peak, 1.0))).astype(np.int16)


def folder_state(folder: Path) -> str:
    """A fingerprint of what a folder of recordings holds: its tables and its clips' names and sizes."""
    files: Iterator[Path] = (path for path in sorted(folder.rglob("*")) if path.is_file())
    return fingerprint(*(f"{path.relative_to(folder)} {path.stat().st_size}" for path in files))
