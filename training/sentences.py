"""What the synthetic voices say: English from templates over the system's dictionary, other languages from short sentences, recombined.

The lips are what is learned, so words with P, B, M, F, V and W are drawn more often than a dictionary would give them.
"""

from __future__ import annotations

import re
import tomllib
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DICTIONARY = Path("/usr/share/dict/american-english")

#: How much more often a word is drawn for each labial letter in it.
LABIAL_WEIGHT = 1.5

_TEXTS = tomllib.loads((Path(__file__).parent / "sentences.toml").read_text(encoding="utf-8"))

TEMPLATES: list[str] = _TEXTS["templates"]
NAMES: list[str] = _TEXTS["names"].split()
#: Where the system has no dictionary.
FEW_WORDS: list[str] = _TEXTS["words"].split()
#: Sentences by espeak-ng voice.
FOREIGN: dict[str, str] = {voice: " ".join(text.split()) for voice, text in _TEXTS["foreign"].items()}

_TENS = ("twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety")
_UNITS = ("one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "eleven", "twelve", "a hundred", "a million")


def fingerprint() -> str:
    """What the sentences are drawn from: a part of the fingerprint of every synthetic corpus."""
    return repr(_TEXTS) + (str(DICTIONARY.stat().st_size) if DICTIONARY.is_file() else "")


@lru_cache(maxsize=1)
def _vocabulary() -> tuple[tuple[str, ...], NDArray[np.float64]]:
    import numpy as np

    listed = DICTIONARY.read_text(encoding="utf-8").split() if DICTIONARY.is_file() else FEW_WORDS
    words = tuple(word for word in listed if re.fullmatch(r"[a-z]{2,11}", word) and re.search(r"[aeiouy]", word))
    weights = np.array([1.0 + LABIAL_WEIGHT * len(re.findall(r"[pbmfvw]", word)) for word in words])
    return words, weights / weights.sum()


def english(rng: np.random.Generator) -> str:
    """A sentence: grammatical more or less, meaningful hardly ever."""
    vocabulary, weights = _vocabulary()
    template = TEMPLATES[rng.integers(len(TEMPLATES))]
    drawn = iter(rng.choice(len(vocabulary), size=template.count("{w}"), p=weights))
    text = re.sub(r"\{w\}", lambda _: vocabulary[next(drawn)], template)
    text = re.sub(r"\{name\}", lambda _: NAMES[rng.integers(len(NAMES))], text)
    return re.sub(r"\{n\}", lambda _: number(rng), text)


def number(rng: np.random.Generator) -> str:
    """A number in words."""
    unit = _UNITS[rng.integers(len(_UNITS))]
    if rng.random() < 0.5:
        return unit
    return f"{_TENS[rng.integers(len(_TENS))]} {_UNITS[rng.integers(9)]}"


def foreign(rng: np.random.Generator, language: str) -> str:
    """A sentence of FOREIGN as it stands or, as often, a string of its words in any order, with a comma here and there."""
    sentences = re.findall(r"[^.!?。;؟।]+[.!?。;؟।]", FOREIGN[language])
    if rng.random() < 0.5:
        return str(sentences[rng.integers(len(sentences))]).strip()
    words = re.findall(r"[^\s.,!?¿。、;؟،।]+", FOREIGN[language])
    drawn = [words[i] for i in rng.integers(len(words), size=rng.integers(4, 9))]
    return " ".join(word + ("," if rng.random() < 0.15 else "") for word in drawn).rstrip(",") + "."
