"""Cutting a stream of sound into windows that overlap by what the network remembers and awaits."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


@dataclass(frozen=True)
class Window:
    """A piece of sound, and which of the frames that come of it count.

    audio: float32 [samples], a whole number of hops.
    skip: frames to leave out at its beginning. keep: frames that count after them; what follows is left out too.
    """

    audio: Floats
    skip: int
    keep: int


def windows(blocks: Iterable[Floats], *, hop: int, look_back: int, look_ahead: int, align: int, length: int) -> Iterator[Window]:
    """Windows whose kept frames, put together, are those of the whole sound: one for each hop, the last hop filled up with silence.

    All figures in samples. Each window begins at a multiple of ``align`` and of ``hop`` and holds, around some ``length`` samples that count,
    at least ``look_back`` and ``look_ahead`` more, except where the sound itself begins and ends.
    """
    grid = math.lcm(hop, align)
    back, length = _up(look_back, grid), _up(length, grid)
    ahead = _up(look_ahead, hop)
    held, held_from, core = np.zeros(0, np.float32), 0, 0
    for block in blocks:
        held = np.concatenate([held, block])
        while held_from + len(held) >= core + length + ahead:
            yield Window(held[: core + length + ahead - held_from], (core - held_from) // hop, length // hop)
            core += length
            keep_from = max(core - back, 0)
            held, held_from = held[keep_from - held_from :], keep_from
    rest = held_from + len(held) - core
    if rest > 0:
        padded = np.pad(held, (0, -len(held) % hop))
        yield Window(padded, (core - held_from) // hop, -(-rest // hop))


def _up(samples: int, step: int) -> int:
    """To the next multiple of a step."""
    return -(-samples // step) * step
