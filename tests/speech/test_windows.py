from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from a2f_addon.speech.windows import windows

HOP = 4


@given(
    samples=st.integers(1, 500),
    cuts=st.lists(st.integers(0, 500), max_size=8),
    look_back=st.integers(0, 30),
    look_ahead=st.integers(0, 30),
    align=st.sampled_from([1, 3, 4, 6, 8]),
    length=st.integers(1, 90),
)
def test_the_frames_that_count_are_each_hop_once_with_all_around_that_they_hear(
    samples: int, cuts: list[int], look_back: int, look_ahead: int, align: int, length: int
) -> None:
    # Each sample is its own place, so that a window says where it was cut.
    sound = np.arange(1, samples + 1, dtype=np.float32)
    hops = math.ceil(samples / HOP)
    padded = np.pad(sound, (0, hops * HOP - samples))
    next_hop = 0
    for window in windows(np.split(sound, sorted(cuts)), hop=HOP, look_back=look_back, look_ahead=look_ahead, align=align, length=length):
        begin = int(window.audio[0]) - 1
        first, last = begin // HOP + window.skip, begin // HOP + window.skip + window.keep
        assert begin % align == 0 and begin % HOP == 0 and len(window.audio) % HOP == 0
        assert first == next_hop
        np.testing.assert_array_equal(window.audio, padded[begin : begin + len(window.audio)])
        assert begin <= max(first * HOP - look_back, 0)
        assert begin + len(window.audio) >= min(last * HOP + look_ahead, hops * HOP)
        next_hop = last
    assert next_hop == hops
