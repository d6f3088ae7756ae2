"""What a recording goes through before it is heard: noise, rooms, narrow bands, low levels and a second channel; and sounds in which nobody speaks.

Everything is chosen by a clip's own name, so that every system hears the same and a second run gives the same figures. The recorded noises and
rooms are those that training/heldout_sounds.toml keeps from training; where they are not at hand, made ones stand in.
"""

from __future__ import annotations

import io
import tempfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import lru_cache, partial
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from a2f_addon.speech import audio
from training import corpora, phones, quiet
from training.corpora import RATE, Segment

Sound = NDArray[np.float32]
Samples = NDArray[np.int16] | NDArray[np.float32]
"""Samples at 16 kHz, counted as 16 bits count them; what was read from a file of more bits has fractions."""

CLEAN, NOISE, ROOM = "clean", "noise, 5 dB", "room"
NOISE_DB = 5.0
QUIETER_DB = -30.0
TELEPHONE_HZ = (300.0, 3400.0)
CLIP_S = 15.0
"""How long a clip of sound without speech is: so long that a mouth which opens by mistake has time to close by mistake."""


@dataclass(frozen=True)
class Sounds:
    """Held-out recordings, each float32 [samples] at 16 kHz: noises by their kind, and impulse responses that begin with the direct sound."""

    noises: Mapping[str, tuple[Sound, ...]] = field(default_factory=dict)
    rooms: tuple[Sound, ...] = ()


