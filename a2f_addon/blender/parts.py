"""Where something lies in the file, as numbers: what is written in steps is looked up again after each, for an undo may have come between."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import Any, TypeVar

import bpy
from bpy.types import Action

from ..errors import TargetError
from . import compat

T = TypeVar("T")


class Interrupted(TargetError):
    """The file was changed under the writing hand, by an undo for example; nothing was changed by this bake, and it may begin anew."""

    def __init__(self) -> None:
        super().__init__("The scene was changed while the keys were being written; nothing was changed by the bake. Bake again.")


@dataclass(frozen=True)
class Part:
    """An Action and the slot in it that is for one datablock. action: its session_uid. slot: its handle, 0 in a Blender without slots."""

    action: int
    slot: int

    def found(self) -> tuple[Action, compat.Slot]:
        """Both of them. Raises Interrupted where the Action is gone."""
        action = next((action for action in bpy.data.actions if action.session_uid == self.action), None)
        if action is None:
            raise Interrupted
        slots: Any = action.slots if compat.HAS_SLOTS else ()
        return action, next((slot for slot in slots if slot.handle == self.slot), None)


def part(action: Action, slot: compat.Slot) -> Part:
    """What finds them again."""
    return Part(action.session_uid, 0 if slot is None else slot.handle)


def remove_action(uid: int) -> None:
    """Take an Action out of the file; an undo may have done so already."""
    for action in [action for action in bpy.data.actions if action.session_uid == uid]:
        bpy.data.actions.remove(action)


def whole(steps: Generator[Any, None, T]) -> T:
    """All the steps at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value
