"""Clips for training, cut from the cache and made as different as the world is: other speeds, throats, microphones, rooms and noises.

Most of it happens to a whole batch at once in the frequency domain: one transform in, products of curves, one transform out.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from training import corpora, network, phones, quiet, recombine, targets
from training.corpora import RATE, Corpus, Utterance

Floats = NDArray[np.float32]

CLIP_S = 4.0
LEAD_S = 0.5
"""Heard before the clip and then cut away, so that a room rings with what went before, and the transform's wrap-around falls into it."""
CLIP, LEAD = round(CLIP_S * RATE), round(LEAD_S * RATE)
WHOLE = LEAD + CLIP
FRAMES = CLIP // network.HOP
LABEL_HZ = 100.0
"""Labels are kept twice as finely as the network's frames: a frame at a boundary is half of each phone."""
LABELS = round(CLIP_S * LABEL_HZ)
SIL = phones.PHONES.index(phones.SILENCE)

#: The share of clips of each corpus: four fifths of the speech are of people (or of neural voices of people), and two fifths are not English.
#: A corpus of many speakers counts more than its length, one of a single reader less. A corpus that is not named here counts as OTHER_SHARE.
SHARES: dict[str, float] = {
    "en_kathleen": 0.06,
    "neural_voices": 0.10,
    "en_wakewords": 0.05,
    "en_librispeech_clean": 0.13,
    "en_coffee_orders": 0.07,
    "precise_community": 0.02,
    "de_kerstin": 0.09,
    "neural_world": 0.09,
    "kokoro": 0.10,
    "klettres": 0.025,
    "asterisk_en": 0.02,
    "asterisk_es": 0.025,
    "asterisk_fr": 0.025,
    "asterisk_it": 0.025,
    "asterisk_ru": 0.015,
    "ru_nsh": 0.06,
    "espeak_en": 0.04,
    "espeak_world": 0.10,
    "flite": 0.03,
    "festival": 0.03,
    "festival_world": 0.07,
    "quiet": 0.08,
}
OTHER_SHARE = 0.05
QUIET = "quiet"

#: What a voice can hold, and how long in labels it must be for a pitch to be found in it.
HELD = frozenset(phones.PHONES.index(phone) for phone in (*phones.VOWELS, "M"))
HELD_FROM = 8

SPEED = 0.18
WARPS = np.linspace(0.84, 1.19, 29)
ROOMS = 96
BANDS = ((300.0, 3400.0), (20.0, 3900.0))
"""What gets through in hertz: a telephone, and a sound of 8,000 samples a second."""
HELD_OPEN = 2
"""Hundredths of a second by which a compressor or gate knows what comes and remembers what was."""
HISS = 8 * CLIP
"""Samples of white noise that are drawn once and cut anew for every clip: drawing them each time would take longer than the rest."""


@dataclass(frozen=True)
class Odds:
    """How often a clip meets each change, 0 to 1."""

    recombined: float = 0.5
    held: float = 0.15
    speed: float = 0.6
    throat: float = 0.7
    microphone: float = 0.6
    narrow: float = 0.3
    room: float = 0.45
    noise: float = 0.6
    clipped: float = 0.08
    processed: float = 0.15
    coarse: float = 0.12


@dataclass(frozen=True)
class Batch:
    """audio: float32 [batch, CLIP]. phones: int64 [batch, LABELS], at LABEL_HZ. curves: float32 [batch, FRAMES, channels], in the order of
    network.CHANNELS. warp: int64 [batch], rows of `mel_table`."""

    audio: Floats
    phones: NDArray[np.int64]
    curves: Floats
    warp: NDArray[np.int64]


@lru_cache(maxsize=1)
def mel_table() -> Floats:
    """Mel weights of throats of all lengths, float32 [len(WARPS), bins, mels]."""
    return np.stack([network.mel_weights(warp) for warp in WARPS])


# ---- what the clips are cut from -------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Labelled:
    """A corpus with its labels worked out at LABEL_HZ, its utterances one after the other.

    phones: uint8 [labels]; curves: float16 [labels, channels]; first: int64 [utterances + 1], where each one's labels begin.
    """

    corpus: Corpus
    phones: NDArray[np.uint8]
    curves: NDArray[np.float16]
    first: NDArray[np.int64]


