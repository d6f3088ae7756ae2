"""Moments that the speech invites: where something that comes by chance, a blink or a look away, is likelier to come."""

from __future__ import annotations

import numpy as np

from .accents import phrases
from .curves import Speech
from .spans import Doubles, Spans

AT_REST_S = 2.0
"""So far from any speech somebody is at rest, or listens."""
REACH = 0.4
"""How far an event moves from where its interval ends to where the speech invites it, in intervals."""
PHRASE_END_S = 0.3
"""Silence so long after speech so long is an end of a phrase."""


def resting(speech: Speech) -> Spans:
    """When nobody has spoken for a while, nor will."""
    spoken = phrases(speech).spans
    if not len(speech):
        return np.zeros((0, 2))
    edges = np.concatenate(([-np.inf], (spoken + np.array([-AT_REST_S, AT_REST_S])).ravel(), [np.inf])).reshape(-1, 2)
    return edges[edges[:, 1] > edges[:, 0]]


def during(spans: Spans, time_s: float) -> bool:
    """Whether a time lies within one of the spans."""
    number = int(np.searchsorted(spans[:, 0], time_s, side="right")) - 1
    return number >= 0 and time_s < spans[number, 1]


def changes(speech: Speech) -> tuple[Doubles, Doubles]:
    """How far each frame is silent, and how far a phrase ends there (above 0) or begins (below), float64 [frames]."""
    silence = speech.probability("silence").astype(float)
    width = max(round(PHRASE_END_S * speech.fps), 1)
    # Around the recording is silence, so that its beginning is no end of a phrase.
    total = np.cumsum(np.pad(silence, (width + 1, width), constant_values=1.0))
    past, here, ahead = (total[shift : shift + len(silence)] for shift in (0, width, 2 * width))
    return silence, ((ahead - here) - (here - past)) / width


def invited(times: Doubles, weights: Doubles, now_s: float, stay_s: float, choice: float) -> float:
    """When a stay ends: near the end of what was drawn, where the speech invites it."""
    near = slice(*np.searchsorted(times, (now_s + (1 - REACH) * stay_s, now_s + (1 + REACH) * stay_s)))
    return float(times[near][pick(weights[near], choice)]) if near.start < near.stop else now_s + stay_s


def pick(weights: Doubles, choice: float) -> int:
    """An index, the likelier the heavier; ``choice`` from 0 to 1 decides."""
    total = np.cumsum(weights)
    return int(min(np.searchsorted(total, choice * total[-1], side="right"), len(weights) - 1))
