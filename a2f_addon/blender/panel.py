"""The sidebar's tab. It says what will be used, and why where something cannot be."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from itertools import groupby
from pathlib import Path
from typing import Any

import bpy
from bpy.types import Context

from ..errors import SoundError
from ..job import Motion
from ..settings import Option, options
from . import compat, preview, registry, runner, styling, targets, thumbnail
from .operators import REASON
from .properties import FELT, Values, panel_settings, session_of
from .source import Chosen
from .tab import Part, draw_sentence, letters
from .targets import Face

EYES = frozenset({"eyes", "eye_clips", "brows", "head"})
FEELING = frozenset({"emotion", "style"})
"""Groups of settings; those of every other stage are the mouth's motion."""
SIMPLE = frozenset(
    {
        *("smoothing_mouth_s", "articulation_jaw", "articulation_lips", "articulation_clarity", "articulation_effort", "rescale_upper"),
        *("closure_strength", "eyes_blinks", "eyes_blinks_per_minute", "eyes_gaze", "eyes_seed", "brows_raises", "head_nods"),
        *("style_name", "style_strength"),
    }
)
"""What a newcomer sees, beside the stages' switches; the rest is under Advanced."""
HEADINGS = {"rescale": "Shapes", "closure": "Lips", "silence": "Pauses", "eye_clips": "Recorded eyes"}
"""Words of a person for the stages' own."""
HELP = (Path(__file__).parents[2] / "README.md").as_uri() + "#use"
"""The README's part on the panel; it comes with the add-on."""
NAME_AT_LEAST = 12
"""Letters of a name that are always shown."""


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
        reason = speech if isinstance(speech, str) else "" if faces else targets.NO_FACE
        layout.context_string_set(REASON, reason)  # the operators' polls read it, grey their buttons and say it
        _draw_button(layout, context, speech, faces)
        for number, run in enumerate(runner.session.runs):
            row = layout.row(align=True)
            name = shortened(run.request.source.name, letters(context) - len(run.brief) - 6)
            row.progress(factor=run.done, text=f"{name}: {run.brief}")
            row.operator("a2f.cancel", text="", icon="X").number = number
        _draw_after(layout, context)

    def draw_header_preset(self, context: Context) -> None:
        """Blender calls this to show the right end of the header."""
        layout: Any = self.layout
        layout.operator("wm.url_open", text="", icon="HELP", emboss=False).url = HELP


class A2F_PT_result(Part, bpy.types.Panel):
    """What the mouth does in the last bake"""

    bl_idname = "A2F_PT_result"
    bl_label = "Result"
    bl_options: Any = set()

    @classmethod
    def poll(cls, context: Context) -> bool:
        """Whether there is something to be seen."""
        return thumbnail.latest(context) is not None

    def draw(self, context: Context) -> None:
        """Blender calls this to show the panel."""
        result = thumbnail.latest(context)
        if result is not None:
            thumbnail.draw(self.layout, context, result)


class A2F_PT_motion(Part, bpy.types.Panel):
    """How the mouth moves"""

    bl_idname = "A2F_PT_motion"
    bl_label = "Motion"

    def draw(self, context: Context) -> None:
        """Blender calls this to show the panel."""
        layout: Any = self.layout
        layout.menu("A2F_MT_presets", text="Preset")
        _draw_settings(layout, context, {item.path[0] for item in options(Motion)} - EYES - FEELING, advanced=False)


class A2F_PT_eyes(Part, bpy.types.Panel):
    """What moves beside the mouth"""

    bl_idname = "A2F_PT_eyes"
    bl_label = "Eyes, Brows and Head"

    def draw(self, context: Context) -> None:
        """Blender calls this to show the panel."""
        _draw_settings(self.layout, context, EYES, advanced=False)


class A2F_PT_emotion(Part, bpy.types.Panel):
    """What the face feels, and whose manner it has"""

    bl_idname = "A2F_PT_emotion"
    bl_label = "Emotion and Style"

    def draw(self, context: Context) -> None:
        """Blender calls this to show the panel."""
        layout: Any = self.layout
        chosen = panel_settings(compat.scene_of(context))
        column = layout.column(align=True)
        column.use_property_split = True  # with the dots that set keys, which are followed over time
        for name in FELT:
            column.prop(chosen.emotions, name, slider=True)
        _draw_settings(layout, context, FEELING, advanced=False)


class A2F_PT_output(Part, bpy.types.Panel):
    """Where the keys go, and how many there will be"""

    bl_idname = "A2F_PT_output"
    bl_label = "Output"

    def draw(self, context: Context) -> None:
        """Blender calls this to show the panel."""
        layout: Any = self.layout
        chosen = panel_settings(compat.scene_of(context))
        row = layout.row(align=True)
        for region in runner.REGIONS:
            row.prop(chosen, f"region_{region}", toggle=True)
        column = layout.column()
        column.use_property_split = True
        column.use_property_decorate = False
        column.prop(chosen, "place")
        column.prop(chosen, "reduction")
        if chosen.reduction == "CUSTOM":
            column.prop(chosen, "reduction_error")
        column.prop(chosen, "at_scene_rate")
        if not chosen.at_scene_rate:
            column.prop(chosen, "fps")
        column.prop(chosen, "markers")


class A2F_PT_advanced(Part, bpy.types.Panel):
    """Every setting that is seldom touched"""

    bl_idname = "A2F_PT_advanced"
    bl_label = "Advanced"

    def draw(self, context: Context) -> None:
        """Blender calls this to show the panel."""
        _draw_settings(self.layout, context, {item.path[0] for item in options(Motion)}, advanced=True)


