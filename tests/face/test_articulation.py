from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2f_addon.errors import SettingError
from a2f_addon.face import arkit, closure
from a2f_addon.face.articulation import OPENING, SHAPING, Articulation, articulate, gained
from a2f_addon.face.curves import FaceCurves, Speech
from tests.face import said

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
anything = st.builds(Articulation, *[st.floats(0, 2)] * 4)


def articulated(curves: FaceCurves, **settings: float) -> FaceCurves:
    return articulate(curves, said.speech(SENTENCE), Articulation(**settings))


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


@given(anything)
def test_lips_that_met_still_meet_and_never_pass_through_each_other(settings: Articulation) -> None:
    curves = said.face(SENTENCE)
    moved = articulate(curves, said.speech(SENTENCE), settings)
    assert (moved.channel("mouthClose") <= moved.channel("jawOpen") + 1e-6).all()
    met = gap(curves) < 0.005
    assert met.any() and gap(moved)[met].max() < 0.02


@given(anything)
def test_a_closure_is_sealed_at_any_setting(settings: Articulation) -> None:
    """As the whole chain has it: what the model blurs is moved first and sealed later."""
    speech = said.speech(SENTENCE)
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
