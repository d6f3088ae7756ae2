"""A line of the report, small enough for thousands of them: each curve a text of one letter a column."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from ..face import closure
from ..face.curves import FaceCurves, Speech
from .meter import Meter

COLUMNS = 120
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
LETTERS = {"silence": ".", "closed": "m", "labiodental": "f", "rounded": "u", "open": "a", "spread": "i"}
SHORT = ("closed", "labiodental")
OTHER = "-"
"""A phone of no class."""


def draw(meter: Meter, speech: Speech, curves: FaceCurves) -> dict[str, str]:
    """Waveform, visemes, jaw and the gap between the lips over the whole recording, COLUMNS letters each.

    Curves: a digit in base 36 a column, 35 for 1; the waveform and the jaw at their highest in the column, the gap at its lowest, where lips close.
    Visemes: the letters of LETTERS.
    """
    jaw = curves.channel("jawOpen")
    gap = sum((weight * curves.channel(name) for name, weight in closure.GAP.items() if name in curves.names), np.zeros(len(curves)))
    return {
        "wave": _text(_pooled(meter.peaks, np.maximum)),
        "visemes": _visemes(speech),
        "jaw": _text(_pooled(jaw, np.maximum)),
        "gap": _text(_pooled(gap, np.minimum)),
    }


def _visemes(speech: Speech) -> str:
    known = np.stack([_mean(speech.probability(name)) for name in LETTERS])
    for place, name in enumerate(LETTERS):
        if name in SHORT:
            # Shorter than a column of a long recording, and what one looks for.
            touched = _pooled(speech.probability(name), np.maximum)
            known[place, touched > 0.5] = 1 + touched[touched > 0.5]
    letters = list(LETTERS.values())
    return "".join(letters[index] if share[index] > 0.35 else OTHER for index, share in zip(known.argmax(axis=0).tolist(), known.T, strict=True))


def _pooled(values: NDArray[np.floating], how: np.ufunc) -> NDArray[np.floating]:
    """One value for each column."""
    return how.reduceat(values, _starts(len(values))) if len(values) else np.zeros(COLUMNS)


def _mean(values: NDArray[np.floating]) -> NDArray[np.floating]:
    if not len(values):
        return np.zeros(COLUMNS)
    starts = _starts(len(values))
    counts = np.maximum(np.diff(np.append(starts, len(values))), 1)
    return np.add.reduceat(values, starts) / counts


def _starts(length: int) -> NDArray[np.intp]:
    return np.arange(COLUMNS) * length // COLUMNS


def _text(values: NDArray[np.floating]) -> str:
    return "".join(DIGITS[index] for index in np.rint(np.clip(values, 0, 1) * 35).astype(int).tolist())
