"""Another sample rate, block by block, with no trace of where a block ended."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
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

    The rates are as ``up`` to ``down``, so that sample m of the output stands at ``m * down / up`` samples of the input. It is the sum of
    ``2 * reach`` samples around there, weighted by one of ``up`` sets of taps. The filter is centred: nothing is delayed.
    """

    def __init__(self, source_rate: int, rate: int) -> None:
        shared = math.gcd(source_rate, rate)
        self._up, self._down = rate // shared, source_rate // shared
        self._reach, self._taps = _taps(self._up, self._down)
        # Silence before the sound; from then on always what the next output hears, from its first sample on.
        self._held = np.zeros(self._reach, np.float32)
        self._held_from = -self._reach
        self._heard = 0
        self._made = 0

    def push(self, block: Floats) -> Floats:
        """What can be said once these samples are heard: float32, perhaps none."""
        self._held = np.concatenate([self._held, block.astype(np.float32, copy=False)])
        self._heard += len(block)
        # Output m hears the input up to floor(m * down / up) + reach.
        return self._upto(_ceil((self._heard - self._reach) * self._up, self._down))

    def finish(self) -> Floats:
        """The rest, with silence after the last sample."""
        self._held = np.concatenate([self._held, np.zeros(self._reach, np.float32)])
        return self._upto(_ceil(self._heard * self._up, self._down))

    def _upto(self, end: int) -> Floats:
        """Samples of the output from the first that was not given yet to ``end``, exclusive."""
        if end <= self._made:
            return np.zeros(0, np.float32)
        made = np.empty(end - self._made, np.float32)
        windows = sliding_window_view(self._held, 2 * self._reach)
        # Every so many outputs the taps are the same, and their windows so far apart that none overlaps the next: one product of matrices.
        times = _ceil(2 * self._reach, self._down)
        for first in range(min(times * self._up, len(made))):
            place, phase = divmod((self._made + first) * self._down, self._up)
            same = made[first :: times * self._up]
            begin = place - self._reach + 1 - self._held_from
            np.matmul(windows[begin :: times * self._down][: len(same)], self._taps[phase], out=same)
        self._made = end
        self._forget(end * self._down // self._up - self._reach + 1)
        return made

    def _forget(self, before: int) -> None:
        """Drop the samples of the input that no later output hears."""
        self._held = self._held[before - self._held_from :].copy()
        self._held_from = before


def _taps(up: int, down: int) -> tuple[int, Floats]:
    """How many samples of the input an output hears on each side, and the weights, float32 [up, 2 * reach], the earliest first.

    Row p is for an output p / up of a sample after the last of the input's first half.
    """
    # Whichever rate is lower sets the band: a crossing of the sinc lies that far apart, in samples of the input.
    crossing = max(down / up, 1.0)
    reach = math.ceil(CROSSINGS * crossing)
    distance = (np.arange(1 - reach, reach + 1) - np.arange(up)[:, None] / up) / crossing
    inside = np.sqrt(np.clip(1 - (distance / CROSSINGS) ** 2, 0, None))
    taps = np.sinc(distance) * np.i0(KAISER_BETA * inside) * (np.abs(distance) <= CROSSINGS)
    return reach, (taps / taps.sum(axis=1, keepdims=True)).astype(np.float32)


def _ceil(dividend: int, divisor: int) -> int:
    return -(-dividend // divisor)
