from __future__ import annotations

import numpy as np
import pytest

from a2f_addon.errors import SettingError
from a2f_addon.face import arkit
from a2f_addon.face.clips import EyeClips, donate
from a2f_addon.face.curves import FaceCurves
from a2f_addon.face.eyes import Eyes, aim_deg, look
from tests.face.test_blinks import still, talk


def clip(seconds: float, *, seed: int = 0, fps: float = 60.0) -> FaceCurves:
    """Living eyes in a face whose other shapes are full of something else."""
    face = look(still(seconds, fps=fps), talk(seconds), Eyes(seed=seed))
    values = face.values.copy()
    values[:, face.columns(name for name in arkit.NAMES if name not in arkit.EYES)] = 0.77
    return FaceCurves(fps, 12.0, face.names, values)


def eyes_of(face: FaceCurves) -> np.ndarray:
    return face.values[:, face.columns(arkit.EYES)]


def test_the_shortest_clip_that_is_long_enough_gives_its_eyes_from_its_beginning() -> None:
    library = [clip(30.0, seed=1), clip(11.0, seed=2), clip(5.0, seed=3)]
    taken = donate(still(10.0, fps=60.0), talk(10.0), EyeClips(), library)
    np.testing.assert_allclose(eyes_of(taken), eyes_of(library[1])[:600], atol=1e-6)
    np.testing.assert_allclose(taken.channel("leftEyeYaw"), library[1].channel("leftEyeYaw")[:600], atol=1e-6)


def test_the_eye_channels_alone_are_taken() -> None:
    values = np.random.default_rng(0).uniform(0, 1, (300, 52)).astype(np.float32)
    face = FaceCurves(30.0, 0.0, arkit.NAMES, values)
    taken = donate(face, talk(10.0), EyeClips(), [clip(20.0)])
    others = face.columns(name for name in arkit.NAMES if name not in arkit.EYES)
    np.testing.assert_array_equal(taken.values[:, others], values[:, others])


@pytest.mark.parametrize("lengths", [(4.0,), (3.0, 5.0, 8.0)])
def test_clips_that_are_too_short_go_on_without_a_jump(lengths: tuple[float, ...]) -> None:
    library = [clip(seconds, seed=number) for number, seconds in enumerate(lengths)]
    taken = eyes_of(donate(still(90.0, fps=60.0), talk(90.0), EyeClips(), library))
    fastest = max(np.abs(np.diff(eyes_of(each), axis=0)).max() for each in library)
    # A blend over 0.2 s adds 1.5 / 12 of what two poses differ by to each step at most.
    assert np.abs(np.diff(taken, axis=0)).max() < fastest + 1.5 / 12
    assert taken.min() >= 0 and taken.max() <= 1
    # They live to the very end.
    assert np.ptp(taken[-600:], axis=0).max() > 0.3


def test_clips_are_left_where_the_next_one_is_like_them() -> None:
    steps = np.linspace(0, 3, 181, dtype=np.float32)[:, None]
    up = FaceCurves(60.0, 0.0, ("eyeWideLeft",), 0.2 + 0.2 * steps)
    down = FaceCurves(60.0, 0.0, ("eyeWideLeft",), 0.8 - 0.2 * steps)
    wide = donate(FaceCurves(60.0, 0.0, ("eyeWideLeft",), np.zeros((900, 1), np.float32)), talk(15.0), EyeClips(), [up, down])
    # Poses that meet at 0.56 to 0.8: blends of unlike ones would step by more than the clips' own 0.2 a second.
    assert np.abs(np.diff(wide.channel("eyeWideLeft"))).max() * 60 < 0.5


@pytest.mark.parametrize("fps", [24.0, 29.97, 30.0])
def test_the_motion_is_the_same_at_any_frame_rate_of_clip_and_bake(fps: float) -> None:
    library = [clip(4.0, fps=120.0)]
    slow, fast = (donate(still(20.0, fps=rate), talk(20.0), EyeClips(), library) for rate in (fps, 4 * fps))
    np.testing.assert_allclose(slow.values, fast.values[::4][: len(slow)], atol=1e-6)


def test_a_seed_gives_one_order_and_another_seed_another() -> None:
    library = [clip(3.0, seed=number) for number in range(4)]
    first, again, other = (donate(still(40.0), talk(40.0), EyeClips(seed=seed), library).values for seed in (0, 0, 1))
    np.testing.assert_array_equal(first, again)
    assert not np.array_equal(first, other)


def test_rotations_follow_from_the_shapes_where_a_clip_has_none() -> None:
    own = clip(20.0)
    without = FaceCurves(60.0, 0.0, arkit.NAMES, own.values[:, :52])
    with_them, made = (donate(still(10.0), talk(10.0), EyeClips(), [each]) for each in (own, without))
    np.testing.assert_allclose(aim_deg(made), aim_deg(with_them), atol=1e-3)


def test_what_is_too_short_for_any_use_is_refused_and_one_frame_is_enough_to_fill() -> None:
    with pytest.raises(SettingError, match="No eye clip is as long as 1 s"):
        donate(still(10.0), talk(10.0), EyeClips(), [clip(0.5)])
    assert len(donate(still(1 / 30), talk(1.0), EyeClips(), [clip(2.0)])) == 1
