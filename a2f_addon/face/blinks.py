"""Blinks: when they come, and how the lids move in one.

Blinks: 17 a minute at rest and 26 in conversation, their rate spread log-normally (Bentivoglio et al., "Analysis of blink rate patterns in normal
subjects", 1997); one lasts 334 ms (VanderWerf et al., "Eyelid movements: behavioral studies of blinking in humans under different stimulus
conditions", 2003), of which lids close in 70 to 100 and open in 150 to 250, both eyes together.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from .curves import Floats, Speech
from .invitations import REACH, changes, during, pick, resting
from .spans import Doubles, smoothstep

SPREAD = 0.5
"""Standard deviation of the logarithm of an interval: two thirds lie within a factor of 1.65 of the median."""
REST_RATE = 17 / 26
"""Blinks where nobody speaks, for each in speech."""
PAUSE_WEIGHT, PHRASE_END_WEIGHT = 3.0, 20.0
"""How much likelier a blink is in a pause, and where one begins, than in the flow of speech."""
CLOSING_S, OPENING_S = (0.07, 0.10), (0.15, 0.25)
SHUT_S = 0.045
"""Longer than a frame at 24 frames per second (42 ms), so that one of them always finds the lids shut."""
APART_S = 0.1
"""Open eyes between two blinks, at the least."""


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

    def closure(self, times: Doubles) -> Doubles:
        """How far the lids are closed at these times: 0 open, 1 shut. They close evenly and open fast at first, then slower and slower."""
        closing = smoothstep((times - self.start_s) / self.closing_s)
        opening = smoothstep(np.clip((self.end_s - times) / self.opening_s, 0.0, 1.0) ** 1.6)
        return np.minimum(closing, opening)


def lid_closure(times: Doubles, events: Iterable[Blink]) -> Floats:
    """How far both lids are closed at each of these rising times, float32 of the same length: 0 open, 1 shut."""
    lids = np.zeros(len(times), np.float32)
    for blink in events:
        during = slice(*np.searchsorted(times, (blink.start_s, blink.end_s)))
        lids[during] = blink.closure(times[during])
    return lids


def blinks(speech: Speech, *, per_minute: float, seed: int) -> list[Blink]:
    """The blinks of a recording, in order and apart from each other; none is cut by its beginning or its end.

    per_minute: in speech; at rest there are fewer.
    Each interval is drawn; around its end the blink goes where the speech invites it. What is drawn depends on the seed alone.
    """
    if per_minute == 0 or not len(speech):
        return []
    random = np.random.default_rng(seed)
    times, weights, rests = speech.times, _invitation(speech), resting(speech)
    mean_s = 60.0 / per_minute
    free_from = times[0]
    found: list[Blink] = []
    # The recording begins somewhere within an interval.
    last = times[0] - random.uniform() * mean_s
    while last < times[-1]:
        interval = mean_s / (REST_RATE if during(rests, last) else 1.0) * random.lognormal(-SPREAD * SPREAD / 2, SPREAD)
        closing_s, opening_s, choice = random.uniform(*CLOSING_S), random.uniform(*OPENING_S), random.uniform()
        last_start = times[-1] - closing_s - SHUT_S - opening_s
        earliest, latest = max(last + (1 - REACH) * interval, free_from), min(last + (1 + REACH) * interval, last_start)
        last += interval
        near = slice(*np.searchsorted(times, (earliest, latest)))
        if near.start < near.stop:
            blink = Blink(float(times[near][pick(weights[near], choice)]), closing_s, opening_s)
            found.append(blink)
            last, free_from = blink.start_s, blink.end_s + APART_S
    return found


def _invitation(speech: Speech) -> Doubles:
    """How likely a blink begins at each frame of the speech, compared with its flow (1)."""
    silence, ends = changes(speech)
    return 1.0 + PAUSE_WEIGHT * silence + PHRASE_END_WEIGHT * np.clip(ends, 0.0, None)
