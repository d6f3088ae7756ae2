"""How near curves, or a phone recogniser, come to what the lips really did: the metrics that every system here is compared by.

Truth is phones with their times. Everything is judged at 100 frames a second, frame ``i`` at (i + 0.5) / 100 seconds, on six mouth classes.
Curves are judged by the gap between the lips of real heads, so that no rig's own habits decide what counts as closed.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from a2f_addon.face import arkit
from a2f_addon.face.curves import FaceCurves, Speech
from benchmarks.heads import arkit_name

RATE_HZ = 100.0
CLASS_NAMES = ("closed", "labiodental", "rounded", "open", "spread", "silence")
CLOSED, SILENCE = CLASS_NAMES.index("closed"), CLASS_NAMES.index("silence")
UNSCORED = -1
_PHONES = {
    "closed": "P B M",
    "labiodental": "F V",
    "rounded": "UW OW UH W AO OY UE OE",
    "open": "AA AE AH AY AW EH",
    "silence": "sil",
}
CLASS_OF = {phone: CLASS_NAMES.index(name) for name, phones in _PHONES.items() for phone in phones.split()}

#: How wide each class holds the lips, by rule of thumb, for the correlation of gaps, which is printed and is no goal.
APERTURES = {"closed": 0.0, "labiodental": 0.15, "rounded": 0.4, "open": 1.0, "spread": 0.5, "silence": 0.0}

TOLERANCE_S = 0.040
#: Lips touch that are no further apart than this share of the jaw's largest movement.
TOUCHING = 0.08
#: The middle of the mouth: this share of its width to either side.
MIDDLE = 0.15
CLOSED_BELOW = 0.03
CLOSED_BELOW_SHARE = 0.2

Phones = Sequence[tuple[float, float, str]]
"""Start and end in seconds and the phone; "" for what is not to be scored (noise, several speakers, no known phone)."""
Gaps = NDArray[np.float64]
Classes = NDArray[np.int64]
Indices = NDArray[np.int64]
Runs = NDArray[np.int64]
"""[runs, 2]: first frame, and the frame after the last."""


@dataclass(frozen=True)
class Head:
    """What each ARKit weight does to the gap between a head's lips: 0 at rest, 1 with jawOpen alone at 1. Shapes add up, so the gap is linear.

    weights: float64 [52] in the order of arkit.NAMES; a shape that the head lacks counts nothing.
    """

    name: str
    weights: NDArray[np.float64]
    pairs: int


@dataclass(frozen=True)
class Events:
    """Closures of one or many recordings; scores of several add up."""

    true: int = 0
    predicted: int = 0
    matched: int = 0
    on_time: int = 0
    onsets_s: tuple[float, ...] = ()
    """Predicted onset less true onset, of the matched ones."""

    def __add__(self, other: Events) -> Events:
        return Events(
            self.true + other.true,
            self.predicted + other.predicted,
            self.matched + other.matched,
            self.on_time + other.on_time,
            self.onsets_s + other.onsets_s,
        )

    @property
    def f1(self) -> float:
        """Closures found and not invented, 0 to 1; nan where there is nothing to find and nothing was found."""
        return _f1(self.matched, self.true, self.predicted)

    @property
    def onset_f1(self) -> float:
        """The same where the onsets, too, lie within TOLERANCE_S of each other."""
        return _f1(self.on_time, self.true, self.predicted)

    @property
    def median_onset_s(self) -> float:
        """How late closures begin, of the matched ones; nan where there are none."""
        return float(np.median(self.onsets_s)) if self.onsets_s else float("nan")


def _f1(hits: int, true: int, predicted: int) -> float:
    return 2 * hits / (true + predicted) if true + predicted else float("nan")


# --- heads -----------------------------------------------------------------------------------------------------------------------------


def load_heads(folder: Path) -> tuple[Head, ...]:
    """The two heads that the published figures were made on. Raises OSError where one is missing."""
    return tuple(load_head(Path(folder) / name) for name in ("ict_facekit.npz", "makehuman.npz"))


def load_head(path: Path) -> Head:
    """A head from an npz of vertices [V, 3], shape_names [S] and deltas [S, V, 3], Y upwards."""
    with np.load(path) as data:
        vertices, deltas = data["vertices"].astype(np.float64), data["deltas"].astype(np.float64)
        shapes = {arkit_name(str(name)): deltas[row] for row, name in enumerate(data["shape_names"])}
    upper, lower = lip_pairs(vertices, shapes)
    weights = np.array([_parting(shapes[name], upper, lower) if name in shapes else 0.0 for name in arkit.NAMES])
    return Head(Path(path).stem, weights / _parting(shapes["jawOpen"], upper, lower), len(upper))


def lip_pairs(vertices: NDArray[np.float64], shapes: Mapping[str, NDArray[np.float64]], *, count: int = 6) -> tuple[Indices, Indices]:
    """Vertices of the upper and of the lower lip that meet, each int [pairs]: near the middle, touching at rest, parted by jawOpen, and of those
    the ones that mouthClose brings together best.

    shapes: deltas [V, 3] by ARKit name. Teeth, which jawOpen parts as well, are told from lips by mouthUpperUp and mouthLowerDown.
    """
    jaw, close = shapes["jawOpen"], shapes["mouthClose"]
    size = np.abs(jaw[:, 1]).max()
    middle = np.abs(vertices[:, 0]) < MIDDLE * np.ptp(vertices[close[:, 1] > 0.5 * close[:, 1].max(), 0])
    upper = np.flatnonzero(middle & _moved(shapes, "mouthUpperUp") & (jaw[:, 1] > -0.3 * size))
    lower = np.flatnonzero(middle & _moved(shapes, "mouthLowerDown") & (jaw[:, 1] < -0.6 * size))
    distance = np.linalg.norm(vertices[upper][:, None] - vertices[lower][None], axis=2)
    rows = np.flatnonzero(distance.min(axis=1) < TOUCHING * size)
    upper, lower = upper[rows], lower[distance[rows].argmin(axis=1)]
    parted, closing = jaw[upper] - jaw[lower], close[upper] - close[lower]
    share = -(parted * closing).sum(axis=1) / (closing**2).sum(axis=1)
    left_open = np.linalg.norm(parted + share[:, None] * closing, axis=1)
    best = np.argsort(left_open, kind="stable")[:count]
    return upper[best], lower[best]


def _moved(shapes: Mapping[str, NDArray[np.float64]], name: str) -> NDArray[np.bool_]:
    """Which vertices a shape of two sides takes along, bool [V]."""
    size = np.linalg.norm(shapes[f"{name}Left"] + shapes[f"{name}Right"], axis=1)
    return size > 0.3 * size.max()


def _parting(delta: NDArray[np.float64], upper: Indices, lower: Indices) -> float:
    return float((delta[upper, 1] - delta[lower, 1]).mean())


# --- what is seen ----------------------------------------------------------------------------------------------------------------------


def lip_gap(curves: FaceCurves, heads: Iterable[Head], *, duration_s: float) -> Gaps:
    """The gap between the lips over time, mean of the heads, float64 [metric frames]; below 0 where lips press into each other."""
    weights = np.mean([head.weights for head in heads], axis=0)
    known = [name for name in curves.names if name in arkit.NAMES]
    gap = curves.values[:, curves.columns(known)].astype(np.float64) @ weights[[arkit.NAMES.index(name) for name in known]]
    return np.interp(metric_times(duration_s), curves.times, gap)


def closed_lips(gap: Gaps) -> NDArray[np.bool_]:
    """Which frames are closed: below CLOSED_BELOW, or below a share of how far this recording opens, bool [frames]."""
    return gap < max(CLOSED_BELOW, CLOSED_BELOW_SHARE * float(np.percentile(gap, 90))) if len(gap) else np.zeros(0, bool)


def recognised(speech: Speech, *, duration_s: float) -> Classes:
    """The likeliest class of each metric frame by the phone head's nearest frame, int [metric frames]."""
    likely = np.stack([speech.probability(name) for name in CLASS_NAMES], axis=1).argmax(axis=1)
    nearest = np.rint((metric_times(duration_s) - speech.start) * speech.fps).astype(int)
    return likely[np.clip(nearest, 0, len(likely) - 1)]


