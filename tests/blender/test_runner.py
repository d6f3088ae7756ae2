"""A bake in the background: it tells how far it is, can be stopped at any time, and leaves nothing when it is."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest
from inside import evaluated, everything, made_curves, made_heard, make_action, make_head, play, shapes_of

import a2f_addon
from a2f_addon import job as jobs
from a2f_addon.blender import compat, parts, runner, source
from a2f_addon.blender.operators import A2F_OT_bake, Background
from a2f_addon.errors import Cancelled, SoundError
from a2f_addon.face.arkit import NAMES

ROOT = Path(__file__).parents[2]
PATIENCE_S = 20.0
SAID = ("jawOpen", "mouthClose")


class Model:
    """Stands in for the model: listens until it is let go, stopped, or told to fail."""

    def __init__(self) -> None:
        self.listening, self.go = threading.Event(), threading.Event()
        self.error: Exception | None = None
        self.is_deaf = False
        self.thread: threading.Thread | None = None

    def listen(self, job: jobs.Job, progress: jobs.Progress, cancelled: jobs.IsCancelled) -> jobs.Heard:
        self.thread = threading.current_thread()
        progress(0.25, "Listening")
        self.listening.set()
        while not self.go.wait(0.01):
            if cancelled() and not self.is_deaf:
                raise Cancelled
        if self.error is not None:
            raise self.error
        return made_heard()


@pytest.fixture
def model(monkeypatch: pytest.MonkeyPatch) -> Iterator[Model]:
    stand_in = Model()
    monkeypatch.setattr(jobs, "listen", stand_in.listen)
    yield stand_in
    runner.stop()


@pytest.fixture
def run(model: Model, speech: str) -> runner.Run:
    make_head()
    started = runner.Run(runner.prepare(bpy.context, source.from_file(speech, bpy.context.scene, frame_start=1), jobs.Motion(), None))
    started.start()
    assert model.listening.wait(PATIENCE_S)
    return started


def waited_for(run: runner.Run) -> runner.Ready:
    """The curves; whatever the thread raised is raised here."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        curves = run.poll()
        if curves is not None:
            return curves
        time.sleep(0.01)
    raise TimeoutError


def test_it_works_beside_the_main_thread_and_tells_how_far_it_is(model: Model, run: runner.Run) -> None:
    assert run.poll() is None
    assert (run.done, run.text) == (0.25, "Listening")
    assert model.thread is not threading.main_thread()
    model.go.set()
    outcome = runner.finish(run.request, waited_for(run))
    assert outcome.actions == ("A2F line_07",)
    key = bpy.data.objects["Head"].data.shape_keys
    frames = range(int(outcome.first_frame), int(outcome.last_frame) + 1)
    np.testing.assert_allclose(evaluated(key, NAMES, frames), shapes_of(jobs.animate(made_heard(), jobs.Motion(), fps=24)), atol=1e-6)


def test_the_thread_and_the_blocking_way_give_the_same(model: Model, run: runner.Run) -> None:
    model.go.set()
    beside = waited_for(run)
    run.close()
    here = runner.listen(run.request, lambda done, text: None, lambda: False)
    np.testing.assert_array_equal(beside.curves.values, here.curves.values)
    assert beside.keys.keys() == here.keys.keys()


def test_cancelling_ends_the_thread_and_changes_nothing(model: Model, run: runner.Run) -> None:
    before = everything()
    run.cancel()
    with pytest.raises(Cancelled):
        waited_for(run)
    run.close()
    assert not model.thread.is_alive()
    assert runner.current() is None
    assert everything() == before


def test_cancelling_at_the_very_end_changes_nothing_either(model: Model, run: runner.Run) -> None:
    model.is_deaf = True
    run.cancel()
    model.go.set()
    with pytest.raises(Cancelled):
        waited_for(run)


@pytest.mark.parametrize("error", [SoundError("It is empty."), ZeroDivisionError("a mistake")])
def test_what_the_thread_raises_is_raised_on_the_main_thread(model: Model, run: runner.Run, error: Exception) -> None:
    model.error = error
    model.go.set()
    with pytest.raises(type(error), match=str(error)):
        waited_for(run)


