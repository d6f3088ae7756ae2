"""Which onnxruntime does the work, and what is said where the one of choice cannot."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
ASKED = """
import sys
before = list(sys.path)
from a2f_addon.speech import session
notes = []
runtime = session.runtime(notes)
print(runtime.__file__, runtime.get_available_providers()[0], getattr(runtime, "ready", ""), *notes, sep="|")
assert sys.path == before
"""
CARD = """
from . import capi
ready = ""
def get_available_providers():
    return ["CUDAExecutionProvider", "CPUExecutionProvider"]
def preload_dlls():
    global ready
    print("Failed to load what nobody needs")
    ready = "preloaded"
"""


def put(folder: Path, text: str) -> Path:
    (folder / "onnxruntime" / "capi").mkdir(parents=True)
    (folder / "onnxruntime" / "__init__.py").write_text(text, "utf-8")
    (folder / "onnxruntime" / "capi" / "__init__.py").write_text("", "utf-8")
    return folder


def asked(folder: Path, *, before: str = "") -> list[str]:
    """What another process answers when it is asked for its onnxruntime: file, provider, whether made ready, notes."""
    env = {**os.environ, "A2F_ONNXRUNTIME": str(folder)}
    done = subprocess.run([sys.executable, "-c", before + ASKED], cwd=ROOT, env=env, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return done.stdout.strip().split("|")


def test_the_one_in_the_chosen_folder_does_the_work(tmp_path: Path) -> None:
    file, provider, ready, *notes = asked(put(tmp_path, CARD))
    assert Path(file) == tmp_path / "onnxruntime" / "__init__.py"
    assert (provider, ready, notes) == ("CUDAExecutionProvider", "preloaded", [])


@pytest.mark.parametrize("text", ["import numpy\nraise ImportError('made for another Python')", "from .capi import gone", None])
def test_one_that_does_not_load_leaves_the_work_to_the_bundled_one_and_says_so(tmp_path: Path, text: str | None) -> None:
    folder = tmp_path if text is None else put(tmp_path, text)
    file, provider, _, note = asked(folder)
    assert tmp_path not in Path(file).parents and provider.endswith("ExecutionProvider")
    assert str(folder) in note and "another does the work instead" in note


def test_one_that_is_chosen_too_late_says_to_start_again(tmp_path: Path) -> None:
    _, _, _, note = asked(put(tmp_path, CARD), before="import onnxruntime")
    assert "start Blender again" in note
