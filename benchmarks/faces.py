"""Heads to look at: the demo's own, and the two of others that the lips are judged on; triangles around a mouth, and what ARKit's shapes do."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from a2f_addon.face import arkit
from a2f_addon.face.curves import FaceCurves
from benchmarks import heads, raster

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]

SKIN, LIPS, TEETH = (0.80, 0.66, 0.58), (0.72, 0.38, 0.36), (0.95, 0.94, 0.90)
TONGUE, EYES, IRIS = (0.36, 0.13, 0.13), (0.93, 0.93, 0.93), (0.25, 0.28, 0.32)
BACK = (0.13, 0.16, 0.17)
#: What a group of faces is painted, by a piece of its name; groups that no piece fits are left out.
PAINT = {
    "M_Face": SKIN, "M_BackHead": SKIN, "M_GumsTongue": TONGUE, "M_Teeth": TEETH, "M_Sclera": EYES, "M_Iris": IRIS,
    "g body": SKIN, "teeth": TEETH, "tongue": TONGUE, "l-eye": EYES, "r-eye": EYES,
}  # fmt: skip
LEFT_OUT = ("eyelashes", "joint")
SIDE_VIEW = 24.0
"""Degrees that the head is turned: from the side one sees whether lips are pushed out."""
MOUTHS_WIDE = 2.3
"""How much of the face is seen, in widths of its mouth."""
WHOLE_FACE = 4.4
ABOVE_THE_MOUTH = 0.20
"""How far above the mouth, in shares of the picture, the middle of a whole face lies."""


@dataclass(frozen=True)
class Face:
    """points: [V, 3], the mouth in the middle of 0 to 1, seen from +z; triangles: [T, 3]; colours: [V, 3]; shapes: [52, V, 3], as arkit.NAMES."""

    name: str
    points: Floats
    triangles: Indices
    colours: Floats
    shapes: NDArray[np.float32]

    def picture(self, weights: NDArray[np.float32], *, size: int) -> raster.Picture:
        """The face with these weights, [52], drawn twice as large and averaged."""
        points = self.points + np.tensordot(weights, self.shapes, axes=1)
        large = raster.draw(points, self.triangles, self.colours, size=2 * size, back=BACK)
        return np.asarray(large.reshape(size, 2, size, 2, 3).mean(axis=(1, 3)), np.uint8)


def weights_at(curves: FaceCurves, time_s: float) -> NDArray[np.float32]:
    """ARKit's 52 at a time, float32 [52]; what the curves lack is 0."""
    known = [curves.channel(name) if name in curves.names else np.zeros(len(curves), np.float32) for name in arkit.NAMES]
    return np.array([np.interp(time_s, curves.times, curve) for curve in known], np.float32)


def load(name: str, folder: Path, *, wide: float = MOUTHS_WIDE, raised: float = 0.0) -> Face:
    """A head by name: "demo", "ict_facekit" or "makehuman", seen so many mouths wide around a place so far above it, in shares of the picture.

    Raises OSError where its file is missing.
    """
    return _demo(wide, raised) if name == "demo" else _from_file(folder / f"{name}.npz", wide, raised)


def _from_file(path: Path, wide: float, raised: float) -> Face:
    with np.load(path) as data:
        points, deltas = data["vertices"].astype(np.float64), data["deltas"].astype(np.float64)
        names = [str(name) for name in data["shape_names"]]
        groups = [str(data["groups"][group]) for group in data["face_group"]]
        sizes, corners = data["face_sizes"], data["face_vertices"]
    colours = np.tile(np.asarray(SKIN), (len(points), 1))
    faces = []
    for first, size, group in zip(np.cumsum(sizes) - sizes, sizes, groups, strict=True):
        paint = _paint(group)
        if paint:
            face = corners[first : first + size]
            colours[face] = paint
            faces.append(tuple(face.tolist()))
    table = heads.table(names, deltas)
    rolled = np.linalg.norm(table[[arkit.NAMES.index("mouthRollUpper"), arkit.NAMES.index("mouthRollLower")]], axis=2)
    red = np.clip(rolled / rolled.max(axis=1, keepdims=True) * 1.6 - 0.4, 0, 1).max(axis=0)[:, None]
    skin = (colours == SKIN).all(axis=1)[:, None]
    return _framed(path.stem, points, faces, np.where(skin, colours + red * (np.asarray(LIPS) - SKIN), colours), table, wide, raised)


def _paint(group: str) -> tuple[float, float, float] | None:
    if any(piece in group for piece in LEFT_OUT):
        return None
    return next((paint for piece, paint in PAINT.items() if piece in group), None)


def _demo(wide: float, raised: float) -> Face:
    """The demo's head; its z is up and its front is -y."""
    from demo import head

    parts = head.build()
    points = np.concatenate([part.mesh.vertices for part in parts])
    starts = np.cumsum([0, *(len(part.mesh.vertices) for part in parts)])
    faces = [tuple(int(start) + corner for corner in face) for start, part in zip(starts, parts, strict=False) for face in part.mesh.faces]
    table = np.zeros((len(arkit.NAMES), len(points), 3))
    for start, part in zip(starts, parts, strict=False):
        for name, moves in part.shapes.items():
            table[arkit.NAMES.index(name), start : start + len(moves)] = moves
    colours = np.concatenate([part.mesh.colours for part in parts]) ** (1 / 2.2)
    upright = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])
    return _framed("demo", points @ upright, faces, colours, table @ upright, wide, raised)


def _framed(name: str, points: Floats, faces: Sequence[tuple[int, ...]], colours: Floats, table: Floats, wide: float, raised: float) -> Face:
    """The part of a head around its mouth, turned a little, in a frame of 0 to 1."""
    jaw, pucker = (np.linalg.norm(table[arkit.NAMES.index(shape)], axis=1) for shape in ("mouthRollLower", "mouthPucker"))
    mouth = points[(jaw > 0.3 * jaw.max()) & (pucker > 0.1 * pucker.max())]
    centre, scale = mouth.mean(axis=0), 1 / (wide * np.ptp(mouth[:, 0]))
    turn = np.radians(SIDE_VIEW)
    turned = np.array([[np.cos(turn), 0, -np.sin(turn)], [0, 1, 0], [np.sin(turn), 0, np.cos(turn)]])
    placed, moved = (points - centre) @ turned * scale + [0.5, 0.5 - raised, 0.5], table @ turned * scale
    triangles = np.array([(face[0], face[k], face[k + 1]) for face in faces for k in range(1, len(face) - 1)])
    near = ((placed[triangles] > -0.3) & (placed[triangles] < 1.3))[:, :, :2].all(axis=(1, 2)) & (placed[triangles][:, :, 2] > -0.6).all(axis=1)
    kept, flat = np.unique(triangles[near], return_inverse=True)
    return Face(name, placed[kept], flat.reshape(-1, 3), colours[kept], moved[:, kept].astype(np.float32))
