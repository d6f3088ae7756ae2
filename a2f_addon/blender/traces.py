"""What a face was like before its first bake, written down beside it, so that a clear can leave it just so."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Any

import bpy
from bpy.types import AnimData

from . import compat
from .standing import audible_strips, paths
from .targets import Target

TRACE = "a2f_before"
"""The custom property on the animated datablock."""
SETTINGS = ("use_nla", "action_blend_type", "action_influence", "action_extrapolation")


def remember(owner: Any, target: Target, undo: ExitStack) -> None:
    """Write down what a bake is about to change. A later bake adds only what is the artist's since.

    owner: the datablock with the animation; it must not have been changed by this bake yet.
    """
    animation = owner.animation_data
    old = owner.get(TRACE)
    undo.callback(_put_back, owner, old)
    if old is None:
        owner[TRACE] = json.dumps(_first(owner, target))
    elif animation is not None and animation.action is not None and target.pushes_artists:
        owner[TRACE] = json.dumps(json.loads(old) | _action(animation, target))


def forget(owner: Any) -> dict[str, Any] | None:
    """Take the trace away; what it said, None where there was none."""
    if TRACE not in owner:
        return None
    trace = json.loads(owner[TRACE])
    del owner[TRACE]
    return trace


def _first(owner: Any, target: Target) -> dict[str, Any]:
    animation = owner.animation_data
    trace: dict[str, Any] = {"bare": animation is None, "action": "", "track": ""}
    trace["values"] = {channel.data_path: float(owner.path_resolve(channel.data_path)) for channel in target.face.channels}
    if animation is None:
        return trace
    trace |= {name: getattr(animation, name) for name in SETTINGS} | {"playing": _name(animation.action)}
    if target.silenced:
        trace["heard"] = [track.name for track in animation.nla_tracks if not track.mute]
        trace["soloed"] = [track.name for track in animation.nla_tracks if track.is_solo]
    return trace | (_action(animation, target) if target.pushes_artists else {})


def _action(animation: AnimData, target: Target) -> dict[str, Any]:
    """The artist's Action that is about to be laid below, or to be taken out."""
    if animation.action is None:
        return {"action": "", "track": ""}
    slot = compat.slot_of(animation)
    settings = {name: getattr(animation, name) for name in SETTINGS}
    return {
        "action": animation.action.name,
        "playing": animation.action.name,
        "slot": "" if slot is None else slot.identifier,
        "track": "" if target.beneath is None else target.beneath.name,
        "fake": animation.action.use_fake_user,
        "span": [] if target.beneath is None else [target.beneath.start, target.beneath.end],
        **settings,
    }


def restore_action(owner: Any, trace: dict[str, Any]) -> bool:
    """Give the artist's Action its place back, where the artist has not given it another since; whether it has it."""
    animation = owner.animation_data
    if animation is None or animation.action is not None:
        return animation is not None and trace.get("playing") == _name(animation.action)
    action, slot = _pushed(animation, trace) if trace["track"] else _aside(trace)
    if action is None:
        return trace.get("playing") == ""
    if trace["track"]:
        animation.nla_tracks.remove(_track(animation, trace))
    compat.assign(animation, action, slot)
    if not trace["track"]:
        action.use_fake_user = bool(trace["fake"])  # the bake's, for what nothing played; an Action on a track has the artist's own
    return True


def restore_settings(owner: Any, trace: dict[str, Any], *, plays: bool) -> None:
    """The settings beside the Action, the tracks that were heard, no animation data where there was none. plays: what restore_action said."""
    animation = owner.animation_data
    if animation is None:
        return
    if not trace["bare"] and not plays:
        return  # they belong to what plays now
    if trace["bare"]:
        if animation.action is None and not len(animation.nla_tracks) and not len(animation.drivers):
            owner.animation_data_clear()
        return
    for name in SETTINGS:
        if name in trace:
            value = trace[name]
            setattr(animation, name, bool(value) if name == "use_nla" else value)
    for track in animation.nla_tracks:
        if track.name in trace.get("heard", ()):
            track.mute = False
    for track in animation.nla_tracks:
        if track.name in trace.get("soloed", ()):
            track.is_solo = True


def moved_paths(owner: Any) -> set[str]:
    """The data paths that an Action, a strip that plays, or a driver of a datablock moves."""
    animation = owner.animation_data
    if animation is None:
        return set()
    moved = {path for user in (animation, *audible_strips(animation)) for path in paths(user)}
    return moved | {driver.data_path for driver in animation.drivers}


def _track(animation: AnimData, trace: dict[str, Any]) -> Any:
    return next((track for track in reversed(animation.nla_tracks) if track.name == trace["track"] and len(track.strips) == 1), None)


def _pushed(animation: AnimData, trace: dict[str, Any]) -> tuple[Any, Any]:
    track = _track(animation, trace)
    if track is None:
        return None, None
    strip = track.strips[0]
    start, end = trace["span"]
    untouched = abs(strip.frame_start - start) < 1e-3 and abs(strip.frame_end - end) < 1e-3 and not strip.mute and not track.mute
    return (strip.action, compat.slot_of(strip)) if untouched and strip.action is not None else (None, None)


def _aside(trace: dict[str, Any]) -> tuple[Any, Any]:
    action: Any = bpy.data.actions.get(trace["action"]) if trace["action"] else None
    if action is None:
        return None, None
    slots: Any = action.slots if compat.HAS_SLOTS else ()
    slot = next((slot for slot in slots if slot.identifier == trace["slot"]), None)
    # It held nothing for this face; one that does is another of the same name, in a file that the face was brought into.
    return (None, None) if compat.fcurves(action, slot) else (action, slot)


def _name(action: Any) -> str:
    return "" if action is None else action.name


def _put_back(owner: Any, old: str | None) -> None:
    if old is not None:
        owner[TRACE] = old
    elif TRACE in owner:
        del owner[TRACE]
