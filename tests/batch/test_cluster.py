"""A batch on a real Dask scheduler with worker processes of its own. Runs where the package distributed is installed: ``make test-dask``."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from a2f_addon import commands
from a2f_addon.batch import cluster, plan, run
from a2f_addon.batch.task import Result
from a2f_addon.errors import BatchError

ROOT = Path(__file__).parents[2]
START_S = 120
MORE = 12


def files(folder: str) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in Path(folder).glob("*.csv")}


@pytest.fixture
def processes(studio: Path) -> Iterator[list[subprocess.Popen[bytes]]]:
    """A scheduler and two workers."""
    pytest.importorskip("distributed", reason="Dask (distributed) is not installed; make test-dask runs this")
    surroundings = {**os.environ, "PYTHONPATH": str(ROOT), "DASK_DISTRIBUTED__WORKER__DAEMON": "False"}
    running: list[subprocess.Popen[bytes]] = []

    def start(*words: str) -> None:
        command = [sys.executable, "-m", f"distributed.cli.{words[0]}", *words[1:], "--no-dashboard", "--scheduler-file", "cluster.json"]
        running.append(subprocess.Popen(command, env=surroundings, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))

    start("dask_scheduler", "--host", "127.0.0.1", "--port", "0")
    try:
        wait = time.monotonic() + START_S
        while not Path("cluster.json").exists() and time.monotonic() < wait:
            time.sleep(0.1)
        for number in range(2):
            start("dask_worker", "--no-nanny", "--nthreads", "1", "--name", f"worker-{number}", "--local-directory", f"scratch-{number}")
        yield running
    finally:
        for process in running:
            process.kill()
            process.wait()


def address() -> str:
    return json.loads(Path("cluster.json").read_text("utf-8"))["address"]


def test_a_cluster_that_loses_a_worker_gives_what_this_machine_gives(processes: list[subprocess.Popen[bytes]], recording: Path) -> None:
    for number in range(MORE):
        shutil.copy(recording, f"takes/more_{number}.wav")
    Path("takes/broken.wav").write_text("no sound", "utf-8")
    told: list[Result] = []

    def tell(result: Result) -> None:
        told.append(result)
        if len(told) == 3:
            processes[1].kill()

    chosen = plan.of_recordings([Path("takes")], plan.Wishes(Path("far"), model="made.onnx"))
    outcome = run.run(chosen, lambda tasks: cluster.run(tasks, scheduler=address()), keep_journal=True, told=tell, in_order=lambda result: None)
    assert processes[1].poll() is not None
    assert outcome.count("done") == 3 + MORE and outcome.count("failed") == 1
    assert "no sound that can be read" in next(result.message for result in outcome.results if result.status == "failed")
    assert commands.main(["bake", "takes", "-o", "near", "--model", "made.onnx", "--jobs", "2"]) == 1
    assert files("far") == files("near")
    # And what one of them made is up to date for the other.
    assert (Path("far") / ".a2f-batch.jsonl").read_bytes() == (Path("near") / ".a2f-batch.jsonl").read_bytes()


def test_a_worker_with_another_program_is_refused(processes: list[subprocess.Popen[bytes]], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(cluster.resume, "program", lambda: "9.9.9 new")
    chosen = plan.of_recordings([Path("takes/a.wav")], plan.Wishes(Path("far"), model="made.onnx"))
    (result,) = cluster.run(list(chosen.tasks), scheduler=address())
    assert result.status == "failed" and "the batch was planned with 9.9.9 new" in result.message


def test_where_there_is_no_cluster_there_is_a_sentence(studio: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("distributed", reason="Dask (distributed) is not installed; make test-dask runs this")
    monkeypatch.setattr(cluster, "ANSWER_S", 1)
    with pytest.raises(BatchError, match="No Dask scheduler answers"):
        list(cluster.run([], scheduler="tcp://127.0.0.1:9"))


def test_without_dask_there_is_a_sentence(studio: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    assert commands.main(["bake", "takes", "-o", "out", "--model", "made.onnx", "--scheduler", "tcp://127.0.0.1:9"]) == 2
    out, err = capsys.readouterr()
    assert "install the Python package 'distributed'" in err and err.count("\n") == 1 and out == "" and not Path("out").exists()
