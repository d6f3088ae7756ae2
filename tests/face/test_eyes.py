from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2f_addon.errors import SettingError
from a2f_addon.face import arkit
from a2f_addon.face.curves import FaceCurves, Speech
from a2f_addon.face.eyes import LOOKS, Blink, Eyes, Glance, blinks, gaze_deg, lid_closure, look

FPS = 50.0
LIDS = ("eyeBlinkLeft", "eyeBlinkRight")


def said(seconds: float, *, phrase_s: float = 3.0, pause_s: float = 0.5, start: float = 0.0) -> Speech:
    """Speech in phrases with pauses between them."""
    times = np.arange(round(seconds * FPS)) / FPS
    silent = (times % (phrase_s + pause_s) >= phrase_s).astype(np.float32)
    phones = np.stack([silent, 1 - silent], axis=1)
    return Speech(FPS, start, ("sil", "aa"), phones, np.zeros(len(times), np.float32), {"silence": ("sil",), "open": ("aa",)})


def still(seconds: float, *, fps: float, start: float = 0.0) -> FaceCurves:
    return FaceCurves(fps, start, arkit.NAMES, np.zeros((round(seconds * fps), 52), np.float32))


@given(seed=st.integers(0, 2**31 - 1))
def test_eyes_blink_as_often_as_they_should(seed: int) -> None:
    found = blinks(said(600.0), Eyes(blinks_per_minute=20, seed=seed))
    # 200 expected; intervals with a standard deviation of about half of their mean give 200 +- 7.5, of which this is four and a bit.
    assert 168 <= len(found) <= 232


@given(seed=st.integers(0, 2**31 - 1), rate=st.floats(0.1, 60), seconds=st.floats(0.02, 90))
def test_no_two_blinks_touch_and_none_is_cut(seed: int, rate: float, seconds: float) -> None:
    speech = said(seconds, start=4.0)
    found = blinks(speech, Eyes(blinks_per_minute=rate, seed=seed))
    assert all(0.07 <= blink.closing_s <= 0.10 and 0.15 <= blink.opening_s <= 0.25 for blink in found)
    assert all(earlier.end_s + 0.09 < later.start_s for earlier, later in pairwise(found))
    assert all(speech.times[0] <= blink.start_s and blink.end_s <= speech.times[-1] + 1e-9 for blink in found)


def test_blinks_gather_where_phrases_end() -> None:
    found = np.array([blink.start_s for seed in range(40) for blink in blinks(said(120.0), Eyes(seed=seed))])
    # Within 0.3 s of an end of a phrase lies a sixth of the time.
    near_an_end = np.abs((found % 3.5) - 3.0) < 0.3
    assert near_an_end.mean() > 0.4


def test_intervals_differ_as_a_persons_do() -> None:
    starts = np.array([blink.start_s for blink in blinks(said(3600.0), Eyes())])
    spread = np.log(np.diff(starts)).std()
    assert 0.3 < spread < 0.9


@pytest.mark.parametrize("fps", [24000 / 1001, 24.0, 25.0, 29.97, 30.0, 60.0, 120.0])
def test_every_blink_shuts_the_eyes_for_a_frame_and_opens_them_again(fps: float) -> None:
    speech = said(60.0)
    lids = look(still(60.0, fps=fps), speech, Eyes()).channel("eyeBlinkLeft")
    shut = lids == 1.0
    assert (np.diff(shut.astype(int)) == 1).sum() == len(blinks(speech, Eyes()))
    assert lids[0] == lids[-1] == 0.0 and lids.min() == 0.0 and lids.max() == 1.0


def test_the_motion_is_the_same_at_any_frame_rate() -> None:
    speech = said(60.0)
    slow, fast = (look(still(60.0, fps=fps), speech, Eyes()).values for fps in (30.0, 120.0))
    np.testing.assert_array_equal(slow, fast[::4])
    assert slow.any(axis=0)[:14].sum() == 10


