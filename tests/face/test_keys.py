"""Fewer keys play the same motion: within the error everywhere, and exactly where the lips meet."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from a2f_addon.face import closure
from a2f_addon.face.curves import FaceCurves, Speech
from a2f_addon.face.keys import COARSE, FINE, every_frame, is_pinned, reduced, sealed

FPS = 30.0
SMOOTH = (0.5 + 0.4 * np.sin(np.arange(300) / FPS * 2 * np.pi * 1.5) * np.sin(np.arange(300) / FPS * 0.9)).astype(np.float32)
"""A mouth that opens and closes one and a half times a second, ten seconds long."""


def test_no_frame_misses_by_more_than_the_error_and_a_smooth_curve_needs_few_keys() -> None:
    counts = []
    for error in (FINE, COARSE):
        keys = reduced(SMOOTH, error=error)
        assert np.abs(keys.at(np.arange(300)) - SMOOTH).max() <= error + 1e-6
        counts.append(len(keys))
    assert counts[1] < counts[0] < 300 / 3
    assert counts[1] <= 45  # about three a period: its two turns and a key between


@given(
    arrays.arrays(np.float32, st.integers(1, 200), elements=st.floats(0, 1, width=32)),
    st.floats(0.001, 0.2),
    st.integers(0, 2**32 - 1),
)
def test_whatever_the_curve_error_range_and_pinned_frames_hold(curve: np.ndarray, error: float, seed: int) -> None:
    pinned = np.random.default_rng(seed).random(len(curve)) < 0.2
    keys = reduced(curve, error=error, pinned=pinned)
    frames = np.arange(len(curve))
    assert np.abs(keys.at(frames) - curve).max() <= error + 1e-5
    np.testing.assert_allclose(keys.at(frames[pinned]), curve[pinned], atol=1e-6)
    between = keys.at(np.linspace(0, len(curve) - 1, 999))
    assert between.min() >= -1e-6 and between.max() <= 1 + 1e-6
    assert (np.diff(keys.frames) > 0).all() and keys.frames[[0, -1]].tolist() == [0, len(curve) - 1]


def test_neighbouring_pieces_meet_without_a_kink() -> None:
    keys = reduced(SMOOTH, error=COARSE)
    inner = slice(1, -1)
    before = (keys.values - keys.left)[inner] / np.diff(keys.frames)[:-1]
    after = (keys.right - keys.values)[inner] / np.diff(keys.frames)[1:]
    np.testing.assert_allclose(before, after, atol=1e-5)


def test_without_an_error_every_frame_has_its_key_and_a_still_curve_two() -> None:
    assert len(reduced(SMOOTH, error=0.0)) == len(every_frame(SMOOTH)) == 300
    np.testing.assert_array_equal(reduced(SMOOTH, error=0.0).at(np.arange(300)), SMOOTH)
    still = reduced(np.full(300, 0.25, np.float32), error=0.0)
    assert (len(still), still.at(np.array([150.0])).item()) == (2, 0.25)


def test_sealed_frames_are_those_of_the_closure_stage() -> None:
    phones = np.zeros((100, 2), np.float32)
    phones[:, 0] = 1
    phones[40:50] = (0, 1)
    speech = Speech(50.0, 0.01, ("AA", "P"), phones, np.zeros(100, np.float32), {"closed": ("P",)})
    curves = FaceCurves(FPS, 0.0, ("jawOpen",), np.full((60, 1), 0.5, np.float32))
    found = np.flatnonzero(sealed(curves, speech, closure.Closure())) / FPS
    assert found.min() == pytest.approx(0.82, abs=0.04) and found.max() == pytest.approx(0.98, abs=0.04)
    assert is_pinned("mouthClose") and is_pinned("Fcl_MTH_A") and not is_pinned("browInnerUp") and not is_pinned("headYaw")
