"""The face: a grid around the head with three buttonholes in it, for the mouth and the eyes.

Only the left half is sculpted; the right is its mirror image. What the shapes need to know about a vertex (how far around the mouth it lies,
on which lip, where on which lid) is kept beside it, so that a shape is a formula and not a selection.
"""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .mesh import Faces, Indices, Mesh, grid_faces, without_repeats
from .surface import Blob, Points, bell, cast, directions, rotated, smoothstep

Floats = NDArray[np.float64]

EYE_CENTRE = np.array([0.335, -0.70, 0.0])
EYE_RADIUS = 0.285
LID_THICKNESS = 0.028
LID_CORNER = np.radians(46)
"""How far around the eyeball the corners of the lids lie from its middle."""
MOUTH_HALF_WIDTH = 0.35
MOUTH_LEVEL = -0.60
LIDS_AT_REST = (37.0, 31.0)
LIDS_SHUT = (-7.0, 7.0)

CLAY = (
    Blob((0, 0.12, 0.26), (0.94, 0.98, 0.90)),
    Blob((0, -0.08, -0.42), (0.80, 0.80, 0.66), 0.40),
    Blob((0, -0.50, -0.90), (0.34, 0.32, 0.26), 0.30),
    Blob((0.46, -0.52, -0.42), (0.35, 0.35, 0.31), 0.25),
    Blob((0, -0.58, -0.62), (0.46, 0.38, 0.30), 0.20),
    Blob((0, 0.12, -1.40), (0.38, 0.38, 0.90), 0.25),
    Blob((0.335, -0.70, 0.0), (EYE_RADIUS + LID_THICKNESS,) * 3, 0.11),
    Blob((0, -0.84, -0.10), (0.08, 0.14, 0.20), 0.10),
    Blob((0, -1.05, -0.26), (0.17, 0.20, 0.15), 0.10),
)
"""Skull, jaw, chin, cheeks, muzzle, neck, lids, the bridge of the nose and the nose."""

SKIN = (0.82, 0.46, 0.29)
BLUSH = (0.78, 0.22, 0.14)
LIPS = (0.62, 0.19, 0.14)
INSIDE = (0.16, 0.02, 0.025)
LID = (0.79, 0.40, 0.25)
RIM = (0.50, 0.17, 0.12)

HALF_COLUMNS = 46
MOUTH_COLUMNS = 16
EYE_COLUMNS = (4, 20)
MOUTH_ELEVATION = -31.0
UPPER_LIP = np.array([0.0, 0.10, 0.38, 0.85, 1.45, 2.1, 2.8, 3.4, 4.4, 5.8])
LOWER_LIP = np.array([0.0, 0.12, 0.45, 1.0, 1.75, 2.6, 3.5, 4.3, 5.5, 7.2])
LIP_EDGE = 7
"""The row, counted from the slit, where a lip ends and the skin begins."""


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


def elevations() -> tuple[Floats, int, int]:
    """The grid's rows from the top of the head to the neck, in degrees, and which of them are the eyes' and the mouth's slit."""
    top = np.concatenate([np.linspace(86, 34, 14), np.linspace(32, 19.5, 8), np.linspace(18, 1.5, 12)])
    middle = np.linspace(-1.5, MOUTH_ELEVATION + UPPER_LIP[-1] + 1.5, 14)
    chin = MOUTH_ELEVATION - LOWER_LIP[-1] - np.cumsum(np.linspace(1.8, 3.3, 17))
    rows = np.concatenate([top, [0], middle, MOUTH_ELEVATION + UPPER_LIP[:0:-1], [MOUTH_ELEVATION], MOUTH_ELEVATION - LOWER_LIP[1:], chin])
    return rows, len(top), len(top) + 1 + len(middle) + len(UPPER_LIP) - 1


def azimuths(rows: Floats) -> Floats:
    """Radians of each column of each row [rows, columns]: evenly around the eyes and the mouth where they are, and evenly spread elsewhere."""
    column = np.arange(HALF_COLUMNS + 1)
    inner, outer = EYE_COLUMNS
    turn = LID_CORNER * np.linspace(-1, 1, outer - inner + 1)
    turn = 0.35 * turn + 0.65 * LID_CORNER * np.sin(np.linspace(-np.pi / 2, np.pi / 2, outer - inner + 1))
    radius = EYE_RADIUS + LID_THICKNESS
    lids = np.arctan2(EYE_CENTRE[0] + radius * np.sin(turn), -EYE_CENTRE[1] + radius * np.cos(turn))
    eye = np.concatenate([np.linspace(0, lids[0], inner + 1)[:-1], lids, _around_the_back(lids[-1], HALF_COLUMNS - outer)])
    share = np.linspace(0, 1, MOUTH_COLUMNS + 1)
    lips = np.arctan2(MOUTH_HALF_WIDTH * (0.35 * share + 0.65 * np.sin(share * np.pi / 2)), 0.90)
    mouth = np.concatenate([lips, _around_the_back(lips[-1], HALF_COLUMNS - MOUTH_COLUMNS)])
    even = np.pi * (0.55 * column / HALF_COLUMNS + 0.45 * (column / HALF_COLUMNS) ** 2)
    low = smoothstep(-8, -24, rows)[:, None]
    table = (1 - low) * eye + low * mouth
    edge = np.maximum(smoothstep(28, 60, rows), 0.8 * smoothstep(-44, -66, rows))[:, None]
    return (1 - edge) * table + edge * even


