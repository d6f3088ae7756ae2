"""Numbers spelt out in tables, many at once: a call for each number takes longer than a network needs to hear what the numbers say."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Bytes = NDArray[np.uint8]
"""Text in ASCII, [..., characters]; zeros are no characters."""

_MOST = 2**32 - 1
"""Whole numbers up to this are divided in 32 bits, which is several times as fast as in 64."""


def decimals(values: NDArray[np.floating], places: int, *, least: int = 1) -> Bytes:
    """Numbers rounded to so many decimal places, with at least `least` digits before the point: Bytes [*values.shape, characters].

    There is no minus before a number that is rounded to zero. Ties go to the even digit, of a product in double precision (:func:`numpy.rint`).
    Raises ValueError or OverflowError for what is no finite number.
    """
    scaled = np.rint(np.abs(values.astype(np.float64)) * 10**places)
    largest = int(scaled.max(initial=0.0))
    left = scaled.astype(np.uint32 if largest <= _MOST else np.uint64)
    point = 1 + max(least, len(str(largest)) - places)
    text = np.zeros((*values.shape, point + (1 + places if places else 0)), np.uint8)
    text[..., 0] = np.where((values < 0) & (left > 0), ord("-"), 0)
    text[..., point:][..., :1] = ord(".")
    needed = places + least
    for number, column in enumerate((*range(point + places, point, -1), *range(point - 1, 0, -1))):
        rest = left // 10
        digit = (left - 10 * rest + ord("0")).astype(np.uint8)
        text[..., column] = digit if number < needed else np.where(left > 0, digit, 0)
        left = rest
    return text


def joined(parts: Sequence[Bytes | str]) -> Bytes:
    """Parts side by side, [rows, characters]; a string stands in every row."""
    rows = next(len(part) for part in parts if not isinstance(part, str))
    wide = [np.broadcast_to(np.frombuffer(part.encode("ascii"), np.uint8), (rows, len(part))) if isinstance(part, str) else part for part in parts]
    return np.concatenate(wide, axis=1)


def text(rows: Bytes) -> str:
    """All of it, one row after the other."""
    return rows[rows > 0].tobytes().decode("ascii")
