"""Sound in which nobody speaks, labelled silence from end to end: noise, music, hum, breath and nothing at all. The mouth must rest in all of it."""

from __future__ import annotations

import tomllib
from collections.abc import Callable, Iterator
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from training import corpora, phones
from training.corpora import RATE, Recording

if TYPE_CHECKING:
    from numpy.typing import NDArray

CORPUS = "quiet"
CLIP_S = 5.0

#: A cry and a sneeze come out of a mouth; to call them silence would teach that high voices are none.
VOICED_NOISES = ("baby_cry", "person_sneeze")


#: Of the kitchen's recording training hears this much.
KITCHEN_S = 60.0


@lru_cache(maxsize=1)
def _held_out() -> dict[str, list[str]]:
    return tomllib.loads((Path(__file__).parent / "heldout_sounds.toml").read_text(encoding="utf-8"))


def is_held_out(kind: str, path: Path) -> bool:
    """Whether training/heldout_sounds.toml keeps this recording from training. kind: "noise" or "rooms"."""
    return any(fnmatchcase(path.stem, pattern) for pattern in _held_out()[kind])


def hum(rng: np.random.Generator, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mains hum with its overtones, and a little hiss."""
    mains_hz = rng.choice([50.0, 60.0])
    tones = [np.sin(2 * np.pi * mains_hz * k * times_s + rng.uniform(0, 6.3)) * rng.uniform(0, 1) / k for k in range(1, 9)]
    return np.sum(tones, axis=0) + 0.05 * rng.standard_normal(len(times_s))


def coloured(rng: np.random.Generator, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Steady noise of a random tilt, between white and brown."""
    spectrum = np.fft.rfft(rng.standard_normal(len(times_s)))
    spectrum[1:] /= np.arange(1, len(spectrum)) ** rng.uniform(0.0, 1.0)
    spectrum[0] = 0
    return np.fft.irfft(spectrum, len(times_s))


def breath(rng: np.random.Generator, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Noise through one broad resonance that swells and falls every two or three seconds, as breath through the nose does."""
    spectrum = np.fft.rfft(rng.standard_normal(len(times_s)))
    hertz = np.fft.rfftfreq(len(times_s), 1 / RATE)
    centre_hz, width_hz = rng.uniform(600, 2500), rng.uniform(500, 1500)
    shaped = np.fft.irfft(spectrum * np.exp(-(((hertz - centre_hz) / width_hz) ** 2)), len(times_s))
    swell = np.maximum(0.0, np.sin(2 * np.pi * times_s / rng.uniform(1.6, 3.5) + rng.uniform(0, 6.3)))
    return shaped * swell**2


def music(rng: np.random.Generator, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Chords of plucked or bowed tones with overtones, two to five a second."""
    sound = np.zeros(len(times_s))
    onset = 0.0
    while onset < times_s[-1]:
        since = np.maximum(times_s - onset, 0.0)
        envelope = np.where(times_s >= onset, np.minimum(since / 0.01, 1.0) * np.exp(-since * rng.uniform(1.0, 8.0)), 0.0)
        for semitone in rng.choice(36, size=rng.integers(1, 4), replace=False):
            hertz = 110 * 2 ** (semitone / 12)
            sound += envelope * sum(np.sin(2 * np.pi * hertz * k * since) / k ** rng.uniform(1.0, 2.0) for k in range(1, 7))
        onset += rng.uniform(0.2, 0.5)
    return sound


def tones(rng: np.random.Generator, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """One to three whistles, beeps or slides of few overtones, steady, swelling or in bursts."""
    sound = np.zeros(len(times_s))
    for _ in range(int(rng.integers(1, 4))):
        octaves = rng.uniform(-1.5, 1.5) * times_s / times_s[-1] * (rng.random() < 0.4)
        vibrato = rng.uniform(0, 0.02) * np.sin(2 * np.pi * rng.uniform(3, 7) * times_s) * (rng.random() < 0.4)
        phase = 2 * np.pi * np.cumsum(80 * 2 ** (rng.uniform(0, 5) + octaves) * (1 + vibrato)) / RATE
        tone = sum(np.sin(k * phase) / k ** rng.uniform(1.5, 4) for k in range(1, int(rng.integers(2, 6))))
        bursts = np.sin(2 * np.pi * rng.uniform(0.3, 4) * times_s + rng.uniform(0, 6.3)) > rng.uniform(-1.5, 0.7)
        sound += tone * np.convolve(bursts, np.hanning(800) / np.hanning(800).sum(), "same") * rng.uniform(0.2, 1)
    return sound


def held(rng: np.random.Generator, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Organs, reeds, strings and synthesisers: a melody or chords of held notes, each rich in overtones, from hollow (odd ones alone) to bright."""
    hollow, bright, length_s = rng.uniform(0, 1) * (rng.random() < 0.6), rng.uniform(0.3, 1.6), rng.uniform(0.15, 3.0)
    voices = int(rng.integers(1, 5))
    sound = np.zeros(len(times_s))
    for onset in np.arange(0.0, times_s[-1], length_s):
        within = (times_s >= onset) & (times_s < onset + length_s)
        since = times_s[within] - onset
        envelope = np.minimum(np.minimum(since / 0.03, (length_s - since) / 0.05), 1.0)
        for semitone in rng.choice(40, size=voices, replace=False):
            hertz = 80 * 2 ** (semitone / 12) * (1 + rng.uniform(0, 0.01) * np.sin(2 * np.pi * 5 * since))
            phase = 2 * np.pi * np.cumsum(hertz) / RATE
            overtones = np.arange(1, max(2, int(7000 / (80 * 2 ** (semitone / 12)))))
            weights = overtones**-bright * np.where(overtones % 2 == 0, 1 - hollow, 1.0)
            sound[within] += envelope * sum(weight * np.sin(k * phase) for k, weight in zip(overtones[:24], weights, strict=False))
    return sound


def nothing(rng: np.random.Generator, times_s: NDArray[np.float64]) -> NDArray[np.float64]:
    """Digital silence, or no more than the last bit's rustle."""
    return np.zeros(len(times_s)) if rng.random() < 0.5 else rng.uniform(-1, 1, len(times_s)) * 2 / 32_768


#: Each kind, and how many clips of it the full corpus holds.
KINDS: dict[Callable[[np.random.Generator, Any], Any], int] = {hum: 8, coloured: 16, breath: 24, music: 60, tones: 40, held: 60, nothing: 6}


def _made(rng: np.random.Generator) -> Iterator[Recording]:
    times_s = np.arange(round(CLIP_S * RATE)) / RATE
    for kind, count in KINDS.items():
        for i in range(count):
            sound = kind(rng, times_s)
            if kind is not nothing:
                sound = sound / max(float(np.abs(sound).max()), 1e-9) * 10 ** (rng.uniform(-45, -6) / 20)
            yield _silent(f"{kind.__name__}_{i}", kind.__name__, "CC0-1.0", corpora.to_int16(sound))


def _recorded(rng: np.random.Generator, folder: Path) -> Iterator[Recording]:
    """Ten short noises of each kind, and a minute of the kitchen."""
    clips = [path for path in sorted((folder / "esc10").glob("*.opus")) if not is_held_out("noise", path)]
    for kind in sorted({path.name.split("__")[0] for path in clips} - set(VOICED_NOISES)):
        of_kind = [path for path in clips if path.name.startswith(f"{kind}__")]
        for path in rng.choice(np.array(of_kind, dtype=object), size=min(10, len(of_kind)), replace=False):
            yield _silent(path.stem, kind, "CC-BY-3.0", corpora.to_int16(corpora.read_audio(path)))
    if (folder / "kitchen.opus").is_file():
        kitchen = corpora.to_int16(corpora.read_audio(folder / "kitchen.opus"))[: round(KITCHEN_S * RATE)]
        for i, part in enumerate(np.array_split(kitchen, 12)):
            yield _silent(f"kitchen_{i}", "kitchen", "Apache-2.0", part)


def _silent(name: str, kind: str, licence: str, audio: NDArray[np.int16]) -> Recording:
    return Recording(name, kind, "none", licence, audio, ((0.0, len(audio) / RATE, phones.SILENCE),))


def make(cache: Path, *, noise_folder: Path, seed: int = 0, progress: corpora.Progress = lambda done, what: None) -> corpora.Corpus:
    """Write the corpus of sound without speech, some twenty minutes; without `noise_folder` only what is made by formula."""
    made_from = corpora.fingerprint(seed, corpora.folder_state(noise_folder), corpora.source_of(__file__), corpora.held_out_text())
    if corpora.is_current(cache, CORPUS, made_from):
        return corpora.read_corpus(cache, CORPUS, split=None)
    progress(0.0, CORPUS)
    rng = np.random.default_rng(seed)
    return corpora.write_corpus(cache, CORPUS, [*_made(rng), *_recorded(rng, noise_folder)], made_from=made_from)
