"""The pictures of the README: frames of the talking head, rendered with Cycles. ``python -m demo`` comes first.

``python -m demo.still OUT.png FRAME [WIDTH HEIGHT SAMPLES]`` renders one frame; ``python -m demo.still FOLDER all [...]`` every second one.
"""

from __future__ import annotations

import math
import sys
from pathlib import Path

import bpy
from mathutils import Vector

Triple = tuple[float, float, float]

FILE = Path(__file__).with_name("out") / "talking_head.blend"
FACE, WALL = (0.0, 0.0, -0.3), (-1.0, 9.0, 0.0)
LIGHTS = (
    ((-3.8, -5.2, 2.6), FACE, 3.0, 150.0, (1.0, 0.94, 0.87)),
    ((4.2, -5.5, 0.2), FACE, 4.0, 52.0, (0.84, 0.92, 1.0)),
    ((3.2, 2.6, 1.6), FACE, 1.6, 42.0, (1.0, 0.95, 0.9)),
    ((-1.5, 3.0, -2.8), WALL, 4.0, 480.0, (0.92, 1.0, 1.0)),
)
"""Key, fill and rim on the head, and a light on the wall: position, aim, size, watts and colour."""
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


def main(target: str, frame: str, width: str = "1280", height: str = "720", samples: str = "64") -> None:
    """Render as the command line says."""
    bpy.ops.wm.open_mainfile(filepath=str(FILE))
    scene = bpy.context.scene
    dress(scene, width=int(width), height=int(height), samples=int(samples))
    frames = range(1, scene.frame_end + 1, 2) if frame == "all" else [int(frame)]
    for number in frames:
        scene.frame_set(number)
        path = Path(target).absolute()
        scene.render.filepath = str(path / f"{number:04d}.png" if frame == "all" else path)
        bpy.ops.render.render(write_still=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
