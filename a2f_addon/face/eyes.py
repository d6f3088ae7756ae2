"""Eyes that live: they blink where a speaker blinks, at the ends of phrases and in pauses, and look away for a moment now and then.

Blinks: about 17 a minute at rest and 26 in conversation (Bentivoglio et al., "Analysis of blink rate patterns in normal subjects", 1997);
intervals spread log-normally; lids close in 70 to 100 ms and open in 150 to 250 ms, both eyes together.
Gaze: how far and how fast it jumps, and how long it stays (Lee, Badler and Badler, "Eyes Alive", 2002).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
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
AT_YOU_S, AWAY_S = 3.0, 1.0
"""How long the eyes of somebody who talks stay on the listener and off, on average."""
FARTHEST_DEG = 12.0
"""Beyond, the head would turn too."""
FULL_DEG = 35.0
"""How far an eye is turned where its shape is at 1: about as far as eyes turn with comfort."""
LOOKS = {
    "eyeLookOutLeft": (1, 0),
    "eyeLookInRight": (1, 0),
    "eyeLookInLeft": (-1, 0),
    "eyeLookOutRight": (-1, 0),
    "eyeLookUpLeft": (0, 1),
    "eyeLookUpRight": (0, 1),
    "eyeLookDownLeft": (0, -1),
    "eyeLookDownRight": (0, -1),
}
"""Which way each shape looks: to the face's own left, and up. Apple's shapes bring the lids along."""


@dataclass(frozen=True)
class Eyes:
    """How the eyes live."""

    enabled: bool = option(True, "Let the eyes blink", flag="eyes")
    blinks_per_minute: float = option(20.0, "Blinks a minute, on average", minimum=0.0, maximum=60.0, flag="blinks-per-minute")
    gaze: float = option(0.5, "How far the eyes wander; 0 keeps them on the viewer", minimum=0.0, maximum=1.0, flag="gaze")
    seed: int = option(0, "Another number gives another natural rhythm, the same number the same", minimum=0, maximum=2**31 - 1)

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
    """The same face with living eyes: owns the lids and the gaze. The motion is the same at any frame rate."""
    if not settings.enabled:
        return curves
    lids = lid_closure(curves.times, blinks(speech, settings))
    angles = gaze_deg(curves.times, glances(speech, settings))
    looks = {name: np.clip(angles @ way / FULL_DEG, 0.0, 1.0).astype(np.float32) for name, way in LOOKS.items()}
    return curves.with_channels({"eyeBlinkLeft": lids, "eyeBlinkRight": lids, **looks})


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


@dataclass(frozen=True)
class Glance:
    """Where both eyes look from a time on, in degrees to the face's left and up, and how long the jump there takes."""

    start_s: float
    left_deg: float
    up_deg: float
    jump_s: float


def glances(speech: Speech, settings: Eyes) -> list[Glance]:
    """At the viewer and away in turn, in order, from the recording's beginning to its end. What is drawn depends on the seed alone."""
    # A stream of its own, so that the blinks do not depend on the gaze.
    random = np.random.default_rng((settings.seed, 1))
    found = [Glance(float(speech.times[0]) if len(speech) else 0.0, 0.0, 0.0, 1.0)]
    while len(speech) and found[-1].start_s < speech.times[-1]:
        at_you = len(found) % 2 == 0
        stay_s = (AWAY_S if at_you else AT_YOU_S) * random.lognormal(-SPREAD * SPREAD / 2, SPREAD)
        size = min(-6.9 * np.log(random.uniform(1e-3, 15.0) / 15.7), FARTHEST_DEG) * settings.gaze
        angle = random.uniform(0, 2 * np.pi)
        # Eyes wander sideways more than up and down.
        left, up = (0.0, 0.0) if at_you else (size * np.cos(angle), 0.5 * size * np.sin(angle))
        distance = np.hypot(left - found[-1].left_deg, up - found[-1].up_deg)
        found.append(Glance(found[-1].start_s + stay_s, float(left), float(up), float(0.025 + 0.0024 * distance)))
    return found


def gaze_deg(times: Times, events: Sequence[Glance]) -> Times:
    """Where both eyes look at these times, degrees [frames, 2] to the face's left and up."""
    starts = np.array([event.start_s for event in events])
    aims = np.array([(event.left_deg, event.up_deg) for event in events])
    now = np.clip(np.searchsorted(starts, times, side="right") - 1, 0, None)
    before = np.clip(now - 1, 0, None)
    part = _eased((times - starts[now]) / np.array([event.jump_s for event in events])[now])
    return aims[before] + (aims[now] - aims[before]) * part[:, None]


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
