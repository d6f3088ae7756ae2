"""Pictures of a baked face: small ones for the report, and a film with the line's sound."""

from __future__ import annotations

import base64
import math
import shutil
import tempfile
import uuid
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from bpy.types import Mesh, Object, Scene
from mathutils import Vector
from numpy.typing import NDArray

from ..errors import OutputError
from ..face import arkit
from . import compat

Floats = NDArray[np.float64]

THUMBNAIL = (96, 96)
LONGEST = 480
"""Pixels of a film's longer side: enough to see lips meet, and half a second a frame where a CPU draws it."""
SMOOTHING = "FXAA"
"""Of Workbench's edges. Its other ways draw each frame 5 to 32 times, of which 8, what a new scene has, take five times as long."""
SAMPLES = 16
MOVED = 0.05
"""Of the farthest that a shape moves anything: what moves less is neck and shoulders."""
HEAD, MARGIN = 1.7, 1.1
"""The side of the picture by that of the part that moves, which ends at brows and chin; and a little air where the object itself ends."""
RENDER_SETTINGS = ("engine", "filepath", "resolution_x", "resolution_y", "resolution_percentage", "use_sequencer")
REMEDY = "without a graphics card Blender needs software OpenGL (on Debian: libegl1 libgl1-mesa-dri)"


def thumbnails(scene: Scene, face: Object, frames: list[float]) -> list[str]:
    """Small pictures of some frames as data: URLs; none where Blender cannot draw here. The scene is as it was before."""
    pictures = []
    now = scene.frame_current
    with suppress(RuntimeError, OSError), tempfile.TemporaryDirectory() as folder, _look(scene, face, engine="workbench", size=THUMBNAIL):
        compat.as_jpeg(scene)
        scene.render.use_sequencer = False
        for frame in dict.fromkeys(map(round, frames)):
            scene.frame_set(frame)
            path = Path(folder) / f"{frame}.jpg"
            scene.render.filepath = str(path)
            bpy.ops.render.render(write_still=True)
            pictures.append("data:image/jpeg;base64," + base64.b64encode(path.read_bytes()).decode())
    scene.frame_set(now)
    return pictures


def render(scene: Scene, face: Object, path: Path, *, engine: str, first: float, last: float) -> None:
    """A film of the frames first to last, with what the scene's sequencer lets be heard; whole or not at all.

    engine: one of batch.task.ENGINES. Raises OutputError.
    """
    folder = path.absolute().with_name(f".a2f-{uuid.uuid4().hex}.part")
    try:
        folder.mkdir()
        film = folder / "film.mp4"
        with _look(scene, face, engine=engine, size=_size(scene)):
            compat.as_mp4(scene)
            scene.frame_start, scene.frame_end = max(math.floor(first), 0), max(math.ceil(last), 1)
            scene.render.filepath = str(film)
            bpy.ops.render.render(animation=True)
        film.replace(path)
    except (RuntimeError, OSError) as error:
        raise OutputError(f"The film '{path}' could not be made ({str(error).strip()[:160]}); make room there, and {REMEDY}.") from error
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _size(scene: Scene) -> tuple[int, int]:
    """As the scene's, but no larger than LONGEST, and even, as H.264 wants it."""
    width, height = scene.render.resolution_x, scene.render.resolution_y
    share = min(LONGEST / max(width, height), 1.0)
    return max(round(width * share / 2) * 2, 2), max(round(height * share / 2) * 2, 2)


@contextmanager
def _look(scene: Scene, face: Object, *, engine: str, size: tuple[int, int]) -> Iterator[None]:
    """The scene ready to be drawn, with a camera before the face where it has none; everything is taken back afterwards."""
    with ExitStack() as undo:
        render: Any = scene.render
        for owner, names in ((render, RENDER_SETTINGS), (scene, ("frame_start", "frame_end")), (scene.display, ("render_aa",))):
            for name in names:
                undo.callback(setattr, owner, name, getattr(owner, name))
        if engine != "scene":
            render.resolution_x, render.resolution_y = size
            render.resolution_percentage = 100
            _use(scene, engine)
        if scene.camera is None:
            _put_camera(scene, face, undo)
        if engine in ("cycles", "eevee") and not any(each.type == "LIGHT" for each in scene.objects):
            _put_lights(scene, undo)
        yield


