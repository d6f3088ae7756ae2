"""A small picture of a motion shows what the mouth does, where in time it does it."""

from __future__ import annotations

import numpy as np
import pytest

from a2f_addon.face import sketch
from a2f_addon.face.curves import FaceCurves

FPS, SIDE = 24.0, 240
NAMES = ("jawOpen", "mouthPucker", "mouthSmileLeft")


def made(seconds: float = 4.0, **levels: np.ndarray) -> sketch.Sketch:
    """A motion of these shapes; where `contact` is said, lips meet."""
    frames = round(seconds * FPS)
    values = np.stack([levels.get(name, np.zeros(frames)) for name in NAMES], axis=1).astype(np.float32)
    taken = sketch.taken(FaceCurves(FPS, 0.0, NAMES, values), levels.get("contact", np.zeros(frames, bool)))
    assert taken is not None
    return taken


def share(picture: np.ndarray, colour: tuple[float, float, float]) -> np.ndarray:
    """Where the picture is of this colour, bool [side, side]."""
    return np.abs(picture[..., :3] - np.array(colour)).max(axis=-1) < 0.02


def rows(picture: np.ndarray, count: int) -> list[np.ndarray]:
    height = len(picture) // count
    return [picture[row * height : (row + 1) * height] for row in range(count)]


@pytest.mark.parametrize("palette", [sketch.DARK, sketch.LIGHT])
def test_what_moves_in_a_line_of_time_is_drawn_in_that_line_alone(palette: sketch.Palette) -> None:
    frames = np.arange(96) / 96
    jaw = np.where((frames > 0.45) & (frames < 0.55), 0.6, 0.0)  # in the middle of the second of three lines
    picture = sketch.draw(made(jawOpen=jaw), side=SIDE, palette=palette)
    assert picture.shape == (SIDE, SIDE, 4)
    assert (picture[..., 3] == 1).all()
    first, second, third = (share(row, palette.jaw) for row in rows(picture, 3))
    assert not first.any()
    assert not third.any()
    columns = np.flatnonzero(second.any(axis=0))
    assert columns.min() > 0.3 * SIDE
    assert columns.max() < 0.7 * SIDE


def test_an_opener_jaw_is_a_higher_shape() -> None:
    def height(level: float) -> int:
        picture = sketch.draw(made(jawOpen=np.full(96, level)), side=SIDE, palette=sketch.DARK)
        return int(share(rows(picture, 3)[0], sketch.DARK.jaw)[:, SIDE // 2].sum())

    assert height(0.6) == pytest.approx(2 * height(0.3), abs=2)
    assert height(1.0) <= SIDE / 3


def test_a_contact_of_one_frame_is_a_tick_at_its_place() -> None:
    contact = np.zeros(96, bool)
    contact[80] = True  # half way through the third line
    picture = sketch.draw(made(contact=contact), side=SIDE, palette=sketch.DARK)
    ticks = [share(row, sketch.DARK.contact) for row in rows(picture, 3)]
    assert not ticks[0].any()
    assert not ticks[1].any()
    assert np.flatnonzero(ticks[2].any(axis=0)).mean() == pytest.approx(SIDE / 2, abs=SIDE * 3 / 96)


def test_rounding_and_smile_are_lines_of_their_own() -> None:
    picture = sketch.draw(made(mouthPucker=np.full(96, 0.5), mouthSmileLeft=np.full(96, 0.2)), side=SIDE, palette=sketch.DARK)
    first = rows(picture, 3)[0]
    rounding, smile = (np.flatnonzero(share(first, colour)[:, SIDE // 2]) for colour in (sketch.DARK.rounding, sketch.DARK.smile))
    assert 0 < len(rounding) <= 4
    assert 0 < len(smile) <= 4
    assert rounding.max() < smile.min()


@pytest.mark.parametrize("frames", [1, 2, 7, 90_000])
@pytest.mark.parametrize("side", [16, 101, 480])
def test_any_length_and_size_can_be_drawn(frames: int, side: int) -> None:
    values = np.random.default_rng(3).uniform(0, 1, (frames, len(NAMES))).astype(np.float32)
    taken = sketch.taken(FaceCurves(FPS, 0.0, NAMES, values), np.ones(frames, bool))
    assert taken is not None
    picture = sketch.draw(taken, side=side, palette=sketch.LIGHT)
    assert picture.shape == (side, side, 4)
    assert np.isfinite(picture).all()
    assert picture.min() >= 0
    assert picture.max() <= 1


def test_a_motion_without_a_mouth_has_no_picture() -> None:
    assert sketch.taken(FaceCurves(FPS, 0.0, ("browInnerUp",), np.zeros((9, 1), np.float32)), np.zeros(9, bool)) is None
    assert sketch.taken(FaceCurves(FPS, 0.0, NAMES, np.zeros((0, 3), np.float32)), np.zeros(0, bool)) is None
