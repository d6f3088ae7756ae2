"""How well a graph hears, on speakers and a language that it was never trained on: the metrics of benchmarks/lips.py, printed as one table.

It judges what a user gets: the ONNX file through the add-on's own code, from samples to the curves after every stage. :func:`load` and :func:`hear`
are for other judges too: they take the offline graph and the live one alike, the live one fed as a microphone would feed it. The stages after it are
those of a recording: what is compared is the graphs, with the same stages behind both.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from a2f_addon.face.curves import FaceCurves, Speech
from a2f_addon.job import Heard, Motion, animate
from a2f_addon.speech import model
from a2f_addon.speech.audio import Recording
from a2f_addon.speech.live import Live
from benchmarks import lips
from training import corpora
from training.corpora import Utterance

FPS = 60.0
MINUTES = 12.0
"""How much of each corpus is judged, at the most; evenly from all of it."""
PIECE = 320
"""Samples that a live graph is fed at a time: 20 ms."""
Listener = model.Network | Live
COLUMNS = (
    *("corpus", "minutes", "closures", "accuracy, 6 classes", "closure F1, phone head", "closure F1, model's lips"),
    *("closure F1", "onset F1", "lip-gap AUC"),
)


@dataclass
class Score:
    """What adds up over the clips of one corpus."""

    seconds: float = 0.0
    frames: list[tuple[NDArray[np.int64], NDArray[np.int64]]] = field(default_factory=list)
    events: dict[str, lips.Events] = field(default_factory=dict)
    gaps: list[NDArray[np.float64]] = field(default_factory=list)

    def add(self, name: str, events: lips.Events) -> None:
        """Count some closures under the name of what they were judged on: "head", "raw" or "staged"."""
        self.events[name] = self.events[name] + events if name in self.events else events

    def row(self, corpus: str) -> tuple[str, ...]:
        """The table's row, in the order of COLUMNS; the last three are of the lips after every stage."""
        predicted, truth = (np.concatenate(side) for side in zip(*self.frames, strict=True))
        head, raw, staged = (self.events[name] for name in ("head", "raw", "staged"))
        figures = (lips.frame_accuracy(predicted, truth), head.f1, raw.f1, staged.f1, staged.onset_f1, lips.gap_auc(np.concatenate(self.gaps), truth))
        return corpus, f"{self.seconds / 60:.1f}", str(staged.true), *(f"{figure:.3f}" for figure in figures)


def load(graph: Path, *, live: bool = False) -> Listener:
    """What hears with a graph, offline or live; kept for as long as the file does not change.

    Raises ModelError for one that cannot be used or is of the other kind.
    """
    return _live(graph, graph.stat().st_mtime_ns if graph.is_file() else 0) if live else model.load(graph)


@lru_cache(maxsize=1)
def _live(graph: Path, mtime_ns: int) -> Live:
    return Live(corpora.RATE, model=graph)


def hear(network: Listener, audio: NDArray[np.int16]) -> Heard:
    """One utterance through the add-on's own listening. audio: int16 [samples] at the network's rate; a live graph hears it in pieces of 20 ms,
    from a fresh start."""
    sound = audio.astype(np.float32) / 32768
    if isinstance(network, Live):
        return _joined([*(network.feed(piece) for piece in np.split(sound, range(PIECE, len(sound), PIECE))), network.finish()])
    return Heard(*network.listen(Recording("utterance", network.sample_rate, 0.0, len(sound), iter([sound]))))


def _joined(parts: list[tuple[FaceCurves, Speech]]) -> Heard:
    """The frames of a whole stream as one."""
    curves, speech = parts[0]
    return Heard(
        replace(curves, values=np.concatenate([part.values for part, _ in parts])),
        replace(
            speech,
            phones=np.concatenate([part.phones for _, part in parts]),
            loudness_db=np.concatenate([part.loudness_db for _, part in parts]),
            pitch_hz=np.concatenate([part.pitch_hz for _, part in parts]),
        ),
    )


def judge(score: Score, heard: Heard, utterance: Utterance, heads: Iterable[lips.Head], motion: Motion) -> None:
    """Add one utterance to the score."""
    heads, seconds = tuple(heads), utterance.duration_s
    truth = lips.classes(utterance.phones, duration_s=seconds)
    predicted = lips.recognised(heard.speech, duration_s=seconds)
    score.seconds += seconds
    score.frames.append((predicted, truth))
    score.add("head", lips.score_closures(predicted == lips.CLOSED, truth))
    for name, curves in (("raw", heard.curves), ("staged", animate(heard, motion, fps=FPS))):
        gap = _gap(curves, heads, seconds)
        score.add(name, lips.score_closures(lips.closed_lips(gap), truth))
    score.gaps.append(gap)


def _gap(curves: FaceCurves, heads: tuple[lips.Head, ...], seconds: float) -> NDArray[np.float64]:
    return lips.lip_gap(curves, heads, duration_s=seconds)


def held_out(cache: Path, *, minutes: float = MINUTES) -> Iterator[tuple[str, list[tuple[Utterance, NDArray[np.int16]]]]]:
    """Each cached corpus that has somebody held out, with their utterances, evenly chosen up to so many minutes."""
    for name in corpora.names(cache):
        corpus = corpora.read_corpus(cache, name, split=corpora.HELD_OUT)
        if corpus.utterances:
            yield name, evenly(corpus, minutes=minutes)


def evenly(corpus: corpora.Corpus, *, minutes: float) -> list[tuple[Utterance, NDArray[np.int16]]]:
    """Utterances of a corpus with their int16 samples, evenly chosen from all of it up to about so many minutes."""
    total_s = sum(utterance.duration_s for utterance in corpus.utterances)
    step = max(total_s / (60 * minutes), 1.0)
    chosen = [corpus.utterances[int(place)] for place in np.arange(0, len(corpus.utterances), step)]
    return [(utterance, np.asarray(corpus.audio(utterance))) for utterance in chosen]


def evaluate(
    graph: Path, cache: Path, *, heads_folder: Path, live: bool = False, minutes: float = MINUTES, motion: Motion | None = None
) -> list[tuple[str, ...]]:
    """A row a corpus, in the order of COLUMNS; those of a live graph say so.

    Raises ModelError for a graph that cannot be used and OSError where the heads are missing.
    """
    network, heads = load(graph, live=live), lips.load_heads(heads_folder)
    scores: dict[str, Score] = defaultdict(Score)
    for name, utterances in held_out(cache, minutes=minutes):
        for utterance, audio in utterances:
            judge(scores[name], hear(network, audio), utterance, heads, motion or Motion())
    return [score.row(f"{name}, live" if live else name) for name, score in scores.items()]


def table(rows: Iterable[tuple[str, ...]]) -> str:
    """The rows as a Markdown table."""
    lines = [COLUMNS, ("---",) * len(COLUMNS), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
