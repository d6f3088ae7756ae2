from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2f_addon.errors import SettingError
from a2f_addon.face import arkit
from a2f_addon.face.curves import FaceCurves, Speech
from a2f_addon.face.smoothing import HALF_POWER, KINDS, Smoothing, resampled, smooth
from tests.face import said

SENTENCE = said.line((0.3, "sil"), (0.08, "B"), (0.15, "AA"), (0.08, "M"), (0.2, "IY"), (0.3, "sil"))


def faces(values: np.ndarray, *, fps: float = 50.0) -> tuple[FaceCurves, Speech]:
    """A face whose 52 channels all move like `values`, and as much of speech."""
    curves = FaceCurves(fps, 0.5 / fps, arkit.NAMES, np.repeat(np.asarray(values, np.float32)[:, None], 52, axis=1))
    frames = len(values)
    return curves, Speech(fps, 0.5 / fps, ("sil",), np.ones((frames, 1), np.float32), np.zeros(frames, np.float32))


motions = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=60).map(np.array)


@given(motions, st.floats(0, 0.2))
def test_smoothing_stays_within_the_motion(motion: np.ndarray, sigma_s: float) -> None:
    curves, speech = faces(motion)
    values = smooth(curves, speech, Smoothing(mouth_s=sigma_s, upper_s=sigma_s)).values
    assert values.min() >= curves.values.min() and values.max() <= curves.values.max()


def test_smoothing_off_changes_nothing() -> None:
    curves = said.face(SENTENCE)
    assert np.array_equal(smooth(curves, said.speech(SENTENCE), Smoothing(mouth_s=0, upper_s=0)).values, curves.values)


def test_mouth_and_rest_are_smoothed_apart() -> None:
    curves, speech = faces(np.arange(40) % 2)
    only_mouth = smooth(curves, speech, Smoothing(mouth_s=0.04, upper_s=0))
    assert np.ptp(only_mouth.channel("jawOpen")) < 0.2
    assert np.array_equal(only_mouth.channel("browInnerUp"), curves.channel("browInnerUp"))
    only_rest = smooth(curves, speech, Smoothing(mouth_s=0, upper_s=0.04))
    assert np.ptp(only_rest.channel("browInnerUp")) < 0.2
    assert np.array_equal(only_rest.channel("jawOpen"), curves.channel("jawOpen"))


