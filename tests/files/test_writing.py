from __future__ import annotations

import os
from pathlib import Path

import pytest

from a2f_addon.errors import OutputError
from a2f_addon.files import writing


def test_a_file_takes_its_name_when_it_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "take.csv"
    path.write_text("before", "utf-8")
    with writing.whole(path) as file:
        file.write("aft")
        assert path.read_text("utf-8") == "before"
        file.write("er\n")
    assert path.read_bytes() == b"after\n"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("error", [KeyboardInterrupt, ValueError])
def test_what_breaks_off_leaves_what_was_there(tmp_path: Path, error: type[BaseException]) -> None:
    path = tmp_path / "take.csv"
    path.write_text("before", "utf-8")
    with pytest.raises(error), writing.whole(path) as file:
        file.write("half")
        raise error
    assert path.read_text("utf-8") == "before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_full_disk_is_told_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"cannot be written \(No space left"), writing.whole(tmp_path / "take.csv"):
        raise OSError(28, "No space left on device")
    assert not list(tmp_path.iterdir())


def test_a_link_still_leads_to_the_file_and_the_file_keeps_its_mode(tmp_path: Path) -> None:
    real, link = tmp_path / "real.csv", tmp_path / "link.csv"
    real.write_text("before", "utf-8")
    real.chmod(0o640)
    link.symlink_to(real)
    with writing.whole(link) as file:
        file.write("after")
    assert link.is_symlink() and real.read_text("utf-8") == "after"
    assert real.stat().st_mode & 0o777 == 0o640


def test_a_new_file_has_the_mode_of_any_new_file(tmp_path: Path) -> None:
    (tmp_path / "plain").touch()
    with writing.whole(tmp_path / "take.csv"):
        pass
    assert (tmp_path / "take.csv").stat().st_mode == (tmp_path / "plain").stat().st_mode


def test_where_nothing_can_be_written_is_said_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    for path, sentence in {
        tmp_path: "is a folder",
        tmp_path / "gone" / "take.csv": "There is no folder",
        tmp_path / "file" / "take.csv": "There is no folder",
    }.items():
        with pytest.raises(OutputError, match=sentence):
            writing.check(path)
    with pytest.raises(OutputError, match="is a file, not a folder"):
        writing.check_folder(tmp_path / "file" / "deeper" / "still")
    writing.check_folder(tmp_path / "new" / "deeper")
    # Whoever runs the tests may be allowed to write everywhere.
    monkeypatch.setattr(os, "access", lambda path, mode: False)
    with pytest.raises(OutputError, match="does not allow writing"):
        writing.check(tmp_path / "take.csv")
    with pytest.raises(OutputError, match="is write-protected"):
        writing.check(tmp_path / "file")
