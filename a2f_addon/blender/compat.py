"""Every difference between Blender versions, as small typed functions; the rest of the room is written as if there were one Blender.

- Actions: up to 4.3 an Action is a list of F-Curves and animates one kind of datablock; from 4.4 on it has layers and a slot for each datablock,
  and 5.0 took the list away.
- Sequencer: 4.4 renames sequences to strips, 5.0 lets the strips belong to a scene of the workspace's choice, 5.1 renames the handles
  (the old names go with 6.0).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import bpy
from bpy.types import ID, Action, AnimData, Context, FCurve, NlaStrip, Scene

Slot = Any
"""bpy.types.ActionSlot where Blender has it; None where it has not."""

HAS_SLOTS = bpy.app.version >= (4, 4, 0)

KEEPS_KEYS_OF_OVERRIDES = bpy.app.version >= (4, 5, 0)
"""Whether keys on the shape keys of an overridden mesh are there again after saving and opening: tried from 4.5 on."""


def scene_of(context: Context) -> Scene:
    """The scene, which every context that a person can press a button in has. Raises RuntimeError in one that has none."""
    if context.scene is None:
        raise RuntimeError("there is no scene in this context")
    return context.scene


def new_slot(action: Action, owner: ID) -> Slot:
    """A slot of the Action for a datablock; None where there are no slots, and the Action is then for all of its kind."""
    if HAS_SLOTS:
        return action.slots.new(id_type=owner.id_type, name=owner.name)
    action.id_root = owner.id_type
    return None


def new_fcurve(action: Action, slot: Slot, data_path: str, *, index: int = 0) -> FCurve:
    """An empty F-Curve for the slot. Raises RuntimeError where the Action has one for this path already."""
    if not HAS_SLOTS:
        return action.fcurves.new(data_path, index=index)
    layer = action.layers[0] if len(action.layers) else action.layers.new("Layer")
    strip: Any = layer.strips[0] if len(layer.strips) else layer.strips.new(type="KEYFRAME")
    return strip.channelbag(slot, ensure=True).fcurves.new(data_path, index=index)


def fcurves(action: Action | None, slot: Slot) -> list[FCurve]:
    """What an Action holds for a slot; nothing where it has slots and none is chosen, for then nothing plays."""
    if action is None:
        return []
    if not HAS_SLOTS:
        return list(action.fcurves)
    return [] if slot is None else list(_bag(action, slot))


def every_fcurve(action: Action) -> list[FCurve]:
    """What an Action holds for all of its slots, slot after slot."""
    if not HAS_SLOTS:
        return list(action.fcurves)
    return [curve for slot in action.slots for curve in _bag(action, slot)]


def _bag(action: Action, slot: Slot) -> Iterator[FCurve]:
    strips: Iterable[Any] = (strip for layer in action.layers for strip in layer.strips)
    for strip in strips:
        channelbag = strip.channelbag(slot)
        if channelbag is not None:
            yield from channelbag.fcurves


def remove_fcurve(action: Action, slot: Slot, data_path: str) -> None:
    """Take a slot's F-Curve away, if it is there."""
    if not HAS_SLOTS:
        for curve in [curve for curve in action.fcurves if curve.data_path == data_path]:
            action.fcurves.remove(curve)
        return
    strips: Iterable[Any] = (strip for layer in action.layers for strip in layer.strips)
    for bag in [bag for strip in strips if (bag := strip.channelbag(slot)) is not None]:
        for curve in [curve for curve in bag.fcurves if curve.data_path == data_path]:
            bag.fcurves.remove(curve)


def part_of(owner: Any) -> tuple[Action, Slot]:
    """The Action that a datablock plays, which there must be, and its slot."""
    return owner.animation_data.action, slot_of(owner.animation_data)


def slot_of(user: AnimData | NlaStrip) -> Slot:
    """The slot that an AnimData or a strip plays."""
    return user.action_slot if HAS_SLOTS else None


def assign(user: AnimData | NlaStrip, action: Action | None, slot: Slot) -> None:
    """Let an AnimData or a strip play an Action, and just this slot of it."""
    user.action = action
    if HAS_SLOTS and action is not None:
        user.action_slot = slot


def sequencer_scene(context: Context) -> Scene:
    """The scene whose strips the sequencer shows."""
    return getattr(context.workspace, "sequencer_scene", None) or scene_of(context)


def strips(scene: Scene) -> list[Any]:
    """Every strip of a scene, those inside of metastrips included."""
    editor = scene.sequence_editor
    if editor is None:
        return []
    found: Iterable[Any] = editor.strips_all if hasattr(editor, "strips_all") else editor.sequences_all
    return list(found)


