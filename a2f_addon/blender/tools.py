"""The operators that hear nothing: clear, adjust, presets."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import StringProperty
from bpy.types import Context

from .. import presets
from ..errors import A2FError
from . import adjust, clear, compat, preview, properties, registry, targets
from .operators import allowed, redraw, tell


class A2F_OT_clear(bpy.types.Operator):
    """Take away what A2F made on the selected faces: Actions, strips, keys, marks. Nothing else is touched.

    A script reads what was done in ``bpy.context.window_manager.a2f.said``.
    """

    bl_idname = "a2f.clear"
    bl_label = "Clear"
    bl_description = "Take away what A2F made on the selected faces. What was animated before plays as it did; keys that you edited since are kept"
    bl_options = {"UNDO"}

    @classmethod
    def poll(cls, context: Context) -> bool:
        """Whether there is something to clear; where not, it says why."""
        return allowed(cls, "" if any(clear.has_traces(owner) for owner in _owners(context)) else clear.NOTHING)

    def execute(self, context: Context) -> set[Any]:
        """Clear it."""
        preview.stop()
        try:
            done = clear.clear(_owners(context))
        except A2FError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        told = properties.session_of(context)
        told.said, told.warnings, told.result = str(done), "\n".join(done.kept), ""
        for sentence in done.kept:
            self.report({"WARNING"}, sentence)
        self.report({"INFO"}, str(done))
        return {"FINISHED"}


class A2F_OT_adjust(bpy.types.Operator):
    """Make the keys of the last bake anew with other settings; the recording is not heard again.

    Every argument that is not given is as the scene's panel has it. Results are told as by a2f.bake.
    """

    bl_idname = "a2f.adjust"
    bl_label = "Adjust"
    bl_description = "Make the keys anew with these settings. The recording is not heard again, which takes well under a second"
    bl_options = {"UNDO"}

    @classmethod
    def poll(cls, context: Context) -> bool:
        """Whether something was baked in this session; where not, it says why."""
        return allowed(cls, "" if adjust.adjustable(context) else adjust.NOTHING)

    def execute(self, context: Context) -> set[Any]:
        """Adjust it."""
        preview.stop()
        try:
            tell(self, context, adjust.adjust(context, self.properties))
        except A2FError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


A2F_OT_adjust.__annotations__.update(properties.motion_properties() | properties.output_properties() | properties.choice_properties())


class A2F_OT_preset(bpy.types.Operator):
    """Take over all settings of a preset into the scene's panel"""

    bl_idname = "a2f.preset"
    bl_label = "Preset"
    bl_options = {"UNDO"}

    name: StringProperty(name="Preset", description="The name of a preset, or the path of a .toml file of one's own")

    @classmethod
    def description(cls, context: Context, properties: Any) -> str:
        """What Blender shows above the menu's entry."""
        return presets.describe(properties.name) or cls.__doc__ or ""

    def execute(self, context: Context) -> set[Any]:
        """Take it over."""
        try:
            properties.put(compat.scene_of(context), presets.motion(preset=self.name))
        except A2FError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return {"FINISHED"}


class A2F_MT_presets(bpy.types.Menu):
    """The presets that come with A2F"""

    bl_idname = "A2F_MT_presets"
    bl_label = "Presets"

    def draw(self, context: Context) -> None:
        """Blender calls this to show the menu."""
        layout: Any = self.layout
        for name in presets.names():
            layout.operator("a2f.preset", text=name.replace("_", " ").capitalize()).name = name


def _owners(context: Context) -> list[Any]:
    family = targets.family(targets.asked_for(context), compat.scene_of(context))
    return list(dict.fromkeys(owner for each in family for owner in targets.owners(each)))


def adjust_live() -> None:
    """What the Adjust button does, when a slider was moved and the hand rests."""
    try:
        adjust.adjust(bpy.context)
    except A2FError:
        return  # nothing was baked yet; the button says so
    redraw(bpy.context)
    bpy.ops.ed.undo_push(message="Adjust Speech")


CLASSES: tuple[Any, ...] = (A2F_OT_clear, A2F_OT_adjust, A2F_OT_preset, A2F_MT_presets)

register, unregister = registry.both(CLASSES)
