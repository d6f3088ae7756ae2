"""What the panel remembers with the scene. The settings of the motion are made from their one declaration."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty
from bpy.types import Scene

from ..job import Motion
from ..settings import Option, build, options


class A2F_PG_scene(bpy.types.PropertyGroup):
    """Everything that is chosen in the panel."""

    source: EnumProperty(
        name="Source",
        description="Where the speech comes from",
        items=[
            ("STRIP", "Strip", "The active sound strip of the sequencer, trimmed and placed as it is there"),
            ("FILE", "File", "A sound file, from a frame of your choice"),
        ],
    )
    filepath: StringProperty(name="Sound", description="A recording of speech: wav, flac, ogg, mp3, a film and others", subtype="FILE_PATH")
    frame_start: FloatProperty(name="Start Frame", description="The frame at which the recording begins", default=1.0, step=100, precision=2)


def panel_settings(scene: Scene) -> Any:
    """What is chosen in the panel: an A2F_PG_scene."""
    return scene.a2f  # type: ignore[attr-defined]


def motion_properties() -> dict[str, Any]:
    """A Blender property for every setting of the motion, under its flat name."""
    return {item.name: _property(item) for item in options(Motion)}


def motion_of(values: dict[str, Any]) -> Motion:
    """The settings from Blender's values, whose single precision is undone: 0.3 there is 0.30000001. Raises SettingError."""
    return build(Motion, {name: _exact(value) for name, value in values.items()})


def label(item: Option) -> str:
    """Words for a setting within its group, with its unit, and short enough for the sidebar: "close_s" is "Close (s)"."""
    words = item.path[-1].removesuffix(f"_{item.unit.lower()}").replace("_per_minute", "/min").replace("_", " ")
    return words[0].upper() + words[1:] + (f" ({item.unit})" if item.unit else "")


def _property(item: Option) -> Any:
    facts: dict[str, Any] = {"name": label(item), "description": f"{item.description}, {item.unit}" if item.unit else item.description}
    if item.type is bool:
        return BoolProperty(default=item.default, **facts)
    if item.choices:
        return EnumProperty(default=item.default, items=[(choice, choice.capitalize(), "") for choice in item.choices], **facts)
    if item.type is str:
        return StringProperty(default=item.default, **facts)
    if item.minimum is not None:
        facts["min"] = item.minimum if item.type is float else int(item.minimum)
    if item.maximum is not None:
        facts["max"] = item.maximum if item.type is float else int(item.maximum)
    if item.type is int:
        return IntProperty(default=item.default, **facts)
    return FloatProperty(default=item.default, precision=3 if item.unit == "s" else 2, **facts)


def _exact(value: Any) -> Any:
    return float(f"{value:.7g}") if isinstance(value, float) else value


A2F_PG_scene.__annotations__.update(motion_properties())


def register() -> None:
    """Give every scene the panel's memory."""
    bpy.utils.register_class(A2F_PG_scene)
    bpy.types.Scene.a2f = PointerProperty(type=A2F_PG_scene)  # type: ignore[attr-defined, func-returns-value]


def unregister() -> None:
    """Take it away again."""
    del bpy.types.Scene.a2f  # type: ignore[attr-defined]
    bpy.utils.unregister_class(A2F_PG_scene)
