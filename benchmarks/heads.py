"""The shapes of heads that others made, by ARKit's names."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from a2f_addon.face import arkit

IN_PARTS = ("browInnerUp", "cheekPuff")
"""Shapes that ARKit has whole and a head may have as two halves."""


def arkit_name(name: str) -> str:
    """ARKit's spelling of a name with its side at the end: browDown_L is browDownLeft."""
    return name[:-2] + {"L": "Left", "R": "Right"}[name[-1]] if name[-2:] in ("_L", "_R") else name


def table(names: Sequence[str], deltas: NDArray[np.floating]) -> NDArray[np.floating]:
    """A head's deltas [shapes, V, 3] as [52, V, 3] in the order of arkit.NAMES: halves added up, 0 for what the head lacks, others left out."""
    found = np.zeros((len(arkit.NAMES), *deltas.shape[1:]), deltas.dtype)
    for name, delta in zip(names, deltas, strict=True):
        whole = next((known for known in IN_PARTS if name.startswith(known)), arkit_name(name))
        if whole in arkit.NAMES:
            found[arkit.NAMES.index(whole)] += delta
    return found
