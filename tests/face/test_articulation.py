from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2f_addon.errors import SettingError
from a2f_addon.face import arkit, articulation, closure
from a2f_addon.face.articulation import INTRINSIC_DB, OPENING, SHAPING, Articulation, articulate, gained
from a2f_addon.face.curves import FaceCurves, Speech
from tests.face import said
from training import targets

SENTENCE = said.line(
    *(
        (0.3, "sil"),
        (0.09, "B"),
        (0.16, "AA"),
        (0.08, "M"),
        (0.14, "IY"),
        (0.1, "P"),
        (0.15, "UW"),
        (0.08, "S"),
        (0.2, "AE"),
        (0.1, "M"),
        (0.3, "sil"),
    )
)
MOVED = ("jawOpen", "mouthClose", *OPENING, *SHAPING)
anything = st.builds(Articulation, *[st.floats(0, 2)] * 5)


def articulated(curves: FaceCurves, **settings: float) -> FaceCurves:
    return articulate(curves, said.speech(SENTENCE), Articulation(**settings))


def of_any_strength(seed: int) -> Speech:
    speech = said.speech(SENTENCE)
    return replace(speech, intensity_db=np.random.default_rng(seed).uniform(-60, 0, len(speech)).astype(np.float32))


def gap(curves: FaceCurves) -> np.ndarray:
    return sum(share * curves.channel(name) for name, share in closure.GAP.items())


@given(said.lines)
def test_by_default_nothing_changes(segments: said.Segments) -> None:
    curves = said.face(segments)
    assert np.array_equal(articulate(curves, said.speech(segments), Articulation()).values, curves.values)


@given(said.lines, anything)
def test_a_face_stays_a_face_and_other_channels_stay_as_they_are(segments: said.Segments, settings: Articulation) -> None:
    curves = said.blurred(said.face(segments))
    values = articulate(curves, said.speech(segments), settings)
    assert values.values.min() >= 0 and values.values.max() <= 1
    others = curves.columns(name for name in arkit.NAMES if name not in MOVED)
    assert np.array_equal(values.values[:, others], curves.values[:, others])


@given(anything, st.integers(0, 2**31))
def test_lips_that_met_still_meet_and_never_pass_through_each_other(settings: Articulation, seed: int) -> None:
    curves = said.face(SENTENCE)
    moved = articulate(curves, of_any_strength(seed), settings)
    assert (moved.channel("mouthClose") <= moved.channel("jawOpen") + 1e-6).all()
    met = gap(curves) < 0.005
    assert met.any() and gap(moved)[met].max() < 0.02


@given(anything, st.integers(0, 2**31))
def test_a_closure_is_sealed_at_any_setting(settings: Articulation, seed: int) -> None:
    """As the whole chain has it: what the model blurs is moved first and sealed later."""
    speech = of_any_strength(seed)
    sealed = closure.seal(articulate(said.blurred(said.face(SENTENCE)), speech, settings), speech, closure.Closure())
    for start, end, phone in SENTENCE:
        if phone in "PBM":
            middle = round((start + end) / 2 * said.FPS)
            assert gap(sealed)[middle] < 0.03


@pytest.mark.parametrize(("setting", "names"), [("jaw", ("jawOpen",)), ("lips", (*OPENING, *SHAPING)), ("effort", ("jawOpen", *OPENING))])
def test_more_is_more_everywhere_and_moves_its_own_axis_alone(setting: str, names: tuple[str, ...]) -> None:
    curves = said.face(SENTENCE)
    steps = [articulated(curves, **{setting: strength}) for strength in (0.0, 0.5, 0.9, 1.0, 1.1, 1.5, 2.0)]
    for name in names:
        heights = np.stack([step.channel(name) for step in steps])
        assert (np.diff(heights, axis=0) >= -1e-6).all()
        if curves.channel(name).any():
            assert (np.diff(heights.max(axis=1)) > 0).all()
    others = curves.columns(name for name in MOVED if name not in (*names, *(("mouthClose",) if "jawOpen" in names else ())))
    assert np.array_equal(steps[-1].values[:, others], curves.values[:, others])


def stressed(levels_db: dict[int, float]) -> tuple[FaceCurves, Speech]:
    """A row of like syllables, some of them louder: the face as the phones alone say, and the speech."""
    segments = said.line((0.3, "sil"), *[(0.15, phone) for phone in ("D", "AA") * 8], (0.3, "sil"))
    curves, speech = said.face(segments), said.speech(segments)
    strength = natural_db(curves)
    for syllable, level_db in levels_db.items():
        strength[syllable_frames(syllable)] += level_db
    return curves, replace(speech, intensity_db=np.where(speech.probability("silence") > 0.5, -70, strength).astype(np.float32))


def natural_db(curves: FaceCurves) -> np.ndarray:
    """How strong each frame is when nothing is stressed: an open vowel by itself more than a close one."""
    return -30 + INTRINSIC_DB * np.clip((curves.channel("jawOpen") - 0.16) / 0.34, 0, 1.5)


def syllable_frames(number: int) -> slice:
    return slice(round((0.3 + 0.3 * number) * said.FPS), round((0.6 + 0.3 * number) * said.FPS))


