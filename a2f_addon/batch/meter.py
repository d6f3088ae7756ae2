"""A look at a recording while it is heard, and what a person should know of it before they trust its face."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..face.curves import Speech

Floats = NDArray[np.float32]

FRAMES_PER_S = 100
FULL = 0.985
"""Of full scale: from here on a sample counts as clipped."""
CLIPPED = 1e-3
"""Share of the samples. Speech that is as loud as it can be without harm has about a tenth of that."""
QUIET_DB = -55.0
"""Below full scale, at its loudest 10 ms: nobody recorded a voice so softly on purpose."""
SPEAKING = 0.5
"""Up to this probability of silence, a frame is of speech."""
LEAST_SPOKEN = 0.1
"""Share of the recording."""
NOISY_DB = 15.0
"""Speech above the noise of its pauses. The model was trained down to 0 dB and begins to miss closures near 10."""
LONG_ENOUGH_S = 3.0
"""For what is counted over a recording as a whole."""
FAST_PHONES_PER_S = 18.5
"""Of nine corpora of read and prompted speech, 36 clips, one went beyond this; the same speech played twice as fast gives 22."""
LOW_SHARE = 0.15
"""Share of 20 ms frames quieter than half the mean of their second, which is high in speech with its syllables and pauses and low in music
(J. Saunders, "Real-time discrimination of broadcast speech/music", 1996; E. Scheirer and M. Slaney, 1997). Those clips have 0.17 and more, speech
over a chord 0."""


class Meter:
    """Told the blocks of a recording, it keeps the peak and the power of each 10 ms: ``peaks`` and ``powers``, float32 [frames]."""

    def __init__(self) -> None:
        self.samples = self.clipped = 0
        self._rest = np.zeros(0, np.float32)
        self._peaks: list[Floats] = []
        self._powers: list[Floats] = []
        self._rate = 0

    def __call__(self, block: Floats, rate: int) -> None:
        """Hear a block of mono samples at a rate in hertz."""
        self._rate = rate
        self.samples += len(block)
        self.clipped += int(np.count_nonzero(np.abs(block) >= FULL))
        held = np.concatenate([self._rest, block]) if len(self._rest) else block
        length = max(rate // FRAMES_PER_S, 1)
        count = len(held) // length
        frames = held[: count * length].reshape(count, length)
        self._rest = held[count * length :].copy()
        self._peaks.append(np.abs(frames).max(axis=1, initial=0).astype(np.float32))
        self._powers.append(np.square(frames).mean(axis=1).astype(np.float32) if count else np.zeros(0, np.float32))

    @property
    def peaks(self) -> Floats:
        """The largest sample of each 10 ms, from 0 on; float32 [frames]."""
        return np.concatenate([np.zeros(0, np.float32), *self._peaks])

    @property
    def powers(self) -> Floats:
        """The mean square of each 10 ms; float32 [frames]."""
        return np.concatenate([np.zeros(0, np.float32), *self._powers])

    @property
    def seconds(self) -> float:
        """How much was heard."""
        return self.samples / self._rate if self._rate else 0.0


def warnings(meter: Meter, speech: Speech) -> list[str]:
    """What should be known of a recording: sentences that begin with the kind, before a colon; none for a good one."""
    levels = _db(meter.powers)
    if not len(levels) or levels.max() < QUIET_DB:
        return ["Silence: the recording is silent, or too soft to trust what was heard in it."]
    found = []
    if meter.clipped > CLIPPED * meter.samples:
        found.append(f"Clipping: {meter.clipped / meter.samples:.1%} of the samples are at full scale; record it with less gain.")
    silence = _at(levels, speech, speech.probability("silence"))
    spoken = silence < SPEAKING
    if speech.classes.get("silence") and spoken.mean() < LEAST_SPOKEN:
        found.append(f"Silence: speech is heard in {spoken.mean():.0%} of the recording only.")
    # What fills the pauses takes the syllables' rise and fall away too.
    found += _noise(levels, silence) or _music(meter.powers, spoken)
    found += _hurry(speech)
    return found


def _noise(levels: Floats, silence: Floats) -> list[str]:
    spoken, pauses = levels[silence < SPEAKING], levels[silence > 0.9]
    if len(spoken) < FRAMES_PER_S // 2 or len(pauses) < FRAMES_PER_S // 4:
        return []
    above = float(np.percentile(spoken, 75) - np.median(pauses))
    return [f"Noise: the pauses are only {above:.0f} dB softer than the speech; small closures may be missed."] if above < NOISY_DB else []


def _music(powers: Floats, spoken: NDArray[np.bool_]) -> list[str]:
    """Loud throughout, without the rise and fall of syllables."""
    pairs = len(powers) // 2
    loudness = np.sqrt(powers[: 2 * pairs].reshape(pairs, 2).mean(axis=1))
    seconds = len(loudness) // 50
    if seconds < LONG_ENOUGH_S or spoken.mean() < 0.3:
        return []
    each = loudness[: seconds * 50].reshape(seconds, 50)
    low = float((each < 0.5 * each.mean(axis=1, keepdims=True)).mean())
    return ["Music: the sound has not the rise and fall of speech; music or a hum may lie beneath it."] if low < LOW_SHARE else []


def _hurry(speech: Speech) -> list[str]:
    spoken = speech.probability("silence") < SPEAKING
    seconds = np.count_nonzero(spoken) / speech.fps
    if seconds < LONG_ENOUGH_S or not speech.classes.get("silence"):
        return []
    best = speech.phones.argmax(axis=1)
    rate = np.count_nonzero((best[1:] != best[:-1]) & spoken[1:]) / seconds
    return [f"Very fast speech: {rate:.0f} sounds a second; look at the closures."] if rate > FAST_PHONES_PER_S else []


def _at(levels: Floats, speech: Speech, curve: Floats) -> Floats:
    """A curve of the speech at each 10 ms of the sound."""
    if not len(speech):
        return np.ones(len(levels), np.float32)
    places = (np.arange(len(levels)) + 0.5) / FRAMES_PER_S * speech.fps
    return curve[np.minimum(places.astype(int), len(curve) - 1)]


def _db(powers: Floats) -> Floats:
    return (10 * np.log10(np.maximum(powers, 1e-12))).astype(np.float32)
