"""Smoothing in seconds, and the step from the model's frames to those of the animation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..settings import check, option
from . import arkit
from .curves import FaceCurves, Floats, Speech


@dataclass(frozen=True)
class Smoothing:
    """How much of the model's jitter is taken out. Standard deviations of a Gaussian, which has no phase: nothing comes early or late."""

    mouth_s: float = option(0.012, "Smoothing of the mouth; more blurs quick speech", minimum=0.0, maximum=0.2, unit="s", flag="smoothing")
    rest_s: float = option(0.040, "Smoothing of everything but the mouth", minimum=0.0, maximum=1.0, unit="s")

    def __post_init__(self) -> None:
        check(self)


def smooth(curves: FaceCurves, speech: Speech, settings: Smoothing) -> FaceCurves:
    """Every channel averaged over its neighbours in time; values stay within the range that they had."""
    return curves.with_channels(_smoothed(curves, settings))


def _smoothed(curves: FaceCurves, settings: Smoothing) -> Iterator[tuple[str, Floats]]:
    mouth, rest = (gaussian(sigma_s * curves.fps) for sigma_s in (settings.mouth_s, settings.rest_s))
    for name, curve in zip(curves.names, curves.values.T, strict=True):
        taps = mouth if name in arkit.MOUTH else rest
        if len(taps) > 1 and curve.any():
            yield name, averaged(curve, taps)


def gaussian(sigma: float) -> Floats:
    """Weights of a Gaussian of `sigma` frames out to three sigmas, odd in number; a single one where it would not reach the next frame."""
    reach = math.ceil(3 * sigma - 1e-9) if sigma > 0.15 else 0
    taps = np.exp(-0.5 * (np.arange(-reach, reach + 1) / max(sigma, 1e-9)) ** 2)
    return (taps / taps.sum()).astype(np.float32)


def averaged(curve: Floats, taps: Floats) -> Floats:
    """A weighted mean of the frames that there are, so that neither end dips."""
    inside = slice(len(taps) // 2, len(taps) // 2 + len(curve))
    total, weight = np.convolve(curve, taps)[inside], np.convolve(np.ones_like(curve), taps)[inside]
    return np.clip(total / weight, curve.min(), curve.max())


def resampled(curves: FaceCurves, speech: Speech, *, fps: float) -> FaceCurves:
    """The same motion at `fps`: frame 0 stands where the sound begins, half a frame of the model's before its first, and the last where it ends.

    Between two frames of the model runs a cubic without overshoot (Fritsch and Butland, "A method for constructing local monotone piecewise cubic
    interpolants", 1984): what was within 0..1 stays there, and where times agree so do the values. Outside of them the first and the last hold.
    """
    start = curves.start - 0.5 / curves.fps
    duration_s = max(speech.start + (len(speech) - 0.5) / speech.fps - start, 0.0)
    frames = math.ceil(duration_s * fps - 1e-6) + 1
    if not len(curves):
        return FaceCurves(fps, start, curves.names, np.zeros((frames, len(curves.names)), np.float32))
    place = np.clip((np.arange(frames) / fps + start - curves.start) * curves.fps, 0, len(curves) - 1)
    values = np.zeros((frames, len(curves.names)), np.float32)
    for column in np.flatnonzero(curves.values.any(axis=0)):
        values[:, column] = _between(curves.values[:, column], place)
    return FaceCurves(fps, start, curves.names, values)


def _between(curve: Floats, place: np.ndarray) -> Floats:
    """A monotone cubic through evenly spaced samples, at places counted in samples."""
    if len(curve) == 1:
        return np.full(len(place), curve[0], np.float32)
    left = np.minimum(place.astype(np.int64), len(curve) - 2)
    u = (place - left).astype(np.float32)
    slopes = _slopes(curve)
    a, b, c, d = curve[left], curve[left + 1], slopes[left], slopes[left + 1]
    cubic = a + u * (c + u * (3 * (b - a) - 2 * c - d + u * (2 * (a - b) + c + d)))
    return np.clip(cubic, np.minimum(a, b), np.maximum(a, b))


def _slopes(curve: Floats) -> Floats:
    """The harmonic mean of the steps at both sides, 0 at a peak; at the ends the one step that there is."""
    steps = np.diff(curve)
    before, after = steps[:-1], steps[1:]
    product, total = before * after, before + after
    inner = np.where(product > 0, 2 * product / np.where(total == 0, 1, total), 0)
    return np.concatenate((steps[:1], inner, steps[-1:])).astype(np.float32)
