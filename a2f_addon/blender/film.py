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
from bpy.types import Object, Scene
from mathutils import Vector

from ..errors import OutputError
from . import compat

ENGINES = ("workbench", "cycles", "eevee", "scene")
"""Workbench and Cycles need no graphics card; "scene" is as the file has it, its size too."""
THUMBNAIL = (96, 96)
LONGEST = 720
"""Pixels of a film's longer side."""
SAMPLES = 16
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
    """A film of the frames first to last, with what the scene's sequencer lets be heard; whole or not at all. Raises OutputError."""
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
        for owner, names in ((render, RENDER_SETTINGS), (scene, ("frame_start", "frame_end"))):
            for name in names:
                undo.callback(setattr, owner, name, getattr(owner, name))
        if engine != "scene":
            render.resolution_x, render.resolution_y = size
            render.resolution_percentage = 100
            _use(scene, engine)
        if scene.camera is None:
            _put_camera(scene, face, undo)
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


def _put_camera(scene: Scene, face: Object, undo: ExitStack) -> None:
    """Before the face, which looks along -Y as Blender's front view has it, and all of it in the picture."""
    corners = [face.matrix_world @ Vector(corner) for corner in face.bound_box]
    low, high = (Vector(tuple(pick(corner[axis] for corner in corners) for axis in range(3))) for pick in (min, max))
    middle = (low + high) / 2
    data = bpy.data.cameras.new("A2F")
    data.type, data.ortho_scale = "ORTHO", 1.15 * max(high.x - low.x, high.z - low.z, 1e-3)
    depth = max((high - low).length, 1e-3)
    data.clip_start, data.clip_end = depth / 100, 10 * depth
    camera = bpy.data.objects.new("A2F", data)
    camera.location = (middle.x, low.y - 2 * depth, middle.z)
    camera.rotation_euler = (math.pi / 2, 0, 0)
    scene.collection.objects.link(camera)
    scene.camera = camera
    undo.callback(bpy.data.cameras.remove, data)
    undo.callback(setattr, scene, "camera", None)
