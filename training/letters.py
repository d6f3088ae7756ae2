"""Letters and syllables that children learn to read with: KDE's game KLettres, each language read by somebody of its own.

What makes one sound of speech differ from its neighbour is nowhere clearer than between "em" and "en", and sixteen people say it in fifteen tongues.
What is read is known; how it is pronounced, espeak-ng knows mostly, so that what ears do not hear so is left out (see second.py).
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from training import corpora, recordings
from training.corpora import RATE
from training.recordings import Spoken

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Sound = NDArray[np.float32]

NAME, LICENCE = "klettres", "GPL-2.0-or-later"
#: Debian's package klettres-data puts them here.
INSTALLED = Path("/usr/share/klettres")

#: espeak-ng's voice by the name of a language's folder. Dutch is kept out of training; there is no voice of Low German, Hebrew is written without its
#: vowels and with one letter for B and V, and Malayalam with one for P and F.
VOICES = {name: name for name in "ar cs da de es hu it lt nb ru tn uk".split()} | {
    "en": "en-us",
    "en_GB": "en-gb",
    "fr": "fr-fr",
    "pt_BR": "pt-br",
}

#: Sounds that are put together to a clip.
_TOGETHER = 8
#: What is this much below a sound's loudest moment is silence, of which so much is kept around it.
_SILENCE_DB, _MARGIN_S = 35.0, 0.15
_FRAME = RATE // 50


@dataclass(frozen=True)
class Letter:
    """A letter or a syllable as it is written, and where it is read."""

    text: str
    path: Path


def make(folder: Path, *, installed: Path = INSTALLED, progress: corpora.Progress = lambda done, what: None) -> bool:
    """Write FOLDER/klettres, a folder of recordings with their texts and a speaker a language, unless it stands there or the game does not; whether
    it was written."""
    found = {language: letters(installed / language) for language in VOICES if (installed / language / "sounds.xml").is_file()}
    if not found or recordings.stands(folder / NAME):
        return False
    recordings.write(folder / NAME, _spoken(found, progress))
    return True


def _spoken(found: Mapping[str, Sequence[Letter]], progress: corpora.Progress) -> Iterator[Spoken]:
    for number, (language, group) in enumerate(_groups(found)):
        sound = np.concatenate([trimmed(corpora.read_audio(letter.path)) for letter in group])
        yield Spoken(f"{language}_{number:03d}", language, ", ".join(letter.text for letter in group), sound)
        progress(list(found).index(language) / len(found), NAME)


def _groups(found: Mapping[str, Sequence[Letter]]) -> Iterator[tuple[str, Sequence[Letter]]]:
    for language, read in found.items():
        for first in range(0, len(read), _TOGETHER):
            yield language, read[first : first + _TOGETHER]


def letters(folder: Path) -> list[Letter]:
    """What a language's sounds.xml lists and is there, single letters as capitals, which are called by their names, syllables small."""
    listed = re.findall(r'<sound\s+name="([^"]+)"\s+file="([^"]+)"', (folder / "sounds.xml").read_text(encoding="utf-8"))
    found = (Letter(name.upper() if len(name) == 1 else name.lower(), folder.parent / file) for name, file in listed)
    return [letter for letter in found if letter.path.is_file()]


def trimmed(sound: Sound) -> Sound:
    """A sound without most of the silence at its ends, float32 [samples] at 16 kHz."""
    power = np.square(sound[: len(sound) // _FRAME * _FRAME]).reshape(-1, _FRAME).mean(axis=1)
    loud = np.flatnonzero(power > power.max(initial=0.0) * 10 ** (-_SILENCE_DB / 10))
    if not len(loud):
        return sound
    margin = round(_MARGIN_S * RATE)
    return sound[max(0, loud[0] * _FRAME - margin) : (loud[-1] + 1) * _FRAME + margin]
