from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from a2f_addon.face import arkit
from a2f_addon.face.curves import FaceCurves, Speech
from a2f_addon.face.head import Head, turn
from tests.face import said
from tests.face.test_accents import spoken

STILL = Head(nods=0, drift=0, tilt=0, idle=0)


def still(seconds: float, *, fps: float = 30.0) -> FaceCurves:
    return FaceCurves(fps, 0.0, arkit.NAMES, np.zeros((round(seconds * fps), 52), np.float32))


def degrees(speech: Speech, settings: Head, *, seconds: float = 5.2, fps: float = 30.0) -> np.ndarray:
    face = turn(still(seconds, fps=fps), speech, settings)
    return np.degrees(np.stack([face.channel(name) for name in arkit.HEAD], axis=1))


def test_the_head_nods_down_on_an_accent_and_comes_up_again() -> None:
    pitch = degrees(spoken(20, stressed=(10,), higher=6.0, louder_db=6.0), replace(STILL, nods=1.0), fps=100.0)[:, 1]
    middle = 0.6 + 10 * 0.2 + 0.15
    assert np.argmax(pitch) / 100 == pytest.approx(middle, abs=0.05)
    assert 0.8 < pitch.max() < 5 and pitch[round((middle + 0.5) * 100)] < 0


def test_a_head_that_talks_moves_more_than_one_that_is_silent_and_none_ever_freezes() -> None:
    pause, talk = said.speech(said.line((60.0, "sil"))), said.speech(said.line(*((0.2, phone) for _ in range(150) for phone in ("T", "AA"))))
    quiet, lively = (degrees(speech, Head(), seconds=60.0) for speech in (pause, talk))
    speed_quiet, speed_lively = (np.abs(np.diff(path, axis=0)).sum(axis=1) * 30 for path in (quiet, lively))
    assert speed_lively.mean() > 2 * speed_quiet.mean()
    # A head that turns less than a fiftieth of a degree in half a second looks frozen.
    windows = np.lib.stride_tricks.sliding_window_view(quiet, 15, axis=0)
    assert np.ptp(windows, axis=2).max(axis=1).min() > 0.02
    assert np.abs(lively).max() < 15


def test_a_silent_head_breathes_some_fifteen_times_a_minute() -> None:
    pitch = degrees(said.speech(said.line((120.0, "sil"))), replace(STILL, idle=1.0), seconds=120.0)[:, 1]
    power = np.abs(np.fft.rfft(pitch - pitch.mean())) ** 2
    assert np.argmax(power) / 120.0 == pytest.approx(15 / 60, rel=0.15)


def test_the_head_tilts_at_the_end_of_a_phrase_and_is_upright_within_the_next() -> None:
    speech = said.speech(said.line((0.5, "sil"), (3.0, "AA"), (0.8, "sil"), (3.0, "AA"), (0.7, "sil")))
    roll = degrees(speech, replace(STILL, tilt=1.0), seconds=8.0)[:, 2]
    assert abs(roll[round(3.7 * 30)]) > 1.0 and not roll[: 2 * 30].any() and not roll[round(5.5 * 30) : 6 * 30].any()


def test_the_head_turns_without_a_corner_in_a_short_pause() -> None:
    speech = said.speech(said.line(*((length, phone) for _ in range(8) for length, phone in ((1.0, "AA"), (0.7, "sil")))))
    path = degrees(speech, replace(STILL, drift=1.0), seconds=13.6, fps=200.0)
    # A corner would change the speed at once by a degree a second or more; smooth motion does so over a tenth of a second.
    assert np.abs(np.diff(path, n=2, axis=0)).max() * 200 < 0.5


@pytest.mark.parametrize("fps", [24.0, 29.97, 60.0])
def test_the_motion_is_the_same_at_any_frame_rate(fps: float) -> None:
    speech = spoken(20, stressed=(3, 10), higher=6.0)
    slow, fast = degrees(speech, Head(), fps=fps), degrees(speech, Head(), fps=4 * fps)
    np.testing.assert_allclose(fast[::4][: len(slow)], slow, atol=1e-5)


def test_the_52_shapes_are_left_bit_for_bit_and_the_rotations_stand_behind_them() -> None:
    values = np.random.default_rng(0).uniform(0, 1, (90, 52)).astype(np.float32)
    face = turn(FaceCurves(30.0, 0.0, arkit.NAMES, values), spoken(10), Head())
    assert face.names == (*arkit.NAMES, *arkit.HEAD)
    np.testing.assert_array_equal(face.values[:, :52], values)
    assert face.values[:, 52:].any(axis=0).all()


def test_rotations_that_are_there_are_replaced_not_doubled() -> None:
    speech = spoken(10)
    once = turn(still(3.0), speech, Head())
    np.testing.assert_array_equal(turn(once, speech, Head()).values, once.values)


def test_off_means_untouched_and_a_seed_gives_one_motion() -> None:
    face, speech = still(5.0), spoken(20)
    assert turn(face, speech, Head(enabled=False)) is face
    np.testing.assert_array_equal(degrees(speech, Head(seed=4)), degrees(speech, Head(seed=4)))
    assert not np.array_equal(degrees(speech, Head(seed=4)), degrees(speech, Head(seed=5)))
    assert len(turn(still(1 / 30), speech, Head())) == 1
