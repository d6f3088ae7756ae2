from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2f_addon.speech.resampling import resampled
from tests import made

RATES = (8_000, 11_025, 16_000, 22_050, 32_000, 44_100, 48_000, 96_000, 44_101)


def at(sound: made.Floats, source_rate: int, *, cuts: list[int] | None = None, rate: int = made.RATE) -> made.Floats:
    """The sound resampled, given in blocks that end at the cuts."""
    return np.concatenate(list(resampled(np.split(sound, sorted(cuts or [])), source_rate=source_rate, rate=rate)))


@given(st.sampled_from(RATES), st.integers(1, 6000), st.lists(st.integers(0, 6000), max_size=12))
def test_however_the_sound_is_cut_into_blocks_it_comes_out_the_same(source_rate: int, samples: int, cuts: list[int]) -> None:
    sound = made.noise(1.0, rate=samples, seed=samples)
    whole = at(sound, source_rate)
    np.testing.assert_allclose(at(sound, source_rate, cuts=cuts), whole, atol=1e-6)
    assert len(whole) == -(-samples * made.RATE // source_rate)


@pytest.mark.parametrize("source_rate", RATES)
def test_a_tone_stays_the_tone_that_it_was_and_where_it_was(source_rate: int) -> None:
    tone = np.sin(2 * np.pi * 1000 * np.arange(source_rate // 2) / source_rate).astype(np.float32)
    heard = at(tone, source_rate)
    wanted = np.sin(2 * np.pi * 1000 * np.arange(len(heard)) / made.RATE)
    # 63 dB is a thousandth. At the edges, the silence around the tone is heard as well.
    np.testing.assert_allclose(heard[200:-200], wanted[200:-200], atol=2e-3)


@pytest.mark.parametrize("source_rate", [44_100, 48_000, 96_000])
def test_what_the_new_rate_cannot_hold_is_gone(source_rate: int) -> None:
    # Beyond the filter's transition, a quarter of the band of 8 kHz that is left.
    tone = np.sin(2 * np.pi * 10_500 * np.arange(source_rate // 2) / source_rate).astype(np.float32)
    assert np.abs(at(tone, source_rate)[200:-200]).max() < 1.5e-3


@pytest.mark.parametrize("source_rate", [8_000, 22_050, 44_100, 96_000])
def test_it_comes_out_as_from_scipy(source_rate: int) -> None:
    from scipy.signal import resample_poly

    times = np.arange(source_rate) / source_rate
    tones = ((130.0, 0.3), (710.0, 0.2), (1900.0, 0.2), (3100.0, 0.1))
    sound = sum(level * np.sin(2 * np.pi * hertz * times) for hertz, level in tones).astype(np.float32)
    shared = np.gcd(source_rate, made.RATE)
    wanted = resample_poly(sound, made.RATE // shared, source_rate // shared)
    # The two filters are not equally steep.
    np.testing.assert_allclose(at(sound, source_rate)[200:-200], wanted[200:-200], atol=3e-3)
