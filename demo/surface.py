"""Sculpting with numbers: blobs that melt into each other, and rays that find their skin.

Every position is in head units (the skull is about 2 wide), x to the character's left, y to its back, z up; the eyes stand at z = 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Points = NDArray[np.float64]
"""float64 [..., 3]."""


@dataclass(frozen=True)
class Blob:
    """An ellipsoid of clay; ``softness`` is the width of the seam where it melts into what was there before."""

    centre: tuple[float, float, float]
    radii: tuple[float, float, float]
    softness: float = 0.1

    def distance(self, points: Points) -> NDArray[np.float64]:
        """About how far points are outside of it (negative inside), to first order in the distance."""
        offset = points - np.asarray(self.centre)
        scaled = np.linalg.norm(offset / np.asarray(self.radii), axis=-1)
        gradient = np.linalg.norm(offset / np.square(self.radii), axis=-1)
        return scaled * (scaled - 1) / np.maximum(gradient, 1e-9)


def melted(blobs: Sequence[Blob], points: Points) -> NDArray[np.float64]:
    """About how far points are outside of the blobs' smooth union, which is symmetric in x: each blob counts with its mirror image.

    The union is the polynomial smooth minimum: exact where the surfaces are further apart than the softness.
    """
    mirrored = points * (-1, 1, 1)
    distance = np.full(points.shape[:-1], np.inf)
    for blob in blobs:
        sides = (points, mirrored) if blob.centre[0] else (points,)
        for side in sides:
            distance = _smooth_minimum(distance, blob.distance(side), blob.softness)
    return distance


def _smooth_minimum(a: NDArray[np.float64], b: NDArray[np.float64], width: float) -> NDArray[np.float64]:
    overlap = np.maximum(width - np.abs(a - b), 0) / width
    return np.minimum(a, b) - np.where(np.isfinite(a), overlap**2 * width / 4, 0)


def cast(blobs: Sequence[Blob], directions: Points, *, reach: float = 4.0) -> Points:
    """Where rays from outside towards the origin first meet the skin; ``directions`` are the unit vectors they come from."""
    travelled = np.full(directions.shape[:-1], reach)
    for _ in range(160):
        # The distance of stretched ellipsoids is an overestimate in places, so each step is a cautious one.
        travelled = np.maximum(travelled - 0.55 * melted(blobs, travelled[..., None] * directions), 0.05)
    return travelled[..., None] * directions


def directions(azimuth: ArrayLike, elevation: ArrayLike) -> Points:
    """Unit vectors; azimuth in radians from straight ahead (-y) to the left (+x), elevation upwards."""
    azimuth, elevation = np.broadcast_arrays(azimuth, elevation)
    return np.stack([np.sin(azimuth) * np.cos(elevation), -np.cos(azimuth) * np.cos(elevation), np.sin(elevation)], axis=-1)


def rotated(points: Points, angle: ArrayLike, *, axis: int, pivot: ArrayLike = (0, 0, 0)) -> Points:
    """Points turned about a line through ``pivot`` parallel to an axis (0 x, 1 y, 2 z), right-handed; one angle in radians or one a point."""
    first, second = (axis + 1) % 3, (axis + 2) % 3
    pivot = np.asarray(pivot, float)
    offset = np.asarray(points, float) - pivot
    cosine, sine = np.cos(angle), np.sin(angle)
    turned = offset.copy()
    turned[..., first] = cosine * offset[..., first] - sine * offset[..., second]
    turned[..., second] = sine * offset[..., first] + cosine * offset[..., second]
    return turned + pivot


def smoothstep(low: float, high: float, value: ArrayLike) -> NDArray[np.float64]:
    """0 at ``low`` and below (or above, where low > high), 1 at ``high``, without a kink."""
    part = np.clip((np.asarray(value, float) - low) / (high - low), 0, 1)
    return part * part * (3 - 2 * part)


def bell(distance: ArrayLike, radius: float) -> NDArray[np.float64]:
    """1 at 0, 0.37 at the radius, and on to nothing."""
    return np.exp(-np.square(np.asarray(distance, float) / radius))