def _around_the_back(start: float, columns: int) -> Floats:
    """Columns that go on from ``start`` to the back of the head, wider and wider."""
    share = np.linspace(0, 1, columns + 1)[1:]
    return start + (np.pi - start) * (0.13 * share + 0.87 * share**2)


def smile(along: Floats) -> Floats:
    """Degrees by which the slit of the mouth curves up towards its corners: the face at rest is a friendly one."""
    return 2.4 * np.square(np.clip(np.abs(along), 0, 1.3)) - 0.8


@dataclass
class Half:
    """The left half while it is built: vertices, each with its coordinates (see :class:`Face`), and faces."""

    points: Points = field(default_factory=lambda: np.empty((0, 3)))
    mouth: Points = field(default_factory=lambda: np.empty((0, 3)))
    """Along and across the mouth's slit in multiples of its half-length, and the side: 1 above, -1 below."""
    eye: Points = field(default_factory=lambda: np.empty((0, 3)))
    """The same around the eye, in multiples of the angle to its corner."""
    depth: Floats = field(default_factory=lambda: np.empty(0))
    colours: Points = field(default_factory=lambda: np.empty((0, 3)))
    faces: Faces = field(default_factory=list)

    def add(self, points: Points, *, mouth: ArrayLike, eye: ArrayLike, colours: ArrayLike, depth: ArrayLike = 0.0) -> Indices:
        """New vertices [..., 3] and their coordinates, each broadcast over them; returns their indices [...]."""
        start, shape = len(self.points), points.shape
        for name, values, size in (("points", points, shape), ("mouth", mouth, shape), ("eye", eye, shape), ("colours", colours, shape)):
            setattr(self, name, np.concatenate([getattr(self, name), np.broadcast_to(values, size).reshape(-1, 3)]))
        self.depth = np.concatenate([self.depth, np.broadcast_to(depth, shape[:-1]).ravel()])
        return np.arange(start, len(self.points)).reshape(shape[:-1])


def sculpt() -> Face:
    """The whole face at rest, its eyes open and its lips just touching."""
    half = Half()
    mouth_loop, eye_loop = _skin(half)
    _mouth_bag(half, mouth_loop)
    _lid_rims(half, eye_loop)
    return _whole(half)


def _skin(half: Half) -> tuple[Indices, Indices]:
    """The grid on the clay, its slits cut and its lips modelled; returns the loops of vertices around the slits of the mouth and of the eye.

    A loop goes along the upper edge to the outer corner and back along the lower edge.
    """
    rows, eye_row, mouth_row = elevations()
    azimuth = azimuths(rows)
    along = np.tan(np.clip(azimuth, 0, 1.3)) / np.tan(azimuth[mouth_row, MOUTH_COLUMNS])
    points = cast(CLAY, directions(azimuth, np.radians(_chart(rows, along))))
    points = _rounded_nose(points)
    points[:, [0, -1], 0] = 0
    across = (points[..., 2] - points[mouth_row, :, 2]) / points[mouth_row, MOUTH_COLUMNS, 0]
    points = points + _lip_relief(rows, along)[..., None] * mouth_outward(points)
    # Cutting doubles the slits' rows; at the columns outside of a slit both rows keep one set of vertices.
    order = np.sort(np.concatenate([np.arange(len(rows)), [eye_row, mouth_row]]))
    eye_row, mouth_row = eye_row + 1, mouth_row + 2
    sides = [np.where(np.arange(len(order)) < row, 1.0, -1.0)[:, None] for row in (eye_row, mouth_row)]
    points, along, across = points[order], along[order], across[order]
    mouth = np.stack(np.broadcast_arrays(along, across, sides[1]), axis=-1)
    angles = eye_angles(points)
    corners = angles[eye_row, EYE_COLUMNS, 0]
    eye_along = np.where(angles[..., 0] < 0, -angles[..., 0] / corners[0], angles[..., 0] / corners[1])
    eye = np.stack(np.broadcast_arrays(eye_along, angles[..., 1] / LID_CORNER, sides[0]), axis=-1)
    ids = half.add(points, mouth=mouth, eye=eye, colours=_skin_colours(points, order, mouth_row))
    inside = np.arange(HALF_COLUMNS + 1)
    inner, outer = EYE_COLUMNS
    ids[eye_row] = np.where((inside > inner) & (inside < outer), ids[eye_row], ids[eye_row - 1])
    ids[mouth_row] = np.where(inside < MOUTH_COLUMNS, ids[mouth_row], ids[mouth_row - 1])
    for block in (ids[:eye_row], ids[eye_row:mouth_row], ids[mouth_row:]):
        half.faces += grid_faces(block)
    crown = half.add(cast(CLAY, np.array([[0.0, 0.0, 1.0]])), mouth=half.mouth[0], eye=half.eye[0], colours=SKIN)
    half.faces += [(int(crown[0]), int(a), int(b)) for a, b in pairwise(ids[0])]
    mouth_loop = np.concatenate([ids[mouth_row - 1, : MOUTH_COLUMNS + 1], ids[mouth_row, MOUTH_COLUMNS - 1 :: -1]])
    eye_loop = np.concatenate([ids[eye_row - 1, inner : outer + 1], ids[eye_row, outer - 1 : inner : -1]])
    return mouth_loop, eye_loop


