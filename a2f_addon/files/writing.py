"""Files that are written whole or not at all."""

from __future__ import annotations

import os
import shutil
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO, TextIO

from ..errors import OutputError


@contextmanager
def whole(path: Path) -> Iterator[TextIO]:
    """A text file (UTF-8, lines ending as given) that takes its name only once it is complete; until then, and after any error, what was there stays.

    Raises OutputError as :func:`check`, and where the disk does not take it.
    """
    with _part(path) as part, part.open("x", encoding="utf-8", newline="") as file:
        yield file


@contextmanager
def whole_binary(path: Path) -> Iterator[BinaryIO]:
    """A file of bytes, otherwise as :func:`whole`."""
    with _part(path) as part, part.open("xb") as file:
        yield file


@contextmanager
def _part(path: Path) -> Iterator[Path]:
    """The name of a file beside `path` that takes its place when all went well and is gone when it did not."""
    check(path)
    # A link keeps pointing to what is written.
    target = Path(os.path.realpath(path))
    part = target.with_name(f".a2f-{uuid.uuid4().hex}.part")
    try:
        yield part
        if target.exists():
            shutil.copymode(target, part)
        part.replace(target)
    except OSError as error:
        raise OutputError(f"'{path}' cannot be written ({error.strerror or error}); choose another place or make room there.") from error
    finally:
        part.unlink(missing_ok=True)


def check(path: Path) -> None:
    """Raise OutputError where a file cannot be written: before the work whose result it would hold."""
    if path.is_dir():
        raise OutputError(f"'{path}' is a folder; name a file in it.")
    if not path.parent.is_dir():
        raise OutputError(f"There is no folder '{path.parent}' to write '{path.name}' in; make it or choose another.")
    if path.exists() and not os.access(path, os.W_OK):
        raise OutputError(f"'{path}' is write-protected; choose another name or allow writing.")
    check_folder(path.parent)


def check_folder(path: Path) -> None:
    """Raise OutputError where files cannot be written into a folder, or the folder not be made."""
    nearest = next(folder for folder in (path, *path.absolute().parents) if folder.exists())
    if not nearest.is_dir():
        raise OutputError(f"'{nearest}' is a file, not a folder; choose another place.")
    if not os.access(nearest, os.W_OK):
        raise OutputError(f"The folder '{nearest}' does not allow writing; choose another.")


def make_folder(path: Path) -> None:
    """A folder and those that it lies in, where they are missing. Raises OutputError where they cannot be made."""
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder '{path}' cannot be made ({error.strerror}); choose another.") from error
