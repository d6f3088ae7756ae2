"""What stands out in speech: accented syllables, phrases, and how a phrase ends. For the stages that nod, raise and tilt.

A syllable is a run of frames of a vowel. It stands out by being louder, longer and higher than the ones around it; loudness and length tell more than
pitch does (Kochanski, Grabe, Coleman and Rosner, "Loudness predicts prominence: fundamental frequency lends little", 2005).
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from .curves import Speech
from .silence import Silence, spoken
from .spans import Doubles, Spans, above, lasting, smoothstep

VOWELS = frozenset("AA AE AH AO AW AY EH ER EY IH IY OW OY UH UW UE OE".split())
"""The vowels among the phones' names, without regard to case: ARPABET's, and the front rounded ones that English lacks."""
SYLLABLE_S = 0.03
"""Shorter, and it is a doubt of the model's."""
AROUND_S = 1.5
"""Syllables so near are what a syllable is compared with, to either side."""
LOUDER_DB, HIGHER_SEMITONES, LONGER_OCTAVES = 4.0, 3.0, 1.0
"""What makes a syllable stand out, each alone by 1: 3 semitones are what makes an accent heard (Rietveld and Gussenhoven, 1985)."""
LOUDNESS, LENGTH, PITCH = 0.5, 0.25, 0.25
"""How much each counts: loudness the most, for the reason above; the shares themselves were chosen by ear and eye."""
APART_S = 0.3
"""Of two accents nearer than this only the stronger one counts."""
PAUSE_S = 0.3
"""A shorter silence parts no phrases."""
FINAL_S, RISE_SEMITONES = 0.4, 2.0
"""A pitch that rises so far in the last voiced moments of so long asks or goes on; any other tells."""


class Accents(NamedTuple):
    """Syllables that stand out, in time's order.

    times: float64 [accents], the middle of the vowel in seconds. strengths: float64 [accents], above 0 up to 1.
    higher: float64 [accents], how far the pitch lies above its surroundings, in semitones; 0 where nothing was voiced.
    """

    times: Doubles
    strengths: Doubles
    higher: Doubles


class Phrases(NamedTuple):
    """Stretches of speech between pauses, in time's order.

    spans: float64 [phrases, 2], seconds. rises: bool [phrases], whether the pitch goes up at the end.
    """

    spans: Spans
    rises: NDArray[np.bool_]


def vowel(speech: Speech) -> NDArray[np.float32]:
    """How likely each frame is of a vowel, float32 [frames]; for a model whose phones have other names, how likely of speech that is loud."""
    columns = [column for column, name in enumerate(speech.phone_names) if name.upper() in VOWELS]
    if columns:
        return speech.phones[:, columns].sum(axis=1, dtype=np.float32)
    return (1 - speech.probability("silence")) * (speech.loudness_db > np.median(speech.loudness_db))


def accents(speech: Speech) -> Accents:
    """The syllables that stand out from those around them."""
    vowels = lasting(above(vowel(speech), speech.times, on=0.5, off=0.35), at_least_s=SYLLABLE_S) if len(speech) else np.zeros((0, 2))
    if not len(vowels):
        return Accents(*(np.zeros(0) for _ in range(3)))
    first, past = _frames(speech, vowels)
    loud_db = np.maximum.reduceat(np.append(speech.loudness_db, -np.inf), np.stack((first, past), axis=1).ravel())[::2]
    semitones, sung = _semitones(speech, first, past)
    middles = vowels.mean(axis=1)
    louder, longer = (_beyond(middles, value, np.ones(len(value))) for value in (loud_db, np.log2(vowels[:, 1] - vowels[:, 0])))
    higher = np.where(sung, _beyond(middles, semitones, sung.astype(float)), 0.0)
    standing = LOUDNESS * louder / LOUDER_DB + LENGTH * longer / LONGER_OCTAVES + PITCH * higher / HIGHER_SEMITONES
    strengths = smoothstep((standing + 0.1) / 1.1)
    return thinned(Accents(middles, strengths, higher), at_least=1e-6, apart_s=APART_S)


def thinned(found: Accents, *, at_least: float, apart_s: float) -> Accents:
    """Those that are strong enough, and of any two that are too near to each other the stronger."""
    kept: list[int] = []
    taken = np.zeros(len(found.times), bool)
    first, past = np.searchsorted(found.times, (found.times - apart_s, found.times + apart_s))
    for number in np.argsort(-found.strengths, kind="stable"):
        if found.strengths[number] >= at_least and not taken[first[number] : past[number]].any():
            taken[number] = True
            kept.append(int(number))
    chosen = np.sort(np.array(kept, np.int64))
    return Accents(*(part[chosen] for part in found))


