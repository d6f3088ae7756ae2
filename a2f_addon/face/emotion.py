"""What the face feels while it speaks: emotions as poses over ARKit's 52, blended, eased in and out, and laid over the speech so that P still closes.

The action units of each emotion are those of EMFACS (Ekman, Friesen and Hager, "Facial Action Coding System: Investigator's Guide", 2002), written
as the shapes that they are nearest to; how strong each is was set by eye, on three heads. Audio2Face-3D's ten names all work.

What a voice tells: how aroused a speaker is, from loudness, pitch and rate, and hardly whether pleased or angry (Juslin and Laukka, "Communication of
emotions in vocal expression and music performance", 2003; Scherer, "Vocal communication of emotion", 2003). So *auto* scales the emotion that
somebody chose, or, with none chosen, shows alertness; it never guesses an emotion.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

import numpy as np

from ..errors import SettingError
from ..settings import check, option
from . import silence
from .accents import vowel
from .curves import FaceCurves, Floats, Speech
from .spans import Doubles, envelope, smoothstep

Pose = Mapping[str, float]


def _both(**shapes: float) -> Pose:
    """A pose whose two sides are alike: names that have a side are given without it."""
    return {full: weight for name, weight in shapes.items() for full in ([name] if name in _MIDDLE else [f"{name}Left", f"{name}Right"])}


_MIDDLE = ("browInnerUp", "jawOpen", "jawForward", "mouthShrugLower", "mouthRollUpper", "mouthFunnel")

POSES: dict[str, Pose] = {
    "neutral": {},
    # 6 + 12
    "joy": _both(cheekSquint=0.70, mouthSmile=0.66, mouthDimple=0.12, eyeSquint=0.30, browOuterUp=0.12, mouthUpperUp=0.05),
    # 1 + 4 + 15, with 17
    "sadness": _both(browInnerUp=0.85, browDown=0.18, mouthFrown=0.60, mouthShrugLower=0.24, eyeSquint=0.14, eyeBlink=0.13,
                     mouthStretch=0.05),
    # 4 + 5 + 7 + 23; the chin keeps together what the nose would part
    "anger": _both(browDown=0.95, eyeWide=0.25, eyeSquint=0.45, noseSneer=0.20, mouthPress=0.42, mouthFrown=0.25, mouthShrugLower=0.20,
                   mouthRollUpper=0.10, jawForward=0.08, cheekSquint=0.12),
    # 1 + 2 + 4 + 5 + 20
    "fear": _both(browInnerUp=0.70, browOuterUp=0.25, browDown=0.10, eyeWide=0.65, mouthStretch=0.42, mouthFrown=0.18, jawOpen=0.06),
    # 1 + 2 + 5 + 26
    "surprise": _both(browInnerUp=0.75, browOuterUp=0.80, eyeWide=0.60, jawOpen=0.22, mouthFunnel=0.06),
    # 9 + 15, with 10 and 17
    "disgust": _both(noseSneer=0.72, browDown=0.45, cheekSquint=0.35, eyeSquint=0.32, mouthUpperUp=0.14, mouthFrown=0.32, mouthShrugLower=0.32),
    # 12 + 14, on one side
    "contempt": {"mouthSmileRight": 0.52, "mouthDimpleRight": 0.60, "mouthPressRight": 0.20, "cheekSquintRight": 0.28, "eyeSquintRight": 0.10,
                 "eyeSquintLeft": 0.08, "browDownLeft": 0.12, "browOuterUpRight": 0.35, "mouthShrugLower": 0.10},
    # A smile that keeps something back: 12, more on one side, with a raised brow.
    "cheekiness": {"mouthSmileLeft": 0.30, "mouthSmileRight": 0.58, "mouthDimpleRight": 0.30, "mouthDimpleLeft": 0.12, "cheekSquintRight": 0.42,
                   "cheekSquintLeft": 0.25, "eyeSquintLeft": 0.15, "eyeSquintRight": 0.22, "browOuterUpLeft": 0.45, "browDownRight": 0.12},
    # Sadness at its strongest: 1 + 4 + 15 with 6, 17 and 20.
    "grief": _both(browInnerUp=0.95, browDown=0.34, mouthFrown=0.62, mouthStretch=0.24, mouthShrugLower=0.28, eyeSquint=0.38, cheekSquint=0.28),
    # 4 + 6 or 7 + 9 or 10, eyes narrowed (Prkachin and Solomon, "The structure, reliability and validity of pain expression", 2008)
    "pain": _both(browDown=0.70, cheekSquint=0.55, eyeSquint=0.65, noseSneer=0.38, mouthUpperUp=0.18, mouthStretch=0.30, browInnerUp=0.25),
    # Air through an open mouth, lids and brows high.
    "outofbreath": _both(jawOpen=0.26, browInnerUp=0.40, browOuterUp=0.15, eyeWide=0.16, mouthFunnel=0.08, mouthLowerDown=0.08, noseSneer=0.08),
}  # fmt: skip
ALIASES = {"amazement": "surprise", "happiness": "joy", "out_of_breath": "outofbreath"}
"""Other words for the same; amazement is Audio2Face-3D's."""
NAMES: tuple[str, ...] = (*POSES, *ALIASES)