@pytest.mark.parametrize("fps", [50.0, 100.0, 200.0])
def test_smoothing_takes_away_what_a_gaussian_of_its_seconds_does_at_any_rate_and_no_phase(fps: float) -> None:
    times = (np.arange(round(4 * fps)) + 0.5) / fps
    curves, speech = faces(0.5 + 0.5 * np.sin(2 * np.pi * 5 * times), fps=fps)
    inner = smooth(curves, speech, Smoothing(mouth_s=0.02)).channel("jawOpen")[len(times) // 4 : -len(times) // 4]
    left = np.exp(-0.5 * (2 * np.pi * 5 * 0.02) ** 2)
    expected = 0.5 + 0.5 * left * np.sin(2 * np.pi * 5 * times)[len(times) // 4 : -len(times) // 4]
    assert np.allclose(inner, expected, atol=0.02)


def test_neither_end_dips() -> None:
    curves, speech = faces(np.full(30, 0.6))
    assert np.allclose(smooth(curves, speech, Smoothing(mouth_s=0.2, upper_s=0.2)).values, 0.6, atol=1e-6)


@given(motions, st.floats(1, 240))
def test_resampling_never_overshoots_and_covers_the_whole_sound(motion: np.ndarray, fps: float) -> None:
    curves, speech = faces(motion)
    result = resampled(curves, speech, fps=fps)
    assert result.start == pytest.approx(0)
    assert result.fps == fps
    assert result.times[-1] >= len(motion) / 50 - 1e-6 > result.times[-1] - 1 / fps - 1e-5
    assert result.values.min() >= motion.min() and result.values.max() <= motion.max()


def test_values_are_exact_where_times_agree() -> None:
    curves = said.face(SENTENCE)
    result = resampled(curves, said.speech(SENTENCE), fps=100)
    assert np.allclose(result.values[1 : 2 * len(curves) : 2], curves.values, atol=1e-6)


def test_a_step_becomes_the_cubic_that_starts_and_ends_level() -> None:
    curves, speech = faces(np.array([0, 0, 0, 1, 1, 1]))
    result = resampled(curves, speech, fps=400).channel("jawOpen")
    share = np.arange(9) / 8
    assert np.allclose(result[20:29], 3 * share**2 - 2 * share**3, atol=1e-6)
    assert not result[:20].any() and (result[29:] == 1).all()


@pytest.mark.parametrize("fps", [24.0, 30.0, 60.0, 120.0])
def test_a_smooth_motion_is_followed_between_the_frames(fps: float) -> None:
    curves, speech = faces(0.5 + 0.4 * np.sin(2 * np.pi * 3 * (np.arange(200) + 0.5) / 50))
    result = resampled(curves, speech, fps=fps)
    inner = (result.times > 0.1) & (result.times < 3.9)
    assert np.allclose(result.channel("jawOpen")[inner], 0.5 + 0.4 * np.sin(2 * np.pi * 3 * result.times[inner]), atol=0.02)


@pytest.mark.parametrize("frames", [0, 1])
def test_next_to_no_sound_is_no_error(frames: int) -> None:
    curves, speech = faces(np.full(frames, 0.3))
    result = resampled(smooth(curves, speech, Smoothing()), speech, fps=30)
    assert len(result) == frames + 1
    assert np.allclose(result.values, 0.3 if frames else 0)


def test_a_setting_out_of_range_is_refused() -> None:
    with pytest.raises(SettingError, match="mouth_s"):
        Smoothing(mouth_s=-0.1)


def wave(hertz: float, *, fps: float = 100.0) -> tuple[FaceCurves, Speech]:
    return faces(0.5 + 0.4 * np.sin(2 * np.pi * hertz * np.arange(round(8 * fps)) / fps), fps=fps)


def left(kind: str, hertz: float, *, sigma_s: float = 0.05) -> float:
    """What a filter leaves of a wave, which comes when it came."""
    curves, speech = wave(hertz)
    before, after = (
        each.channel("jawOpen")[200:-200] - 0.5 for each in (curves, smooth(curves, speech, Smoothing(mouth_s=sigma_s, upper_s=0, kind=kind)))
    )
    if hertz <= HALF_POWER / sigma_s:
        assert np.corrcoef(before, after)[0, 1] > 0.999
    return float(np.ptp(after) / np.ptp(before))


@pytest.mark.parametrize("kind", KINDS)
def test_every_filter_halves_the_power_at_the_gaussians_frequency_and_has_no_phase(kind: str) -> None:
    half = HALF_POWER / 0.05
    assert left(kind, half) == pytest.approx(0.5**0.5, abs=0.06)
    assert left(kind, half / 8) > 0.97
    assert left(kind, half * 4) < 0.25


@pytest.mark.parametrize("kind", KINDS)
@given(motions, st.floats(0, 0.2))
def test_every_filter_stays_within_the_motion_and_leaves_what_stands_still(kind: str, motion: np.ndarray, sigma_s: float) -> None:
    curves, speech = faces(motion)
    values = smooth(curves, speech, Smoothing(mouth_s=sigma_s, upper_s=sigma_s, kind=kind)).values
    assert values.min() >= curves.values.min() and values.max() <= curves.values.max()


def test_savitzky_golay_keeps_a_peak_that_a_gaussian_flattens() -> None:
    curves, speech = faces(np.exp(-0.5 * (np.arange(-50, 51) / 8) ** 2), fps=100)
    tops = {kind: smooth(curves, speech, Smoothing(mouth_s=0.03, kind=kind)).channel("jawOpen").max() for kind in KINDS}
    assert tops["savitzky-golay"] > tops["gaussian"] + 0.02


def test_a_recorded_head_has_a_smoothing_of_its_own() -> None:
    curves, speech = faces(np.arange(60) % 2)
    both = FaceCurves(50.0, 0.01, (*arkit.NAMES, "headYaw"), np.concatenate((curves.values, curves.values[:, :1]), axis=1))
    after = smooth(both, speech, Smoothing(mouth_s=0, upper_s=0, head_s=0.1))
    assert np.ptp(after.channel("headYaw")[10:-10]) < 0.1 and np.array_equal(after.values[:, :52], curves.values)
