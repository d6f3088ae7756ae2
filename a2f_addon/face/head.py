"""A head that speaks along: it nods on what is stressed, drifts while it talks, tilts where a phrase ends, and breathes when it is silent.

Heads move through nearly all of speech and come to rest, though never quite, in pauses (Hadar, Steiner, Grant and Rose, "Kinematics of head movements
accompanying speech during conversation", 1983); their motion goes with pitch and loudness, and who sees it understands more (Munhall, Jones, Callan,
Kuratate and Vatikiotis-Bateson, "Visual prosody and speech intelligibility", 2004). How far each part
goes and how long it takes was chosen by eye, where no source is named.

The rotations are channels as Live Link Face writes them: radians about ARKit's axes of the face (x to its own left, y up, z out of it), each turning
by the right-hand rule. So yaw goes to the face's own left, pitch down, and roll towards its own right shoulder.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..settings import check, option
from . import arkit
from .accents import Phrases, accents, phrases, swell, thinned, wander
from .curves import FaceCurves, Speech
from .spans import Doubles, smoothstep

NOD_DEG, LEAST_NOD_DEG = 3.4, 0.8
"""On the strongest accent, and on the weakest that gets one."""
NOD_RISE_S, NOD_FALL_S, NOD_APART_S = 0.16, 0.34, 0.45
NOD_FROM = 0.3
"""The weakest accent that gets a nod."""
REBOUND, REBOUND_S = 0.25, 0.30
"""After a nod the head comes up a little farther than it was, so long after."""
DRIFT_DEG, DRIFT_S = (2.0, 1.1, 1.1), (1.3, 1.0, 1.5)
"""Yaw, pitch and roll while somebody talks: standard deviations, and how often they change their mind."""
POSTURE_DEG, POSTURE_S = (1.6, 0.8, 0.9), 4.5
"""The slow change below it, that goes on in silence."""
IDLE_DEG, IDLE_S = (0.30, 0.22, 0.20), 1.9
TILT_DEG, TILT_BEFORE_S, TILT_AFTER_S = (1.2, 3.0), 0.45, 0.5
ASK_DEG, TELL_DEG = 1.8, 1.0
"""At the end of a phrase the chin goes up to ask and down to tell."""
BREATH_DEG, BREATHS_PER_MINUTE = 0.40, 15.0
"""A grown person at rest breathes 12 to 18 times a minute."""
INHALE_DEG, INHALE_S = 0.7, 0.45
"""Before a phrase the head comes up with the breath."""
AWAKEN_S, SETTLE_S = 0.5, 0.9


@dataclass(frozen=True)
class Head:
    """How the head goes with the speech."""

    enabled: bool = option(True, "Let the head go with the speech", flag="head")
    nods: float = option(1.0, "How far the head nods on stressed words", minimum=0.0, maximum=3.0, flag="nods")
    drift: float = option(1.0, "How far the head drifts while it talks", minimum=0.0, maximum=3.0, flag="head-drift")
    tilt: float = option(1.0, "How far the head tilts where a phrase ends", minimum=0.0, maximum=3.0, flag="head-tilt")
    idle: float = option(1.0, "How much the head stirs and breathes in silence", minimum=0.0, maximum=3.0, flag="head-idle")
    seed: int = option(0, "Another number gives another natural motion, the same number the same", minimum=0, maximum=2**31 - 1, flag="head-seed")

    def __post_init__(self) -> None:
        check(self)


def turn(curves: FaceCurves, speech: Speech, settings: Head) -> FaceCurves:
    """The same face with the head's three rotations, float32 in radians; it owns these, adds them where missing, and touches nothing else."""
    if not settings.enabled or not len(curves) or not len(speech):
        return curves
    degrees = _drift(curves.times, speech, settings) + _on_events(curves.times, speech, settings)
    radians = np.radians(degrees).astype(np.float32)
    return curves.with_added(dict(zip(arkit.HEAD, radians.T, strict=True)))


