from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2f_addon.errors import SettingError
from a2f_addon.face import arkit, closure, emotion
from a2f_addon.face.curves import FaceCurves, Speech
from a2f_addon.face.emotion import POSES, Emotion, Keys, Span, Track, arousal, feel, parse
from tests.face import said

LINE = said.line((0.6, "sil"), *(3 * [(0.1, "B"), (0.15, "AA"), (0.1, "M"), (0.2, "IY"), (0.1, "P"), (0.16, "UW")]), (0.8, "sil"))
SHARED = Path(os.environ.get("A2F_SHARED", Path(__file__).parents[3] / "shared"))
AUDIO2FACE = "amazement anger cheekiness disgust fear grief joy outofbreath pain sadness".split()


def felt(mix: str, *, fps: float = 50.0, **settings: object) -> FaceCurves:
    face = said.face(LINE)
    if fps != 50:
        times = np.arange(0, face.times[-1], 1 / fps)
        face = FaceCurves(fps, 0.0, face.names, np.stack([np.interp(times, face.times, column) for column in face.values.T], axis=1))
    return feel(face, said.speech(LINE), Emotion(mix, **settings))  # type: ignore[arg-type]


def test_it_knows_emfacs_and_audio2face() -> None:
    assert {"neutral", "joy", "sadness", "anger", "fear", "surprise", "disgust", "contempt", *AUDIO2FACE} <= set(emotion.NAMES)
    assert all(name in arkit.NAMES and 0 < weight <= 1 for pose in POSES.values() for name, weight in pose.items())


@pytest.mark.parametrize("mix", ["", "neutral", "joy:0"])
def test_without_an_emotion_nothing_changes(mix: str) -> None:
    np.testing.assert_array_equal(felt(mix).values, said.face(LINE).values)


@pytest.mark.parametrize("name", [name for name in POSES if name != "neutral"])
def test_an_emotion_moves_its_own_shapes_and_no_other(name: str) -> None:
    before, after = said.face(LINE), felt(name)
    assert after.values.min() >= 0 and after.values.max() <= 1
    for shape in arkit.NAMES:
        assert np.array_equal(before.channel(shape), after.channel(shape)) is (shape not in POSES[name]), shape


@given(st.lists(st.tuples(st.sampled_from(sorted(POSES)), st.floats(0, 1)), max_size=5), st.floats(0, 1), st.floats(0, 1))
def test_blends_stay_in_range(parts: list[tuple[str, float]], auto: float, variation: float) -> None:
    values = felt(",".join(f"{name}:{level:.3f}" for name, level in parts), auto=auto, variation=variation).values
    assert values.min() >= 0 and values.max() <= 1


@pytest.mark.skipif(not (SHARED / "heads").is_dir(), reason="the two heads of others are not on this machine")
@pytest.mark.parametrize("name", [name for name in POSES if name != "neutral"])
def test_lips_still_meet_whatever_is_felt(name: str) -> None:
    from benchmarks import lips

    heads, seconds = lips.load_heads(SHARED / "heads"), LINE[-1][1]
    truth = lips.classes(LINE, duration_s=seconds)
    gap = lips.lip_gap(closure.seal(felt(name), said.speech(LINE), closure.Closure()), heads, duration_s=seconds)
    assert lips.score_closures(lips.closed_lips(gap), truth).f1 == 1.0


def test_the_mouth_keeps_to_the_words_and_shows_the_rest_in_pauses() -> None:
    surprised, speaking = felt("surprise", variation=0).channel("jawOpen") - said.face(LINE).channel("jawOpen"), slice(60, 100)
    assert surprised[5] == pytest.approx(POSES["surprise"]["jawOpen"], abs=0.01)
    assert surprised[speaking].max() < 0.25 * surprised[5]


def test_a_smile_gives_way_to_rounded_lips() -> None:
    smile, pucker = felt("joy", variation=0).channel("mouthSmileLeft"), said.face(LINE).channel("mouthPucker")
    spoken = slice(45, 110)
    assert smile[spoken][pucker[spoken].argmax()] < 0.75 * smile[spoken].max()


def test_a_span_eases_in_and_out_around_its_bounds() -> None:
    brows = felt("anger:0.5@1-2", variation=0, ease_s=0.4).channel("browDownLeft")
    full = 0.5 * POSES["anger"]["browDownLeft"]
    at = [brows[round(50 * second)] for second in (0.78, 1.0, 1.22, 1.5, 1.78, 2.0, 2.25)]
    assert at == pytest.approx([0, full / 2, full, full, full, full / 2, 0], abs=0.04)
    assert felt("anger:0.5@0-1", variation=0).channel("browDownLeft")[0] == pytest.approx(full, abs=1e-5)


