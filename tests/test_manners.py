"""A guest in somebody's Blender: it writes where it was told to, calls nobody, and leaves Python's path alone."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WATCHED = """
import json, os, sys
before, writes, calls = list(sys.path), [], []
def hook(event, arguments):
    if event == "open" and isinstance(arguments[0], (str, bytes)):
        mode, flags = str(arguments[1] or ""), arguments[2] or 0
        if set(mode) & set("wax+") or (not mode and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)):
            writes.append(os.path.realpath(os.fsdecode(arguments[0])))
    elif event.startswith(("socket.", "urllib.", "http.", "ftplib.", "smtplib.")):
        calls.append(event)
sys.addaudithook(hook)
from a2f_addon.commands import main
code = main(sys.argv[1:])
print(json.dumps({"code": code, "writes": writes, "calls": calls, "path": sys.path == before}))
"""


def test_a_bake_writes_its_output_and_nothing_else_and_calls_nobody(graph: Path, recording: Path, tmp_path: Path) -> None:
    out = tmp_path / "curves"
    out.mkdir()
    words = ["bake", str(recording), "--model", str(graph), "-o", str(out / "line.csv")]
    command = [sys.executable, "-B", "-c", WATCHED, *words]
    # pycache of the test's own run is Python's business
    done = subprocess.run(command, cwd=ROOT, env={**os.environ, "HOME": str(tmp_path)}, capture_output=True, text=True, check=True)
    told = json.loads(done.stdout.splitlines()[-1])
    assert told["code"] == 0, done.stderr
    assert told["calls"] == [] and told["path"]
    assert told["writes"] and all(Path(path).parent == out.resolve() for path in told["writes"] if not path.startswith("/dev/"))
    assert [path.name for path in out.iterdir()] == ["line.csv"]


@pytest.mark.parametrize("path", sorted((ROOT / "a2f_addon").rglob("*.py")), ids=lambda path: path.name)
def test_no_file_changes_pythons_path_or_installs_anything(path: Path) -> None:
    text = path.read_text("utf-8")
    assert not [word for word in ("sys.path.", "sys.path =", "addsitedir", "ensurepip", '"pip"', "urllib.request", "import requests") if word in text]
