from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from a2f_addon.errors import OutputError
from a2f_addon.face import arkit
from a2f_addon.face.curves import FaceCurves
from a2f_addon.files import blendshapes, writing


def face(frames: int = 7, names: tuple[str, ...] = arkit.NAMES) -> FaceCurves:
    values = np.random.default_rng(frames).uniform(0, 1, (frames, len(names)))
    return FaceCurves(25.0, 0.0, names, values.astype(np.float32))


def pair(folder: Path, names: object, values: object) -> Path:
    np.save(folder / blendshapes.NAMES, np.array(names))
    np.save(folder / blendshapes.VALUES, np.array(values))
    return folder


def test_what_is_written_is_read_back_by_numpy_and_by_us(tmp_path: Path) -> None:
    blendshapes.write(tmp_path / "new" / "take", face())
    again = blendshapes.read(tmp_path / "new" / "take", fps=25.0)
    assert (again.fps, again.start, again.names) == (25.0, 0.0, arkit.NAMES)
    np.testing.assert_array_equal(again.values, face().values)
    assert np.load(tmp_path / "new" / "take" / "BS_name.npy").tolist() == list(arkit.NAMES)
    assert np.load(tmp_path / "new" / "take" / "BS_value.npy").shape == (7, 52)


def test_rotations_are_no_blend_shapes(tmp_path: Path) -> None:
    blendshapes.write(tmp_path, face(names=("jawOpen", "headYaw")))
    assert np.load(tmp_path / "BS_name.npy").tolist() == ["jawOpen"]


def test_names_are_read_however_they_are_spelt_and_halves_are_one(tmp_path: Path) -> None:
    folder = pair(tmp_path, ["head.jaw_open", "browInnerUp_L", "browInnerUp_R", "something"], [[0.5, 0.2, 0.4, 1.0]])
    curves = blendshapes.read(folder)
    assert set(curves.names) == {"jawOpen", "browInnerUp"} and curves.fps == 30.0
    assert curves.channel("jawOpen")[0] == 0.5 and curves.channel("browInnerUp")[0] == pytest.approx(0.3)


@pytest.mark.parametrize(
    ("names", "values", "sentence"),
    [
        (["jawOpen"], [[0.1, 0.2]], "a column for each of the 1 names"),
        (["jawOpen"], np.zeros((0, 1)), "a row a frame"),
        (["Eins", "Zwei"], [[0.1, 0.2]], "none of ARKit's shapes"),
        ([1.0, 2.0], [[0.1, 0.2]], "no list of names"),
        (["jawOpen"], [[np.nan]], "no numbers"),
        (["jawOpen"], [[87.0]], "reach 87; bring them into 0 to 1"),
        (["jawOpen"], [["a"]], "a row a frame"),
    ],
)
def test_what_is_no_take_is_told_in_a_sentence(tmp_path: Path, names: object, values: object, sentence: str) -> None:
    with pytest.raises(OutputError, match=sentence):
        blendshapes.read(pair(tmp_path, names, values))


def test_a_missing_or_foreign_file_is_told_and_what_it_brings_is_not_run(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="There is no file"):
        blendshapes.read(tmp_path)
    pair(tmp_path, ["jawOpen"], [[0.0]])
    np.save(tmp_path / "BS_name.npy", np.array(["jawOpen"], object), allow_pickle=True)
    with pytest.raises(OutputError, match="plain NumPy array"):
        blendshapes.read(tmp_path)
    (tmp_path / "BS_name.npy").write_text("jawOpen", "utf-8")
    with pytest.raises(OutputError, match="no NumPy array"):
        blendshapes.read(tmp_path)


def test_a_take_that_breaks_off_leaves_the_one_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    blendshapes.write(tmp_path, face())

    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(blendshapes.np, "save", full)
    with pytest.raises(OutputError, match="No space left"):
        blendshapes.write(tmp_path, face(3))
    assert len(blendshapes.read(tmp_path)) == 7
    assert {file.name for file in tmp_path.iterdir()} == {blendshapes.NAMES, blendshapes.VALUES}


def test_bytes_are_whole_or_not_there(tmp_path: Path) -> None:
    with pytest.raises(ValueError), writing.whole_binary(tmp_path / "take.npz") as file:
        file.write(b"half")
        raise ValueError
    assert not list(tmp_path.iterdir())
