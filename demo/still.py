"""The pictures of the README, rendered with Cycles from ``demo/out/talking_head.blend``: ``python -m demo`` comes first.

``python -m demo.still`` writes ``docs/talking_head.png``, four telling moments side by side (2 minutes on two cores), and
``docs/talking_head.webp``, the whole sentence in motion, on twos as clay is animated (10 minutes).
"""

from __future__ import annotations

import math
import tempfile
from collections.abc import Sequence
from pathlib import Path

import bpy
from mathutils import Vector
from PIL import Image, ImageDraw, ImageFont

from . import stage

Triple = tuple[float, float, float]

FILE = Path(__file__).with_name("out") / "talking_head.blend"
DOCS = Path(__file__).parents[1] / "docs"
MOMENTS = {"P": 0.94, "A": 3.00, "F": 1.80, "W": 3.58}
"""Seconds of the recording at which its sounds are best seen."""
CLIP_SIZE = (400, 400)
LENS_MM = 108.0
ON_TWOS = 2
"""Every picture stands for two frames of the film."""
GAP = 6
FACE, WALL = (0.0, 0.0, -0.3), (-1.0, 9.0, 0.0)
LIGHTS = (
    ((-3.8, -5.2, 2.6), FACE, 3.0, 112.0, (1.0, 0.94, 0.87)),
    ((4.2, -5.5, 0.2), FACE, 4.0, 52.0, (0.84, 0.92, 1.0)),
    ((0.6, -8.8, -1.2), FACE, 1.2, 62.0, (1.0, 0.97, 0.94)),
    ((3.2, 2.6, 1.6), FACE, 1.6, 42.0, (1.0, 0.95, 0.9)),
    ((-1.5, 3.0, -2.8), WALL, 4.0, 480.0, (0.92, 1.0, 1.0)),
)
"""Key, fill, a light into the mouth and a rim, and a light on the wall: position, aim, size, watts and colour."""
SPREAD = 1.6
"""Radians that a light of the head shines apart, so that it leaves no edge of light on the wall."""
AIR = (0.42, 0.44, 0.46)


def dress(scene: bpy.types.Scene, *, width: int, height: int, samples: int) -> None:
    """Light the open scene for Cycles and give its materials the softness of clay."""
    scene.render.engine = "CYCLES"
    scene.cycles.device = "CPU"
    scene.cycles.samples, scene.cycles.use_denoising = samples, True
    scene.cycles.max_bounces = 5
    scene.render.resolution_x, scene.render.resolution_y = width, height
    scene.view_settings.view_transform, scene.view_settings.look = "Standard", "None"
    for light in LIGHTS:
        _area_light(*light)
    scene.world = bpy.data.worlds.new("Air")
    scene.world.color = AIR
    scene.camera.data.lens = LENS_MM
    for material in bpy.data.materials:
        _clay(material)


def _area_light(position: Triple, aim: Triple, size: float, watts: float, colour: Triple) -> None:
    data = bpy.data.lights.new("Light", "AREA")
    data.shape, data.size, data.energy, data.color = "DISK", size, watts, colour
    light = bpy.data.objects.new("Light", data)
    data.spread = SPREAD if aim == FACE else math.pi
    light.location = position
    light.rotation_euler = (Vector(aim) - light.location).to_track_quat("-Z", "Y").to_euler()
    bpy.context.scene.collection.objects.link(light)


def _clay(material: bpy.types.Material) -> None:
    """Light that goes a little way in, and the dents of fingers."""
    nodes, links = material.node_tree.nodes, material.node_tree.links
    surface = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
    surface.inputs["Subsurface Weight"].default_value = 0.06
    surface.inputs["Subsurface Radius"].default_value = (0.10, 0.04, 0.02)
    if material.name != "Clay":
        return
    dents, bump = nodes.new("ShaderNodeTexNoise"), nodes.new("ShaderNodeBump")
    dents.inputs["Scale"].default_value, dents.inputs["Detail"].default_value = 4.0, 2.5
    bump.inputs["Strength"].default_value, bump.inputs["Distance"].default_value = 0.5, 0.08
    links.new(dents.outputs[0], bump.inputs["Height"])
    links.new(bump.outputs["Normal"], surface.inputs["Normal"])


def draw(frame: int, path: Path) -> Image.Image:
    """One frame of the open, dressed scene; it is drawn to a file on the way."""
    scene = bpy.context.scene
    scene.frame_set(frame)
    scene.render.filepath = str(path)
    bpy.ops.render.render(write_still=True)
    with Image.open(path) as picture:
        return picture.convert("RGB")


def strip(pictures: Sequence[Image.Image], letters: Sequence[str]) -> Image.Image:
    """Pictures side by side, each with a letter in its corner."""
    width, height = pictures[0].size
    font = ImageFont.load_default(size=44)
    sheet = Image.new("RGB", (width * len(pictures) + GAP * (len(pictures) - 1), height), "white")
    for index, (picture, letter) in enumerate(zip(pictures, letters, strict=True)):
        left = index * (width + GAP)
        sheet.paste(picture, (left, 0))
        ImageDraw.Draw(sheet).text((left + 18, height - 16), letter, fill="white", font=font, anchor="ls")
    return sheet


def main() -> None:
    """Write both pictures."""
    bpy.ops.wm.open_mainfile(filepath=str(FILE))
    scene = bpy.context.scene
    DOCS.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "frame.png"
        dress(scene, width=400, height=480, samples=64)
        moments = [draw(round(time_s * stage.FPS) + 1, path) for time_s in MOMENTS.values()]
        strip(moments, list(MOMENTS)).save(DOCS / "talking_head.png", optimize=True)
        scene.render.resolution_x, scene.render.resolution_y = CLIP_SIZE
        scene.cycles.samples = 24
        film = [draw(frame, path) for frame in range(1, scene.frame_end + 1, ON_TWOS)]
    hold = round(1000 * ON_TWOS / stage.FPS)
    film[0].save(DOCS / "talking_head.webp", save_all=True, append_images=film[1:], duration=hold, loop=0, quality=80, method=6)


if __name__ == "__main__":
    main()