def test_keys_are_followed_as_they_are() -> None:
    track = Track(keys=(Keys("joy", (0.5, 1.5), (0.0, 1.0)),))
    cheeks = felt("", variation=0, track=track).channel("cheekSquintLeft")
    assert cheeks[49] == pytest.approx(0.49 * POSES["joy"]["cheekSquintLeft"], abs=0.01) and cheeks[10] == 0


def test_two_takes_differ_by_their_seed_and_one_is_the_same_again() -> None:
    one, again, other = (felt("joy", seed=seed).values for seed in (1, 1, 2))
    np.testing.assert_array_equal(one, again)
    assert 0.005 < np.abs(one - other).max() < 0.2
    still = felt("joy", seed=1, variation=0)
    assert np.array_equal(still.channel("cheekSquintLeft"), still.channel("cheekSquintRight"))
    assert np.ptp(still.channel("cheekSquintLeft")) < 1e-6 < np.ptp(felt("joy", seed=1).channel("cheekSquintLeft"))


def test_every_rate_gives_the_same_motion() -> None:
    fine = felt("joy:0.6@0.5-1.5,anger:0.4", fps=60.0, seed=3)
    largest = 0.0
    for fps in (24.0, 29.97, 30.0):
        coarse = felt("joy:0.6@0.5-1.5,anger:0.4", fps=fps, seed=3)
        for name in (*arkit.BROWS, *arkit.CHEEKS_AND_NOSE, "eyeSquintLeft", "eyeWideRight"):
            largest = max(largest, float(np.abs(np.interp(coarse.times, fine.times, fine.channel(name)) - coarse.channel(name)).max()))
    print(f"largest difference over 24, 29.97, 30 and 60 fps: {largest:.4f}")
    assert largest < 0.005


def voice(loud: np.ndarray) -> Speech:
    phones = np.tile(np.array([[0.0, 1.0]], np.float32), (len(loud), 1))
    return Speech(50.0, 0.01, ("sil", "aa"), phones, loud.astype(np.float32), {"silence": ("sil",), "open": ("aa",)})


def test_a_raised_voice_raises_what_was_chosen_and_chooses_nothing() -> None:
    speech = voice(np.where(np.arange(500) < 250, -30.0, -15.0))
    assert arousal(speech)[100] < 0.4 < 0.6 < arousal(speech)[400]
    rest = FaceCurves(50.0, 0.01, arkit.NAMES, np.zeros((500, 52), np.float32))
    joy = feel(rest, speech, Emotion("joy:0.6", auto=1.0, variation=0)).channel("cheekSquintLeft")
    assert joy[400] > 1.15 * joy[100] > 0
    alert = feel(rest, speech, Emotion(auto=1.0, variation=0))
    moved = {name for name in arkit.NAMES if alert.channel(name).any()}
    assert moved == set(emotion.ALERT) and alert.channel("eyeWideLeft")[400] > 0.02 > alert.channel("eyeWideLeft")[100]


def test_vowels_that_follow_each_other_faster_sound_aroused_whatever_parts_them() -> None:
    drawled, quick = 8 * [(0.1, "T"), (0.4, "AA")], 20 * [(0.1, "S"), (0.1, "IY")]
    excited = arousal(said.speech(said.line(*drawled, *quick)))
    assert excited[100] < 0.45 < 0.55 < excited[300]


@pytest.mark.parametrize("frames", [0, 1])
def test_next_to_no_frames_are_no_error(frames: int) -> None:
    rest = FaceCurves(50.0, 0.01, arkit.NAMES, np.zeros((frames, 52), np.float32))
    assert len(feel(rest, voice(np.zeros(frames)), Emotion("joy", auto=1.0))) == frames


def test_spans_are_written_as_they_are_read() -> None:
    text = "joy:0.8@0-2.5,anger:0.5@3-,surprise:1"
    assert str(parse(text)) == text
    assert parse("amazement, out of breath:0.5").spans == (Span("surprise"), Span("outofbreath", 0.5))


BAD = {
    "jy": "no emotion 'jy'; there are amazement, anger",
    "joy:2": "between 0 and 1, not at 2",
    "joy:nan": "between 0 and 1",
    "joy:much": "is no emotion; write a name",
    "joy@3-2": "must end after it begins",
    "joy@then": "is no emotion; write a name",
}


@pytest.mark.parametrize(("text", "sentence"), BAD.items())
def test_what_cannot_be_felt_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        Emotion(text)
