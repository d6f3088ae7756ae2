"""The lines of a batch that Blender writes: a .blend file each, or all their Actions in one.

The recordings are heard elsewhere, side by side; here their curves are keyed on the character, a line after the other, since there is one Blender.
The character's file is opened anew for each line and never written, unless it is itself where the Actions are to go.
"""

from __future__ import annotations

import ctypes
import io
import json
import os
import shutil
import sys
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, redirect_stdout, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from bpy.types import Object, Scene

from ..batch import resume, work
from ..batch.run import Baker, generator
from ..batch.task import Result, Task, failed, skipped
from ..errors import A2FError, OutputError, TargetError
from ..face.curves import FaceCurves
from ..files import npz, writing
from . import compat, film, runner, source, targets

MARK = "a2f_batch"
"""On an Action that a batch has put into a file: the digest of all that it follows from."""
LINE = "a2f_line"
"""Beside it, the name that the Action was made with, which the file may have had to number."""
PARTS = ".a2f-actions"
"""The folder, beside the file that they go into, of the Actions that are done; gone when all are."""


Characters = dict[tuple[str, str], float | str]
"""By file and object: the frame rate of its scene, or the sentence that says why it cannot be keyed."""


@dataclass(frozen=True)
class Line:
    """A line whose character takes it. key: the digest of all that its output follows from. fps: of the character's scene."""

    task: Task
    key: str
    fps: float


def baker(hear: Baker) -> Baker:
    """Bakes tasks for Blender, with `hear` for the curves; tasks of other formats go to it as they are."""
    return lambda tasks: _bake(tasks, hear)


def _bake(tasks: list[Task], hear: Baker) -> Iterator[Result]:
    _switch_on()
    waiting: dict[int, Line] = {}
    parts: list[tuple[Task, Result]] = []

    def done(task: Task, result: Result) -> Iterator[Result]:
        """What goes into a file with others is done when that is."""
        if task.format == "actions" and result.status != "failed":
            parts.append((task, result))
        else:
            yield result

    with ExitStack() as scratch:
        asked: list[Task] = []
        characters: Characters = {}
        for task in tasks:
            with _quiet():
                found = _prepared(task, characters)
            if isinstance(found, Line):
                waiting[task.number] = found
                asked.append(_to_hear(found))
                scratch.callback(_remove, Path(asked[-1].output))
            else:
                yield from done(task, found)
        with closing(generator(hear(asked))) as heard:
            for curves in heard:
                line = waiting[curves.number]
                with _quiet():
                    result = _written(line, curves)
                yield from done(line.task, result)
        yield from _gathered(parts)


@contextmanager
def _quiet() -> Iterator[None]:
    """Stdout belongs to the results, and Blender writes to it by itself: through Python, and past it."""
    sys.stdout.flush()
    kept, nowhere = os.dup(1), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    try:
        with redirect_stdout(io.StringIO()):
            yield
    finally:
        sys.stdout.flush()
        # What Blender has said waits in the buffer of its C library.
        with suppress(OSError, AttributeError):
            ctypes.CDLL("ucrtbase" if sys.platform == "win32" else None).fflush(None)
        os.dup2(kept, 1)
        os.close(kept)
        os.close(nowhere)


def _switch_on() -> None:
    if not hasattr(bpy.types.Scene, "a2f"):
        from . import register

        register()


def _prepared(task: Task, characters: Characters) -> Line | Result:
    """The line, once the character is known to take it; else what became of it."""
    key = resume.key(task)
    if resume.is_current(task, key):
        return skipped(task)
    if task.format == "actions" and (record := _remembered(task, key)) is not None:
        return Result(task.number, task.speech, task.output, "done", facts=record["facts"], record=record)
    try:
        writing.check_folder(Path(task.output).parent)
    except A2FError as error:
        return failed(task, str(error))
    character = task.blend, task.object
    if character not in characters:
        try:
            characters[character] = _opened(task)[1].fps
        except A2FError as error:
            characters[character] = str(error)
    found = characters[character]
    return failed(task, found) if isinstance(found, str) else Line(task, key, found)


def _opened(task: Task) -> tuple[Object, source.Source]:
    """The character, active and alone selected in its own file, which is now open, and where the line plays in it. Raises A2FError."""
    _open(task.blend)
    context = bpy.context
    scene = compat.scene_of(context)
    face = _face(scene, task)
    layer: Any = context.view_layer
    for each in list(layer.objects.selected):
        each.select_set(False)
    layer.objects.active = face
    face.select_set(True)
    whole = source.from_file(str(Path(task.speech).absolute()), scene, frame_start=task.frame_start)
    zero = task.frame_start - (task.start_s or 0.0) * whole.fps
    placed = replace(whole, start_s=task.start_s, end_s=task.end_s, zero_frame=zero)
    runner.prepare(context, placed, work.job_of(task).motion, None)
    return face, placed


