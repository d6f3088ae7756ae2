"""A recording as the model hears it: one channel at the model's sample rate, a block at a time, however long it is.

Nothing here holds a whole recording. The file is decoded, mixed and resampled in blocks, so that an hour needs no more memory than a minute.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import SoundError
from . import wholeness
from .resampling import resampled

Floats = NDArray[np.float32]
Overhear = Callable[[Floats, int], None]
"""Told a block of mono samples and their rate in hertz."""

BLOCK_SAMPLES = 1 << 17
"""Samples of all channels together that are decoded at once: half a megabyte."""
LOWEST_RATE, HIGHEST_RATE = 4_000, 384_000
"""Hertz. Below, no speech is left; above, no recorder goes, and a damaged header would ask for a filter of gigabytes."""
ROUNDING_S = 0.05
"""How far a span may reach past the end of the sound: a video frame of rounding, no more."""
UNSAID_FRAMES = 1 << 62
"""libsndfile gives the largest number there is for a stream whose header does not say its length."""
INEXACT = ("VORBIS", "OPUS", "MPEG")
"""Codecs in which a jump does not land on the sample: measured up to 0.6 of full scale off in Vorbis and 0.003 in Opus with libsndfile 1.2.2."""
LOUDEST_ALONE_DB = 12.0
"""Where the mean of the channels is this much quieter than the loudest of them, they cancel each other, or one among many speaks."""
LOOK_S = 10.0
"""How much audible sound decides how the channels are mixed."""
AUDIBLE = 1e-3
"""-60 dB of full scale."""
SIXTEENTH_BIT = np.float32(1 / 32_768)
"""The least that 16 bits tell apart, of full scale."""
LARGEST_SAMPLE = 1e6
"""Full scale is 1, or 32768 in some float files; what lies far beyond is damage."""


@dataclass(frozen=True)
class Recording:
    """A sound file or a span of it, to be heard once from beginning to end.

    name: of the file, for messages.
    rate: samples per second of the blocks.
    start_s: where the first sample stands in the file, seconds.
    samples: how many there will be, nearly; None where the file does not say how long it is.
    blocks: mono float32 of any lengths. Raises SoundError for what shows only on the way: an end too soon, samples that are no numbers.
    """

    name: str
    rate: int
    start_s: float
    samples: int | None
    blocks: Iterator[Floats]


@dataclass(frozen=True)
class _Span:
    """Frames of the file, ``last`` exclusive; None where the file does not say where it ends."""

    first: int
    last: int | None

    @property
    def frames(self) -> int | None:
        return None if self.last is None else self.last - self.first


@contextmanager
def open_speech(
    path: str | Path, start_s: float | None = None, end_s: float | None = None, *, rate: int, overhear: Overhear | None = None
) -> Iterator[Recording]:
    """A sound file, or its span from start_s to end_s seconds, as mono samples at ``rate`` hertz.

    Whatever libsndfile reads, of any sample rate from 4 to 384 kHz and any number of channels. Outside the span nothing is heard: it begins and ends
    as if silence lay around it. A span of n frames of the file gives ceil(n * rate / file's rate) samples.

    The channels are mixed to their mean, unless that is 12 dB or more below the loudest of them (a channel with its poles swapped, one voice in a 5.1
    mix): then the loudest is heard alone. The first ten audible seconds of the file decide, so that all its spans are heard alike.

    overhear: is told each block once it is mixed, at the file's own rate, for who wants to look at the sound itself.

    Raises SoundError for a file that is missing, empty, cut off or no sound, and for a span that cannot be or lies outside the sound.
    """
    path = Path(path)
    check_span(start_s, end_s)
    wholeness.check(path)
    with _opened(path) as file:
        span = _span(file, path.name, start_s, end_s)
        weights = _weights(path, channels=file.channels)
        mono = _mono(_decoded(file, path.name, span), weights, name=path.name, rate=file.samplerate)
        if overhear is not None:
            mono = _overheard(mono, overhear, rate=file.samplerate)
        samples = None if span.frames is None else -(-span.frames * rate // file.samplerate)
        yield Recording(path.name, rate, span.first / file.samplerate, samples, resampled(mono, source_rate=file.samplerate, rate=rate))


def check_span(start_s: float | None, end_s: float | None) -> None:
    """Raise SoundError for a span that no sound could have."""
    for name, value in (("start", start_s), ("end", end_s)):
        if value is not None and not (math.isfinite(value) and value >= 0):
            raise SoundError(f"The span's {name} must be a number of seconds from 0 on, not {value:g}.")
    if end_s is not None and end_s <= (start_s or 0.0):
        raise SoundError(f"The span must end after it begins, not run from {start_s or 0:g} s to {end_s:g} s.")


@contextmanager
def _opened(path: Path) -> Iterator[Any]:
    """The file, decoding; a SoundFile."""
    try:
        import soundfile
    except (ImportError, OSError) as error:
        raise SoundError(f"No sound can be read, because the package soundfile does not load ({error}); install the extension again.") from error
    try:
        file = soundfile.SoundFile(str(path))
    except (soundfile.SoundFileError, RuntimeError, TypeError) as error:
        raise SoundError(f"'{path.name}' is no sound that can be read; export it as WAV, FLAC, Ogg, Opus, MP3 or AIFF.") from error
    # After each block soundfile jumps to where it already is, if the file can jump; that disturbs Opus, and fails in a stream of unknown length.
    file.seekable = lambda: False
    with file:
        if not LOWEST_RATE <= file.samplerate <= HIGHEST_RATE:
            raise SoundError(f"'{path.name}' has {file.samplerate} samples a second; speech needs from {LOWEST_RATE} to {HIGHEST_RATE}.")
        yield file


def _span(file: Any, name: str, start_s: float | None, end_s: float | None) -> _Span:
    """The span in frames of the file. Raises SoundError where it lies outside the sound or holds nothing."""
    frames = _frames(file)
    if frames == 0:
        raise SoundError(f"'{name}' holds no samples; record or export it again.")
    first = round((start_s or 0.0) * file.samplerate)
    last = frames if end_s is None else round(end_s * file.samplerate)
    if frames is not None and last is not None:
        seconds = frames / file.samplerate
        if first >= frames:
            raise _outside(name, f"begins at {start_s:g} s, but the sound ends at {seconds:.3f} s")
        if last > frames + ROUNDING_S * file.samplerate:
            raise _outside(name, f"ends at {end_s:g} s, but the sound ends at {seconds:.3f} s")
        last = min(last, frames)
    if last is not None and last <= first:
        raise _outside(name, "is shorter than one sample")
    return _Span(first, last)


def _frames(file: Any) -> int | None:
    """How many frames the file says that it has, if it does."""
    return None if file.frames >= UNSAID_FRAMES else file.frames


def _outside(name: str, why: str) -> SoundError:
    return SoundError(f"The span of '{name}' {why}; choose a span inside the sound.")


def _decoded(file: Any, name: str, span: _Span) -> Iterator[Floats]:
    """The span as it is in the file, float32 [frames, channels] a block. Raises SoundError where the file ends before the span."""
    import soundfile

    heard = 0
    # What was recorded in 16 bits is decoded five times as fast as whole numbers, and is the same.
    kind, unit = ("int16", SIXTEENTH_BIT) if file.subtype == "PCM_16" else ("float32", None)
    try:
        _go_to(file, span.first)
        while block_frames := _next_frames(span, heard, channels=file.channels):
            block = file.read(block_frames, dtype=kind, always_2d=True)
            if not len(block):
                break
            heard += len(block)
            yield block if unit is None else block * unit
    except (soundfile.SoundFileError, RuntimeError) as error:
        raise wholeness.cut_off(name) from error
    if not heard:
        raise _outside(name, "begins after the sound's end")
    # An MP3 without an index has only a guess at its length, and one with it was measured before.
    if heard < (span.frames or 0) and not file.subtype.startswith("MPEG"):
        raise wholeness.cut_off(name)


def _next_frames(span: _Span, heard: int, *, channels: int) -> int:
    block = max(BLOCK_SAMPLES // channels, 1)
    return block if span.frames is None else min(block, span.frames - heard)


def _go_to(file: Any, frame: int) -> None:
    """Stand at a frame to the sample: by a jump where that is exact, by listening where it is not."""
    if _frames(file) and not file.subtype.startswith(INEXACT):
        file.seek(frame)
        return
    while frame > 0:
        heard = len(file.read(min(frame, BLOCK_SAMPLES), dtype="float32"))
        if not heard:
            return
        frame -= heard


def _weights(path: Path, *, channels: int) -> Floats:
    """How much of each channel is heard, float32 [channels]: see :func:`open_speech` for the rule."""
    mean = np.full(channels, 1 / channels, np.float32)
    if channels == 1:
        return mean
    each, mixed, audible = np.zeros(channels), 0.0, 0
    # A second reader, since a codec that cannot jump cannot go back either.
    with _opened(path) as file, np.errstate(all="ignore"):
        for block in _decoded(file, path.name, _Span(0, _frames(file))):
            if np.abs(block).max() > AUDIBLE:
                each += np.square(block).sum(axis=0)
                mixed += float(np.square(block @ mean).sum())
                audible += len(block)
            if audible >= LOOK_S * file.samplerate:
                break
    if mixed >= each.max() * 10 ** (-LOUDEST_ALONE_DB / 10):
        return mean
    return np.eye(channels, dtype=np.float32)[each.argmax()]


def _mono(blocks: Iterable[Floats], weights: Floats, *, name: str, rate: int) -> Iterator[Floats]:
    """One channel, float32 [frames] a block. Raises SoundError for samples that are no numbers, in whichever channel."""
    heard = 0
    for block in blocks:
        with np.errstate(all="ignore"):
            mono = _mixed(block, weights)
            # Not-a-number fails every comparison, and reaches every sum.
            sound = bool(np.abs(mono).max() < LARGEST_SAMPLE)
        if not sound:
            raise SoundError(f"'{name}' holds samples that are no numbers, or beyond all measure, near {heard / rate:.1f} s; export it again.")
        heard += len(block)
        yield mono


def _mixed(block: Floats, weights: Floats) -> Floats:
    """The weighted sum of the channels, float32 [frames]. Channel by channel: a product with so narrow a matrix is ten times as slow."""
    parts = [block[:, channel] * weight for channel, weight in enumerate(weights) if weight]
    return sum(parts[1:], parts[0])


def _overheard(blocks: Iterable[Floats], overhear: Overhear, *, rate: int) -> Iterator[Floats]:
    for block in blocks:
        overhear(block, rate)
        yield block
