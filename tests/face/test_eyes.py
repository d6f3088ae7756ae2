from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from a2f_addon.errors import SettingError
from a2f_addon.face import arkit
from a2f_addon.face.blinks import blinks
from a2f_addon.face.curves import FaceCurves
from a2f_addon.face.eyes import LOOKS, Eyes, aim_deg, aimed, look, recorded, towards
from a2f_addon.face.gaze import Habit, wandering_deg
from tests.face.test_blinks import still, talk

LIDS = ("eyeBlinkLeft", "eyeBlinkRight")
FIXED = Eyes(gaze=0.0, lids=False)


@pytest.mark.parametrize("fps", [24000 / 1001, 24.0, 25.0, 29.97, 30.0, 60.0, 120.0])
def test_every_blink_shuts_the_eyes_for_a_frame_and_opens_them_again(fps: float) -> None:
    speech = talk(60.0)
    lids = look(still(60.0, fps=fps), speech, FIXED).channel("eyeBlinkLeft")
    shut = lids > 0.97
    assert (np.diff(shut.astype(int)) == 1).sum() == len(blinks(speech, per_minute=FIXED.blinks_per_minute, seed=FIXED.seed))
    assert lids[0] == lids[-1] == 0.0 and lids.min() == 0.0


@pytest.mark.parametrize("fps", [24.0, 29.97, 30.0, 60.0])
def test_the_motion_is_the_same_at_any_frame_rate(fps: float) -> None:
    speech = talk(60.0)
    slow, fast = (look(still(60.0, fps=rate), speech, Eyes()).values for rate in (fps, 4 * fps))
    np.testing.assert_allclose(slow, fast[::4][: len(slow)], atol=1e-6)
    assert slow[:, :14].any(axis=0).all()


def test_a_blink_closes_what_squint_and_gaze_have_left_open_and_no_more() -> None:
    face, speech = still(60.0, fps=60.0), talk(60.0)
    squinting = face.with_channels({"eyeSquintLeft": np.full(len(face), 0.6, np.float32)})
    lids = look(squinting, speech, FIXED)
    assert 0.8 < lids.channel("eyeBlinkLeft").max() < 0.92 < lids.channel("eyeBlinkRight").max()
    down = look(face, speech, replace(FIXED, pitch_deg=-25.0))
    assert 0.7 < down.channel("eyeBlinkLeft").max() < 0.8
    assert lids.channel("eyeSquintLeft").min() >= 0.6


def test_a_wide_eye_that_blinks_closes_too() -> None:
    face = still(60.0, fps=60.0).with_channels({"eyeWideLeft": np.full(3600, 0.8, np.float32)})
    lids = look(face, talk(60.0), FIXED)
    shut = lids.channel("eyeBlinkLeft") > 0.97
    assert shut.any() and lids.channel("eyeWideLeft")[shut].max() < 0.03
    assert np.median(lids.channel("eyeWideLeft")) == pytest.approx(0.8)


def test_recorded_lids_are_left_alone_bit_for_bit_and_heavy_ones_still_blink() -> None:
    speech, own, heavy = talk(60.0), np.zeros(1800, np.float32), np.full(1800, 0.3, np.float32)
    own[300:306] = 0.9
    performed = still(60.0).with_channels({"eyeBlinkLeft": own, "eyeBlinkRight": own})
    after = look(performed, speech, Eyes())
    lids = after.columns(name for name in arkit.EYES if "Look" not in name)
    np.testing.assert_array_equal(after.values[:, lids], performed.values[:, lids])
    assert recorded(performed) and after.channel("eyeLookInLeft").any()
    tired = look(still(60.0).with_channels({"eyeBlinkLeft": heavy, "eyeBlinkRight": heavy}), speech, FIXED).channel("eyeBlinkLeft")
    assert tired.min() == pytest.approx(0.3) and tired.max() > 0.97


def test_lids_follow_the_gaze_down_and_up() -> None:
    face, speech = still(20.0), talk(20.0)
    down, up = (look(face, speech, Eyes(blinks=False, gaze=0.0, pitch_deg=pitch_deg)) for pitch_deg in (-20.0, 20.0))
    assert down.channel("eyeBlinkLeft").min() > 0.1 and np.median(up.channel("eyeWideLeft")) > 0.1
    assert not up.channel("eyeBlinkLeft").any()


