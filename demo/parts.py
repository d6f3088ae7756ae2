"""Everything on the head that is not the face: eyes, lashes, brows, teeth, tongue, ears, hair and a pullover."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from .clay import CLAY, EYE_CENTRE, EYE_RADIUS, LID_CORNER, LID_THICKNESS, LIDS_AT_REST, MOUTH_HALF_WIDTH, MOUTH_LEVEL, SKIN
from .face import Floats, Slit, mouth_outward, turned_lids
from .mesh import Mesh, ball, compacted, grid_faces, joined, painted, tube
from .surface import Points, bell, cast, directions, rotated, smoothstep

WHITE = (0.90, 0.88, 0.82)
IRIS = (0.10, 0.30, 0.33)
IRIS_EDGE = (0.03, 0.11, 0.14)
PUPIL = (0.008, 0.007, 0.008)
HAIR = (0.20, 0.055, 0.025)
TEETH = (0.95, 0.90, 0.78)
GUMS = (0.55, 0.14, 0.13)
TONGUE = (0.66, 0.17, 0.17)
WOOL = (0.80, 0.42, 0.055)

TEETH_SPAN = 1.2
"""How much of the mouth's width the rows of teeth fill."""
BITE_LEVEL = MOUTH_LEVEL - 0.05
"""Where the upper teeth end and the lower begin: low enough for the upper ones to show whenever the mouth opens."""
PUPIL_ANGLE, IRIS_ANGLE = np.radians(13.0), np.radians(27.0)


QUIFF = ((-30, 26, 0.20, 0.105), (-17, 30, 0.27, 0.125), (-3, 34, 0.30, 0.135), (12, 34, 0.26, 0.125), (26, 28, 0.18, 0.11))
"""Each roll: the azimuth that it starts at and how far it sweeps, in degrees, its height and its radius."""
EAR = np.array([0.95, 0.10, -0.13])


def both_sides(left: Mesh) -> Mesh:
    """A left part and its mirror image."""
    return joined([left, left.mirrored()])


def left_eye() -> Mesh:
    """An eyeball that looks straight ahead; its rings run around the pupil, so that pupil and iris have clean edges."""
    edges = {PUPIL_ANGLE: (PUPIL, IRIS), IRIS_ANGLE - 0.035: (IRIS, IRIS_EDGE), IRIS_ANGLE: (IRIS_EDGE, WHITE)}
    sharp = [edge + side for edge in edges for side in (-0.004, 0.004)]
    polar = np.sort(np.concatenate([np.linspace(0, np.pi, 40), sharp]))
    around = np.linspace(0, 2 * np.pi, 48, endpoint=False)
    unit = directions(np.arctan2(np.sin(polar)[:, None] * np.cos(around), np.cos(polar)[:, None]), np.arcsin(np.sin(polar)[:, None] * np.sin(around)))
    ids = np.arange(unit[..., 0].size).reshape(unit.shape[:2])
    ids[0], ids[-1] = ids[0, 0], ids[-1, 0]
    colours = np.select([polar < PUPIL_ANGLE, polar < IRIS_ANGLE - 0.035, polar < IRIS_ANGLE], [0, 1, 2], 3)
    palette = np.array([PUPIL, IRIS, IRIS_EDGE, WHITE])[colours]
    eye = Mesh((unit * EYE_RADIUS + EYE_CENTRE).reshape(-1, 3), grid_faces(ids, closed=True), np.repeat(palette, len(around), axis=0))
    return compacted(eye)


def glint(side: int) -> Mesh:
    """The light's reflection in an eye: a white dot, on the same side of both eyes."""
    towards = directions(np.radians(-13.0), np.radians(15.0))
    dot = ball((0, 0, 0), (0.030, 0.006, 0.030), (1, 1, 1), segments=16, rings=8).vertices
    dot = rotated(rotated(dot, np.radians(-15.0), axis=0), np.radians(-13.0), axis=2)
    mesh = ball((0, 0, 0), (1, 1, 1), (1.0, 1.0, 1.0), segments=16, rings=8)
    return Mesh(dot + EYE_CENTRE * (side, 1, 1) + towards * EYE_RADIUS, mesh.faces, mesh.colours)


