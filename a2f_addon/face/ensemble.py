"""Several results made into one, by their weighted mean: of several models, or of several seeds.

What models err in differs more than what they get right, so their mean errs less. Results of several seeds have less of what chance moved.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from ..errors import SettingError
from .curves import FaceCurves, Floats, Speech, blank
from .spans import Doubles


def average(results: Sequence[FaceCurves], weights: Sequence[float] = ()) -> FaceCurves:
    """The weighted mean, channel by channel, on the first result's clock; without weights each counts alike.

    The others are read between their frames, and hold at their ends. A channel counts where it is; the first result's channels come first.
    Raises SettingError for weights that do not fit.
    """
    parts = shares(len(results), weights)
    first = results[0]
    names = tuple(dict.fromkeys(name for result in results for name in result.names))
    values = blank(len(first), len(names))
    for column, name in enumerate(names):
        having = [(result, share) for result, share in zip(results, parts, strict=True) if name in result.names and len(result)]
        whole = sum(share for _, share in having)
        for result, share in having:
            if whole:
                values[:, column] += share / whole * _at(first.times, result.times, result.channel(name))
    return replace(first, names=names, values=values)


def average_speech(heard: Sequence[Speech], weights: Sequence[float] = ()) -> Speech:
    """What several models heard, as one: of those that know the first one's phones the mean of their probabilities, and the first one's loudness.

    Raises SettingError for weights that do not fit.
    """
    parts = shares(len(heard), weights)
    first = heard[0]
    alike = [(speech, share) for speech, share in zip(heard, parts, strict=True) if speech.phone_names == first.phone_names and len(speech)]
    whole = sum(share for _, share in alike)
    if len(alike) < 2 or not whole:
        return first
    phones = blank(*first.phones.shape)
    for speech, share in alike:
        for column in range(phones.shape[1]):
            phones[:, column] += share / whole * _at(first.times, speech.times, speech.phones[:, column])
    return replace(first, phones=phones)


def shares(count: int, weights: Sequence[float]) -> list[float]:
    """The weights of so many results, made to add up to 1. Raises SettingError where they do not fit."""
    chosen = list(weights) or [1.0] * count
    if len(chosen) != count:
        raise SettingError(f"There must be as many weights as models or takes, {count}, not {len(chosen)}.")
    if not all(np.isfinite(weight) and weight >= 0 for weight in chosen) or not any(chosen):
        raise SettingError("Weights must be numbers not below 0, one of them above.")
    return [weight / sum(chosen) for weight in chosen]


def _at(times: Doubles, own: Doubles, curve: Floats) -> Floats:
    same = len(times) == len(own) and np.array_equal(times, own)
    return curve if same else np.interp(times, own, curve).astype(np.float32)
