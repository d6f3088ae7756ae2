from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from a2f_addon.errors import OutputError
from a2f_addon.face.curves import FaceCurves
from a2f_addon.files import npz

VALUES = np.random.default_rng(5).uniform(0, 1, (7, 2)).astype(np.float32)
CURVES = FaceCurves(29.97, 1.25, ("jawOpen", "headYaw"), VALUES)


def archive(**members: Any) -> bytes:
    made = io.BytesIO()
    np.savez(made, **members)
    return made.getvalue()


WHOLE: dict[str, Any] = {"fps": 30.0, "start": 0.0, "names": np.array(["jawOpen", "headYaw"]), "values": VALUES}
BROKEN = {
    "text": b"jawOpen,0.5",
    "nothing": b"",
    "half": archive(**WHOLE)[:300],
    "no names": archive(**{name: each for name, each in WHOLE.items() if name != "names"}),
    "one array": (lambda file: (np.save(file, VALUES), file.getvalue())[1])(io.BytesIO()),
    "objects": archive(**{**WHOLE, "names": np.array(["jawOpen", None], object)}),
    "another width": archive(**{**WHOLE, "names": np.array(["jawOpen"])}),
    "no frame rate": archive(**{**WHOLE, "fps": np.array([1.0, 2.0])}),
    "no numbers": archive(**{**WHOLE, "values": np.full_like(VALUES, np.nan)}),
    "texts": archive(**{**WHOLE, "values": VALUES.astype(np.str_)}),
}


def test_curves_come_back_to_the_last_bit_and_the_same_curves_give_the_same_file(tmp_path: Path) -> None:
    for name in ("one.npz", "other.npz"):
        npz.write(tmp_path / name, CURVES)
    found = npz.read(tmp_path / "one.npz")
    assert (found.fps, found.start, found.names) == (CURVES.fps, CURVES.start, CURVES.names)
    np.testing.assert_array_equal(found.values, VALUES)
    assert (tmp_path / "one.npz").read_bytes() == (tmp_path / "other.npz").read_bytes()


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN)
def test_what_holds_no_curves_is_a_sentence_that_names_it(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "line_07.npz"
    path.write_bytes(content)
    with pytest.raises(OutputError, match="line_07"):
        npz.read(path)


def test_a_file_that_is_not_there_is_told(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="There is no file"):
        npz.read(tmp_path / "gone.npz")