def left_lashes() -> tuple[Mesh, Points, Slit]:
    """The dark edge of the left upper lid: the mesh at rest, and its closed points and coordinates for the shapes of the lids."""
    share = np.linspace(-1, 1, 33)[1:-1]
    bend = LID_CORNER * share
    height = np.sqrt(1 - share**2)
    radius = EYE_RADIUS + LID_THICKNESS * 0.75
    path = EYE_CENTRE + radius * directions(bend, 0.0 * bend)
    roll = tube(path - EYE_CENTRE, 0.016 * (0.25 + 0.75 * height), HAIR, segments=10)
    count = len(roll.vertices)
    along = np.clip(np.arcsin(np.clip(roll.vertices[:, 0] / radius, -1, 1)) / LID_CORNER, -1, 1)
    eye = Slit(np.zeros(count), along, np.sqrt(1 - along**2))
    closed = roll.vertices + EYE_CENTRE
    return Mesh(turned_lids(closed, eye, *LIDS_AT_REST), roll.faces, roll.colours), closed, eye


def left_brow() -> Mesh:
    """A roll of clay on the forehead, thickest near the nose."""
    share = np.linspace(0, 1, 22)
    azimuth = np.radians(8.0 + 27.0 * share)
    elevation = np.radians(29.5 + 4.0 * np.sin(np.pi * share**0.85) - 2.0 * share)
    path = cast(CLAY, directions(azimuth, elevation)) * 1.012
    return tube(path, 0.036 + 0.018 * np.sin(np.pi * share**0.6) - 0.012 * share, HAIR, flatten=0.8)


def _arch(share: Floats, inset: float, *, level: float = 0.0) -> Points:
    """Points of the dental arch, ``share`` from -1 at its right end to 1 at its left: ``level`` above the bite, ``inset`` behind the lips."""
    across = share * MOUTH_HALF_WIDTH * TEETH_SPAN
    lips = np.stack([across, -0.955 + 0.9 * across**2, np.full_like(across, BITE_LEVEL + level)], axis=-1)
    return lips - inset * mouth_outward(lips)


def _row_of_teeth(widths: Sequence[float], height: float, *, upwards: int, inset: float) -> Mesh:
    """Rounded blocks side by side along the arch, from the middle out; ``upwards`` is the direction of the roots."""
    edges = np.concatenate([[0], np.cumsum(widths)]) / np.sum(widths)
    teeth = []
    for middle, width in zip((edges[1:] + edges[:-1]) / 2, np.diff(edges), strict=True):
        centre = _arch(np.array([middle]), inset)[0]
        half_width = width * MOUTH_HALF_WIDTH * TEETH_SPAN / 2
        block = ball((0, 0, 0), (1, 1, 1), TEETH, segments=24, rings=16)
        cube = np.sign(block.vertices) * np.abs(block.vertices) ** 0.55
        facing = np.arctan2(0.9 * centre[0] * 1.6, 1.0)
        shaped = rotated(cube * (half_width * 1.03, 0.035, height / 2), facing, axis=2)
        root = upwards * (height / 2 - 0.004)
        teeth.append(Mesh(shaped + centre + (0, 0, root), block.faces, block.colours))
    return both_sides(joined(teeth))


def upper_teeth() -> Mesh:
    """The upper row and its gums, which never move."""
    gums = tube(_arch(np.linspace(-1, 1, 25), 0.125, level=0.125), np.full(25, 0.045), GUMS)
    return joined([_row_of_teeth((1.35, 1.1, 1.1, 1.05, 1.05), 0.15, upwards=1, inset=0.102), gums])


def lower_teeth() -> Mesh:
    """The lower row and its gums, which go with the jaw."""
    gums = tube(_arch(np.linspace(-1, 1, 25), 0.145, level=-0.115), np.full(25, 0.045), GUMS)
    return joined([_row_of_teeth((1.0, 1.0, 1.05, 1.05, 1.05), 0.12, upwards=-1, inset=0.128), gums])


def tongue() -> tuple[Mesh, Floats]:
    """The tongue behind the lower teeth, and how far along it each vertex lies, 0 at the root and 1 at the tip."""
    share = np.linspace(0, 1, 22)
    below = np.array([0, -0.5, -2.0])
    path = np.stack([0 * share, -0.32 - 0.34 * share, -0.80 + 0.10 * np.sin(share * 1.9)], axis=-1)
    roll = tube(path - below, 0.20 - 0.075 * share**2, TONGUE, flatten=0.33, segments=20)
    points = roll.vertices + below
    groove = 0.025 * bell(points[:, 0], 0.05) * (points[:, 2] > np.interp(-points[:, 1], -path[:, 1], path[:, 2]))
    return Mesh(points - groove[:, None] * (0, 0, 1), roll.faces, roll.colours), np.clip((-0.32 - points[:, 1]) / 0.34, 0, 1.3)


