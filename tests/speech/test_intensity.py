from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from a2f_addon.speech import intensity
from tests import made


def test_a_square_wave_of_full_scale_is_0_db_and_silence_far_below_any_recording() -> None:
    sound = np.concatenate((np.tile([1.0, -1.0], 160), np.tile([0.1, -0.1], 160), np.zeros(320))).astype(np.float32)
    found = intensity.measured(sound, hop=320, first=0, count=3)
    np.testing.assert_allclose(found[:2], [0, -20], atol=1e-4)
    assert found[2] < -130


@given(st.integers(0, 30), st.integers(1, 30))
def test_a_window_gives_what_the_whole_gives_and_beyond_the_sound_is_silence(first: int, count: int) -> None:
    sound = made.noise(0.9, seed=1)
    whole = intensity.measured(sound, hop=320, first=0, count=60)
    np.testing.assert_array_equal(intensity.measured(sound, hop=320, first=first, count=count), whole[first : first + count])
    assert (whole[45:] < -130).all() and (whole[:45] > -60).all()
