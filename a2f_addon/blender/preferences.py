"""What holds for every file on this machine."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import bpy
from bpy.props import StringProperty
from bpy.types import Context

from ..errors import ModelError
from ..speech import session
from . import registry

PACKAGE = (__package__ or "").rpartition(".a2f_addon.")[0] or "a2f_addon"
"""What Blender knows the extension by: the package around a2f_addon where it is installed as one."""


def _runtime_chosen(own: Any, context: Context) -> None:
    """Another folder was chosen; Blender calls this."""
    own.said = ""
    _name_folder(own.runtime)


def _name_folder(chosen: str) -> None:
    if chosen:
        os.environ[session.FOLDER] = bpy.path.abspath(chosen)
    else:
        os.environ.pop(session.FOLDER, None)


class A2F_OT_provider(bpy.types.Operator):
    """Load the model and say what does the work: the processor or a graphics card"""

    bl_idname = "a2f.provider"
    bl_label = "What Does the Work?"

    def execute(self, context: Context) -> set[Any]:
        """Load it and say it. Never fails: what is wrong is what was asked for."""
        from ..speech import model as models

        try:
            network = models.load(model(context))
            sentences = [f"{session.short(network.provider)} does the work.", *network.notes]
        except ModelError as error:
            sentences = [str(error)]
        own = _own(context)
        if own is not None:
            own.said = "\n".join(sentences)
        self.report({"INFO"}, " ".join(sentences))
        return {"FINISHED"}


class A2F_AP_preferences(bpy.types.AddonPreferences):
    """The add-on's preferences."""

    bl_idname = PACKAGE

    model: StringProperty(
        name="Model",
        description="Another model in place of the one that comes with A2F: an .onnx file that carries its own description. Empty: the bundled one",
        subtype="FILE_PATH",
    )

    runtime: StringProperty(
        name="onnxruntime",
        description="A folder with another onnxruntime, for work on an NVIDIA card: pip install --target FOLDER onnxruntime-gpu[cuda,cudnn], "
        "with a pip of Blender's Python version. Empty: the one that comes with A2F",
        subtype="DIR_PATH",
        update=_runtime_chosen,
    )
    said: StringProperty(options={"HIDDEN", "SKIP_SAVE"})

    def draw(self, context: Context) -> None:
        """Blender calls this to show them."""
        layout: Any = self.layout
        layout.prop(self, "model")
        layout.prop(self, "runtime")
        layout.operator("a2f.provider", icon="QUESTION")
        for sentence in self.said.splitlines():
            layout.label(text=sentence, icon="INFO", translate=False)


def folder(name: str) -> Path:
    """Where a person's own files of a kind lie, such as rigs. Not made here."""
    if PACKAGE.startswith("bl_ext."):
        return Path(bpy.utils.extension_path_user(PACKAGE, path=name, create=False))
    return Path(bpy.utils.user_resource("CONFIG", path="a2f")) / name


def model(context: Context) -> Path | None:
    """The model of choice; None is the bundled one."""
    own = _own(context)
    chosen = own.model if own is not None else ""
    return Path(bpy.path.abspath(chosen)) if chosen else None


def _own(context: Context) -> Any:
    addon = context.preferences.addons.get(PACKAGE) if context.preferences is not None else None
    return addon.preferences if addon is not None else None


CLASSES: tuple[Any, ...] = (A2F_OT_provider, A2F_AP_preferences)
_register_classes, _unregister_classes = registry.both(CLASSES)


def register() -> None:
    """Show them, and use the folder that was chosen in an earlier session."""
    _register_classes()
    own = _own(bpy.context)
    if own is not None and own.runtime:
        _name_folder(own.runtime)


def unregister() -> None:
    """Hide them."""
    _unregister_classes()