def phrases(speech: Speech) -> Phrases:
    """When there is speech, without the pauses that are too short to part phrases."""
    if not len(speech):
        return Phrases(np.zeros((0, 2)), np.zeros(0, bool))
    spans = spoken(speech, Silence(pause_s=PAUSE_S))
    return Phrases(spans, _rises(speech, spans[:, 1]))


def swell(times: Doubles, centres: Doubles, sizes: Doubles, *, rise_s: float, fall_s: float, hold_s: Doubles | float = 0.0) -> Doubles:
    """The sum of bumps, float64 [times]: each rises to its size at its centre, stays for its hold, and falls again, smoothly.

    times: rising. centres, sizes: float64 [bumps], in any order.
    """
    level = np.zeros(len(times))
    ends = centres + hold_s
    bounds = np.searchsorted(times, np.stack((centres - rise_s, ends + fall_s)))
    for first, past, centre, end, size in zip(*bounds, centres, ends, sizes, strict=True):
        near = times[first:past]
        level[first:past] += size * smoothstep(np.minimum((near - centre) / rise_s, (end - near) / fall_s) + 1)
    return level


def wander(times: Doubles, seed: tuple[int, ...], *, every_s: float) -> Doubles:
    """A smooth random path of unit variance around 0, float64 [times]: a cubic B-spline over a normal number every so many seconds.

    A longer path with the same seed begins as a shorter one.
    """
    if not len(times):
        return np.zeros(0)
    place = (times - times[0]) / every_s
    knots = np.random.default_rng(seed).standard_normal(int(place[-1]) + 4)
    left = place.astype(np.int64)
    u = place - left
    weights = ((1 - u) ** 3, 3 * u**3 - 6 * u**2 + 4, -3 * u**3 + 3 * u**2 + 3 * u + 1, u**3)
    # The weights' squares add up to 151/315 on average.
    return sum(knots[left + number] * weight for number, weight in enumerate(weights)) / 6 / np.sqrt(151 / 315)


def _frames(speech: Speech, spans: Spans) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The first frame of each span and the one past its last; none is empty."""
    first = np.clip(np.searchsorted(speech.times, spans[:, 0]), 0, len(speech) - 1)
    return first, np.maximum(np.searchsorted(speech.times, spans[:, 1]), first + 1)


def _semitones(speech: Speech, first: NDArray[np.int64], past: NDArray[np.int64]) -> tuple[Doubles, NDArray[np.bool_]]:
    """The mean pitch of each run of frames in semitones, and whether any of it is voiced."""
    voiced = speech.pitch_hz > 0
    total = np.concatenate(([0.0], np.cumsum(np.where(voiced, 12 * np.log2(np.maximum(speech.pitch_hz, 1), dtype=np.float64), 0))))
    count = np.concatenate(([0], np.cumsum(voiced)))
    number = count[past] - count[first]
    return (total[past] - total[first]) / np.maximum(number, 1), number > 0


def _beyond(times: Doubles, values: Doubles, weights: Doubles) -> Doubles:
    """How far each value lies above the mean of those around it in time, itself included, float64 [times]."""
    first, past = np.searchsorted(times, (times - AROUND_S, times + AROUND_S))
    total, weight = (np.concatenate(([0.0], np.cumsum(part))) for part in (values * weights, weights))
    return values - (total[past] - total[first]) / np.maximum(weight[past] - weight[first], 1e-9)


def _rises(speech: Speech, ends: Doubles) -> NDArray[np.bool_]:
    """Whether the last voiced moments before the ends of phrases go up, bool [ends]: the mean of their last third against that of their first."""
    voiced = np.flatnonzero(speech.pitch_hz > 0)
    total = np.concatenate(([0.0], np.cumsum(12 * np.log2(speech.pitch_hz[voiced], dtype=np.float64))))
    times = speech.times[voiced]
    last = max(round(FINAL_S * speech.fps), 1)
    past = np.searchsorted(times, ends)
    first = np.maximum(np.searchsorted(times, ends - 2 * FINAL_S), past - last)
    third = np.maximum((past - first) // 3, 1)
    way = (total[past] - total[past - third]) / third - (total[np.minimum(first + third, len(voiced))] - total[first]) / third
    return np.asarray((past - first >= 6) & (way > RISE_SEMITONES), np.bool_)
