"""The same batch on machines that a studio has joined with Dask (dask.distributed), which shares the lines out, again where a worker is lost.

Every worker needs the same A2F and sees the recordings and the outputs' folder under the same paths. Dask itself is loaded only when it is asked for.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

from ..errors import BatchError
from ..job import Motion
from ..settings import files
from ..speech.session import first_line
from . import resume, work
from .task import Result, Task, failed

ANSWER_S = 20
"""How long a scheduler has to answer."""
PATHS = ("speech", "output", "model", "blend")


def run(tasks: list[Task], *, scheduler: str) -> Iterator[Result]:
    """The result of each task as it comes. Closing the iterator takes back what has not begun. Raises BatchError where there is no such cluster."""
    distributed = _dask()
    try:
        client = distributed.Client(scheduler, timeout=ANSWER_S)
    except (OSError, ValueError, TypeError) as error:
        raise BatchError(f"No Dask scheduler answers at '{scheduler}' ({first_line(error)}); check its address and that it runs.") from error
    try:
        futures = client.map(bake, [asdict(_everywhere(task)) for task in tasks], pure=False, key=[f"a2f-line-{task.number}" for task in tasks])
        of = {future.key: task for future, task in zip(futures, tasks, strict=True)}
        for future in distributed.as_completed(futures):
            yield _result(of[future.key], future)
            future.release()
    finally:
        client.close()


def bake(task: Mapping[str, Any]) -> dict[str, Any]:
    """A line on a worker, as plain data in and out."""
    return asdict(work.bake(Task(**task)))


def _dask() -> Any:
    try:
        import distributed
    except ImportError as error:
        raise BatchError(f"--scheduler needs Dask, which does not load ({first_line(error)}); install the Python package 'distributed'.") from error
    return distributed


def _everywhere(task: Task) -> Task:
    """The same line for another machine, whose current folder is another."""
    paths: dict[str, Any] = {name: str(Path(getattr(task, name)).absolute()) for name in PATHS if getattr(task, name)}
    motion = {**task.motion, **{name: str(Path(path).absolute()) for name, path in files(Motion, task.motion).items()}}
    also = [str(Path(other).absolute()) for other in task.also]
    return replace(task, program=resume.program(), motion=motion, also=also, **paths)


def _result(task: Task, future: Any) -> Result:
    error = future.exception()
    if error is None:
        return replace(Result(**future.result()), speech=task.speech, output=task.output)
    if isinstance(error, ImportError):
        return failed(task, f"A Dask worker has no A2F ({first_line(error)}); make the package a2f_addon importable there.")
    return failed(task, f"'{task.speech}' was lost with the Dask workers that baked it ({first_line(error)}); bake it again alone.")