def _open(blend: str) -> None:
    try:
        bpy.ops.wm.open_mainfile(filepath=str(Path(blend).absolute()), load_ui=False)
    except RuntimeError as error:
        raise OutputError(f"'{blend}' cannot be opened ({_reason(error)}); save it with this Blender or an older one.") from error


def _face(scene: Scene, task: Task) -> Object:
    """The object that was named; else the active one, else the only face."""
    if task.object:
        named = scene.objects.get(task.object)
        if named is None:
            raise TargetError(f"There is no object '{task.object}' in the scene '{scene.name}' of '{task.blend}'; check its name.")
        return named
    layer: Any = bpy.context.view_layer
    active = layer.objects.active
    if active is not None and targets.faces([active]):
        return active
    found = [each for each in scene.objects if targets.faces([each])]
    if not found:
        raise TargetError(f"No mesh in '{task.blend}' has face shapes; name another character.")
    heads = {_top(each).name for each in found}
    if len(heads) > 1:
        raise TargetError(f"There are several faces in '{task.blend}' ({', '.join(sorted(heads))}); name one as --object or in the column 'object'.")
    return found[0]


def _top(each: Object) -> Object:
    while each.parent is not None:
        each = each.parent
    return each


def _to_hear(line: Line) -> Task:
    """The same line for who makes the curves, at the frame rate of the scene.

    They wait beside the output: a folder that every machine of a cluster sees, and whose remains of a killed run the next one takes away.
    """
    output = Path(line.task.output).with_name(f".a2f-{uuid.uuid4().hex}.part")
    return replace(line.task, format="npz", output=str(output), fps=line.fps, blend="", known=None, force=True)


def _written(line: Line, curves: Result) -> Result:
    """The line's .blend, or the file of its Actions alone."""
    task = line.task
    if curves.status == "failed" or curves.record is None:
        return replace(curves, output=task.output)
    begun = time.monotonic()
    try:
        files, pictures = _keyed(line, npz.read(Path(curves.output)))
        folder = Path(task.output).parent
        digests = {} if task.format == "actions" else resume.digests(files, below=folder)
    except A2FError as error:
        return failed(task, str(error), seconds=curves.seconds)
    except (OSError, RuntimeError) as error:
        return failed(task, f"Blender could not write '{task.output}' ({_reason(error)}); make room there or choose another place.")
    finally:
        _remove(Path(curves.output))
    record = {**curves.record, "key": line.key, "files": digests, "thumbnails": pictures}
    if task.format == "actions":
        with suppress(A2FError), writing.whole(_part(task, line.key).with_suffix(".json")) as file:
            json.dump(record, file)
    return replace(curves, output=task.output, record=record, seconds=curves.seconds + time.monotonic() - begun)


def _remove(path: Path) -> None:
    with suppress(OSError):
        path.unlink(missing_ok=True)


def _keyed(line: Line, curves: FaceCurves) -> tuple[list[Path], list[str]]:
    """What was written of a line, and small pictures of it."""
    task = line.task
    face, placed = _opened(task)
    request = runner.prepare(bpy.context, placed, work.job_of(task).motion, None)
    scene = compat.scene_of(bpy.context)
    outcome = runner.finish(request, curves)
    for name in outcome.actions:
        bpy.data.actions[name][MARK] = line.key
    pictures = film.thumbnails(scene, face, _telling(curves, placed)) if task.thumbnails else []
    output = Path(task.output)
    writing.make_folder(output.parent)
    if task.format == "actions":
        _save_actions(_part(task, line.key), outcome.actions)
    _put_sound(scene, placed, outcome)
    if task.format == "blend":
        _save(output)
    if task.render:
        film.render(scene, face, _film(task), engine=task.render, first=outcome.first_frame, last=outcome.last_frame)
    return [*([output] if task.format == "blend" else []), *([_film(task)] if task.render else [])], pictures


def _film(task: Task) -> Path:
    output = Path(task.output)
    return output.with_suffix(".mp4") if task.format == "blend" else output.with_name(f"{Path(task.speech).stem}.mp4")