def _use(scene: Scene, engine: str) -> None:
    if engine == "eevee":
        compat.use_eevee(scene)
    elif engine == "cycles":
        scene.render.engine = "CYCLES"  # type: ignore[assignment]
        settings: Any = scene
        settings.cycles.samples = SAMPLES
    else:
        scene.render.engine = "BLENDER_WORKBENCH"  # type: ignore[assignment]
        display: Any = scene.display
        display.render_aa = SMOOTHING


def _put_camera(scene: Scene, face: Object, undo: ExitStack) -> None:
    """Before the face, which looks along -Y as Blender's front view has it, with the head around it in the picture."""
    whole = _corners(face)
    low, high = _moving(face, whole)
    size, depth = high - low, max(float(np.linalg.norm(np.ptp(whole, axis=0))), 1e-3)
    width, height = scene.render.resolution_x, scene.render.resolution_y
    data = bpy.data.cameras.new("A2F")
    # Of an orthographic camera the scale is that of the picture's longer side, and the face has to fit into the shorter.
    data.type, data.ortho_scale = "ORTHO", max(size[0], size[2], 1e-3) * max(width, height) / min(width, height)
    data.clip_start, data.clip_end = depth / 100, 10 * depth
    camera = bpy.data.objects.new("A2F", data)
    middle = (low + high) / 2
    camera.location = (middle[0], whole[:, 1].min() - 2 * depth, middle[2])
    camera.rotation_euler = (math.pi / 2, 0, 0)
    scene.collection.objects.link(camera)
    scene.camera = camera
    undo.callback(bpy.data.cameras.remove, data)
    undo.callback(setattr, scene, "camera", None)


def _corners(face: Object) -> Floats:
    """Of the object's box in the world, [8, 3]."""
    return np.array([face.matrix_world @ Vector(corner) for corner in face.bound_box])


def _moving(face: Object, whole: Floats) -> tuple[Floats, Floats]:
    """The lowest and highest corner of what to show: the part that the face's shapes move with HEAD around it, so that the face of a whole body is
    no speck; but no more than there is of the object.
    """
    low, high = whole.min(axis=0), whole.max(axis=0)
    blocks: Any = face.data.shape_keys.key_blocks if isinstance(face.data, Mesh) and face.data.shape_keys else ()
    shapes = [block for block in blocks if block.name in arkit.NAMES]
    if shapes:
        rest = _points(shapes[0].relative_key)
        moves = np.max([np.abs(_points(block) - rest).max(axis=1) for block in shapes], axis=0)
        if moves.max() > 0:
            matrix = np.array(face.matrix_world)
            part = rest[moves > MOVED * moves.max()] @ matrix[:3, :3].T + matrix[:3, 3]
            middle, half = (part.min(axis=0) + part.max(axis=0)) / 2, HEAD / 2 * np.ptp(part, axis=0).max()
            low, high = np.maximum(low, middle - half), np.minimum(high, middle + half)
    middle, half = (low + high) / 2, MARGIN / 2 * (high - low)
    return middle - half, middle + half


def _points(block: Any) -> Floats:
    """Where a shape has its vertices, [vertices, 3]."""
    flat = np.empty(3 * len(block.data), np.float32)
    block.data.foreach_get("co", flat)
    return flat.reshape(-1, 3).astype(np.float64)


def _put_lights(scene: Scene, undo: ExitStack) -> None:
    """Light from before the face, high on one side and softer from the other, for a scene that has none."""
    for energy, turn in ((3.0, -0.6), (1.0, 0.8)):
        data: Any = bpy.data.lights.new("A2F", "SUN")
        data.energy, data.angle = energy, 0.5
        light = bpy.data.objects.new("A2F", data)
        light.rotation_euler = (0.9, 0, turn)
        scene.collection.objects.link(light)
        undo.callback(bpy.data.lights.remove, data)
