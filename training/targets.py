"""From phones with their times to the mouth's curves: what the model is taught to hear.

A phone pulls the mouth towards a shape, with a strength of its own for the jaw, the lips and their rounding. Where phones overlap in time the
strongest pull wins in proportion: Cohen and Massaro's dominance functions ("Modeling coarticulation in synthetic visual speech", 1993), written
as a normalised convolution, the same thing for phones that have a length: shape = (kernel * pull x shape) / (kernel * pull). A short vowel between
consonants is reduced by this alone, as in fast speech, and a tongue-only phone, whose pull on the lips is weak, takes its neighbours' lips.
The kernel is a Gaussian, whose step response has the bell-shaped velocity of a reaching movement. Rounding looks further ahead than back.

Contacts don't blend. Lips on P B M, and the lower lip under the teeth on F V, are reached however fast the speech (the first rules of JALI, Edwards
et al., "JALI: an animator-centric viseme model", 2016), so they lie over the rest as envelopes of their own, as does the rest position in pauses.

Jaw heights follow the vowel chart, scaled to conversation: an open vowel of full length reaches half of jawOpen, a close one 0.15.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from a2f_addon.face import arkit
from a2f_addon.face.articulation import EFFORTLESS, INTRINSIC_DB
from a2f_addon.face.spans import Doubles, Spans, envelope, joined, widened

from . import phones as phone_set

Segments = Sequence[tuple[float, float, str]]
"""Start and end in seconds and the phone, in time's order and without holes."""
Floats = NDArray[np.float32]


class Shape(NamedTuple):
    """Where a phone wants the mouth, as ARKit weights (each side has the same), and how strongly: the last three."""

    jaw: float
    upper: float
    lower: float
    funnel: float
    pucker: float
    stretch: float
    smile: float
    jaw_pull: float
    lip_pull: float
    round_pull: float


