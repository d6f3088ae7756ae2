from __future__ import annotations

import io
import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from a2f_addon import about, commands, job, settings
from a2f_addon.errors import A2FError
from a2f_addon.files import livelink

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recording: Path, graph: Path) -> None:
    """Where there are line_07.wav and made.onnx, and nothing else."""
    monkeypatch.chdir(tmp_path)
    shutil.copy(recording, "line_07.wav")
    shutil.copy(graph, "made.onnx")


def bake(*arguments: str) -> int:
    return commands.main(["bake", "--model", "made.onnx", *arguments])


def made() -> set[str]:
    """What lies in the folder that was not there before."""
    return {str(path) for path in Path().rglob("*") if path.is_file()} - {"line_07.wav", "made.onnx"}


def test_one_recording_becomes_the_file_that_was_named(capsys: pytest.CaptureFixture[str]) -> None:
    assert bake("line_07.wav", "-o", "face.csv", "--fps", "25", "--start", "1", "--end", "3") == 0
    assert made() == {"face.csv"}
    curves = livelink.read(Path("face.csv"))
    wanted = job.run(job.Job(Path("line_07.wav"), 1.0, 3.0, fps=25.0, model=Path("made.onnx"), threads=1))  # more may differ in a last bit
    assert (curves.fps, curves.start) == (25.0, 1.0)
    assert set(curves.names) == set(wanted.names)
    np.testing.assert_allclose(curves.values, wanted.values[:, wanted.columns(curves.names)], atol=5.1e-7)
    assert capsys.readouterr() == ("", "")


def test_several_become_a_file_each_in_a_folder_that_is_made_for_them() -> None:
    shutil.copy("line_07.wav", "line.08.wav")
    assert bake("line_07.wav", "line.08.wav", "-o", "out/faces") == 0
    assert made() - {"line.08.wav"} == {"out/faces/line_07.csv", "out/faces/line.08.csv"}


def test_one_recording_goes_into_a_folder_too() -> None:
    assert bake("line_07.wav", "-o", "out") == 0
    Path("folder.csv").mkdir()
    assert bake("line_07.wav", "-o", "folder.csv") == 0
    assert made() == {"out/line_07.csv", "folder.csv/line_07.csv"}


def test_a_line_that_fails_does_not_keep_the_others(capsys: pytest.CaptureFixture[str]) -> None:
    assert bake("gone.wav", "line_07.wav", "-o", "out", "--json") == 1
    out, err = capsys.readouterr()
    failed, done = (json.loads(line) for line in out.splitlines())
    assert failed.pop("seconds") < 10
    sentence = err.strip()
    assert failed == {"line": 1, "speech": "gone.wav", "output": None, "status": "failed", "message": sentence}
    assert done["status"] == "done" and done["message"] == ""
    assert done["output"] == str(Path("out/line_07.csv")) and done["frames"] == len(livelink.read(Path(done["output"])))
    assert err.startswith("There is no file 'gone.wav'") and err.count("\n") == 1


def test_an_emotion_that_the_recording_is_too_short_for_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert bake("line_07.wav", "-o", "face.csv", "--emotion", "joy:0.5@1-2,anger:0.5@3.5-,fear@4.1-9") == 0
    assert capsys.readouterr().err == "The emotion 'fear:1@4.1-9' is not seen: the recording runs from 0.0 s to 4.0 s.\n"
    assert bake("line_07.wav", "-o", "face.csv", "--emotion", "joy@0-1", "--start", "2") == 0
    assert "'joy:1@0-1' is not seen: the recording runs from 2.0 s to 4.0 s" in capsys.readouterr().err


