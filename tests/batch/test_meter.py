from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from a2f_addon.batch import meter
from a2f_addon.face.curves import Speech
from tests import made

Floats = NDArray[np.float32]

FPS = 50
SECONDS = 8.0


def clean() -> Floats:
    """Bursts of half a second with pauses of a fifth between them, as loud as speech is recorded."""
    sound = made.speech(SECONDS)
    times = np.arange(len(sound)) / made.RATE
    return (sound * (times % 0.7 < 0.5) * 0.8).astype(np.float32)


def measured(sound: Floats, *, cut: int = 4_000) -> meter.Meter:
    found = meter.Meter()
    for first in range(0, len(sound), cut):
        found(sound[first : first + cut], made.RATE)
    return found


def said(sound: Floats, *, sound_s: float = 0.1) -> Speech:
    """What a model that hears everything right makes of a sound: silence where it is soft, else phones that each last `sound_s`."""
    frames = sound[: len(sound) // 320 * 320].reshape(-1, 320)
    phone = 1 + (np.arange(len(frames)) / FPS / sound_s).astype(int) % 2
    phone[np.sqrt(np.square(frames).mean(axis=1)) < 1e-3] = 0
    return Speech(FPS, 0.01, ("sil", "aa", "iy"), np.eye(3, dtype=np.float32)[phone], np.zeros(len(frames), np.float32), {"silence": ("sil",)})


def told(sound: Floats, heard: Speech) -> list[str]:
    return [warning.partition(":")[0] for warning in meter.warnings(measured(sound), heard)]


def test_nothing_is_said_of_clean_speech() -> None:
    assert told(clean(), said(clean())) == []


def test_clipping_is_told_and_a_single_loud_sample_is_none() -> None:
    loud = np.clip(8 * clean(), -1, 1)
    assert told(loud, said(clean())) == ["Clipping"]
    once = clean()
    once[4_000:4_003] = 1.0
    assert told(once, said(clean())) == []


@pytest.mark.parametrize("rms", [0.06, 0.2])
def test_noise_in_the_pauses_is_told(rms: float) -> None:
    noisy = clean() + rms * made.noise(SECONDS) * np.float32(3**0.5 / 0.5)
    assert "Noise" in told(noisy.astype(np.float32), said(clean()))
    softer = clean() + 0.002 * made.noise(SECONDS)
    assert told(softer.astype(np.float32), said(clean())) == []


def test_a_recording_without_sound_and_one_without_speech_are_told_as_silence() -> None:
    for nothing in (np.zeros(made.RATE, np.float32), 1e-3 * clean(), np.zeros(0, np.float32)):
        assert told(nothing, said(nothing)) == ["Silence"]
    nobody = said(np.zeros_like(clean()))
    assert "Silence" in told(clean(), nobody)
    # A model that does not know silence cannot tell.
    unknowing = Speech(FPS, 0.01, ("aa",), np.ones((400, 1), np.float32), np.zeros(400, np.float32))
    assert "Silence" not in told(clean(), unknowing)


def test_a_chord_beneath_the_speech_is_told_as_music() -> None:
    chord = sum(made.vowel(SECONDS, pitch_hz=pitch) for pitch in (220.0, 277.2, 329.6))
    assert told((0.3 * clean() + 0.4 * chord).astype(np.float32), said(0.4 * chord)) == ["Music"]


def test_speech_at_twice_the_pace_is_told() -> None:
    assert told(clean(), said(clean(), sound_s=0.04)) == ["Very fast speech"]
    # A second of it may be a stutter of the model's.
    assert told(clean()[: made.RATE], said(clean()[: made.RATE], sound_s=0.04)) == []


@given(st.integers(1, 9_000), st.integers(0, 20_000))
def test_how_the_sound_was_cut_into_blocks_changes_nothing(cut: int, length: int) -> None:
    sound = made.noise(length / made.RATE, seed=3)
    one, cut_up = measured(sound, cut=max(length, 1)), measured(sound, cut=cut)
    np.testing.assert_array_equal(one.peaks, cut_up.peaks)
    np.testing.assert_array_equal(one.powers, cut_up.powers)
    assert (one.samples, one.clipped) == (cut_up.samples, cut_up.clipped)
