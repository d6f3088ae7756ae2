"""The mouth at rest where nobody speaks: in pauses, in music, in noise, and all through a recording without speech."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from ..settings import check, option
from . import arkit
from .curves import FaceCurves, Speech
from .spans import Doubles, Spans, above, envelope, joined, lasting, smoothstep

ON, OFF = 0.6, 0.4
"""How likely speech must be to begin, and to go on."""
QUIET_DB = 20.0
"""Between the loudness that is certainly no speech and the one that may be: over so many decibels the probability fades."""
BELIEVED = 0.85
"""The mean probability of speech over what is taken for it. Chosen on the kitchen that benchmarks.quality judges with: at 0.8 four false closures a
minute came of it, at 0.85 none with the graph of then and one with that of now. Against 0.8 it costs closures in 5 dB noise .004 of F1 and those in
clean speech and in rooms nothing."""
WORD_S = 0.20
"""Sounds that are nearer to each other are believed or not as one."""
SHORTEST_S = 0.05
"""No word is shorter: a click is."""
EARLY_S = 0.03
"""Before the first phone is heard the mouth is open already."""
AHEAD_S = 0.05
"""... and in its pose, since lips lead the sound by 50 to 120 ms."""
SURE_S = 0.03
"""So near a stretch's ends its sound dies away or only comes, and the model's mouth with it: the pose that counts is that before."""


@dataclass(frozen=True)
class Silence:
    """When the mouth rests."""

    enabled: bool = option(True, "Rest the mouth where nobody speaks", flag="silence")
    floor_db: float = option(50.0, "What is so much quieter than the speech is no speech", minimum=20.0, maximum=120.0, unit="dB")
    pause_s: float = option(0.20, "Shorter pauses don't close the mouth", minimum=0.0, maximum=5.0, unit="s")
    open_s: float = option(0.13, "How long before a sound the mouth begins to open", minimum=0.02, maximum=1.0, unit="s")
    close_s: float = option(0.18, "How long the mouth takes to close", minimum=0.02, maximum=1.0, unit="s")
    linger_s: float = option(0.10, "How long after the last sound the mouth begins to close", minimum=0.0, maximum=1.0, unit="s")

    def __post_init__(self) -> None:
        check(self)


class Pose(NamedTuple):
    """The pose of a first or last sound that the mouth keeps beyond it.

    moments: float64 [spans], the second of each stretch of speech whose pose it is. span: int64 [frames], which of them. share: float32 [frames], how
    much of it is seen.
    """

    moments: Doubles
    span: NDArray[np.int64]
    share: NDArray[np.float32]


def rest(curves: FaceCurves, speech: Speech, settings: Silence) -> FaceCurves:
    """The mouth's channels drawn to 0 away from speech; within it they are left as they are, bit for bit, but for SURE_S at either end.

    A mouth does not shut as a voice dies away: it keeps the last sound's pose for a moment, and it takes the first one's before it sounds.
    """
    if not settings.enabled or not len(curves):
        return curves
    spans = spoken(speech, settings)
    gate = envelope(spans, curves.times, rise_s=settings.open_s, fall_s=settings.close_s).astype(np.float32)
    kept = poses(spans, curves.times, settings) if len(spans) else ()
    columns = curves.columns(arkit.MOUTH)
    return curves.with_channels((curves.names[column], _rested(curves.values[:, column], curves.times, gate, kept)) for column in columns)


def _rested(curve: NDArray[np.float32], times: Doubles, gate: NDArray[np.float32], kept: Iterable[Pose]) -> NDArray[np.float32]:
    rested = curve * gate
    if curve.any():
        for pose in kept:
            near = np.flatnonzero(pose.share)
            own = np.interp(pose.moments, times, curve).astype(np.float32)
            rested[near] = np.maximum(rested[near], own[pose.span[near]] * pose.share[near])
    return rested


def poses(spans: Spans, times: Doubles, settings: Silence) -> tuple[Pose, Pose]:
    """The poses that last sounds leave behind, and those that first ones are awaited with, so long as the recording begins and ends at rest.

    spans: one or more. times: of one frame or more.
    """
    sure = spans + np.array([EARLY_S + SURE_S, -SURE_S])
    begun = np.searchsorted(sure[:, 0], times, side="right")
    last, coming = np.maximum(begun - 1, 0), np.minimum(begun, len(spans) - 1)
    since = np.where(begun > 0, times - sure[last, 1], np.inf)
    until = np.where(begun < len(spans), sure[coming, 0] - times, np.inf)
    linger_s = np.clip(times[-1] - spans[:, 1] - settings.close_s, 0, settings.linger_s)
    ahead_s = np.clip(spans[:, 0] - times[0] - settings.open_s, 0, AHEAD_S)
    left = smoothstep(1 - (since - SURE_S - linger_s[last]) / settings.close_s) * (since > 0)
    awaited = smoothstep(1 - (until - SURE_S - EARLY_S - ahead_s[coming]) / settings.open_s) * (since > 0)
    return Pose(sure[:, 1], last, left.astype(np.float32)), Pose(sure[:, 0], coming, awaited.astype(np.float32))


def spoken(speech: Speech, settings: Silence) -> Spans:
    """When there is speech, in seconds, a little early, since the first phone must find the mouth open."""
    likely = (1 - speech.probability("silence")) * _audible(speech, settings.floor_db)
    spans = above(likely, speech.times, on=ON, off=OFF)
    # Noise is not believed for the sake of a word that is far off, nor does it make that word doubtful, however long a pause may be.
    spans = _believed(joined(spans, gap_s=min(settings.pause_s, WORD_S)), likely, speech)
    return lasting(joined(spans, gap_s=settings.pause_s), at_least_s=SHORTEST_S) - np.array([EARLY_S, 0])


def _believed(spans: Spans, likely: NDArray[np.float32], speech: Speech) -> Spans:
    """Those that are likely enough all in all: noise is taken for speech now and then, but never with conviction."""
    inside = likely > OFF  # Of joined stretches the pauses between them don't count.
    conviction = np.where(inside, 1 - speech.probability("silence") - BELIEVED, 0)
    sums = np.concatenate(([0.0], np.cumsum(conviction, dtype=np.float64)))
    first, past = np.searchsorted(speech.times, spans.T)
    return spans[sums[past] >= sums[first]]


def _audible(speech: Speech, floor_db: float) -> NDArray[np.float32]:
    """0 for what is far quieter than this recording's speech, 1 for the rest, float32 [frames].

    Speech's own level is the median loudness of the frames that are likelier speech than not.
    """
    talking = speech.probability("silence") < 0.5
    if not talking.any():
        return np.zeros(len(speech), np.float32)
    level_db = np.median(speech.loudness_db[talking])
    return np.clip((speech.loudness_db - (level_db - floor_db - QUIET_DB / 2)) / QUIET_DB, 0, 1).astype(np.float32)
