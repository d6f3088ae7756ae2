"""The only writer: a plan and curves become keys, all of them or none.

The new Actions are finished before anything that plays is touched, curve by curve, so that a window stays awake; each change after that leaves
behind how to take it back. Between two curves everything may have happened to the file, so everything is looked up again.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, TypeVar

import bpy
import numpy as np
from bpy.types import Action, AnimData, FCurve, Key
from numpy.typing import NDArray

from ..errors import TargetError
from ..face.curves import FaceCurves
from ..face.keys import CurveKeys, every_frame
from ..face.retarget import Recipe
from . import compat, into, ownership, traces
from .standing import Layer
from .targets import Plan, Target, key_by_uid, values

LINEAR, BEZIER = 1, 2
"""BEZT_IPO_LIN and BEZT_IPO_BEZ in Blender's DNA_curve_types.h."""
ALIGNED, AUTO_CLAMPED = 3, 4
"""HD_ALIGN there, and HD_AUTO_ANIM: what a handle becomes should the artist turn a straight key into a Bezier one."""

Part = tuple[Action, compat.Slot]
"""An Action and the slot in it that is for one Key."""
T = TypeVar("T")
KeysOf = Mapping[Recipe, CurveKeys]
"""What every channel is keyed with, by what it takes, counted in frames of the curves."""


class Interrupted(TargetError):
    """The file was changed under the writing hand, by an undo for example; nothing was changed by this bake, and it may begin anew."""

    def __init__(self) -> None:
        super().__init__("The scene was changed while the keys were being written; nothing was changed by the bake. Bake again.")


@dataclass
class _Made:
    """What a written plan consists of, as numbers that outlive an undo: for each target its new Action's session_uid and its slot's handle."""

    uids: list[int] = field(default_factory=list)
    slots: list[int] = field(default_factory=list)
    digests: dict[int, ownership.Digest] = field(default_factory=dict)


def write(plan: Plan, curves: FaceCurves, frames: NDArray[np.float64]) -> list[Action]:
    """Key the curves as planned, a key a frame, and return the new Actions; see :func:`writing`."""
    return whole(writing(plan, every_key(plan, curves), frames))


def every_key(plan: Plan, curves: FaceCurves) -> KeysOf:
    """A key on every frame."""
    return {takes: every_frame(curve) for takes, curve in values(plan, curves).items()}


def whole(steps: Generator[float, None, T]) -> T:
    """All the steps at once."""
    while True:
        try:
            next(steps)
        except StopIteration as end:
            return end.value


def writing(
    plan: Plan,
    keys_of: KeysOf,
    frames: NDArray[np.float64],
    markers: Sequence[tuple[str, float]] = (),
    *,
    still_holds: Callable[[], bool] = lambda: True,
    beside: Callable[[ExitStack], None] = lambda undo: None,
) -> Generator[float, None, list[Action]]:
    """Key the curves as planned; in steps of a few milliseconds, each of which says how much is done, 0 to 1. Returns the Actions that hold the keys.

    frames: float64 [frames], where on the timeline each frame of the curves lies. markers: (name, frame) pairs to mark in the new Actions.
    still_holds: asked once before what plays is touched: whether the plan still fits the scene. beside: what else is to be written, which leaves with
    the stack it is given how to take it back.
    Raises TargetError where a target is gone since the plan was made, and Interrupted where the plan does not hold.
    Whatever is raised, and where the steps are left half way, nothing is changed.
    """
    fresh = [target for target in plan.targets if target.place != "INTO"]
    with ExitStack() as undo:
        made = _new_parts(plan.action_name, fresh, [_key(target) for target in fresh], undo)
        total = max(sum(len(target.face.channels) for target in plan.targets), 1)
        done = 0
        for number, target in enumerate(fresh):
            for channel in target.face.channels:
                action, slot = _part(made, number)
                curve = compat.new_fcurve(action, slot, channel.data_path)
                _fill(curve, keys_of[channel.takes], frames)
                made.digests.setdefault(action.session_uid, ownership.Digest()).add(curve)
                done += 1
                yield done / total
        if not still_holds():
            raise Interrupted
        for action in dict.fromkeys(_part(made, number)[0] for number in range(len(fresh))):
            _mark_visemes(action, markers)
        owners = [_key(target) for target in plan.targets]
        written = [
            into.write(compat.part_of(owner), target, keys_of, frames, identity=plan.identity, fill=_fill, undo=undo)
            for target, owner in zip(plan.targets, owners, strict=True)
            if target.place == "INTO"
        ]
        parts = {target.face.uid: _part(made, number) for number, target in enumerate(fresh)}
        rests = _rests(plan, owners, undo)
        for target, owner in zip(plan.targets, owners, strict=True):
            traces.remember(owner, target, undo)
            into.take_back_everywhere(owner, plan.identity, undo, but=written)
            _switch(target, owner, parts.get(target.face.uid), rests.get(target.face.uid), frames, undo)
        beside(undo)
        undo.pop_all()
    _retire(plan, owners)
    return [*_sign(plan, fresh, parts, rests, made.digests), *written]