#: `upper` and `lower` show the teeth (mouthUpperUp, mouthLowerDown). Phones made by the tongue or behind it (K G NG L HH, and T D N but for the jaw)
#: have lips of little pull. Sibilants hold the jaw up, teeth almost together (JALI). Vowels: Ladefoged's chart for the heights.
SHAPES: dict[str, Shape] = {
    #            jaw  upper lower funl. puck. strch smile | jaw lips  round
    "sil": Shape(0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.00, 0.02, 0.02, 0.02),
    "AA": Shape(0.50, 0.10, 0.26, 0.00, 0.00, 0.04, 0.00, 1.00, 1.00, 0.60),
    "AE": Shape(0.45, 0.22, 0.34, 0.00, 0.00, 0.16, 0.06, 1.00, 1.00, 0.80),
    "AH": Shape(0.33, 0.08, 0.22, 0.00, 0.00, 0.04, 0.00, 0.80, 0.80, 0.40),
    "EH": Shape(0.38, 0.18, 0.30, 0.00, 0.00, 0.16, 0.06, 1.00, 1.00, 0.80),
    "ER": Shape(0.24, 0.06, 0.16, 0.32, 0.18, 0.00, 0.00, 0.90, 0.90, 0.90),
    "IH": Shape(0.21, 0.12, 0.26, 0.00, 0.00, 0.16, 0.06, 0.80, 0.80, 0.60),
    "IY": Shape(0.16, 0.16, 0.28, 0.00, 0.00, 0.30, 0.14, 1.00, 1.00, 1.00),
    "AO": Shape(0.42, 0.00, 0.10, 0.46, 0.18, 0.00, 0.00, 1.00, 1.00, 1.00),
    "UH": Shape(0.21, 0.00, 0.06, 0.26, 0.32, 0.00, 0.00, 0.90, 0.90, 1.00),
    "UW": Shape(0.16, 0.00, 0.00, 0.24, 0.80, 0.00, 0.00, 1.00, 1.00, 1.20),
    "UE": Shape(0.15, 0.00, 0.02, 0.26, 0.74, 0.00, 0.00, 1.00, 1.00, 1.20),
    "OE": Shape(0.27, 0.00, 0.08, 0.40, 0.38, 0.00, 0.00, 1.00, 1.00, 1.10),
    "W": Shape(0.12, 0.00, 0.00, 0.20, 0.86, 0.00, 0.00, 1.20, 1.40, 1.60),
    "R": Shape(0.16, 0.05, 0.12, 0.30, 0.24, 0.00, 0.00, 0.90, 0.70, 0.90),
    "Y": Shape(0.14, 0.14, 0.24, 0.00, 0.00, 0.24, 0.10, 0.90, 0.60, 0.60),
    "SH": Shape(0.09, 0.18, 0.22, 0.48, 0.18, 0.00, 0.00, 1.80, 1.20, 1.20),
    "S": Shape(0.08, 0.18, 0.30, 0.00, 0.00, 0.14, 0.04, 2.00, 0.80, 0.25),
    "T": Shape(0.12, 0.10, 0.22, 0.00, 0.00, 0.06, 0.00, 1.00, 0.35, 0.12),
    "N": Shape(0.14, 0.10, 0.22, 0.00, 0.00, 0.06, 0.00, 0.80, 0.30, 0.12),
    "TH": Shape(0.17, 0.12, 0.30, 0.00, 0.00, 0.06, 0.00, 1.10, 0.70, 0.30),
    "L": Shape(0.21, 0.10, 0.22, 0.00, 0.00, 0.04, 0.00, 0.50, 0.25, 0.12),
    "RR": Shape(0.20, 0.10, 0.22, 0.00, 0.00, 0.04, 0.00, 0.50, 0.25, 0.12),
    "K": Shape(0.20, 0.10, 0.20, 0.00, 0.00, 0.04, 0.00, 0.40, 0.20, 0.10),
    "HH": Shape(0.22, 0.08, 0.20, 0.00, 0.00, 0.04, 0.00, 0.15, 0.10, 0.08),
    "F": Shape(0.10, 0.28, 0.06, 0.00, 0.00, 0.04, 0.00, 1.40, 1.20, 0.10),
    "P": Shape(0.09, 0.08, 0.16, 0.00, 0.00, 0.04, 0.00, 0.80, 0.20, 0.04),
}
_SAME = {
    "Z": "S",
    "ZH": "SH",
    "CH": "SH",
    "JH": "SH",
    "D": "T",
    "DH": "TH",
    "V": "F",
    "B": "P",
    "M": "P",
    "G": "K",
    "NG": "K",
    "X": "K",
    "Q": "HH",
}
#: The two vowels of a diphthong; the first holds for rather more than half of it.
DIPHTHONGS = {"AY": ("AA", "IH"), "AW": ("AA", "UH"), "OY": ("AO", "IH"), "EY": ("EH", "IY"), "OW": ("AO", "UW")}
FIRST_HALF = 0.55


class Kernel(NamedTuple):
    """How far a phone's pull reaches before it (`ahead_s`) and after it (`behind_s`), Gaussian sigmas, and by how much the mouth leads its sound."""

    ahead_s: float
    behind_s: float
    lead_s: float


#: Rounding begins 100 to 150 ms before its phone (Bell-Berti and Harris, "A temporal model of speech production", 1981). The jaw hardly leads:
#: against face capture, rules with more lead were 33 ms early.
KERNELS = {"jaw": Kernel(0.036, 0.036, 0.010), "lips": Kernel(0.036, 0.036, 0.020), "round": Kernel(0.070, 0.045, 0.030)}
_PULLED = {"jaw": ("jaw",), "lips": ("upper", "lower"), "round": ("funnel", "pucker", "stretch", "smile")}
_PULL = {"jaw": "jaw_pull", "lips": "lip_pull", "round": "round_pull"}
ROUNDED_AT_LEAST_S = 0.12
"""A W rounds the lips as one of at least this length would: in JALI lips that round begin early and end late, whatever the sound's own length. A W of
40 ms after a V thus reaches a pucker of 0.5, of the 0.86 that it aims at; 0.35 without."""
REACH = 4.0
"""Kernels end at so many sigmas."""
GRID_HZ = 200.0

