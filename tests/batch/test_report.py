"""The page of a batch. How it looks and sorts is a browser's matter; here, that all is in it and nothing gets out of it."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

from a2f_addon.batch import picture, report
from a2f_addon.batch.task import Result
from a2f_addon.errors import OutputError

DRAWN = dict.fromkeys(("wave", "visemes", "jaw", "gap"), "0" * picture.COLUMNS)
RECORD = {"seconds": 4.2, "warnings": ["Noise: the pauses are loud."], "picture": DRAWN, "thumbnails": ["data:image/jpeg;base64,AAAA"]}
HOSTILE = "</script><img src=x onerror=alert(1)><!-- \u2028 \" ' & http://example.org"


def done(number: int, name: str = "a.wav", **record: Any) -> Result:
    return Result(number, f"takes/{name}", f"out/{number}.csv", "done", record={**RECORD, **record})


def page(folder: Path, *results: Result) -> str:
    path = folder / "out" / "report.html"
    path.parent.mkdir(exist_ok=True)
    report.write(path, results)
    return path.read_text("utf-8")


def data(text: str) -> Any:
    (found,) = re.findall(r"^const DATA = (.*);$", text, re.MULTILINE)
    return json.loads(found)


class Tags(HTMLParser):
    """Every tag and what it loads."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.loaded += [name for name, _ in attrs if name in ("src", "href", "data", "srcset")]


def test_every_line_has_a_row_with_all_that_is_known_of_it(tmp_path: Path) -> None:
    failed = Result(2, "takes/b.wav", "out/b.csv", "failed", "'b.wav' is no sound.")
    found = data(page(tmp_path, done(1), failed, done(3, thumbnails=[])))
    assert [row[0] for row in found["rows"]] == [1, 2, 3]
    whole, bad, _ = found["rows"]
    assert whole[1:5] == ["a.wav", whole[2], "1.csv", whole[4]] and whole[6:8] == [4.2, RECORD["warnings"]]
    assert whole[8] == list(DRAWN.values()) and whole[9] == RECORD["thumbnails"]
    assert bad[5] == "'b.wav' is no sound." and bad[3] == "" and bad[8] == []


def test_a_recording_is_found_from_where_the_page_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    row = data(page(Path(), done(1)))["rows"][0]
    assert row[2] == "../takes/a.wav" and row[4] == "1.csv"


def test_nothing_in_a_name_or_sentence_becomes_part_of_the_page(tmp_path: Path) -> None:
    plain, hostile = page(tmp_path, done(1)), page(tmp_path, done(1, HOSTILE), Result(2, HOSTILE, "", "failed", HOSTILE))
    tags, plain_tags = Tags(), Tags()
    tags.feed(hostile)
    plain_tags.feed(plain)
    assert tags.tags == plain_tags.tags
    assert data(hostile)["rows"][1][5] == HOSTILE
    # What the page draws, it draws as text.
    assert hostile.count("innerHTML") == 1 and ".innerHTML = svg(" in hostile


def test_the_page_is_whole_by_itself(tmp_path: Path) -> None:
    text = page(tmp_path, done(1))
    tags = Tags()
    tags.feed(text)
    assert not tags.loaded and "link" not in tags.tags and "http:" not in text and "https:" not in text and "@import" not in text
    assert "default-src 'none'" in text


def test_its_columns_can_be_sorted_and_say_so_to_a_screen_reader(tmp_path: Path) -> None:
    text = page(tmp_path, done(1))
    (sorts,) = re.findall(r"const SORTS = \{(.*?)\};", text, re.DOTALL)
    assert re.findall(r'"([^"]+)":', sorts) == ["#", "Recording", "Failed", "Warnings", "Length"]
    assert "aria-sort" in text and 'make("button"' in text


def test_the_same_results_give_the_same_page_and_five_thousand_a_small_one(tmp_path: Path) -> None:
    assert page(tmp_path, done(1)) == page(tmp_path, done(1))
    many = page(tmp_path, *(done(number, thumbnails=[]) for number in range(1, 5001)))
    assert len(many) < 4e6 and len(data(many)["rows"]) == 5000


def test_a_page_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="is a folder"):
        report.write(tmp_path, [done(1)])
