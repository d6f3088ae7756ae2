"""Talking styles in Blender: chosen from a menu, or measured from a face's own animation."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
from bpy.props import StringProperty
from bpy.types import Context, Event

from .. import rigs
from ..errors import A2FError, TargetError
from ..face import retarget
from ..face.curves import FaceCurves, Floats
from ..files import styles
from . import compat, ownstyles, properties, registry, targets
from .operators import allowed

NO_ACTION = "plays no Action of its face shapes; make the performance its active Action first."


def performance(context: Context) -> tuple[FaceCurves, str]:
    """What the selected face's Actions do within the scene's frames, as ARKit's curves at the scene's rate, and the first Action's name.

    Raises TargetError where there is no face, or no Action that moves it.
    """
    scene = compat.scene_of(context)
    family = targets.family(targets.asked_for(context), scene)
    found = [(face, owner) for face in targets.faces(family) if (owner := targets.key_by_uid(face.uid)) is not None]
    if not found:
        raise TargetError(targets.NO_FACE)
    curves = {(face.uid, curve.data_path): curve for face, owner in found for curve in _standing(owner)}
    moving = [(face, channel) for face, _ in found for channel in face.channels if (face.uid, channel.data_path) in curves]
    if not moving:
        raise TargetError(f"'{found[0][0].object}' {NO_ACTION}")
    own = [curves[face.uid, channel.data_path] for face, channel in moving]
    first = max(scene.frame_start, min(curve.range()[0] for curve in own))
    last = min(scene.frame_end, max(curve.range()[1] for curve in own))
    frames = np.arange(np.ceil(first), np.floor(last) + 1)
    if not len(frames):
        raise TargetError(f"'{own[0].id_data.name}' has no keys within the scene's frames, {scene.frame_start} to {scene.frame_end}.")
    values = [(channel.takes, _sampled(curve, frames)) for (_, channel), curve in zip(moving, own, strict=True)]
    made = retarget.recovered(values, rigs.visemes())
    fps = scene.render.fps / scene.render.fps_base
    return FaceCurves(fps, 0.0, tuple(made), np.stack(list(made.values()), axis=1)), own[0].id_data.name


def _standing(owner: Any) -> list[Any]:
    animation = owner.animation_data
    action = None if animation is None else animation.action
    return [] if action is None else [curve for curve in compat.fcurves(action, compat.slot_of(animation)) if not curve.is_empty]


def _sampled(curve: Any, frames: Any) -> Floats:
    return np.array([curve.evaluate(frame) for frame in frames], np.float32)


class A2F_OT_measure_style(bpy.types.Operator):
    """Measure how the selected face moves in its Action, within the scene's frames, and keep that as a talking style of your own.

    5 s of talking are needed, 20 s tell it well.
    """

    bl_idname = "a2f.measure_style"
    bl_label = "Measure Style"
    bl_description = (
        "Measure how the selected face talks in its Action, within the scene's frames, and keep that as a style of your own. "
        "5 s are needed, 20 s tell it well"
    )

    name: StringProperty(name="Name", description="What to call the style; one of your own of this name is replaced. Empty: as the Action")

    @classmethod
    def poll(cls, context: Context) -> bool:
        """Whether there is a face; where not, it says why."""
        return allowed(cls, "" if targets.faces(targets.family(targets.asked_for(context), compat.scene_of(context))) else targets.NO_FACE)

    def invoke(self, context: Context, event: Event) -> set[Any]:
        """Ask for the name."""
        manager: Any = context.window_manager
        return manager.invoke_props_dialog(self)

    def execute(self, context: Context) -> set[Any]:
        """Measure and save it, and let the panel show it."""
        try:
            curves, action = performance(context)
            name = self.name.strip() or action
            path = ownstyles.save(name, styles.of_curves(curves, name=action))
        except A2FError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        properties.panel_settings(compat.scene_of(context)).style_name = name
        self.report({"INFO"}, f"Measured {len(curves) / curves.fps:.1f} s of '{action}'; the style '{name}' is chosen, and kept in '{path}'.")
        return {"FINISHED"}


class A2F_OT_style(bpy.types.Operator):
    """Choose this talking style"""

    bl_idname = "a2f.style"
    bl_label = "Style"
    bl_options = {"UNDO", "INTERNAL"}

    name: StringProperty(name="Style", description="The name of a style, or the path of a .toml file; empty for none")

    @classmethod
    def description(cls, context: Context, properties: Any) -> str:
        """What Blender shows above the menu's entry."""
        try:
            return styles.read(ownstyles.found(properties.name)).description or cls.__doc__ or ""
        except A2FError:
            return "Leave the performance as it is heard"

    def execute(self, context: Context) -> set[Any]:
        """Let the panel show it."""
        properties.panel_settings(compat.scene_of(context)).style_name = self.name
        return {"FINISHED"}


class A2F_MT_styles(bpy.types.Menu):
    """Choose a talking style, or measure one"""

    bl_idname = "A2F_MT_styles"
    bl_label = "Styles"

    def draw(self, context: Context) -> None:
        """Blender calls this to show the menu: none, the person's own, those that come with A2F, and how to get one more."""
        layout: Any = self.layout
        layout.operator("a2f.style", text="None", icon="X").name = ""
        for name in ownstyles.names():
            layout.operator("a2f.style", text=name, icon="USER", translate=False).name = name
        for name in styles.names():
            layout.operator("a2f.style", text=name.replace("_", " ").capitalize(), icon="BLANK1").name = name
        layout.separator()
        layout.operator("a2f.measure_style", text="Measure from This Face...", icon="GRAPH")


CLASSES: tuple[Any, ...] = (A2F_OT_measure_style, A2F_OT_style, A2F_MT_styles)

register, unregister = registry.both(CLASSES)
