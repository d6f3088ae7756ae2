"""What the parts of the sidebar's tab have in common: where they stand, and sentences as wide as it is."""

from __future__ import annotations

import textwrap
from typing import Any

from bpy.types import Context

LETTER_PX = 7.0
"""Roughly a letter's width in Blender's interface, at a scale of 1."""
USUAL_LETTERS, FEWEST_LETTERS = 30, 20
"""Of a line: where nothing is drawn, and in the narrowest sidebar."""


class Part:
    """A part of the tab, which folds."""

    bl_space_type: Any = "VIEW_3D"
    bl_region_type: Any = "UI"
    bl_category = "A2F"
    bl_parent_id = "A2F_PT_bake"
    bl_options: Any = {"DEFAULT_CLOSED"}


def letters(context: Context) -> int:
    """How many letters a line of the sidebar has room for, beside an icon."""
    here: Any = context
    if here.region is None:
        return USUAL_LETTERS
    return max(FEWEST_LETTERS, int(here.region.width / (LETTER_PX * here.preferences.system.ui_scale)) - 4)


def draw_sentence(layout: Any, context: Context, sentence: str, *, icon: str) -> None:
    """A sentence in as many lines as the sidebar's width asks for."""
    column = layout.column(align=True)
    for line in textwrap.wrap(sentence, width=letters(context), break_on_hyphens=False):
        column.label(text=line, icon=icon, translate=False)
        icon = "BLANK1"
