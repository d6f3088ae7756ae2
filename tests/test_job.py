from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import soundfile

from a2f_addon import Job, presets, run
from a2f_addon.errors import A2FError, Cancelled, SettingError, SoundError
from a2f_addon.face import arkit
from a2f_addon.face.eyes import Eyes
from a2f_addon.job import Motion, animate, in_style, listen
from tests import made


@pytest.mark.parametrize("fps", [24.0, 29.97, 30.0, 60.0])
def test_a_recording_becomes_52_curves_from_its_beginning_to_its_end(recording: Path, graph: Path, fps: float) -> None:
    curves = run(Job(recording, fps=fps, model=graph))
    assert curves.names[:52] == arkit.NAMES and curves.fps == fps and curves.start == 0.0
    assert set(curves.names[52:]) <= {*arkit.HEAD, *arkit.EYE_ROTATIONS}
    assert curves.times[-1] == pytest.approx(4.0, abs=1 / fps)
    shapes = curves.values[:, :52]
    assert np.isfinite(curves.values).all() and shapes.min() >= 0 and shapes.max() <= 1


def test_a_span_keeps_the_recordings_clock(recording: Path, graph: Path) -> None:
    curves = run(Job(recording, start_s=1.25, end_s=2.75, model=graph))
    assert curves.start == pytest.approx(1.25)
    assert curves.times[-1] == pytest.approx(2.75, abs=1 / 30)


def test_a_style_says_itself_how_far_the_jaw_goes_on_a_stressed_syllable(recording: Path, graph: Path) -> None:
    """At its full strength alone: where it counts by half, so does stress, and with no strength all of it."""
    job = Job(recording, model=graph)
    heard = listen(job)

    def jaw(**settings: object) -> np.ndarray:
        return animate(heard, presets.motion(settings), fps=job.fps).channel("jawOpen")

    styled = {"style_name": "broadcaster"}
    np.testing.assert_array_equal(jaw(**styled), jaw(**styled, articulation_dynamics=0.0))
    assert not np.array_equal(jaw(**styled, style_strength=0.5), jaw(**styled, style_strength=0.5, articulation_dynamics=0.0))
    unfelt = jaw(**styled, style_strength=0.0)
    np.testing.assert_array_equal(unfelt, jaw())
    assert not np.array_equal(unfelt, jaw(articulation_dynamics=0.0))


def test_the_same_job_gives_the_same_face(recording: Path, graph: Path) -> None:
    job = Job(recording, model=graph)
    np.testing.assert_array_equal(run(job).values, run(job).values)


def test_a_setting_is_tried_without_listening_again(recording: Path, graph: Path) -> None:
    job = Job(recording, model=graph)
    still = Motion(eyes=Eyes(enabled=False))
    tried = animate(listen(job), still, fps=job.fps)
    np.testing.assert_array_equal(tried.values, run(Job(recording, model=graph, motion=still)).values)


def test_a_person_can_stop(recording: Path, graph: Path) -> None:
    with pytest.raises(Cancelled):
        run(Job(recording, model=graph), cancelled=lambda: True)


@pytest.mark.parametrize("fps", [0.0, 0.5, 1001.0, math.nan, math.inf])
def test_a_frame_rate_that_cannot_be_is_refused(recording: Path, fps: float) -> None:
    with pytest.raises(SettingError, match="frame rate must lie between 1 and 1000"):
        Job(recording, fps=fps)


def test_a_span_that_cannot_be_is_refused_before_anything_is_read() -> None:
    with pytest.raises(SoundError, match="end after it begins"):
        Job(Path("not there.wav"), start_s=2.0, end_s=1.0)


def test_paths_may_be_given_as_text(recording: Path, graph: Path) -> None:
    assert Job(str(recording), model=str(graph)).speech == recording  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["5 ms", "20 minutes of silence", "clipped noise"])
def test_what_holds_no_speech_leaves_the_mouth_at_rest(tmp_path: Path, kind: str) -> None:
    clipped = np.clip(8 * made.noise(5.0), -1, 1)
    sound = {"5 ms": made.vowel(0.005), "20 minutes of silence": np.zeros(20 * 60 * made.RATE, np.int16), "clipped noise": clipped}[kind]
    soundfile.write(tmp_path / "nothing.wav", sound, made.RATE)
    curves = run(Job(tmp_path / "nothing.wav"))
    assert curves.values[:, curves.columns(arkit.MOUTH)].max() < 0.05


def test_a_quieter_recording_gives_the_same_face(tmp_path: Path) -> None:
    sound = made.speech(6.0)
    faces = []
    for name, gain in {"loud": 1.0, "quiet": 10 ** (-30 / 20)}.items():
        soundfile.write(tmp_path / f"{name}.wav", gain * sound, made.RATE, subtype="FLOAT")
        faces.append(run(Job(tmp_path / f"{name}.wav")).values)
    np.testing.assert_allclose(faces[0], faces[1], atol=0.02)


def test_every_error_that_a_person_meets_is_of_one_family() -> None:
    assert issubclass(SoundError, A2FError) and issubclass(SettingError, A2FError) and issubclass(Cancelled, A2FError)


@pytest.mark.parametrize(("chosen", "rate"), [({}, 9.0), ({"style_strength": 0.5}, 17.5), ({"eyes_blinks_per_minute": 40.0}, 40.0)])
def test_a_style_goes_for_the_blinks_too_unless_somebody_set_them(recording: Path, graph: Path, chosen: dict[str, float], rate: float) -> None:
    heard = listen(Job(recording, model=graph))
    curves, motion = in_style(heard.curves, heard.speech, presets.motion(chosen, style="stoic"))
    assert motion.eyes.blinks_per_minute == rate
    assert curves.channel("browInnerUp").std() < 0.75 * heard.curves.channel("browInnerUp").std()


def test_an_emotion_is_seen_in_the_end_and_a_mood_leaves_the_rest_alone(recording: Path, graph: Path) -> None:
    heard = listen(Job(recording, model=graph))
    calm, angry = (animate(heard, presets.motion(emotion=emotion), fps=30.0) for emotion in ("", "anger"))
    assert (angry.channel("browDownLeft") > calm.channel("browDownLeft") + 0.2).all()
    for name in ("eyeLookUpLeft", "headYaw", "mouthPucker", "mouthSmileLeft"):
        np.testing.assert_array_equal(calm.channel(name), angry.channel(name))