def test_bakes_wait_for_each_other_and_go_on_when_one_is_cancelled(model: Model, run: runner.Run) -> None:
    waiting = [runner.Run(replace(run.request, model=Path(name))) for name in ("other.onnx", "third.onnx")]
    for each in waiting:
        each.start()
    model.listening.clear()
    assert [each.poll() for each in waiting] == [None, None]
    assert [str(each) for each in waiting] == ["Waiting", "Waiting"]
    waiting[0].cancel()
    with pytest.raises(Cancelled):
        waited_for(waiting[0])
    waiting[0].close()
    assert runner.current() is run
    run.cancel()
    run.close()
    assert model.listening.wait(PATIENCE_S)
    model.go.set()
    assert len(waited_for(waiting[1]).curves)
    waiting[1].close()
    assert runner.current() is None


def test_an_undo_while_keys_are_written_leaves_nothing_and_they_are_written_anew(model: Model, run: runner.Run) -> None:
    bpy.ops.ed.undo_push(message="before")
    bpy.context.scene.frame_set(5)
    bpy.ops.ed.undo_push(message="a step of the artist's")
    model.go.set()
    made = waited_for(run)
    steps = runner.finishing(run.request, made)
    for _ in range(10):
        next(steps)
    assert len(bpy.data.actions) == 1
    bpy.ops.ed.undo()
    with pytest.raises(parts.Interrupted):
        runner.advance(steps, for_s=60)
    assert not bpy.data.actions
    window = Window()
    again = operator(run, window)
    again._made, again._steps = [made], again._writing([run.request], [made])
    next(again._steps)
    next(again._steps)
    bpy.ops.ed.undo_push(message="another")
    bpy.ops.ed.undo()
    assert until_it_ends(again, window) == {"FINISHED"}
    assert [action.name for action in bpy.data.actions] == ["A2F line_07"]


def test_what_changes_between_the_first_key_and_the_last_is_planned_for_anew(model: Model, run: runner.Run) -> None:
    key = bpy.data.objects["Head"].data.shape_keys
    model.go.set()
    made = waited_for(run)
    steps = runner.finishing(run.request, made)
    next(steps)
    next(steps)
    play(key, make_action(key, {"mouthLeft": [(1, 0), (9, 1)]}))
    before = everything()["keys"]
    with pytest.raises(parts.Interrupted):
        runner.advance(steps, for_s=60)
    assert everything()["keys"] == before
    assert [action.name for action in bpy.data.actions] == ["Old"]


def test_leaving_the_writing_half_way_leaves_nothing(model: Model, run: runner.Run) -> None:
    before = everything()
    model.go.set()
    steps = runner.finishing(run.request, waited_for(run))
    next(steps)
    next(steps)
    assert everything() != before
    steps.close()
    assert everything() == before


def three_lines(speech: str, place: str) -> tuple[list[runner.Request], list[runner.Ready]]:
    """Recordings one after the other on the active face, and what was heard in each."""
    requests, made = [], []
    for number in range(3):
        path = Path(speech).with_name(f"line_{number}.wav")
        path.write_bytes(b"")
        line = source.from_file(str(path), bpy.context.scene, frame_start=10 + 20 * number)
        requests.append(runner.prepare(bpy.context, line, jobs.Motion(), None, place=place))
        made.append(runner.Ready(made_curves(seconds=10 / 24, names=SAID, seed=number), {}, np.zeros(11, bool)))
    return requests, made


@pytest.mark.parametrize("place", ["NEW", "STRIP", "INTO"])
@pytest.mark.parametrize("left", [False, True])
def test_several_lines_are_written_in_steps_and_all_of_them_play_with_the_last(speech: str, place: str, left: bool) -> None:
    key = make_head([*SAID, "smile"]).data.shape_keys
    play(key, make_action(key, {"smile": [(1, 0), (9, 1)], "jawOpen": [(5, 0.6), (64, 0.9), (100, 0.2)]}))
    before, requests, made = everything(), *three_lines(speech, place)
    steps, count = runner.finishing_all(requests, made), 0
    for done in steps:
        count += 1
        there = everything()
        assert 0 <= done <= 1
        assert (there["keys"], there["actions"]["Old"]) == (before["keys"], before["actions"]["Old"])
        if left and count == 3 * len(SAID):
            break
    steps.close()
    if left:
        assert everything() == before
        return
    assert count >= 3 * (1 + len(SAID))
    for number, each in enumerate(made):
        frames = range(10 + 20 * number, 21 + 20 * number)
        np.testing.assert_allclose(evaluated(key, SAID, frames), each.curves.values, atol=1e-5)
    assert not [action.name for action in bpy.data.actions if not action.users]


