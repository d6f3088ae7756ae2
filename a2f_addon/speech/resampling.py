"""Another sample rate, block by block, with no trace of where a block ended."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

CROSSINGS = 16
"""Zero crossings of the filter's sinc on each side. With the window below: 63 dB down after a transition a quarter of the band wide."""
KAISER_BETA = 6.0


def resampled(blocks: Iterable[Floats], *, source_rate: int, rate: int) -> Iterator[Floats]:
    """The same sound at another rate, float32 blocks of any lengths in, of other lengths out.

    What comes out, put together, is what resampling the whole gives, however the blocks were cut: ceil(n * rate / source_rate) samples for n,
    sample m standing at m / rate seconds. Before and after the sound is silence.
    """
    if source_rate == rate:
        yield from blocks
        return
    resampler = Resampler(source_rate, rate)
    for block in blocks:
        yield resampler.push(block)
    yield resampler.finish()


class Resampler:
    """A polyphase filter, a sinc under a Kaiser window (Oppenheim and Schafer, "Discrete-Time Signal Processing"), and what it still has to hear.

    Sample m of the output is the sum over the input n of ``taps[m * down - n * up + reach]``: the filter is centred, so nothing is delayed.
    """

    def __init__(self, source_rate: int, rate: int) -> None:
        shared = math.gcd(source_rate, rate)
        self._up, self._down = rate // shared, source_rate // shared
        self._reach = CROSSINGS * max(self._up, self._down)
        self._taps, self._skip = _taps(self._up, self._down, self._reach)
        self._held = np.zeros(0, np.float32)
        # A multiple of `down`, so that the first sample held falls on a sample of the output.
        self._held_from = 0
        self._heard = 0
        self._made = 0

    def push(self, block: Floats) -> Floats:
        """What can be said once these samples are heard: float32, perhaps none."""
        self._held = np.concatenate([self._held, block.astype(np.float32, copy=False)])
        self._heard += len(block)
        return self._upto(_ceil(self._heard * self._up - self._reach, self._down))

    def finish(self) -> Floats:
        """The rest, with silence after the last sample."""
        return self._upto(_ceil(self._heard * self._up, self._down))

    def _upto(self, end: int) -> Floats:
        """Samples of the output from the first that was not given yet to ``end``, exclusive."""
        from scipy.signal import upfirdn

        if end <= self._made:
            return np.zeros(0, np.float32)
        first = self._skip - self._held_from // self._down * self._up
        made = upfirdn(self._taps, self._held, self._up, self._down)[first + self._made : first + end]
        self._made = end
        self._forget(_ceil(end * self._down - self._reach, self._up))
        return made

    def _forget(self, before: int) -> None:
        """Drop the samples of the input that no later output hears."""
        keep_from = max(before, 0) // self._down * self._down
        self._held = self._held[keep_from - self._held_from :].copy()
        self._held_from = keep_from


def _taps(up: int, down: int, reach: int) -> tuple[Floats, int]:
    """The filter, with zeros before it that make its delay a whole number of output samples, and that number."""
    from scipy.signal import firwin

    before = -reach % down
    centred = up * firwin(2 * reach + 1, 1 / max(up, down), window=("kaiser", KAISER_BETA))
    return np.concatenate([np.zeros(before), centred]).astype(np.float32), (reach + before) // down


def _ceil(dividend: int, divisor: int) -> int:
    return -(-dividend // divisor)