def metric_times(duration_s: float) -> NDArray[np.float64]:
    """Seconds of the metric's frames."""
    return (np.arange(int(duration_s * RATE_HZ)) + 0.5) / RATE_HZ


# --- against the truth -----------------------------------------------------------------------------------------------------------------


def classes(phones: Phones, *, duration_s: float) -> Classes:
    """The true class of each metric frame, int [metric frames]; UNSCORED outside the phones and for the phone ""."""
    times = metric_times(duration_s)
    found = np.full(len(times), UNSCORED)
    spread = CLASS_NAMES.index("spread")
    for start, end, phone in phones:
        first, last = np.searchsorted(times, (start, end))
        found[first:last] = CLASS_OF.get(phone, spread) if phone else UNSCORED
    return found


def frame_accuracy(predicted: Classes, truth: Classes) -> float:
    """Share of the scored frames whose class is right."""
    scored = truth != UNSCORED
    return float((predicted[scored] == truth[scored]).mean()) if scored.any() else float("nan")


def score_closures(closed: NDArray[np.bool_], truth: Classes) -> Events:
    """Closures against true ones: matched one to one, the largest overlap first, the true ones widened by TOLERANCE_S at each side.

    In a pause closed lips are no event: closed frames further than TOLERANCE_S inside one are cut, and runs wholly inside one are left out, as is
    what touches nothing that is scored.
    """
    margin = round(TOLERANCE_S * RATE_HZ)
    pause = truth == SILENCE
    closed = closed & ~_eroded(pause, margin) & (truth != UNSCORED)
    true, predicted = runs(truth == CLOSED), runs(closed)
    predicted = np.array([run for run in predicted if not pause[run[0] : run[1]].all()], np.int64).reshape(-1, 2)
    pairs = _matched(true + np.array([-margin, margin]), predicted)
    onsets = [(predicted[p, 0] - true[t, 0]) / RATE_HZ for t, p in pairs]
    on_time = sum(abs(onset) <= TOLERANCE_S + 1e-9 for onset in onsets)
    return Events(len(true), len(predicted), len(pairs), on_time, tuple(float(onset) for onset in onsets))