def _rounded_nose(points: Points, passes: int = 30) -> Points:
    """Rays meet the sides of the nose at a flat angle and space its vertices unevenly: each moves towards the middle of its neighbours there."""
    share = 0.5 * bell(np.linalg.norm((points - (0, -1.12, -0.24)) / (0.24, 0.22, 0.19), axis=-1), 1.0)[..., None]
    for _ in range(passes):
        beside = np.concatenate([points[:, 1:2] * (-1, 1, 1), points, points[:, -2:-1] * (-1, 1, 1)], axis=1)
        around = np.pad(points, ((1, 1), (0, 0), (0, 0)), mode="edge")
        middle = (beside[:, :-2] + beside[:, 2:] + around[:-2] + around[2:]) / 4
        points = points + share * (middle - points)
    return points


def _chart(rows: Floats, along: Floats) -> Floats:
    """Degrees of elevation [rows, columns]: level rows, which near the mouth follow its curve and draw together towards its corners."""
    offset = rows[:, None] - MOUTH_ELEVATION
    taper = 1 - 0.78 * smoothstep(0.60, 1.03, along) * bell(np.maximum(along - 1, 0), 0.5)
    return rows[:, None] + bell(offset, 11.0) * (smile(along) - offset * (1 - taper))


def _lip_relief(rows: Floats, along: Floats) -> Floats:
    """How far the lips stand out [rows, columns]: two rolls of clay whose edges meet at a crease as deep as they are thick."""
    offset = rows[:, None] - MOUTH_ELEVATION
    share = np.where(offset > 0, offset / UPPER_LIP[LIP_EDGE], -offset / LOWER_LIP[LIP_EDGE])
    roll = np.sqrt(np.clip(1 - (1 - np.minimum(share / 0.5, 1)) ** 2, 0, 1)) * smoothstep(1.2, 0.45, share)
    thickness = np.where(offset > 0, 0.045, 0.055) * np.clip(1 - along**2, 0, 1) ** 0.5
    return roll * thickness


def mouth_outward(points: Points) -> Points:
    """Unit vectors that point out of the face around the mouth: level, and fanned out a little."""
    fan = np.stack([0.9 * points[..., 0], np.full(points.shape[:-1], -1.0), np.zeros(points.shape[:-1])], axis=-1)
    return fan / np.linalg.norm(fan, axis=-1, keepdims=True)


def eye_angles(points: Points) -> Floats:
    """Angles from the left eye's middle, radians [..., 2]: sideways, and up around the axis on which the lids turn."""
    offset = points - EYE_CENTRE
    sideways = np.arcsin(np.clip(offset[..., 0] / np.linalg.norm(offset, axis=-1), -1, 1))
    return np.stack([sideways, np.arctan2(offset[..., 2], -offset[..., 1])], axis=-1)


