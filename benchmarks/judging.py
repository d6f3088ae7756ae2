"""One system on one corpus under one condition, judged: what benchmarks/quality.py spreads over processes and adds up.

A system is a graph of this project through all of the add-on's stages, as a user gets it; pocketsphinx's phone decoder; or loudness alone.
"""

from __future__ import annotations

from bisect import bisect
from collections import Counter
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from a2f_addon.face import arkit
from a2f_addon.face.curves import FaceCurves
from a2f_addon.job import Heard, Motion, animate
from benchmarks import conditions, lips, peers, vertices
from training import corpora, evaluate, targets
from training.corpora import Utterance

OFFLINE, LIVE, ALLPHONE, LOUDNESS = "offline", "live", "pocketsphinx allphone", "loudness alone"

OPENED = 0.10
"""Of a jaw's movement: lips further apart than this are seen to be open."""
BESIDE_S = 0.5

Samples = conditions.Samples


@dataclass(frozen=True)
class Places:
    """Where things lie. `shared` holds the folders noise, rooms and heads; graphs: by system."""

    cache: Path
    shared: Path
    graphs: tuple[tuple[str, Path], ...]

    @property
    def heads(self) -> Path:
        """Where the two heads lie that lips are judged on."""
        return self.shared / "heads"


@dataclass(frozen=True)
class Task:
    """What one process does at a time."""

    places: Places
    system: str
    corpus: str
    condition: str
    minutes: float


class Seen(NamedTuple):
    """One clip as a system has it: its classes (none where it hears no phones) and the lips' gap, and closed lips, on the metric's frames."""

    classes: lips.Classes | None
    gap: lips.Gaps
    closed: NDArray[np.bool_]


@dataclass
class Tally:
    """What adds up over clips."""

    seconds: float = 0.0
    truth: list[lips.Classes] = field(default_factory=list)
    classes: list[lips.Classes] = field(default_factory=list)
    gaps: list[lips.Gaps] = field(default_factory=list)
    heard: lips.Events = field(default_factory=lips.Events)
    """Closures of the phones as they were heard."""
    seen: lips.Events = field(default_factory=lips.Events)
    """Closures of the lips."""
    mesh: vertices.Score = field(default_factory=vertices.Score)
    same: lips.Events = field(default_factory=lips.Events)
    """Closures of the lips under a condition against those of the same system without it."""
    moved: float = 0.0
    """How far at most the gap moved by the condition."""
    invented: Counter[str] = field(default_factory=Counter)
    """The true phones on which the lips closed although no closure was near."""
    missed: Counter[str] = field(default_factory=Counter)
    """The phones on which the lips should have closed and did not."""

    def __add__(self, other: Tally) -> Tally:
        return Tally(
            self.seconds + other.seconds,
            self.truth + other.truth,
            self.classes + other.classes,
            self.gaps + other.gaps,
            self.heard + other.heard,
            self.seen + other.seen,
            self.mesh + other.mesh,
            self.same + other.same,
            max(self.moved, other.moved),
            self.invented + other.invented,
            self.missed + other.missed,
        )

    @property
    def accuracy(self) -> float:
        """Share of the scored frames whose class is right; nan of a system that hears no phones."""
        return lips.frame_accuracy(np.concatenate(self.classes), np.concatenate(self.truth)) if self.classes else float("nan")

    @property
    def auc(self) -> float:
        """As lips.gap_auc, over all frames; nan without any."""
        return lips.gap_auc(np.concatenate(self.gaps), np.concatenate(self.truth)) if self.gaps else float("nan")

    @property
    def correlation(self) -> float:
        """As lips.gap_correlation, over all frames; nan without any."""
        return lips.gap_correlation(np.concatenate(self.gaps), np.concatenate(self.truth)) if self.gaps else float("nan")


def judged(task: Task) -> Tally:
    """Every chosen clip of the task's corpus."""
    tally, found = Tally(), conditions.sounds(task.places.shared)
    for utterance, samples in chosen(task.places.cache, task.corpus, minutes=task.minutes):
        clip = conditions.Clip(utterance.id, utterance.phones, found)
        tally += _one(task, utterance, samples, conditions.CONDITIONS[task.condition](samples, clip))
    return tally


def chosen(cache: Path, corpus: str, *, minutes: float) -> list[tuple[Utterance, Samples]]:
    """Utterances of those who were held out, evenly over the corpus, up to so many minutes."""
    held = corpora.read_corpus(cache, corpus, split=corpora.HELD_OUT)
    return evaluate.evenly(held, minutes=minutes)


