from __future__ import annotations

import numpy as np
import pytest

from a2f_addon.face import arkit
from a2f_addon.face.brows import Brows, lift
from a2f_addon.face.curves import FaceCurves
from tests.face.test_accents import spoken

UP, DOWN = ("browInnerUp", "browOuterUpLeft", "browOuterUpRight"), ("browDownLeft", "browDownRight")


def still(seconds: float = 5.2, *, fps: float = 30.0) -> FaceCurves:
    return FaceCurves(fps, 0.0, arkit.NAMES, np.zeros((round(seconds * fps), 52), np.float32))


def reach(face: FaceCurves, names: tuple[str, ...], begin_s: float, end_s: float) -> float:
    near = (face.times >= begin_s) & (face.times < end_s)
    return float(face.values[near][:, face.columns(names)].max())


def test_the_brows_go_up_on_a_high_accent_and_are_up_before_its_middle() -> None:
    face = lift(still(), spoken(20, stressed=(10,), higher=6.0, louder_db=3.0), Brows())
    middle = 0.6 + 10 * 0.2 + 0.15
    assert reach(face, UP, middle - 0.1, middle) > 0.15 > 2 * reach(face, UP, 0, middle - 0.8)
    assert reach(face, DOWN, middle - 0.3, middle + 0.3) < 0.1


def test_the_brows_go_down_on_a_loud_accent_without_pitch() -> None:
    face = lift(still(), spoken(20, stressed=(10,), higher=-2.0, louder_db=9.0), Brows())
    middle = 0.6 + 10 * 0.2 + 0.15
    assert reach(face, DOWN, middle - 0.3, middle + 0.3) > 0.1 > reach(face, UP, middle - 0.3, middle + 0.3)


@pytest.mark.parametrize("fps", [24.0, 29.97, 60.0])
def test_the_motion_is_the_same_at_any_frame_rate(fps: float) -> None:
    speech = spoken(20, stressed=(3, 10), higher=6.0)
    slow, fast = lift(still(fps=fps), speech, Brows()), lift(still(fps=4 * fps), speech, Brows())
    np.testing.assert_allclose(fast.values[::4][: len(slow)], slow.values, atol=1e-6)


def test_what_was_there_stays_and_no_brow_leaves_its_range() -> None:
    values = np.random.default_rng(0).uniform(0, 1, (156, 52)).astype(np.float32)
    before = FaceCurves(30.0, 0.0, arkit.NAMES, values)
    after = lift(before, spoken(20, stressed=(3, 10), higher=9.0, louder_db=9.0), Brows(raises=2.0, frowns=2.0))
    brows = before.columns(arkit.BROWS)
    others = [column for column in range(52) if column not in brows]
    np.testing.assert_array_equal(after.values[:, others], values[:, others])
    assert np.all(after.values[:, brows] >= values[:, brows]) and after.values.max() <= 1
    assert np.all(after.values[:, brows].max(axis=0) > values[:, brows].mean(axis=0))


def test_off_means_untouched_and_a_seed_gives_one_motion() -> None:
    face, speech = still(), spoken(20, stressed=(10,), higher=6.0)
    assert lift(face, speech, Brows(enabled=False)) is face
    first, again, other = (lift(face, speech, Brows(seed=seed)).values for seed in (1, 1, 2))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_a_face_without_brows_and_a_take_of_one_frame_are_taken_as_they_are() -> None:
    speech = spoken(20, stressed=(10,), higher=6.0)
    jaw = FaceCurves(30.0, 0.0, ("jawOpen",), np.ones((90, 1), np.float32))
    np.testing.assert_array_equal(lift(jaw, speech, Brows()).values, jaw.values)
    assert len(lift(FaceCurves(30.0, 0.0, arkit.NAMES, np.zeros((1, 52), np.float32)), speech, Brows())) == 1
