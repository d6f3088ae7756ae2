"""From meshes to a Blender scene: the head, a backdrop, the camera and the light."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import bpy
import numpy as np
from mathutils import Vector

from .head import Part
from .mesh import Mesh, grid_faces
from .surface import Points, smoothstep

FILM_SIZE = (720, 720)
FPS = 24
CAMERA = (1.30, -9.45, 0.12)
LOOKS_AT = (0.0, 0.0, -0.34)
LENS_MM = 92.0
BACKDROP_BEHIND = 9.0
"""So far that the head's shadow on it falls outside of the picture."""
BACKDROP_MIDDLE, BACKDROP_EDGE = (0.23, 0.42, 0.43), (0.07, 0.17, 0.20)

AMBIENT = (0.10, 0.11, 0.13)
WORKBENCH_LIGHTS = (
    ((-0.62, -0.50, 0.60), (1.20, 1.09, 0.94), 0.25, 0.35),
    ((0.80, -0.55, 0.10), (0.32, 0.36, 0.44), 0.0, 0.60),
    ((0.55, 0.62, 0.55), (0.55, 0.60, 0.66), 0.15, 0.10),
    ((0.0, -0.45, -0.90), (0.26, 0.18, 0.12), 0.0, 0.60),
)
"""Key, fill, rim and bounce: the direction to the light as the camera sees it (x right, y away, z up), its colour, its shine and its softness."""


def set_up(parts: Sequence[Part]) -> bpy.types.Object:
    """Empty the open file and build the scene in it. Returns the head's object, which has all the shapes; the rest are its children."""
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.name = "Talking head"
    clay, glossy = _material("Clay", roughness=0.55), _material("Glazed", roughness=0.15)
    objects = {part.name: _object(part, glossy if part.name in ("Eyes", "UpperTeeth", "LowerTeeth", "Tongue") else clay) for part in parts}
    head = objects["Head"]
    for name, made in objects.items():
        if name != "Head":
            made.parent = head
    _backdrop(clay)
    for made in scene.objects:
        # The head's own shadow makes a face of it; those of the rest would cost half of the film's time.
        made.display.show_shadows = made == head
    _camera(scene)
    _film_look(scene)
    _viewports()
    bpy.context.view_layer.objects.active = head
    head.select_set(True)
    return head


def speak(scene: bpy.types.Scene, sound: Path, *, seconds: float) -> None:
    """Put the recording on the timeline at frame 1, inside the file, and let it play in time."""
    scene.frame_start, scene.frame_end = 1, math.ceil(seconds * FPS)
    strip = scene.sequence_editor_create().strips.new_sound(sound.stem, str(sound), 1, 1)
    strip.sound.pack()
    scene.sync_mode = "AUDIO_SYNC"


def _object(part: Part, material: bpy.types.Material) -> bpy.types.Object:
    made = _mesh_object(part.name, part.mesh, material)
    if part.shapes:
        made.shape_key_add(name="Basis")
    for name, moves in part.shapes.items():
        key = made.shape_key_add(name=name, from_mix=False)
        key.value = 0  # from Blender 5.0 on it would start at 1
        key.data.foreach_set("co", (part.mesh.vertices + moves).astype(np.float32).ravel())
    return made


def _mesh_object(name: str, mesh: Mesh, material: bpy.types.Material) -> bpy.types.Object:
    data = bpy.data.meshes.new(name)
    data.from_pydata(mesh.vertices.tolist(), [], mesh.faces)
    data.shade_smooth()
    colours = data.color_attributes.new("Color", "FLOAT_COLOR", "POINT")
    colours.data.foreach_set("color", np.column_stack([mesh.colours, np.ones(len(mesh.colours))]).astype(np.float32).ravel())
    data.materials.append(material)
    made = bpy.data.objects.new(name, data)
    bpy.context.scene.collection.objects.link(made)
    return made


