"""What is done already: a journal beside the outputs, so that a run that was killed goes on where it stopped.

A line of the journal is JSON: the ``output`` and its record. A record holds ``key``, a digest of all that the output follows from, ``files``, the
digest of each file written, and for the report ``facts``, ``warnings``, ``seconds`` and ``picture``. What a kill cut off counts as not written.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import replace
from functools import cache, lru_cache
from pathlib import Path
from typing import Any, BinaryIO

from .. import settings
from ..about import version
from ..errors import BatchError, OutputError
from ..files import writing
from ..job import Motion
from ..speech import model
from .task import Task

JOURNAL = ".a2f-batch.jsonl"
ADDON = Path(__file__).parents[1]
MOVING = ("job.py", "settings.py", "presets.py", "face", "speech", "files", "batch/work.py", "data")
"""The files and folders of the add-on that decide what an output holds."""
READABLE = (".py", ".toml", ".json", ".npz")
LOCKED_BYTE = 1 << 40
"""Where Windows locks a byte, far beyond the end, since a byte that is locked there cannot be read."""

Record = Mapping[str, Any]


@cache
def program() -> str:
    """The version of A2F, and a digest of the part of it that decides what an output holds."""
    summed = hashlib.sha256()
    for path in sorted(_sources(), key=lambda path: path.relative_to(ADDON).as_posix()):
        summed.update(path.relative_to(ADDON).as_posix().encode() + b"\0" + path.read_bytes().replace(b"\r\n", b"\n") + b"\0")
    return f"{version()} {summed.hexdigest()[:16]}"


def _sources() -> Iterator[Path]:
    for name in MOVING:
        path = ADDON / name
        yield from [path] if path.is_file() else (each for each in path.rglob("*") if each.suffix in READABLE)


def key(task: Task) -> str:
    """A digest of all that a line's output follows from: the contents of recording, models and character, every setting with the contents of what
    it names, and the program.

    "" where a file of them cannot be read; the work itself says that better.
    """
    facts: dict[str, Any] = {"format": task.format, "span": [task.start_s, task.end_s], "fps": task.fps}
    if task.also:
        facts |= {"models": 1 + len(task.also), "weights": list(task.weights)}
    if task.blend:
        # The Action and the strip bear the recording's name.
        facts |= {"name": Path(task.speech).name, "object": task.object, "frame_start": task.frame_start, "render": task.render}
        facts |= {"thumbnails": task.thumbnails}
    heard_by = [Path(task.model) if task.model else model.BUNDLED, *map(Path, task.also)]
    files = [Path(task.speech), *heard_by, *([Path(task.blend)] if task.blend else [])]
    try:
        contents = [_contents(path, keep=path != files[0]) for path in files]
        # What they hold counts, not where they lie, which differs from machine to machine.
        facts["motion"] = dict(task.motion) | {name: _held(Path(path)) for name, path in settings.files(Motion, task.motion).items()}
    except OSError:
        return ""
    return hashlib.sha256(json.dumps([program(), contents, facts], sort_keys=True).encode()).hexdigest()


def _held(path: Path) -> list[str]:
    """The digest of a file, or of each in a folder, in the order of their names, which decides where they are used. Raises OSError."""
    return [_contents(each, keep=True) for each in (sorted(path.iterdir()) if path.is_dir() else [path]) if each.is_file()]


def digests(files: Iterable[Path], *, below: Path) -> dict[str, str]:
    """The digest of each file by its name below a folder. Raises OSError."""
    return {path.relative_to(below).as_posix(): _digest(path) for path in files}


def is_current(task: Task, wanted: str) -> bool:
    """Whether an output is there as the journal has it, and follows from just what it would follow from now."""
    known = task.known or {}
    if task.force or not wanted or known.get("key") != wanted:
        return False
    folder = Path(task.output).parent
    try:
        # What many lines share is read once for all of them.
        return all(_contents(folder / name, keep=task.format == "actions") == digest for name, digest in known["files"].items())
    except OSError:
        return False


def _contents(path: Path, *, keep: bool) -> str:
    if not keep:
        return _digest(path)
    state = path.stat()
    return _remembered(path, state.st_mtime_ns, state.st_size)


@lru_cache(maxsize=1024)
def _remembered(path: Path, mtime_ns: int, size: int) -> str:
    """Of a file that many lines share."""
    return _digest(path)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


class Journal:
    """What a folder of outputs knows of itself. Opened by :func:`journal`.

    note: a sentence where the journal could not be written, "" otherwise; the outputs do not suffer.
    """

    def __init__(self, path: Path) -> None:
        """Raises BatchError where another run is at work there."""
        self.note = ""
        self._path = path
        self._file: BinaryIO | None = None
        self._records: dict[str, Record] = {}
        # A folder without a journal is not made before there is something to put into it.
        if path.exists():
            self._open()
            self._records = _records(path)

    def recall(self, task: Task) -> Task:
        """The same line, with what is known of its output."""
        return replace(task, known=self._records.get(self._name(task.entry)))

    def keep(self, entry: str, record: Record) -> None:
        """Take down an output that was written, by its task's entry."""
        name = self._name(entry)
        if self._records.get(name) == record:
            return
        self._records[name] = record
        try:
            if self._file is None:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._open()
            if self._file is not None:
                # A line break first ends what a kill may have cut off.
                self._file.write(b"\n" + _line(name, record))
                self._file.flush()
        except OSError as error:
            self._give_up(error)

    def settle(self) -> None:
        """Write the journal anew, an output a line and in order, so that the same outputs leave the same journal."""
        if self._file is None:
            return
        there = {name: record for name, record in sorted(self._records.items()) if self._is_there(name, record)}
        with suppress(OutputError), writing.whole_binary(self._path) as file:
            file.writelines(_line(name, record) for name, record in there.items())

    def close(self) -> None:
        """Let others have it."""
        if self._file is not None:
            with suppress(OSError):  # what a full disk did not take was said before
                self._file.close()

    def _open(self) -> None:
        try:
            self._file = self._path.open("ab", buffering=0)
        except OSError as error:
            self._give_up(error)
            return
        if not _lock(self._file):
            self.close()
            raise BatchError(f"Another run is at work in '{self._path.parent}'; wait for it, or name another folder after -o.")

    def _give_up(self, error: OSError) -> None:
        self.note = f"What is done cannot be noted in '{self._path}' ({error.strerror}); the next run does it again."

    def _is_there(self, name: str, record: Record) -> bool:
        folder = (self._path.parent / name).parent
        return all((folder / file).exists() for file in record.get("files", [name]))

    def _name(self, output: str) -> str:
        return os.path.relpath(output, self._path.parent).replace(os.sep, "/") if _same_drive(output, self._path) else output


