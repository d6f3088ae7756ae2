"""The mapping list: which of a mesh's shapes takes which curve, to be looked at and changed. It is saved with the mesh, and by name for other meshes.

While a list stands on a Key (or on an object or armature with face properties), a bake goes by it; without one, by the names alone.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import bpy
from bpy.props import BoolProperty, CollectionProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty
from bpy.types import Context

from .. import rigs
from ..errors import A2FError, SettingError, TargetError
from ..face.arkit import NAMES
from ..face.matching import EXACT, GUESSED, SPELLED, guess
from ..files import writing
from . import compat, preferences, registry, targets

CHOSEN, MISSING = "CHOSEN", "MISSING"
FOLDER = "rigs"
"""Beneath the extension's own folder for what a person makes."""


def _chosen_by_hand(row: Any, context: Context) -> None:
    sureness = CHOSEN if row.target else MISSING
    if row.sureness != sureness:
        row.sureness = sureness


class A2F_PG_row(bpy.types.PropertyGroup):
    """A curve and the shape that takes it."""

    source: StringProperty(name="Curve", description="ARKit's name of the curve, or a mouth shape such as oculus:PP")
    target: StringProperty(name="Takes It", description="The shape key or property that takes the curve; empty for none", update=_chosen_by_hand)
    gain: FloatProperty(name="Gain", description="How much of the curve it takes; 1 is all of it", default=1.0, min=0.0, max=10.0, soft_max=2.0)
    use: BoolProperty(name="On", description="Whether a bake keys this shape", default=True)
    sureness: EnumProperty(
        name="How Sure",
        description="How the shape was found",
        items=[
            (EXACT, "Same Name", "The name is the same, letter by letter", "CHECKMARK", 0),
            (SPELLED, "Spelled Differently", "The same words, written differently", "SORTALPHA", 1),
            (GUESSED, "Guessed", "Only much alike: look whether it is right", "QUESTION", 2),
            (CHOSEN, "Chosen", "Chosen by hand", "HAND", 3),
            (MISSING, "Not Found", "Nothing takes this curve", "REMOVE", 4),
        ],
        default=MISSING,
    )


class A2F_PG_mapping(bpy.types.PropertyGroup):
    """The list of one mesh."""

    rows: CollectionProperty(type=A2F_PG_row)
    index: IntProperty(name="Active Row")
    rig: StringProperty(name="Naming", description="The naming that the list was made from")


OWNERS = ("Key", "Object", "Armature")
"""The kinds of datablock that may have a list."""


def owners(context: Context) -> list[Any]:
    """The datablocks that a map is for: what has shapes or properties of the active object, the selected ones, and all that belongs to them."""
    objects = targets.family(targets.asked_for(context), compat.scene_of(context))
    found = {owner.session_uid: owner for each in objects for owner in targets.owners(each) if targets.places(owner)}
    return list(found.values())


def active_owner(context: Context) -> Any | None:
    """Whose list the panel shows: that of the active object's Key, else of its properties, where they are of a face."""
    active = context.view_layer.objects.active if context.view_layer is not None else None
    if active is None:
        return None
    there = [owner for owner in targets.owners(active) if targets.places(owner)]
    return next((owner for owner in there if len(owner.a2f_mapping.rows) or targets.mapped(owner, targets.places(owner))[0]), next(iter(there), None))


def fill(owner: Any, found: rigs.Fit, *, guesses: bool) -> int:
    """Write what was found into a list, in place of what it says; how many rows have a target. Nothing of the mesh's own is changed but the list."""
    names = list(targets.places(owner))
    rows = {(row.source, row.target): row for row in found.rows}
    ordered = sorted(rows.values(), key=lambda row: NAMES.index(row.source) if row.source in NAMES else -1)
    taken = {row.target for row in ordered}
    alike = guess(found.missing, [name for name in names if name not in taken]) if guesses else {}
    mapping = owner.a2f_mapping
    mapping.rows.clear()
    mapping.rig, mapping.index = found.rig.title, 0
    for row in ordered:
        _add(mapping, row.source, row.target, row.weight, row.sureness)
    for source in found.missing:
        _add(mapping, source, alike.get(source, ""), 1.0, GUESSED if source in alike else MISSING)
    return len(ordered) + len(alike)


def _add(mapping: Any, source: str, target: str, gain: float, sureness: str) -> None:
    row = mapping.rows.add()
    row.name, row.source, row.target, row.gain = source, source, target, gain
    row.sureness = sureness  # last, for giving the target a value makes it one that was chosen


