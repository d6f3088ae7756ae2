"""From a request to keys, over one core: at once where somebody waits for it, in a thread where somebody goes on working.

A request is plain data. The thread works on it and on arrays alone; before and after it, on the main thread, the scene is read and written.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Generator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from queue import Empty, SimpleQueue
from typing import TypeVar

import bpy
import numpy as np
from bpy.types import Action, Context, Object, Scene

from .. import job as jobs
from .. import rigs
from ..errors import Cancelled, SettingError, SoundError, TargetError
from ..face import arkit, emotion, keys, retarget, sketch, visemes
from ..face.curves import FaceCurves
from ..face.keys import CurveKeys, Mask
from ..face.retarget import Recipe
from . import bake, compat, into, memory, parts, rotations, source, targets
from .source import Source
from .standing import Owners
from .targets import Plan

POLL_S = 0.05
"""How often a window looks after its bake."""
SLICE_S = 0.02
"""How long keys are written before the window gets its turn."""
REGIONS: Mapping[str, tuple[str, ...]] = {
    "mouth": arkit.MOUTH,
    "brows": (*arkit.BROWS, *arkit.CHEEKS_AND_NOSE),
    "eyes": (*arkit.EYES, *arkit.EYE_ROTATIONS),
}
"""What can be left to the artist; the head's turns are nobody's region."""

T = TypeVar("T")


@dataclass(frozen=True)
class Output:
    """How the motion becomes keys.

    place: "NEW", "STRIP" or "INTO", as in targets.plan. error: how far a frame may be off its curve for the sake of fewer keys; 0 keys every frame.
    regions: what is keyed. fps: keys a second; 0 is the scene's. markers: mark every sound in the new Action.
    """

    place: str = "NEW"
    error: float = 0.0
    regions: tuple[str, ...] = tuple(REGIONS)
    fps: float = 0.0
    markers: bool = False

    def __post_init__(self) -> None:
        keys.Reduction(self.error)
        if not self.regions:
            raise SettingError("All of the face is switched off; switch on mouth, brows or eyes.")


@dataclass(frozen=True)
class Request:
    """A bake as it was asked for. scene, objects, asked: session_uids; asked are those of the objects that the artist chose.

    recipes: what the face's channels take, as far as was known when it was asked.
    """

    source: Source
    motion: jobs.Motion
    model: Path | None
    scene: int
    objects: tuple[int, ...]
    asked: tuple[int, ...]
    output: Output = field(default_factory=Output)
    recipes: tuple[Recipe, ...] = ()


@dataclass(frozen=True)
class Ready:
    """What a thread hands over. keys: of each recipe, counted in frames of the curves. pinned: where lips meet. marks: sounds and their seconds."""

    curves: FaceCurves
    keys: Mapping[Recipe, CurveKeys]
    pinned: Mask
    marks: Sequence[tuple[str, float]] = ()


@dataclass(frozen=True)
class Outcome:
    """What was done: the Actions with the keys, how many meshes took them, the first and the last frame, and what the artist should know."""

    actions: tuple[str, ...]
    meshes: int
    first_frame: float
    last_frame: float
    warnings: tuple[str, ...]
    keys: int = 0

    def __str__(self) -> str:
        meshes = "1 mesh" if self.meshes == 1 else f"{self.meshes} meshes"
        return f"Baked '{self.actions[0]}' onto {meshes}, frames {self.first_frame:g} to {self.last_frame:g}."


def prepare(
    context: Context, speech: Source, motion: jobs.Motion, model: Path | None, *, output: Output | None = None, place: str | None = None
) -> Request:
    """Take down what is to be done. Raises TargetError and SoundError for everything that stands in the way, before any work."""
    speech = source.taken(speech)
    scene = compat.scene_of(context)
    asked = targets.asked_for(context)
    objects = targets.family(asked, scene)
    output = output or Output(place or "NEW")
    request = Request(speech, motion, model, scene.session_uid, _uids(objects), _uids(asked), output)
    plan = planned(request, None, signed=Owners(at_a_glance=True))
    rotations.turned(scene)
    recipes = dict.fromkeys(channel.takes for target in plan.targets for channel in target.face.channels)
    return Request(speech, motion, model, request.scene, request.objects, request.asked, output, tuple(recipes))


def listen(request: Request, progress: jobs.Progress, cancelled: jobs.IsCancelled) -> Ready:
    """The long part, for any thread: from the recording to the keys. Raises as job.run."""
    return ready(request, hear(request, progress, cancelled))


def hear(request: Request, progress: jobs.Progress, cancelled: jobs.IsCancelled) -> jobs.Heard:
    """From the recording, or from memory, to what the model makes of it. Raises as job.listen."""
    mark = memory.fingerprint(request.source, request.model)
    heard = session.memory.heard(mark)
    if heard is None:
        with source.opened(request.source) as path:
            span = request.source
            job = jobs.Job(path, span.start_s, span.end_s, fps=_fps(request), model=request.model, motion=request.motion)
            heard = jobs.listen(job, progress, cancelled)
        session.memory.keep(mark, heard)
    return heard


def ready(request: Request, heard: jobs.Heard) -> Ready:
    """The quick part, for any thread: what was heard becomes keys."""
    curves = _limited(jobs.animate(heard, request.motion, fps=_fps(request)), request.output.regions)
    pinned = keys.sealed(curves, heard.speech, request.motion.closure)
    marks = visemes.marks(heard.speech) if request.output.markers else []
    return Ready(curves, keyed(request, curves, pinned, request.recipes), pinned, marks)


def keyed(request: Request, curves: FaceCurves, pinned: Mask, recipes: Sequence[Recipe]) -> dict[Recipe, CurveKeys]:
    """The keys of each recipe."""
    found = {}
    for takes, curve in retarget.mixed(curves, recipes, rigs.visemes().values()).items():
        touches = any(keys.is_pinned(name) for name, _ in takes)
        found[takes] = keys.reduced(curve, error=request.output.error, pinned=pinned if touches else None)
    return found


@dataclass(frozen=True)
class Line:
    """A recording that is laid out to be written. made: with the gaze. reach: how far its curves go. notes: what the artist should know."""

    request: Request
    made: Ready
    reach: targets.Reach
    keys_of: bake.KeysOf
    laid: bake.Laid
    notes: Sequence[str]


def finish(request: Request, made: Ready | FaceCurves) -> Outcome:
    """Write the keys, on the main thread. Raises TargetError and SoundError where what they are for is gone; then nothing was changed."""
    return parts.whole(finishing(request, made))


def finishing(request: Request, made: Ready | FaceCurves) -> Generator[float, None, Outcome]:
    """As :func:`finish`, in steps of a few milliseconds; nothing is changed before the last, nor where they are left before."""
    if isinstance(made, FaceCurves):
        made = Ready(made, {}, np.zeros(len(made), bool))
    (outcome,) = yield from finishing_all([request], [made])
    return outcome


def finishing_all(requests: Sequence[Request], made: Sequence[Ready]) -> Generator[float, None, list[Outcome]]:
    """As :func:`finishing`, several recordings: all are laid out before the first is put in place, and then all are, so that a cancel finds none.

    A recording whose strip is gone is left out, and the first outcome says so; where none is left, its reason is raised.
    """
    there, refused = _still_there(requests, made)
    signed = Owners()
    lines: list[Line] = []
    with signed.watching(), ExitStack() as scratch:
        drafts = into.Drafts(scratch, {request.source.identity for request, _ in there})
        for _ in signed.learn():
            yield 0.0
        for number, (request, each) in enumerate(there):
            steps = _laying(request, each, signed, drafts, scratch.enter_context(ExitStack()))
            lines.append((yield from _shared(steps, number, len(there))))
        for _ in drafts.settling():
            yield 1.0
        outcomes = [_put(line, drafts, signed, is_first=line is lines[0]) for line in lines]
    return [replace(outcomes[0], warnings=(*outcomes[0].warnings, *refused)), *outcomes[1:]]


def _still_there(requests: Sequence[Request], made: Sequence[Ready]) -> tuple[list[tuple[Request, Ready]], list[str]]:
    """The recordings whose strips are not deleted meanwhile, and a sentence for each other. Raises SoundError where all are."""
    there, refused = [], []
    for request, each in zip(requests, made, strict=True):
        try:
            source.check_still_there(request.source)
            there.append((request, each))
        except SoundError as error:  # the other lines are not to be lost for it
            refused.append(error)
    if not there:
        raise refused[0]
    return there, [f"Left out: {error}" for error in refused]


def _shared(steps: Generator[float, None, T], number: int, count: int) -> Generator[float, None, T]:
    """The steps of one of several, telling how much of all is done."""
    while True:
        try:
            done = next(steps)
        except StopIteration as last:
            return last.value
        yield (number + done) / count


def _laying(request: Request, made: Ready, signed: Owners, drafts: into.Drafts, undo: ExitStack) -> Generator[float, None, Line]:
    rotations.turned(_scene(request))
    made, notes = yield from aimed(request, made)
    reach = {takes: (float(each.values.min()), float(each.values.max())) for takes, each in made.keys.items() if len(each)}
    plan = planned(request, made.curves, reach, signed)
    yield 0.0
    keys_of = {**made.keys, **keyed(request, made.curves, made.pinned, missing(plan, made.keys))}
    marks = [(name, request.source.zero_frame + time_s * request.source.curve_fps) for name, time_s in made.marks]
    frames = request.source.frames(made.curves)
    laid = yield from bake.laying(plan, keys_of, frames, marks, drafts=drafts, undo=undo)
    return Line(request, made, reach, keys_of, laid, notes)


def _put(line: Line, drafts: into.Drafts, signed: Owners, *, is_first: bool) -> Outcome:
    """Let a line play, planned for with those that play already. Raises Interrupted where the first finds not what it was laid out for."""
    request, curves, frames = line.request, line.made.curves, line.laid.frames
    plan = planned(request, curves, line.reach, signed)
    if is_first and plan.targets != line.laid.plan.targets:
        raise parts.Interrupted
    turns: list[rotations.Written] = []

    def turn(undo: ExitStack) -> None:
        turns.extend(rotations.write(_scene(request), _face(request), curves, frames, name=plan.action_name, undo=undo))

    actions = bake.put(line.laid, plan, drafts, beside=turn)
    rotations.sign(turns, plan.identity)
    for part in line.laid.fresh.values():
        signed.believe(part.found()[0])
    first, last = float(frames[0]), float(frames[-1])
    session.memory.keep_bake(request.source.identity, request)
    _keep_result(line.made, plan, actions, first, last)
    count = sum(len(line.keys_of[channel.takes]) for target in plan.targets for channel in target.face.channels)
    unseen = emotion.unseen(request.motion.emotion, line.made.curves)
    warnings = (*plan.warnings, *line.notes, *unseen, *_beyond_scene(_scene(request), last))
    return Outcome(tuple(action.name for action in actions), len(plan.targets), first, last, warnings, count)


def _keep_result(made: Ready, plan: Plan, actions: Sequence[Action], first: float, last: float) -> None:
    drawn = sketch.taken(made.curves, made.pinned)
    if drawn is not None:
        was_there = any(target.place == "INTO" for target in plan.targets)
        session.memory.results.keep([action.session_uid for action in actions], memory.Result(drawn, first, last, was_there))


def aimed(request: Request, made: Ready) -> Generator[float, None, tuple[Ready, list[str]]]:
    """The same with the eyes around what they look at, and what the artist should know; the keys of what looks are made anew."""
    curves, notes = yield from rotations.aimed(_scene(request), _face(request), made.curves, request.source.frames(made.curves))
    if curves is made.curves:
        return made, notes
    looking = [takes for takes in made.keys if any(name.startswith("eyeLook") for name, _ in takes)]
    return replace(made, curves=curves, keys={**made.keys, **keyed(request, curves, made.pinned, looking)}), notes


def missing(plan: Plan, known: Mapping[Recipe, CurveKeys]) -> list[Recipe]:
    """What a plan keys and nobody has made yet: a mapping that was changed while the recording was heard."""
    takes = dict.fromkeys(channel.takes for target in plan.targets for channel in target.face.channels)
    return [each for each in takes if each not in known]


def advance(steps: Generator[float, None, T], *, for_s: float = SLICE_S) -> tuple[float, T | None]:
    """Take steps for so long: how far they are, 0 to 1, and what they return once they are through."""
    end = time.perf_counter() + for_s
    done = 0.0
    while time.perf_counter() < end:
        try:
            done = next(steps)
        except StopIteration as last:
            return 1.0, last.value
    return done, None


class Run:
    """A bake in a thread, or one that waits for those before it. The main thread asks it how far it is with :meth:`poll` and may stop it."""

    def __init__(self, request: Request) -> None:
        self.request = request
        self.done = 0.0
        """Share of the work, 0 to 1."""
        self.text = "Waiting"
        self._messages: SimpleQueue[tuple[float, str] | Ready | Exception] = SimpleQueue()
        self._stop = threading.Event()
        self.is_cancelled = False
        """Whether it was asked to stop; one that is done with and closed was not."""
        self._thread = threading.Thread(target=self._work, name="A2F bake", daemon=True)
        self._begun_s = 0.0

    @property
    def left_s(self) -> float | None:
        """Seconds that it will take by what it took so far; None while that says little."""
        passed_s = time.monotonic() - self._begun_s
        return passed_s / self.done * (1 - self.done) if self._begun_s and passed_s > 1 and self.done > 0.05 else None

    @property
    def brief(self) -> str:
        """How far it is in few words: "20%, 16 s left"."""
        left_s = self.left_s
        left = "" if left_s is None else f", {left_s:.0f} s left" if left_s < 90 else f", {left_s / 60:.0f} min left"
        return f"{self.done:.0%}{left}" if self._begun_s else self.text

    def __str__(self) -> str:
        return f"{self.text} {self.brief}" if self._begun_s else self.text

    def start(self) -> None:
        """Begin, once those that began before have ended."""
        session.runs.append(self)
        session.go_on()

    def begin(self) -> None:
        """Set the thread to work, once."""
        if not self._begun_s:
            self._begun_s = time.monotonic()
            self.text = "Starting"
            self._thread.start()

    def poll(self) -> Ready | None:
        """Take in how far it is; the result when it is done, None until then. Raises what the work raised; a stopped one raises Cancelled."""
        if self._stop.is_set() and not self._begun_s:
            raise Cancelled
        while True:
            try:
                message = self._messages.get_nowait()
            except Empty:
                return None
            if isinstance(message, Exception):
                raise message
            if isinstance(message, Ready):
                return message
            self.done, self.text = message

    def cancel(self) -> None:
        """Ask it to stop, which takes up to a few seconds; nothing will be written."""
        self.is_cancelled = True
        self._stop.set()
        self._messages.put((self.done, "Cancelling"))

    def close(self) -> None:
        """Stop it if it still works, wait for its thread, and let the next one begin."""
        self._stop.set()
        if self._thread.is_alive():
            self._thread.join()
        if self in session.runs:
            session.runs.remove(self)
            session.go_on()

    def _work(self) -> None:
        try:
            made = listen(self.request, self._report, self._stop.is_set)
            if self._stop.is_set():
                raise Cancelled
            self._messages.put(made)
        except Exception as error:  # whatever it is, the main thread has to hear of it
            self._messages.put(error)

    def _report(self, done: float, text: str) -> None:
        if not self._stop.is_set():
            self._messages.put((done, text))


class Session:
    """What belongs to the program while it runs, not to a file, and so cannot live in Blender's data: the bakes at work, and what was heard."""

    def __init__(self) -> None:
        self.runs: list[Run] = []
        """The one that works, and those that wait, in their order."""
        self.memory: memory.Memory[Request] = memory.Memory()

    def go_on(self) -> None:
        """Let the first of the runs work."""
        if self.runs and not self.runs[0].is_cancelled:
            self.runs[0].begin()


