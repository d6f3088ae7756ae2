"""What holds for every file on this machine."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
from bpy.props import StringProperty
from bpy.types import Context

PACKAGE = (__package__ or "").rpartition(".a2f_addon.")[0] or "a2f_addon"
"""What Blender knows the extension by: the package around a2f_addon where it is installed as one."""


class A2F_AP_preferences(bpy.types.AddonPreferences):
    """The add-on's preferences."""

    bl_idname = PACKAGE

    model: StringProperty(
        name="Model",
        description="Another model in place of the one that comes with A2F: an .onnx file that carries its own description. Empty: the bundled one",
        subtype="FILE_PATH",
    )

    def draw(self, context: Context) -> None:
        """Blender calls this to show them."""
        self.layout.prop(self, "model")


def model(context: Context) -> Path | None:
    """The model of choice; None is the bundled one."""
    addon = context.preferences.addons.get(PACKAGE) if context.preferences is not None else None
    own: Any = addon.preferences if addon is not None else None
    chosen = own.model if own is not None else ""
    return Path(bpy.path.abspath(chosen)) if chosen else None
