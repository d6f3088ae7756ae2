"""The batch on one page that needs no network: a row a line, drawn where it is looked at, so that thousands open at once."""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..files import writing
from . import picture
from .task import Result

PAGE = Path(__file__).with_name("report.html")
MARK = "/*DATA*/null"


def write(path: Path, results: Sequence[Result]) -> None:
    """Write the page, whole or not at all, into a folder that is made where it is missing.

    The same outputs give the same page, whether they were made now or before. Raises OutputError where it cannot be written.
    """
    data = {
        "letters": picture.LETTERS,
        "columns": picture.COLUMNS,
        "rows": [_row(result, path) for result in results],
    }
    # Neither the end of the script nor a comment of HTML may stand in a name.
    text = json.dumps(data, separators=(",", ":")).replace("<", "\\u003c")
    before, _, after = PAGE.read_text("utf-8").partition(MARK)
    writing.make_folder(path.parent)
    with writing.whole(path) as file:
        file.write(before + text + after)


def _row(result: Result, page: Path) -> list[Any]:
    """number, recording, its address, output, its address, failure, length in seconds, warnings, drawing, pictures as data: URLs."""
    record = result.record or {}
    return [
        result.number,
        Path(result.speech).name,
        _address(result.speech, page),
        Path(result.output).name if result.record else "",
        _address(result.output, page) if result.record else "",
        result.message if result.status == "failed" else "",
        record.get("seconds", 0),
        record.get("warnings", []),
        [record["picture"][name] for name in ("wave", "visemes", "jaw", "gap")] if "picture" in record else [],
        record.get("thumbnails", []),
    ]


def _address(path: str, page: Path) -> str:
    """Where a file lies, seen from the page, as plain text; the page makes an address of it."""
    try:
        return os.path.relpath(path, page.absolute().parent).replace(os.sep, "/") if path else ""
    except ValueError:  # on Windows, another drive
        return ""
