"""How strong the sound is, frame by frame, while the network listens."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

SILENT = 1e-14
"""Mean square of what is taken for silence: far under the last of 24 bits."""


def measured(audio: Floats, *, hop: int, first: int, count: int) -> Floats:
    """The mean square of each of some hops in decibels of a full-scale square wave, float32 [count].

    audio: float32 [samples]. first, count: the hops that are wanted, in hops from the beginning. Beyond the sound is silence.
    """
    piece = audio[first * hop : (first + count) * hop]
    hops = np.pad(piece, (0, count * hop - len(piece))).reshape(count, hop)
    return 10 * np.log10(np.einsum("ij,ij->i", hops, hops) / np.float32(hop) + np.float32(SILENT))