def runs(flags: NDArray[np.bool_]) -> Runs:
    """Where flags are set: [runs, 2], first frame and the one after the last."""
    edges = np.diff(np.concatenate(([0], flags.astype(np.int8), [0])))
    return np.stack((np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)), axis=1)


def _eroded(flags: NDArray[np.bool_], margin: int) -> NDArray[np.bool_]:
    """The inner part of each run; at the ends of the recording a run is as good as endless."""
    inner = np.zeros_like(flags)
    for start, end in runs(flags):
        inner[start if start == 0 else start + margin : end if end == len(flags) else max(end - margin, 0)] = True
    return inner


def _matched(true: Runs, predicted: Runs) -> list[tuple[int, int]]:
    overlap = np.minimum(true[:, None, 1], predicted[None, :, 1]) - np.maximum(true[:, None, 0], predicted[None, :, 0])
    pairs: list[tuple[int, int]] = []
    while overlap.size and overlap.max() > 0:
        place = np.unravel_index(overlap.argmax(), overlap.shape)
        t, p = int(place[0]), int(place[1])
        pairs.append((t, p))
        overlap[t, :] = overlap[:, p] = 0
    return pairs


def gap_auc(gap: Gaps, truth: Classes) -> float:
    """Probability that the gap of a P, B or M frame lies below that of another frame of speech; ties count half. nan where one of them is missing."""
    closed, other = gap[truth == CLOSED], gap[(truth != CLOSED) & (truth != SILENCE) & (truth != UNSCORED)]
    if not len(closed) or not len(other):
        return float("nan")
    ordered = np.sort(closed)
    below = np.searchsorted(ordered, other, side="left") + np.searchsorted(ordered, other, side="right")
    return float(below.sum() / (2 * len(closed) * len(other)))


def gap_correlation(gap: Gaps, truth: Classes) -> float:
    """Pearson's r of the gap with each class's nominal aperture over speech, both through a box of 50 ms; nan where either is flat."""
    aperture = np.array([APERTURES[name] for name in CLASS_NAMES])[np.maximum(truth, 0)]
    box = np.ones(5) / 5
    speech = (truth != SILENCE) & (truth != UNSCORED)
    seen, nominal = (np.convolve(curve, box, mode="same")[speech] for curve in (gap, aperture))
    if speech.sum() < 2 or np.ptp(seen) == 0 or np.ptp(nominal) == 0:
        return float("nan")
    return float(np.corrcoef(seen, nominal)[0, 1])
