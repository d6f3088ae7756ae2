"""Spans of time: found in a probability, and made into smooth envelopes again. What the stages that listen have in common."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Doubles = NDArray[np.float64]
Spans = NDArray[np.float64]
"""float64 [spans, 2]: start and end in seconds, in time's order, none touching the next."""


def above(level: NDArray[np.floating], times: Doubles, *, on: float, off: float) -> Spans:
    """Where a level that is sampled at evenly spaced `times` stays above `off`, having been above `on` somewhere in between (hysteresis).

    A bound lies where the straight line between two samples crosses `off`; at either end of the samples, half a step outside.
    """
    if not len(level):
        return np.zeros((0, 2))
    high = level > off
    edges = np.diff(np.concatenate(([0], high.astype(np.int8), [0])))
    first, past = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    if not len(first):
        return np.zeros((0, 2))
    peak = np.maximum.reduceat(np.where(high, level, -np.inf), first)
    first, past = first[peak > on], past[peak > on]
    step = float(times[1] - times[0]) if len(times) > 1 else 0.0
    padded = np.concatenate((level[:1], level, level[-1:])).astype(np.float64)
    return np.stack((times[first] - step * _back(padded, first, first + 1, off), times[past - 1] + step * _back(padded, past + 1, past, off)), axis=1)


def _back(padded: Doubles, outside: NDArray[np.int64], inside: NDArray[np.int64], off: float) -> Doubles:
    """How far from the sample inside towards the one outside the level crosses `off`, in steps; 0.5 where there is none outside."""
    rise = padded[inside] - padded[outside]
    return np.where(rise > 0, (padded[inside] - off) / np.where(rise > 0, rise, 1), 0.5)


def joined(spans: Spans, *, gap_s: float) -> Spans:
    """Neighbours that are no more than `gap_s` apart become one."""
    if len(spans) < 2:
        return spans
    parted = np.flatnonzero(spans[1:, 0] - np.maximum.accumulate(spans[:-1, 1]) > gap_s)
    ends = np.maximum.accumulate(spans[:, 1])
    return np.stack((spans[np.concatenate(([0], parted + 1)), 0], ends[np.concatenate((parted, [len(spans) - 1]))]), axis=1)


def lasting(spans: Spans, *, at_least_s: float) -> Spans:
    """Those that are long enough."""
    return spans[spans[:, 1] - spans[:, 0] >= at_least_s]


def widened(spans: Spans, *, at_least_s: float) -> Spans:
    """Each made long enough, by the same amount at both sides; they may then overlap."""
    missing = np.maximum(0, at_least_s - (spans[:, 1] - spans[:, 0])) / 2
    return spans + missing[:, None] * [-1, 1]


def envelope(spans: Spans, times: Doubles, *, rise_s: float, fall_s: float) -> Doubles:
    """1 within the spans and 0 away from them, float64 [times]; it begins `rise_s` before a span and ends `fall_s` after it, smoothly at both ends.

    The spans may overlap; where two flanks do, the higher one counts.
    """
    if not len(spans):
        return np.zeros(len(times))
    starts, ends = spans[:, 0], np.maximum.accumulate(spans[:, 1])
    begun = np.searchsorted(starts, times, side="right")
    since_last = np.where(begun > 0, times - ends[np.maximum(begun - 1, 0)], np.inf)
    to_next = np.where(begun < len(spans), starts[np.minimum(begun, len(spans) - 1)] - times, np.inf)
    level = np.maximum(1 - np.maximum(since_last, 0) / fall_s, 1 - to_next / rise_s)
    return smoothstep(level)


def smoothstep(level: NDArray[np.floating]) -> Doubles:
    """0 below 0, 1 above 1, and between them the cubic that starts and ends level."""
    level = np.clip(level, 0, 1)
    return level * level * (3 - 2 * level)
