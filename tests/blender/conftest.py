"""Real Blender, once a process: each test file here runs in a process of its own, under a time limit, with plain ``pytest`` from the root.

``import bpy`` works once a process and keeps its state, and a Blender that hangs or crashes at its end should fail one file, not all.
To see one test alone: ``A2F_TEST_PROCESS=1 PYTHONPATH=tests/blender python -m pytest -p inside tests/blender/test_bake.py -k name``.
"""

from __future__ import annotations

import os
import subprocess
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path

import pytest

HERE = Path(__file__).parent
ROOT = HERE.parents[1]
MARK = "A2F_TEST_PROCESS"
TIME_LIMIT_S = 280


class OwnProcess(pytest.File):
    """A test file seen from outside: one test, that its process ended well."""

    def collect(self) -> Iterator[pytest.Item]:
        yield Ends.from_parent(self, name="in_blender")


class Ends(pytest.Item):
    """Runs the file, and shows what it said where it failed."""

    def runtest(self) -> None:
        words = [sys.executable, "-m", "pytest", "-p", "inside", "-p", "no:cacheprovider", "-q", "-rs", str(self.path)]
        surroundings = {**os.environ, MARK: "1", "PYTHONPATH": str(HERE)}
        ended = subprocess.run(
            words, cwd=ROOT, env=surroundings, timeout=TIME_LIMIT_S, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False
        )
        if ended.returncode:
            raise AssertionError(f"{ended.stdout}\nThe process of {self.path.name} ended with {ended.returncode}.")
        for line in ended.stdout.splitlines():
            if line.startswith("SKIPPED"):
                warnings.warn(pytest.PytestWarning(line), stacklevel=1)

    def repr_failure(self, excinfo: pytest.ExceptionInfo[BaseException]) -> str:  # type: ignore[override]
        return str(excinfo.value) or str(excinfo.getrepr())


def pytest_pycollect_makemodule(module_path: Path, parent: pytest.Collector) -> pytest.Collector | None:
    if MARK in os.environ:
        return None
    return OwnProcess.from_parent(parent, path=module_path)
