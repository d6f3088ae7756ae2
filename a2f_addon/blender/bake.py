"""The only writer: a plan and curves become keys, all of them or none.

The new Actions are finished before anything that plays is touched, and each change after that leaves behind how to take it back.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from typing import Any

import bpy
import numpy as np
from bpy.types import Action, AnimData, FCurve, Key
from numpy.typing import NDArray

from ..errors import TargetError
from ..face.curves import FaceCurves
from . import compat, ownership
from .standing import Layer
from .targets import Plan, Target, key_by_uid, values

LINEAR = 1
"""BEZT_IPO_LIN in Blender's DNA_curve_types.h."""
AUTO_CLAMPED = 4
"""HD_AUTO_ANIM there: what a handle becomes should the artist turn a key into a Bezier one."""

Part = tuple[Action, compat.Slot]
"""An Action and the slot in it that is for one Key."""


def write(plan: Plan, curves: FaceCurves, frames: NDArray[np.float64]) -> list[Action]:
    """Key the curves as planned and return the new Actions.

    frames: float64 [frames], where on the timeline each frame of the curves lies.
    Raises TargetError where a target is gone since the plan was made. Whatever is raised, nothing is changed.
    """
    keys = [_key(target) for target in plan.targets]
    keyed = values(plan, curves)
    with ExitStack() as undo:
        parts = _new_parts(plan.action_name, plan.targets, keys, undo)
        for target, (action, slot) in zip(plan.targets, parts, strict=True):
            for channel in target.face.channels:
                _fill(compat.new_fcurve(action, slot, channel.data_path), frames, keyed[channel.takes])
        rests = _rests(plan, keys, undo)
        for target, key, part in zip(plan.targets, keys, parts, strict=True):
            _switch(target, key, part, rests.get(target.face.uid), undo)
        undo.pop_all()
    _retire(plan, keys)
    return _sign(plan, parts, rests)


def _key(target: Target) -> Key:
    key = key_by_uid(target.face.uid)
    if key is None:
        raise TargetError(f"The mesh '{target.face.object}' was deleted during the bake; nothing was changed.")
    return key


def _new_parts(name: str, targets: Sequence[Target], keys: Sequence[Key], undo: ExitStack) -> list[Part]:
    """One Action with a slot for each Key; in a Blender without slots, an Action for each."""
    parts: list[Part] = []
    for target, key in zip(targets, keys, strict=True):
        if parts and compat.HAS_SLOTS:
            action = parts[0][0]
        else:
            action = bpy.data.actions.new(_action_name(name, target, first=not parts))
            undo.callback(bpy.data.actions.remove, action)
        parts.append((action, compat.new_slot(action, key)))
    return parts


def _action_name(name: str, target: Target, *, first: bool) -> str:
    return name if first else f"{name} {target.face.object}"


def _rests(plan: Plan, keys: Sequence[Key], undo: ExitStack) -> dict[int, Part]:
    """For each Key that needs it, by its uid, what holds its face at 0 where no recording plays."""
    needing = [(target, key) for target, key in zip(plan.targets, keys, strict=True) if target.rest]
    if not needing:
        return {}
    targets, rest_keys = zip(*needing, strict=True)
    parts = _new_parts(ownership.PREFIX + ownership.REST, targets, rest_keys, undo)
    for target, (action, slot) in zip(targets, parts, strict=True):
        for channel in target.rest:
            _fill(compat.new_fcurve(action, slot, channel.data_path), np.zeros(1), np.zeros(1, np.float32))
    return {target.face.uid: part for target, part in zip(targets, parts, strict=True)}


def _fill(curve: FCurve, frames: NDArray[np.float64], values: NDArray[np.float32]) -> None:
    points = np.empty((len(frames), 2), np.float32)
    points[:, 0], points[:, 1] = frames, values
    keys = curve.keyframe_points
    keys.add(len(points))
    keys.foreach_set("co", points.ravel())
    # Bytes, as Blender stores them: any other kind is taken one by one, twenty times slower.
    keys.foreach_set("interpolation", np.full(len(points), LINEAR, np.uint8))
    for side in ("handle_left_type", "handle_right_type"):
        keys.foreach_set(side, np.full(len(points), AUTO_CLAMPED, np.uint8))
    curve.update()


