"""A batch from the command line to its files."""

from __future__ import annotations

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from a2f_addon import commands, job, telling
from a2f_addon.batch import plan, pool, resume, run
from a2f_addon.batch.task import Result
from a2f_addon.errors import OutputError
from a2f_addon.files import blendshapes, livelink, npz
from tests import made

ROOT = Path(__file__).parents[2]
pytestmark = pytest.mark.usefixtures("studio")


def bake(*words: str) -> int:
    return commands.main(["bake", "--model", "made.onnx", *words])


def lines(capsys: pytest.CaptureFixture[str]) -> list[dict[str, Any]]:
    return [json.loads(line) for line in capsys.readouterr().out.splitlines()]


def files(folder: str) -> dict[str, bytes]:
    """Everything in a folder, byte for byte."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in Path(folder).rglob("*") if path.is_file()}


def write_manifest(*rows: str, header: str = "speech,output,start,end,preset,seed") -> None:
    Path("lines.csv").write_text("\n".join([header, *rows]), "utf-8")


def test_each_line_of_a_manifest_is_told_of_and_a_bad_one_costs_only_itself(capsys: pytest.CaptureFixture[str]) -> None:
    Path("takes/text.wav").write_text("no sound", "utf-8")
    bad = {
        2: ("takes/gone.wav,,,,,", "There is no file"),
        3: ("takes/text.wav,,,,,", "no sound that can be read"),
        4: ("takes/a.wav,x,soon,,,", "'start' must be a number of seconds, not 'soon'"),
        5: ("takes/a.wav,y,3,1,,", "end after it begins"),
        6: ("takes/a.wav,z,,,grumpy,", "There is no preset 'grumpy'"),
        7: ("takes/a.wav,w,,,,1.5", "'seed' must be a whole number"),
        8: (",v,,,,", "It has no 'speech'"),
        9: ("takes/b.wav,u,9,,,", "begins at 9 s"),
    }
    write_manifest("takes/a.wav,,,,,", *(row for row, _ in bad.values()), "takes/b.wav,scene/second.csv,1,2,,3")
    assert bake("--manifest", "lines.csv", "-o", "out", "--jobs", "2", "--json") == 1
    told = lines(capsys)
    assert [each["line"] for each in told] == list(range(1, 11))
    assert {each["line"]: each["status"] for each in told} == {1: "done", 10: "done", **dict.fromkeys(bad, "failed")}
    for number, (_, sentence) in bad.items():
        assert sentence in told[number - 1]["message"]
    assert told[0]["speech"] == "takes/a.wav" and told[0]["output"] == "out/a.csv" and told[0]["seconds"] > 0
    assert set(files("out")) == {"a.csv", "scene/second.csv", "report.html", resume.JOURNAL}
    assert livelink.read(Path("out/scene/second.csv")).start == 1.0


BROKEN = {
    "no speech": ("file\ntakes/a.wav\n", "no column 'speech'"),
    "one output for two": ("speech,output\ntakes/a.wav,x.csv\ntakes/b.wav,X.csv\n", "Lines 1 and 2 would both become"),
    "the manifest itself": ("speech,output\ntakes/a.wav,../lines.csv\n", "would be written over the manifest"),
    "one name for two": ("speech\ntakes/a.wav\n./takes/a.wav\n", "Lines 1 and 2 would both become"),
}


@pytest.mark.parametrize(("text", "sentence"), BROKEN.values(), ids=BROKEN)
def test_a_broken_manifest_starts_nothing(text: str, sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("lines.csv").write_text(text, "utf-8")
    assert bake("--manifest", "lines.csv", "-o", "out") == 2
    out, err = capsys.readouterr()
    assert out == "" and sentence in err and err.count("\n") == 1 and not Path("out").exists()


def test_what_each_line_asks_for_goes_before_what_was_asked_for_all(capsys: pytest.CaptureFixture[str]) -> None:
    write_manifest("takes/a.wav,,", "takes/b.wav,11,0.0", header="speech,seed,closure_strength")
    chosen = plan.of_manifest(Path("lines.csv"), plan.Wishes(Path("out"), seed=5, values={"closure_strength": 0.5})).tasks
    assert [task.motion["eyes_seed"] for task in chosen] == [5, 11]
    assert [task.motion["closure_strength"] for task in chosen] == [0.5, 0.0]


@pytest.mark.parametrize("form", ["", "actions"])
def test_the_character_is_not_written_over(form: str) -> None:
    Path("hero.blend").write_bytes(b"a character")
    with pytest.raises(OutputError, match=r"'hero.blend' is the character itself"):
        plan.of_recordings([Path("takes/a.wav")], plan.Wishes(Path("hero.blend"), format=form, blend="hero.blend"))


def test_columns_that_nobody_reads_are_told_of(capsys: pytest.CaptureFixture[str]) -> None:
    write_manifest("takes/a.wav,joy", header="speech,emotoin")
    assert bake("--manifest", "lines.csv", "-o", "out") == 0
    assert "'emotoin' is not used; 'emotoin' may be meant to be 'emotion'" in capsys.readouterr().err


def test_the_number_of_processes_and_the_order_change_nothing() -> None:
    assert bake("takes", "-o", "one", "--jobs", "1") == 0
    assert bake("takes", "-o", "three", "--jobs", "3") == 0
    write_manifest("takes/c.wav,,,,,", "takes/a.wav,,,,,", "takes/b.wav,,,,,")
    assert bake("--manifest", "lines.csv", "-o", "turned", "--jobs", "2") == 0
    here = job.run(job.Job(Path("takes/a.wav"), model=Path("made.onnx"), threads=1))
    livelink.write(Path("a.csv"), here)
    faces = ("a.csv", "b.csv", "c.csv")
    assert [files("one")[name] for name in faces] == [files("three")[name] for name in faces] == [files("turned")[name] for name in faces]
    assert files("one") == files("three")
    assert files("one")["a.csv"] == Path("a.csv").read_bytes()


def test_every_format_holds_the_same_curves() -> None:
    for name in ("csv", "npz", "bs"):
        assert bake("takes/a.wav", "-o", name, "--format", name) == 0
    exact = npz.read(Path("npz/a.npz"))
    pair, table = blendshapes.read(Path("bs/a")), livelink.read(Path("csv/a.csv"))
    np.testing.assert_array_equal(pair.values, exact.values[:, exact.columns(pair.names)])
    np.testing.assert_allclose(table.values[:, table.columns(pair.names)], pair.values, atol=6e-7)


def test_what_is_up_to_date_is_skipped_and_what_changed_is_not(capsys: pytest.CaptureFixture[str]) -> None:
    def again(*words: str) -> str:
        assert bake("takes", "-o", "out", "--json", *words) == 0
        return " ".join(each["status"] for each in lines(capsys))

    assert again() == "done done done"
    first = files("out")
    assert again() == "skipped skipped skipped"
    assert files("out") == first
    os.utime("takes/a.wav")
    assert again() == "skipped skipped skipped"
    with Path("takes/a.wav").open("r+b") as file:
        file.seek(30_000)
        file.write(b"\x10" * 400)
    assert again() == "done skipped skipped"
    Path("out/b.csv").write_text("edited", "utf-8")
    Path("out/c.csv").unlink()
    assert again() == "skipped done done"
    assert again("--closure-strength", "0.5") == "done done done"
    assert again("--closure-strength", "0.5", "--force") == "done done done"
    assert again("--fps", "24") == "done done done"


STYLE = "[channels]\njawOpen = {{ rest = 0.0, spread = {spread}, speed = 1.0 }}\n"


def test_a_style_that_changed_is_no_longer_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    """It lies beside the manifest that names it, and what it holds counts."""
    Path("lists").mkdir()
    Path("lists/lines.csv").write_text("speech,style\n../takes/a.wav,anna.toml:0.5\n../takes/b.wav,drawl\n", "utf-8")
    for spread, wanted in ((0.1, ["done", "done"]), (0.1, ["skipped", "skipped"]), (0.2, ["done", "skipped"])):
        Path("lists/anna.toml").write_text(STYLE.format(spread=spread), "utf-8")
        assert bake("--manifest", "lists/lines.csv", "-o", "out", "--json") == 0
        assert [each["status"] for each in lines(capsys)] == wanted


def test_naming_one_recording_leaves_the_folders_journal(capsys: pytest.CaptureFixture[str]) -> None:
    assert bake("takes", "-o", "out") == 0
    assert bake("takes/a.wav", "-o", "out", "--closure-strength", "0.5") == 0
    capsys.readouterr()
    assert bake("takes", "-o", "out", "--json") == 0
    assert [each["status"] for each in lines(capsys)] == ["done", "skipped", "skipped"]


def test_files_that_are_named_one_by_one_are_always_baked_and_leave_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    for _ in range(2):
        assert bake("takes/a.wav", "takes/b.wav", "-o", "out", "--json") == 0
        assert [each["status"] for each in lines(capsys)] == ["done", "done"]
        assert set(files("out")) == {"a.csv", "b.csv"}


def test_a_journal_that_was_cut_off_or_written_over_costs_work_and_nothing_else(capsys: pytest.CaptureFixture[str]) -> None:
    assert bake("takes", "-o", "out") == 0
    first, path = files("out"), Path("out") / resume.JOURNAL
    a, b, _ = path.read_bytes().splitlines(keepends=True)
    capsys.readouterr()
    path.write_bytes(a + b"\xff[not json\n" + b[:100])
    assert bake("takes", "-o", "out", "--json") == 0
    assert [each["status"] for each in lines(capsys)] == ["skipped", "done", "done"]
    assert files("out") == first


def started(*words: str) -> subprocess.Popen[str]:
    everything = [sys.executable, "-m", "a2f_addon", "bake", "--model", "made.onnx", *words]
    return subprocess.Popen(everything, env={**os.environ, "PYTHONPATH": str(ROOT)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.skipif(sys.platform == "win32", reason="kills as Unix does")
def test_a_run_that_is_killed_goes_on_where_it_stopped(recording: Path) -> None:
    for number in range(8):
        shutil.copy(recording, f"takes/more_{number}.wav")
    assert bake("takes", "-o", "whole", "--jobs", "2") == 0
    for after in (1, 2):
        killed = started("takes", "-o", "out", "--jobs", "2", "--json")
        assert killed.stdout and killed.stderr
        for _ in range(after):
            killed.stdout.readline()
        killed.kill()
        killed.communicate()
        here = files("out")
        assert all(here[name] == files("whole")[name] for name in here if name.endswith(".csv"))
    # Half a file, as a worker leaves it that is killed while it writes.
    Path("out/.a2f-0123.part").write_text("half", "utf-8")
    ended = started("takes", "-o", "out", "--jobs", "2", "--json")
    out, err = ended.communicate()
    assert ended.returncode == 0, err
    assert [json.loads(line)["status"] for line in out.splitlines()].count("skipped") >= 2
    assert files("out") == files("whole")


@pytest.mark.skipif(sys.platform == "win32", reason="signals as on Unix")
def test_ctrl_c_ends_the_run_and_its_processes() -> None:
    long = started("takes", "-o", "out", "--jobs", "2", "--json")
    assert long.stdout
    long.stdout.readline()
    long.send_signal(signal.SIGINT)
    _, err = long.communicate(timeout=60)
    assert long.returncode in (0, 130) and "Traceback" not in err
    assert not list(Path("out").glob("*.part"))


def test_a_process_that_dies_costs_the_line_that_it_was_at(monkeypatch: pytest.MonkeyPatch) -> None:
    killing = "import a2f_addon.batch.work as w, a2f_addon.batch.worker as m, os\n"
    killing += "real = w.bake\nw.bake = lambda task: os._exit(3) if task.speech.endswith('b.wav') else real(task)\nm.main()"
    Path("deadly.py").write_text(killing, "utf-8")
    monkeypatch.setattr(pool, "WORKER", "deadly")
    monkeypatch.syspath_prepend(str(Path.cwd()))
    results = {Path(each.speech).stem: each for each in pool.run(planned().tasks, jobs=1)}
    assert [results[name].status for name in "abc"] == ["done", "failed", "done"]
    assert "ended with 3" in results["b"].message


class Disk:
    """A disk that has room for so many bytes more, as everything that opens a file to write it finds out."""

    def __init__(self, room: int, monkeypatch: pytest.MonkeyPatch) -> None:
        self._room = room
        opened = Path.open

        def tell(path: Path, mode: str = "r", *rest: Any, **named: Any) -> Any:
            file: Any = opened(path, mode, *rest, **named)
            if mode[0] in "xaw":
                file.write = self._taken(file.write)
            return file

        monkeypatch.setattr(Path, "open", tell)

    def _taken(self, write: Any) -> Any:
        def writes(content: Any) -> Any:
            self._room -= len(content)
            if self._room < 0:
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            return write(content)

        return writes


@pytest.mark.parametrize("form", ["csv", "npz", "bs"])
def test_a_full_disk_loses_no_line_that_was_done_and_the_next_run_does_the_rest(
    form: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(pool, "can_start", lambda: False)  # where the disk of this process can be made full
    words = ("takes", "--format", form, "--json")
    assert bake(*words, "-o", "whole") == 0
    capsys.readouterr()
    first = {name: content for name, content in files("whole").items() if name.startswith("a")}
    with monkeypatch.context() as small:
        Disk(sum(map(len, first.values())) + 4_000, small)
        assert bake(*words, "-o", "out") == 1
    out, err = capsys.readouterr()
    told = [json.loads(line) for line in out.splitlines()]
    assert [each["status"] for each in told] == ["done", "failed", "failed"]
    for each in told[1:]:
        assert "No space left on device" in each["message"] and "make room there" in each["message"]
    assert "report.html' cannot be written" in err and "Traceback" not in err
    assert {name: content for name, content in files("out").items() if name != resume.JOURNAL} == first
    assert bake(*words, "-o", "out") == 0
    assert [each["status"] for each in lines(capsys)] == ["skipped", "done", "done"]
    assert files("out") == files("whole")


def test_where_a_full_disk_takes_no_note_of_what_is_done_the_faces_are_there(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as small, resume.journal(Path("out"), keep=True) as book:
        book.keep("out/a.csv", {"key": "1", "files": {}})
        Disk(10, small)
        full = resume.Journal(Path("other") / resume.JOURNAL)
        full.keep("other/a.csv", {"key": "1", "files": {}})
        assert "No space left on device" in full.note and "the next run does it again" in full.note
        full.settle()
        full.close()


def test_what_several_models_hear_is_averaged_and_each_counts_for_what_is_up_to_date(capsys: pytest.CaptureFixture[str]) -> None:
    made.graph(Path("second.onnx"), version="1")
    told = []
    for words in ((), (), ("--model", "second.onnx"), ("--model", "second.onnx", "--weights", "3,1")):
        assert bake("takes", "-o", "out", "--json", *words) == 0
        told.append({each["status"] for each in lines(capsys)})
    assert told == [{"done"}, {"skipped"}, {"done"}, {"done"}]
    wanted = job.Job(Path("takes/a.wav"), model=Path("made.onnx"), also=(Path("second.onnx"),), weights=(3, 1), threads=1)
    livelink.write(Path("a.csv"), job.run(wanted))
    assert Path("out/a.csv").read_bytes() == Path("a.csv").read_bytes()
    assert bake("takes", "-o", "out", "--weights", "3,1") == 2
    assert "as many weights as models or takes, 1, not 2" in capsys.readouterr().err
    assert bake("takes", "-o", "out", "--weights", "much") == 2
    assert bake("takes", "-o", "out", "--model", "gone.onnx") == 2
    assert "There is no model file 'gone.onnx'" in capsys.readouterr().err


def test_a_line_may_have_models_of_its_own(capsys: pytest.CaptureFixture[str]) -> None:
    rows = ["takes/a.wav,,", "takes/b.wav,made.onnx | second.onnx,2|1", "takes/c.wav,made.onnx,1|2|3", "takes/c.wav,gone.onnx,"]
    write_manifest(*rows, header="speech,model,weights")
    made.graph(Path("second.onnx"), version="1")
    found = plan.of_manifest(Path("lines.csv"), plan.Wishes(Path("out"), model="made.onnx"))
    first, second = found.tasks[:2]
    assert (first.model, first.also, first.weights) == ("made.onnx", (), ())
    assert (second.model, second.also, second.weights) == ("made.onnx", ("second.onnx",), (2.0, 1.0))
    assert [(each.number, each.message) for each in found.problems] == [
        (3, "There must be as many weights as models or takes, 1, not 3."),
        (4, "There is no model file 'gone.onnx'; check its name and folder."),
    ]
    Path("lines.toml").write_text('[[line]]\nspeech = "takes/a.wav"\nmodel = ["made.onnx", "second.onnx"]\nweights = [2, 1]', "utf-8")
    (told,) = plan.of_manifest(Path("lines.toml"), plan.Wishes(Path("out"))).tasks
    assert (told.model, told.also, told.weights) == (second.model, second.also, second.weights)


def planned() -> plan.Plan:
    return plan.of_recordings([Path("takes")], plan.Wishes(Path("out"), model="made.onnx"))


def test_a_second_run_in_the_same_folder_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert bake("takes", "-o", "out") == 0
    with resume.journal(Path("out"), keep=True):
        assert bake("takes", "-o", "out") == 2
    assert "Another run is at work in 'out'" in capsys.readouterr().err


def test_a_mistake_of_the_program_in_one_line_does_not_end_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    real = job.listen

    def sometimes(wanted: job.Job, *rest: Any, **named: Any) -> job.Heard:
        if wanted.speech.stem == "b":
            raise KeyError("never thought of")
        return real(wanted, *rest, **named)

    monkeypatch.setattr(job, "listen", sometimes)
    told: list[Result] = []
    run.run(planned(), run.here(lambda done, text: None), keep_journal=False, told=told.append, in_order=lambda result: None)
    assert [each.status for each in told] == ["done", "failed", "done"]
    assert "KeyError" in told[1].message


def test_folders_keep_their_order_and_hide_what_is_hidden() -> None:
    Path("takes/day2/.trash").mkdir(parents=True)
    for name in ("day2/a.flac", "day2/.trash/old.wav", "notes.txt", ".b.wav"):
        shutil.copy("takes/a.wav", f"takes/{name}")
    found = planned().tasks
    assert [task.output for task in found] == ["out/a.csv", "out/b.csv", "out/c.csv", "out/day2/a.csv"]


def test_a_log_gets_plain_lines(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(telling, "LOG_S", 0.0)
    assert bake("takes", "-o", "out") == 0
    err = capsys.readouterr().err.splitlines()
    assert err[0].startswith("1 of 3 lines") and err[-1].startswith("3 of 3 lines are done, 0 failed, in ")
    assert not any("\x1b" in line for line in err)