def folder() -> Path:
    """Where a person's own rigs lie. Not made here."""
    return preferences.folder(FOLDER)


def own_rigs() -> list[rigs.Rig]:
    """The rigs that the person saved. Raises SettingError for one that cannot be read."""
    return [rigs.read(path) for path in sorted(folder().glob("*.toml"))]


def rig(name: str) -> rigs.Rig:
    """The rig of this name or title, the person's own first. Raises SettingError where there is none."""
    known = [*own_rigs(), *rigs.shipped()]
    for each in known:
        if name in (each.name, each.title):
            return each
    raise SettingError(f"There is no rig '{name}'; the rigs are {', '.join(each.name for each in known)}.")


def save(mapping: Any, name: str) -> Path:
    """Write a list as a rig of the person's own, over an earlier one of this name. Raises SettingError for a name that cannot be, and OutputError."""
    if not re.fullmatch(r"[\w][\w .-]*", name):
        raise SettingError(f"'{name}' cannot be a rig's name; use letters, digits, spaces and hyphens.")
    links: dict[str, dict[str, float]] = {}
    for row in mapping.rows:
        if row.use and row.target and row.gain > 0:
            links.setdefault(row.source, {})[row.target] = float(f"{row.gain:.6g}")
    if not links:
        raise SettingError("The mapping list has no row that is on, so there is nothing to save.")
    lines = [f"title = {_quoted(name)}", "", "[links]"]
    for source, takes in links.items():
        lines.append(f"{_quoted(source)} = {{ {', '.join(f'{_quoted(target)} = {gain}' for target, gain in takes.items())} }}")
    path = folder() / f"{name}.toml"
    writing.make_folder(path.parent)
    with writing.whole(path) as file:
        file.write("\n".join([*lines, ""]))
    return path


def _quoted(text: str) -> str:
    # A JSON string without escapes beyond the basic plane is a TOML string too.
    return json.dumps(text, ensure_ascii=False)


def _rig_items(self: Any, context: Context | None, edit_text: str) -> Iterable[str]:
    try:
        own = own_rigs()
    except A2FError:
        own = []
    return [each.title for each in (*own, *rigs.shipped()) if edit_text.casefold() in each.title.casefold()]


class A2F_OT_map(bpy.types.Operator):
    """Find which shape takes which curve, and write it into the mapping list"""

    bl_idname = "a2f.map"
    bl_label = "Find Shapes"
    bl_description = (
        "Find by their names which shapes of the active object, and of the meshes that belong to it, take which curve, "
        "and write it into the mapping list, to be looked at and changed"
    )
    bl_options = {"REGISTER", "UNDO"}

    rig: StringProperty(
        name="Rig", description="The naming to go by; empty for the one that fits best", search=_rig_items, search_options={"SUGGESTION"}
    )
    guesses: BoolProperty(name="Guess", description="Also take shapes whose names are only much alike, and mark them as guessed", default=True)

    @classmethod
    def poll(cls, context: Context) -> bool:
        """Whether there is a mesh to look at; where not, it says why."""
        if not targets.asked_for(context):
            cls.poll_message_set(targets.NO_FACE)
            return False
        return True

    def execute(self, context: Context) -> set[Any]:
        """Fill the list of every mesh that belongs to the chosen ones."""
        try:
            said = self._fill(context)
        except A2FError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, said)
        return {"FINISHED"}

    def _fill(self, context: Context) -> str:
        chosen = rig(self.rig) if self.rig else None
        own = own_rigs()
        filled = []
        for owner in owners(context):
            names = targets.places(owner)
            found = rigs.fitted(chosen, names) if chosen is not None else rigs.detect(names, own)
            is_face = found.rows or (self.guesses and isinstance(owner, bpy.types.Key) and guess(found.missing, names))
            if not is_face or not owner.is_editable:
                continue
            filled.append(f"{fill(owner, found, guesses=self.guesses)} of '{owner.name}' ({found.rig.title})")
        if not filled:
            what = f"as '{chosen.title}' names them" if chosen is not None else "of a known naming"
            raise TargetError(f"No shape here that can be mapped is named {what}; choose another rig, or write the names into the list.")
        return f"Found {', '.join(filled)}."


