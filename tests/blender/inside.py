"""Inside of Blender's process: the plugin that every test file of this room runs with, and what they build their scenes from."""

from __future__ import annotations

import hashlib
import os
import tempfile
import wave
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any

# Nothing that is installed for the person at this machine may have a say.
os.environ["BLENDER_USER_RESOURCES"] = tempfile.mkdtemp(prefix="a2f-test-")

import bpy
import numpy as np
import pytest

import a2f_addon
from a2f_addon import job as jobs
from a2f_addon.blender import compat
from a2f_addon.face.arkit import NAMES
from a2f_addon.face.curves import FaceCurves, Speech

needs_sound = pytest.mark.skipif(bpy.app.version < (4, 3, 0), reason="the Python module of Blender 4.2 was built without sound")

RATE = 48_000
CLICKS_S = (1.5, 2.5)
VALUE = 'key_blocks["{}"].value'


@pytest.fixture(scope="session", autouse=True)
def registered() -> None:
    """The add-on is on, and goes off as Blender ends."""
    a2f_addon.register()


@pytest.fixture(autouse=True)
def empty_file(registered: None) -> None:
    """Every test begins in an empty file at 24 frames a second."""
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.scene.render.fps, bpy.context.scene.render.fps_base = 24, 1.0


@pytest.fixture
def speech(tmp_path: Path) -> str:
    """A sound file that is there; who listens to it is told what to hear."""
    path = tmp_path / "line_07.wav"
    path.write_bytes(b"")
    return str(path)


