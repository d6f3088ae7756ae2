"""The face moves in the viewport without a key: on every frame the values are set, and all of them are put back at the end.

What the values were stands, while a preview runs, beside them in the file itself. So whatever an undo or a crash brings back can be healed,
and no file is ever saved with a preview's values in it.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import suppress
from typing import Any

import bpy
import numpy as np
from bpy.types import Scene

from ..face.keys import CurveKeys
from . import compat, parts, runner, targets

BEFORE = "a2f_preview"
"""The custom property of a datablock whose values are a preview's: data path to the value before."""


class Preview:
    """A motion that is shown. frames: float64 [frames], of the scene. Values: for each datablock its uid, data paths, and float32 [frames, paths]."""

    def __init__(self, scene: int, frames: Any, shown: list[tuple[int, list[str], Any]]) -> None:
        self.scene = scene
        self._frames, self._shown = frames, shown

    def plays_at(self, frame: float) -> bool:
        """Whether a frame of the scene lies within the recording."""
        return bool(self._frames[0] <= frame <= self._frames[-1])

    def show(self, frame: float) -> None:
        """Set the face as it is at this frame of the scene; before and after the recording it rests as it was."""
        inside = self.plays_at(frame)
        place = float(np.interp(frame, self._frames, np.arange(len(self._frames))))
        first = min(int(place), len(self._frames) - 1)
        last, share = min(first + 1, len(self._frames) - 1), place - int(place)
        for uid, paths, values in self._shown:
            owner = targets.key_by_uid(uid)
            if owner is None:
                continue
            if BEFORE not in owner:
                owner[BEFORE] = json.dumps({path: float(owner.path_resolve(path)) for path in paths})
            row = values[first] * (1 - share) + values[last] * share if inside else None
            before = json.loads(owner[BEFORE])
            for column, path in enumerate(paths):
                _set(owner, path, float(row[column]) if row is not None else before[path])
            owner.update_tag()


_showing: list[Preview] = []
"""The preview that runs, line by line, or none: what the handlers below serve, which belong to the program and not to a file."""


def start(requests: Sequence[runner.Request], ready: Sequence[runner.Ready]) -> None:
    """Show motions on the requests' faces. Raises TargetError where they are gone."""
    stop()
    for request, made in zip(requests, ready, strict=True):
        made, _ = parts.whole(runner.aimed(request, made))
        plan = runner.planned(request, made.curves)
        keys = {**made.keys, **runner.keyed(request, made.curves, made.pinned, runner.missing(plan, made.keys))}
        frames = request.source.frames(made.curves)
        shown = [
            (target.face.uid, [channel.data_path for channel in target.face.channels], _values(target, keys, len(frames))) for target in plan.targets
        ]
        _showing.append(Preview(request.scene, frames, shown))
    for handlers, handler in _listening():
        handlers.append(handler)
    _show(compat.scene_of(bpy.context))


def is_running() -> bool:
    """Whether a face is being shown."""
    return bool(_showing)


def stop() -> None:
    """End it, and put every value back."""
    _showing.clear()
    for handlers, handler in _listening():
        if handler in handlers:
            handlers.remove(handler)
    heal()


def heal() -> None:
    """Put back the values of every datablock that still has a preview's."""
    for owners in (bpy.data.shape_keys, bpy.data.objects, bpy.data.armatures):
        for owner in owners:
            if owner.get(BEFORE) is None:
                continue
            before = json.loads(owner[BEFORE])
            del owner[BEFORE]
            for path, value in before.items():
                _set(owner, path, value)
            owner.update_tag()


def _show(scene: Scene) -> None:
    """The line that plays at the scene's frame; between two lines the face is as it was."""
    frame = scene.frame_current_final
    for each in sorted(_showing, key=lambda each: each.plays_at(frame)):
        each.show(frame)


def _values(target: targets.Target, keys: dict[Any, CurveKeys], count: int) -> Any:
    frames = np.arange(count, dtype=np.float64)
    columns = [keys[channel.takes].at(frames) for channel in target.face.channels]
    return np.stack(columns, axis=1).astype(np.float32) if columns else np.zeros((count, 0), np.float32)


def _set(owner: Any, path: str, value: float) -> None:
    with suppress(ValueError, KeyError, AttributeError):  # it was deleted since, and has nothing to be put back
        targets.put(owner, path, value)


@bpy.app.handlers.persistent
def _on_frame(scene: Any, *_: Any) -> None:
    if any(each.scene == scene.session_uid for each in _showing):
        _show(scene)


@bpy.app.handlers.persistent
def _before_save(*_: Any) -> None:
    heal()


@bpy.app.handlers.persistent
def _after_save(*_: Any) -> None:
    if _showing:
        _show(compat.scene_of(bpy.context))


@bpy.app.handlers.persistent
def _ends(*_: Any) -> None:
    stop()


def _listening() -> list[tuple[Any, Any]]:
    """What is listened to while a preview runs."""
    known = bpy.app.handlers
    return [
        (known.frame_change_post, _on_frame),
        (known.save_pre, _before_save),
        (known.save_post, _after_save),
        (known.undo_pre, _ends),
        (known.redo_pre, _ends),
    ]


@bpy.app.handlers.persistent
def _heal_after(*_: Any) -> None:
    """An undo, or a file that was saved by a crash, may bring a preview's values back."""
    if not _showing:
        heal()


def register() -> None:
    """Listen for what may bring a preview's values back."""
    for handlers in (bpy.app.handlers.undo_post, bpy.app.handlers.redo_post, bpy.app.handlers.load_post):
        handlers.append(_heal_after)


def unregister() -> None:
    """End the preview, and listen no longer."""
    stop()
    for handlers in (bpy.app.handlers.undo_post, bpy.app.handlers.redo_post, bpy.app.handlers.load_post):
        handlers.remove(_heal_after)
