"""Several processes on this machine, each with a model session of its own; one that dies costs the line that it was at."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from dataclasses import asdict
from pathlib import Path
from queue import Empty, SimpleQueue

from .task import Result, Task, failed

ROOT = Path(__file__).parents[2]
WORKER = "a2f_addon.batch.worker"
WAIT_S = 0.2
"""How long a wait for results can keep Ctrl-C waiting on Windows."""
MEMORY = -9
"""The end of a process that the system killed, as it does where memory runs out."""


def can_start() -> bool:
    """Whether there is a Python to start processes with; a Blender may have been built without one."""
    return Path(sys.executable or "").stem.lower().startswith("python")


def run(tasks: Iterable[Task], *, jobs: int) -> Iterator[Result]:
    """The result of each task as it comes. Closing the iterator ends the processes and leaves every output whole or as it was."""
    waiting, results, workers = SimpleQueue[Task](), SimpleQueue[Result](), list[Worker]()
    count = 0
    for count, task in enumerate(tasks, 1):  # noqa: B007 - how many there are
        waiting.put(task)
    for _ in range(min(jobs, count)):
        worker = Worker(waiting, results)
        workers.append(worker)
        worker.start()
    try:
        while count:
            try:
                result = results.get(timeout=WAIT_S)
            except Empty:
                continue
            yield result
            count -= 1
    finally:
        for worker in workers:
            worker.stop()


class Worker(threading.Thread):
    """Looks after one process, and starts another where it dies."""

    def __init__(self, waiting: SimpleQueue[Task], results: SimpleQueue[Result]) -> None:
        super().__init__(daemon=True)
        self._waiting, self._results = waiting, results
        self._process: subprocess.Popen[str] | None = None
        self._stopped = threading.Event()

    def run(self) -> None:
        """Take tasks until there are none left."""
        while not self._stopped.is_set():
            try:
                task = self._waiting.get_nowait()
            except Empty:
                break
            try:
                self._results.put(self._bake(task))
            except Exception as error:  # whatever it is, the line must be told of
                self._results.put(failed(task, f"'{task.speech}' could not be given to a process of its own ({error}); try again with --jobs 1."))
        self._end()

    def stop(self) -> None:
        """End the process, whatever it is doing."""
        self._stopped.set()
        self._end()
        self.join()

    def _bake(self, task: Task) -> Result:
        process = self._process = self._process or _start()
        assert process.stdin and process.stdout
        try:
            process.stdin.write(json.dumps(asdict(task)) + "\n")
            process.stdin.flush()
            answer = process.stdout.readline()
        except OSError:
            answer = ""
        if answer.endswith("\n"):
            return Result(**json.loads(answer))
        self._process = None
        code = process.wait()
        process.stdin.close()
        process.stdout.close()
        why = "was killed, as happens where memory runs out" if code == MEMORY else f"ended with {code}"
        return failed(task, f"The process that baked '{task.speech}' {why}; bake it again alone, or with fewer --jobs.")

    def _end(self) -> None:
        process = self._process
        if process is not None and process.poll() is None:
            process.kill()
            process.wait()


def _start() -> subprocess.Popen[str]:
    # What can be imported here can be imported there, also where Blender has put the extension together.
    paths = os.pathsep.join(dict.fromkeys([str(ROOT), *filter(None, sys.path)]))
    return subprocess.Popen(
        [sys.executable, "-m", WORKER],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        encoding="ascii",
        env={**os.environ, "PYTHONPATH": paths},
    )
