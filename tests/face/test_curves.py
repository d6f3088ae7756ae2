from __future__ import annotations

import math
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from a2f_addon.face import arkit
from a2f_addon.face.curves import FaceCurves, Speech


def curves(**changes: object) -> FaceCurves:
    parts = {"fps": 25.0, "start": 2.0, "names": ("jawOpen", "mouthClose"), "values": np.arange(6).reshape(3, 2)}
    return FaceCurves(**{**parts, **changes})  # type: ignore[arg-type]


def test_a_frame_stands_at_its_time() -> None:
    np.testing.assert_allclose(curves().times, [2.0, 2.04, 2.08])


def test_what_travels_cannot_be_changed_on_the_way() -> None:
    values = np.zeros((3, 2), np.float32)
    face = curves(values=values)
    with pytest.raises(ValueError, match="read-only"):
        face.values[0, 0] = 1
    with pytest.raises(ValueError, match="read-only"):
        face.channel("jawOpen")[0] = 1
    with pytest.raises(FrozenInstanceError):
        face.fps = 30.0  # type: ignore[misc]
    values[0, 0] = 1  # Whoever made the array may go on using it.


def test_a_stage_replaces_its_channels_and_no_others() -> None:
    face = curves()
    closed = face.with_channels({"mouthClose": np.full(3, 9, np.float32)})
    np.testing.assert_array_equal(closed.values, [[0, 9], [2, 9], [4, 9]])
    np.testing.assert_array_equal(face.values, [[0, 1], [2, 3], [4, 5]])
    np.testing.assert_array_equal(face.with_channels([("mouthClose", np.full(3, 9, np.float32))]).values, closed.values)
    with pytest.raises(KeyError):
        face.with_channels({"jawopen": np.zeros(3, np.float32)})


def test_a_stage_that_changes_nothing_copies_nothing_and_one_that_does_keeps_each_channel_in_one_piece() -> None:
    """Of an hour, each copy is tens of megabytes, and a stage goes through one channel after the other."""
    face = curves()
    assert face.with_channels({}) is face
    assert face.with_channels({"mouthClose": np.ones(3, np.float32)}).channel("jawOpen").flags.c_contiguous
    assert face.with_added({"tongueOut": np.ones(3, np.float32)}).channel("tongueOut").flags.c_contiguous


def test_columns_are_in_the_order_asked_for_and_only_those_there_are() -> None:
    assert curves().columns(["mouthClose", "tongueOut", "jawOpen"]) == [1, 0]


@pytest.mark.parametrize(
    "wrong",
    [{"values": np.zeros((3, 3))}, {"values": np.zeros(2)}, {"names": ("jawOpen", "jawOpen")}, {"fps": 0.0}, {"fps": math.nan}, {"start": math.inf}],
    ids=["a column too many", "no table", "a name twice", "no rate", "no number", "no start"],
)
def test_what_does_not_fit_together_is_a_mistake(wrong: dict[str, object]) -> None:
    with pytest.raises(ValueError):
        curves(**wrong)


def test_a_class_of_phones_is_as_likely_as_its_members_together() -> None:
    phones = np.array([[0.5, 0.25, 0.25], [0.0, 0.0, 1.0]], np.float32)
    speech = Speech(50.0, 0.0, ("p", "m", "aa"), phones, np.zeros(2, np.float32), {"closed": ("p", "m")})
    np.testing.assert_array_equal(speech.probability("closed"), [0.75, 0.0])
    np.testing.assert_array_equal(speech.probability("unheard of"), [0.0, 0.0])


def test_phones_and_loudness_are_of_one_length() -> None:
    with pytest.raises(ValueError):
        Speech(50.0, 0.0, ("p",), np.zeros((3, 1), np.float32), np.zeros(2, np.float32))


def test_the_shapes_are_apples_and_each_has_one_region() -> None:
    assert len(arkit.NAMES) == len(set(arkit.NAMES)) == 52
    regions = (*arkit.EYES, *arkit.MOUTH, *arkit.BROWS, *arkit.CHEEKS_AND_NOSE)
    assert sorted(regions) == sorted(arkit.NAMES)
