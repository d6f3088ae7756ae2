from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given

from a2f_addon.face import arkit
from a2f_addon.face.curves import FaceCurves
from a2f_addon.face.silence import Silence, rest
from tests.face import said

PAUSE = said.line((0.6, "sil"), (0.1, "S"), (0.2, "AA"), (0.1, "T"), (0.8, "sil"), (0.2, "OW"), (0.6, "sil"))


def restless(frames: int) -> FaceCurves:
    """A face that never rests, whatever is said."""
    return FaceCurves(said.FPS, 0.5 / said.FPS, arkit.NAMES, np.full((frames, 52), 0.4, np.float32))


def test_the_mouth_rests_in_pauses_and_nothing_else_is_touched() -> None:
    speech = said.speech(PAUSE)
    curves = restless(len(speech))
    result = rest(curves, speech, Silence())
    mouth, others = curves.columns(arkit.MOUTH), curves.columns(set(arkit.NAMES) - set(arkit.MOUTH))
    assert np.array_equal(result.values[:, others], curves.values[:, others])
    # Speech begins .03 s early, its pose .05 s before that and the opening another .13 s; a last pose is kept .10 s, and closing takes .18 s.
    for start, end in ((0.0, 0.38), (1.29, 1.58), (2.29, 2.6)):
        assert not result.values[(result.times > start) & (result.times < end)][:, mouth].any()


def test_no_phone_is_cut_and_the_mouth_is_open_before_the_first() -> None:
    speech = said.speech(PAUSE)
    result = rest(restless(len(speech)), speech, Silence())
    for start, end in ((0.6, 1.0), (1.8, 2.0)):
        said_now = (result.times > start) & (result.times < end)
        assert (result.channel("jawOpen")[said_now] == np.float32(0.4)).all()
    assert 0 < result.channel("jawOpen")[np.searchsorted(result.times, 0.5)] < 0.4


def test_the_mouth_closes_and_opens_without_a_jump() -> None:
    speech = said.speech(PAUSE)
    steps = np.abs(np.diff(rest(restless(len(speech)), speech, Silence()).channel("jawOpen")))
    assert 0 < steps.max() < 0.4 * 1.5 / (0.13 * said.FPS) + 1e-3


def dying() -> FaceCurves:
    """A jaw that is open while PAUSE is said and falls within a tenth of a second around each end, as a model's does where a voice dies away."""
    curves = restless(len(said.speech(PAUSE)))
    inside = np.max([half - np.abs(curves.times - middle) for middle, half in ((0.8, 0.2), (1.9, 0.1))], axis=0)
    return curves.with_channels({"jawOpen": (0.4 * np.clip(0.5 + inside / 0.1, 0, 1)).astype(np.float32)})


@pytest.mark.parametrize("linger_s", [0.0, 0.1, 0.25])
def test_a_mouth_keeps_the_last_sounds_pose_for_a_moment_where_the_voice_dies_away(linger_s: float) -> None:
    speech = said.speech(PAUSE)
    result = rest(dying(), speech, Silence(linger_s=linger_s))
    jaw = np.interp([0.98, 1.0 + linger_s, 1.0 + linger_s + 0.09, 1.0 + linger_s + 0.2], result.times, result.channel("jawOpen"))
    assert jaw[:2] == pytest.approx(jaw[0], abs=0.05) and 0.3 < jaw[0] <= 0.4
    assert jaw[2] == pytest.approx(jaw[0] / 2, abs=0.06) and jaw[3] == 0
    after = (result.times > 0.96) & (result.times < 1.5)
    assert (np.diff(result.channel("jawOpen")[after]) <= 1e-6).all()


def test_the_first_sound_finds_the_mouth_in_its_pose() -> None:
    result = rest(dying(), said.speech(PAUSE), Silence())
    waiting = np.interp([0.55, 0.6, 0.62], result.times, result.channel("jawOpen"))
    assert waiting[0] > 0.3 and np.ptp(waiting) < 0.1
    before = (result.times > 0.3) & (result.times < 0.62)
    assert (np.diff(result.channel("jawOpen")[before]) >= -1e-6).all()