#: How long a contact takes to come and to go.
SEAL = {"rise_s": 0.055, "fall_s": 0.060}
#: The lips touch, for the eye, when the seal is almost complete: so it completes just after the sound says so.
SEAL_DELAY_S = 0.010
SEAL_AT_LEAST_S = 0.050
#: The part of a plosive before its burst: a voiceless one is followed by a breath.
BURST = {"P": 0.70, "B": 0.90, "M": 1.0}
LABIODENTAL = {"rise_s": 0.070, "fall_s": 0.070}
LABIODENTAL_AT_LEAST_S = 0.040
#: The mouth opens before the first sound and closes after the last one.
SPEAKING = {"rise_s": 0.130, "fall_s": 0.180}
SPEAKING_BEFORE_S = 0.030

#: Loud speech, 10 to 15 dB stronger, roughly doubles the jaw's movement (Schulman, "Articulatory dynamics of loud and normal speech", 1989).
DOUBLE_EFFORT_DB = 12.0
EFFORT_RANGE = (0.5, 1.6)
CHART = (SHAPES["IY"].jaw, SHAPES["AA"].jaw)

#: What lips that meet do beside meeting, and the lower lip under the teeth: small, since they touch and don't squeeze.
SEALED_PRESS, SEALED_ROLL_UPPER, SEALED_ROLL_LOWER = 0.20, 0.12, 0.14
BITTEN_ROLL_LOWER = 0.50


def curves(phones: Segments, *, frames: int, fps: float, effort: Floats | None = None) -> Floats:
    """The mouth of an utterance, float32 [frames, 52] in the order of arkit.NAMES, in 0..1; frame ``i`` stands at (i + 0.5) / fps seconds.

    effort: float [frames], 1 is normal (see :func:`effort`); None is 1 throughout. Raises KeyError for a phone that is not of the project's set.
    """
    times = (np.arange(frames) + 0.5) / fps
    strength = np.ones(frames) if effort is None else np.asarray(effort, np.float64)
    mouth = _coarticulated(phones, times)
    mouth["jaw"] = np.minimum(mouth["jaw"], EFFORTLESS) + np.maximum(mouth["jaw"] - EFFORTLESS, 0) * strength
    for name in ("upper", "lower"):
        mouth[name] = mouth[name] * (0.5 + 0.5 * strength)
    bite = envelope(_holds(phones, ("F", "V"), at_least_s=LABIODENTAL_AT_LEAST_S), times, **LABIODENTAL)
    seal = envelope(_holds(phones, ("P", "B", "M"), delay_s=SEAL_DELAY_S, at_least_s=SEAL_AT_LEAST_S), times, **SEAL)
    speaking = envelope(_speech(phones), times, **SPEAKING)
    return _as_arkit(_touched(mouth, bite=bite, seal=seal), seal=seal, speaking=speaking)


def effort(audio: Floats, phones: Segments, fps: float, *, rate: int = 16000, frames: int | None = None) -> Floats:
    """Vocal effort, float32 [frames]: 1 is the utterance's own median vowel, whatever the level of the recording; within EFFORT_RANGE.

    audio: float [samples] at `rate`. frames: by default as many whole frames as the audio has.
    It is measured on the vowels; between them it is a straight line.
    """
    frames = int(len(audio) * fps / rate) if frames is None else frames
    spans = [(int(start * rate), min(int(end * rate), len(audio)), phone) for start, end, phone in phones if phone in phone_set.VOWELS]
    spans = [span for span in spans if span[0] < span[1]]
    if not spans:
        return np.ones(frames, np.float32)
    starts, ends = (np.array(side) for side in list(zip(*spans, strict=True))[:2])
    energy = np.concatenate(([0.0], np.cumsum(np.square(audio, dtype=np.float64))))
    power = (energy[ends] - energy[starts]) / (ends - starts)
    heard_db = 10 * np.log10(np.maximum(power, power.max() * 1e-6 + 1e-20))
    heard_db -= [_intrinsic_db(phone) for _, _, phone in spans]
    factor = np.clip(2.0 ** ((heard_db - np.median(heard_db)) / DOUBLE_EFFORT_DB), *EFFORT_RANGE)
    return np.interp((np.arange(frames) + 0.5) / fps, (starts + ends) / (2 * rate), factor).astype(np.float32)


