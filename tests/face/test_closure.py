from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2f_addon.face import arkit
from a2f_addon.face.closure import GAP, Closure, seal
from a2f_addon.face.curves import FaceCurves, Speech
from a2f_addon.face.smoothing import resampled
from tests.face import said

RATES = st.sampled_from([24.0, 25.0, 29.97, 30.0, 48.0, 60.0])
BOB = said.line((0.3, "sil"), (0.08, "B"), (0.15, "AA"), (0.06, "B"), (0.07, "M"), (0.12, "EH"), (0.08, "T"), (0.1, "F"), (0.2, "AY"), (0.4, "sil"))


def keyed(segments: said.Segments, *, fps: float) -> tuple[FaceCurves, Speech]:
    """Curves with half-lost contacts on the frames that will be keyed."""
    speech = said.speech(segments)
    return resampled(said.blurred(said.face(segments)), speech, fps=fps), speech


def gap(curves: FaceCurves) -> np.ndarray:
    return sum(weight * curves.channel(name).astype(float) for name, weight in GAP.items())


@given(said.lines, RATES)
def test_the_face_stays_one_that_can_be_made(segments: said.Segments, fps: float) -> None:
    curves, speech = keyed(segments, fps=fps)
    result = seal(curves, speech, Closure())
    assert result.values.min() >= 0 and result.values.max() <= 1
    assert (result.channel("mouthClose") <= result.channel("jawOpen") + 1e-7).all()
    untouched = curves.columns(set(arkit.NAMES) - set(GAP) - {"mouthRollUpper"})
    assert np.array_equal(result.values[:, untouched], curves.values[:, untouched])


@given(said.lines)
def test_no_channel_jumps_even_in_a_mouth_wide_open(segments: said.Segments) -> None:
    speech = said.speech(segments)
    curves = FaceCurves(60, 0, arkit.NAMES, np.ones((round(segments[-1][1] * 60) + 1, 52), np.float32))
    curves = curves.with_channels({name: np.zeros(len(curves), np.float32) for name in ("mouthClose", "mouthRollLower")})
    assert np.abs(np.diff(seal(curves, speech, Closure()).values, axis=0)).max(initial=0) <= 0.5


def test_lips_never_close_further_than_the_jaw_is_open() -> None:
    curves, speech = keyed(BOB, fps=30)
    over = curves.with_channels({"mouthClose": curves.channel("jawOpen") + 0.2})
    result = seal(over, speech, Closure(parting=0))
    assert (result.channel("mouthClose") <= result.channel("jawOpen")).all()


def test_two_closures_in_a_row_are_one() -> None:
    curves, speech = keyed(said.line((0.2, "AA"), (0.06, "P"), (0.02, "T"), (0.06, "B"), (0.2, "AA")), fps=60)
    result = seal(curves, speech, Closure())
    together = (result.times > 0.22) & (result.times < 0.32)
    assert np.allclose(result.channel("mouthClose")[together], result.channel("jawOpen")[together], atol=1e-6)


@given(said.lines, RATES)
def test_every_closure_is_whole_on_some_frame_at_any_frame_rate(segments: said.Segments, fps: float) -> None:
    curves, speech = keyed(segments, fps=fps)
    result = seal(curves, speech, Closure())
    whole = np.abs(result.channel("mouthClose") - result.channel("jawOpen")) < 1e-6
    for name in ("mouthLowerDownLeft", "mouthUpperUpRight", "mouthFunnel"):
        whole &= result.channel(name) < 1e-6
    for start, end, phone in segments:
        if phone in ("P", "B", "M"):
            assert whole[(result.times >= start - 0.04) & (result.times <= end + 0.04)].any()


def test_the_lips_meet_as_the_sound_says_so_and_part_after_it() -> None:
    curves, speech = keyed(BOB, fps=60)
    result = seal(curves, speech, Closure())
    closed = gap(result) < 0.03
    onset = result.times[np.flatnonzero(closed & (result.times > 0.45))[0]]
    assert onset == pytest.approx(0.53, abs=0.03)
    parting = result.times[np.flatnonzero(~closed & (result.times > 0.6))[0]]
    assert parting == pytest.approx(0.66, abs=0.05)


