"""The only writer: a plan and curves become keys, all of them or none.

The new keys are finished before anything that plays is touched, curve by curve, so that a window stays awake; each change after that leaves
behind how to take it back. Between two curves everything may have happened to the file, so everything is looked up again.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import bpy
import numpy as np
from bpy.types import Action, AnimData, FCurve, Key
from numpy.typing import NDArray

from ..face.keys import CurveKeys
from ..face.retarget import Recipe
from . import compat, into, ownership, parts, traces
from .dna import ALIGNED, AUTO_CLAMPED, BEZIER, LINEAR
from .parts import Interrupted, Part
from .standing import Layer
from .targets import Plan, Target, key_by_uid

MARKERS_A_STEP = 500

KeysOf = Mapping[Recipe, CurveKeys]
"""What every channel is keyed with, by what it takes, counted in frames of the curves."""


@dataclass
class Laid:
    """A recording's keys, all of them made and none of them playing yet; see :func:`put`.

    frames: float64 [frames], where on the timeline each frame of the curves lies. undo: takes the new Actions away again.
    fresh, within: by the uid of each Key, the part of a new Action or of the artist's that is for it. digests: of the new Actions, by uid.
    """

    plan: Plan
    frames: NDArray[np.float64]
    undo: ExitStack
    fresh: dict[int, Part] = field(default_factory=dict)
    within: dict[int, Part] = field(default_factory=dict)
    digests: dict[int, ownership.Digest] = field(default_factory=dict)

    def suits(self, plan: Plan) -> bool:
        """Whether a plan, made since, keys the very same channels in the very same Actions."""
        fits = [(each.face.uid, each.face.channels, each.place == "INTO") for each in plan.targets]
        return fits == [(each.face.uid, each.face.channels, each.place == "INTO") for each in self.plan.targets] and all(
            parts.part(*compat.part_of(_key(each))) == self.within[each.face.uid] for each in plan.targets if each.place == "INTO"
        )


def laying(
    plan: Plan,
    keys_of: KeysOf,
    frames: NDArray[np.float64],
    markers: Sequence[tuple[str, float]] = (),
    *,
    drafts: into.Drafts,
    undo: ExitStack,
) -> Generator[float, None, Laid]:
    """Make the keys as planned; in steps of a few milliseconds, each of which says how much is done, 0 to 1. Nothing that plays is touched.

    frames: as in Laid. markers: (name, frame) pairs to mark in the new Actions. drafts: of the artist's Actions that take keys.
    undo: learns how to take the new Actions away. Raises Interrupted where a target is gone since the plan was made, and after an undo.
    """
    laid = Laid(plan, frames, undo)
    laid.fresh = _new_parts(plan.action_name, [target for target in plan.targets if target.place != "INTO"], undo)
    for number, target in enumerate(plan.targets):
        total = max(len(target.face.channels), 1)
        for step, _ in enumerate(_laying_target(laid, target, keys_of, drafts), 1):
            yield (number + min(step / total, 1.0)) / len(plan.targets)
    for uid in dict.fromkeys(each.action for each in laid.fresh.values()):
        for first in range(0, len(markers), MARKERS_A_STEP):
            _mark_visemes(Part(uid, 0).found()[0], markers[first : first + MARKERS_A_STEP])
            yield 1.0
    return laid


def _laying_target(laid: Laid, target: Target, keys_of: KeysOf, drafts: into.Drafts) -> Iterator[None]:
    owner, uid = _key(target), target.face.uid
    earlier = into.parts_of(owner)
    if target.place == "INTO":
        laid.within[uid] = parts.part(*compat.part_of(owner))
        lays = {each.data_path: partial(_fill, keys=keys_of[each.takes], frames=laid.frames) for each in target.face.channels}
        span = float(laid.frames[0]), float(laid.frames[-1])
        yield from drafts.laying(laid.within[uid], lays, identity=laid.plan.identity, span=span)
    else:
        yield from _filling(laid, target, keys_of)
    for each in earlier:
        if each != laid.within.get(uid):
            yield from drafts.taking_back(each)


def _filling(laid: Laid, target: Target, keys_of: KeysOf) -> Iterator[None]:
    part = laid.fresh[target.face.uid]
    for channel in target.face.channels:
        curve = compat.new_fcurve(*part.found(), channel.data_path)
        _fill(curve, keys_of[channel.takes], laid.frames)
        laid.digests.setdefault(part.action, ownership.Digest()).add(curve)
        yield


def put(laid: Laid, plan: Plan, drafts: into.Drafts, *, beside: Callable[[ExitStack], None] = lambda undo: None) -> list[Action]:
    """Let the keys play, in one go, and return the Actions that hold them. Whatever is raised, nothing is changed.

    plan: for what is there by now. drafts: settled; those of the artist's Actions that take keys get them here.
    beside: what else is to be written, which leaves with the stack it is given how to take it back.
    Raises Interrupted where something is gone, and where the keys are not what the plan asks for.
    """
    if not laid.suits(plan):
        raise Interrupted
    with laid.undo as undo:
        owners = [_key(target) for target in plan.targets]
        drafts.hand_over(undo)
        rests = _rests(plan, undo)
        for target, owner in zip(plan.targets, owners, strict=True):
            traces.remember(owner, target, undo)
            _switch(target, owner, laid.fresh.get(target.face.uid), rests.get(target.face.uid), laid.frames, undo)
        beside(undo)
        undo.pop_all()
    _retire(plan, owners)
    written = dict.fromkeys(each.found()[0] for each in laid.within.values())
    return [*_sign(plan, laid, rests), *written]


def _key(target: Target) -> Key:
    key = key_by_uid(target.face.uid)
    if key is None:
        raise Interrupted  # what is left of the face is planned for anew
    return key


def _new_parts(name: str, targets: Sequence[Target], undo: ExitStack) -> dict[int, Part]:
    """One Action with a slot for each Key, by its uid; in a Blender without slots, an Action for each."""
    made: dict[int, Part] = {}
    for target in targets:
        if made and compat.HAS_SLOTS:
            action, _ = next(iter(made.values())).found()
        else:
            action = bpy.data.actions.new(_action_name(name, target, first=not made))
            undo.callback(parts.remove_action, action.session_uid)
        made[target.face.uid] = parts.part(action, compat.new_slot(action, _key(target)))
    return made


def _action_name(name: str, target: Target, *, first: bool) -> str:
    return name if first else f"{name} {target.face.object}"


def _rests(plan: Plan, undo: ExitStack) -> dict[int, Part]:
    """For each Key that needs it, by its uid, what holds its face at 0 where no recording plays."""
    needing = [target for target in plan.targets if target.rest]
    rests = _new_parts(ownership.PREFIX + ownership.REST, needing, undo)
    still = CurveKeys(np.zeros(1, np.int64), *(np.zeros(1, np.float32),) * 3, False)
    for target in needing:
        for channel in target.rest:
            _fill(compat.new_fcurve(*rests[target.face.uid].found(), channel.data_path), still, np.zeros(1))
    return rests


def _fill(curve: FCurve, keys: CurveKeys, frames: NDArray[np.float64]) -> None:
    points = np.empty((len(keys), 2), np.float32)
    points[:, 0], points[:, 1] = frames[keys.frames], keys.values
    there = curve.keyframe_points
    there.add(len(points))
    there.foreach_set("co", points.ravel())
    # Bytes, as Blender stores them: any other kind is taken one by one, twenty times slower.
    there.foreach_set("interpolation", np.full(len(points), BEZIER if keys.is_bezier else LINEAR, np.uint8))
    for side in ("handle_left_type", "handle_right_type"):
        # Those of straight keys are what the artist gets who turns them into Bezier ones.
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
        put_strip(animation, *rest.found(), Layer(rest.found()[0].name, 0.0, 1.0, "HOLD"), undo)
    before = animation.action
    if before is not None and target.beneath is not None:
        _set(animation, undo, use_nla=True)
        put_strip(animation, before, compat.slot_of(animation), target.beneath, undo)
    if target.place == "STRIP":
        _set(animation, undo, use_nla=True)
        first = float(frames[0])
        action, slot = part.found()
        put_strip(animation, action, slot, Layer(action.name, first, max(float(frames[-1]), first + 1), target.extrapolation), undo)
    if target.place == "NEW" or target.beneath is not None or target.displaced:
        undo.callback(compat.assign, animation, before, compat.slot_of(animation))
        compat.assign(animation, *(part.found() if target.place == "NEW" else (None, None)))
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


def put_strip(animation: AnimData, action: Action, slot: compat.Slot, layer: Layer, undo: ExitStack) -> None:
    """A strip on a new track above all others that plays its Action frame for frame."""
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


def _sign(plan: Plan, laid: Laid, rests: Mapping[int, Part]) -> list[Action]:
    """Names are given last, when an earlier result has left its own."""
    made: dict[Action, Target] = {}
    for target in plan.targets:
        if target.face.uid in laid.fresh:
            made.setdefault(laid.fresh[target.face.uid].found()[0], target)
    for number, (action, target) in enumerate(made.items()):
        named = action.name
        action.name = _action_name(plan.action_name, target, first=number == 0)
        ownership.mark(action, plan.identity, laid.digests.get(action.session_uid))
        _rename_tracks(target, named, action.name)
    for action in dict.fromkeys(each.found()[0] for each in rests.values()):
        ownership.mark(action, ownership.REST)
    return list(made)


def _rename_tracks(target: Target, old: str, new: str) -> None:
    """A strip is called as its Action, which got its name last."""
    animation: Any = _key(target).animation_data
    for track in animation.nla_tracks if target.place == "STRIP" and old != new else ():
        for strip in [strip for strip in track.strips if strip.action is not None and strip.action.name == new]:
            track.name = strip.name = new