def _one(task: Task, utterance: Utterance, clean: Samples, samples: Samples) -> Tally:
    seconds = utterance.duration_s
    truth = lips.classes(utterance.phones, duration_s=seconds)
    heard = hear(task, samples) if task.system in (OFFLINE, LIVE) else None
    curves = animate(heard, Motion(), fps=evaluate.FPS) if heard else None
    seen = _seen_by_graph(task, heard, curves, seconds) if heard and curves else _seen_by_peer(task, samples, seconds)
    tally = Tally(seconds, [truth], [] if seen.classes is None else [seen.classes], [seen.gap])
    tally.seen = lips.score_closures(seen.closed, truth)
    tally.invented, tally.missed = faults(seen.closed, truth, utterance)
    if seen.classes is not None:
        tally.heard = lips.score_closures(seen.classes == lips.CLOSED, truth)
    if heard and curves and task.condition == conditions.CLEAN:
        tally.mesh = _on_mesh(task, heard, curves, utterance, clean, seen.gap)
    if task.condition in conditions.HARMLESS:
        tally.same, tally.moved = _against_clean(replace(task, condition=conditions.CLEAN), clean, seen, truth, seconds)
    return tally


def faults(closed: NDArray[np.bool_], truth: lips.Classes, utterance: Utterance) -> tuple[Counter[str], Counter[str]]:
    """The phones in the middle of closures that touch no true one (widened as for its score), and those of true ones that no closure touches."""
    margin = round(lips.TOLERANCE_S * lips.RATE_HZ)
    ends = [end for _, end, _ in utterance.phones]

    def names(events: lips.Runs, others: lips.Runs, wider: int) -> Counter[str]:
        alone = [(a, b) for a, b in events if not any(a < end + wider and b > start - wider for start, end in others)]
        middles = [(a + b) / 2 / lips.RATE_HZ for a, b in alone]
        return Counter(utterance.phones[min(bisect(ends, middle), len(ends) - 1)][2] for middle in middles)

    speaking = closed & (truth != lips.SILENCE) & (truth != lips.UNSCORED)
    true, made = lips.runs(truth == lips.CLOSED), lips.runs(speaking)
    return names(made, true, margin), names(true, lips.runs(closed), margin)


def hear(task: Task, samples: Samples) -> Heard:
    """A clip through one of the graphs, int16 [samples] at 16 kHz."""
    return evaluate.hear(evaluate.load(dict(task.places.graphs)[task.system], live=task.system == LIVE), samples)


def _seen_by_graph(task: Task, heard: Heard, curves: FaceCurves, seconds: float) -> Seen:
    gap = lips.lip_gap(curves, _heads(task.places.heads), duration_s=seconds)
    return Seen(lips.recognised(heard.speech, duration_s=seconds), gap, lips.closed_lips(gap))


def _seen_by_peer(task: Task, samples: Samples, seconds: float) -> Seen:
    if task.system == LOUDNESS:
        gap = peers.loudness_gap(samples.astype(np.int16), duration_s=seconds)
        return Seen(None, gap, lips.closed_lips(gap))
    found = peers.allphone(samples.astype(np.int16), task.places.cache / ".allphone")
    gap = lips.lip_gap(peers.face_of(found, duration_s=seconds), _heads(task.places.heads), duration_s=seconds)
    return Seen(lips.classes(found, duration_s=seconds), gap, lips.closed_lips(gap))


@lru_cache(maxsize=1)
def _heads(folder: Path) -> tuple[lips.Head, ...]:
    return lips.load_heads(folder)


def _against_clean(task: Task, clean: Samples, seen: Seen, truth: lips.Classes, seconds: float) -> tuple[lips.Events, float]:
    """The closures against those that the same system makes of the untouched clip, and how far the gap moved at most."""
    heard = hear(task, clean)
    before = _seen_by_graph(task, heard, animate(heard, Motion(), fps=evaluate.FPS), seconds)
    was = np.where(truth == lips.SILENCE, lips.SILENCE, np.where(before.closed, lips.CLOSED, lips.CLASS_NAMES.index("open")))
    was[truth == lips.UNSCORED] = lips.UNSCORED
    return lips.score_closures(seen.closed, was), float(np.abs(seen.gap - before.gap).max(initial=0.0))