@contextmanager
def journal(folder: Path, *, keep: bool) -> Iterator[Journal]:
    """The journal of a folder, locked against a second run for as long as the block lasts.

    keep: whether a journal that was not there before stays when the block ends well; it always stays when it does not.
    Raises BatchError where another run is at work there.
    """
    # Another run's journal is not this one's to take away.
    keep = keep or (folder / JOURNAL).exists()
    book = Journal(folder / JOURNAL)
    try:
        yield book
        if keep:
            book.settle()
    finally:
        book.close()
    if not keep:
        (folder / JOURNAL).unlink(missing_ok=True)


def sweep(folders: Iterable[Path]) -> None:
    """Take away what killed processes left half written. Only where no other run is at work."""
    for folder in folders:
        for part in folder.glob(".a2f-*.part"):
            if part.is_dir():
                shutil.rmtree(part, ignore_errors=True)
            else:
                part.unlink(missing_ok=True)


def _records(path: Path) -> dict[str, Record]:
    found: dict[str, Record] = {}
    for line in path.read_bytes().splitlines():
        try:
            entry = json.loads(line)
            found[entry.pop("output")] = entry
        except (ValueError, KeyError, AttributeError, TypeError):
            continue
    return found


def _line(name: str, record: Record) -> bytes:
    return json.dumps({"output": name, **record}, separators=(",", ":")).encode() + b"\n"


def _lock(file: BinaryIO) -> bool:
    """Whether this process alone has the file now; it has it until the file is closed, however the process ends."""
    try:
        if sys.platform == "win32":
            import msvcrt

            file.seek(LOCKED_BYTE)
            msvcrt.locking(file.fileno(), msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        # On Windows this is what a locked file says; elsewhere, a file system without locks.
        return sys.platform != "win32"
    return True


def _same_drive(output: str, path: Path) -> bool:
    return Path(output).absolute().drive == path.absolute().drive
