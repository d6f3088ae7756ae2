"""Brows that speak along: up a little on what is stressed and on a question's end, down a little where stress is force without pitch.

Raises go with accents and begin before them, by 60 ms on average (Flecha-García, "Eyebrow raises in dialogue and their relation to discourse
structure, utterance function and pitch accents in English", 2010); most raises come with a rise of the pitch, while most rises of the pitch come
without one (Cavé et al., "About the relationship between eyebrow movements and F0 variations", 1996). So only the strongest accents get one.
How far the brows go, and how long they take, was chosen by eye.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from ..settings import check, option
from .accents import Accents, accents, phrases, swell, thinned, wander
from .curves import FaceCurves, Floats, Speech
from .spans import Doubles

EARLY_S, RISE_S, HOLD_S, FALL_S = 0.06, 0.18, 0.08, 0.38
"""When a raise begins before the middle of its vowel has come, beside its rise; and how long it goes up, stays and goes down."""
STRONG = 0.6
"""Weaker accents leave the brows where they are."""
APART_S = 1.8
"""Raises nearer than this would flutter."""
INNER, OUTER, FROWN = 0.34, 0.26, 0.22
"""How far each shape goes at a strength of 1."""
QUESTION_S, QUESTION = 0.35, 0.8
"""When a raise begins before the end of what goes up, and its strength."""
LIVING = 0.02
"""How far brows move when nothing is said: they never stand still, and nobody sees them move."""


@dataclass(frozen=True)
class Brows:
    """How the brows go with the speech."""

    enabled: bool = option(True, "Let the brows go with the speech", flag="brows")
    raises: float = option(1.0, "How far the brows go up on stressed words and questions", minimum=0.0, maximum=2.0, flag="brow-raises")
    frowns: float = option(1.0, "How far the brows go down where stress is force", minimum=0.0, maximum=2.0, flag="brow-frowns")
    seed: int = option(0, "Another number stirs the brows in another way", minimum=0, maximum=2**31 - 1, flag="brow-seed")

    def __post_init__(self) -> None:
        check(self)


def lift(curves: FaceCurves, speech: Speech, settings: Brows) -> FaceCurves:
    """The same face with brows that speak along. It adds to the five brow shapes what room is left there, and leaves every other channel as it is."""
    if not settings.enabled or not len(curves) or not len(speech):
        return curves
    times, found = curves.times, thinned(accents(speech), at_least=STRONG, apart_s=APART_S)
    # A high voice lifts the brows, a merely loud one draws them together.
    high = np.clip(0.5 + found.higher / 4, 0, 1)
    up = settings.raises * np.maximum(_bumps(times, found, found.strengths * high), _questions(times, speech))
    down = settings.frowns * _bumps(times, found, found.strengths * (1 - high))
    ways = {"browInnerUp": INNER * up, "browOuterUpLeft": OUTER * up, "browOuterUpRight": OUTER * up}
    ways |= {"browDownLeft": FROWN * down, "browDownRight": FROWN * down}
    moved = {name: way + _stir(times, settings, number) for number, (name, way) in enumerate(ways.items()) if name in curves.names}
    return curves.with_channels({name: _added(curves.channel(name), way) for name, way in moved.items()})


def _added(before: Floats, way: Doubles) -> Floats:
    return (before + (1 - before) * np.clip(way, 0, 1)).astype(np.float32)


def _bumps(times: Doubles, found: Accents, sizes: Doubles) -> Doubles:
    return swell(times, found.times - EARLY_S, sizes, rise_s=RISE_S, fall_s=FALL_S, hold_s=HOLD_S)


def _questions(times: Doubles, speech: Speech) -> Doubles:
    """A raise over the end of each phrase whose pitch goes up, held a moment into the pause."""
    spoken = phrases(speech)
    ends = spoken.spans[spoken.rises, 1]
    return swell(times, ends - QUESTION_S, np.full(len(ends), QUESTION), rise_s=0.3, fall_s=0.5, hold_s=QUESTION_S + 0.25)


def _stir(times: Doubles, settings: Brows, number: int) -> Doubles:
    """Up to a few hundredths, never below 0."""
    return LIVING * (settings.raises if number < 3 else settings.frowns) * np.abs(wander(times, (settings.seed, 20 + number), every_s=1.7))
