"""Take away what A2F made, and nothing else: what played before the first bake plays again, where it played."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from bpy.types import AnimData, Key

from ..errors import TargetError
from . import compat, into, ownership, rotations, targets, traces
from .standing import Owners, users_of

NOTHING = "There is nothing of A2F's on the selected faces."


@dataclass(frozen=True)
class Cleared:
    """What was done. actions: names of A2F's Actions that went. kept: sentences about what is the artist's by now."""

    faces: int
    actions: tuple[str, ...]
    kept: tuple[str, ...]

    def __str__(self) -> str:
        return f"Cleared A2F's keys from {self.faces} {'face' if self.faces == 1 else 'faces'}; other animation is as it was."


def has_traces(owner: Any) -> bool:
    """Whether a datablock was baked onto. Quick enough to be drawn."""
    return traces.TRACE in owner


def clear(owners: Iterable[Any]) -> Cleared:
    """Take A2F's Actions, strips, keys and marks away from these datablocks. Raises TargetError where none has any."""
    known, faces = Owners(), 0
    names: dict[int, str] = {}
    uids: set[int] = set()
    owners, kept = _within_reach(owners)
    for owner in owners:
        trace = traces.forget(owner)
        found = {} if owner.animation_data is None else _own(owner.animation_data, known)
        if trace is None and not found:
            continue
        faces += 1
        names |= found
        uids |= set(found)
        kept += _clear(owner, trace, set(found))
    if not faces:
        raise TargetError(" ".join(kept) or NOTHING)
    ownership.remove_unused(uids)
    kept += rotations.remove(rotations.empties_of(owners)).kept
    return Cleared(faces, tuple(names.values()), tuple(kept))


def _within_reach(owners: Iterable[Any]) -> tuple[list[Any], list[str]]:
    """Those that can be cleared here, and a sentence for each other that was baked onto. Raises TargetError where one is in tweak mode."""
    owners = list(owners)
    held = [owner for owner in owners if owner.animation_data is not None and owner.animation_data.use_tweak_mode and has_traces(owner)]
    if held:
        raise TargetError(f"A strip of '{_called(held[0])}' is in tweak mode; leave it with Tab in the NLA editor first.")
    away = [owner for owner in owners if owner.library is not None]
    kept = [f"'{_called(owner)}' is linked from '{owner.library.name}'; clear it there." for owner in away if has_traces(owner)]
    return [owner for owner in owners if owner not in away], kept


def _called(owner: Any) -> str:
    return owner.user.name if isinstance(owner, Key) and owner.user is not None else owner.name


def _own(animation: AnimData, known: Owners) -> dict[int, str]:
    """A2F's own Actions that this one plays: session_uid to name."""
    users = users_of(animation)
    found = [user.action for user in users if user.action is not None and known.identity(user.action) is not None]
    if any(user.action is not None and ownership.MARK in user.action and known.identity(user.action) is None for user in users):
        # A result that became the artist's plays on, and needs what holds the face at rest around it.
        found = [action for action in found if known.identity(action) != ownership.REST]
    return {action.session_uid: action.name for action in found}


def _clear(owner: Any, trace: dict[str, Any] | None, own: set[int]) -> list[str]:
    animation = owner.animation_data
    kept: list[str] = []
    if animation is not None:
        if animation.action is not None and animation.action.session_uid in own:
            compat.assign(animation, None, None)
        ownership.remove_strips(animation, own)
        kept += _out_of_artists(animation)
    if trace is not None:
        plays = traces.restore_action(owner, trace)
        if owner.animation_data is not None:
            kept += _out_of_artists(owner.animation_data)
        traces.restore_settings(owner, trace, plays=plays)
        _restore_values(owner, trace["values"])
    return kept + _become_artists(owner)


def _become_artists(owner: Any) -> list[str]:
    """A sentence for each Action that was A2F's, and by now is the artist's and plays on."""
    animation = owner.animation_data
    users = [] if animation is None else users_of(animation)
    actions = [user.action for user in users if user.action is not None and ownership.MARK in user.action]
    names = dict.fromkeys(action.name for action in actions if ownership.identity(action) is None)
    return [f"'{name}' was changed, renamed or kept with a fake user since its bake, and plays on." for name in names]


def _out_of_artists(animation: AnimData) -> list[str]:
    """A2F's keys out of the Actions that are not its own."""
    kept = []
    for user in users_of(animation):
        action = user.action
        if action is None or action.library is not None or not into.records(action):
            continue
        edited = into.take_back(action, compat.slot_of(user))
        if edited:
            kept.append(f"{len(edited)} curves in '{action.name}' were edited after the bake and are kept.")
    return kept


def _restore_values(owner: Any, values: dict[str, float]) -> None:
    """What nothing moves any longer stands where it stood."""
    moved = traces.moved_paths(owner)
    for path, value in values.items():
        if path not in moved:
            with suppress(ValueError, KeyError, AttributeError):  # the shape was deleted since
                targets.put(owner, path, value)
    owner.update_tag()