ALERT: Pose = _both(browInnerUp=0.22, browOuterUp=0.28, eyeWide=0.22, cheekSquint=0.05)
"""What a raised voice shows where no emotion was chosen."""

WHILE_SPEAKING = {
    "jawOpen": 0.25, "mouthPress": 0.15, "mouthShrugLower": 0.45, "mouthRollUpper": 0.2, "mouthFunnel": 0.2, "mouthUpperUp": 0.7, "mouthStretch": 0.7,
}  # fmt: skip
"""What is left in speech of the mouth's part in a pose, beside the rest of it: what would open or shut the mouth is left to the words."""
SPOKEN_S = 0.25
"""How long the mouth takes from its pose in a pause to the one in speech."""
ROUNDED_LEAVES = 0.45
"""How much of a smile or a stretched mouth is left when the lips are fully rounded."""
SPREADING = ("mouthSmile", "mouthStretch", "mouthDimple", "mouthFrown")

VARYING = 0.35
"""How far an emotion wanders, and how far its sides differ, at full variation: a share of its intensity."""
PERIODS_S = (1.7, 3.1, 5.3, 8.9)
"""An expression that is held drifts over seconds; a tremor would be faster."""

_PART = re.compile(r"(?P<name>[\w ]+?)\s*(:\s*(?P<level>[^@]*?)\s*)?(@\s*(?P<start>[\d.]*)\s*-\s*(?P<end>[\d.]*)\s*)?")


@dataclass(frozen=True)
class Span:
    """One emotion at one intensity, 0 to 1, from `start_s` to `end_s` of the recording's own clock.

    Raises SettingError for an emotion that there is not, and for an intensity or a time that cannot be.
    """

    name: str
    intensity: float = 1.0
    start_s: float = -np.inf
    end_s: float = np.inf

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", named(self.name))
        if not 0 <= self.intensity <= 1:
            raise SettingError(f"The intensity of '{self.name}' must lie between 0 and 1, not at {self.intensity:g}.")
        if not self.start_s < self.end_s:
            raise SettingError(f"'{self.name}' must end after it begins, not at {self.end_s:g} s from {self.start_s:g} s.")

    def __str__(self) -> str:
        bounds = [f"{bound:g}" if np.isfinite(bound) else "" for bound in (self.start_s, self.end_s)]
        return f"{self.name}:{self.intensity:g}" + (f"@{'-'.join(bounds)}" if any(bounds) else "")


@dataclass(frozen=True)
class Keys:
    """One emotion over time: straight lines between intensities, 0 to 1, at rising seconds; before the first and after the last it holds.

    What keys in Blender become, sampled as finely as the caller likes. Raises SettingError as :class:`Span`.
    """

    name: str
    times_s: tuple[float, ...]
    intensities: tuple[float, ...]

    def __post_init__(self) -> None:
        object.__setattr__(self, "name", named(self.name))
        object.__setattr__(self, "times_s", tuple(float(time) for time in self.times_s))
        object.__setattr__(self, "intensities", tuple(float(level) for level in self.intensities))
        if not self.times_s or len(self.times_s) != len(self.intensities) or not all(np.diff((*self.times_s, np.inf)) > 0):
            raise SettingError(f"The keys of '{self.name}' need an intensity each, at times that rise.")
        if not all(0 <= level <= 1 for level in self.intensities):
            raise SettingError(f"The intensities of '{self.name}' must lie between 0 and 1.")


@dataclass(frozen=True)
class Track:
    """Emotions over a recording: spans, which are eased in and out, and keys, which are taken as they are."""

    spans: tuple[Span, ...] = ()
    keys: tuple[Keys, ...] = ()

    def __bool__(self) -> bool:
        return any(span.intensity for span in self.spans) or any(any(key.intensities) for key in self.keys)

    def __str__(self) -> str:
        """The spans as :func:`parse` reads them."""
        return ",".join(map(str, self.spans))

    def levels(self, times: Doubles, *, ease_s: float) -> dict[str, Doubles]:
        """The intensity of each emotion at these times, float64 [times]; where an emotion stands twice, the stronger counts."""
        found: dict[str, Doubles] = {}
        for span in self.spans:
            # What begins with the recording is there from its first frame on. Elsewhere half of the ease lies at either side of the bound, so that
            # of two emotions that follow each other one comes as the other goes.
            start_s = span.start_s if span.start_s > 0 else -np.inf
            rise, fall = (smoothstep(distance / max(ease_s, 1e-6) + 0.5) for distance in (times - start_s, span.end_s - times))
            _strongest(found, span.name, span.intensity * np.minimum(rise, fall))
        for key in self.keys:
            _strongest(found, key.name, np.interp(times, key.times_s, key.intensities))
        return found