def _on_mesh(task: Task, heard: Heard, curves: FaceCurves, utterance: Utterance, samples: Samples, gap: lips.Gaps) -> vertices.Score:
    """The curves against those of the true phones through the same stages, on the vertices of a head."""
    wanted = animate(as_spoken(heard, utterance, samples), Motion(), fps=evaluate.FPS)
    wanted_gap = lips.lip_gap(wanted, _heads(task.places.heads), duration_s=utterance.duration_s)
    mesh = vertices.load(task.places.heads / "ict_facekit.npz")
    seconds = min(utterance.duration_s, len(curves) / curves.fps)
    return vertices.compare(mesh, curves, wanted, gaps=(gap, wanted_gap), gap_hz=lips.RATE_HZ, duration_s=seconds)


def as_spoken(heard: Heard, utterance: Utterance, samples: Samples) -> Heard:
    """What a model would have heard that knows the phones and their times: the rules' curves, and every frame's phone for certain."""
    frames, fps = len(heard.curves), heard.curves.fps
    effort = targets.effort(samples.astype(np.float32) / 32_768, utterance.phones, fps, frames=frames)
    values = targets.curves(utterance.phones, frames=frames, fps=fps, effort=effort)
    ends = np.array([end for _, end, _ in utterance.phones])
    places = np.minimum(np.searchsorted(ends, heard.speech.times, side="right"), len(ends) - 1)
    sure = np.zeros_like(heard.speech.phones)
    sure[np.arange(len(sure)), [heard.speech.phone_names.index(utterance.phones[place][2]) for place in places]] = 1
    return Heard(FaceCurves(fps, heard.curves.start, arkit.NAMES, values), replace(heard.speech, phones=sure))


# ---- nobody speaks ---------------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Stirred:
    """What the lips do while nobody speaks; those of several clips add up."""

    seconds: float = 0.0
    false_closures: int = 0
    gaps: tuple[lips.Gaps, ...] = ()

    def __add__(self, other: Stirred) -> Stirred:
        return Stirred(self.seconds + other.seconds, self.false_closures + other.false_closures, self.gaps + other.gaps)

    @property
    def a_minute(self) -> float:
        """False closures a minute."""
        return 60 * self.false_closures / self.seconds

    @property
    def gap_95(self) -> float:
        """The 95th percentile of the gap, 1 being a jaw all open: a mouth at rest has 0."""
        return float(np.percentile(np.concatenate(self.gaps), 95))


def stirred(task: Task) -> dict[str, Stirred]:
    """How a graph's mouth takes sounds in which nobody speaks, by kind."""
    found: dict[str, Stirred] = {}
    for kind, samples in conditions.without_speech(conditions.sounds(task.places.shared), minutes=task.minutes):
        seconds = len(samples) / corpora.RATE
        curves = animate(hear(task, samples), Motion(), fps=evaluate.FPS)
        gap = lips.lip_gap(curves, _heads(task.places.heads), duration_s=seconds)
        found[kind] = found.get(kind, Stirred()) + Stirred(seconds, false_closures(gap), (gap,))
    return found


def false_closures(gap: lips.Gaps) -> int:
    """How often lips that were open shut and open again although nobody speaks.

    A run of closed frames (as lips.closed_lips has them) counts when the gap exceeds OPENED within BESIDE_S before it and within BESIDE_S after it.
    A mouth that stays at rest has none, however the rest is closed; neither has one that opens once and closes for good.
    """
    reach = round(BESIDE_S * lips.RATE_HZ)
    opened = gap > OPENED
    closed = lips.runs(lips.closed_lips(gap))
    return sum(bool(opened[max(0, start - reach) : start].any() and opened[end : end + reach].any()) for start, end in closed)


# ---- all of it -----------------------------------------------------------------------------------------------------------------------------------


@dataclass
class Results:
    """Everything that was measured. speech: by system, corpus and condition; quiet: by system and kind of sound.

    order: the corpora, as the page lists them. foreign: those in a language that was kept out of training.
    """

    minutes: float
    order: tuple[str, ...]
    foreign: tuple[str, ...]
    speech: dict[tuple[str, str, str], Tally] = field(default_factory=dict)
    quiet: dict[str, dict[str, Stirred]] = field(default_factory=dict)
    speed: dict[str, float] = field(default_factory=dict)
    """Seconds of speech to one CPU second of the bake command, by system."""
