"""What of a sentence is worth looking at: the phones as the model heard them, and the moments that tell whether lips read."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from a2f_addon.face.curves import Speech

SHORTEST_S = 0.030
"""A phone heard for less than this is a passing doubt of the model."""
IMPORTANCE = ("closed", "labiodental", "rounded", "silence", "open", "spread")
"""Which classes of phones tell most about a mouth, first the most."""
PAUSE_S = 0.20
"""A silence shorter than this is a breath between two words, in which a mouth needs not come to rest."""
FAR_APART_S = 0.040
"""Two moments nearer than this show the same face."""


class Sound(NamedTuple):
    """One phone as heard: its name and its class, and its time in seconds."""

    phone: str
    kind: str
    start: float
    end: float

    @property
    def middle(self) -> float:
        """Seconds."""
        return (self.start + self.end) / 2


class Moment(NamedTuple):
    """A time in seconds, and what to say about it."""

    label: str
    time: float


def sounds(speech: Speech) -> list[Sound]:
    """The likeliest phone of each frame, as runs, the very short ones left out."""
    kinds = {phone: kind for kind, phones in speech.classes.items() for phone in phones}
    best = speech.phones.argmax(axis=1)
    edges = np.flatnonzero(np.diff(best)) + 1
    starts, ends = np.concatenate([[0], edges]), np.concatenate([edges, [len(best)]])
    runs = []
    for first, last in zip(starts, ends, strict=True):
        phone, start = speech.phone_names[best[first]], speech.times[first] - 0.5 / speech.fps
        runs.append(Sound(phone, kinds.get(phone, ""), start, start + (last - first) / speech.fps))
    return _merged([run for run in runs if run.end - run.start >= SHORTEST_S])


def _merged(runs: list[Sound]) -> list[Sound]:
    """Runs of one phone that a passing doubt parts are one."""
    merged = runs[:1]
    for run in runs[1:]:
        if run.phone == merged[-1].phone and run.start - merged[-1].end <= SHORTEST_S:
            merged[-1] = merged[-1]._replace(end=run.end)
        else:
            merged.append(run)
    return merged


def telling(speech: Speech, *, last_s: float, most: int) -> list[Moment]:
    """Up to ``most`` moments in the order of time: the first and the last frame, and the sounds that tell most about a mouth."""
    chosen = [Moment("first frame", 0.0), Moment("last frame", last_s)]
    for moment in _by_importance(sounds(speech)):
        if len(chosen) < most and all(abs(moment.time - other.time) >= FAR_APART_S for other in chosen):
            chosen.append(moment)
    return sorted(chosen, key=lambda moment: moment.time)


def _by_importance(heard: list[Sound]) -> Iterator[Moment]:
    ends = heard[:1] + heard[-1:]
    for kind in IMPORTANCE:
        for sound in sorted(heard, key=lambda sound: sound.start - sound.end):
            if sound.kind != kind:
                continue
            if kind != "silence":
                yield Moment(f"{sound.phone}  {kind}", sound.middle)
            elif sound not in ends and sound.end - sound.start >= PAUSE_S:
                yield Moment("pause", sound.middle)
