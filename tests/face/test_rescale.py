from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2f_addon.errors import SettingError
from a2f_addon.face import arkit
from a2f_addon.face.curves import FaceCurves
from a2f_addon.face.rescale import Rescale, parse, rescale
from tests.face import said

LINE = said.line((0.3, "sil"), (0.08, "B"), (0.15, "AA"), (0.08, "M"), (0.2, "IY"), (0.3, "sil"))


def rescaled(curves: FaceCurves, names: tuple[str, ...] = (*arkit.NAMES, *arkit.HEAD), **settings: object) -> FaceCurves:
    return rescale(curves, said.speech(LINE), Rescale(**settings), names=names)  # type: ignore[arg-type]


def ramp() -> FaceCurves:
    """Every channel from 0 to 1, the right side half as far."""
    names = (*arkit.NAMES, *arkit.HEAD)
    far = np.array([0.5 if name.endswith("Right") else 1.0 for name in names], np.float32)
    return FaceCurves(50.0, 0.0, names, np.linspace(0, 1, 101, dtype=np.float32)[:, None] * far)


def test_what_nothing_was_asked_of_stays_bit_for_bit() -> None:
    before, after = ramp(), rescaled(ramp(), gains="mouthSmile:0.5,headYaw:2")
    changed = {name for name in before.names if not np.array_equal(before.channel(name), after.channel(name))}
    assert changed == {"mouthSmileLeft", "mouthSmileRight", "headYaw"}
    np.testing.assert_array_equal(rescaled(ramp()).values, ramp().values)
    np.testing.assert_array_equal(rescaled(ramp(), names=(), upper=2.0, symmetry=1.0).values, ramp().values)


@given(st.floats(1.0, 4.0))
def test_the_largest_movements_still_differ_when_enlarged(gain: float) -> None:
    curve = rescaled(ramp(), gains=f"mouthSmileLeft:{gain}").channel("mouthSmileLeft")
    assert curve.max() <= 1 and (np.diff(curve)[:-1] > 0).all()
    assert curve[5] == pytest.approx(0.05 * gain, rel=0.05)


def test_lips_that_met_still_meet_when_the_jaw_is_turned_down() -> None:
    before, after = said.face(LINE), rescaled(said.face(LINE), gains="jawOpen:0.5")
    met = before.channel("mouthClose") > 0.999 * before.channel("jawOpen")
    np.testing.assert_allclose(after.channel("mouthClose")[met], after.channel("jawOpen")[met], atol=2e-3)
    assert after.channel("jawOpen").max() == pytest.approx(0.5 * before.channel("jawOpen").max(), rel=1e-5)


def test_full_symmetry_is_a_mirror_and_leaves_gaze_and_jaw_alone() -> None:
    after = rescaled(ramp(), symmetry=1.0)
    np.testing.assert_allclose(after.channel("browDownLeft"), after.channel("browDownRight"))
    assert after.channel("browDownLeft")[-1] == pytest.approx(0.75)
    for name in ("jawLeft", "jawRight", "mouthLeft", "eyeLookInLeft", "jawOpen"):
        np.testing.assert_array_equal(after.channel(name), ramp().channel(name))


def test_upper_is_brows_cheeks_and_nose() -> None:
    before, after = ramp(), rescaled(ramp(), upper=0.0)
    assert {name for name in before.names if not after.channel(name).any()} == {*arkit.BROWS, *arkit.CHEEKS_AND_NOSE}


@pytest.mark.parametrize(
    ("text", "sentence"),
    [("nose:1", "no shape 'nose'"), ("jawOpen", "must be a number"), ("jawOpen:5", "between 0 and 4"), ("jawOpen:nan", "must be a number")],
)
def test_gains_that_cannot_be_are_refused(text: str, sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        Rescale(gains=text)
    assert parse("") == {}