@dataclass(frozen=True)
class Emotion:
    """What the face feels, and how it shows.

    track: more of it over time, from code or from keys in Blender; it adds to `mix`.
    """

    mix: str = option("", "Emotions with their intensity, and when: joy:0.8,anger:0.5@2-4.5", flag="emotion")
    ease_s: float = option(0.6, "How long an emotion takes to come and to go", minimum=0.0, maximum=10.0, unit="s")
    mouth: float = option(0.75, "How much of an emotion the mouth shows while it speaks", minimum=0.0, maximum=1.0)
    auto: float = option(0.0, "How far the voice's loudness, pitch and rate drive the intensity", minimum=0.0, maximum=1.0)
    variation: float = option(0.3, "How much an emotion drifts, and how much its two sides differ", minimum=0.0, maximum=1.0)
    seed: int = option(0, "Another number lets it drift otherwise", minimum=0, maximum=2**31 - 1)
    track: Track = field(default=Track())

    def __post_init__(self) -> None:
        check(self)
        parse(self.mix)


def named(name: str) -> str:
    """The one name of an emotion that may have several. Raises SettingError for one that there is not."""
    plain = name.strip().casefold().replace(" ", "")
    plain = ALIASES.get(plain, plain)
    if plain not in POSES:
        raise SettingError(f"There is no emotion '{name.strip()}'; there are {', '.join(sorted(NAMES))}.")
    return plain


def parse(text: str) -> Track:
    """Emotions as people write them: "joy", "joy:0.8,anger:0.2", "joy:0.8@0-2.5,anger:0.5@3-" (seconds of the recording).

    Raises SettingError for a text that cannot be read so, and as :class:`Span`.
    """
    return Track(tuple(_span(part) for part in text.split(",") if part.strip()))


def _span(text: str) -> Span:
    match = _PART.fullmatch(text.strip())
    try:
        if not match:
            raise ValueError(text)
        level = 1.0 if match["level"] is None else float(match["level"])
        start, end = (float(bound) if bound else far for bound, far in ((match["start"], -np.inf), (match["end"], np.inf)))
    except ValueError:
        raise SettingError(f"'{text.strip()}' is no emotion; write a name, or joy:0.8, or joy:0.8@1.5-3 for seconds 1.5 to 3.") from None
    return Span(match["name"], level, start, end)


def feel(curves: FaceCurves, speech: Speech, settings: Emotion) -> FaceCurves:
    """The face with its emotions laid over: each shape goes that share of its way to 1, so that none is cut off.

    It adds to brows, cheeks, nose, lids and the mouth; what no pose names, and all of it where there is no emotion, is left
    bit for bit. The seals are made after it.
    """
    mix = parse(settings.mix)
    track = Track(mix.spans + settings.track.spans, mix.keys + settings.track.keys)
    if not len(curves) or not (track or settings.auto):
        return curves
    levels = _levels(curves.times, speech, track, settings)
    posed = _posed(levels, curves.times, settings)
    return curves.with_channels(_laid_over(curves, posed, speech, settings))


def unseen(settings: Emotion, curves: FaceCurves) -> list[str]:
    """A sentence for each span of an emotion that lies outside of the recording whose curves these are, and so shows nothing."""
    first_s, last_s = (curves.times[0], curves.times[-1]) if len(curves) else (0.0, 0.0)
    spans = [span for span in parse(settings.mix).spans + settings.track.spans if span.start_s >= last_s or span.end_s <= first_s]
    return [f"The emotion '{span}' is not seen: the recording runs from {first_s:.1f} s to {last_s:.1f} s." for span in spans]


def arousal(speech: Speech) -> Floats:
    """How aroused the voice sounds, float32 [frames of the speech], 0.5 as this recording's speaker usually is, 0 and 1 two deviations off.

    Mean of the loudness, the pitch (where it was measured) and the rate at which vowels follow each other, each smoothed over about a second, in
    deviations from the recording's own median in speech. It compares moments of one recording, not recordings or people.
    """
    talking = speech.probability("silence") < 0.5
    if talking.sum() < speech.fps:
        return np.full(len(speech), 0.5, np.float32)
    loud = _around(speech.loudness_db, talking, speech.fps)
    signs = [(loud, 6.0), (_around(_vowel_onsets(speech), np.ones_like(talking), speech.fps), 1.5)]
    voiced = speech.pitch_hz > 0
    if voiced.sum() >= 0.5 * speech.fps:
        semitones = 12 * np.log2(np.where(voiced, speech.pitch_hz, 1) / np.median(speech.pitch_hz[voiced]))
        signs.append((_around(semitones, voiced, speech.fps), 3.0))
    deviations = [(sign - np.median(sign[talking])) / max(float(np.std(sign[talking])), scale / 4) for sign, scale in signs]
    return np.clip(0.5 + np.mean(deviations, axis=0) / 4, 0, 1).astype(np.float32)