def _shape(phone: str) -> Shape:
    return SHAPES[_SAME.get(phone, phone)]


def _intrinsic_db(vowel: str) -> float:
    """How much stronger a vowel is than the closest one of the chart for the same effort."""
    close, wide = CHART
    return INTRINSIC_DB * (SHAPES[DIPHTHONGS.get(vowel, (vowel,))[0]].jaw - close) / (wide - close)


def _gestures(phones: Segments) -> Iterable[tuple[float, float, str]]:
    """Phones of one shape each: a diphthong is two."""
    for start, end, phone in phones:
        if phone in DIPHTHONGS:
            first, second = DIPHTHONGS[phone]
            turn = start + FIRST_HALF * (end - start)
            yield from ((start, turn, first), (turn, end, second))
        else:
            yield start, end, phone


def _coarticulated(phones: Segments, times: Doubles) -> dict[str, Doubles]:
    """Shapes blended by the phones' pulls, each [frames], before any contact."""
    margin = REACH * max(max(kernel.ahead_s, kernel.behind_s) + kernel.lead_s for kernel in KERNELS.values())
    end = max([margin, *times[-1:], *(end for _, end, _ in phones[-1:])])
    gestures = list(_gestures(phones)) or [(0.0, end, phone_set.SILENCE)]
    bounds = np.array([-margin, gestures[0][0], *(end for _, end, _ in gestures), end + margin])
    shapes = [_shape(phone) for _, _, phone in ((0, 0, phone_set.SILENCE), *gestures, (0, 0, phone_set.SILENCE))]
    edges = np.arange(-margin, end + margin, 1 / GRID_HZ)
    centres = (edges[:-1] + edges[1:]) / 2
    mouth = {}
    for group, kernel in KERNELS.items():
        taps = _taps(kernel)
        pull = np.array([getattr(shape, _PULL[group]) for shape in shapes])
        if group == "round":
            pull[1:-1] *= [max(ROUNDED_AT_LEAST_S / max(end - start, 1 / GRID_HZ), 1.0) if phone == "W" else 1.0 for start, end, phone in gestures]
        whole = _convolved(pull, bounds, edges, taps)
        for name in _PULLED[group]:
            part = _convolved(pull * [getattr(shape, name) for shape in shapes], bounds, edges, taps)
            mouth[name] = np.interp(times, centres, part / whole)
    return mouth


def _taps(kernel: Kernel) -> Doubles:
    """The kernel on the grid, turned round for a convolution and with its lead in it."""
    reach = int(np.ceil(GRID_HZ * (REACH * max(kernel.ahead_s, kernel.behind_s) + kernel.lead_s)))
    offset = np.arange(reach, -reach - 1, -1) / GRID_HZ - kernel.lead_s
    taps = np.exp(-0.5 * (offset / np.where(offset > 0, kernel.ahead_s, kernel.behind_s)) ** 2)
    return taps / taps.sum()


def _convolved(steps: Doubles, bounds: Doubles, edges: Doubles, taps: Doubles) -> Doubles:
    """Steps between `bounds`, averaged over each cell of the grid (so that a boundary inside a cell counts) and smoothed."""
    area = np.concatenate(([0.0], np.cumsum(steps * np.diff(bounds))))
    cells = np.diff(np.interp(edges, bounds, area)) * GRID_HZ
    reach = len(taps) // 2
    return np.convolve(np.pad(cells, reach, mode="edge"), taps, mode="valid")


