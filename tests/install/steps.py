"""What trial.py lets a Blender do: make a scene, bake it watched, judge what came of it. Run as a plain script it watches from here on."""

from __future__ import annotations

import json
import os
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import bpy

SHAPES = (
    *("jawOpen", "mouthClose", "mouthFunnel", "mouthPucker", "mouthSmileLeft", "mouthSmileRight", "mouthRollLower", "mouthRollUpper"),
    *("mouthPressLeft", "mouthPressRight", "mouthLowerDownLeft", "mouthLowerDownRight", "mouthUpperUpLeft", "mouthUpperUpRight"),
    *("eyeBlinkLeft", "eyeBlinkRight", "browInnerUp", "browOuterUpLeft", "browOuterUpRight", "cheekPuff", "tongueOut"),
)
"""Each moves a vertex of its own by a metre, so that the mesh tells what each is at."""
WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_TRUNC
SECONDS, FPS = 5.0, 24
"""Of the demo's sentence at the least; and of the scene."""


def scene(path: str) -> None:
    """A face and nothing else, in a file."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    mesh = bpy.data.meshes.new("Face")
    mesh.from_pydata([(float(number), 0.0, 0.0) for number in range(len(SHAPES))], [], [])
    face = bpy.data.objects.new("Face", mesh)
    bpy.context.scene.collection.objects.link(face)
    face.shape_key_add(name="Basis")
    for number, name in enumerate(SHAPES):
        shape = face.shape_key_add(name=name)
        shape.value = 0.0
        shape.data[number].co.z = 1.0
    bpy.context.view_layer.objects.active = face
    bpy.context.scene.render.fps = FPS
    bpy.ops.wm.save_as_mainfile(filepath=path)


def bake(archive: str, blend: str, speech: str, spoken: str) -> None:
    """In one process all that a Blender does in several: Blender as a Python module keeps no settings."""
    bpy.ops.preferences.addon_enable(module="bl_pkg")
    bpy.ops.extensions.package_install_files(filepath=archive, repo="user_default", enable_on_install=True)
    bpy.ops.wm.open_mainfile(filepath=blend)
    watch()
    bpy.ops.a2f.bake(filepath=speech)
    bpy.ops.wm.save_as_mainfile(filepath=spoken)
    bpy.app.driver_namespace["a2f_told"]()


def watch() -> None:
    """Note every file that Python opens to write and every call to the network; ``a2f_told`` then writes it down."""
    before, writes, calls = list(sys.path), set[str](), list[str]()

    def hook(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and isinstance(arguments[0], (str, bytes, os.PathLike)):
            mode, flags = str(arguments[1] or ""), arguments[2] or 0
            if set(mode) & set("wax+") or (not mode and flags & WRITING):
                writes.add(str(Path(os.fsdecode(arguments[0])).absolute()))
        elif event in ("socket.connect", "socket.bind", "socket.sendto", "socket.getaddrinfo"):
            calls.append(f"{event} {arguments[1:]}")

    def told() -> None:
        heard_with = getattr(sys.modules.get("onnxruntime"), "__file__", None)
        changed = sorted(set(sys.path) ^ set(before))
        facts = {"writes": sorted(writes), "calls": calls, "path": changed, "runtime": heard_with}
        Path(os.environ["A2F_TRIAL"]).write_text(json.dumps(facts), "utf-8")
        if bpy.app.version[:2] == (4, 5):
            # Its Python does not come to an end where there is an audit hook; without one it does.
            os._exit(0)

    writes.discard(os.environ["A2F_TRIAL"])
    sys.addaudithook(hook)
    bpy.app.driver_namespace["a2f_told"] = told


def judge(path: str) -> None:
    """How the mesh moves, by Blender's own evaluation; fails where it does not speak."""
    bpy.ops.wm.open_mainfile(filepath=path)
    face, reached = bpy.data.objects["Face"], {name: list[float]() for name in SHAPES}
    for frame in range(1, round(SECONDS * FPS)):
        bpy.context.scene.frame_set(frame)
        evaluated = face.evaluated_get(bpy.context.evaluated_depsgraph_get()).data
        for name, vertex in zip(SHAPES, evaluated.vertices, strict=True):
            reached[name].append(vertex.co.z)
    highest = {name: round(max(values), 3) for name, values in reached.items()}
    jaw = reached["jawOpen"]
    moving = sum(abs(after - before) > 1e-3 for before, after in pairwise(jaw))
    if highest["jawOpen"] < 0.15 or highest["eyeBlinkLeft"] < 0.5 or moving < len(jaw) / 3:
        raise SystemExit(f"The face does not speak: {highest}, the jaw moves in {moving} of {len(jaw)} frames.")
    version = ".".join(map(str, bpy.app.version))
    sys.stdout.write("\n" + json.dumps({"version": version, "frames": len(jaw), "jaw_moves_in": moving, "highest": highest}) + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if "--" in sys.argv:
        step, *given = sys.argv[sys.argv.index("--") + 1 :]
        {"scene": scene, "bake": bake, "judge": judge}[step](*given)
    else:
        watch()
