"""What was heard in this session, so that other settings can be tried on it without hearing it again.

It belongs to the program's session, as the bakes at work do, and is never written to a file.
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Generic, TypeVar

from ..face.sketch import Sketch
from ..job import Heard
from .source import Source

R = TypeVar("R")

MOST_BYTES = 512 * 2**20
"""Of what is kept: about seven hours of speech."""
MOST_RESULTS = 16


@dataclass(frozen=True)
class Result:
    """What a bake looks like. first_frame, last_frame: of the scene. was_there: its Action was the artist's, and an undo changes what is in it."""

    sketch: Sketch
    first_frame: float
    last_frame: float
    was_there: bool


class Results:
    """What the last bakes look like, by the session_uids of the Actions that hold their keys, the newest last."""

    def __init__(self) -> None:
        self._results: OrderedDict[int, Result] = OrderedDict()

    def keep(self, actions: Iterable[int], result: Result) -> None:
        """Remember it, and forget the oldest."""
        for uid in actions:
            self._results[uid] = result
            self._results.move_to_end(uid)
        while len(self._results) > MOST_RESULTS:
            self._results.popitem(last=False)

    def newest(self, actions: Collection[int]) -> Result | None:
        """Of these Actions'."""
        return next((self._results[uid] for uid in reversed(self._results) if uid in actions), None)

    def forget_uncertain(self) -> None:
        """After an undo: what may look otherwise now."""
        for uid in [uid for uid, result in self._results.items() if result.was_there]:
            del self._results[uid]


class Memory(Generic[R]):
    """Recordings heard, and the bakes that were made of them, the newest last."""

    def __init__(self) -> None:
        self._heard: OrderedDict[str, Heard] = OrderedDict()
        self._baked: OrderedDict[str, R] = OrderedDict()
        self.results = Results()

    def heard(self, fingerprint: str) -> Heard | None:
        """What was heard in this very recording by this very model."""
        return self._heard.get(fingerprint)

    def keep(self, fingerprint: str, heard: Heard) -> None:
        """Remember it, and forget the oldest where it is too much."""
        self._heard[fingerprint] = heard
        self._heard.move_to_end(fingerprint)
        while len(self._heard) > 1 and sum(_bytes(each) for each in self._heard.values()) > MOST_BYTES:
            self._heard.popitem(last=False)

    def keep_bake(self, identity: str, request: R) -> None:
        """Remember the last bake of a recording."""
        self._baked[identity] = request
        self._baked.move_to_end(identity)

    def bakes(self) -> list[R]:
        """The last bake of each recording, the newest first."""
        return list(reversed(self._baked.values()))

    def forget_bakes(self) -> None:
        """They speak of datablocks, which another file has not."""
        self._baked.clear()
        self.results = Results()


def fingerprint(source: Source, model: object) -> str:
    """The same for the same sound, span and model; another file at the same path has another."""
    if source.packed is not None:
        content = hashlib.sha256(source.packed).hexdigest()
    else:
        facts = source.path.stat()
        content = f"{source.path} {facts.st_mtime_ns} {facts.st_size}"
    return f"{content} {source.start_s} {source.end_s} {model}"


def _bytes(heard: Heard) -> int:
    return heard.curves.values.nbytes + heard.speech.phones.nbytes
