"""The last bake as a small picture in the tab."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import bpy
import bpy.utils.previews
import numpy as np
from bpy.types import Context

from ..face import sketch
from ..face.curves import Floats
from . import compat, runner, targets
from .memory import Result

UNIT_PX = 20
"""Of Blender's interface, at a scale of 1: a button's height, and what a picture's size counts in."""
BESIDE_UNITS = 3.0
"""What a panel within a panel, and the tabs' names, take of the sidebar's width."""
LEAST_UNITS, MOST_UNITS = 6, 14
SWATCH_PX = 32


class Gallery:
    """The pictures that Blender holds for the tab; a picture is drawn when it is first seen."""

    def __init__(self) -> None:
        self._pictures: Any = None
        self._seen: tuple[Any, ...] = ()

    def icons(self, result: Result, *, side: int, palette: sketch.Palette) -> tuple[int, dict[str, int]]:
        """Blender's numbers for the picture of a result and for the colours of its legend."""
        seen = (result, side, palette)
        if self._pictures is None:
            self._pictures = bpy.utils.previews.new()
        if not self._seen or self._seen[0] is not result or self._seen[1:] != seen[1:]:
            self._pictures.clear()
            self._put("picture", sketch.draw(result.sketch, side=side, palette=palette))
            for name in sketch.WORDS:
                self._put(name, sketch.swatch(getattr(palette, name), side=SWATCH_PX))
            self._seen = seen
        return self._pictures["picture"].icon_id, {name: self._pictures[name].icon_id for name in sketch.WORDS}

    def close(self) -> None:
        """Let Blender have its memory back."""
        if self._pictures is not None:
            bpy.utils.previews.remove(self._pictures)
        self._pictures, self._seen = None, ()

    def _put(self, name: str, picture: Floats) -> None:
        made = self._pictures.new(name)
        pixels = np.ascontiguousarray(picture[::-1]).ravel()  # Blender begins at the lower left
        for kind in ("image", "icon"):
            setattr(made, f"{kind}_size", picture.shape[:2])
            getattr(made, f"{kind}_pixels_float").foreach_set(pixels)


_gallery = Gallery()
"""Belongs to the program, as what Blender holds for it does, and not to a file."""


def latest(context: Context) -> Result | None:
    """What the newest bake of this session looks like that plays on the selected face; None where none does, or an undo has taken it back."""
    family = targets.family(targets.asked_for(context), compat.scene_of(context))
    playing = {action.session_uid for each in family for owner in targets.owners(each) for action in _actions(owner.animation_data)}
    return runner.session.memory.results.newest(playing)


def draw(layout: Any, context: Context, result: Result) -> None:
    """The picture with its legend."""
    here: Any = context
    scale = here.preferences.system.ui_scale
    units = int(np.clip(here.region.width / (UNIT_PX * scale) - BESIDE_UNITS, LEAST_UNITS, MOST_UNITS))
    picture, legend = _gallery.icons(result, side=round(units * UNIT_PX * scale), palette=_palette(here.preferences))
    column = layout.column(align=True)
    column.template_icon(icon_value=picture, scale=units)
    names = column.grid_flow(row_major=True, columns=2, even_columns=True, align=True)
    for name, words in sketch.WORDS.items():
        names.label(text=words, icon_value=legend[name])
    a_line = (result.last_frame - result.first_frame) / result.sketch.rows
    column.label(text=f"Frames {result.first_frame:.0f} to {result.last_frame:.0f}, {a_line:.0f} a line", translate=False)


def _actions(animation: Any) -> Iterable[Any]:
    """What may play on a datablock: its Action and those of its strips."""
    if animation is None:
        return []
    strips = (strip.action for track in animation.nla_tracks for strip in track.strips)
    return [action for action in (animation.action, *strips) if action is not None]


def _palette(preferences: Any) -> sketch.Palette:
    """The theme's letters are bright where it is dark."""
    return sketch.DARK if sum(preferences.themes[0].user_interface.wcol_regular.text) > 1.5 else sketch.LIGHT


@bpy.app.handlers.persistent
def _after_undo(*_: Any) -> None:
    runner.session.memory.results.forget_uncertain()


def _undoing() -> list[Any]:
    known: Any = bpy.app.handlers
    return [known.undo_post, known.redo_post]


def register() -> None:
    """Listen for what changes a result unseen."""
    for handlers in _undoing():
        handlers.append(_after_undo)


def unregister() -> None:
    """Listen no longer, and hold no picture."""
    for handlers in _undoing():
        handlers.remove(_after_undo)
    close()


def close() -> None:
    """Hold no picture."""
    _gallery.close()
