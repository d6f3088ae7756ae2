"""One line of a batch and what became of it, as plain data that goes through a pipe or to another machine as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

Status = Literal["done", "skipped", "failed"]

FORMATS = {"csv": ".csv", "npz": ".npz", "bs": "", "blend": ".blend", "actions": ".blend"}
"""The kinds of output and how their names end; "bs" is a folder with a pair of NumPy files."""
IN_BLENDER = ("blend", "actions")
ENGINES = ("workbench", "cycles", "eevee", "scene")
"""What films a line. Workbench and Cycles need no graphics card; "scene" is as the file has it, its size too."""


@dataclass(frozen=True, kw_only=True)
class Terms:
    """What can be asked of all lines at once, or of one.

    format: one of FORMATS; "" for lines that go by their outputs' endings.
    start_s, end_s: the span in seconds of the recording. fps: of the output.
    model: a path, None for the bundled one. also, weights: the other models that hear it too, and how much each counts, as a Job has them.
    blend, object, frame_start: the character, for the outputs that Blender writes; blend is also the picture of the line in the report.
    render: the engine that films it, one of ENGINES, "" for no film. thumbnails: whether the report gets pictures of the character.
    force: do it even if it is up to date.
    """

    format: str = ""
    start_s: float | None = None
    end_s: float | None = None
    fps: float = 30.0
    model: str | None = None
    also: Sequence[str] = ()
    weights: Sequence[float] = ()
    blend: str = ""
    object: str = ""
    frame_start: float = 1.0
    render: str = ""
    thumbnails: bool = True
    force: bool = False


@dataclass(frozen=True)
class Task(Terms):
    """A line that can start, with terms of its own and a format.

    number: of the line in the batch, from 1. speech, output: paths.
    motion: every setting of every stage under its flat name.
    known: what the journal has of this output.
    program: what :func:`resume.program` says where the batch was planned; "" where nobody else can work on it.
    """

    number: int
    speech: str
    output: str
    motion: Mapping[str, Any] = field(default_factory=dict)
    known: Mapping[str, Any] | None = None
    program: str = ""

    @property
    def entry(self) -> str:
        """What the journal calls the output; of a file that several lines share, their parts of it."""
        return f"{self.output}#{self.number}" if self.format == "actions" else self.output


@dataclass(frozen=True)
class Result:
    """What became of a line.

    message: a sentence, for one that failed. notes: sentences for whoever asked, of what was done otherwise than they may think.
    seconds: that the work took.
    facts: frames, fps, start_s of what was written. record: what the journal keeps of it (see :mod:`resume`); None where nothing was written.
    """

    number: int
    speech: str
    output: str
    status: Status
    message: str = ""
    seconds: float = 0.0
    facts: Mapping[str, Any] = field(default_factory=dict)
    record: Mapping[str, Any] | None = None
    notes: Sequence[str] = ()


def failed(task: Task, message: str, *, seconds: float = 0.0) -> Result:
    """A line that came to nothing."""
    return Result(task.number, task.speech, task.output, "failed", message, seconds)


def skipped(task: Task) -> Result:
    """A line whose output is there already as the journal has it."""
    known = task.known or {}
    return Result(task.number, task.speech, task.output, "skipped", facts=known["facts"], record=known)
