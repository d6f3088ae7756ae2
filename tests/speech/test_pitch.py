from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from a2f_addon import Job
from a2f_addon.job import listen
from a2f_addon.speech import pitch
from tests import made

FPS = made.RATE / made.HOP


def heard(sound: made.Floats, *, rate: int = made.RATE, hop: int = made.HOP, loudness_db: float = -20.0) -> made.Floats:
    frames = -(-len(sound) // hop)
    found = pitch.measured(sound, rate=rate, hop=hop, first=0, count=frames)
    return pitch.voiced(found, np.full(frames, loudness_db, np.float32), fps=rate / hop)


def voice(pitch_hz: made.Floats, *, rate: int = made.RATE, harmonics: int = 12) -> made.Floats:
    """Harmonics of a pitch that moves, the higher the weaker."""
    phase = 2 * np.pi * np.cumsum(pitch_hz) / rate
    return np.asarray(0.1 * sum(np.sin(number * phase) / number for number in range(1, harmonics + 1)), np.float32)


@given(pitch_hz=st.floats(65, 450), first=st.floats(300, 900), rate=st.sampled_from([(16_000, 320), (16_000, 160), (22_050, 441), (16_000, 317)]))
def test_a_held_vowel_has_its_pitch_whatever_its_formants(pitch_hz: float, first: float, rate: tuple[int, int]) -> None:
    found = heard(made.vowel(0.6, pitch_hz=pitch_hz, formants_hz=(first, 1800, 2700), rate=rate[0]), rate=rate[0], hop=rate[1])
    inner = found[len(found) // 4 : -len(found) // 4]
    # A quarter of a semitone.
    np.testing.assert_allclose(np.log2(inner), np.log2(pitch_hz), atol=1 / 48)


def test_a_pitch_that_moves_is_followed_at_the_middle_of_each_frame() -> None:
    times = np.arange(2 * made.RATE) / made.RATE
    found = heard(voice(120 * 2 ** (times / 2)))
    middles = (np.arange(len(found)) + 0.5) / FPS
    # Three quarters of an octave a second would be a semitone off for every 0.11 s of delay.
    np.testing.assert_allclose(np.log2(found[5:-5]), np.log2(120) + middles[5:-5] / 2, atol=0.02)


@pytest.mark.parametrize("sound", [np.zeros(made.RATE, np.float32), made.noise(3.0), made.noise(0.005), np.zeros(0, np.float32)])
def test_what_has_no_voice_has_no_pitch(sound: made.Floats) -> None:
    assert not heard(sound).any()


def test_a_pause_between_two_vowels_is_unvoiced_and_a_faint_hum_in_it_too() -> None:
    hum = 0.005 * made.vowel(0.5, pitch_hz=100)
    sound = np.concatenate([made.vowel(0.5, pitch_hz=140), hum, made.vowel(0.5, pitch_hz=180)])
    loudness = np.repeat([-20.0, -66.0, -20.0], 25).astype(np.float32)
    found = pitch.voiced(pitch.measured(sound, rate=made.RATE, hop=made.HOP, first=0, count=75), loudness, fps=FPS)
    assert not found[27:48].any()
    np.testing.assert_allclose(found[5:20], 140, rtol=0.01)
    np.testing.assert_allclose(found[55:70], 180, rtol=0.01)


def test_a_slip_of_an_octave_is_put_right_and_a_single_outlier_taken_out() -> None:
    found = np.tile(np.array([[150.0, 0.02]], np.float32), (100, 1))
    found[40:44, 0], found[70, 0] = 75.0, 190.0
    np.testing.assert_allclose(pitch.voiced(found, np.full(100, -20, np.float32), fps=50.0), 150.0, rtol=1e-5)


def test_windows_give_what_the_whole_gives() -> None:
    sound = made.speech(6.0)
    whole = pitch.measured(sound, rate=made.RATE, hop=made.HOP, first=0, count=300)
    for first, count in ((0, 100), (100, 37), (137, 163)):
        begin = max(first - 20, 0)
        window = sound[begin * made.HOP : (first + count + 20) * made.HOP]
        part = pitch.measured(window, rate=made.RATE, hop=made.HOP, first=first - begin, count=count)
        np.testing.assert_allclose(part, whole[first : first + count], rtol=1e-3, atol=1e-4)


def test_listening_to_a_recording_hears_its_pitch(tmp_path: Path, graph: Path) -> None:
    # Longer than a window, so that a seam lies in it.
    soundfile.write(tmp_path / "held.wav", made.vowel(20.0, pitch_hz=210), made.RATE, subtype="FLOAT")
    speech = listen(Job(tmp_path / "held.wav", model=graph)).speech
    assert len(speech.pitch_hz) == len(speech)
    # The made graph's loudness is noise, which makes some frames seem too quiet.
    sung = speech.pitch_hz[speech.pitch_hz > 0]
    assert len(sung) > 500
    np.testing.assert_allclose(sung, 210, rtol=0.01)
