"""How the speaker articulates: the jaw and the lips each with a strength of their own, from mumbled to over-clear, from a murmur to a shout.

Jaw and lips on two axes are JALI's idea (Edwards, Landreth, Fiume and Singh, "JALI: an animator-centric viseme model", 2016): a ventriloquist moves
neither much, a mumbler the lips least, an actor both. Contacts take no part: what rolls and presses the lips is left as it is, mouthClose keeps
its share of jawOpen, and a shape at 0 stays there, so lips that met still meet.

Beside these the jaw follows how strong each syllable is, as it does in speech: the network hears which vowel it is, and of its strength but little.

All of it is a gain over time, which leaves a gain of 1 bit for bit as it was and bends towards 1 instead of cutting off there (:func:`gained`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..settings import check, option
from .curves import FaceCurves, Floats, Speech
from .smoothing import averaged, gaussian

OPENING = ("mouthUpperUpLeft", "mouthUpperUpRight", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthStretchLeft", "mouthStretchRight")
"""Lip shapes that vocal effort enlarges with the jaw."""
SHAPING = ("mouthFunnel", "mouthPucker", "mouthSmileLeft", "mouthSmileRight", "mouthDimpleLeft", "mouthDimpleRight")
"""Lip shapes that round and spread, and tell vowels apart at any effort."""

MUMBLED, OVERCLEAR = 0.45, 1.35
"""What is left of the movement in mumbled speech, and what over-clear speech makes of it: by eye. Speakers who are asked to speak clearly enlarge
the space that their vowels take up (Picheny, Durlach and Braida, "Speaking clearly for the hard of hearing II", 1986)."""
SYLLABLE_S = 0.060
"""Standard deviation of the Gaussian that blurs a syllable into its neighbours (four to six syllables a second): what mumbling tends to."""
NEAR_REST = 0.02
"""Movements of this size are too small to be sharpened."""
MOST_SHARPENED = 2.0
"""No moment is enlarged or reduced by more, however quick it is."""
SHOUTED = 2.0
"""Loud speech, 10 to 15 dB stronger, roughly doubles the jaw's movement (Schulman, "Articulatory dynamics of loud and normal speech", 1989). The lips
follow by the square root."""
LOUD_DB = 10.0
"""So much more strength than usual is loud speech, as SHOUTED has it."""
INTRINSIC_DB = 5.0
"""An open vowel is stronger by itself than a close one, about so much (Lehiste and Peterson, "Vowel amplitude and phonemic stress in American
English", 1959): that is no effort."""
CLOSE, WIDE = 0.16, 0.50
"""How far the jaw opens for these vowels at usual effort, as the model is taught (SHAPES in training/targets.py)."""
EFFORTLESS = 0.10
"""Of the jaw's opening: what is needed to speak at all, however softly."""
FOLLOWS_S = 0.040
"""Standard deviation of the Gaussian over which strength is measured: a vowel's, and not a period's."""
MOST_STRESSED = 1.6
"""A syllable opens the jaw at most so many times as far as usual, and the weakest that part of it."""
BEND = 3
"""How late a gain bends towards 1: the larger, the later."""


@dataclass(frozen=True)
class Articulation:
    """How the mouth moves with the speech. 1 throughout is as the model heard it."""

    jaw: float = option(1.0, "How far the jaw opens; 0 speaks with the lips alone", minimum=0.0, maximum=2.0, flag="jaw")
    lips: float = option(1.0, "How far the lips round, spread and part; 0 speaks with the jaw alone", minimum=0.0, maximum=2.0, flag="lips")
    clarity: float = option(1.0, "How clearly: 0 mumbled, 1 as spoken, 2 over-clear", minimum=0.0, maximum=2.0, flag="articulation")
    effort: float = option(1.0, "Vocal effort: 0 murmured, 1 as spoken, 2 shouted", minimum=0.0, maximum=2.0, flag="effort")
    dynamics: float = option(1.0, "How far the jaw follows how loud each syllable is, without a style", minimum=0.0, maximum=2.0, flag="dynamics")

    def __post_init__(self) -> None:
        check(self)


def articulate(curves: FaceCurves, speech: Speech, settings: Articulation) -> FaceCurves:
    """The jaw and the lips moved as the settings say; every other channel, and everything where all settings are 1 and no syllable is stronger than
    another, bit for bit as it was."""
    if not len(curves):
        return curves
    return curves.with_channels(_articulated(curves, settings, syllables(curves, speech) ** settings.dynamics))


def syllables(curves: FaceCurves, speech: Speech) -> Floats:
    """How far each moment's strength would open the jaw, as a factor on what is usual in this recording, float32 [frames]; its level is no matter.

    What loud speech does to the whole, a stressed syllable does to its own vowel (de Jong, "The supraglottal articulation of prominence in
    English", 1995).
    """
    jaw = curves.channel("jawOpen") if "jawOpen" in curves.names else np.zeros(len(curves), np.float32)
    power = averaged((10 ** (speech.intensity_db / 10)).astype(np.float32), gaussian(FOLLOWS_S * speech.fps))
    heard_db = np.interp(curves.times, speech.times, 10 * np.log10(np.maximum(power, 1e-30)))
    heard_db -= INTRINSIC_DB * np.clip((jaw - CLOSE) / (WIDE - CLOSE), 0, 1.5)
    talking = (jaw > EFFORTLESS) & (np.interp(curves.times, speech.times, speech.probability("silence")) < 0.5)
    if not talking.any() or not np.ptp(speech.intensity_db):
        return np.ones(len(curves), np.float32)
    return np.clip(SHOUTED ** ((heard_db - np.median(heard_db[talking])) / LOUD_DB), 1 / MOST_STRESSED, MOST_STRESSED).astype(np.float32)


def gained(curve: Floats, gain: Floats | float) -> Floats:
    """A curve within 0..1 made `gain` times as large where it is small, and still within 0..1 and nowhere flat where it is large.

    Above 1 it is y with y^-n - 1 = gain^-n (x^-n - 1), n = BEND: its slope at 0 is the gain, 1 stays 1, and more gain is more everywhere between.
    """
    bent = 1 + np.maximum(np.power(gain, BEND) - 1, 0) * curve**BEND
    return np.asarray(gain * curve / bent ** (1 / BEND), np.float32)


def _articulated(curves: FaceCurves, settings: Articulation, strong: Floats) -> Iterator[tuple[str, Floats]]:
    clear = float(np.interp(settings.clarity, (0, 1, 2), (MUMBLED, 1, OVERCLEAR)))
    effort = SHOUTED ** (settings.effort - 1)
    taps = gaussian(SYLLABLE_S * curves.fps)
    sharpness = settings.clarity - 1
    axes = (
        (("jawOpen",), settings.jaw * effort, strong),
        (OPENING, settings.lips * effort**0.5, (1 + strong) / 2),
        (SHAPING, settings.lips, np.ones(1, np.float32)),
    )
    for names, gain, follows in axes:
        for name in names:
            if name not in curves.names or (gain == 1 and clear == 1 and (follows == 1).all()):
                continue
            curve = curves.channel(name)
            beyond = _beyond(curve, follows) if name == "jawOpen" else follows
            moved = gained(curve, gain * clear * beyond * _sharpened(curve, taps, sharpness))
            yield name, moved
            if name == "jawOpen" and "mouthClose" in curves.names:
                yield "mouthClose", kept_share(curves.channel("mouthClose"), of=curve, now=moved)


def _beyond(jaw: Floats, factor: Floats) -> Floats:
    """The gain that multiplies what the jaw opens beyond EFFORTLESS."""
    return np.where(jaw > EFFORTLESS, (EFFORTLESS + (jaw - EFFORTLESS) * factor) / np.maximum(jaw, EFFORTLESS), 1).astype(np.float32)


def _sharpened(curve: Floats, taps: Floats, amount: float) -> Floats | float:
    """A gain for each frame: above 1 where the curve stands out of its neighbourhood and below it where it falls behind, the other way for a
    negative amount; -1 makes of the curve about what its blurring is."""
    if amount == 0 or not curve.any():
        return 1.0
    outstanding = (curve + NEAR_REST) / (averaged(curve, taps) + NEAR_REST)
    return np.clip(outstanding**amount, 1 / MOST_SHARPENED, MOST_SHARPENED).astype(np.float32)


def kept_share(close: Floats, *, of: Floats, now: Floats) -> Floats:
    """mouthClose as the same share of the jaw's opening as before: lips that met still meet, and it never exceeds the jaw where it did not."""
    return np.asarray(np.divide(close, of, out=np.zeros_like(close), where=of > 0) * now, np.float32)
