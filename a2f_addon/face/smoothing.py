"""Smoothing in seconds, and the step from the model's frames to those of the animation."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from ..settings import check, option
from . import arkit
from .curves import FaceCurves, Floats, Speech, blank

GAUSSIAN, SAVITZKY_GOLAY, LOW_PASS = KINDS = ("gaussian", "savitzky-golay", "low-pass")
HALF_POWER = math.sqrt(math.log(2)) / (2 * math.pi)
"""The frequency at which a Gaussian of one second's deviation halves the power, in hertz: exp(-(2 pi f s)^2) = 1/2."""
LONGEST_S = 4.0
"""Where a low-pass filter's weights, which never quite end, are cut off: so many deviations of the Gaussian to either side, and as many again."""


@dataclass(frozen=True)
class Smoothing:
    """How much of the model's jitter is taken out, by which filter, for each part of the face. None has a phase: nothing comes early or late.

    The seconds are the standard deviation of a Gaussian; the other two filters halve the power at the same frequency as that Gaussian. Savitzky and
    Golay's keeps the height of peaks longest and lets some jitter through; the low-pass filter is the magnitude of a second-order Butterworth filter
    run forwards and backwards, and parts slow from fast most sharply.
    """

    mouth_s: float = option(0.012, "Smoothing of the mouth; more blurs quick speech", minimum=0.0, maximum=0.2, unit="s", flag="smoothing")
    upper_s: float = option(0.040, "Smoothing of brows, cheeks, nose and eyes", minimum=0.0, maximum=1.0, unit="s")
    head_s: float = option(0.080, "Smoothing of the head's turning, where a head was recorded", minimum=0.0, maximum=1.0, unit="s")
    kind: str = option(GAUSSIAN, "The filter that smooths", choices=KINDS)

    def __post_init__(self) -> None:
        check(self)


def smooth(curves: FaceCurves, speech: Speech, settings: Smoothing) -> FaceCurves:
    """Every channel filtered; values stay within the range that they had. Seals are made after it, so it blurs none."""
    return curves.with_channels(_smoothed(curves, settings))


def _smoothed(curves: FaceCurves, settings: Smoothing) -> Iterator[tuple[str, Floats]]:
    mouth, upper, head = (filter_of(settings.kind, seconds * curves.fps) for seconds in (settings.mouth_s, settings.upper_s, settings.head_s))
    for name, curve in zip(curves.names, curves.values.T, strict=True):
        taps = mouth if name in arkit.MOUTH else head if name in arkit.HEAD else upper
        if len(taps) > 1 and curve.any():
            yield name, averaged(curve, taps)


def filter_of(kind: str, sigma: float) -> Floats:
    """Weights of a filter that is as strong as a Gaussian of `sigma` frames, odd in number; a single one where it would not reach the next frame."""
    if kind == GAUSSIAN or sigma <= 0.15:
        return gaussian(sigma)
    return (_savitzky_golay if kind == SAVITZKY_GOLAY else _low_pass)(sigma)


def _savitzky_golay(sigma: float) -> Floats:
    """The middle of the parabola that fits best through an odd number of frames (Savitzky and Golay, "Smoothing and differentiation of data by
    simplified least squares procedures", 1964): of those numbers the one whose power at the Gaussian's frequency is nearest to half."""
    angle = 2 * math.pi * HALF_POWER / sigma
    # Schafer, "What is a Savitzky-Golay filter?" (2011), gives a width to look around.
    about = round(3 * math.pi / angle / 6.4)
    fits = [_parabola(reach) for reach in range(about // 2, 2 * about + 3)]
    return min(fits, key=lambda taps: abs(_response(taps, angle) ** 2 - 0.5)).astype(np.float32)


def _parabola(reach: int) -> np.ndarray:
    """The weights of 2 * reach + 1 frames; three or fewer are the frame itself, through which the parabola runs."""
    if reach < 2:
        return np.ones(1)
    place = np.arange(-reach, reach + 1.0)
    taps = 3 * reach * (reach + 1) - 1 - 5 * place**2
    return taps / taps.sum()


def _response(taps: np.ndarray, angle: float) -> float:
    """What a wave of so many radians a frame is multiplied by."""
    return float(taps @ np.cos(angle * (np.arange(len(taps)) - len(taps) // 2)))


def _low_pass(sigma: float) -> Floats:
    reach = math.ceil(2 * LONGEST_S * sigma)
    frequency = np.fft.rfftfreq(4 * reach)
    # Both runs together leave half of the power where each leaves its square root.
    ratio = (math.sqrt(2) - 1) * (frequency * sigma / HALF_POWER) ** 4
    taps = np.roll(np.fft.irfft(1 / (1 + ratio), 4 * reach), reach)[: 2 * reach + 1]
    return (taps / taps.sum()).astype(np.float32)


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
    values = blank(frames, len(curves.names))
    for column, curve in enumerate(curves.values.T):
        if curve.any():
            values[:, column] = _between(curve, place)
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