def _telling(curves: FaceCurves, placed: source.Source) -> list[float]:
    """The scene's frames in which the mouth is widest open and most rounded."""
    frames = placed.frames(curves)
    rounded = sum((curves.channel(name) for name in ("mouthPucker", "mouthFunnel") if name in curves.names), np.zeros(len(curves)))
    return [float(frames[int(np.argmax(shape))]) for shape in (curves.channel("jawOpen"), rounded)] if len(curves) else []


def _put_sound(scene: Scene, placed: source.Source, outcome: runner.Outcome) -> None:
    """The recording on the timeline where its face plays, and the scene long enough for both."""
    start = placed.start_s or 0.0
    compat.new_sound(scene, placed.name, placed.path, first_frame=placed.zero_frame + start * placed.fps, start_s=start, fps=placed.fps)
    scene.frame_start = min(scene.frame_start, max(int(outcome.first_frame), 0))
    scene.frame_end = max(scene.frame_end, int(np.ceil(outcome.last_frame)))


def _save(output: Path) -> None:
    _whole(output, lambda part: bpy.ops.wm.save_as_mainfile(filepath=str(part), copy=True, compress=True, relative_remap=True))


def _save_actions(path: Path, names: tuple[str, ...]) -> None:
    path.parent.mkdir(exist_ok=True)
    chosen: Any = {bpy.data.actions[name] for name in names}
    for action in chosen:
        action.use_fake_user = True
    _whole(path, lambda part: bpy.data.libraries.write(str(part), chosen, fake_user=True, compress=True))


def _whole(path: Path, save: Callable[[Path], Any]) -> None:
    """Let Blender write a file beside its place and move it there."""
    writing.check(path)
    part = path.absolute().with_name(f".a2f-{uuid.uuid4().hex}.part")
    try:
        save(part)
        part.replace(path.absolute())
    except (RuntimeError, OSError) as error:
        raise OutputError(f"'{path}' cannot be written ({_reason(error)}); choose another place or make room there.") from error
    finally:
        part.unlink(missing_ok=True)
        part.with_name(f"{part.name}@").unlink(missing_ok=True)


def _part(task: Task, key: str) -> Path:
    """Where the Actions of a line wait for those of the others."""
    return Path(task.output).parent / PARTS / f"{key}.blend"


def _remembered(task: Task, key: str) -> Any:
    """The record of a line whose Actions wait already, since the run before was stopped; else None."""
    part = _part(task, key)
    if not key or not part.exists():
        return None
    try:
        return json.loads(part.with_suffix(".json").read_text("utf-8"))
    except (OSError, ValueError):
        return None


def _gathered(parts: list[tuple[Task, Result]]) -> Iterator[Result]:
    """All Actions appended to the files that they go into, by file."""
    outputs: dict[str, list[tuple[Task, Result]]] = {}
    for task, result in sorted(parts, key=lambda pair: pair[0].number):
        outputs.setdefault(task.output, []).append((task, result))
    for output, lines in outputs.items():
        new = [_part(task, (result.record or {})["key"]) for task, result in lines if result.status == "done"]
        try:
            if new:
                with _quiet():
                    _append(Path(output), new, character=lines[0][0].blend)
                shutil.rmtree(Path(output).parent / PARTS, ignore_errors=True)
            digest = resume.digests([Path(output)], below=Path(output).parent)
        except (A2FError, OSError) as error:
            yield from (failed(task, str(error), seconds=result.seconds) for task, result in lines)
            continue
        for _, result in lines:
            record = result.record or {}
            yield replace(result, record={**record, "files": {**record["files"], **digest}})


def _append(output: Path, parts: list[Path], *, character: str) -> None:
    """The Actions of parts in the file that is there, or in a copy of the character's; those of the same name from an earlier batch are replaced."""
    _open(str(output) if output.exists() else character)
    libraries: Any = bpy.data.libraries
    earlier = {each: each[LINE] for each in bpy.data.actions if each.get(MARK) and each.get(LINE)}
    for part in parts:
        with libraries.load(str(part), link=False) as (there, taken):
            names = list(there.actions)
            taken.actions = list(names)
        for action, name in zip(taken.actions, names, strict=True):
            for old in [each for each in earlier if earlier[each] == name]:
                del earlier[old]
                bpy.data.actions.remove(old)
            action.name, action[LINE], action.use_fake_user = name, name, True
    _save(output)


def _reason(error: Exception) -> str:
    said = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
    return " ".join(said.removeprefix("Error: ").split())[:200].rstrip(".")