def label(corpus: Corpus) -> Labelled:
    """Work out a corpus's labels: its phones and, with each speaker's vocal effort, the mouth's curves."""
    counts = [int(utterance.duration_s * LABEL_HZ) for utterance in corpus.utterances]
    first = np.concatenate(([0], np.cumsum(counts)))
    ids = np.zeros(first[-1], np.uint8)
    curves = np.zeros((first[-1], len(network.CHANNELS)), np.float16)
    for utterance, start, count in zip(corpus.utterances, first[:-1], counts, strict=True):
        ids[start : start + count] = phone_ids(utterance, frames=count)
        curves[start : start + count] = mouth(utterance, corpus.audio(utterance), frames=count)
    return Labelled(corpus, ids, curves, first)


def phone_ids(utterance: Utterance, *, frames: int) -> NDArray[np.int64]:
    """The phone at each label, rows of phones.PHONES, int64 [frames]."""
    ends = np.array([end for _, end, _ in utterance.phones])
    rows = np.array([phones.PHONES.index(phone) for _, _, phone in utterance.phones])
    times = (np.arange(frames) + 0.5) / LABEL_HZ
    return rows[np.minimum(np.searchsorted(ends, times, side="right"), len(rows) - 1)]


def mouth(utterance: Utterance, audio: NDArray[np.int16], *, frames: int) -> Floats:
    """The mouth's channels at each label, float32 [frames, channels]."""
    effort = targets.effort(audio.astype(np.float32) / 32_768, utterance.phones, LABEL_HZ, frames=frames)
    return targets.curves(utterance.phones, frames=frames, fps=LABEL_HZ, effort=effort)[:, network.COLUMNS]


