"""A list of lines to bake, in a .csv or .toml file.

CSV: a header and a row a line, in UTF-8, with commas, semicolons or tabs. TOML: a ``[[line]]`` table a line. Only ``speech`` is needed.
"""

from __future__ import annotations

import csv
import io
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from ..errors import ManifestError

COLUMNS = ("speech", "output", "start", "end", "emotion", "style", "preset", "seed", "blend", "object", "frame_start", "model", "weights")
DELIMITERS = ",;\t"
EXAMPLE = "its first line must name the columns, 'speech' among them"


@dataclass(frozen=True)
class Row:
    """A line as it stands in the manifest.

    number: from 1, of the lines and not of the file's rows. cells: column to what stands there, texts or TOML's own kinds; what is empty is left out.
    problem: a sentence where the line cannot be read.
    """

    number: int
    cells: Mapping[str, Any]
    problem: str = ""


def read(path: Path) -> list[Row]:
    """The lines of a manifest. Raises ManifestError, with one sentence, for one that cannot be read as a whole."""
    try:
        text = path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise ManifestError(f"There is no manifest '{path}'; check its name and folder.") from None
    except IsADirectoryError:
        raise ManifestError(f"The manifest '{path}' is a folder; name a .csv or .toml file in it.") from None
    except UnicodeDecodeError as error:
        raise ManifestError(f"The manifest '{path}' is not UTF-8 (byte {error.start}); save it as CSV UTF-8.") from None
    except OSError as error:
        raise ManifestError(f"The manifest '{path}' cannot be opened ({error.strerror}); check that you may read it.") from error
    rows = _toml(path, text) if path.suffix.lower() == ".toml" else _csv(path, text)
    if not rows:
        raise ManifestError(f"The manifest '{path}' has no lines; write one for each recording.")
    return rows


def _csv(path: Path, text: str) -> list[Row]:
    if "\0" in text:
        raise ManifestError(f"The manifest '{path}' is no text; save it as CSV UTF-8.")
    first = next((line for line in text.splitlines() if line.strip()), "")
    try:
        rows = [row for row in csv.reader(io.StringIO(text, newline=""), delimiter=_delimiter(first)) if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise ManifestError(f"The manifest '{path}' cannot be read as CSV ({error}); save it again.") from error
    header = [cell.strip().casefold() for cell in rows[0]] if rows else []
    if "speech" not in header:
        raise ManifestError(f"The manifest '{path}' has no column 'speech'; {EXAMPLE}.")
    named = [name for name in header if name]
    if twice := sorted({name for name in named if named.count(name) > 1}):
        raise ManifestError(f"The manifest '{path}' has the column '{twice[0]}' twice; rename one of them.")
    return [_row(number, header, cells) for number, cells in enumerate(rows[1:], 1)]


def _delimiter(header: str) -> str:
    """What parts the columns of a header: Excel writes semicolons where the comma is the decimal's."""
    return next((each for each in DELIMITERS if "speech" in (cell.strip(' "').casefold() for cell in header.split(each))), ",")


def _row(number: int, header: list[str], cells: list[str]) -> Row:
    problem = f"It has {len(cells)} cells for {len(header)} columns; put texts with commas in quotation marks." if len(cells) > len(header) else ""
    filled = zip(header, (cell.strip() for cell in cells), strict=False)
    return Row(number, {name: cell for name, cell in filled if name and cell}, problem)


def _toml(path: Path, text: str) -> list[Row]:
    try:
        found = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ManifestError(f"The manifest '{path}' cannot be read as TOML ({error}).") from error
    lines = found.get("line", found.get("lines"))
    if not isinstance(lines, list) or not all(isinstance(line, dict) for line in lines) or not any("speech" in line for line in lines):
        raise ManifestError(f"The manifest '{path}' has no lines with 'speech'; write a [[line]] table for each recording.")
    return [Row(number, {name.casefold(): cell for name, cell in line.items() if cell != ""}) for number, line in enumerate(lines, 1)]
