"""The pitch of a voice, frame by frame, while the network listens.

The method is YIN (de Cheveigné and Kawahara, "YIN, a fundamental frequency estimator for speech and music", 2002): over a little more than two of the
longest periods the sound is compared with itself later; where the difference, divided by its mean over all shorter lags, dips, there is a period.
The window lies around the middle of frame and lag alike. Afterwards a frame that is an octave off its surroundings is put right, single outliers are
taken out, and what is too short or too quiet to be a voice is left unvoiced.
"""

from __future__ import annotations

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]

LOWEST_HZ, HIGHEST_HZ = 60.0, 500.0
"""From a deep voice's creak to a child's call."""
RATE_HZ = 4000.0
"""The sound is brought down to about this rate: a voice's first harmonics are enough, and a tenth of the work."""
CUTOFF_HZ = 900.0
WINDOW_S = 0.04
VOICED = 0.25
"""The dip that still is a voice: the share of the power that does not repeat. YIN itself takes 0.1 for the best guess; a rough voice has more."""
AS_GOOD = 0.04
"""A shorter period is taken before a multiple of it whose dip is no more than so much deeper: every second period repeats as well."""
FINER = 2
TAPS = 6
"""Differences between whole lags: at a high pitch a dip is only two lags wide, and its depth would depend on where between them it lies."""
MULTIPLE = 0.2
"""How far from a whole number the ratio of two periods may be for one to be a multiple of the other: two periods may resemble three of a vowel's."""
AROUND_S = 0.75
"""Surroundings by which a slip of an octave is seen: no voice leaps by one and stays there within so long on both sides."""
SLIP_OCTAVES = 0.6
QUIET_DB = 30.0
"""So much below the voice's own level is hum or an echo."""
SHORTEST_S = 0.05


