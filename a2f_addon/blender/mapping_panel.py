"""The mapping list as the sidebar shows it."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.types import Context, Key

from .. import rigs
from ..errors import A2FError
from . import mapping, registry, targets
from .tab import Part, draw_sentence

ROWS = 8


class A2F_UL_mapping(bpy.types.UIList):
    """A row a curve: on or off, its name, how sure, the shape that takes it, how much."""

    bl_idname = "A2F_UL_mapping"

    found_only: bpy.props.BoolProperty(name="Found Only", description="Hide the curves that nothing takes")

    def draw_item(  # type: ignore[override]
        self, context: Context, layout: Any, data: Any, item: Any, icon: Any, active_data: Any, active_property: Any, index: int = 0
    ) -> None:
        """Blender calls this for each row that is seen."""
        # A sidebar is narrow: what is changed more rarely stands below the list, for the active row.
        row = layout.row(align=True)
        row.prop(item, "use", text="")
        name = row.row()
        name.active = item.use and bool(item.target)
        name.label(text=item.source if item.target in ("", item.source) else f"{item.source}: {item.target}", icon=_icon(item), translate=False)

    def draw_filter(self, context: Context, layout: Any) -> None:
        """Below the list."""
        row = layout.row(align=True)
        row.prop(self, "filter_name", text="")
        row.prop(self, "found_only", toggle=True)

    def filter_items(self, context: Context, data: Any, propname: Any) -> Any:
        """By the curve's or the shape's name."""
        asked = self.filter_name.casefold()
        rows = getattr(data, propname)
        seen = [asked in f"{row.source} {row.target}".casefold() and (bool(row.target) or not self.found_only) for row in rows]
        return [self.bitflag_filter_item if shown else 0 for shown in seen], []


def _draw_active(layout: Any, owner: Any, row: Any) -> None:
    """The active row in full: which shape takes the curve, and how much of it."""
    column = layout.column(align=True)
    column.label(text=f"{row.source}: {row.bl_rna.properties['sureness'].enum_items[row.sureness].name}", icon=_icon(row), translate=False)
    if isinstance(owner, Key):
        column.prop_search(row, "target", owner, "key_blocks", text="", icon="SHAPEKEY_DATA")
    else:
        column.prop(row, "target", text="")
    column.prop(row, "gain")


def _icon(item: Any) -> str:
    return item.bl_rna.properties["sureness"].enum_items[item.sureness].icon


class A2F_MT_rigs(bpy.types.Menu):
    """Fill the mapping list by a naming of your choice"""

    bl_idname = "A2F_MT_rigs"
    bl_label = "Naming"

    def draw(self, context: Context) -> None:
        """Blender calls this to show the menu: the person's own rigs first."""
        layout: Any = self.layout
        try:
            own = mapping.own_rigs()
        except A2FError as error:
            layout.label(text=str(error), icon="ERROR", translate=False)
            own = []
        for each in (*own, *rigs.shipped()):
            layout.operator("a2f.map", text=each.title, icon="USER" if each in own else "NONE", translate=False).rig = each.name


class A2F_PT_mapping(Part, bpy.types.Panel):
    """Which shape takes which curve"""

    bl_idname = "A2F_PT_mapping"
    bl_label = "Mapping"

    def draw(self, context: Context) -> None:
        """Blender calls this to show the panel."""
        layout: Any = self.layout
        owner = mapping.active_owner(context)
        row = layout.row(align=True)
        row.operator("a2f.map", icon="VIEWZOOM").rig = ""
        row.menu(A2F_MT_rigs.bl_idname, text="", icon="DOWNARROW_HLT")
        if owner is None:
            layout.label(text="Select a mesh with shape keys", icon="INFO")
            return
        if not len(owner.a2f_mapping.rows):
            takes, rig, _ = targets.mapped(owner, targets.places(owner))
            layout.label(text=f"{len(takes)} found by name ({rig})" if takes else "No known name found", icon="INFO", translate=False)
            return
        row = layout.row()
        row.template_list(A2F_UL_mapping.bl_idname, "", owner.a2f_mapping, "rows", owner.a2f_mapping, "index", rows=ROWS)
        column = row.column(align=True)
        column.operator("a2f.mapping_row", text="", icon="ADD").action = "ADD"
        column.operator("a2f.mapping_row", text="", icon="REMOVE").action = "REMOVE"
        if 0 <= owner.a2f_mapping.index < len(owner.a2f_mapping.rows):
            _draw_active(layout, owner, owner.a2f_mapping.rows[owner.a2f_mapping.index])
        for sentence in targets.short_sliders(face for face in targets.faces([context.object]) if face.uid == owner.session_uid):  # type: ignore[list-item]
            draw_sentence(layout, context, sentence, icon="ERROR")
        buttons = layout.row(align=True)
        buttons.operator("a2f.mapping_save", text="Save", icon="FILE_TICK")
        buttons.operator("a2f.unmap", text="Clear", icon="X")


CLASSES: tuple[Any, ...] = (A2F_UL_mapping, A2F_MT_rigs, A2F_PT_mapping)

register, unregister = registry.both(CLASSES)
