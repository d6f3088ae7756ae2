"""Where eyes look: at the listener, over his face, away and back, and never quite still.

Who talks looks at the listener for 3.13 s and away for 0.93 s, who listens for 7.92 s and 0.43 s; a jump goes -6.9 ln(P / 15.7) degrees, P being
uniform up to 15, and 27.5 at most, in directions that are not equally likely; it lasts 25 ms and 2.4 ms a degree (Lee, Badler and Badler, "Eyes
Alive", 2002). Its peak speed is 1.65 times its mean (Harwood, Mezey and Harris, "The spectral main sequence of human saccades", 1999: 1.6 to 1.7 at
all sizes). Within a fixation the eye drifts and makes jumps of less than a degree once or twice a second (Martinez-Conde, Macknik and Hubel, "The
role of fixational eye movements in visual perception", 2004). Speakers look away as they begin or hesitate, and back as they end (Kendon, "Some
functions of gaze-direction in social interaction", 1967).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from .accents import wander
from .curves import Speech
from .invitations import changes, during, invited, pick, resting
from .spans import Doubles, smoothstep

AWAY_PAUSE_WEIGHT, BACK_END_WEIGHT = 3.0, 20.0
"""How much likelier the eyes go away in a pause, and come back where a phrase ends."""
TALKING_S, LISTENING_S = ((3.13, 3.16), (0.93, 0.80)), ((7.92, 1.57), (0.43, 0.24))
"""Mean and standard deviation of a look at the listener and of one away."""
SIZE_DEG, SIZE_AT, MOST_PERCENT, FARTHEST_DEG = 6.9, 15.7, 15.0, 27.5
FARTHEST_UP_DEG = 16.0
"""Straight up or down no eye goes as far as aside without the head, and lids would nearly close."""
DIRECTIONS_PERCENT = (15.54, 6.46, 17.69, 7.44, 16.80, 7.89, 20.38, 7.79)
"""How often a jump goes to the face's left, up and left, up, and so on around."""
FACE_DEG = 3.0
"""Jumps that are smaller stay on the listener's face; two metres away, that is all of it."""
FACE_EVERY_S = 2.4
"""Between jumps on the listener's face, on average: what makes them as frequent among all jumps as small ones are."""
JUMP_S, JUMP_S_PER_DEG = 0.025, 0.0024
MICRO_EVERY_S, MICRO_APART_S, MICRO_DEG, MICRO_MOST_DEG = 0.8, 0.15, 0.22, 0.45
DRIFT_DEG, DRIFT_EVERY_S = 0.10, 0.35


@dataclass(frozen=True)
class Habit:
    """How far the eyes wander and how often they move, 1 as people's do and 0 not at all, and by which chance."""

    reach: float = 1.0
    liveliness: float = 1.0
    seed: int = 0


@dataclass(frozen=True)
class Glance:
    """Where both eyes look from a time on, in degrees to the face's left and up, and how long the jump there takes."""

    start_s: float
    left_deg: float
    up_deg: float
    jump_s: float


def wandering_deg(times: Doubles, speech: Speech, habit: Habit) -> Doubles:
    """How the eyes move around their target, float64 [frames, 2] in degrees to the face's left and up."""
    path = gaze_deg(times, glances(speech, habit))
    if habit.liveliness == 0 or habit.reach == 0:
        return path
    drift = np.stack([wander(times, (habit.seed, 2 + axis), every_s=DRIFT_EVERY_S) for axis in range(2)], axis=1)
    # Small as it is, it is seen in the light on the eye; how far the eyes wander has nothing to do with it.
    return path + min(habit.liveliness, 1.0) * (gaze_deg(times, _micro(speech, habit)) + DRIFT_DEG * drift)


def glances(speech: Speech, habit: Habit) -> list[Glance]:
    """At the listener, over his face, and away in turn, in order, from the recording's beginning to its end.

    What is drawn depends on the seed alone.
    """
    begin_s = float(speech.times[0]) if len(speech) else 0.0
    found = [Glance(begin_s, 0.0, 0.0, 1.0)]
    if not len(speech) or habit.liveliness == 0 or habit.reach == 0:
        return found
    # A stream of its own, so that the blinks do not depend on the gaze.
    random = np.random.default_rng((habit.seed, 1))
    times, leaving, returning, rests = speech.times, _leaving(speech), _returning(speech), resting(speech)
    away, now_s = False, begin_s
    while now_s < times[-1]:
        means = LISTENING_S if during(rests, now_s) else TALKING_S
        stay_s = _lognormal(random, *means[away]) / habit.liveliness
        until_s = invited(times, returning if away else leaving, now_s, stay_s, random.uniform())
        if not away:
            _over_the_face(found, random, now_s, until_s, habit)
        away = not away
        angle = _angle(random)
        size = _size_deg(random, at_least=FACE_DEG, at_most=1 / float(np.hypot(np.cos(angle) / FARTHEST_DEG, np.sin(angle) / FARTHEST_UP_DEG)))
        near = 0.3 * FACE_DEG * random.standard_normal(2).clip(-2, 2)
        _jump(found, until_s, (size * np.cos(angle), size * np.sin(angle)) if away else tuple(near), habit.reach)
        now_s = until_s
    return found