@pytest.fixture
def says(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Lets the model hear made curves, or fail."""

    def say(heard: jobs.Heard | Exception) -> None:
        def listen(job: jobs.Job, progress: jobs.Progress, cancelled: jobs.IsCancelled = lambda: False, **_: Any) -> jobs.Heard:
            progress(0.5, "Listening")
            if isinstance(heard, Exception):
                raise heard
            return heard

        monkeypatch.setattr(jobs, "listen", listen)

    return say


def made_curves(*, seconds: float = 2.0, fps: float = 24.0, start: float = 0.0, names: tuple[str, ...] = NAMES, seed: int = 7) -> FaceCurves:
    """Curves that differ in every frame and channel, all within 0 to 1."""
    frames = round(seconds * fps) + 1
    values = np.random.default_rng(seed).uniform(0.02, 0.98, (frames, len(names))).astype(np.float32)
    return FaceCurves(fps, start, names, values)


def made_heard(*, seconds: float = 2.0, seed: int = 7) -> jobs.Heard:
    """What a model might have heard: a face that moves, and speech that is loud throughout."""
    frames, fps = round(seconds * 50), 50.0
    time = (np.arange(frames) + 0.5) / fps
    phase = np.random.default_rng(seed).uniform(0, 2 * np.pi, len(NAMES))
    values = (0.5 + 0.4 * np.sin(2 * np.pi * time[:, None] + phase)).astype(np.float32)
    phones = np.tile(np.float32([0.0, 1.0]), (frames, 1))
    heard = Speech(fps, 0.5 / fps, ("sil", "AA"), phones, np.zeros(frames, np.float32), {"silence": ("sil",), "open": ("AA",)})
    return jobs.Heard(FaceCurves(fps, 0.5 / fps, NAMES, values), heard)


def make_head(shapes: Iterable[str] = NAMES, *, name: str = "Head", parent: Any = None) -> Any:
    """A mesh with shape keys of these names, made the active object."""
    mesh = bpy.data.meshes.new(name)
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    made = bpy.data.objects.new(name, mesh)
    made.parent = parent
    bpy.context.scene.collection.objects.link(made)
    for shape in ("Basis", *shapes):
        made.shape_key_add(name=shape).value = 0.0
    bpy.context.view_layer.objects.active = made
    return made


def make_action(key: Any, curves: Mapping[str, list[tuple[float, float]]], *, name: str = "Old", extrapolation: str = "CONSTANT") -> Any:
    """An Action of the artist's for a Key: shape to (frame, value) points. It is not played yet."""
    action = bpy.data.actions.new(name)
    slot = compat.new_slot(action, key)
    for shape, points in curves.items():
        curve = compat.new_fcurve(action, slot, VALUE.format(shape))
        for frame, value in points:
            curve.keyframe_points.insert(frame, value)
        curve.extrapolation = extrapolation
        curve.update()
    return action


def clicks(path: Path, *, seconds: float = 4.0) -> Path:
    """A recording that is silent but for two clicks."""
    samples = np.zeros(round(RATE * seconds), np.int16)
    samples[[round(at * RATE) for at in CLICKS_S]] = 30_000
    with wave.open(str(path), "wb") as file:
        file.setparams((1, 2, RATE, 0, "NONE", ""))
        file.writeframes(samples.tobytes())
    return path


def add_strip(path: Path, *, scene: Any = None, name: str = "line_07", frame: int = 50, channel: int = 1) -> Any:
    """A sound strip in the sequencer."""
    editor = (scene or bpy.context.scene).sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    return strips.new_sound(name, str(path), channel, frame)


def first_slot(action: Any) -> Any:
    return action.slots[0] if compat.HAS_SLOTS else None


def play(key: Any, action: Any) -> Any:
    """Let the Key play the Action; its animation data."""
    animation = key.animation_data_create()
    compat.assign(animation, action, first_slot(action))
    return animation


def put_strip(key: Any, action: Any, frame: int, **settings: Any) -> Any:
    """A strip that plays the Action from this frame on, on a new track."""
    track = key.animation_data_create().nla_tracks.new()
    strip = track.strips.new(action.name, frame, action)
    compat.assign(strip, action, first_slot(action))
    for name, value in settings.items():
        setattr(strip, name, value)
    return strip


def evaluated(key: Any, shapes: Iterable[str], frames: Iterable[float]) -> np.ndarray:
    """What Blender plays: float64 [frames, shapes]."""
    rows = []
    for frame in frames:
        bpy.context.scene.frame_set(int(frame // 1), subframe=frame % 1)
        rows.append([key.key_blocks[shape].value for shape in shapes])
    return np.array(rows)


def shapes_of(curves: FaceCurves) -> np.ndarray:
    """The 52 shapes alone, float32 [frames, 52]."""
    return curves.values[:, curves.columns(NAMES)]


def keys_of(action: Any) -> dict[str, str]:
    """Every F-Curve of an Action with a digest of all that its keys hold."""
    facts = ("interpolation", "easing", "handle_left_type", "handle_right_type", "back", "amplitude", "period")
    found = {}
    for number, curve in enumerate(compat.every_fcurve(action)):
        rows = [[str(getattr(point, fact)) for fact in facts] for point in curve.keyframe_points]
        exact = [tuple(handle) for point in curve.keyframe_points for handle in (point.co, point.handle_left, point.handle_right)]
        digest = hashlib.sha256(repr((curve.mute, curve.extrapolation, [each.type for each in curve.modifiers], rows, exact)).encode())
        found[f"{number} {curve.data_path}"] = digest.hexdigest()
    return found


def everything() -> dict[str, Any]:
    """All Actions, and how each Key plays them: what must be equal where nothing may have changed."""
    actions = {action.name: (action.users, action.use_fake_user, keys_of(action)) for action in bpy.data.actions}
    return {"actions": actions, "keys": {key.name: _playing(key.animation_data) for key in bpy.data.shape_keys}}


def _playing(animation: Any) -> Any:
    if animation is None:
        return None
    settings = {name: getattr(animation, name) for name in ("use_nla", "action_blend_type", "action_influence", "action_extrapolation")}
    return (_name(animation.action), _slot(animation), settings, [_track(track) for track in animation.nla_tracks])


def _track(track: Any) -> Any:
    facts = ("name", "mute", "frame_start", "frame_end", "action_frame_start", "action_frame_end", "extrapolation", "blend_type", "influence")
    strips = [(_name(strip.action), _slot(strip), *(getattr(strip, fact) for fact in facts)) for strip in track.strips]
    return (track.name, track.mute, track.is_solo, strips)


def _slot(user: Any) -> str | None:
    slot = compat.slot_of(user)
    return None if slot is None else slot.identifier


def _name(action: Any) -> str | None:
    return None if action is None else action.name