def test_a_key_that_the_artist_sets_while_others_are_written_beside_it_is_kept(speech: str) -> None:
    key = make_head([*SAID, "smile"]).data.shape_keys
    action = make_action(key, {"jawOpen": [(5, 0.6), (64, 0.9), (100, 0.2)]})
    play(key, action)
    steps = runner.finishing_all(*three_lines(speech, "INTO"))
    for _ in range(9):
        next(steps)
    compat.every_fcurve(action)[0].keyframe_points[1].co.y = 0.123
    before = everything()["actions"]["Old"]
    with pytest.raises(parts.Interrupted):
        runner.advance(steps, for_s=60)
    assert [each.name for each in bpy.data.actions] == ["Old"]
    assert everything()["actions"]["Old"] == before


def test_one_undo_takes_a_bake_back(speech: str, says: Any) -> None:
    key = make_head().data.shape_keys
    play(key, make_action(key, {"jawOpen": [(1, 0), (9, 1)]}))
    bpy.ops.ed.undo_push(message="before")
    before = everything()
    says(made_heard())
    bpy.ops.a2f.bake("EXEC_DEFAULT", True, filepath=speech)
    if everything() == before:
        raise AssertionError("nothing was baked")
    bpy.ops.ed.undo()
    assert everything() == before


def test_what_was_heard_is_not_heard_again(model: Model, run: runner.Run) -> None:
    model.go.set()
    waited_for(run)
    run.close()
    model.error = AssertionError("it was heard again")
    assert runner.listen(run.request, lambda done, text: None, lambda: False)


def test_loading_a_file_ends_the_bake_before_its_targets_go(model: Model, run: runner.Run) -> None:
    bpy.ops.wm.read_homefile(use_empty=True)
    assert not model.thread.is_alive()
    assert runner.current() is None


def test_switching_the_addon_off_ends_the_bake(model: Model, run: runner.Run) -> None:
    a2f_addon.unregister()
    try:
        assert not model.thread.is_alive()
    finally:
        a2f_addon.register()


class Window:
    """As much of a window as a modal operator needs, and what it did with it."""

    def __init__(self) -> None:
        self.timers: list[object] = []
        self.status: list[str | None] = []
        self.windows: list[object] = []
        self.window_manager = self.workspace = self
        self.a2f = SimpleNamespace()
        self.status_text_set = self.status.append
        self.event_timer_remove = self.timers.remove


def operator(run: runner.Run, window: Window) -> Any:
    timer = object()
    window.timers.append(timer)
    made: Any = type("Bake", (Background,), {"_writing": A2F_OT_bake._writing, "_tell": A2F_OT_bake._tell})()
    made._runs, made._timer, made.reports = [run], timer, []
    made.report = lambda kinds, text: made.reports.append((*kinds, text))
    return made


def event(kind: str, value: str = "NOTHING") -> Any:
    return SimpleNamespace(type=kind, value=value)


def until_it_ends(bake: Any, window: Window) -> set[str]:
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        result = A2F_OT_bake.modal(bake, window, event("TIMER"))
        if result != {"PASS_THROUGH"}:
            return result
        time.sleep(0.01)
    raise TimeoutError


def test_the_operator_lets_everything_else_through_and_finishes(model: Model, run: runner.Run) -> None:
    window = Window()
    bake = operator(run, window)
    for kind in ("MOUSEMOVE", "LEFTMOUSE", "A", "TIMER"):
        assert A2F_OT_bake.modal(bake, window, event(kind, "PRESS")) == {"PASS_THROUGH"}
    assert window.status == ["A2F: Listening 25% (Esc cancels)"]
    model.go.set()
    assert until_it_ends(bake, window) == {"FINISHED"}
    assert (window.timers, window.status[-1], runner.current()) == ([], None, None)
    assert bake.reports[-1] == ("INFO", "Baked 'A2F line_07' onto 1 mesh, frames 1 to 49.")


