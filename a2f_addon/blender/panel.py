"""The sidebar's tab. It says what will be used, and why where something cannot be."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import bpy
from bpy.types import Context

from ..errors import SoundError
from ..job import Motion
from ..settings import options
from . import compat, runner, source, targets
from .operators import REASON
from .properties import panel_settings
from .source import Source
from .targets import Face

LETTER_PX = 7.0
"""Roughly a letter's width in Blender's interface, at a scale of 1."""


class A2F_PT_bake(bpy.types.Panel):
    """Speech, face, and the button"""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "A2F"
    bl_idname = "A2F_PT_bake"
    bl_label = "Speech to Face"

    def draw(self, context: Context) -> None:
        """Blender calls this to show the panel."""
        layout: Any = self.layout
        speech = _chosen_source(context)
        faces = targets.faces(targets.family(targets.asked_for(context), compat.scene_of(context)))
        _draw_source(layout, context, speech)
        _draw_targets(layout, context, faces)
        run = runner.current()
        if run is None:
            _draw_button(layout, context, speech, faces)
        else:
            layout.progress(factor=run.done, text=f"{run.text} {run.done:.0%}")
            layout.operator("a2f.cancel", text="Cancel", icon="X")


class A2F_PT_motion(bpy.types.Panel):
    """The settings of the motion"""

    bl_space_type = "VIEW_3D"
    bl_region_type = "UI"
    bl_category = "A2F"
    bl_idname = "A2F_PT_motion"
    bl_parent_id = "A2F_PT_bake"
    bl_label = "Motion"
    bl_options = {"DEFAULT_CLOSED"}

    def draw(self, context: Context) -> None:
        """Blender calls this to show the panel."""
        layout: Any = self.layout
        layout.use_property_split = True
        layout.use_property_decorate = False
        for group, items in groupby(options(Motion), key=lambda item: item.path[0]):
            column = layout.column()
            column.label(text=group.title())
            for item in items:
                column.prop(panel_settings(compat.scene_of(context)), item.name)


def _chosen_source(context: Context) -> Source | str:
    """The recording that will be used, or a sentence that says what is missing."""
    scene = compat.scene_of(context)
    chosen = panel_settings(scene)
    if chosen.source == "FILE" and not chosen.filepath:
        return "Choose a sound file."
    try:
        if chosen.source == "FILE":
            return source.from_file(chosen.filepath, scene, frame_start=chosen.frame_start)
        return source.from_strip(source.active_strip(context), compat.sequencer_scene(context))
    except SoundError as error:
        return str(error)


def _draw_source(layout: Any, context: Context, speech: Source | str) -> None:
    chosen = panel_settings(compat.scene_of(context))
    layout.row().prop(chosen, "source", expand=True)
    if chosen.source == "FILE":
        layout.prop(chosen, "filepath", text="")
        layout.prop(chosen, "frame_start")
    if isinstance(speech, str):
        _draw_sentence(layout, context, speech, icon="INFO")
    elif chosen.source == "STRIP":
        layout.label(text=speech.name, icon="SOUND", translate=False)


def _draw_targets(layout: Any, context: Context, faces: list[Face]) -> None:
    if not faces:
        _draw_sentence(layout, context, targets.NO_FACE, icon="INFO")
        return
    shapes = {channel.shape for face in faces for channel in face.channels}
    others = f" and {len(faces) - 1} more" if len(faces) > 1 else ""
    layout.label(text=f"{faces[0].object}{others}: {faces[0].rig}, {len(shapes)} shapes", icon="SHAPEKEY_DATA", translate=False)


def _draw_button(layout: Any, context: Context, speech: Source | str, faces: list[Face]) -> None:
    row = layout.row()
    row.scale_y = 1.5
    reason = speech if isinstance(speech, str) else "" if faces else targets.NO_FACE
    row.context_string_set(REASON, reason)  # the operator's poll reads it, greys the button and says it
    button = row.operator("a2f.bake", text=_button_text(speech, faces), icon="REC", translate=False)
    chosen = panel_settings(compat.scene_of(context))
    if chosen.source == "FILE":
        button.filepath, button.frame_start = chosen.filepath, chosen.frame_start


def _button_text(speech: Source | str, faces: list[Face]) -> str:
    if isinstance(speech, str) or not faces:
        return "Bake"
    length = "" if speech.length_s is None else f", {speech.length_s:.1f} s,"
    return f"Bake '{speech.name}'{length} to {len(faces)} {'mesh' if len(faces) == 1 else 'meshes'}"


def _draw_sentence(layout: Any, context: Context, sentence: str, *, icon: str) -> None:
    """A sentence in as many lines as the panel's width asks for."""
    column = layout.column(align=True)
    here: Any = context
    letters = max(20, int(here.region.width / (LETTER_PX * here.preferences.system.ui_scale)) - 4)
    line = ""
    for word in sentence.split():
        if line and len(line) + 1 + len(word) > letters:
            column.label(text=line, icon=icon, translate=False)
            line, icon = "", "BLANK1"
        line = f"{line} {word}".strip()
    column.label(text=line, icon=icon, translate=False)


CLASSES: tuple[Any, ...] = (A2F_PT_bake, A2F_PT_motion)


def register() -> None:
    """Show the tab."""
    for each in CLASSES:
        bpy.utils.register_class(each)


def unregister() -> None:
    """And hide it."""
    for each in reversed(CLASSES):
        bpy.utils.unregister_class(each)