def test_lids_close_quicker_than_they_open_and_without_a_jerk() -> None:
    blink = Blink(1.0, closing_s=0.08, opening_s=0.2)
    times = np.arange(0.9, 1.5, 0.001)
    lids = lid_closure(times, [blink])
    peak = np.flatnonzero(lids == 1.0)
    assert np.all(np.diff(lids[: peak[0]]) >= 0) and np.all(np.diff(lids[peak[-1] :]) <= 0)
    # A smoothstep over the shorter of the two moves by 1.5 / 80 in a millisecond at most.
    assert np.abs(np.diff(lids)).max() < 1.5 / 80 + 1e-3
    assert times[peak[0]] - 1.0 < blink.end_s - times[peak[-1]]


def test_the_gaze_stays_on_the_viewer_mostly_and_both_eyes_go_together() -> None:
    face = look(still(600.0, fps=30.0), said(600.0), Eyes())
    left, right = face.channel("eyeLookOutLeft"), face.channel("eyeLookInRight")
    np.testing.assert_array_equal(left, right)
    away = face.values[:, face.columns(LOOKS)].any(axis=1)
    # A second in four, give or take the luck of 150 glances.
    assert 0.15 < away.mean() < 0.35
    # Twelve degrees of 35, by half.
    assert 0.1 < face.values[:, face.columns(LOOKS)].max() <= 0.5 * 12 / 35 + 1e-6


@pytest.mark.parametrize("size_deg", [2.0, 10.0])
def test_a_glance_is_as_quick_as_an_eye(size_deg: float) -> None:
    there = Glance(1.0, size_deg, 0.0, 0.025 + 0.0024 * size_deg)
    times = np.arange(0.9, 1.2, 0.001)
    angle = gaze_deg(times, [Glance(0.0, 0.0, 0.0, 1.0), there])[:, 0]
    moving = (angle > 1e-9) & (angle < size_deg - 1e-9)
    assert moving.sum() == pytest.approx(1000 * there.jump_s, abs=2)
    assert angle[-1] == size_deg and np.all(np.diff(angle) >= 0)


def test_a_still_gaze_changes_no_blink() -> None:
    face, speech = still(60.0, fps=30.0), said(60.0)
    fixed, free = look(face, speech, Eyes(gaze=0)), look(face, speech, Eyes(gaze=1))
    np.testing.assert_array_equal(fixed.channel("eyeBlinkLeft"), free.channel("eyeBlinkLeft"))
    assert not fixed.values[:, face.columns(LOOKS)].any() and free.values[:, face.columns(LOOKS)].any()


def test_a_seed_gives_one_rhythm_and_both_eyes_share_it() -> None:
    face, speech = still(120.0, fps=30.0), said(120.0)
    first, again, other = (look(face, speech, Eyes(seed=seed)) for seed in (3, 3, 4))
    np.testing.assert_array_equal(first.values, again.values)
    assert not np.array_equal(first.values, other.values)
    np.testing.assert_array_equal(first.channel("eyeBlinkLeft"), first.channel("eyeBlinkRight"))


def test_eyes_touch_no_other_channel_and_can_be_left_alone() -> None:
    values = np.random.default_rng(0).uniform(0, 1, (900, 52)).astype(np.float32)
    face, speech = FaceCurves(30.0, 0.0, arkit.NAMES, values), said(30.0)
    others = face.columns(name for name in arkit.NAMES if name not in arkit.EYES)
    np.testing.assert_array_equal(look(face, speech, Eyes()).values[:, others], values[:, others])
    assert look(face, speech, Eyes(enabled=False)) is face
    assert not look(face, speech, Eyes(blinks_per_minute=0)).values[:, face.columns(LIDS)].any()


def test_a_rate_that_no_eye_has_is_refused() -> None:
    with pytest.raises(SettingError, match="blinks_per_minute must lie between 0 and 60"):
        Eyes(blinks_per_minute=61)
