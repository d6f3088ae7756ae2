"""What the mouth says when, in words that an animator reads: the marks that may stand on the timeline."""

from __future__ import annotations

import numpy as np

from .curves import Speech

SHORTEST_S = 0.04
"""What lasts less is a step from one sound to the next."""


def marks(speech: Speech) -> list[tuple[str, float]]:
    """Each sound's name and the second of the recording at which it begins, in time's order; silence has none."""
    if not len(speech):
        return []
    likeliest = speech.phones.argmax(axis=1)
    starts = np.flatnonzero(np.diff(likeliest, prepend=-1))
    lengths = np.diff(starts, append=len(likeliest)) / speech.fps
    quiet = speech.classes.get("silence", ())
    names = [speech.phone_names[each] for each in likeliest[starts]]
    times = speech.start + (starts - 0.5) / speech.fps
    return [(name, float(time)) for name, time, length in zip(names, times, lengths, strict=True) if length >= SHORTEST_S and name not in quiet]
