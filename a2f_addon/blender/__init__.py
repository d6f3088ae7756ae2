"""The only room that knows Blender."""

from __future__ import annotations

import atexit
from typing import Any

import bpy

from . import cli, live, mapping, mapping_panel, operators, panel, preferences, preview, properties, rotations, runner, styling, thumbnail, tools


def register() -> None:
    """Blender switches the add-on on. Nothing heavy: what a bake needs is loaded by the first bake."""
    preferences.register()
    properties.register()
    operators.register()
    tools.register()
    live.start(tools.adjust_live)
    preview.register()
    thumbnail.register()
    styling.register()
    panel.register()
    mapping.register()
    mapping_panel.register()
    rotations.register()
    cli.register()
    bpy.app.handlers.load_pre.append(_before_load)
    # Blender as a Python module ends without switching its add-ons off, and up to 4.5 crashes or hangs over what they registered.
    atexit.register(_stop if bpy.app.binary_path else unregister)


def unregister() -> None:
    """Blender switches the add-on off."""
    if _before_load not in bpy.app.handlers.load_pre:
        return  # as a module Blender does so once more at its end, after the above
    atexit.unregister(unregister)
    atexit.unregister(_stop)
    _stop()
    bpy.app.handlers.load_pre.remove(_before_load)
    for room in (cli, rotations, mapping_panel, mapping, panel, styling, thumbnail, preview, tools, operators, properties):
        room.unregister()
    preferences.unregister()


@bpy.app.handlers.persistent
def _before_load(*_: Any) -> None:
    """Another file is about to take this one's place, and the bake's targets with it."""
    _stop()
    preview.stop()
    thumbnail.close()
    runner.session.memory.forget_bakes()


def _stop() -> None:
    """Leave no thread and no timer."""
    live.stop()
    runner.stop()
