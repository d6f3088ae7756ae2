from __future__ import annotations

import struct
import zlib
from pathlib import Path

import numpy as np

from benchmarks import raster, sheets

SQUARE = np.array([(0, 1, 2), (0, 2, 3)])
RED, BLUE = (1.0, 0.0, 0.0), (0.0, 0.0, 1.0)


def square(low: float, high: float, *, depth: float) -> np.ndarray:
    return np.array([(low, low, depth), (high, low, depth), (high, high, depth), (low, high, depth)])


def test_the_nearer_triangle_hides_the_other_and_what_turns_away_is_not_drawn() -> None:
    points = np.concatenate((square(0.0, 1.0, depth=0.0), square(0.0, 0.5, depth=0.5), square(0.5, 1.0, depth=0.9)))
    triangles = np.concatenate((SQUARE + 4, SQUARE, SQUARE[:, ::-1] + 8))
    colours = np.repeat((BLUE, RED, RED), 4, axis=0)
    picture = raster.draw(points, triangles, colours, size=32, back=(0, 0, 0))
    red, blue = (picture[..., channel].astype(bool) for channel in (0, 2))
    assert red[16:, :16].all() and not red[:16].any() and not red[:, 16:].any(), "y goes up"
    assert (red ^ blue).all()


def test_a_triangle_larger_than_the_picture_fills_it() -> None:
    points = np.array([(-3.0, -3.0, 0.0), (5.0, -3.0, 0.0), (0.5, 5.0, 0.0)])
    assert raster.draw(points, np.array([(0, 1, 2)]), np.array([RED] * 3), size=20, back=(0, 0, 0))[..., 0].all()


def test_a_picture_comes_back_out_of_its_file(tmp_path: Path) -> None:
    picture = np.random.default_rng(0).integers(0, 256, (5, 7, 3)).astype(np.uint8)
    raster.write_png(tmp_path / "some.png", picture)
    data = (tmp_path / "some.png").read_bytes()
    assert data[:8] == b"\x89PNG\r\n\x1a\n" and struct.unpack(">II", data[16:24]) == (7, 5)
    start = data.index(b"IDAT") + 4
    rows = np.frombuffer(zlib.decompress(data[start : start + struct.unpack(">I", data[start - 8 : start - 4])[0]]), np.uint8).reshape(5, 22)
    assert not rows[:, 0].any() and np.array_equal(rows[:, 1:].reshape(5, 7, 3), picture)


def test_moments_are_the_lips_of_the_sentence_in_the_order_of_time() -> None:
    phones = [(0.0, 0.3, "sil"), (0.3, 0.4, "P"), (0.4, 0.6, "AA"), (0.6, 0.9, "sil"), (0.9, 1.0, "F"), (1.0, 1.2, "UW"), (1.2, 1.6, "sil")]
    found = sheets.moments(phones, duration_s=1.6)
    assert [phone for phone, _ in found] == ["first", "P", "pause", "F", "UW", "last"]
    assert found[1][1] < 0.35, "before the burst"
    assert [time_s for _, time_s in found] == sorted(time_s for _, time_s in found)
    assert len(sheets.moments(phones * 9, duration_s=1.6)) == sheets.MOST
