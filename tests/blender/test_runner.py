"""A bake in the background: it tells how far it is, can be stopped at any time, and leaves nothing when it is."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest
from inside import evaluated, everything, made_heard, make_head, shapes_of

import a2f_addon
from a2f_addon import job as jobs
from a2f_addon.blender import runner, source
from a2f_addon.blender.operators import A2F_OT_bake
from a2f_addon.errors import Cancelled, SoundError, TargetError
from a2f_addon.face.arkit import NAMES
from a2f_addon.face.curves import FaceCurves

PATIENCE_S = 20.0


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


def waited_for(run: runner.Run) -> FaceCurves:
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
    np.testing.assert_array_equal(beside.values, here.values)


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


def test_one_bake_at_a_time_and_the_button_says_so(run: runner.Run, speech: str) -> None:
    with pytest.raises(TargetError, match="running already"):
        runner.Run(run.request).start()
    with pytest.raises(RuntimeError, match="A bake is running already"):
        bpy.ops.a2f.bake(filepath=speech)
    run.close()
    assert bpy.ops.a2f.bake.poll()


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
        self.status_text_set = self.status.append
        self.event_timer_remove = self.timers.remove


def operator(run: runner.Run, window: Window) -> Any:
    timer = object()
    window.timers.append(timer)
    made = SimpleNamespace(_run=run, _timer=timer, reports=[])
    made.report = lambda kinds, text: made.reports.append((*kinds, text))
    made.cancel = lambda context: A2F_OT_bake.cancel(made, context)
    made._tell = lambda outcome: A2F_OT_bake._tell(made, outcome)
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
    assert window.status == ["A2F: Listening, 25% (Esc cancels)"]
    model.go.set()
    assert until_it_ends(bake, window) == {"FINISHED"}
    assert (window.timers, window.status[-1], runner.current()) == ([], None, None)
    assert bake.reports[-1] == ("INFO", "Baked 'A2F line_07' onto 1 mesh, frames 1 to 49.")


def test_escape_leaves_nothing(model: Model, run: runner.Run) -> None:
    window, before = Window(), everything()
    bake = operator(run, window)
    assert A2F_OT_bake.modal(bake, window, event("ESC", "PRESS")) == {"RUNNING_MODAL"}
    assert until_it_ends(bake, window) == {"CANCELLED"}
    assert (window.timers, window.status[-1], runner.current()) == ([], None, None)
    assert bake.reports == [("INFO", "Cancelled; nothing was changed.")]
    assert everything() == before


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