def test_eyes_look_where_the_listener_is_and_around_him() -> None:
    face, speech = still(300.0), talk(300.0)
    for settings in (Eyes(yaw_deg=12.0, pitch_deg=-8.0), Eyes(yaw_deg=12.0, pitch_deg=-8.0, gaze=0.0)):
        there = np.median(aim_deg(look(face, speech, settings)), axis=0)
        np.testing.assert_allclose(there, [12.0, -8.0], atol=0.6)


def test_the_rotations_are_live_links_and_say_what_the_shapes_say() -> None:
    face = look(still(60.0), talk(60.0), Eyes())
    assert face.names == (*arkit.NAMES, *arkit.EYE_ROTATIONS)
    yaw, pitch = face.channel("leftEyeYaw"), face.channel("leftEyePitch")
    np.testing.assert_array_equal(yaw, face.channel("rightEyeYaw"))
    # To the face's own left, where the left eye looks out; and down is positive.
    np.testing.assert_allclose(np.maximum(np.degrees(yaw), 0) / 35, face.channel("eyeLookOutLeft"), atol=1e-6)
    np.testing.assert_allclose(np.maximum(np.degrees(pitch), 0) / 35, face.channel("eyeLookDownRight"), atol=1e-6)
    np.testing.assert_allclose(face.channel("leftEyeRoll"), yaw * pitch, atol=1e-6)
    np.testing.assert_allclose(aim_deg(FaceCurves(30.0, 0.0, arkit.NAMES, face.values[:, :52])), aim_deg(face), atol=1e-4)


def test_a_gaze_is_turned_to_another_target_as_it_lives() -> None:
    face, speech = still(60.0), talk(60.0)
    path = np.stack((np.linspace(-10, 10, 1800), np.linspace(5, -5, 1800)), axis=1)
    turned = towards(look(face, speech, Eyes(gaze=0.2)), path)
    np.testing.assert_allclose(aim_deg(turned), wandering_deg(face.times, speech, Habit(reach=0.2)) + path, atol=1e-4)
    np.testing.assert_allclose(aim_deg(aimed(face, path)), path, atol=1e-5)


def test_a_still_gaze_changes_no_blink() -> None:
    face, speech = still(60.0), talk(60.0)
    fixed, free = look(face, speech, Eyes(gaze=0, lids=False)), look(face, speech, Eyes(gaze=1, lids=False))
    np.testing.assert_array_equal(fixed.channel("eyeWideLeft"), free.channel("eyeWideLeft"))
    assert not fixed.values[:, face.columns(LOOKS)].any() and free.values[:, face.columns(LOOKS)].any()


def test_a_seed_gives_one_rhythm_and_both_eyes_share_it() -> None:
    face, speech = still(120.0), talk(120.0)
    first, again, other = (look(face, speech, Eyes(seed=seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.values, again.values)
    assert not np.array_equal(first.values, other.values)
    np.testing.assert_array_equal(first.channel("eyeBlinkLeft"), first.channel("eyeBlinkRight"))


@pytest.mark.parametrize(
    ("settings", "untouched"),
    [
        (Eyes(), ()),
        (Eyes(look=False), tuple(LOOKS)),
        (Eyes(blinks=False, lids=False), ("eyeBlinkLeft", "eyeSquintLeft", "eyeWideLeft")),
        (Eyes(gaze=0, lids=False), ()),
    ],
)
def test_eyes_touch_no_other_channel_and_each_part_can_be_left_alone(settings: Eyes, untouched: tuple[str, ...]) -> None:
    values = np.random.default_rng(0).uniform(0, 0.49, (900, 52)).astype(np.float32)
    face = FaceCurves(30.0, 0.0, arkit.NAMES, values)
    after = look(face, talk(30.0), settings)
    others = face.columns((*(name for name in arkit.NAMES if name not in arkit.EYES), *untouched))
    np.testing.assert_array_equal(after.values[:, others], values[:, others])
    assert after.values[:, :52].min() >= 0 and after.values[:, :52].max() <= 1
    assert look(face, talk(30.0), Eyes(enabled=False)) is face


@pytest.mark.parametrize("seconds", [0.02, 0.1])
def test_a_moment_is_long_enough(seconds: float) -> None:
    face = look(still(seconds, fps=60.0), talk(seconds), Eyes())
    assert np.isfinite(face.values).all() and len(face) == round(seconds * 60)


def test_settings_that_no_eye_has_are_refused() -> None:
    for name, value, bounds in (("blinks_per_minute", 61, "0 and 60"), ("yaw_deg", 40, "-30 and 30"), ("gaze", 1.5, "0 and 1")):
        with pytest.raises(SettingError, match=f"{name} must lie between {bounds}"):
            replace(Eyes(), **{name: value})