@given(said.lines)
def test_the_motion_is_the_same_at_any_frame_rate(segments: said.Segments) -> None:
    speech = said.speech(segments)
    slow, fast = (seal(resampled(said.blurred(said.face(segments)), speech, fps=fps), speech, Closure()) for fps in (30.0, 60.0))
    shared = min(len(slow), (len(fast) + 1) // 2)
    assert np.allclose(slow.values[:shared], fast.values[: 2 * shared : 2], atol=1e-5)


def test_lips_that_speak_and_do_not_close_are_seen_apart() -> None:
    segments = said.line((0.3, "sil"), (0.2, "S"), (0.2, "UW"), (0.2, "N"), (0.3, "sil"))
    curves, speech = keyed(segments, fps=60)
    shut = curves.with_channels({name: np.zeros(len(curves), np.float32) for name in GAP} | {"jawOpen": np.full(len(curves), 0.1, np.float32)})
    shut = shut.with_channels({"mouthClose": shut.channel("jawOpen")})
    result = seal(shut, speech, Closure(parting=0.12))
    inner = (result.times > 0.39) & (result.times < 0.81)
    assert gap(result)[inner].min() == pytest.approx(0.12, abs=1e-3)
    assert result.channel("jawOpen").max() < 0.1201 and result.channel("mouthClose")[inner].max() < 0.01
    assert np.array_equal(result.values[result.times < 0.25], shut.values[result.times < 0.25])


@pytest.mark.parametrize("sound", ["F", "S", "T"])
def test_a_mouth_that_opens_wider_parts_further_for_what_is_not_shut(sound: str) -> None:
    """A fifth of the widest is what the eye takes for shut; on an F it is the upper lip that rises."""
    segments = said.line((0.3, "sil"), *[(0.15, "AA"), (0.15, sound)] * 6, (0.3, "AA"), (0.4, "sil"))
    speech = said.speech(segments)
    plain = resampled(said.face(segments), speech, fps=60)
    jaw = plain.channel("jawOpen")
    gaps = gap(seal(plain.with_channels({"jawOpen": np.where(jaw > 0.15, 2 * jaw, 0.02)}), speech, Closure()))
    assert np.percentile(gaps, 90) > 0.7
    assert gaps[(plain.times > 0.5) & (plain.times < 2.1)].min() > 0.2 * np.percentile(gaps, 90)


def test_lips_that_are_apart_anyway_are_left_as_they_are() -> None:
    segments = said.line((0.2, "S"), (0.2, "AA"), (0.2, "IY"), (0.1, "T"))
    speech = said.speech(segments)
    curves = resampled(said.face(segments), speech, fps=30)
    spoken = curves.times < 0.6
    assert np.array_equal(seal(curves, speech, Closure()).values[spoken], curves.values[spoken])


def test_the_lower_lip_goes_under_the_teeth_without_a_seal() -> None:
    curves, speech = keyed(BOB, fps=60)
    flat = curves.with_channels({"mouthRollLower": np.zeros(len(curves), np.float32)})
    result = seal(flat, speech, Closure())
    middle = np.searchsorted(result.times, 0.91)
    assert result.channel("mouthRollLower")[middle] > 0.4
    assert result.channel("mouthLowerDownLeft")[middle] < 0.01
    assert 0.08 < gap(result)[middle] < 0.2
    wide = flat.with_channels({"jawOpen": np.full(len(flat), 0.6, np.float32)})
    assert seal(wide, speech, Closure()).channel("jawOpen")[middle] < 0.25
    assert seal(flat, speech, Closure(bite=0)).channel("mouthRollLower")[middle] == 0


def test_strength_says_how_far_and_thresholds_say_whether() -> None:
    curves, speech = keyed(BOB, fps=60)
    middle = np.searchsorted(curves.times, 0.6)
    half = seal(curves, speech, Closure(strength=0.5))
    assert gap(seal(curves, speech, Closure()))[middle] < gap(half)[middle] < gap(seal(curves, speech, Closure(strength=0)))[middle]
    doubtful = dataclasses.replace(speech, phones=speech.phones * 0.4)
    kept = seal(curves, doubtful, Closure(on=0.5, bite=0, parting=0))
    assert np.array_equal(kept.values, curves.values)
    assert gap(seal(curves, doubtful, Closure(on=0.35)))[middle] < 0


@pytest.mark.parametrize("lasting", [0.005, 0.02, 3.0])
def test_silence_changes_nothing(lasting: float) -> None:
    speech = said.speech([(0.0, lasting, "sil")])
    curves = resampled(said.face([(0.0, lasting, "sil")]), speech, fps=30)
    assert np.array_equal(seal(curves, speech, Closure()).values, curves.values)


def test_a_model_without_phones_leaves_the_lips_as_they_are() -> None:
    curves, speech = keyed(BOB, fps=30)
    deaf = dataclasses.replace(speech, classes={})
    assert np.array_equal(seal(curves, deaf, Closure(parting=0)).values, curves.values)


@pytest.mark.parametrize("names", [("mouthRollUpper", "jawForward"), ("eyeBlinkLeft",), ("jawOpen",)])
def test_a_face_of_few_shapes_is_taken_as_it_is(names: tuple[str, ...]) -> None:
    curves, speech = keyed(BOB, fps=30)
    few = FaceCurves(30, curves.start, names, curves.values[:, curves.columns(names)])
    assert seal(few, speech, Closure()).names == names


def test_a_mouth_that_was_put_to_rest_is_not_parted_or_bitten_again() -> None:
    curves, speech = keyed(said.line((0.2, "AA"), (0.1, "F"), (0.2, "EH")), fps=30)
    resting = FaceCurves(curves.fps, curves.start, curves.names, np.zeros_like(curves.values))
    assert not seal(resting, speech, Closure()).values.any()