def ears() -> Mesh:
    """Two slabs of clay with a thumb's print in each."""
    unit = ball((0, 0, 0), (1, 1, 1), SKIN, segments=32, rings=24)
    points = rotated(unit.vertices, np.pi / 2, axis=2)
    rim = np.hypot(points[:, 1], points[:, 2] - 0.05)
    dent = np.where(points[:, 0] > 0, 0.9 * smoothstep(0.78, 0.45, rim), 0.0)[:, None]
    points = (points - dent * (1, 0, 0)) * (0.085, 0.16, 0.25)
    points = rotated(rotated(points, np.radians(-28), axis=2), np.radians(-8), axis=1)
    return both_sides(Mesh(points + EAR, unit.faces, np.asarray(SKIN) * (1 - 0.25 * dent)))


def hair() -> Mesh:
    """A cap of combed clay and a quiff of thick rolls."""
    return joined([_cap(), *_quiff()])


def _hairline(azimuth: Floats) -> Floats:
    """Degrees of elevation down to which the hair grows: high on the forehead, down before the ears, low at the neck."""
    side = np.degrees(np.abs(azimuth))
    return np.interp(side, [0, 25, 50, 66, 78, 92, 104, 120, 180], [52, 50, 42, 26, 2, 2, -2, -24, -34])


def _cap() -> Mesh:
    columns, rows = 160, 34
    azimuth = np.linspace(-np.pi, np.pi, columns, endpoint=False)
    share = np.linspace(0, 1, rows)[:, None]
    low = np.convolve(np.tile(_hairline(azimuth), 3), np.hanning(13) / np.hanning(13).sum(), "same")[columns : 2 * columns]
    elevation = np.radians(88 + (low - 88) * share)
    combed = azimuth + 0.5 * share
    strands = np.abs(np.cos(11 * combed + 0.8 * np.sin(3 * combed))) ** 0.7
    thickness = (0.055 + 0.028 * strands) * np.sqrt(np.clip(1 - share**6, 0, 1)) - 0.03 * share**12
    scalp = cast(CLAY, directions(azimuth[None], elevation))
    points = scalp * (1 + thickness[..., None])
    ids = np.arange(points[..., 0].size).reshape(rows, columns)
    faces = [*grid_faces(ids, closed=True), tuple(ids[0][::-1].tolist())]
    shade = 0.75 + 0.35 * strands
    return Mesh(points.reshape(-1, 3), faces, np.asarray(HAIR) * shade.reshape(-1, 1))


def _quiff() -> list[Mesh]:
    rolls = []
    for start, sweep, height, thick in QUIFF:
        share = np.linspace(0, 1, 18)
        azimuth = np.radians(start + sweep * share)
        elevation = np.radians(50 + 36 * share)
        lift = 0.02 + height * np.sin(np.pi * np.clip(share * 0.95 + 0.10, 0, 1)) ** 1.2
        path = cast(CLAY, directions(azimuth, elevation)) * (1 + lift[:, None])
        rolls.append(tube(path, thick * (0.75 + 0.35 * np.sin(np.pi * share) - 0.25 * share), HAIR, flatten=0.8, segments=16))
    return rolls


def pullover() -> Mesh:
    """Shoulders in wool, with a ribbed collar that hides where the neck ends."""
    profile = np.array([
        [0.40, -1.55], [0.44, -1.40], [0.50, -1.34], [0.565, -1.37], [0.59, -1.45], [0.575, -1.54], [0.555, -1.58], [0.60, -1.61],
        [0.78, -1.70], [1.02, -1.83], [1.22, -2.02], [1.34, -2.28], [1.38, -2.60], [1.38, -3.2],
    ])  # fmt: skip
    fine = np.linspace(0, len(profile) - 1, 60)
    radius, level = (np.interp(fine, np.arange(len(profile)), column) for column in profile.T)
    radius, level = (np.convolve(np.pad(values, 2, mode="edge"), np.ones(5) / 5, "valid") for values in (radius, level))
    around = np.linspace(0, 2 * np.pi, 192, endpoint=False)
    ribs = 0.014 * np.cos(48 * around)[None] * smoothstep(-1.64, -1.58, level)[:, None] + 0.006 * np.cos(96 * around)[None]
    wide = radius[:, None] + ribs
    flat = np.interp(radius, [0.55, 1.0, 1.4], [1.0, 0.75, 0.55])[:, None]
    points = np.stack(np.broadcast_arrays(wide * np.sin(around), -wide * np.cos(around) * flat + 0.10, level[:, None]), axis=-1)
    ids = np.arange(points[..., 0].size).reshape(points.shape[:2])
    return painted(points.reshape(-1, 3), grid_faces(ids, closed=True), WOOL)