def test_the_jaw_drops_further_on_a_stressed_syllable_and_less_on_a_weak_one() -> None:
    """Twice as far beyond what speaking takes for LOUD_DB, within MOST_STRESSED; the lips part with it, what rounds them does not."""
    curves, speech = stressed({2: 5.0, 4: -5.0, 7: 30.0})
    moved = articulate(curves, speech, Articulation())
    before, after = ([one.channel("jawOpen")[syllable_frames(i)].max() for i in range(8)] for one in (curves, moved))
    beyond = (np.array(after) - 0.1) / (np.array(before) - 0.1)
    np.testing.assert_allclose(beyond[[0, 5]], 1.0, atol=0.15)
    assert beyond[2] / beyond[0] == pytest.approx(2**0.5, abs=0.1) and beyond[4] / beyond[0] == pytest.approx(0.5**0.5, abs=0.05)
    assert 1.4 < beyond[7] < 1.65
    lips = [one.channel("mouthLowerDownLeft")[syllable_frames(2)].max() for one in (curves, moved)]
    assert 1.1 < lips[1] / lips[0] < 1.3
    np.testing.assert_array_equal(moved.values[:, curves.columns(SHAPING)], curves.values[:, curves.columns(SHAPING)])
    np.testing.assert_array_equal(articulate(curves, speech, Articulation(dynamics=0.0)).values, curves.values)


def test_a_recordings_level_and_its_pauses_stress_nothing() -> None:
    curves, speech = stressed({2: 6.0})
    quiet = replace(speech, intensity_db=speech.intensity_db - 40)
    np.testing.assert_allclose(articulate(curves, quiet, Articulation()).values, articulate(curves, speech, Articulation()).values, atol=1e-5)
    hushed = replace(speech, intensity_db=np.where(speech.probability("silence") > 0.5, -140, speech.intensity_db).astype(np.float32))
    np.testing.assert_allclose(articulate(curves, hushed, Articulation()).values, articulate(curves, speech, Articulation()).values, atol=0.02)


def test_the_chart_is_the_one_that_the_model_is_taught() -> None:
    assert targets.CHART == (articulation.CLOSE, articulation.WIDE)


def test_an_open_vowel_is_not_stressed_for_being_louder_by_nature() -> None:
    segments = said.line((0.3, "sil"), *[(0.2, phone) for phone in ("D", "AA", "D", "IY") * 4], (0.3, "sil"))
    curves = said.face(segments)
    natural = replace(said.speech(segments), intensity_db=natural_db(curves))
    np.testing.assert_allclose(articulate(curves, natural, Articulation()).channel("jawOpen"), curves.channel("jawOpen"), atol=0.03)


def test_no_jaw_speaks_with_the_lips_and_no_lips_with_the_jaw() -> None:
    curves = said.face(SENTENCE)
    assert not articulated(curves, jaw=0.0).channel("jawOpen").any()
    assert not articulated(curves, lips=0.0).values[:, curves.columns((*OPENING, *SHAPING))].any()


def test_twice_the_jaw_is_about_twice_where_it_is_small_and_bends_where_it_is_large() -> None:
    slope = np.linspace(0, 1, 101, dtype=np.float32)
    twice = gained(slope, 2.0)
    assert twice[10] == pytest.approx(0.2, abs=0.002) and twice[100] == pytest.approx(1.0)
    assert (np.diff(twice) > 0).all()


def test_clear_speech_moves_more_and_mumbled_speech_less_and_more_slowly() -> None:
    curves = said.face(SENTENCE)
    path = {clarity: np.abs(np.diff(articulated(curves, clarity=clarity).channel("jawOpen"))).sum() for clarity in (0.0, 0.5, 1.0, 1.5, 2.0)}
    assert list(path.values()) == sorted(path.values())
    assert path[0.0] < 0.5 * path[1.0] and path[2.0] > 1.3 * path[1.0]


def test_quick_speech_is_sharpened_more_than_slow_speech() -> None:
    """What hurries past its vowels is what over-clear speech repairs."""
    grown = []
    for seconds in (0.07, 0.5):
        segments = said.line(*[(seconds, phone) for phone in ("AA", "S") * 8])
        curves = said.face(segments)
        clear = articulate(curves, said.speech(segments), Articulation(clarity=2.0)).channel("jawOpen")
        inner = slice(len(curves) // 4, -len(curves) // 4)
        grown.append(float(np.std(clear[inner]) / np.std(curves.channel("jawOpen")[inner])))
    assert grown[0] > 1.3 * grown[1]


@pytest.mark.parametrize("settings", [Articulation(clarity=2.0, effort=1.5), Articulation(clarity=0.0)])
def test_the_same_motion_at_any_frame_rate(settings: Articulation) -> None:
    def at(fps: float) -> np.ndarray:
        times = (np.arange(round(4 * fps)) + 0.5) / fps
        motion = (0.25 + 0.2 * np.sin(2 * np.pi * 4 * times)).astype(np.float32)
        curves = FaceCurves(fps, 0.5 / fps, ("jawOpen",), motion[:, None])
        speech = Speech(fps, 0.5 / fps, ("sil",), np.ones((len(times), 1), np.float32), np.zeros(len(times), np.float32))
        return np.interp(0.01 + np.arange(25, 175) / 50, times, articulate(curves, speech, settings).channel("jawOpen"))

    np.testing.assert_allclose(at(50.0), at(200.0), atol=0.01)


def test_a_mouth_at_rest_stays_at_rest() -> None:
    curves = replace(said.face(SENTENCE), values=np.zeros((75, 52), np.float32))
    assert not articulated(curves, jaw=2.0, lips=2.0, clarity=2.0, effort=2.0).values.any()
    assert len(articulated(FaceCurves(50.0, 0.0, arkit.NAMES, np.zeros((0, 52), np.float32)), clarity=0.0)) == 0


def test_what_is_beyond_its_range_is_refused() -> None:
    with pytest.raises(SettingError, match="jaw must lie between 0 and 2"):
        Articulation(jaw=2.5)