def _holds(phones: Segments, members: tuple[str, ...], *, at_least_s: float, delay_s: float = 0.0) -> Spans:
    """When a contact is whole, float64 [contacts, 2]: neighbours are one contact, which ends with the burst of its last phone.

    Beside a pause it holds on into it, so that lips that rest don't part only to meet.
    """
    outside = (0.0, 0.0, "")
    spans: list[list[float]] = []
    for before, (start, end, phone), after in zip((outside, *phones), phones, (*phones[1:], outside), strict=False):
        if phone not in members:
            continue
        burst = start + BURST.get(phone, 1.0) * (end - start)
        late = _pause_s(after, SPEAKING["fall_s"])
        until = end + late if late else burst
        if before[2] in members:
            spans[-1][1] = until
        else:
            early = _pause_s(before, SPEAKING["rise_s"] + SPEAKING_BEFORE_S)
            spans.append([start - early if early else start + delay_s, until])
    return widened(np.array(spans).reshape(-1, 2), at_least_s=at_least_s)


def _pause_s(neighbour: tuple[float, float, str], reach_s: float) -> float:
    """How much of a neighbour a contact takes in, in seconds: none of a sound, at most `reach_s` of a pause."""
    start, end, phone = neighbour
    return min(reach_s, end - start) if phone == phone_set.SILENCE else 0.0


def _speech(phones: Segments) -> Spans:
    """What is not silence, begun a little early, in seconds."""
    sounds = np.array([(start, end) for start, end, phone in phones if phone != phone_set.SILENCE]).reshape(-1, 2)
    return joined(sounds, gap_s=1e-6) - [SPEAKING_BEFORE_S, 0]


def _touched(mouth: dict[str, Doubles], *, bite: Doubles, seal: Doubles) -> dict[str, Doubles]:
    """The mouth with its contacts: what parts the lips is faded where they meet."""
    target = SHAPES["F"]
    jaw = mouth["jaw"] + 0.8 * bite * (target.jaw - mouth["jaw"])
    upper = mouth["upper"] + bite * (target.upper - mouth["upper"])
    lower = mouth["lower"] * (1 - bite)
    return {
        "jaw": jaw * (1 - 0.35 * seal),
        "upper": upper * (1 - seal),
        "lower": lower * (1 - seal),
        "funnel": mouth["funnel"] * (1 - 0.5 * bite) * (1 - seal),
        "pucker": mouth["pucker"] * (1 - 0.4 * bite) * (1 - 0.3 * seal),
        "stretch": mouth["stretch"] * (1 - 0.4 * seal),
        "smile": mouth["smile"],
        "roll_lower": np.maximum(BITTEN_ROLL_LOWER * bite * (1 - seal), SEALED_ROLL_LOWER * seal),
        "roll_upper": SEALED_ROLL_UPPER * seal,
        "press": SEALED_PRESS * seal,
    }


def _as_arkit(mouth: dict[str, Doubles], *, seal: Doubles, speaking: Doubles) -> Floats:
    """Both sides alike, closed against the jaw where sealed, at rest in the pauses."""
    channels = {
        "jawOpen": mouth["jaw"],
        "mouthClose": mouth["jaw"] * seal,
        "mouthFunnel": mouth["funnel"],
        "mouthPucker": mouth["pucker"],
        "mouthRollLower": mouth["roll_lower"],
        "mouthRollUpper": mouth["roll_upper"],
    }
    for side in ("Left", "Right"):
        channels |= {
            f"mouthUpperUp{side}": mouth["upper"],
            f"mouthLowerDown{side}": mouth["lower"],
            f"mouthStretch{side}": mouth["stretch"],
            f"mouthSmile{side}": mouth["smile"],
            f"mouthPress{side}": mouth["press"],
        }
    values = np.zeros((len(speaking), len(arkit.NAMES)), np.float32)
    for name, curve in channels.items():
        values[:, arkit.NAMES.index(name)] = np.clip(curve * speaking, 0, 1)
    return values