def _mouth_bag(half: Half, loop: Indices) -> None:
    """From the edges of the lips inwards: around the lips, up and down in front of the teeth, and to the back."""
    depth = np.array([0.015, 0.045, 0.075, 0.095, 0.13, 0.22, 0.40, 0.58])
    height = np.array([0.008, 0.035, 0.095, 0.165, 0.215, 0.24, 0.22, 0.15])
    edge = half.points[loop]
    mouth = half.mouth[loop] * (1, 0, 1)
    mouth[MOUTH_COLUMNS, 2] = 0
    spread = np.sqrt(np.clip(1 - mouth[:, 0] ** 2, 0, 1)) * mouth[:, 2]
    # The bag lies on the same rings as the skin in front of it, so that whatever moves that skin moves the bag with it.
    across = (height[:, None] * spread / MOUTH_HALF_WIDTH)[..., None] * (0, 1, 0)
    rings = edge - depth[:, None, None] * mouth_outward(edge)
    rings[..., 0] *= (1 + 0.22 * smoothstep(0.03, 0.13, depth) - 0.55 * (depth / depth[-1]) ** 2)[:, None]
    rings[..., 2] += height[:, None] * spread + (MOUTH_LEVEL - edge[:, 2]) * smoothstep(0.05, 0.3, depth)[:, None]
    colours = np.where((depth < 0.03)[:, None], LIPS, INSIDE)[:, None]
    ids = half.add(rings, mouth=mouth + across, eye=half.eye[loop], colours=colours, depth=depth[:, None])
    half.faces += grid_faces(np.concatenate([loop[None], ids])[:, ::-1])
    upper, lower = ids[-1, : MOUTH_COLUMNS + 1], ids[-1, : MOUTH_COLUMNS - 1 : -1]
    half.faces += grid_faces(np.stack([lower, upper]))


def _lid_rims(half: Half, loop: Indices) -> None:
    """From the edges of the lids inwards: a round rim, and a flap that stays behind the lid when it opens."""
    offset = half.points[loop] - EYE_CENTRE
    skin = np.linalg.norm(offset, axis=1, keepdims=True)
    inner = EYE_RADIUS * 1.012
    radii = np.stack([0.6 * skin + 0.4 * inner, np.full_like(skin, inner), np.full_like(skin, inner * 1.004)])
    eye = half.eye[loop] * (1, 0, 1)
    spread = np.sqrt(np.clip(1 - eye[:, 0] ** 2, 0, 1)) * eye[:, 2]
    turn = np.radians([0.0, 1.5, 16.0])[:, None] * spread
    points = rotated(EYE_CENTRE + radii * offset / skin, -turn, axis=0, pivot=EYE_CENTRE)
    ids = half.add(points, mouth=half.mouth[loop], eye=eye, colours=np.array([RIM, RIM, INSIDE])[:, None])
    half.faces += grid_faces(np.concatenate([loop[None], ids])[:, ::-1], closed=True)


def _skin_colours(points: Points, order: Indices, mouth_row: int) -> Points:
    """Skin, with blushing cheeks and nose, lids a shade darker, and lips."""
    colours = np.broadcast_to(SKIN, points.shape).copy()
    cheeks = bell(np.linalg.norm((points - (0.52, -0.82, -0.40)) / (1, 1, 0.8), axis=-1), 0.24)
    nose = 0.8 * bell(np.linalg.norm(points - (0, -1.2, -0.27), axis=-1), 0.20)
    lid = smoothstep(EYE_RADIUS + LID_THICKNESS + 0.03, EYE_RADIUS + LID_THICKNESS, np.linalg.norm(points - EYE_CENTRE, axis=-1))
    for colour, share in ((BLUSH, 0.55 * np.maximum(cheeks, nose)), (LID, lid)):
        colours += share[..., None] * (np.asarray(colour) - colours)
    rank = np.arange(len(order)) - mouth_row + 0.5
    lips = smoothstep(LIP_EDGE + 0.6, LIP_EDGE - 0.9, np.abs(rank))[:, None] * (np.arange(HALF_COLUMNS + 1) < MOUTH_COLUMNS)
    return colours + lips[..., None] * (np.asarray(LIPS) - colours)


def _whole(half: Half) -> Face:
    """Both halves, sewn together along the middle."""
    used = np.unique([index for face in half.faces for index in face])
    place = np.full(len(half.points), -1)
    place[used] = np.arange(len(used))
    points, middle = half.points[used], np.abs(half.points[used, 0]) < 1e-9
    count = len(points)
    twin = np.where(middle, np.arange(count), count + np.cumsum(~middle) - 1)
    right = np.flatnonzero(~middle)
    left_faces = [tuple(place[list(face)].tolist()) for face in half.faces]
    faces = left_faces + [tuple(twin[list(face)].tolist()[::-1]) for face in left_faces]
    mirrored = [np.concatenate([values[used], values[used][right] * sign]) for values, sign in ((half.mouth, (-1, 1, 1)), (half.eye, 1))]
    mouth, eye = (slit_coordinates(*values.T) for values in mirrored)
    closed = np.concatenate([points, points[right] * (-1, 1, 1)])
    lid = np.concatenate([smoothstep(0.0, 0.10, points[:, 0]), np.zeros(len(right))])
    mesh = Mesh(closed, without_repeats(faces), np.concatenate([half.colours[used], half.colours[used][right]]))
    face = Face(mesh, np.concatenate([twin, right]), mouth, np.concatenate([half.depth[used], half.depth[used][right]]), eye, lid, closed)
    return face.opened()