def test_two_lines_are_heard_one_after_the_other_and_both_written(model: Model, run: runner.Run, speech: str) -> None:
    other = Path(speech).with_name("line_08.wav")
    other.write_bytes(b"")
    line = source.from_file(str(other), bpy.context.scene, frame_start=100)
    second = runner.Run(runner.prepare(bpy.context, line, jobs.Motion(), None))
    second.start()
    window = Window()
    bake = operator(run, window)
    bake._runs = [run, second]
    model.go.set()
    assert until_it_ends(bake, window) == {"FINISHED"}
    assert {action.name for action in bpy.data.actions} >= {"A2F line_07", "A2F line_08"}
    assert (window.timers, runner.current()) == ([], None)


def test_escape_leaves_nothing(model: Model, run: runner.Run) -> None:
    window, before = Window(), everything()
    bake = operator(run, window)
    assert A2F_OT_bake.modal(bake, window, event("ESC", "PRESS")) == {"RUNNING_MODAL"}
    assert until_it_ends(bake, window) == {"CANCELLED"}
    assert (window.timers, window.status[-1], runner.current()) == ([], None, None)
    assert bake.reports == [("INFO", "Cancelled; nothing was changed.")]
    assert everything() == before


def test_escape_while_keys_are_written_leaves_nothing(model: Model, run: runner.Run, monkeypatch: pytest.MonkeyPatch) -> None:
    window, before = Window(), everything()
    bake = operator(run, window)
    monkeypatch.setattr(runner, "advance", lambda steps: (next(steps), None))
    model.go.set()
    end = time.monotonic() + PATIENCE_S
    while everything() == before and time.monotonic() < end:
        assert A2F_OT_bake.modal(bake, window, event("TIMER")) == {"PASS_THROUGH"}
        time.sleep(0.01)
    assert everything() != before
    A2F_OT_bake.modal(bake, window, event("ESC", "PRESS"))
    assert until_it_ends(bake, window) == {"CANCELLED"}
    assert everything() == before


def test_quitting_ends_the_bake(tmp_path: Path) -> None:
    code = """
import sys, threading, bpy, pathlib
sys.path[:0] = ["tests/blender"]
import inside, a2f_addon
from a2f_addon import errors, job
from a2f_addon.blender import runner, source
a2f_addon.register()
bpy.ops.wm.read_homefile(use_empty=True)
inside.make_head()
listening, sound = threading.Event(), pathlib.Path(sys.argv[1])
sound.write_bytes(b"")
def listen(job, progress, cancelled):
    listening.set()
    while not cancelled():
        threading.Event().wait(0.01)
    sound.with_suffix(".stopped").touch()
    raise errors.Cancelled
job.listen = listen
runner.Run(runner.prepare(bpy.context, source.from_file(str(sound), bpy.context.scene, frame_start=1), job.Motion(), None)).start()
assert listening.wait(20)
"""
    subprocess.run([sys.executable, "-c", code, str(tmp_path / "line.wav")], cwd=ROOT, check=True, timeout=120)
    assert (tmp_path / "line.stopped").exists()


def test_a_face_deleted_meanwhile_is_a_report(model: Model, run: runner.Run) -> None:
    window = Window()
    bake = operator(run, window)
    bpy.data.objects.remove(bpy.data.objects["Head"])
    model.go.set()
    assert until_it_ends(bake, window) == {"CANCELLED"}
    assert (window.timers, window.status[-1], runner.current()) == ([], None, None)
    assert bake.reports == [("ERROR", "The face was deleted during its bake; nothing was changed.")]


def test_a_mistake_of_the_program_leaves_nothing_running_either(model: Model, run: runner.Run) -> None:
    window = Window()
    bake = operator(run, window)
    model.error = ZeroDivisionError("a mistake")
    model.go.set()
    with pytest.raises(ZeroDivisionError):
        until_it_ends(bake, window)
    assert (window.timers, window.status[-1], runner.current()) == ([], None, None)
