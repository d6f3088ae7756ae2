"""What a person is told while the command line works: sentences on stderr, a line each, and how far it is."""

from __future__ import annotations

import sys
import time
from pathlib import Path

from .batch.plan import Plan
from .batch.task import Result

LOG_S = 10.0
"""Between two lines of progress in a log."""


class Shown:
    """How far the work is: on a terminal one line that is gone afterwards; elsewhere, for a batch, now and then a plain line."""

    def __init__(self, plan: Plan, *, batch: bool) -> None:
        self._batch, self._terminal = batch, sys.stderr.isatty()
        self._sizes = {task.number: 1 + _size(task.speech) for task in plan.tasks}
        self._lines, self._all = len(plan), sum(self._sizes.values())
        self._done = self._worked = self._of_work = self._failed = 0
        self._begun = self._last = time.monotonic()

    def __enter__(self) -> Shown:
        return self

    def __exit__(self, *error: object) -> None:
        if self._terminal:
            _show("")
        if self._batch and error[0] is None:
            took = time.monotonic() - self._begun
            say(f"{self._done - self._failed} of {self._lines} lines are done, {self._failed} failed, in {_lasting(took)}.")

    def progress(self, done: float, text: str) -> None:
        """How far the line at work is, where it is in this process."""
        if self._terminal:
            _show(f"{self._where()}  {done:4.0%}  {text}")

    def told(self, result: Result) -> None:
        """One more line is done."""
        self._done += 1
        size = self._sizes.pop(result.number, 0)
        self._worked += size
        self._of_work += size * (result.status != "skipped")
        self._failed += result.status == "failed"
        for sentence in [result.message] if result.status == "failed" else result.notes:
            if self._terminal:
                _show("")
            say(f"Line {result.number}: {sentence}" if self._batch else sentence)
        if self._terminal:
            _show(self._where())
        elif self._batch and time.monotonic() - self._last >= LOG_S:
            self._last = time.monotonic()
            say(self._where())

    def _where(self) -> str:
        if self._lines == 1:
            return ""
        failed = f", {self._failed} failed" if self._failed else ""
        return f"{self._done} of {self._lines} lines{failed}{self._left()}"

    def _left(self) -> str:
        """By the size of what is still to be heard; what was skipped says nothing about how fast the work goes."""
        elapsed = time.monotonic() - self._begun
        if not self._of_work or elapsed < 1:
            return ""
        return f", {_lasting(elapsed / self._of_work * (self._all - self._worked))} left"


def _size(path: str) -> int:
    try:
        return Path(path).stat().st_size
    except OSError:
        return 0


def _lasting(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 90 * 60 else f"{seconds / 3600:.1f} h"


def _show(text: str) -> None:
    sys.stderr.write(f"\r\x1b[K{text}")
    sys.stderr.flush()


def say(sentence: str) -> None:
    """One line on stderr, whatever the sentence quotes."""
    sys.stderr.write(" ".join(sentence.split()) + "\n")
