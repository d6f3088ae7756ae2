"""A process that bakes line after line: tasks come in on stdin as JSON, a line each, and results leave on stdout.

It ends when its stdin does, and at once, so that nobody's work goes on after they are gone.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from dataclasses import asdict
from queue import SimpleQueue

from . import work
from .task import Task


def main() -> None:
    """Work until there is nobody left to work for."""
    # The person's Ctrl-C goes to the process that was started by hand, which then ends this one.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # What decoders print must not get between the results.
    out = os.fdopen(os.dup(1), "w", encoding="ascii")
    os.dup2(2, 1)
    waiting: SimpleQueue[str] = SimpleQueue()
    threading.Thread(target=_read, args=(waiting,), daemon=True).start()
    while True:
        result = work.bake(Task(**json.loads(waiting.get())))
        out.write(json.dumps(asdict(result)) + "\n")
        out.flush()


def _read(waiting: SimpleQueue[str]) -> None:
    for line in sys.stdin:
        waiting.put(line)
    os._exit(0)


if __name__ == "__main__":
    main()
