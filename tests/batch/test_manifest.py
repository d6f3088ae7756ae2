from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2f_addon.batch import manifest
from a2f_addon.errors import ManifestError


def read(folder: Path, text: str | bytes, name: str = "lines.csv") -> list[manifest.Row]:
    path = folder / name
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return manifest.read(path)


SAME = {
    "comma": "speech,output,start\na.wav,x.csv,1.5\nb.wav,,\n",
    "as Excel writes it": "\ufeffspeech;output;start\r\na.wav;x.csv;1.5\r\nb.wav;;\r\n",
    "tabs": "speech\toutput\tstart\na.wav\tx.csv\t1.5\nb.wav\n",
    "by hand": ' Speech , OUTPUT, start\n\n"a.wav" , x.csv , 1.5\n,,\n b.wav,,\n',
}


@pytest.mark.parametrize("text", SAME.values(), ids=SAME)
def test_a_csv_is_read_however_it_was_saved(tmp_path: Path, text: str) -> None:
    first, second = read(tmp_path, text)
    assert (first.number, dict(first.cells)) == (1, {"speech": "a.wav", "output": "x.csv", "start": "1.5"})
    assert (second.number, dict(second.cells)) == (2, {"speech": "b.wav"})


def test_a_toml_says_the_same(tmp_path: Path) -> None:
    first, second = read(tmp_path, '[[line]]\nspeech = "a.wav"\noutput = "x.csv"\nstart = 1.5\n[[line]]\nspeech = "b.wav"\n', "lines.toml")
    assert dict(first.cells) == {"speech": "a.wav", "output": "x.csv", "start": 1.5} and dict(second.cells) == {"speech": "b.wav"}


def test_a_row_with_too_many_cells_is_a_bad_line_and_no_bad_manifest(tmp_path: Path) -> None:
    bad, good = read(tmp_path, "speech,emotion\na.wav,joy:1,anger:1\nb.wav,joy:1\n")
    assert "3 cells for 2 columns" in bad.problem and not good.problem


BROKEN = {
    "no speech": ("file,output\na.wav,b.csv\n", "lines.csv", "no column 'speech'"),
    "nothing": ("", "lines.csv", "no column 'speech'"),
    "no lines": ("speech,output\n", "lines.csv", "has no lines"),
    "Latin": ("speech\nd\xfcnn.wav\n".encode("latin-1"), "lines.csv", "not UTF-8"),
    "no text": (b"speech\n\0\0\n", "lines.csv", "no text"),
    "a column twice": ("speech,start,start\na.wav,1,2\n", "lines.csv", "column 'start' twice"),
    "no TOML": ("[[line\n", "lines.toml", "cannot be read as TOML"),
    "no lines in TOML": ("[line]\nspeech = 'a.wav'\n", "lines.toml", "no lines with 'speech'"),
}


@pytest.mark.parametrize(("text", "name", "sentence"), BROKEN.values(), ids=BROKEN)
def test_what_is_no_manifest_is_told_in_a_sentence(tmp_path: Path, text: str | bytes, name: str, sentence: str) -> None:
    with pytest.raises(ManifestError, match=sentence):
        read(tmp_path, text, name)


@pytest.mark.parametrize("name", ["gone.csv", "."])
def test_one_that_is_not_there_is_told_too(tmp_path: Path, name: str) -> None:
    with pytest.raises(ManifestError, match="manifest"):
        manifest.read(tmp_path / name)


@given(st.binary(max_size=80), st.sampled_from(["lines.csv", "lines.toml"]))
def test_whatever_the_file_holds_it_is_lines_or_one_sentence(tmp_path_factory: pytest.TempPathFactory, text: bytes, name: str) -> None:
    try:
        assert read(tmp_path_factory.mktemp("any"), b"speech\n" + text, name)
    except ManifestError as error:
        assert str(error).endswith(".")
