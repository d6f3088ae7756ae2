"""Speech by Kokoro-82M (hexgrad, Apache-2.0), a neural voice near to people's, in seven languages by its fifty voices and mixtures of them.

It is written as a folder of recordings with their texts, to be labelled in the second pass like those of people: the network tells how long it means
each sound to last, but on a grid of 25 ms that its sound keeps to within some 30 ms.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from training import corpora, recordings, sentences
from training.corpora import RATE
from training.recordings import Spoken

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Sound = NDArray[np.float32]

NAME, LICENCE = "kokoro", "Apache-2.0"
#: Seconds of speech at full scale.
FULL_S = 0.48 * 3600

#: How often each language is spoken, by espeak-ng's name, and the first letter of the voices that speak it; none of them was taught German.
LANGUAGES: dict[str, tuple[float, str]] = {
    "en-us": (0.36, "a"),
    "en-gb": (0.12, "b"),
    "de": (0.20, ""),
    "es": (0.08, "e"),
    "fr": (0.08, "f"),
    "it": (0.08, "i"),
    "pt-br": (0.08, "p"),
}
#: German's speakers, and this share of the others', are mixed of voices of any language.
_STRANGERS = 0.4

_VOICE_RATE = 24_000
_MOST_SYMBOLS = 500
_SENTENCES_A_SPEAKER = 4

#: Symbols of the voice for strings of espeak-ng's, whose parts are tied by ^.
_ANYWHERE = dict(zip("a^ɪ a^ʊ e^ɪ o^ʊ ə^ʊ ɔ^ɪ d^z d^ʒ t^s t^ʃ ə^l".split(), "I W A O Q Y ʣ ʤ ʦ ʧ ᵊl".split(), strict=True)) | {"-": ""}
_ENGLISH = {"ɚ": "əɹ", "ɝ": "ɜɹ", "ɐ": "ə", "r": "ɹ"}
_OF_LANGUAGE: dict[str, tuple[dict[str, str], ...]] = {"en-us": ({"ɜː": "ɜɹ"}, _ENGLISH, {"ː": ""}), "en-gb": (_ENGLISH,)}


@dataclass(frozen=True)
class Voice:
    """The network and its speakers: symbols' numbers, and float32 [symbols, 256] a speaker."""

    session: Any
    numbers: dict[str, int]
    speakers: dict[str, NDArray[np.float32]]

    def say(self, symbols: str, *, speaker: NDArray[np.float32], pace: float) -> Sound:
        """float32 [samples] at 16 kHz. speaker: float32 [symbols, 256], a row for each number of symbols; pace: 1 is the voice's own."""
        tokens = np.array([[0, *(self.numbers[symbol] for symbol in symbols), 0]], np.int64)
        style = speaker[min(len(symbols), len(speaker) - 1)][None]
        sound = self.session.run(["audio"], {"tokens": tokens, "style": style, "speed": np.array([pace], np.float32)})[0]
        return corpora.resample(sound.ravel(), rate=_VOICE_RATE)


def load(folder: Path) -> Voice:
    """The voice in a folder with `model.onnx`, `vocab.json` and `voices/*.bin`. Raises FileNotFoundError where one of these is missing."""
    import onnxruntime

    model, vocabulary = folder / "model.onnx", folder / "vocab.json"
    speakers = {file.stem: np.fromfile(file, np.float32).reshape(-1, 256) for file in sorted((folder / "voices").glob("*.bin"))}
    if not (model.is_file() and vocabulary.is_file() and speakers):
        raise FileNotFoundError(f"There is no Kokoro in {folder}: it wants model.onnx, vocab.json and voices/*.bin.")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(model, options, providers=["CPUExecutionProvider"])
    return Voice(session, json.loads(vocabulary.read_text(encoding="utf-8"))["vocab"], speakers)


def symbols(text: str, *, language: str) -> str:
    """What the voice is told to say, a comma between clauses."""
    command = ["espeak-ng", "-v", language, "-q", "--ipa", "--tie=^", text]
    clauses = subprocess.run(command, capture_output=True, encoding="utf-8", check=True, env={**os.environ, "LC_ALL": "C.UTF-8"}).stdout.split("\n")
    spoken = ", ".join(clause.strip() for clause in clauses if clause.strip()) + "."
    for table in (_ANYWHERE, *_OF_LANGUAGE.get(language, ())):
        for theirs, ours in table.items():
            spoken = spoken.replace(theirs, ours)
    return re.sub(r"\([a-z-]+\)|\^", "", spoken)


def speaker(voice: Voice, rng: np.random.Generator, language: str) -> tuple[str, NDArray[np.float32]]:
    """Somebody's name and float32 [symbols, 256]: a voice of the language, or a mixture of up to three of which some may be of other languages."""
    own = [name for name in voice.speakers if name[0] == LANGUAGES[language][1]]
    strange = not own or rng.random() < _STRANGERS
    pool = list(voice.speakers) if strange else own
    names = [pool[i] for i in rng.permutation(len(pool))[: int(rng.integers(1, 4))]]
    if strange and own:
        names[0] = own[rng.integers(len(own))]
    shares = rng.dirichlet(np.full(len(names), 1.5))
    mixed = np.einsum("s,sij->ij", shares, np.stack([voice.speakers[name] for name in names]))
    return "+".join(f"{share:.2f}{name}" for share, name in zip(shares, names, strict=True)), mixed.astype(np.float32)


def make(folder: Path, *, engine: Path, scale: float = 1.0, seed: int = 0, progress: corpora.Progress = lambda done, what: None) -> bool:
    """Write FOLDER/kokoro, recordings with their texts and a speaker LANGUAGE_MIXTURE, unless it stands there; whether it was written.

    Raises FileNotFoundError where the voice is not in the folder `engine`.
    """
    if recordings.stands(folder / NAME):
        return False
    recordings.write(folder / NAME, _spoken(load(engine), np.random.default_rng([seed, zlib.crc32(NAME.encode())]), FULL_S * scale, progress))
    return True


def _spoken(voice: Voice, rng: np.random.Generator, wanted_s: float, progress: corpora.Progress) -> Iterator[Spoken]:
    """So many seconds, one speaker after the other, each with all of its sentences."""
    spoken_s, number = 0.0, 0
    while spoken_s < wanted_s:
        for name, text, sound in _said(voice, rng):
            yield Spoken(f"{number:05d}", name, text, sound)
            spoken_s, number = spoken_s + len(sound) / RATE, number + 1
        progress(min(1.0, spoken_s / wanted_s), NAME)


def _said(voice: Voice, rng: np.random.Generator) -> Iterator[tuple[str, str, Sound]]:
    """What one speaker says: its name, and a text and its sound at a time; without the sentences that hold a sound unknown to the voice."""
    language = list(LANGUAGES)[int(rng.choice(len(LANGUAGES), p=[share for share, _ in LANGUAGES.values()]))]
    name, style = speaker(voice, rng, language)
    for _ in range(_SENTENCES_A_SPEAKER):
        text = sentences.english(rng) if language.startswith("en") else sentences.foreign(rng, language)
        told = symbols(text, language=language)
        if 2 < len(told) < _MOST_SYMBOLS and all(symbol in voice.numbers for symbol in told):
            yield f"{language}_{name}", text, voice.say(told, speaker=style, pace=float(rng.uniform(0.75, 1.3)))
