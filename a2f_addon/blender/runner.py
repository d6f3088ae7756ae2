"""From a request to keys, over one core: at once where somebody waits for it, in a thread where somebody goes on working.

A request is plain data. The thread works on it and on arrays alone; before and after it, on the main thread, the scene is read and written.
"""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from queue import Empty, SimpleQueue

import bpy
from bpy.types import Context, Object, Scene

from .. import job as jobs
from ..errors import Cancelled, TargetError
from ..face.curves import FaceCurves
from . import bake, compat, source, targets
from .source import Source
from .targets import Plan

BUSY = "A bake is running already; wait for it or cancel it."

POLL_S = 0.1
"""How often a window looks after its bake."""


@dataclass(frozen=True)
class Request:
    """A bake as it was asked for. scene, objects, asked: session_uids; asked are those of the objects that the artist chose."""

    source: Source
    motion: jobs.Motion
    model: Path | None
    scene: int
    objects: tuple[int, ...]
    asked: tuple[int, ...]
    place: str = "NEW"


@dataclass(frozen=True)
class Outcome:
    """What was done: the new Actions' names, how many meshes took keys, the first and the last frame, and what the artist should know."""

    actions: tuple[str, ...]
    meshes: int
    first_frame: float
    last_frame: float
    warnings: tuple[str, ...]

    def __str__(self) -> str:
        meshes = "1 mesh" if self.meshes == 1 else f"{self.meshes} meshes"
        return f"Baked '{self.actions[0]}' onto {meshes}, frames {self.first_frame:g} to {self.last_frame:g}."


def prepare(context: Context, speech: Source, motion: jobs.Motion, model: Path | None, *, place: str = "NEW") -> Request:
    """Take down what is to be done. Raises TargetError for everything that stands in the way, before any work."""
    scene = compat.scene_of(context)
    asked = targets.asked_for(context)
    objects = targets.family(asked, scene)
    request = Request(speech, motion, model, scene.session_uid, _uids(objects), _uids(asked), place)
    _plan(request, None)
    return request


def listen(request: Request, progress: jobs.Progress, cancelled: jobs.IsCancelled) -> FaceCurves:
    """The long part, for any thread: from the recording to the curves. Raises as job.run."""
    with source.opened(request.source) as path:
        span = request.source
        job = jobs.Job(path, span.start_s, span.end_s, fps=span.curve_fps, model=request.model, motion=request.motion)
        return jobs.run(job, progress, cancelled)


def finish(request: Request, curves: FaceCurves) -> Outcome:
    """Write the curves, on the main thread. Raises TargetError and SoundError where what they are for is gone; then nothing was changed."""
    source.check_still_there(request.source)
    plan = _plan(request, curves)
    frames = request.source.frames(curves)
    actions = bake.write(plan, curves, frames)
    first, last = float(frames[0]), float(frames[-1])
    names = tuple(action.name for action in actions)
    return Outcome(names, len(plan.targets), first, last, (*plan.warnings, *_beyond_scene(_scene(request), last)))


def bake_now(request: Request) -> Outcome:
    """Do it all and return when it is done."""
    return finish(request, listen(request, lambda done, text: None, lambda: False))


class Run:
    """A bake in a thread. The main thread asks it how far it is with :meth:`poll` and may stop it."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.done = 0.0
        """Share of the work, 0 to 1."""
        self.text = "Starting"
        self._messages: SimpleQueue[tuple[float, str] | FaceCurves | Exception] = SimpleQueue()
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._work, name="A2F bake", daemon=True)

    def start(self) -> None:
        """Begin. Raises TargetError where another bake runs."""
        if current() is not None:
            raise TargetError(BUSY)
        _running.append(self)
        self._thread.start()

    def poll(self) -> FaceCurves | None:
        """Take in how far it is; the curves when it is done, None until then. Raises what the work raised; a stopped one raises Cancelled."""
        while True:
            try:
                message = self._messages.get_nowait()
            except Empty:
                return None
            if isinstance(message, Exception):
                raise message
            if isinstance(message, FaceCurves):
                return message
            self.done, self.text = message

    def cancel(self) -> None:
        """Ask it to stop, which takes up to a few seconds; nothing will be written."""
        self._stop.set()
        self._messages.put((self.done, "Cancelling"))

    def close(self) -> None:
        """Stop it if it still works, and wait for its thread."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        if self in _running:
            _running.remove(self)

    def _work(self) -> None:
        try:
            curves = listen(self.request, self._report, self._stop.is_set)
            if self._stop.is_set():
                raise Cancelled
            self._messages.put(curves)
        except Exception as error:  # whatever it is, the main thread has to hear of it
            self._messages.put(error)

    def _report(self, done: float, text: str) -> None:
        if not self._stop.is_set():
            self._messages.put((done, text))


_running: list[Run] = []
"""The one bake at work, or none. A thread belongs to the program, not to a file, so this cannot live in Blender's data."""


def current() -> Run | None:
    """The bake at work."""
    return _running[0] if _running else None


def stop() -> None:
    """End the bake at work, if there is one, and wait for its thread: before a file is loaded, the add-on is switched off, or Blender ends."""
    for run in list(_running):
        run.close()


def _plan(request: Request, curves: FaceCurves | None) -> Plan:
    """The plan for what is there now; with curves, for just what they do."""
    there = {each.session_uid: each for each in bpy.data.objects}
    if any(uid not in there for uid in request.asked):
        raise TargetError("The face was deleted during its bake; nothing was changed.")
    return targets.plan(
        [there[uid] for uid in request.objects if uid in there],
        asked=[there[uid] for uid in request.asked],
        name=request.source.name,
        identity=request.source.identity,
        scene=_scene(request),
        curves=curves,
        place=request.place,
    )


def _scene(request: Request) -> Scene:
    scene = next((scene for scene in bpy.data.scenes if scene.session_uid == request.scene), None)
    if scene is None:
        raise TargetError("The scene was deleted during the bake; nothing was changed.")
    return scene


def _uids(objects: Sequence[Object]) -> tuple[int, ...]:
    return tuple(each.session_uid for each in objects)


def _beyond_scene(scene: Scene, last_frame: float) -> list[str]:
    if last_frame <= scene.frame_end + 1:
        return []
    return [f"The recording ends at frame {last_frame:g}, after the scene's last, {scene.frame_end}."]