def new_sound(scene: Scene, name: str, path: Path, *, first_frame: float, start_s: float, fps: float) -> Any:
    """A sound strip above all others that begins to be heard at a frame, with the recording's second start_s. A strip lies on whole frames."""
    editor: Any = scene.sequence_editor_create()
    channel = 1 + max((strip.channel for strip in strips(scene)), default=0)
    owned = editor.strips if hasattr(editor, "strips") else editor.sequences
    hidden = round(start_s * fps)
    strip = owned.new_sound(name, str(path), channel, round(first_frame) - hidden)
    if hasattr(strip, "left_handle"):
        strip.left_handle += hidden
    else:
        strip.frame_final_start += hidden
    return strip


def use_eevee(scene: Scene) -> None:
    """EEVEE, which has another name from 4.2 to 4.5."""
    names = scene.render.bl_rna.properties["engine"].enum_items.keys()  # type: ignore[attr-defined]
    scene.render.engine = "BLENDER_EEVEE_NEXT" if "BLENDER_EEVEE_NEXT" in names else "BLENDER_EEVEE"  # type: ignore[assignment]


def as_mp4(scene: Scene) -> None:
    """Let the scene be rendered into an mp4 (H.264, AAC)."""
    settings: Any = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "VIDEO"
    settings.file_format = "FFMPEG"
    encoder: Any = scene.render.ffmpeg
    encoder.format, encoder.codec, encoder.audio_codec = "MPEG4", "H264", "AAC"
    encoder.constant_rate_factor, encoder.ffmpeg_preset = "MEDIUM", "GOOD"


def as_jpeg(scene: Scene) -> None:
    """Let the scene be rendered into a small picture."""
    settings: Any = scene.render.image_settings
    if hasattr(settings, "media_type"):
        settings.media_type = "IMAGE"
    settings.file_format, settings.quality, settings.color_mode = "JPEG", 80, "RGB"


class StripTimes(NamedTuple):
    """Where a sound strip lies, in frames of its scene.

    zero: where the recording's own second 0 plays, or would play without the trim. left, right: where it is heard, the end excluded.
    end: where all of its content would end.
    sound_offset_s: seconds by which the sound is heard later than its place says.
    """

    zero: float
    left: float
    right: float
    end: float
    sound_offset_s: float


def strip_times(strip: Any) -> StripTimes:
    """The times of a sound strip, without a speed of its own (see :func:`is_retimed`)."""
    if hasattr(strip, "content_start"):
        start, left, right, end, hidden = strip.content_start, strip.left_handle, strip.right_handle, strip.content_end, strip.content_trim_start
    else:
        start, left, right, hidden = strip.frame_start, strip.frame_final_start, strip.frame_final_end, strip.animation_offset_start
        end = start + strip.frame_duration
    return StripTimes(start - hidden, left, right, end, getattr(strip, "sound_offset", 0.0))


def left(strip: Any) -> float:
    """The first frame that a strip is seen or heard in."""
    return strip.left_handle if hasattr(strip, "left_handle") else strip.frame_final_start


def is_silent(strip: Any, scene: Scene) -> bool:
    """Whether a strip is muted, by itself, by its channel or by a metastrip around it."""
    around: list[Any] = [strip]
    editor: Any = scene.sequence_editor
    parents = {child: meta for meta in strips(scene) if meta.type == "META" for child in (meta.strips if hasattr(meta, "strips") else meta.sequences)}
    while around[-1] in parents:
        around.append(parents[around[-1]])
    if any(each.mute for each in around):
        return True
    channels = [*(each.channels for each in around[1:]), editor.channels] if editor is not None else []
    return any(len(place) > each.channel and place[each.channel].mute for each, place in zip(around, channels, strict=True))


TELLS_RETIMING = bpy.app.version >= (4, 5, 0)
"""Whether a strip says that it is retimed."""

MIXES_IN_A_JOB = bpy.app.version >= (5, 1, 0)
"""Whether a mixdown goes on in a thread when its operator has returned, and the next waits until a window looks after it: tried in 5.0 and 5.2."""


def forget_esc() -> None:
    """Let a mixdown run to its end. Once Esc was pressed, Blender 5.2 stops each at its first breath, until something that can be stopped begins.

    Reckoning the physics of a scene that has none is such a thing, and does nothing else.
    """
    if bpy.app.background or not MIXES_IN_A_JOB:
        return
    empty = bpy.data.scenes.new("A2F")
    empty.frame_end = 1
    try:
        context: Any = bpy.context
        with context.temp_override(scene=empty, view_layer=empty.view_layers[0]):
            bpy.ops.ptcache.bake_all(bake=False)
    finally:
        bpy.data.scenes.remove(empty)


def is_retimed(strip: Any) -> bool:
    """Whether the strip may play its sound at another speed than recorded, as far as it tells (see TELLS_RETIMING)."""
    return len(getattr(strip, "retiming_keys", ())) > 0