def _drift(times: Doubles, speech: Speech, settings: Head) -> Doubles:
    """What goes on all the time, more while somebody talks; degrees [frames, yaw pitch roll]."""
    talking = _talking(times, phrases(speech))
    path = np.zeros((len(times), 3))
    for axis in range(3):
        lively, slow, still = (
            wander(times, (settings.seed, 10 * axis + kind), every_s=every_s) for kind, every_s in enumerate((DRIFT_S[axis], POSTURE_S, IDLE_S))
        )
        path[:, axis] = settings.drift * (DRIFT_DEG[axis] * talking * lively + POSTURE_DEG[axis] * (0.4 + 0.6 * talking) * slow)
        path[:, axis] += settings.idle * IDLE_DEG[axis] * still
    # No two breaths are quite as long.
    breath = 2 * np.pi * ((times - times[0]) * BREATHS_PER_MINUTE / 60 + 0.12 * wander(times, (settings.seed, 40), every_s=5.0))
    path[:, 1] -= settings.idle * BREATH_DEG * (1 - 0.7 * talking) * np.sin(breath)
    return path


def _talking(times: Doubles, spoken: Phrases) -> Doubles:
    """1 in speech and 0 away from it, float64 [times], without a corner in a pause that is too short to settle in."""
    begins, ends = spoken.spans.T
    number = np.searchsorted(begins, times, side="right")
    since_last = np.where(number > 0, times - np.append(ends, 0.0)[number - 1], np.inf)
    to_next = np.append(begins, np.inf)[number] - times
    return 1.0 - (1.0 - smoothstep(1.0 - since_last / SETTLE_S)) * (1.0 - smoothstep(1.0 - to_next / AWAKEN_S))


def _on_events(times: Doubles, speech: Speech, settings: Head) -> Doubles:
    """Nods, and what the ends and beginnings of phrases do; degrees [frames, yaw pitch roll]."""
    random = np.random.default_rng((settings.seed, 50))
    spoken = phrases(speech)
    path = np.zeros((len(times), 3))
    path[:, 1] = settings.nods * _nods(times, speech, random) + settings.idle * _inhaled(times, spoken)
    if len(spoken.spans):
        path += settings.tilt * _tilts(times, spoken, random)
    return path


def _nods(times: Doubles, speech: Speech, random: np.random.Generator) -> Doubles:
    found = thinned(accents(speech), at_least=NOD_FROM, apart_s=NOD_APART_S)
    # Nobody nods alike twice, and now and then hardly at all.
    sizes = (LEAST_NOD_DEG + (NOD_DEG - LEAST_NOD_DEG) * found.strengths) * random.uniform(0.35, 1.15, len(found.times))
    down = swell(times, found.times, sizes, rise_s=NOD_RISE_S, fall_s=NOD_FALL_S)
    return down - swell(times, found.times + NOD_RISE_S + REBOUND_S, REBOUND * sizes, rise_s=REBOUND_S, fall_s=NOD_FALL_S)


def _inhaled(times: Doubles, spoken: Phrases) -> Doubles:
    begins = spoken.spans[:, 0]
    return swell(times, begins, np.full(len(begins), -INHALE_DEG), rise_s=INHALE_S, fall_s=INHALE_S)


def _tilts(times: Doubles, spoken: Phrases, random: np.random.Generator) -> Doubles:
    """From a little before the end of each phrase until the next one begins, but no longer than is natural."""
    ends = spoken.spans[:, 1]
    until = np.append(spoken.spans[1:, 0], ends[-1] + 1.5)
    hold_s = np.minimum(until - ends, 1.5) + TILT_BEFORE_S / 2
    starts = ends - TILT_BEFORE_S / 2
    sideways = random.uniform(*TILT_DEG, len(ends)) * random.choice([-1.0, 1.0], len(ends)) * np.where(spoken.rises, 1.4, 1.0)
    path = np.zeros((len(times), 3))
    path[:, 1] = swell(times, starts, np.where(spoken.rises, -ASK_DEG, TELL_DEG), rise_s=TILT_BEFORE_S, fall_s=TILT_AFTER_S, hold_s=hold_s)
    path[:, 2] = swell(times, starts, sideways, rise_s=TILT_BEFORE_S, fall_s=TILT_AFTER_S, hold_s=hold_s)
    return path
