from __future__ import annotations

import shutil
from pathlib import Path

import pytest


@pytest.fixture
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recording: Path, graph: Path) -> Path:
    """The current folder, with takes/a.wav, b.wav and c.wav, and made.onnx."""
    monkeypatch.chdir(tmp_path)
    Path("takes").mkdir()
    for name in "abc":
        shutil.copy(recording, f"takes/{name}.wav")
    shutil.copy(graph, "made.onnx")
    return tmp_path
