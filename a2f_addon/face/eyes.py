"""Blinks, at a natural rate, where a speaker blinks: at the ends of phrases and in pauses.

Figures: about 17 blinks a minute at rest and 26 in conversation (Bentivoglio et al., "Analysis of blink rate patterns in normal subjects", 1997);
intervals spread log-normally; lids close in 70 to 100 ms and open in 150 to 250 ms, both eyes together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from ..settings import check, option
from .curves import FaceCurves, Floats, Speech

Times = NDArray[np.float64]

SPREAD = 0.5
"""Standard deviation of the logarithm of an interval: two thirds lie within a factor of 1.65 of the median."""
REACH = 0.4
"""How far a blink moves from where its interval ends to where the speech invites it, in intervals."""
PAUSE_WEIGHT, PHRASE_END_WEIGHT = 3.0, 20.0
"""How much likelier a blink is in a pause, and where one begins, than in the flow of speech."""
PHRASE_END_S = 0.3
"""Silence so long after speech so long is an end of a phrase."""
CLOSING_S, OPENING_S = (0.07, 0.10), (0.15, 0.25)
SHUT_S = 0.045
"""Longer than a frame at 24 frames per second (42 ms), so that one of them always finds the lids shut."""
APART_S = 0.1
"""Open eyes between two blinks, at the least."""


@dataclass(frozen=True)
class Eyes:
    """How the eyes live."""

    enabled: bool = option(True, "Let the eyes blink", flag="eyes")
    blinks_per_minute: float = option(20.0, "Blinks a minute, on average", minimum=0.0, maximum=60.0, flag="blinks-per-minute")
    seed: int = option(0, "Another number gives another natural rhythm, the same number the same", minimum=0, maximum=2**31 - 1, flag="seed")

    def __post_init__(self) -> None:
        check(self)


@dataclass(frozen=True)
class Blink:
    """One blink of both eyes, in seconds of the recording's clock."""

    start_s: float
    closing_s: float
    opening_s: float

    @property
    def end_s(self) -> float:
        """When the lids are open again."""
        return self.start_s + self.closing_s + SHUT_S + self.opening_s

    def closure(self, times: Times) -> Times:
        """How far the lids are closed at these times: 0 open, 1 shut. They close evenly and open fast at first, then slower and slower."""
        closing = _eased((times - self.start_s) / self.closing_s)
        opening = _eased(np.clip((self.end_s - times) / self.opening_s, 0.0, 1.0) ** 1.6)
        return np.minimum(closing, opening)


def look(curves: FaceCurves, speech: Speech, settings: Eyes) -> FaceCurves:
    """The same face with living eyes. Owns the lids; the motion is the same at any frame rate."""
    if not settings.enabled:
        return curves
    lids = lid_closure(curves.times, blinks(speech, settings))
    return curves.with_channels({"eyeBlinkLeft": lids, "eyeBlinkRight": lids})


def lid_closure(times: Times, events: Iterable[Blink]) -> Floats:
    """How far both lids are closed at each of these rising times, float32 of the same length: 0 open, 1 shut."""
    lids = np.zeros(len(times), np.float32)
    for blink in events:
        during = slice(*np.searchsorted(times, (blink.start_s, blink.end_s)))
        lids[during] = blink.closure(times[during])
    return lids


def blinks(speech: Speech, settings: Eyes) -> list[Blink]:
    """The blinks of a recording, in order and apart from each other; none is cut by its beginning or its end.

    Each interval is drawn; around its end the blink goes where the speech invites it. What is drawn depends on the seed alone.
    """
    if settings.blinks_per_minute == 0 or not len(speech):
        return []
    random = np.random.default_rng(settings.seed)
    times, weights = speech.times, _invitation(speech)
    mean_s = 60.0 / settings.blinks_per_minute
    free_from = times[0]
    found: list[Blink] = []
    # The recording begins somewhere within an interval.
    last = times[0] - random.uniform() * mean_s
    while last < times[-1]:
        interval = mean_s * random.lognormal(-SPREAD * SPREAD / 2, SPREAD)
        closing_s, opening_s, choice = random.uniform(*CLOSING_S), random.uniform(*OPENING_S), random.uniform()
        last_start = times[-1] - closing_s - SHUT_S - opening_s
        earliest, latest = max(last + (1 - REACH) * interval, free_from), min(last + (1 + REACH) * interval, last_start)
        last += interval
        near = slice(*np.searchsorted(times, (earliest, latest)))
        if near.start < near.stop:
            blink = Blink(float(times[near][_pick(weights[near], choice)]), closing_s, opening_s)
            found.append(blink)
            last, free_from = blink.start_s, blink.end_s + APART_S
    return found


def _invitation(speech: Speech) -> Times:
    """How likely a blink begins at each frame of the speech, compared with its flow (1)."""
    silence = speech.probability("silence").astype(float)
    width = max(round(PHRASE_END_S * speech.fps), 1)
    # Around the recording is silence, so that its beginning is no end of a phrase.
    total = np.cumsum(np.pad(silence, (width + 1, width), constant_values=1.0))
    past, here, ahead = (total[shift : shift + len(silence)] for shift in (0, width, 2 * width))
    return 1.0 + PAUSE_WEIGHT * silence + PHRASE_END_WEIGHT * np.clip((ahead - here) - (here - past), 0.0, None) / width


def _pick(weights: Times, choice: float) -> int:
    """An index, the likelier the heavier; ``choice`` from 0 to 1 decides."""
    total = np.cumsum(weights)
    return int(min(np.searchsorted(total, choice * total[-1], side="right"), len(weights) - 1))


def _eased(part: Times) -> Times:
    """From 0 to 1 with no speed at either end (smoothstep)."""
    part = np.clip(part, 0.0, 1.0)
    return part * part * (3.0 - 2.0 * part)