@pytest.mark.parametrize("beside_s", [0.25, 0.3, 0.4])
def test_a_recording_that_has_the_time_begins_and_ends_at_rest(beside_s: float) -> None:
    speech = said.speech(said.line((beside_s, "sil"), (0.3, "AA"), (beside_s, "sil")))
    jaw = rest(restless(len(speech)), speech, Silence()).channel("jawOpen")
    assert jaw[0] < 0.01 and jaw[-1] < 0.01 and jaw.max() == np.float32(0.4)


def test_lips_that_are_shut_on_the_last_sound_stay_shut_as_the_jaw_comes_up() -> None:
    speech = said.speech(said.line((0.4, "sil"), (0.2, "AA"), (0.1, "M"), (0.8, "sil")))
    curves = restless(len(speech)).with_channels({"mouthClose": np.full(len(speech), 0.4, np.float32)})
    result = rest(curves, speech, Silence())
    assert np.array_equal(result.channel("mouthClose"), result.channel("jawOpen"))


def test_a_short_pause_does_not_close_the_mouth() -> None:
    speech = said.speech(said.line((0.2, "AA"), (0.12, "sil"), (0.2, "AA")))
    curves = restless(len(speech))
    assert np.array_equal(rest(curves, speech, Silence()).values, curves.values)


@pytest.mark.parametrize("lasting", [0.02, 5.0])
def test_without_speech_the_mouth_is_exactly_at_rest(lasting: float) -> None:
    speech = said.speech([(0.0, lasting, "sil")])
    result = rest(restless(len(speech)), speech, Silence())
    assert not result.values[:, result.columns(arkit.MOUTH)].any()


def test_a_click_is_no_speech() -> None:
    speech = said.speech(said.line((0.5, "sil"), (0.03, "T"), (0.5, "sil")))
    result = rest(restless(len(speech)), speech, Silence())
    assert not result.channel("jawOpen").any()


@pytest.mark.parametrize("pause_s", [0.2, 5.0])
def test_noise_that_is_half_taken_for_speech_is_not_believed_but_a_word_with_doubtful_ends_is(pause_s: float) -> None:
    """Half a second of noise, and a word of the same length between two frames of doubt; pauses that are bridged count neither way."""
    speech = said.speech(said.line((1.0, "sil"), (0.5, "AA"), (1.5, "sil"), (0.5, "AA"), (1.0, "sil")))
    phones = speech.phones.copy()
    silent, vowel = speech.phone_names.index("sil"), speech.phone_names.index("AA")
    for frames, likely in ((slice(50, 75), 0.65), (slice(150, 151), 0.5), (slice(174, 175), 0.5)):
        phones[frames, vowel], phones[frames, silent] = likely, 1 - likely
    result = rest(restless(len(speech)), dataclasses.replace(speech, phones=phones), Silence(pause_s=pause_s)).channel("jawOpen")
    assert (result[152:172] > 0.39).all()
    if pause_s < 1:
        assert not result[50:75].any()


def test_what_is_far_quieter_than_the_speech_is_no_speech() -> None:
    speech = said.speech(said.line((1.0, "AA"), (1.0, "AH"), (1.0, "AA")))
    loudness = speech.loudness_db.copy()
    loudness[50:100] -= 80
    result = rest(restless(150), dataclasses.replace(speech, loudness_db=loudness), Silence())
    assert not result.channel("jawOpen")[66:88].any()
    assert (result.channel("jawOpen")[:50] > 0.39).all()


@given(said.lines)
def test_the_recording_s_level_does_not_matter(segments: said.Segments) -> None:
    speech = said.speech(segments)
    quieter = dataclasses.replace(speech, loudness_db=speech.loudness_db - 60)
    curves = restless(len(speech))
    assert np.allclose(rest(curves, speech, Silence()).values, rest(curves, quieter, Silence()).values, atol=1e-4)


def test_it_can_be_switched_off() -> None:
    speech = said.speech(PAUSE)
    curves = restless(len(speech))
    assert rest(curves, speech, Silence(enabled=False)) is curves