session = Session()


def current() -> Run | None:
    """The bake at work."""
    return session.runs[0] if session.runs else None


def stop() -> None:
    """End every bake, and wait for its thread: before a file is loaded, the add-on is switched off, or Blender ends."""
    runs = list(session.runs)
    for run in runs:
        run.cancel()  # all of them first, so that none begins as the one before it ends
    for run in runs:
        run.close()


def _limited(curves: FaceCurves, regions: Sequence[str]) -> FaceCurves:
    off = {name for region, names in REGIONS.items() if region not in regions for name in names}
    if not off & set(curves.names):
        return curves
    names = tuple(name for name in curves.names if name not in off)
    return FaceCurves(curves.fps, curves.start, names, curves.values[:, curves.columns(names)])


def _fps(request: Request) -> float:
    return request.output.fps / request.source.speed if request.output.fps else request.source.curve_fps


def planned(request: Request, curves: FaceCurves | None, reach: targets.Reach | None = None, signed: Owners | None = None) -> Plan:
    """The plan for what is there now; with curves, for just what they do; reach and signed as in targets.plan."""
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
        place=request.output.place,
        reach=reach,
        signed=signed,
    )


def _face(request: Request) -> Object:
    """The mesh whose axes are the face's own: the first that was asked for."""
    there = {each.session_uid: each for each in bpy.data.objects}
    meshes = [there[uid] for uid in (*request.asked, *request.objects) if uid in there and there[uid].type == "MESH"]
    if not meshes:
        raise TargetError("The face was deleted during its bake; nothing was changed.")
    return meshes[0]


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
