"""A plan carried out: by this process, by several, or by a cluster; the outcome is the same."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, closing
from dataclasses import dataclass
from itertools import chain

from .. import job as jobs
from . import plan as plans
from . import pool, resume, work
from .task import Result, Task

Baker = Callable[[list[Task]], Iterator[Result]]
"""Bakes tasks and gives their results in whatever order they are done. Closing it stops the work."""


@dataclass(frozen=True)
class Outcome:
    """results: of every line, in the batch's order. notes: sentences about what did not go as it should have."""

    results: tuple[Result, ...]
    notes: tuple[str, ...] = ()

    def count(self, status: str) -> int:
        """How many lines came to that."""
        return sum(result.status == status for result in self.results)


def here(progress: jobs.Progress) -> Baker:
    """One after the other, in this process."""
    return lambda tasks: (work.bake(task, progress) for task in tasks)


def processes(count: int) -> Baker:
    """Some processes on this machine."""
    return lambda tasks: pool.run(tasks, jobs=count)


def run(plan: plans.Plan, baker: Baker, *, keep_journal: bool, told: Callable[[Result], None], in_order: Callable[[Result], None]) -> Outcome:
    """Bake every line that is not up to date.

    told: of each line as it is done. in_order: the same in the batch's order, each as soon as all before it are done.
    keep_journal: whether what is done is remembered after a run that was not stopped, so that the next skips it.
    Raises BatchError where another run is at work in the same folder.
    """
    with ExitStack() as stack:
        book = stack.enter_context(resume.journal(plan.folder, keep=keep_journal)) if plan.folder is not None else None
        tasks = list(plan.tasks)
        if book is not None:
            tasks = [book.recall(task) for task in tasks]
            resume.sweep(plan.folders())
        entries = {task.number: task.entry for task in tasks}
        baked = stack.enter_context(closing(generator(baker(tasks))))

        def kept() -> Iterator[Result]:
            for result in chain(plan.problems, baked):
                if book is not None and result.record is not None:
                    book.keep(entries[result.number], result.record)
                told(result)
                yield result

        results = []
        for result in _ordered(kept()):
            in_order(result)
            results.append(result)
        if book is not None:
            resume.sweep(plan.folders())
        return Outcome(tuple(results), tuple(filter(None, [book.note if book else ""])))


def generator(results: Iterator[Result]) -> Generator[Result, None, None]:
    """What can be closed, and closes what it is made of."""
    yield from results


def _ordered(results: Iterable[Result]) -> Iterator[Result]:
    """By their numbers, from 1."""
    waiting: dict[int, Result] = {}
    following = 1
    for result in results:
        waiting[result.number] = result
        while following in waiting:
            yield waiting.pop(following)
            following += 1
