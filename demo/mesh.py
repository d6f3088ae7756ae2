"""Meshes as arrays: grids, tubes and balls that become one, and halves that become whole."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from .surface import Points

Faces = list[tuple[int, ...]]
Indices = NDArray[np.int64]


@dataclass(frozen=True)
class Mesh:
    """vertices float64 [V, 3]; faces as tuples of vertex indices, counter-clockwise from outside; colours float64 [V, 3], linear RGB."""

    vertices: Points
    faces: Faces
    colours: Points

    def mirrored(self) -> Mesh:
        """The other side's twin, x for -x."""
        return Mesh(self.vertices * (-1, 1, 1), [face[::-1] for face in self.faces], self.colours)

    def normals(self) -> Points:
        """Unit vertex normals, weighted by the area of the faces around; the mesh must have no loose vertices."""
        total = np.zeros_like(self.vertices)
        for size in {len(face) for face in self.faces}:
            corners = np.array([face for face in self.faces if len(face) == size])
            points = self.vertices[corners]
            normal = np.cross(points[:, 2] - points[:, 0], points[:, -1] - points[:, 1])
            for corner in corners.T:
                np.add.at(total, corner, normal)
        return total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12)


def joined(meshes: Sequence[Mesh]) -> Mesh:
    """One mesh of several, in their order."""
    starts = np.cumsum([0] + [len(mesh.vertices) for mesh in meshes])
    faces = [tuple(int(start) + index for index in face) for start, mesh in zip(starts, meshes, strict=False) for face in mesh.faces]
    return Mesh(np.concatenate([mesh.vertices for mesh in meshes]), faces, np.concatenate([mesh.colours for mesh in meshes]))


def painted(vertices: Points, faces: Faces, colour: Sequence[float]) -> Mesh:
    """A mesh of one colour."""
    return Mesh(np.asarray(vertices, float), faces, np.tile(np.asarray(colour, float), (len(vertices), 1)))


def grid_faces(ids: Indices, *, closed: bool = False) -> Faces:
    """The quads of a grid of vertex indices [rows, columns], or triangles where one has collapsed; ``closed`` joins the last column to the first."""
    if closed:
        ids = np.concatenate([ids, ids[:, :1]], axis=1)
    quads = np.stack([ids[:-1, :-1], ids[1:, :-1], ids[1:, 1:], ids[:-1, 1:]], axis=-1).reshape(-1, 4)
    return without_repeats(quads.tolist())


def without_repeats(faces: Iterable[Sequence[int]]) -> Faces:
    """Faces without corners that stand twice, and none with fewer than three."""
    distinct = (tuple(dict.fromkeys(face)) for face in faces)
    return [face for face in distinct if len(face) > 2]


def ball(centre: Sequence[float], radii: Sequence[float], colour: Sequence[float], *, segments: int = 24, rings: int = 16) -> Mesh:
    """An ellipsoid whose poles lie on the y axis, the first ring in front."""
    polar = np.linspace(0, np.pi, rings + 1)[:, None]
    around = np.linspace(0, 2 * np.pi, segments, endpoint=False)[None, :]
    unit = np.stack(np.broadcast_arrays(np.sin(polar) * np.cos(around), -np.cos(polar), np.sin(polar) * np.sin(around)), axis=-1)
    ids = np.arange(unit.shape[0] * segments).reshape(-1, segments)
    ids[0], ids[-1] = ids[0, 0], ids[-1, 0]
    faces = grid_faces(ids, closed=True)
    return compacted(painted(unit.reshape(-1, 3) * radii + centre, faces, colour))


def tube(path: Points, radii: NDArray[np.float64], colour: Sequence[float], *, flatten: float = 1.0, segments: int = 14) -> Mesh:
    """A roll of clay along a path float64 [n, 3], with its radius at each point; ``flatten`` squashes it towards the origin. Round ends."""
    path, radii = _rounded_ends(np.asarray(path, float), np.asarray(radii, float))
    along = np.gradient(path, axis=0)
    along /= np.linalg.norm(along, axis=1, keepdims=True)
    outward = path - (path * along).sum(axis=1, keepdims=True) * along
    outward /= np.linalg.norm(outward, axis=1, keepdims=True)
    sideways = np.cross(along, outward)
    around = np.linspace(0, 2 * np.pi, segments, endpoint=False)
    rings = path[:, None] + radii[:, None, None] * (
        np.cos(around)[:, None] * sideways[:, None] + flatten * np.sin(around)[:, None] * outward[:, None]
    )
    ids = np.arange(len(path) * segments).reshape(-1, segments)
    faces = [*grid_faces(ids, closed=True), tuple(ids[0].tolist()), tuple(ids[-1][::-1].tolist())]
    return painted(rings.reshape(-1, 3), faces, colour)


def _rounded_ends(path: Points, radii: NDArray[np.float64], steps: int = 4) -> tuple[Points, NDArray[np.float64]]:
    turn = np.linspace(0, np.pi / 2, steps + 1)[1:]
    ends = []
    for tip, before in ((0, 1), (-1, -2)):
        direction = path[tip] - path[before]
        direction /= np.linalg.norm(direction)
        ends.append((path[tip] + np.sin(turn)[:, None] * radii[tip] * direction, np.maximum(np.cos(turn), 0.02) * radii[tip]))
    (front, thin), (back, slim) = ends
    return np.concatenate([front[::-1], path, back]), np.concatenate([thin[::-1], radii, slim])


def compacted(mesh: Mesh) -> Mesh:
    """Without the vertices that no face uses."""
    used = np.unique([index for face in mesh.faces for index in face])
    place = np.full(len(mesh.vertices), -1)
    place[used] = np.arange(len(used))
    return Mesh(mesh.vertices[used], [tuple(place[list(face)].tolist()) for face in mesh.faces], mesh.colours[used])