def _material(name: str, *, roughness: float) -> bpy.types.Material:
    """Clay in the colours of the mesh; the nodes are what Cycles shows, Workbench takes the colours alone."""
    material = bpy.data.materials.new(name)
    material.use_nodes = True
    nodes, links = material.node_tree.nodes, material.node_tree.links
    surface = next(node for node in nodes if node.type == "BSDF_PRINCIPLED")
    colour = nodes.new("ShaderNodeVertexColor")
    colour.layer_name = "Color"
    links.new(colour.outputs["Color"], surface.inputs["Base Color"])
    surface.inputs["Roughness"].default_value = roughness
    material.roughness = roughness
    return material


def _backdrop(material: bpy.types.Material) -> None:
    """A wall with a pool of light on it."""
    across, up = np.meshgrid(np.linspace(-14, 14, 61), np.linspace(-10, 10, 49))
    points: Points = np.stack([across, np.full_like(across, BACKDROP_BEHIND), up], axis=-1)
    share = smoothstep(7.0, 0.5, np.hypot(across + 2.4, up + 0.3))[..., None]
    colours = share * BACKDROP_MIDDLE + (1 - share) * np.asarray(BACKDROP_EDGE)
    ids = np.arange(across.size).reshape(across.shape)
    _mesh_object("Backdrop", Mesh(points.reshape(-1, 3), grid_faces(ids[::-1]), colours.reshape(-1, 3)), material)


def _camera(scene: bpy.types.Scene) -> None:
    camera = bpy.data.objects.new("Camera", bpy.data.cameras.new("Camera"))
    scene.collection.objects.link(camera)
    camera.data.lens, camera.data.sensor_fit, camera.data.sensor_height = LENS_MM, "VERTICAL", 36
    camera.location = CAMERA
    camera.rotation_euler = (Vector(LOOKS_AT) - Vector(CAMERA)).to_track_quat("-Z", "Y").to_euler()
    scene.camera = camera


def _film_look(scene: bpy.types.Scene) -> None:
    """Workbench, which needs no GPU: the meshes' own colours under soft light from the side."""
    scene.render.engine = "BLENDER_WORKBENCH"
    scene.render.resolution_x, scene.render.resolution_y = FILM_SIZE
    scene.render.fps = FPS
    scene.view_settings.view_transform = "Standard"
    scene.display.render_aa = "5"
    shading = scene.display.shading
    shading.light, shading.color_type = "STUDIO", "VERTEX"
    shading.show_cavity, shading.cavity_type = True, "BOTH"
    shading.cavity_ridge_factor, shading.cavity_valley_factor = 0.1, 0.7
    shading.curvature_ridge_factor, shading.curvature_valley_factor = 0.1, 0.4
    shading.show_shadows, shading.shadow_intensity = True, 0.28
    scene.display.light_direction, scene.display.shadow_focus, scene.display.shadow_shift = (-0.45, 0.62, 0.64), 0.35, 0.08
    scene.display.matcap_ssao_distance = 0.25
    light_workbench()


def _viewports() -> None:
    """Whoever opens the file looks through the camera and sees the colours."""
    for area in (area for screen in bpy.data.screens for area in screen.areas if area.type == "VIEW_3D"):
        space = area.spaces.active
        space.shading.color_type = "VERTEX"
        space.region_3d.view_perspective = "CAMERA"


def light_workbench() -> None:
    """Soft light from the side. Workbench's lights belong to Blender's preferences and not to the file: whoever renders calls this first."""
    system = bpy.context.preferences.system
    system.use_studio_light_edit = True
    system.light_ambient = AMBIENT
    for light, (direction, colour, shine, smooth) in zip(system.solid_lights, WORKBENCH_LIGHTS, strict=True):
        light.use = True
        light.direction = (direction[0], direction[2], -direction[1])
        light.diffuse_color, light.specular_color, light.smooth = colour, (shine,) * 3, smooth
