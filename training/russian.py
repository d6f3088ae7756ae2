"""Recordings that a synthetic voice is cut from, with its labels: festival's Russian voice nsh (N. V. Shmyrev), one man who reads 620 sentences."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from training import align, corpora, phones
from training.corpora import RATE, Recording, Segment

#: Debian's package festvox-ru puts it here. Its labels are times in steps of 10 ms that a recogniser found.
INSTALLED = Path("/usr/share/festival/voices/russian/msu_ru_nsh_clunits")
#: What is heard agrees with what is labelled best when the labels are moved by so much.
EARLY_S = 0.015

CORPUS, LICENCE, SPEAKER = "ru_nsh", "BSD-style (N. V. Shmyrev)", "nsh"

#: Its phones; a soft consonant is written twice. What is reduced in weak syllables is a schwa: `ae` after hard consonants, `ay` (near IH) after soft.
_PHONES: dict[str, tuple[str, ...]] = {
    **{letter * times: (letter.upper(),) for letter in "pbtdkgfvszmnl" for times in (1, 2)},
    **{
        symbol: tuple(spoken.split())
        for spoken, symbols in {
            phones.SILENCE: "pau",
            "AA": "aa",
            "EY": "ee",
            "IY": "ii i",
            "AO": "oo",
            "UW": "uu",
            "UH": "u ur",
            "IH": "yy y e ay",
            "AH": "a ae",
            "T S": "c",
            "CH": "ch",
            "SH": "sh sch",
            "ZH": "zh",
            "X": "h hh",
            "Y": "j",
            "RR": "r rr",
        }.items()
        for symbol in symbols.split()
    },
}


def segments(label: str) -> list[Segment]:
    """Segments in the project's phones of a label of festival's: a line a phone with its end in seconds. Raises UnknownPhoneError."""
    found: list[Segment] = []
    at = 0.0
    for line in label.splitlines():
        fields = line.split()
        if len(fields) != 3:
            continue
        end = float(fields[0]) + EARLY_S
        if fields[2] not in _PHONES:
            raise phones.UnknownPhoneError(fields[2], "Russian")
        found += phones.spread_over(_PHONES[fields[2]], start_s=at, end_s=end)
        at = end
    return found


def make(cache: Path, *, progress: corpora.Progress = lambda done, what: None) -> bool:
    """Write the corpus into the cache, unless it stands there or the voice is not installed; whether it was written."""
    if not INSTALLED.is_dir():
        return False
    made_from = corpora.fingerprint(corpora.folder_state(INSTALLED / "lab"), corpora.source_of(__file__, phones.__file__), corpora.held_out_text())
    if corpora.is_current(cache, CORPUS, made_from):
        return False
    corpora.write_corpus(cache, CORPUS, _recordings(progress), made_from=made_from)
    return True


def _recordings(progress: corpora.Progress) -> Iterator[Recording]:
    labels = sorted((INSTALLED / "lab").glob("*.lab"))
    for number, label in enumerate(labels):
        audio = corpora.to_int16(corpora.read_audio(INSTALLED / "wav" / f"{label.stem}.wav"))
        found = corpora.tidy(segments(label.read_text(encoding="utf-8")), duration_s=len(audio) / RATE)
        progress(number / len(labels), CORPUS)
        try:
            yield Recording(label.stem, SPEAKER, "ru", LICENCE, *align.crop(audio, found))
        except align.AlignmentError:
            continue
