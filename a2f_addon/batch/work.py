"""One line, from the recording to the file: the same in this process, in another and on another machine."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from .. import job as jobs
from ..errors import A2FError, BatchError, Cancelled
from ..face import emotion
from ..face.curves import FaceCurves
from ..files import blendshapes, livelink, npz, writing
from ..settings import build
from . import picture, resume
from .meter import Meter, warnings
from .task import Result, Task, failed, skipped

THREADS = 1
"""Of the model: one everywhere, so that an output does not depend on where it was made. More speed comes of more processes."""
WRITERS: dict[str, Callable[[Path, FaceCurves], None]] = {"csv": livelink.write, "npz": npz.write, "bs": blendshapes.write}


def bake(task: Task, progress: jobs.Progress = lambda done, text: None) -> Result:
    """Write a line's output, if it is not up to date. Whatever goes wrong is a failed line and no error, except that the person stops it."""
    begun = time.monotonic()
    try:
        return replace(_bake(task, progress), seconds=time.monotonic() - begun)
    except Cancelled:
        raise
    except A2FError as error:
        return failed(task, str(error), seconds=time.monotonic() - begun)
    except MemoryError:
        return failed(task, f"There was not enough memory for '{task.speech}'; bake a shorter span of it, or with fewer --jobs.")
    except Exception as error:  # A mistake of the program in one line must not cost the others.
        said = f"{type(error).__name__}: {error}".strip(": ")
        return failed(task, f"'{task.speech}' met a mistake in A2F itself ({said}); please report it with the recording.")


def job_of(task: Task) -> jobs.Job:
    """The job of a line. Raises SettingError and SoundError for what no job can be."""
    model = Path(task.model) if task.model else None
    motion = build(jobs.Motion, task.motion)
    also, weights = tuple(map(Path, task.also)), tuple(task.weights)
    return jobs.Job(Path(task.speech), task.start_s, task.end_s, task.fps, model, motion, threads=THREADS, also=also, weights=weights)


def _bake(task: Task, progress: jobs.Progress) -> Result:
    if task.program and task.program != resume.program():
        raise BatchError(f"A worker has A2F {resume.program()}, and the batch was planned with {task.program}; install the same on both.")
    key = resume.key(task)
    if resume.is_current(task, key):
        return skipped(task)
    output = Path(task.output)
    if output.parent.is_dir() and task.format != "bs":
        writing.check(output)
    job, meter = job_of(task), Meter()
    heard = jobs.listen(job, progress, overhear=meter)
    curves = jobs.animate(heard, job.motion, fps=job.fps)
    notes = emotion.unseen(job.motion.emotion, curves)
    files = _write(task, curves)
    facts = {"frames": len(curves), "fps": curves.fps, "start_s": curves.start}
    record = {
        "key": key,
        "files": resume.digests(files, below=output.parent),
        "facts": facts,
        "seconds": round(meter.seconds, 3),
        "warnings": [*warnings(meter, heard.speech), *(f"Emotion: {note}" for note in notes)],
        "picture": picture.draw(meter, heard.speech, curves),
    }
    return Result(task.number, task.speech, task.output, "done", facts=facts, record=record, notes=notes)


def _write(task: Task, curves: FaceCurves) -> list[Path]:
    """The files that now hold the curves."""
    output = Path(task.output)
    writing.make_folder(output.parent)
    WRITERS[task.format](output, curves)
    return [output / blendshapes.NAMES, output / blendshapes.VALUES] if task.format == "bs" else [output]