MISTAKES = {
    "nothing": ([], "required: COMMAND"),
    "no recording": (["bake", "-o", "face.csv"], "Name recordings or a --manifest"),
    "both": (["bake", "line_07.wav", "--manifest", "lines.csv", "-o", "out"], "Name recordings or a --manifest"),
    "no output": (["bake", "line_07.wav"], "Say after -o"),
    "no process": (["bake", "line_07.wav", "-o", "out", "--jobs", "0"], "--jobs must be 1 or more"),
    "no such format": (["bake", "line_07.wav", "-o", "out", "--format", "fbx"], "'fbx'"),
    "empty folder": (["bake", "empty", "-o", "out"], "There is no sound file in 'empty'"),
    "no such option": (["bake", "line_07.wav", "-o", "face.csv", "--colour"], "--colour"),
    "no number": (["bake", "line_07.wav", "-o", "face.csv", "--fps", "many"], "--fps: must be a number, not 'many'"),
    "no whole number": (["bake", "line_07.wav", "-o", "face.csv", "--seed", "1.5"], "--seed: must be a whole number, not '1.5'"),
    "no share": (["style", "blend", "drawl", "stoic", "--share", "half", "-o", "s.toml"], "--share: must be a number, not 'half'"),
    "no such seed": (["bake", "line_07.wav", "-o", "face.csv", "--seed", "-1"], "The seed must be a whole number from 0 to 2147483647, not -1"),
    "no such file": (["bake", "gone.wav", "-o", "face.csv"], "There is no file 'gone.wav'"),
    "a name of two lines": (["bake", "gone\nand lost.wav", "-o", "face.csv"], "There is no file"),
    "no sound": (["bake", "made.onnx", "-o", "face.csv"], "no sound that can be read"),
    "span outside": (["bake", "line_07.wav", "-o", "face.csv", "--start", "9"], "begins at 9 s"),
    "span reversed": (["bake", "line_07.wav", "-o", "face.csv", "--start", "2", "--end", "1"], "end after it begins"),
    "no such rate": (["bake", "line_07.wav", "-o", "face.csv", "--fps", "0"], "frame rate"),
    "setting out of range": (["bake", "line_07.wav", "-o", "face.csv", "--blinks-per-minute", "99"], "minute) must lie between 0 and 60"),
    "no such model": (["bake", "line_07.wav", "-o", "face.csv", "--model", "gone.onnx"], "There is no model file"),
    "damaged model": (["bake", "line_07.wav", "-o", "face.csv", "--model", "line_07.wav"], "is damaged"),
    "no such folder": (["bake", "line_07.wav", "-o", "gone/face.csv"], "There is no folder 'gone'"),
    "output is a file": (["bake", "line_07.wav", "-o", "line_07.wav"], "is a file, not a folder"),
    "two of one name": (["bake", "line_07.wav", "more/LINE_07.flac", "-o", "out"], "would both become"),
    "one twice": (["bake", "line_07.wav", "line_07.wav", "-o", "out"], "'line_07.wav' is named twice"),
    "no such ending": (["bake", "line_07.wav", "-o", "out.txt"], "ends in .txt, which A2F does not write"),
    "another ending": (["bake", "line_07.wav", "-o", "out.csv", "--format", "npz"], "ends in .csv, which is not what --format npz writes"),
    "no place for the report": (["bake", "line_07.wav", "-o", "face.csv", "--report", "made.onnx/a.html"], "is a file, not a folder"),
    "an empty name": (["bake", "", "-o", "out"], "SPEECH: must not be empty"),
    "an empty output": (["bake", "line_07.wav", "-o", ""], "--output: must not be empty"),
    "two into one": (["bake", "line_07.wav", "line_08.wav", "-o", "face.csv"], "there are 2 recordings"),
    "all fail": (["bake", "gone.wav", "-o", "out"], "There is no file"),
}


@pytest.mark.parametrize(("arguments", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line_and_leaves_nothing_behind(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    if arguments and "--model" not in arguments:
        arguments = [*arguments, "--model", "made.onnx"]
    Path("empty").mkdir()
    assert commands.main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == "" and sentence in err and err.count("\n") == 1
    assert made() == set() and not Path("out").exists()


def test_a_mistake_in_another_process_has_no_traceback() -> None:
    done = subprocess.run([sys.executable, "-m", "a2f_addon", "bake", "gone.wav", "-o", "face.csv", "--model", "made.onnx"], **in_the_repository())
    assert done.returncode == 2 and done.stdout == "" and done.stderr.startswith("There is no file") and done.stderr.count("\n") == 1


def in_the_repository() -> dict[str, Any]:
    """How to run this package from a folder elsewhere."""
    import os

    return {"env": {**os.environ, "PYTHONPATH": str(ROOT)}, "capture_output": True, "text": True}


def test_what_was_there_stays_when_a_bake_fails_or_is_stopped(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    Path("face.csv").write_text("precious", "utf-8")

    def stopped(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(job, "listen", stopped)
    assert bake("line_07.wav", "-o", "face.csv") == 130
    assert capsys.readouterr().err.count("\n") == 1
    assert Path("face.csv").read_text("utf-8") == "precious"
    assert made() == {"face.csv"}


def test_progress_is_shown_on_a_terminal_and_nowhere_else(monkeypatch: pytest.MonkeyPatch) -> None:
    class Terminal(io.StringIO):
        def isatty(self) -> bool:
            return True

    for stream, shown in ((Terminal(), True), (io.StringIO(), False)):
        monkeypatch.setattr(sys, "stderr", stream)
        assert bake("line_07.wav", "-o", "face.csv") == 0
        assert ("100%" in stream.getvalue()) is shown
        # The line is wiped in the end.
        assert stream.getvalue().endswith("\x1b[K") is shown


WORDS = {"emotion_mix": "joy:0.5", "rescale_gains": "jawOpen:0.5", "style_name": "stoic"}
"""A text that each setting understands, where any text will not do."""


def test_every_setting_is_an_option(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[job.Motion] = []

    def refuse(wanted: job.Job, *_: object, **__: object) -> None:
        asked.append(wanted.motion)
        raise A2FError("Enough.")

    monkeypatch.setattr(job, "listen", refuse)
    for item in settings.options(job.Motion):
        if item.type is bool:
            value, given = not item.default, [f"--no-{item.flag}" if item.default else f"--{item.flag}"]
        else:
            value = item.minimum if item.type in (int, float) else item.choices[-1] if item.choices else WORDS.get(item.name, "x")
            given = [f"--{item.flag}", str(value)]
        assert bake("line_07.wav", "-o", "face.csv", *given) == 2
        assert settings.flat(asked[-1]) == {**settings.flat(job.Motion()), item.name: value}


def test_help_says_what_each_option_does(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main(["bake", "--help"]) == 0
    shown = " ".join(capsys.readouterr().out.split())
    for item in settings.options(job.Motion):
        assert f"--no-{item.flag}" in shown if item.type is bool and item.default else f"--{item.flag}" in shown
        assert item.description[1:] in shown


def test_the_version_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main(["--version"]) == 0
    assert capsys.readouterr().out == f"A2F {about.version()}\n"
