from __future__ import annotations

from decimal import ROUND_HALF_EVEN, Decimal

import numpy as np
from hypothesis import example, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays

from a2f_addon.files import decimals


def spelt(number: float, places: int, *, least: int = 1) -> str:
    """As Python spells it, with no minus before nothing."""
    rounded = Decimal(number).quantize(Decimal(1).scaleb(-places), ROUND_HALF_EVEN)
    width = least + (1 + places if places else 0)
    return ("-" if rounded < 0 else "") + f"{abs(rounded):0{width}.{places}f}"


@example(values=np.array([-1e-9, 0.0, -0.25, 999_999.5, 12.0]), places=3, least=2)
@example(values=np.array([4294.967295, 4294.967296]), places=6, least=1)
@given(arrays.arrays(np.float32, st.integers(1, 8), elements=st.floats(-2000, 2000, width=32)), st.integers(0, 6), st.integers(1, 3))
def test_numbers_are_spelt_as_python_spells_them(values: np.ndarray, places: int, least: int) -> None:
    text = decimals.text(decimals.joined([decimals.decimals(values, places, least=least), ";"]))
    # A product in double precision may round a tie to the other side.
    for found, value in zip(text.split(";"), values.tolist(), strict=False):
        assert found == spelt(value, places, least=least) or abs(abs(value * 10**places % 1) - 0.5) < 1e-6


def test_cells_stand_side_by_side_in_each_row() -> None:
    numbers = decimals.decimals(np.array([1.5, -22.25]), 2)
    assert decimals.text(decimals.joined(["<", numbers, "|", numbers, ">\n"])) == "<1.50|1.50>\n<-22.25|-22.25>\n"