def _key(target: Target) -> Key:
    key = key_by_uid(target.face.uid)
    if key is None:
        raise TargetError(f"The mesh '{target.face.object}' was deleted during the bake; nothing was changed.")
    return key


def _new_parts(name: str, targets: Sequence[Target], keys: Sequence[Key], undo: ExitStack) -> _Made:
    """One Action with a slot for each Key; in a Blender without slots, an Action for each."""
    made = _Made()
    for target, key in zip(targets, keys, strict=True):
        if made.uids and compat.HAS_SLOTS:
            action = _action(made.uids[0])
        else:
            action = bpy.data.actions.new(_action_name(name, target, first=not made.uids))
            undo.callback(remove_action, action.session_uid)
        slot = compat.new_slot(action, key)
        made.uids.append(action.session_uid)
        made.slots.append(0 if slot is None else slot.handle)
    return made


def remove_action(uid: int) -> None:
    """An undo may have removed it already."""
    for action in [action for action in bpy.data.actions if action.session_uid == uid]:
        bpy.data.actions.remove(action)


def _action(uid: int) -> Action:
    action = next((action for action in bpy.data.actions if action.session_uid == uid), None)
    if action is None:
        raise Interrupted
    return action


def _part(made: _Made, number: int) -> Part:
    action = _action(made.uids[number])
    slots: Any = action.slots if compat.HAS_SLOTS else ()
    return action, next((slot for slot in slots if slot.handle == made.slots[number]), None)


def _action_name(name: str, target: Target, *, first: bool) -> str:
    return name if first else f"{name} {target.face.object}"


def _rests(plan: Plan, keys: Sequence[Key], undo: ExitStack) -> dict[int, Part]:
    """For each Key that needs it, by its uid, what holds its face at 0 where no recording plays."""
    needing = [(target, key) for target, key in zip(plan.targets, keys, strict=True) if target.rest]
    if not needing:
        return {}
    targets, rest_keys = zip(*needing, strict=True)
    made = _new_parts(ownership.PREFIX + ownership.REST, targets, rest_keys, undo)
    still = CurveKeys(np.zeros(1, np.int64), *(np.zeros(1, np.float32),) * 3, False)
    for number, target in enumerate(targets):
        for channel in target.rest:
            _fill(compat.new_fcurve(*_part(made, number), channel.data_path), still, np.zeros(1))
    return {target.face.uid: _part(made, number) for number, target in enumerate(targets)}


def _fill(curve: FCurve, keys: CurveKeys, frames: NDArray[np.float64]) -> None:
    points = np.empty((len(keys), 2), np.float32)
    points[:, 0], points[:, 1] = frames[keys.frames], keys.values
    there = curve.keyframe_points
    there.add(len(points))
    there.foreach_set("co", points.ravel())
    # Bytes, as Blender stores them: any other kind is taken one by one, twenty times slower.
    there.foreach_set("interpolation", np.full(len(points), BEZIER if keys.is_bezier else LINEAR, np.uint8))
    for side in ("handle_left_type", "handle_right_type"):
        there.foreach_set(side, np.full(len(points), ALIGNED if keys.is_bezier else AUTO_CLAMPED, np.uint8))
    if keys.is_bezier:
        third = np.diff(points[:, 0], prepend=points[:1, 0], append=points[-1:, 0]) / 3
        for side, values, x in (("handle_left", keys.left, points[:, 0] - third[:-1]), ("handle_right", keys.right, points[:, 0] + third[1:])):
            there.foreach_set(side, np.stack((x, values), axis=1).astype(np.float32).ravel())
    curve.update()


