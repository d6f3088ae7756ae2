"""From clay to the face: a grid around the head with three buttonholes in it, for the mouth and the eyes.

Only the left half is sculpted; the right is its mirror image.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
from numpy.typing import ArrayLike

from .chart import EYE_COLUMNS, HALF_COLUMNS, LIP_EDGE, LOWER_LIP, MOUTH_COLUMNS, UPPER_LIP, Chart, chart
from .clay import BLUSH, CLAY, EYE_CENTRE, EYE_RADIUS, INSIDE, LID, LID_CORNER, LID_THICKNESS, LIPS, MOUTH_HALF_WIDTH, MOUTH_LEVEL, RIM, SKIN
from .face import Face, Floats, eye_angles, mouth_outward, slit_coordinates
from .mesh import Faces, Indices, Mesh, grid_faces, without_repeats
from .surface import Points, bell, cast, directions, rotated, smoothstep


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


@dataclass(frozen=True)
class Cut:
    """The grid with its slits cut: their rows stand twice in it.

    order: the row of the chart that each row is; eyes, mouth: the first row below each slit.
    """

    order: Indices
    eyes: int
    mouth: int

    def side(self, first_below: int) -> Floats:
        """1 for the rows above a slit and -1 for those below it [rows, 1]."""
        return np.where(np.arange(len(self.order)) < first_below, 1.0, -1.0)[:, None]


def sculpt() -> Face:
    """The whole face at rest, its eyes open and its lips just touching."""
    half, lines = Half(), chart()
    rows = np.arange(len(lines.rows))
    cut = Cut(np.sort(np.concatenate([rows, [lines.eye_row, lines.mouth_row]])), lines.eye_row + 1, lines.mouth_row + 2)
    ids = _skin(half, lines, cut)
    _sew(half, ids, cut)
    _mouth_bag(half, np.concatenate([ids[cut.mouth - 1, : MOUTH_COLUMNS + 1], ids[cut.mouth, MOUTH_COLUMNS - 1 :: -1]]))
    inner, outer = EYE_COLUMNS
    _lid_rims(half, np.concatenate([ids[cut.eyes - 1, inner : outer + 1], ids[cut.eyes, outer - 1 : inner : -1]]))
    return _whole(half)


def _skin(half: Half, lines: Chart, cut: Cut) -> Indices:
    """The grid on the clay, with lips on it; returns its vertices [rows, columns]."""
    flat = _rounded_nose(cast(CLAY, directions(lines.azimuth, np.radians(lines.elevation))))
    flat[:, [0, -1], 0] = 0
    across = (flat[..., 2] - flat[lines.mouth_row, :, 2]) / flat[lines.mouth_row, MOUTH_COLUMNS, 0]
    points = (flat + _lip_relief(lines)[..., None] * mouth_outward(flat))[cut.order]
    mouth = np.stack(np.broadcast_arrays(lines.along[cut.order], across[cut.order], cut.side(cut.mouth)), axis=-1)
    return half.add(points, mouth=mouth, eye=_around_the_eye(points, cut), colours=_skin_colours(points, cut))


def _around_the_eye(points: Points, cut: Cut) -> Points:
    """The coordinates around the eye (see :class:`Half`), 1 and -1 along the slit exactly at its corners."""
    angles = eye_angles(points)
    inner, outer = angles[cut.eyes, EYE_COLUMNS, 0]
    along = np.where(angles[..., 0] < 0, -angles[..., 0] / inner, angles[..., 0] / outer)
    return np.stack(np.broadcast_arrays(along, angles[..., 1] / LID_CORNER, cut.side(cut.eyes)), axis=-1)


def _sew(half: Half, ids: Indices, cut: Cut) -> None:
    """The faces of the grid. Outside of a slit both of its rows keep one set of vertices, which ``ids`` is changed to."""
    column, (inner, outer) = np.arange(HALF_COLUMNS + 1), EYE_COLUMNS
    ids[cut.eyes] = np.where((column > inner) & (column < outer), ids[cut.eyes], ids[cut.eyes - 1])
    ids[cut.mouth] = np.where(column < MOUTH_COLUMNS, ids[cut.mouth], ids[cut.mouth - 1])
    for block in (ids[: cut.eyes], ids[cut.eyes : cut.mouth], ids[cut.mouth :]):
        half.faces += grid_faces(block)
    crown = half.add(cast(CLAY, np.array([[0.0, 0.0, 1.0]])), mouth=half.mouth[0], eye=half.eye[0], colours=SKIN)
    half.faces += [(int(crown[0]), int(a), int(b)) for a, b in pairwise(ids[0])]


def _rounded_nose(points: Points, passes: int = 30) -> Points:
    """Rays meet the sides of the nose at a flat angle and space its vertices unevenly: each moves towards the middle of its neighbours there."""
    share = 0.5 * bell(np.linalg.norm((points - (0, -1.12, -0.24)) / (0.24, 0.22, 0.19), axis=-1), 1.0)[..., None]
    for _ in range(passes):
        beside = np.concatenate([points[:, 1:2] * (-1, 1, 1), points, points[:, -2:-1] * (-1, 1, 1)], axis=1)
        around = np.pad(points, ((1, 1), (0, 0), (0, 0)), mode="edge")
        middle = (beside[:, :-2] + beside[:, 2:] + around[:-2] + around[2:]) / 4
        points = points + share * (middle - points)
    return points


def _lip_relief(lines: Chart) -> Floats:
    """How far the lips stand out [rows, columns]: two rolls of clay whose edges meet at a crease as deep as they are thick."""
    offset = lines.above_mouth
    share = np.where(offset > 0, offset / UPPER_LIP[LIP_EDGE], -offset / LOWER_LIP[LIP_EDGE])
    roll = np.sqrt(np.clip(1 - (1 - np.minimum(share / 0.5, 1)) ** 2, 0, 1)) * smoothstep(1.2, 0.45, share)
    return roll * np.where(offset > 0, 0.045, 0.055) * np.sqrt(np.clip(1 - lines.along**2, 0, 1))


def _skin_colours(points: Points, cut: Cut) -> Points:
    """Skin, with blushing cheeks and nose, lids a shade darker, and lips."""
    colours = np.broadcast_to(SKIN, points.shape).copy()
    cheeks = bell(np.linalg.norm((points - (0.52, -0.82, -0.40)) / (1, 1, 0.8), axis=-1), 0.24)
    nose = 0.8 * bell(np.linalg.norm(points - (0, -1.2, -0.27), axis=-1), 0.20)
    lid = smoothstep(EYE_RADIUS + LID_THICKNESS + 0.03, EYE_RADIUS + LID_THICKNESS, np.linalg.norm(points - EYE_CENTRE, axis=-1))
    rows_from_slit = np.abs(np.arange(len(cut.order)) - cut.mouth + 0.5)
    lips = smoothstep(LIP_EDGE + 0.6, LIP_EDGE - 0.9, rows_from_slit)[:, None] * (np.arange(HALF_COLUMNS + 1) < MOUTH_COLUMNS)
    for colour, share in ((BLUSH, 0.55 * np.maximum(cheeks, nose)), (LID, lid), (LIPS, lips)):
        colours += share[..., None] * (np.asarray(colour) - colours)
    return colours


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


def _whole(half: Half) -> Face:
    """Both halves, sewn together along the middle."""
    used = np.unique([index for face in half.faces for index in face])
    place = np.full(len(half.points), -1)
    place[used] = np.arange(len(used))
    points = half.points[used]
    middle = np.abs(points[:, 0]) < 1e-9
    right = np.flatnonzero(~middle)
    twin = np.arange(len(points))
    twin[right] = len(points) + np.arange(len(right))

    def doubled(values: Floats, mirror: ArrayLike = 1.0) -> Floats:
        return np.concatenate([values, values[right] * mirror])

    left_faces = [tuple(place[list(face)].tolist()) for face in half.faces]
    faces = left_faces + [tuple(twin[list(face)].tolist()[::-1]) for face in left_faces]
    closed = doubled(points, (-1, 1, 1))
    return Face(
        mesh=Mesh(closed, without_repeats(faces), doubled(half.colours[used])),
        twin=np.concatenate([twin, right]),
        mouth=slit_coordinates(*doubled(half.mouth[used], (-1, 1, 1)).T),
        depth=doubled(half.depth[used]),
        eye=slit_coordinates(*doubled(half.eye[used]).T),
        lid=np.concatenate([smoothstep(0.0, 0.10, points[:, 0]), np.zeros(len(right))]),
        closed=closed,
    ).opened()