class A2F_OT_unmap(bpy.types.Operator):
    """Take the mapping list away, so that a bake goes by the names again"""

    bl_idname = "a2f.unmap"
    bl_label = "Clear Mapping"
    bl_options = {"REGISTER", "UNDO"}

    @classmethod
    def poll(cls, context: Context) -> bool:
        """Whether there is a list."""
        if not any(len(owner.a2f_mapping.rows) for owner in owners(context)):
            cls.poll_message_set("There is no mapping list here; the names decide.")
            return False
        return True

    def execute(self, context: Context) -> set[Any]:
        """Empty the list of every mesh that belongs to the chosen ones."""
        for owner in owners(context):
            if owner.is_editable:
                owner.a2f_mapping.rows.clear()
                owner.a2f_mapping.rig = ""
        return {"FINISHED"}


class A2F_OT_mapping_save(bpy.types.Operator):
    """Save the mapping list under a name, for other meshes; a bake and Find Shapes know it from then on"""

    bl_idname = "a2f.mapping_save"
    bl_label = "Save Mapping"

    name: StringProperty(name="Name", description="What to call it; an earlier one of this name is replaced", default="My Rig")

    @classmethod
    def poll(cls, context: Context) -> bool:
        """Whether there is a list to save."""
        owner = active_owner(context)
        if owner is None or not len(owner.a2f_mapping.rows):
            cls.poll_message_set("There is no mapping list here yet; press Find Shapes first.")
            return False
        return True

    def invoke(self, context: Context, event: Any) -> set[Any]:
        """Ask for the name."""
        manager: Any = context.window_manager
        return manager.invoke_props_dialog(self)

    def execute(self, context: Context) -> set[Any]:
        """Write the file."""
        try:
            path = save(active_owner(context).a2f_mapping, self.name)  # type: ignore[union-attr]
        except A2FError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        self.report({"INFO"}, f"Saved '{path}'.")
        return {"FINISHED"}


class A2F_OT_mapping_row(bpy.types.Operator):
    """Give a curve one more shape that takes it, or take a row away"""

    bl_idname = "a2f.mapping_row"
    bl_label = "Change Mapping Row"
    bl_options = {"REGISTER", "UNDO"}

    action: EnumProperty(name="Action", items=[("ADD", "Add", "Add a row for the same curve"), ("REMOVE", "Remove", "Take the active row away")])
    source: StringProperty(name="Curve", description="The curve of the new row; empty for that of the active row")
    target: StringProperty(name="Takes It", description="The shape that takes it")
    gain: FloatProperty(name="Gain", description="How much of the curve it takes", default=1.0, min=0.0, max=10.0)

    @classmethod
    def poll(cls, context: Context) -> bool:
        """Whether the active object can have a list."""
        if active_owner(context) is None:
            cls.poll_message_set(targets.NO_FACE)
            return False
        return True

    def execute(self, context: Context) -> set[Any]:
        """Change the active object's list."""
        mapping = active_owner(context).a2f_mapping  # type: ignore[union-attr]
        active = mapping.rows[mapping.index] if 0 <= mapping.index < len(mapping.rows) else None
        if self.action == "REMOVE":
            if active is None:
                self.report({"ERROR"}, "There is no row to remove.")
                return {"CANCELLED"}
            mapping.rows.remove(mapping.index)
            mapping.index = max(0, min(mapping.index, len(mapping.rows) - 1))
            return {"FINISHED"}
        source = self.source or (active.source if active is not None else "jawOpen")
        if source not in rigs.sources():
            self.report({"ERROR"}, f"There is no curve '{source}'; take one of ARKit's 52 or a mouth shape such as oculus:PP.")
            return {"CANCELLED"}
        _add(mapping, source, self.target, self.gain, CHOSEN if self.target else MISSING)
        mapping.rows.move(len(mapping.rows) - 1, min(mapping.index + 1, len(mapping.rows) - 1))
        mapping.index = min(mapping.index + 1, len(mapping.rows) - 1)
        return {"FINISHED"}


CLASSES: tuple[Any, ...] = (A2F_PG_row, A2F_PG_mapping, A2F_OT_map, A2F_OT_unmap, A2F_OT_mapping_save, A2F_OT_mapping_row)
_register_classes, _unregister_classes = registry.both(CLASSES)


def register() -> None:
    """Let meshes and control rigs have a list."""
    _register_classes()
    for kind in OWNERS:
        getattr(bpy.types, kind).a2f_mapping = PointerProperty(type=A2F_PG_mapping)  # type: ignore[func-returns-value]


def unregister() -> None:
    """And no longer."""
    for kind in OWNERS:
        del getattr(bpy.types, kind).a2f_mapping
    _unregister_classes()
