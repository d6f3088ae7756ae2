"""What the tests of several rooms share."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import settings

from tests import made

# A busy machine is no failure, and one tree has one verdict: new examples are looked for by `make search`.
settings.register_profile("house", deadline=None, max_examples=50, derandomize=True)
settings.register_profile("search", deadline=None, max_examples=1000)
settings.load_profile(os.environ.get("A2F_EXAMPLES", "house"))


@pytest.fixture(scope="session")
def graph(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A made ONNX file that keeps to what the add-on expects of one."""
    return made.graph(tmp_path_factory.mktemp("graph") / "made.onnx")


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of made speech in a WAV file at 16 kHz."""
    import soundfile

    path = tmp_path_factory.mktemp("sound") / "line_07.wav"
    soundfile.write(path, made.speech(4.0), made.RATE)
    return path