def _mark_visemes(action: Action, markers: Sequence[tuple[str, float]]) -> None:
    for name, frame in markers:
        action.pose_markers.new(name).frame = round(frame)


def _switch(target: Target, key: Key, part: Part | None, rest: Part | None, frames: NDArray[np.float64], undo: ExitStack) -> None:
    """Let the new keys play, above everything that played before."""
    if part is None:
        return  # they are in the Action that plays
    if key.animation_data is None:
        undo.callback(key.animation_data_clear)
    animation = key.animation_data_create()
    if target.silenced:
        _silence(animation, undo)
    if rest is not None:
        put_strip(animation, rest, Layer(rest[0].name, 0.0, 1.0, "HOLD"), undo)
    before = animation.action
    if before is not None and target.beneath is not None:
        _set(animation, undo, use_nla=True)
        put_strip(animation, (before, compat.slot_of(animation)), target.beneath, undo)
    if target.place == "STRIP":
        _set(animation, undo, use_nla=True)
        first = float(frames[0])
        put_strip(animation, part, Layer(part[0].name, first, max(float(frames[-1]), first + 1), target.extrapolation), undo)
    if target.place == "NEW" or target.beneath is not None or target.displaced:
        undo.callback(compat.assign, animation, before, compat.slot_of(animation))
        compat.assign(animation, *(part if target.place == "NEW" else (None, None)))
        _set(animation, undo, action_blend_type="REPLACE", action_influence=1.0, action_extrapolation=target.extrapolation)
    elif target.settled:
        # Beneath an Action that played alone, strips make the settings beside it count that meant nothing so far.
        _set(animation, undo, action_blend_type="REPLACE", action_influence=1.0, action_extrapolation="HOLD")
    if before is not None and before.users == 0 and before.session_uid not in target.outdated:
        _set(before, undo, use_fake_user=True)  # it played nothing here, and would be gone with the next saving


def _silence(animation: AnimData, undo: ExitStack) -> None:
    for track in animation.nla_tracks:
        _set(track, undo, is_solo=False)
    for track in animation.nla_tracks:
        _set(track, undo, mute=True)


def put_strip(animation: AnimData, part: Part, layer: Layer, undo: ExitStack) -> None:
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
    outdated = {uid for target in plan.targets for uid in target.outdated}
    for target, key in zip(plan.targets, keys, strict=True):
        if key.animation_data is not None:
            ownership.remove_strips(key.animation_data, set(target.outdated))
    ownership.remove_unused(outdated)


def _sign(
    plan: Plan, fresh: Sequence[Target], parts: Mapping[int, Part], rests: Mapping[int, Part], digests: Mapping[int, ownership.Digest]
) -> list[Action]:
    """Names are given last, when an earlier result has left its own."""
    made: dict[Action, Target] = {}
    for target in fresh:
        made.setdefault(parts[target.face.uid][0], target)
    for number, (action, target) in enumerate(made.items()):
        named = action.name
        action.name = _action_name(plan.action_name, target, first=number == 0)
        ownership.mark(action, plan.identity, digests.get(action.session_uid))
        _rename_tracks(target, named, action.name)
    for action in dict.fromkeys(action for action, _ in rests.values()):
        ownership.mark(action, ownership.REST)
    return list(made)


def _rename_tracks(target: Target, old: str, new: str) -> None:
    """A strip is called as its Action, which got its name last."""
    animation: Any = _key(target).animation_data
    for track in animation.nla_tracks if target.place == "STRIP" and old != new else ():
        for strip in [strip for strip in track.strips if strip.action is not None and strip.action.name == new]:
            track.name = strip.name = new