@lru_cache(maxsize=1)
def sounds(shared: Path) -> Sounds:
    """The held-out noises and rooms of a folder that holds `noise` and `rooms`."""
    noises: dict[str, tuple[Sound, ...]] = {}
    for path in sorted((shared / "noise" / "esc10").glob("*.opus")):
        if quiet.is_held_out("noise", path):
            kind = path.stem.split("__")[0].replace("_", " ")
            noises[kind] = (*noises.get(kind, ()), corpora.read_audio(path))
    kitchen = shared / "noise" / "kitchen.opus"
    if kitchen.is_file():
        later = corpora.read_audio(kitchen)[round(quiet.KITCHEN_S * RATE) :]
        noises["kitchen"] = tuple(np.array_split(later, max(1, len(later) // (10 * RATE))))
    rooms = tuple(_room(path) for path in sorted((shared / "rooms").glob("*.flac")) if quiet.is_held_out("rooms", path))
    return Sounds(noises, rooms)


def held_out_text() -> str:
    """training/heldout_sounds.toml as it stands."""
    return Path(quiet.__file__).with_name("heldout_sounds.toml").read_text(encoding="utf-8")


def _room(path: Path) -> Sound:
    """An impulse response from its direct sound on, so that the labels keep their times; of unit energy."""
    response = corpora.read_audio(path)
    response = response[int(np.abs(response).argmax()) :]
    return np.asarray(response / np.sqrt(np.sum(np.square(response, dtype=np.float64))), np.float32)


# ---- speech under conditions -----------------------------------------------------------------------------------------------------------------------

Change = Callable[[Samples, "Clip"], Samples]


@dataclass(frozen=True)
class Clip:
    """What a condition may know of an utterance beside its samples: its name, its phones, and what there is to mix it with."""

    id: str
    phones: tuple[Segment, ...]
    sounds: Sounds

    def one_of(self, items: tuple[Sound, ...]) -> Sound:
        """The one that this clip is always mixed with."""
        return items[zlib.crc32(self.id.encode()) % len(items)]

    @property
    def rng(self) -> np.random.Generator:
        """Chance that is the same for this clip each time."""
        return np.random.default_rng(zlib.crc32(self.id.encode()))


def noisy(samples: Samples, clip: Clip) -> Samples:
    """With a noise whose mean power lies NOISE_DB below the mean power of the speech, which is measured outside the pauses."""
    sound = _float(samples)
    choices = tuple(noise for of_kind in clip.sounds.noises.values() for noise in of_kind) or (pink(clip.rng, 5.0),)
    noise = np.resize(clip.one_of(choices), len(sound))
    gain = np.sqrt(_speech_power(sound, clip.phones) / max(float(np.mean(np.square(noise, dtype=np.float64))), 1e-12)) * 10 ** (-NOISE_DB / 20)
    return corpora.to_int16(sound + noise * np.float32(gain))


def _speech_power(sound: Sound, segments: tuple[Segment, ...]) -> float:
    spoken = [sound[round(start * RATE) : round(end * RATE)] for start, end, phone in segments if phone != phones.SILENCE]
    return float(np.mean(np.square(np.concatenate(spoken), dtype=np.float64))) if spoken else 0.0


def in_room(samples: Samples, clip: Clip) -> Samples:
    """As heard in a room: with an impulse response, as loud as before."""
    from scipy.signal import fftconvolve

    sound = _float(samples)
    response = clip.one_of(clip.sounds.rooms or (_made_room(clip.rng),))
    heard = fftconvolve(sound, response)[: len(sound)]
    return corpora.to_int16(heard * np.sqrt(np.mean(np.square(sound)) / max(float(np.mean(np.square(heard))), 1e-12)))


def _made_room(rng: np.random.Generator, decay_s: float = 0.5) -> Sound:
    times_s = np.arange(round(decay_s * RATE)) / RATE
    tail = rng.standard_normal(len(times_s)) * 10 ** (-3 * times_s / decay_s)
    tail *= 0.7 / np.sqrt(np.sum(tail**2))
    tail[0] = 1.0
    return np.asarray(tail, np.float32)


def telephone(samples: Samples, clip: Clip) -> Samples:
    """Through a telephone: 300 to 3400 Hz, sampled at 8 kHz, eight bits of mu-law (ITU-T G.711)."""
    spectrum = np.fft.rfft(_float(samples))
    hertz = np.fft.rfftfreq(len(samples), 1 / RATE)
    low, high = TELEPHONE_HZ
    octaves = np.maximum(0, np.log2(low / np.maximum(hertz, 1))) + np.maximum(0, np.log2(np.maximum(hertz, 1) / high))
    return decoded(_at_8khz(np.fft.irfft(spectrum * 10 ** (-48 * octaves / 20), len(samples))), rate=8_000, subtype="ULAW")


def at_8khz(samples: Samples, clip: Clip) -> Samples:
    """From a file of 8 kHz: all above 4 kHz is gone. (Of 8 kHz of bandwidth a corpus at 16 kHz has no more than that anyway.)"""
    return decoded(_at_8khz(_float(samples)), rate=8_000)


def quieter(samples: Samples, clip: Clip, *, subtype: str = "PCM_24") -> Samples:
    """Turned down by 30 dB and written to a file, of 24 bits as recorders have them."""
    return decoded(_float(samples) * np.float32(10 ** (QUIETER_DB / 20)), rate=RATE, subtype=subtype)


def stereo(samples: Samples, clip: Clip, *, subtype: str = "PCM_24") -> Samples:
    """From a file of two channels, the voice twice as strong in the one as in the other; of 24 bits, as recorders have them."""
    sound = _float(samples)
    return decoded(np.stack((sound, 0.5 * sound), axis=1), rate=RATE, subtype=subtype)


def decoded(sound: NDArray[np.floating], *, rate: int, subtype: str = "PCM_16") -> Samples:
    """What the add-on's own reading makes of a WAV file with this sound, [samples] or [samples, channels]: at 16 kHz."""
    import soundfile

    with tempfile.NamedTemporaryFile(suffix=".wav") as file:
        written = io.BytesIO()
        soundfile.write(written, sound, rate, subtype=subtype, format="WAV")
        file.write(written.getvalue())
        file.flush()
        with audio.open_speech(Path(file.name), rate=RATE) as speech:
            heard = np.concatenate(list(speech.blocks))
    return np.asarray(heard * 32_768, np.float32)


def _at_8khz(sound: NDArray[np.floating]) -> NDArray[np.floating]:
    from scipy.signal import resample_poly

    return np.asarray(resample_poly(sound, 1, 2))


def _float(samples: Samples) -> Sound:
    return samples.astype(np.float32) / 32_768


#: What every recording of a person is judged under.
CONDITIONS: dict[str, Change] = {
    CLEAN: lambda samples, clip: samples,
    NOISE: noisy,
    ROOM: in_room,
    "8 kHz": at_8khz,
    "telephone": telephone,
    "-30 dB": quieter,
    "-30 dB, 16 bits": partial(quieter, subtype="PCM_16"),
    "stereo": stereo,
    "stereo, 16 bits": partial(stereo, subtype="PCM_16"),
}
#: Those that must not move a closure.
HARMLESS = ("8 kHz", "-30 dB", "-30 dB, 16 bits", "stereo", "stereo, 16 bits")


# ---- nobody speaks ---------------------------------------------------------------------------------------------------------------------------------


def without_speech(found: Sounds, *, minutes: float, seed: int = 20_001) -> Iterator[tuple[str, Samples]]:
    """Sounds in which nobody speaks, by kind, so many minutes of each made kind and at most so many of each recorded one."""
    most = max(1, round(minutes * 60 / CLIP_S))
    for kind, recordings in found.noises.items():
        whole = np.concatenate(recordings)[: round(60 * minutes * RATE)]
        for part in np.array_split(whole, max(1, round(len(whole) / (CLIP_S * RATE)))):
            yield f"noise: {kind}", corpora.to_int16(part)
    rng = np.random.default_rng(seed)
    for kind, make in MADE.items():
        for _ in range(most):
            sound = make(rng, CLIP_S)
            loudest = max(float(np.abs(sound).max()), 1e-9)
            yield kind, corpora.to_int16(sound / loudest * 10 ** (rng.uniform(-30, -6) / 20) if kind != "silence" else sound)


def _times(seconds: float) -> NDArray[np.float64]:
    return np.arange(round(seconds * RATE)) / RATE


def pink(rng: np.random.Generator, seconds: float) -> Sound:
    """Noise of equal power in every octave."""
    spectrum = np.fft.rfft(rng.standard_normal(round(seconds * RATE)))
    spectrum[1:] /= np.sqrt(np.arange(1, len(spectrum)))
    spectrum[0] = 0
    noise = np.fft.irfft(spectrum, round(seconds * RATE))
    return np.asarray(0.1 * noise / max(float(np.std(noise)), 1e-9), np.float32)


def white(rng: np.random.Generator, seconds: float) -> Sound:
    """Noise of equal power at every frequency, 20 dB below full scale."""
    return np.asarray(0.1 * rng.standard_normal(round(seconds * RATE)), np.float32)


def tones(rng: np.random.Generator, seconds: float) -> Sound:
    """Sines, each held for one to three seconds, some with a slow vibrato."""
    times_s, sound, at = _times(seconds), np.zeros(round(seconds * RATE)), 0.0
    while at < seconds:
        lasts, hertz = rng.uniform(1, 3), 110 * 2 ** rng.uniform(0, 4)
        bend = rng.choice([0.0, 0.01]) * hertz / 5 * np.sin(2 * np.pi * 5 * times_s) / (2 * np.pi)
        fade = np.clip(np.minimum(times_s - at, at + lasts - times_s) / 0.03, 0, 1)
        sound += fade * np.sin(2 * np.pi * (hertz * times_s + bend))
        at += lasts
    return np.asarray(sound, np.float32)


def chords(rng: np.random.Generator, seconds: float) -> Sound:
    """A melody over sustained triads, as of an organ and strings: the pitches of a scale, overtones that fall off, two notes a second."""
    scale = (0, 2, 4, 5, 7, 9, 11)
    sound = np.zeros(round(seconds * RATE))
    for at in np.arange(0, seconds, 2.0):
        root = rng.integers(7)
        for step in (0, 2, 4):
            _add_note(sound, at, lasts=2.0, pitch=48 + scale[(root + step) % 7] + 12 * ((root + step) // 7), gain=0.5, fall=1.5)
        for beat in np.arange(at, at + 2, 0.5):
            _add_note(sound, beat, lasts=0.5, pitch=60 + scale[rng.integers(7)] + 12 * rng.integers(2), gain=1.0, fall=1.1)
    return np.asarray(sound, np.float32)


def _add_note(sound: NDArray[np.float64], at: float, *, lasts: float, pitch: float, gain: float, fall: float) -> None:
    """A MIDI pitch with eight overtones whose strength falls as their number to the power of `fall`."""
    first = round(at * RATE)
    since = np.arange(max(0, min(round(lasts * RATE), len(sound) - first))) / RATE
    hertz = 440 * 2 ** ((pitch - 69) / 12)
    shape = np.clip(np.minimum(since / 0.02, (lasts - since) / 0.08), 0, 1)
    sound[first : first + len(since)] += gain * shape * sum(np.sin(2 * np.pi * hertz * k * since) / k**fall for k in range(1, 9))


def drums(rng: np.random.Generator, seconds: float) -> Sound:
    """A bass line under kicks and snares, two beats a second."""
    times_s = _times(seconds)
    sound = np.zeros(len(times_s))
    for beat, at in enumerate(np.arange(0, seconds, 0.25)):
        since = np.maximum(times_s - at, 0)
        on = times_s >= at
        if beat % 4 == 0:
            sound += on * np.exp(-since * 12) * np.sin(2 * np.pi * (50 * since + 6 * (1 - np.exp(-since * 30))))
        if beat % 4 == 2:
            sound += on * np.exp(-since * 18) * 0.5 * rng.standard_normal(len(times_s))
        _add_note(sound, at, lasts=0.25, pitch=36 + rng.choice((0, 3, 5, 7)), gain=0.3, fall=1.3)
    return np.asarray(sound, np.float32)


def breath(rng: np.random.Generator, seconds: float) -> Sound:
    """In through the nose, out through the mouth, every four seconds: noise through a broad resonance, the way out lower and longer."""
    sound = np.zeros(round(seconds * RATE))
    hertz = np.fft.rfftfreq(len(sound), 1 / RATE)
    times_s = _times(seconds)
    for centre_hz, begins_s, lasts_s, level in ((2200.0, 0.3, 1.2, 0.7), (1100.0, 1.8, 1.6, 1.0)):
        spectrum = np.fft.rfft(rng.standard_normal(len(sound))) * np.exp(-(((hertz - centre_hz) / 900) ** 2))
        phase = (times_s + rng.uniform(0, 0.2)) % 4.0 - begins_s
        swell = np.where((phase > 0) & (phase < lasts_s), np.sin(np.pi * np.clip(phase / lasts_s, 0, 1)) ** 2, 0)
        sound += level * np.fft.irfft(spectrum, len(sound)) * swell
    return np.asarray(sound, np.float32)


def silence(rng: np.random.Generator, seconds: float) -> Sound:
    """Nothing, or a hiss 70 dB below full scale."""
    return np.asarray(rng.choice([0.0, 10 ** (-70 / 20)]) * rng.standard_normal(round(seconds * RATE)), np.float32)


MADE: dict[str, Callable[[np.random.Generator, float], Sound]] = {
    "music: chords": chords,
    "music: drums and bass": drums,
    "music: held tones": tones,
    "noise: pink": pink,
    "noise: white": white,
    "breath": breath,
    "silence": silence,
}