class Source:
    """Clips of all corpora by their shares, endlessly. Everything random comes of the seed."""

    def __init__(self, labelled: Mapping[str, Labelled], *, rooms: Path | None, seed: int, odds: Odds | None = None) -> None:
        """rooms: a folder of impulse responses to mix with the made ones, where there is one. Raises ValueError without any utterance."""
        self._rng = np.random.default_rng(seed)
        self._labelled = {name: one for name, one in labelled.items() if one.corpus.utterances}
        if not self._labelled:
            raise ValueError("there is no utterance to train on")
        self._odds = odds or Odds()
        shares = np.array([SHARES.get(name, OTHER_SHARE) for name in self._labelled])
        self._shares = shares / shares.sum()
        self._joints = {name: recombine.Joints(one) for name, one in self._labelled.items() if name != QUIET}
        self._rooms = _room_spectra(self._rng, rooms)
        self._hiss = self._rng.standard_normal(HISS, np.float32)

    def batch(self, size: int) -> Batch:
        """The next `size` clips."""
        rng, odds = self._rng, self._odds
        cuts = [self._cut() for _ in range(size)]
        ids, curves = (np.stack([cut[i] for cut in cuts]) for i in (1, 2))
        spectra = np.stack([cut[0] for cut in cuts])
        spectra *= _microphones(rng, size, odds)
        rings = np.flatnonzero(rng.random(size) < odds.room)
        spectra[rings] *= self._rooms[rng.integers(len(self._rooms), size=len(rings))]
        audio = _irfft(spectra, WHOLE)[:, LEAD:]
        audio = self._with_noise(_levelled(audio))
        audio = _coarse(rng, _clipped(rng, _processed(rng, audio, odds), odds), odds)
        warp = np.where(rng.random(size) < odds.throat, rng.integers(len(WARPS), size=size), np.abs(WARPS - 1).argmin())
        return Batch(audio, ids.astype(np.int64), curves.astype(np.float32), warp)

    def _cut(self) -> tuple[NDArray[np.complex64], NDArray[Any], NDArray[Any]]:
        """A clip: its spectrum (of WHOLE samples at its new speed), its phones and its curves."""
        rng = self._rng
        speed = 1 + rng.uniform(-SPEED, SPEED) if rng.random() < self._odds.speed else 1.0
        samples = _fast_length(round(WHOLE * speed))
        audio, ids, curves = self._stretch(samples)
        if rng.random() < self._odds.held:
            audio, ids, curves = hold(rng, audio, ids, curves)
        spectrum = _rfft(audio)[: WHOLE // 2 + 1]
        spectrum = np.pad(spectrum, (0, WHOLE // 2 + 1 - len(spectrum)))
        seconds = LEAD_S + (np.arange(LABELS) + 0.5) / LABEL_HZ
        # By what the stretch really is shortened to a clip: its length is a little over what the speed asks, for the sake of the transform.
        places = np.minimum((seconds * samples / WHOLE * LABEL_HZ).astype(int), len(ids) - 1)
        return spectrum, ids[places], curves[places].reshape(FRAMES, -1, curves.shape[1]).mean(1, dtype=np.float32)

    def _stretch(self, samples: int) -> tuple[Floats, NDArray[Any], NDArray[Any]]:
        """So many samples of one corpus and their labels: a piece of a long utterance, or short ones with pauses between them, or pieces of one
        speaker's put together anew."""
        rng = self._rng
        name = str(rng.choice(list(self._labelled), p=self._shares))
        labelled = self._labelled[name]
        if name in self._joints and rng.random() < self._odds.recombined:
            return self._joints[name].clip(rng, samples)
        length = round(samples / RATE * LABEL_HZ)
        audio, ids, curves = np.zeros(samples, np.float32), np.full(length, SIL, np.uint8), np.zeros((length, len(network.CHANNELS)), np.float16)
        at = -1
        while at < length:
            row = int(rng.integers(len(labelled.corpus.utterances)))
            first, count = labelled.first[row], labelled.first[row + 1] - labelled.first[row]
            if at < 0:
                at = _entry(rng, count, length)
            skip = max(0, -at)
            keep = min(count - skip, length - max(at, 0))
            if keep > 0:
                to, source = slice(max(at, 0), max(at, 0) + keep), slice(first + skip, first + skip + keep)
                ids[to], curves[to] = labelled.phones[source], labelled.curves[source]
                _place(audio, labelled.corpus.audio(labelled.corpus.utterances[row]), at=at)
            at += max(int(count), 1) + int(rng.integers(5, 90))
        return audio, ids, curves

    def _with_noise(self, audio: Floats) -> Floats:
        """The clips, of unit power where they sound, each perhaps with noise at 0 to 25 dB below (babble at 5 to 25), and a faint hiss."""
        rng = self._rng
        hiss_gain = 10 ** (rng.uniform(-75, -40, (len(audio), 1)) / 20)
        noisy = audio + np.stack([self._white() for _ in audio]) * hiss_gain.astype(np.float32)
        for row in np.flatnonzero(rng.random(len(audio)) < self._odds.noise):
            kind = rng.random()
            if kind < 0.3:
                others = audio[rng.choice(len(audio), size=min(len(audio), 4), replace=False)]
                noise, least_db = np.roll(others.sum(0), int(rng.integers(CLIP))), 5.0
            elif kind < 0.75 and QUIET in self._labelled:
                noise, least_db = self._recorded_noise(), 0.0
            else:
                noise, least_db = self._coloured(), 0.0
            below_db = rng.uniform(least_db, 25.0)
            noisy[row] += noise * (10 ** (-below_db / 20) / max(float(np.sqrt(np.mean(noise**2))), 1e-6))
        return noisy

    def _recorded_noise(self) -> Floats:
        quiet = self._labelled[QUIET].corpus
        whole = quiet.audio(quiet.utterances[int(self._rng.integers(len(quiet.utterances)))])
        start = int(self._rng.integers(max(1, len(whole) - CLIP)))
        piece = whole[start : start + CLIP].astype(np.float32) / 32_768
        return np.resize(piece, CLIP)

    def _white(self) -> Floats:
        start = int(self._rng.integers(HISS - CLIP))
        return self._hiss[start : start + CLIP]

    def _coloured(self) -> Floats:
        """Steady noise between white and brown."""
        spectrum = _rfft(self._white())
        return _irfft(spectrum / np.maximum(1, np.arange(len(spectrum))) ** self._rng.uniform(0, 1), CLIP)


def _entry(rng: np.random.Generator, count: int, length: int) -> int:
    """Where a stretch's first utterance begins, in labels: before its start if it is long, in it or a little before if it is short."""
    return int(rng.integers(-max(0, count - length // 2), 50))


def _place(audio: Floats, utterance: NDArray[np.int16], *, at: int) -> None:
    """Write an utterance into the stretch, from label `at` on, which may lie before its start."""
    start = round(at * RATE / LABEL_HZ)
    piece = utterance[max(0, -start) : max(0, len(audio) - start)]
    audio[max(start, 0) : max(start, 0) + len(piece)] = piece.astype(np.float32) / 32_768


# ---- a held vowel ----------------------------------------------------------------------------------------------------------------------------------


def hold(rng: np.random.Generator, audio: Floats, ids: NDArray[Any], curves: NDArray[Any]) -> tuple[Floats, NDArray[Any], NDArray[Any]]:
    """The same stretch with one of its vowels, or an M, held for some 0.3 to 2.5 s, as in a cry or a song; what no longer fits is cut off.

    Corpora of read sentences have none, and a network that never heard one takes it for music and shuts the mouth.
    """
    runs = np.flatnonzero(np.diff(np.concatenate(([0], ids, [0]))))
    long = [(a, b) for a, b in pairwise(runs) if b - a >= HELD_FROM and ids[min(a, len(ids) - 1)] in HELD]
    if not long:
        return audio, ids, curves
    start, end = long[int(rng.integers(len(long)))]
    middle, extra = (start + end) // 2, int(rng.integers(30, 250))
    step = round(RATE / LABEL_HZ)
    chunk = audio[(start + 1) * step : (middle + (end - start) // 4) * step]
    insert = sustained(rng, chunk, extra * step)
    at = (start + 1) * step + len(chunk)
    fade = np.linspace(0, 1, step, dtype=np.float32)
    after = audio[at:].copy()
    if len(after) >= step:
        insert[-step:] = insert[-step:] * (1 - fade) + after[:step] * fade
        after = after[step:]
    longer = np.concatenate((audio[:at], insert, after))[: len(audio)]
    rows = np.concatenate((np.arange(middle), np.full(extra, middle), np.arange(middle, len(ids))))[: len(ids)]
    return np.pad(longer, (0, len(audio) - len(longer))), ids[rows], curves[rows]


def sustained(rng: np.random.Generator, chunk: Floats, samples: int) -> Floats:
    """A piece of a vowel gone round and round, by as many pitch periods as fit best, with vibrato, a glide and a swell: float32 [samples]."""
    lag = _period(chunk)
    fade = max(1, min(lag // 4, len(chunk) - lag))
    loop = chunk[-lag:].copy()
    ramp = np.linspace(0, 1, fade, dtype=np.float32)
    loop[-fade:] = loop[-fade:] * (1 - ramp) + chunk[len(chunk) - lag - fade : len(chunk) - lag] * ramp
    times_s = np.arange(samples) / RATE
    vibrato = rng.uniform(0, 0.03) * np.sin(2 * np.pi * rng.uniform(3, 7) * times_s)
    glide = rng.uniform(-0.15, 0.15) * np.linspace(0, 1, samples)
    places = np.cumsum(1 + vibrato + glide) % lag
    swell_db = np.interp(np.linspace(0, 1, samples), np.linspace(0, 1, 5), [0.0, *rng.normal(0, 3, 3), 0.0])
    looped = np.interp(places, np.arange(lag + 1), np.append(loop, loop[0]))
    return np.asarray(looped * 10 ** (swell_db / 20), np.float32)


def _period(chunk: Floats) -> int:
    """The lag, between two fifths and four fifths of the piece, at which it is most like itself."""
    power = _rfft(np.pad(chunk, (0, len(chunk))))
    alike = _irfft(np.square(np.abs(power)).astype(np.complex64), 2 * len(chunk))[: len(chunk)]
    alike = alike / np.arange(len(chunk), 0, -1)
    low, high = 2 * len(chunk) // 5, 4 * len(chunk) // 5
    return low + int(alike[low:high].argmax())


# ---- changes of a batch ----------------------------------------------------------------------------------------------------------------------------


def _microphones(rng: np.random.Generator, size: int, odds: Odds) -> Floats:
    """Gains over frequency, float32 [size, bins]: smooth colourings of up to 12 dB either way, and narrow bands as of a telephone."""
    hertz = np.fft.rfftfreq(WHOLE, 1 / RATE)
    place = network.mel_scale(hertz) / network.mel_scale(RATE / 2)
    knots = np.linspace(0, 1, 9)
    gains_db = np.zeros((size, len(hertz)), np.float32)
    for row in np.flatnonzero(rng.random(size) < odds.microphone):
        gains_db[row] = np.interp(place, knots, rng.uniform(-12, 12) * (knots - 0.5) + rng.normal(0, 4, len(knots)))
    for row in np.flatnonzero(rng.random(size) < odds.narrow):
        low_hz, high_hz = BANDS[int(rng.integers(len(BANDS)))] if rng.random() < 0.6 else (rng.uniform(20, 300), rng.uniform(2800, 7000))
        octaves = np.maximum(0, np.log2(low_hz / np.maximum(hertz, 1))) + np.maximum(0, np.log2(np.maximum(hertz, 1) / high_hz))
        gains_db[row] -= np.minimum(rng.uniform(24, 90) * octaves, 70).astype(np.float32)
    return np.asarray(10 ** (gains_db / 20), np.float32)


def _room_spectra(rng: np.random.Generator, folder: Path | None) -> NDArray[np.complex64]:
    """Transfer functions of rooms, complex64 [rooms, bins]: recorded ones but the held-out, each channel a room, and made ones up to ROOMS."""
    responses = [_made_room(rng) for _ in range(ROOMS)]
    recorded = sorted(folder.glob("*.flac")) if folder and folder.is_dir() else []
    for i, path in enumerate(path for path in recorded if not quiet.is_held_out("rooms", path)):
        responses[2 * i : 2 * i + 2] = [_direct_first(channel) for channel in _channels(path)[:2]]
    return np.asarray(_rfft(np.stack([np.pad(response, (0, WHOLE - len(response))) for response in responses])), np.complex64)


def _channels(path: Path) -> list[Floats]:
    import soundfile

    samples, rate = soundfile.read(path, dtype="float32", always_2d=True)
    return [corpora.resample(channel, rate=rate) for channel in samples.T]


def _direct_first(response: Floats) -> Floats:
    """An impulse response from its direct sound on, no longer than the lead, faded out and of unit energy: the labels keep their times."""
    response = np.array(response[int(np.abs(response).argmax()) :][:LEAD], np.float32)
    fade = min(len(response), LEAD // 4)
    response[-fade:] *= np.linspace(1, 0, fade, dtype=np.float32)
    return np.asarray(response / max(float(np.sqrt(np.sum(response**2))), 1e-9), np.float32)


def _made_room(rng: np.random.Generator) -> Floats:
    """Exponentially decaying noise after the direct sound (Moorer, "About this reverberation business", 1979)."""
    decay_s = rng.uniform(0.12, 0.8)
    times_s = np.arange(LEAD) / RATE
    tail = rng.standard_normal(LEAD) * 10 ** (-3 * times_s / decay_s)
    tail[: int(rng.uniform(0.001, 0.012) * RATE)] = 0
    tail *= 10 ** (-rng.uniform(-3, 12) / 20) / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    return _direct_first(tail.astype(np.float32))


def _levelled(audio: Floats) -> Floats:
    """Clips of unit power over those tenths of a second that are within 25 dB of the loudest; silence stays as it is."""
    power = np.square(audio).reshape(len(audio), -1, RATE // 10).mean(2)
    loud = power > 10**-2.5 * power.max(1, keepdims=True)
    mean = (power * loud).sum(1) / np.maximum(loud.sum(1), 1)
    return np.asarray(audio / np.sqrt(np.maximum(mean, 1e-9))[:, None], np.float32)


def _processed(rng: np.random.Generator, audio: Floats, odds: Odds) -> Floats:
    """Some clips, of unit power, as after a compressor, which lifts what is quiet, or after a gate, which makes it quieter still."""
    hop = RATE // 100
    for row in np.flatnonzero(rng.random(len(audio)) < odds.processed):
        power = np.square(audio[row]).reshape(-1, hop).mean(1)
        held = np.stack([np.roll(power, by) for by in range(-HELD_OPEN, HELD_OPEN + 1)]).max(0)
        level_db = 10 * np.log10(held + 1e-9)
        if rng.random() < 0.5:
            gain_db = np.clip(-rng.uniform(0.2, 0.7) * level_db, -10, 20)
        else:
            gain_db = np.clip(rng.uniform(0.5, 4) * (level_db + rng.uniform(22, 40)), -40, 0)
        places = (np.arange(len(gain_db)) + 0.5) * hop
        audio[row] *= 10 ** (np.interp(np.arange(len(audio[row])), places, gain_db) / 20)
    return audio


def _clipped(rng: np.random.Generator, audio: Floats, odds: Odds) -> Floats:
    """Some clips with their peaks cut off."""
    for row in np.flatnonzero(rng.random(len(audio)) < odds.clipped):
        limit = float(np.abs(audio[row]).max()) * 10 ** (-rng.uniform(3, 18) / 20)
        audio[row] = np.clip(audio[row], -limit, limit)
    return audio


def _coarse(rng: np.random.Generator, audio: Floats, odds: Odds) -> Floats:
    """Clips at a recording's usual level, some in few steps, as after a very quiet recording with 16 bits."""
    audio = audio * np.float32(0.05)
    for row in np.flatnonzero(rng.random(len(audio)) < odds.coarse):
        step = np.float32(10 ** (rng.uniform(-78, -44) / 20))
        audio[row] = np.round(audio[row] / step) * step
    return audio


def _fast_length(samples: int) -> int:
    from scipy.fft import next_fast_len

    return int(next_fast_len(samples, real=True))


def _rfft(audio: Floats) -> NDArray[np.complex64]:
    from scipy.fft import rfft

    return np.asarray(rfft(audio), np.complex64)


def _irfft(spectra: NDArray[np.complex64], samples: int) -> Floats:
    from scipy.fft import irfft

    return np.asarray(irfft(spectra, samples), np.float32)
