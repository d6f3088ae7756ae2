"""The sculpted face, and what its shapes need to know about each of its vertices.

How far around the mouth a vertex lies, on which lip, where on which lid: that is kept beside the mesh, so that a shape is a formula and not a
selection.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .clay import EYE_CENTRE, EYE_RADIUS, LID_THICKNESS, LIDS_AT_REST
from .mesh import Indices, Mesh
from .surface import Points, rotated, smoothstep

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Slit:
    """Elliptic coordinates around a slit: rings that widen from it, and the angle around them.

    ring: 0 on the slit; around: cosine of the angle, 1 at its left end; side: sine of the angle, 1 above the middle, -1 below it, 0 at both ends.
    All three are smooth everywhere off the slit, so a shape made from them has no seam at the corners of the mouth or of an eye.
    """

    ring: Floats
    around: Floats
    side: Floats

    def __getitem__(self, index: Indices) -> Slit:
        return Slit(self.ring[index], self.around[index], self.side[index])

    @property
    def upper(self) -> Floats:
        """How much a point goes with the upper lip: 1 above the middle, 0.5 at the corners, 0 below."""
        return (1 + self.side) / 2

    @property
    def lower(self) -> Floats:
        """The rest of ``upper``."""
        return (1 - self.side) / 2


def slit_coordinates(along: Floats, across: Floats, sign: Floats) -> Slit:
    """Of points whose place is known as multiples of the slit's half-length; ``sign`` is 1 above and -1 below, also for points on the slit itself."""
    elliptic = np.arccosh(along + 1j * np.abs(across))
    return Slit(np.abs(elliptic.real), np.cos(elliptic.imag), sign * np.abs(np.sin(elliptic.imag)))


def turned_lids(closed: Points, eye: Slit, upper: float, lower: float, *, weight: ArrayLike = 1.0) -> Points:
    """Points on the left eye's closed lids, moved as those do; see :meth:`Face.lids`."""
    turn = np.radians(np.where(eye.side > 0, upper, lower)) * eye.side * smoothstep(1.26, 0.0, eye.ring) * weight
    return rotated(closed, -turn, axis=0, pivot=EYE_CENTRE)


@dataclass(frozen=True)
class Face:
    """The sculpted face and what the shapes need to know about its vertices, all of the length V.

    twin: the vertex's mirror image. mouth, lids: coordinates around the mouth and around the left eye (the right one's are zero rings away).
    depth: how far inside the mouth, head units. lid: 1 where a vertex goes with the left eye's lids, 0 on the right half.
    closed: the vertices with the left eye shut along its slit.
    """

    mesh: Mesh
    twin: Indices
    mouth: Slit
    depth: Floats
    eye: Slit
    lid: Floats
    closed: Points

    def lids(self, upper: float, lower: float) -> Points:
        """All vertices with the left eye's lids this far, in degrees, above and below the middle of the eyeball; a negative value crosses it.

        The lids turn about the eyeball's level axis, so that they never come nearer to it.
        """
        return turned_lids(self.closed, self.eye, upper, lower, weight=self.lid)

    def skin_only(self, fade: float = 0.14) -> Points:
        """1 on the skin, 0 on the lids of either eye [V, 1], with a fade between: for shapes that must not draw the lids off the eyeballs."""
        across, back, up = self.mesh.vertices.T
        distance = np.linalg.norm(np.stack([np.abs(across), back, up], axis=-1) - EYE_CENTRE, axis=1)
        return smoothstep(EYE_RADIUS + LID_THICKNESS, EYE_RADIUS + LID_THICKNESS + fade, distance)[:, None]

    def opened(self) -> Face:
        """The same face with both its eyes open as they are at rest."""
        opening = self.lids(*LIDS_AT_REST) - self.closed
        return replace(self, mesh=replace(self.mesh, vertices=self.closed + opening + self.mirrored(opening)))

    def mirrored(self, moves: Points) -> Points:
        """What the moves [V, 3] of the vertices would be in a mirror."""
        return moves[self.twin] * (-1, 1, 1)


def mouth_outward(points: Points) -> Points:
    """Unit vectors that point out of the face around the mouth: level, and fanned out a little."""
    fan = np.stack([0.9 * points[..., 0], np.full(points.shape[:-1], -1.0), np.zeros(points.shape[:-1])], axis=-1)
    return fan / np.linalg.norm(fan, axis=-1, keepdims=True)


def eye_angles(points: Points) -> Floats:
    """Angles from the left eye's middle, radians [..., 2]: sideways, and up around the axis on which the lids turn."""
    offset = points - EYE_CENTRE
    sideways = np.arcsin(np.clip(offset[..., 0] / np.linalg.norm(offset, axis=-1), -1, 1))
    return np.stack([sideways, np.arctan2(offset[..., 2], -offset[..., 1])], axis=-1)