def _around(sign: np.ndarray, counts: np.ndarray, fps: float) -> Doubles:
    """The mean over about a second of those frames that count; where none does, straight on from where some did."""
    reach = max(round(0.5 * fps), 1)
    window = np.hanning(2 * reach + 3)[1:-1]
    inside = slice(reach, reach + len(sign))
    weight = np.convolve(counts.astype(np.float64), window)[inside]
    total = np.convolve(np.where(counts, sign, 0.0), window)[inside]
    known = np.flatnonzero(weight > 1e-6)
    return np.interp(np.arange(len(sign)), known, total[known] / weight[known])


def _vowel_onsets(speech: Speech) -> Doubles:
    """How much of a vowel begins, in vowels a second, float64 [frames]."""
    vowels = vowel(speech).astype(np.float64)
    return np.maximum(np.diff(vowels, prepend=vowels[:1]), 0) * speech.fps


def _strongest(found: dict[str, Doubles], name: str, level: Doubles) -> None:
    found[name] = np.maximum(found[name], level) if name in found else level


def _levels(times: Doubles, speech: Speech, track: Track, settings: Emotion) -> list[tuple[Pose, Doubles]]:
    """Each pose and how much of it is felt, float64 [times], 0 to 1."""
    levels = [(POSES[name], level) for name, level in track.levels(times, ease_s=settings.ease_s).items() if name != "neutral"]
    if not settings.auto or not len(speech):
        return levels
    voice = np.interp(times, speech.times, arousal(speech))
    if not levels:
        return [(ALERT, settings.auto * np.maximum(2 * voice - 1, 0))]
    # From half of what was chosen in the quietest moments, to half as much again in the most excited.
    return [(pose, np.clip(level * (1 + settings.auto * (voice - 0.5)), 0, 1)) for pose, level in levels]


def _posed(levels: list[tuple[Pose, Doubles]], times: Doubles, settings: Emotion) -> dict[str, Doubles]:
    """How far each shape goes its way to 1, float64 [times]: emotions, too, go each their share of the way that the others leave."""
    left: dict[str, Doubles] = {}
    for number, (pose, level) in enumerate(levels):
        felt = {side: np.clip(level * drift, 0, 1) for side, drift in _drifts(times, settings, number).items()}
        for name, weight in pose.items():
            side = next((side for side in ("Left", "Right") if name.endswith(side)), "")
            left[name] = left.get(name, 1.0) * (1 - weight * felt[side])
    return {name: 1 - rest for name, rest in left.items()}


def _drifts(times: Doubles, settings: Emotion, number: int) -> dict[str, Doubles]:
    """What an emotion's intensity is multiplied by on each side and in the middle: slow waves of the seed's own, and a lasting difference."""
    random = np.random.default_rng((settings.seed, 4, number))
    phases, lasting = random.uniform(0, 2 * np.pi, (2, len(PERIODS_S))), random.uniform(-0.5, 0.5)
    common, apart = (sum(np.sin(2 * np.pi * times / period + phase) for period, phase in zip(PERIODS_S, row, strict=True)) / 2 for row in phases)
    size = settings.variation * VARYING
    middle = 1 + 0.5 * size * common
    return {"": middle, "Left": middle + size * (lasting + 0.3 * apart), "Right": middle - size * (lasting + 0.3 * apart)}


def _laid_over(curves: FaceCurves, posed: Mapping[str, Doubles], speech: Speech, settings: Emotion) -> Iterator[tuple[str, Floats]]:
    spoken = envelope(silence.spoken(speech, silence.Silence()), curves.times, rise_s=SPOKEN_S, fall_s=SPOKEN_S)
    rounded: Doubles = curves.values[:, curves.columns(("mouthPucker", "mouthFunnel"))].sum(axis=1, dtype=np.float64).clip(0, 1)
    for name, share in posed.items():
        if name not in curves.names:
            continue
        plain = name.removesuffix("Left").removesuffix("Right")
        if plain.startswith(("mouth", "jaw")):
            share = share * (1 - spoken * (1.0 - settings.mouth * WHILE_SPEAKING.get(plain, 1.0)))
        if plain in SPREADING:
            share = share * (1 - (1 - ROUNDED_LEAVES) * rounded)
        curve = curves.channel(name)
        yield name, (curve + share * (1 - curve)).astype(np.float32)