def _switch(target: Target, key: Key, part: Part, rest: Part | None, undo: ExitStack) -> None:
    """Let the new Action play, above everything that played before."""
    if key.animation_data is None:
        undo.callback(key.animation_data_clear)
    animation = key.animation_data_create()
    if target.silenced:
        _silence(animation, undo)
    if rest is not None:
        _put_strip(animation, rest, Layer(rest[0].name, 0.0, 1.0, "HOLD"), undo)
    before = animation.action
    if before is not None and target.beneath is not None:
        _set(animation, undo, use_nla=True)
        _put_strip(animation, (before, compat.slot_of(animation)), target.beneath, undo)
    undo.callback(compat.assign, animation, before, compat.slot_of(animation))
    compat.assign(animation, *part)
    _set(animation, undo, action_blend_type="REPLACE", action_influence=1.0, action_extrapolation=target.extrapolation)
    if before is not None and before.users == 0 and before.session_uid not in target.outdated:
        _set(before, undo, use_fake_user=True)  # it played nothing here, and would be gone with the next saving


def _silence(animation: AnimData, undo: ExitStack) -> None:
    for track in animation.nla_tracks:
        _set(track, undo, is_solo=False)
    for track in animation.nla_tracks:
        _set(track, undo, mute=True)


def _put_strip(animation: AnimData, part: Part, layer: Layer, undo: ExitStack) -> None:
    """A strip on a new track above all others that plays its Action frame for frame."""
    action, slot = part
    track = animation.nla_tracks.new()
    undo.callback(animation.nla_tracks.remove, track)
    track.name = layer.name
    strip = track.strips.new(layer.name, int(layer.start), action)
    compat.assign(strip, action, slot)
    strip.action_frame_start, strip.action_frame_end = layer.start, layer.end
    strip.frame_start_raw, strip.frame_end_raw = layer.start, layer.end
    strip.extrapolation, strip.blend_type = layer.extrapolation, layer.blend_type
    if layer.influence != 1.0:
        strip.use_animated_influence = True
        for curve in strip.fcurves:
            for point in curve.keyframe_points:
                point.co.y = layer.influence


def _set(owner: Any, undo: ExitStack, **values: Any) -> None:
    for name, value in values.items():
        undo.callback(setattr, owner, name, getattr(owner, name))
        setattr(owner, name, value)


def _retire(plan: Plan, keys: Sequence[Key]) -> None:
    """Take A2F's earlier results of the same recording off these Keys, and away where nothing else uses them."""
    for target, key in zip(plan.targets, keys, strict=True):
        tracks: Any = key.animation_data_create().nla_tracks
        for track in list(tracks):
            for strip in [strip for strip in track.strips if strip.action is not None and strip.action.session_uid in target.outdated]:
                track.strips.remove(strip)
            if len(track.strips) == 0 and track.name.startswith(ownership.PREFIX):
                tracks.remove(track)
    outdated = {uid for target in plan.targets for uid in target.outdated}
    for action in [action for action in bpy.data.actions if action.session_uid in outdated and action.users == 0]:
        bpy.data.actions.remove(action)


def _sign(plan: Plan, parts: Sequence[Part], rests: dict[int, Part]) -> list[Action]:
    """Names are given last, when an earlier result has left its own."""
    made = {action: target for (action, _), target in zip(reversed(parts), reversed(plan.targets), strict=True)}
    for action, target in reversed(made.items()):
        action.name = _action_name(plan.action_name, target, first=action == parts[0][0])
        ownership.mark(action, plan.identity)
    for action in dict.fromkeys(action for action, _ in rests.values()):
        ownership.mark(action, ownership.REST)
    return list(reversed(made))
