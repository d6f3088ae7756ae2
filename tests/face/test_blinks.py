from __future__ import annotations

from itertools import pairwise

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from a2f_addon.face import arkit
from a2f_addon.face.blinks import Blink, blinks, lid_closure
from a2f_addon.face.curves import FaceCurves, Speech

FPS = 50.0


def talk(seconds: float, *, phrase_s: float = 3.0, pause_s: float = 0.5, start: float = 0.0) -> Speech:
    """Speech in phrases with pauses between them."""
    times = np.arange(round(seconds * FPS)) / FPS
    silent = (times % (phrase_s + pause_s) >= phrase_s).astype(np.float32)
    phones = np.stack([silent, 1 - silent], axis=1)
    loudness = (-20 - 40 * silent + 4 * np.sin(9 * times)).astype(np.float32)
    return Speech(FPS, start, ("sil", "aa"), phones, loudness, {"silence": ("sil",), "open": ("aa",)})


def still(seconds: float, *, fps: float = 30.0, start: float = 0.0) -> FaceCurves:
    return FaceCurves(fps, start, arkit.NAMES, np.zeros((round(seconds * fps), 52), np.float32))


@given(seed=st.integers(0, 2**31 - 1))
def test_eyes_blink_as_often_as_they_should(seed: int) -> None:
    found = blinks(talk(600.0), per_minute=20, seed=seed)
    # 200 expected; intervals with a standard deviation of about half of their mean give 200 +- 7.5, of which this is four and a bit.
    assert 168 <= len(found) <= 232


def test_who_is_silent_blinks_less() -> None:
    silence = talk(1200.0, phrase_s=1.0, pause_s=2000.0)
    # 17 a minute for 26.
    assert 17 * 20 * 0.88 < len(blinks(silence, per_minute=26, seed=0)) < 17 * 20 * 1.12


@given(seed=st.integers(0, 2**31 - 1), rate=st.floats(0.1, 60), seconds=st.floats(0.02, 90))
def test_no_two_blinks_touch_and_none_is_cut(seed: int, rate: float, seconds: float) -> None:
    speech = talk(seconds, start=4.0)
    found = blinks(speech, per_minute=rate, seed=seed)
    assert all(0.07 <= blink.closing_s <= 0.10 and 0.15 <= blink.opening_s <= 0.25 for blink in found)
    assert all(earlier.end_s + 0.09 < later.start_s for earlier, later in pairwise(found))
    assert all(speech.times[0] <= blink.start_s and blink.end_s <= speech.times[-1] + 1e-9 for blink in found)


def test_blinks_gather_where_phrases_end() -> None:
    found = np.array([blink.start_s for seed in range(40) for blink in blinks(talk(120.0), seed=seed, per_minute=20)])
    # Within 0.3 s of an end of a phrase lies a sixth of the time.
    near_an_end = np.abs((found % 3.5) - 3.0) < 0.3
    assert near_an_end.mean() > 0.4


def test_lids_close_quicker_than_they_open_and_without_a_jerk() -> None:
    blink = Blink(1.0, closing_s=0.08, opening_s=0.2)
    times = np.arange(0.9, 1.5, 0.001)
    lids = lid_closure(times, [blink])
    peak = np.flatnonzero(lids == 1.0)
    assert np.all(np.diff(lids[: peak[0]]) >= 0) and np.all(np.diff(lids[peak[-1] :]) <= 0)
    # A smoothstep over the shorter of the two moves by 1.5 / 80 in a millisecond at most.
    assert np.abs(np.diff(lids)).max() < 1.5 / 80 + 1e-3
    assert times[peak[0]] - 1.0 < blink.end_s - times[peak[-1]]
