"""A small drawing board in numpy alone: shaded triangles, letters of fifteen dots, and PNG files."""

from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Indices = NDArray[np.int64]
Picture = NDArray[np.uint8]
"""uint8 [height, width, 3]."""

LIGHT = np.array((-0.45, 0.55, 0.70)) / np.linalg.norm((-0.45, 0.55, 0.70))
AMBIENT, DIFFUSE = 0.42, 0.66

#: Rows of three dots, the top first, as octal digits.
_LETTERS = {
    "ABCDEFGHIJKLM": "25755 65656 34443 65556 74647 74644 34553 55755 72227 11152 55655 44447 57755",
    "NOPQRSTUVWXYZ": "65555 25552 65644 25563 65655 34216 72222 55557 55552 55775 55255 55222 71247",
    "0123456789": "75557 26227 61247 61216 55711 74616 34757 71244 75757 75716",
    ".,-:/_'?!": "00002 00024 00700 02020 11244 00007 22000 61202 22202",
}
_DOTS = {letter: dots for letters, rows in _LETTERS.items() for letter, dots in zip(letters, rows.split(), strict=True)}


def draw(points: NDArray[np.floating], triangles: Indices, colours: Floats, *, size: int, back: tuple[float, float, float]) -> Picture:
    """Triangles seen from +z, counter-clockwise ones alone, the nearest on top.

    points: [V, 3], x and y in 0 to 1 from the lower left; colours: [V, 3] in 0 to 1.
    """
    light = np.clip(normals(points, triangles) @ LIGHT, 0, 1)
    lit = colours * (AMBIENT + DIFFUSE * light)[:, None]
    screen = points * (size, -size, size) + (0, size, 0)
    pixels, depth, corner, shares = (np.concatenate(parts) for parts in zip(*_fragments(screen, triangles, size), strict=True))
    order = np.argsort(depth, kind="stable")
    picture = np.tile(np.asarray(back, np.float64), (size * size, 1))
    top = np.full(size * size, -1)
    top[pixels[order]] = order
    seen = top >= 0
    winners = top[seen]
    picture[seen] = (lit[triangles[corner[winners]]] * shares[winners][:, :, None]).sum(axis=1)
    return np.asarray(np.clip(picture.reshape(size, size, 3) * 255, 0, 255), np.uint8)


def _fragments(screen: Floats, triangles: Indices, size: int) -> list[tuple[Indices, Floats, Indices, Floats]]:
    """Of every triangle the pixels that it covers: their numbers, depths, the triangle, and how near its corners are. Alike sizes go together."""
    corners = screen[triangles]
    low = np.floor(corners[:, :, :2].min(axis=1)).astype(int)
    extent = np.ceil(corners[:, :, :2].max(axis=1)).astype(int) - low
    area = _cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    # On the screen y goes down, so what turns towards the viewer has an area below 0.
    inside = ((low + extent > 0) & (low < size)).all(axis=1) & (area < -1e-9)
    block = np.where(extent.max(axis=1) < 7, extent.max(axis=1), 2 ** np.ceil(np.log2(np.maximum(extent.max(axis=1), 2))).astype(int))
    return [_covered(corners, low, area, np.flatnonzero(inside & (block == side)), side=int(side), size=size) for side in np.unique(block[inside])]


def _covered(corners: Floats, low: Indices, area: Floats, rows: Indices, *, side: int, size: int) -> tuple[Indices, Floats, Indices, Floats]:
    steps = np.stack(np.meshgrid(np.arange(side), np.arange(side)), axis=-1).reshape(-1, 2)
    place = low[rows][:, None, :] + steps
    a, b, c = (corners[rows, k][:, None, :2] - (place + 0.5) for k in range(3))
    first, second = _cross(b, c) / area[rows][:, None], _cross(c, a) / area[rows][:, None]
    third = 1 - first - second
    hit = (first >= 0) & (second >= 0) & (third >= 0) & (place >= 0).all(axis=2) & (place < size).all(axis=2)
    row, step = np.nonzero(hit)
    shares = np.stack((first[hit], second[hit], third[hit]), axis=1)
    depth = (shares * corners[rows[row], :, 2]).sum(axis=1)
    return place[row, step, 1] * size + place[row, step, 0], depth, rows[row], shares


def _cross(first: Floats, second: Floats) -> Floats:
    """The third coordinate of the cross product."""
    return np.asarray(first[..., 0] * second[..., 1] - first[..., 1] * second[..., 0])


def normals(points: Floats, triangles: Indices) -> Floats:
    """Unit vertex normals, weighted by the area around, towards the viewer where a triangle lies flat."""
    a, b, c = (points[triangles[:, k]] for k in range(3))
    flat = np.cross(b - a, c - a)
    total = np.stack([sum(np.bincount(triangles[:, k], flat[:, axis], len(points)) for k in range(3)) for axis in range(3)], axis=1)
    return np.asarray(total / np.maximum(np.linalg.norm(total, axis=1, keepdims=True), 1e-12))


def write_text(picture: Picture, text: str, *, left: int, top: int, dot: int = 2, colour: tuple[int, int, int] = (240, 240, 235)) -> None:
    """Letters into a picture, `dot` pixels a dot; what has no letter is a gap, and what does not fit is cut off."""
    for place, letter in enumerate(text.upper()):
        for row, bits in enumerate(_DOTS.get(letter, "00000")):
            for column in range(3):
                if int(bits) >> (2 - column) & 1:
                    x, y = left + (4 * place + column) * dot, top + row * dot
                    picture[y : y + dot, x : x + dot] = colour


def write_png(path: Path, picture: Picture) -> None:
    """A PNG file of 8-bit RGB (W3C, "Portable Network Graphics (PNG) Specification")."""
    height, width, _ = picture.shape
    rows = np.concatenate((np.zeros((height, 1), np.uint8), picture.reshape(height, -1)), axis=1)
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)), (b"IDAT", zlib.compress(rows.tobytes(), 6)), (b"IEND", b""))
    body = b"".join(struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in chunks)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + body)