def is_advanced(item: Option) -> bool:
    """Whether a setting is out of a newcomer's sight."""
    return item.path[-1] != "enabled" and item.name not in SIMPLE


def _draw_settings(layout: Any, context: Context, groups: Collection[str], *, advanced: bool) -> None:
    chosen = panel_settings(compat.scene_of(context))
    layout.use_property_split = True
    layout.use_property_decorate = False
    shown = [item for item in options(Motion) if item.path[0] in groups and is_advanced(item) == advanced]
    for group, items in groupby(shown, key=lambda item: item.path[0]):
        column = layout.column()
        if advanced:
            column.label(text=HEADINGS.get(group, group.capitalize()))
        for item in items:
            # A stage that is switched off says so by its greyed settings; the switch itself stays.
            row = column.row(align=True)
            row.active = item.path[-1] == "enabled" or getattr(chosen, f"{group}_enabled", True)
            row.prop(chosen, item.name)
            if item.name == "style_name":
                row.menu(styling.A2F_MT_styles.bl_idname, text="", icon="DOWNARROW_HLT")


def _chosen_source(context: Context) -> Chosen | str:
    """The recording that will be used, or a sentence that says what is missing."""
    try:
        return Values(None, compat.scene_of(context)).chosen(context)
    except SoundError as error:
        return str(error)


def _draw_source(layout: Any, context: Context, speech: Chosen | str) -> None:
    chosen = panel_settings(compat.scene_of(context))
    layout.prop(chosen, "source", text="")
    if chosen.source == "FILE":
        layout.prop(chosen, "filepath", text="")
        layout.prop(chosen, "frame_start")
    elif chosen.source == "CHANNEL":
        layout.prop(chosen, "channel")
    elif chosen.source == "SPEAKER":
        layout.prop_search(chosen, "name", compat.scene_of(context), "objects", text="", icon="SPEAKER")
    elif chosen.source == "STRIP":
        _draw_strip_field(layout, compat.sequencer_scene(context), chosen)
    if isinstance(speech, str):
        draw_sentence(layout, context, speech, icon="INFO")
        return
    if chosen.source != "FILE":
        active = " (the active strip)" if chosen.source == "STRIP" and not chosen.name else ""
        name = shortened(speech.words.strip("'"), letters(context) - len(active))
        layout.label(text=name + active, icon="SOUND", translate=False)
    for sentence in speech.skipped:
        draw_sentence(layout, context, sentence, icon="ERROR")


def _draw_strip_field(layout: Any, scene: Any, chosen: Any) -> None:
    editor = scene.sequence_editor
    if editor is not None:
        layout.prop_search(chosen, "name", editor, "strips_all" if hasattr(editor, "strips_all") else "sequences_all", text="", icon="SEQ_SEQUENCER")


def _draw_targets(layout: Any, context: Context, faces: list[Face]) -> None:
    if not faces:
        draw_sentence(layout, context, targets.NO_FACE, icon="INFO")
        return
    shapes = {channel.shape for face in faces for channel in face.channels}
    others = f" and {len(faces) - 1} more" if len(faces) > 1 else ""
    draw_sentence(layout, context, f"{faces[0].object}{others}: {faces[0].rig}, {len(shapes)} shapes", icon="SHAPEKEY_DATA")


def _draw_button(layout: Any, context: Context, speech: Chosen | str, faces: list[Face]) -> None:
    row = layout.row()
    row.scale_y = 1.5
    row.operator("a2f.bake", text=_button_text(speech, faces, letters=letters(context)), icon="REC", translate=False)


def _draw_after(layout: Any, context: Context) -> None:
    """What comes after a first bake: look, adjust, clear, and what was said of it."""
    row = layout.row(align=True)
    running = preview.is_running()
    row.operator("a2f.preview", text="Stop" if running else "Preview", icon="PAUSE" if running else "PLAY", depress=running)
    chosen = panel_settings(compat.scene_of(context))
    row.operator("a2f.adjust", icon="FILE_REFRESH")
    row.prop(chosen, "live", text="", icon="LINKED")
    row.operator("a2f.clear", icon="TRASH")
    told = session_of(context)
    if told.said:
        box = layout.box()
        draw_sentence(box, context, told.said, icon="CHECKMARK" if told.result else "INFO")
        for sentence in told.warnings.splitlines():
            draw_sentence(box, context, sentence, icon="ERROR")


def _button_text(speech: Chosen | str, faces: list[Face], *, letters: int) -> str:
    """What the button will do. A long name gives way to how long the speech is and where it goes."""
    if isinstance(speech, str) or not faces:
        return "Bake"
    comma = "" if speech.length_s is None else ","
    meshes = f"{comma} to {len(faces)} {'mesh' if len(faces) == 1 else 'meshes'}"
    over = len(f"Bake {speech}{meshes}") - letters
    return f"Bake {replace(speech, words=shortened(speech.words, len(speech.words) - max(over, 0)))}{meshes}"


def shortened(name: str, letters: int) -> str:
    """A name without its middle where it is longer, of NAME_AT_LEAST letters at least: takes are told apart by their ends."""
    letters = max(letters, NAME_AT_LEAST)
    return name if len(name) <= letters else f"{name[: letters // 2]}\u2026{name[len(name) - (letters - 1) // 2 :]}"


CLASSES: tuple[Any, ...] = (A2F_PT_bake, A2F_PT_result, A2F_PT_motion, A2F_PT_eyes, A2F_PT_emotion, A2F_PT_output, A2F_PT_advanced)

register, unregister = registry.both(CLASSES)
