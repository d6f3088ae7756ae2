"""Speech as a model hears it, made from phones with their times."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from hypothesis import strategies as st

from a2f_addon.face import arkit
from a2f_addon.face.curves import FaceCurves, Speech
from training import phones, targets

FPS = 50.0
Segments = Sequence[tuple[float, float, str]]


def line(*segments: tuple[float, str]) -> list[tuple[float, float, str]]:
    """Phones of so many seconds, one after the other."""
    ends = np.cumsum([lasting for lasting, _ in segments])
    return [(float(end - lasting), float(end), phone) for end, (lasting, phone) in zip(ends, segments, strict=True)]


def speech(segments: Segments, *, quiet_db: float = -70.0) -> Speech:
    """Each frame as likely of a phone as that fills it; sounds at -20 dB, pauses at `quiet_db`."""
    frames = max(1, round(segments[-1][1] * FPS))
    edges = np.arange(frames + 1) / FPS
    probable = np.zeros((frames, len(phones.PHONES)), np.float32)
    for start, end, phone in segments:
        share = np.clip(np.minimum(edges[1:], end) - np.maximum(edges[:-1], start), 0, None) * FPS
        probable[:, phones.PHONES.index(phone)] += share.astype(np.float32)
    probable /= probable.sum(axis=1, keepdims=True)
    silent = probable[:, phones.PHONES.index(phones.SILENCE)]
    return Speech(FPS, 0.5 / FPS, phones.PHONES, probable, (-20 + silent * (quiet_db + 20)).astype(np.float32), phones.CLASSES)


def face(segments: Segments) -> FaceCurves:
    """The face that the model is taught for those phones."""
    frames = max(1, round(segments[-1][1] * FPS))
    return FaceCurves(FPS, 0.5 / FPS, arkit.NAMES, targets.curves(segments, frames=frames, fps=FPS))


def blurred(curves: FaceCurves) -> FaceCurves:
    """The same with its contacts half lost, as a model has them, and a little of every channel."""
    values = curves.values * 0.85 + 0.02
    values[:, arkit.NAMES.index("mouthClose")] *= 0.5
    return FaceCurves(curves.fps, curves.start, curves.names, values)


lines = st.lists(st.tuples(st.floats(0.03, 0.3), st.sampled_from(phones.PHONES)), min_size=1, max_size=20).map(lambda parts: line(*parts))