def _over_the_face(found: list[Glance], random: np.random.Generator, begin_s: float, end_s: float, habit: Habit) -> None:
    """Small jumps from one of the listener's eyes to the other and to the mouth."""
    now_s = begin_s + 0.2 + random.exponential(FACE_EVERY_S) / habit.liveliness
    while now_s < end_s - 0.2:
        size, angle = _size_deg(random, at_least=0.0, at_most=FACE_DEG), _angle(random)
        here = np.array([found[-1].left_deg, found[-1].up_deg]) / habit.reach
        way = size * np.array([np.cos(angle), np.sin(angle)])
        there = min((here + way, here - way), key=lambda place: float(np.hypot(*place)))
        _jump(found, now_s, tuple(there), habit.reach)
        now_s += 0.2 + random.exponential(FACE_EVERY_S) / habit.liveliness


def _jump(found: list[Glance], start_s: float, there: tuple[float, ...], scale: float) -> None:
    left, up = float(there[0] * scale), float(there[1] * scale)
    distance = np.hypot(left - found[-1].left_deg, up - found[-1].up_deg)
    found.append(Glance(start_s, left, up, float(JUMP_S + JUMP_S_PER_DEG * distance)))


def _micro(speech: Speech, habit: Habit) -> list[Glance]:
    """The small jumps of a fixating eye around where it looks."""
    random = np.random.default_rng((habit.seed, 4))
    begin_s, length_s = float(speech.times[0]), float(speech.times[-1] - speech.times[0])
    # One stream for each kind of number, so that a longer recording begins as a shorter one.
    count = int(length_s / MICRO_APART_S) + 1
    starts = begin_s + np.cumsum(MICRO_APART_S + random.exponential(MICRO_EVERY_S - MICRO_APART_S, count))
    starts = starts[starts < begin_s + length_s]
    places = MICRO_DEG * np.random.default_rng((habit.seed, 5)).standard_normal((len(starts), 2))
    places *= np.minimum(1, MICRO_MOST_DEG / np.maximum(np.hypot(*places.T), 1e-9))[:, None]
    sizes = np.hypot(*np.diff(places, axis=0, prepend=0).T)
    return [Glance(begin_s, 0.0, 0.0, 1.0)] + [
        Glance(float(start), float(left), float(up), float(JUMP_S + JUMP_S_PER_DEG * size))
        for start, (left, up), size in zip(starts, places, sizes, strict=True)
    ]


def gaze_deg(times: Doubles, events: Sequence[Glance]) -> Doubles:
    """Where both eyes look at these times, float64 [frames, 2] in degrees to the face's left and up."""
    starts = np.array([event.start_s for event in events])
    aims = np.array([(event.left_deg, event.up_deg) for event in events])
    now = np.clip(np.searchsorted(starts, times, side="right") - 1, 0, None)
    before = np.clip(now - 1, 0, None)
    part = _saccade((times - starts[now]) / np.array([event.jump_s for event in events])[now])
    return aims[before] + (aims[now] - aims[before]) * part[:, None]


def _size_deg(random: np.random.Generator, *, at_least: float, at_most: float) -> float:
    """The size of a jump, degrees, within these bounds."""
    fewest, most = (min(SIZE_AT * np.exp(-bound / SIZE_DEG), MOST_PERCENT) for bound in (at_most, at_least))
    return float(-SIZE_DEG * np.log(random.uniform(fewest, most) / SIZE_AT))


def _angle(random: np.random.Generator) -> float:
    """The direction of a jump in radians, from the face's left over up."""
    eighth = pick(np.array(DIRECTIONS_PERCENT), random.uniform())
    return float((eighth + random.uniform(-0.5, 0.5)) * np.pi / 4)


def _lognormal(random: np.random.Generator, mean: float, deviation: float) -> float:
    variance = np.log1p((deviation / mean) ** 2)
    return float(mean * random.lognormal(-variance / 2, np.sqrt(variance)))


def _leaving(speech: Speech) -> Doubles:
    """How likely the eyes leave the listener: in pauses, and as a phrase begins."""
    silence, ends = changes(speech)
    return 1.0 + AWAY_PAUSE_WEIGHT * silence + AWAY_PAUSE_WEIGHT * np.clip(-ends, 0.0, None)


def _returning(speech: Speech) -> Doubles:
    """How likely they come back: where a phrase ends, and rather in speech than in a pause."""
    silence, ends = changes(speech)
    return 1.5 - silence + BACK_END_WEIGHT * np.clip(ends, 0.0, None)


def _saccade(part: Doubles) -> Doubles:
    """From 0 to 1 with a peak speed of 1.65 times the mean: between the smoothstep, 1.5, and the jerk-free quintic, 1.875."""
    part = np.clip(part, 0.0, 1.0)
    return 0.6 * smoothstep(part) + 0.4 * part**3 * (10.0 - 15.0 * part + 6.0 * part * part)