def measured(audio: Floats, *, rate: int, hop: int, first: int, count: int) -> Floats:
    """The best period's frequency and its dip for each of some frames, float32 [count, 2]: hertz, and the share of the power that does not repeat.

    audio: float32 [samples] at ``rate``. first, count: the hops that are wanted, in hops from the beginning. Beyond the sound is silence.
    A frame depends on no more than 60 ms around its hop, so that windows of a stream give what the whole would.
    """
    step = _step(rate, hop)
    slow = rate / step
    longest = int(slow / LOWEST_HZ) + TAPS
    around = int(np.ceil((WINDOW_S / 2 + 1 / LOWEST_HZ) * rate / hop)) + 1
    piece = _piece(audio, (first - around) * hop, (first + count + around) * hop)
    return _dips(_differences(_slower(piece, step, rate), hop // step, around=around, count=count, longest=longest, slow=slow), slow)


def voiced(found: Floats, loudness_db: Floats, *, fps: float) -> Floats:
    """The pitch of a whole recording from what was measured, float32 [frames]: hertz, 0 where there is no voice."""
    sure = found[:, 1] < VOICED
    if not sure.any():
        return np.zeros(len(found), np.float32)
    sure &= loudness_db > np.median(loudness_db[sure]) - QUIET_DB
    sure = _lasting(sure, max(round(SHORTEST_S * fps), 1))
    octaves = np.where(sure, np.log2(np.maximum(found[:, 0], 1.0)), 0.0)
    reach = max(round(AROUND_S * fps), 1)
    usual = _sums(octaves, reach) / np.maximum(_sums(sure.astype(float), reach), 1)
    off = np.where(sure & (np.abs(octaves - usual) > SLIP_OCTAVES), np.round(octaves - usual), 0.0)
    return np.where(sure, 2.0 ** _middle(octaves - off, sure), 0.0).astype(np.float32)


def _step(rate: int, hop: int) -> int:
    """By how much the sound may be thinned out for frames still to begin on a sample, and for half of one."""
    return max(step for step in range(1, max(int(rate / RATE_HZ), 1) + 1) if hop % (2 * step) == 0 or step == 1)


def _piece(audio: Floats, begin: int, end: int) -> Floats:
    """audio[begin:end] with silence where there is none."""
    return np.pad(audio[max(begin, 0) : max(end, 0)], (max(-begin, 0), max(end - max(len(audio), begin), 0)))


def _slower(audio: Floats, step: int, rate: int) -> Floats:
    """Every step-th sample after a low-pass, float32 [samples // step]; a sample stands where it stood."""
    taps = _taps(step, rate)
    padded = np.pad(audio, (len(taps) // 2, len(taps) // 2))
    parts = padded.reshape(-1, step) @ taps.reshape(-1, step).T
    count = len(audio) // step
    total = np.zeros(count, np.float32)
    for number, part in enumerate(parts.T):
        total += part[number : number + count]
    return total


@lru_cache(maxsize=8)
def _taps(step: int, rate: int) -> Floats:
    """A low-pass, a windowed sinc of a whole number of steps."""
    length = 2 * step * max(round(rate / CUTOFF_HZ / step * 0.9), 1)
    places = np.arange(length) - length / 2
    taps = np.sinc(2 * CUTOFF_HZ / rate * places) * (0.5 + 0.5 * np.cos(2 * np.pi * places / length))
    return (taps / taps.sum()).astype(np.float32)


def _differences(sound: Floats, hop: int, *, around: int, count: int, longest: int, slow: float) -> Floats:
    """How far the sound differs from itself at each lag from 0, float32 [frames, lags]: squares summed over the window around each frame's middle."""
    block = hop // 2 if hop % 2 == 0 else hop
    each = hop // block
    beside = max(round((WINDOW_S * slow / block - each) / 2), 0)
    begin, blocks = around * hop - beside * block, count * each + 2 * beside
    sums = np.zeros((longest + 1, blocks), np.float32)
    for lag in range(1, longest + 1):
        earlier = begin - lag // 2
        change = sound[earlier : earlier + blocks * block] - sound[earlier + lag : earlier + lag + blocks * block]
        change = change.reshape(blocks, block)
        sums[lag] = np.einsum("ij,ij->i", change, change)
    within = sum(sums[:, shift : shift + count * each : each] for shift in range(each + 2 * beside))
    return np.ascontiguousarray(np.asarray(within, np.float32).T)


def _dips(differences: Floats, slow: float) -> Floats:
    """Frequency and depth of the period in each frame, float32 [frames, 2]."""
    slow, differences = FINER * slow, differences @ _between(differences.shape[1])
    lags = np.arange(differences.shape[1], dtype=np.float32)
    mean = np.cumsum(differences, axis=1) / np.maximum(lags, 1)
    level = np.where(mean > 1e-12, differences / np.maximum(mean, 1e-12), 1).astype(np.float32)
    shortest = max(int(slow / HIGHEST_HZ), 2)
    before, here, after = level[:, shortest - 1 : -2], level[:, shortest:-1], level[:, shortest + 1 :]
    bend = np.maximum(before - 2 * here + after, 1e-9)
    aside = np.clip((before - after) / (2 * bend), -0.5, 0.5)
    depth = np.where((here <= before) & (here <= after), np.maximum(here - 0.25 * (before - after) * aside, 0), 2)
    rows, periods = np.arange(len(level)), shortest + np.arange(depth.shape[1]) + aside
    deepest = depth.argmin(axis=1)
    ratio = periods[rows, deepest][:, None] / periods
    best = np.argmax((depth <= depth[rows, deepest][:, None] + AS_GOOD) & (np.abs(ratio - np.round(ratio)) < MULTIPLE), axis=1)
    return np.stack((slow / periods[rows, best], depth[rows, best]), axis=1).astype(np.float32)


@lru_cache(maxsize=8)
def _between(lags: int) -> Floats:
    """From differences at whole lags to those at parts of one, float32 [lags, FINER * (lags - TAPS)], by a windowed sinc.

    They are even in the lag, so those of negative lags are known too.
    """
    places = np.arange(FINER * (lags - TAPS)) / FINER
    known = np.arange(1 - TAPS, lags)
    away = places[None, :] - known[:, None]
    weights = np.sinc(away) * np.where(np.abs(away) < TAPS, 0.5 + 0.5 * np.cos(np.pi * away / TAPS), 0)
    total = np.zeros((lags, len(places)))
    np.add.at(total, np.abs(known), weights)
    return total.astype(np.float32)


def _lasting(sure: NDArray[np.bool_], frames: int) -> NDArray[np.bool_]:
    """Without the runs that are shorter than so many frames."""
    edges = np.diff(np.concatenate(([0], sure.astype(np.int8), [0])))
    first, past = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    kept = past - first >= frames
    marks = np.zeros(len(sure) + 1, np.int32)
    marks[first[kept]] += 1
    marks[past[kept]] -= 1
    return np.cumsum(marks[:-1]) > 0


def _sums(values: NDArray[np.floating], reach: int) -> NDArray[np.float64]:
    """Each frame's sum with those up to ``reach`` before and after it."""
    total = np.concatenate(([0.0], np.cumsum(values, dtype=np.float64)))
    places = np.arange(len(values))
    return total[np.minimum(places + reach + 1, len(values))] - total[np.maximum(places - reach, 0)]


def _middle(octaves: NDArray[np.float64], sure: NDArray[np.bool_]) -> NDArray[np.float64]:
    """The median of each voiced frame and its two neighbours, of which an unvoiced one counts as this frame itself."""
    before = np.where(np.concatenate((sure[:1], sure[:-1])), np.concatenate((octaves[:1], octaves[:-1])), octaves)
    after = np.where(np.concatenate((sure[1:], sure[-1:])), np.concatenate((octaves[1:], octaves[-1:])), octaves)
    return np.maximum(np.minimum(before, octaves), np.minimum(np.maximum(before, octaves), after))
