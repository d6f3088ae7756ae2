"""Head and eyes that turn: the curves' rotations on a bone or an object that the artist names, and a gaze that follows an object.

What is named keeps its own animation. It gets a Copy Rotation constraint, which turns it on top of whatever it does, and an empty that is A2F's own
carries the keys. Removing both leaves everything as it was.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterable, Iterator
from contextlib import ExitStack, contextmanager
from typing import Any, NamedTuple

import bpy
import numpy as np
from bpy.types import Action, Context, Object, Scene
from mathutils import Matrix, Vector
from numpy.typing import NDArray

from ..errors import TargetError
from ..face import arkit
from ..face.curves import FaceCurves
from ..face.eyes import FULL_DEG, towards
from . import bake, compat, ownership, parts, registry, targets
from .dna import LINEAR
from .standing import Layer, users_of
from .tab import Part

Doubles = NDArray[np.float64]

MARK = "a2f_turns"
"""The property of an empty of A2F's: which part it turns."""
FACE = "a2f_face"
"""The property of such an empty: the object whose face it was keyed for."""
PARTS = {"head": "Head", "leftEye": "Left Eye", "rightEye": "Right Eye"}
AXES = ("Yaw", "Pitch", "Roll")

LOOK_S = 0.015
"""How long the way of what the eyes follow is looked at before the window gets its turn."""


class A2F_PG_rotations(bpy.types.PropertyGroup):
    """What turns, and what the eyes look at."""

    rig: bpy.props.PointerProperty(
        type=Object, name="Turn", description="An armature whose bones turn with head and eyes, or an object that turns as the head does"
    )
    head_bone: bpy.props.StringProperty(name="Head", description="The bone that turns as the head does")
    left_eye_bone: bpy.props.StringProperty(name="Left Eye", description="The bone of the face's own left eye")
    right_eye_bone: bpy.props.StringProperty(name="Right Eye", description="The bone of the face's own right eye")
    gaze: bpy.props.PointerProperty(type=Object, name="Look At", description="What the eyes look at, when they do not look away; it may move")


class Turned(NamedTuple):
    """A bone or an object (bone is then "") that takes the rotations of a part."""

    part: str
    rig: Object
    bone: str

    @property
    def owner(self) -> Any:
        """Who has the constraint."""
        return _bones(self.rig)[self.bone] if self.bone else self.rig


class Axes(NamedTuple):
    """A face's own axes in the space of its mesh, and the middle between its eyes there."""

    left: Vector
    up: Vector
    out: Vector
    eyes: Vector


def chosen(scene: Scene) -> Any:
    """What the artist named: an A2F_PG_rotations."""
    return scene.a2f_rotations  # type: ignore[attr-defined]


def turned(scene: Scene) -> list[Turned]:
    """What takes rotations. Raises TargetError for a bone that there is not."""
    names = chosen(scene)
    if names.rig is None:
        return []
    if names.rig.type != "ARMATURE":
        if names.rig.library is not None or not names.rig.is_editable:
            raise TargetError(f"'{names.rig.name}' is linked and takes no constraint; make a library override of it.")
        return [Turned("head", names.rig, "")]
    if names.rig.library is not None or not names.rig.is_editable:
        raise TargetError(f"The armature '{names.rig.name}' is linked and its bones take no constraint; make a library override of it.")
    asked = {"head": names.head_bone, "leftEye": names.left_eye_bone, "rightEye": names.right_eye_bone}
    for bone in filter(None, asked.values()):
        if bone not in _bones(names.rig):
            raise TargetError(f"The armature '{names.rig.name}' has no bone '{bone}'; choose one that it has.")
    return [Turned(part, names.rig, bone) for part, bone in asked.items() if bone]


def _bones(rig: Any) -> Any:
    """The pose's bones of an armature."""
    return rig.pose.bones


def aimed(scene: Scene, face: Object, curves: FaceCurves, frames: Doubles) -> Generator[float, None, tuple[FaceCurves, list[str]]]:
    """The curves with their gaze around the object that was named, and what the artist should know; in steps of a few milliseconds.

    frames: where each lies on the timeline. Raises TargetError where face or object are deleted meanwhile.
    """
    target = chosen(scene).gaze
    if target is None or not len(curves) or not all(name in curves.names for name in arkit.EYE_ROTATIONS):
        return curves, []
    uids = scene.session_uid, face.session_uid, target.session_uid
    name = target.name
    degrees = yield from _directions_deg(*uids, frames)
    farthest = float(np.abs(degrees).max())
    if farthest <= FULL_DEG:
        return towards(curves, degrees), []
    warning = f"'{name}' lies up to {farthest:.0f} degrees aside of the face, and eyes turn by {FULL_DEG:.0f}; there they look past it."
    return towards(curves, degrees), [warning]


class Written(NamedTuple):
    """Keys that turn a part, not signed yet: the empty, its Action, and what that is to be called."""

    empty: Object
    action: Action
    name: str


def write(scene: Scene, face: Object, curves: FaceCurves, frames: Doubles, *, name: str, undo: ExitStack) -> list[Written]:
    """Key the rotations for everything that takes them; :func:`sign` ends it. name: of the Actions. undo: learns how to take everything back."""
    written = []
    for each in turned(scene):
        channels = [each.part + axis for axis in AXES]
        if not all(channel in curves.names for channel in channels):
            continue
        angles = np.stack([curves.channel(channel) for channel in channels], axis=1).astype(np.float64)
        keys = _quaternions(angles, _axes_of(face, each))
        empty = _empty(scene, each, undo)
        empty[FACE] = face
        _constrain(each, empty, undo)
        written.append(Written(empty, _key(empty, f"{name} {PARTS[each.part]}", keys, frames, undo), f"{name} {PARTS[each.part]}"))
    return written


def sign(written: Iterable[Written], identity: str) -> None:
    """Take the same recording's earlier turns away, where nobody has changed them, and mark the new ones as A2F's. identity: of the recording."""
    for empty, action, name in written:
        animation: Any = empty.animation_data
        old = {strip.action for track in animation.nla_tracks for strip in track.strips if ownership.identity(strip.action) == identity}
        uids = {each.session_uid for each in old}
        ownership.remove_strips(animation, uids)
        ownership.remove_unused(uids)
        action.name = name
        ownership.mark(action, identity)


class Removed(NamedTuple):
    """How many empties went, and a sentence for each Action of theirs that stays, for the artist has changed it."""

    empties: int
    kept: list[str]


def empties_of(owners: Iterable[Any]) -> list[Object]:
    """The empties that were keyed for these faces: Keys, objects or armatures."""
    uids = {each.session_uid for each in owners}
    found = [(each, each.get(FACE)) for each in bpy.data.objects if each.get(MARK) and each.library is None]
    return [empty for empty, face in found if face is not None and not uids.isdisjoint({each.session_uid for each in targets.owners(face)})]


def remove(empties: Iterable[Object]) -> Removed:
    """Take these empties of A2F's, the constraints that follow them and their Actions away."""
    empties, kept = list(empties), []
    for holder in _holders() if empties else ():
        for constraint in [each for each in holder.constraints if any(_follows(each, empty) for empty in empties)]:
            holder.constraints.remove(constraint)
    for empty in empties:
        animation: Any = empty.animation_data
        users = [] if animation is None else users_of(animation)
        actions = dict.fromkeys(user.action for user in users if user.action is not None)
        bpy.data.objects.remove(empty)
        for action in [action for action in actions if action.users == 0]:
            if ownership.identity(action) is not None:
                bpy.data.actions.remove(action)
            else:
                action.use_fake_user = True
                kept.append(f"'{action.name}' was changed since its bake and is kept, though nothing plays it now.")
    return Removed(len(empties), kept)


def axes(face: Object) -> Axes:
    """A mesh's axes: x to its own left, as in every convention; up is what of y and z points up in the scene."""
    left = Vector((1.0, 0.0, 0.0))
    upright = face.matrix_world.to_3x3().inverted() @ Vector((0.0, 0.0, 1.0))
    number = max((1, 2), key=lambda axis: abs(upright[axis]))
    up = Vector([float(axis == number) * (1.0 if upright[axis] >= 0 else -1.0) for axis in range(3)])
    return Axes(left, up, Vector(np.cross(np.array(left), np.array(up)).tolist()), _between_the_eyes(face))


def _between_the_eyes(face: Object) -> Vector:
    """The middle of what the blink shapes move; of a mesh without them, its own."""
    mesh: Any = face.data
    blocks = mesh.shape_keys.key_blocks if mesh.shape_keys else []
    moved = [block for block in blocks if "eyeblink" in "".join(filter(str.isalpha, block.name)).lower()]
    rest, there = np.empty(3 * len(mesh.vertices), np.float32), np.empty(3 * len(mesh.vertices), np.float32)
    mesh.vertices.foreach_get("co", rest)
    weights = np.zeros(len(mesh.vertices))
    for block in moved:
        block.data.foreach_get("co", there)
        weights += np.linalg.norm((there - rest).reshape(-1, 3), axis=1)
    places = rest.reshape(-1, 3).astype(np.float64)
    return Vector(np.average(places, axis=0, weights=weights if weights.any() else None).tolist())


def _directions_deg(scene_uid: int, face_uid: int, target_uid: int, frames: Doubles) -> Generator[float, None, Doubles]:
    """Where the target lies from between the eyes, float64 [frames, 2] to the face's left and up."""
    face, target = _object(face_uid), _object(target_uid)
    own = axes(face)
    if not any(_may_move(each) for each in (face, target)):
        return np.tile(_direction_deg([face.matrix_world, target.matrix_world], own), (len(frames), 1))
    whole = np.arange(np.floor(frames.min()), np.ceil(frames.max()) + 1)
    found: list[Doubles] = []
    while len(found) < len(whole):
        scene = next((scene for scene in bpy.data.scenes if scene.session_uid == scene_uid), None)
        if scene is None:
            raise TargetError("The scene was deleted during the bake; nothing was changed.")
        with _observed(scene, _object(face_uid), _object(target_uid)) as places:
            end = time.perf_counter() + LOOK_S
            for frame in whole[len(found) :]:
                found.append(_direction_deg(places(int(frame)), own))
                if time.perf_counter() > end:
                    break
        yield 0.0
    return np.stack([np.interp(frames, whole, way) for way in np.array(found).T], axis=1)


def _object(uid: int) -> Object:
    found = next((each for each in bpy.data.objects if each.session_uid == uid), None)
    if found is None:
        raise TargetError("The face, or what its eyes look at, was deleted during the bake; nothing was changed.")
    return found


@contextmanager
def _observed(scene: Scene, *observed: Object) -> Iterator[Callable[[int], list[Matrix]]]:
    """Where objects are at a frame, looked at in a scene beside the artist's.

    There nothing is played in the artist's own scene, where a pose that is not keyed yet would be lost; and only what moves these objects is played.
    """
    aside = bpy.data.scenes.new(f"{ownership.PREFIX}gaze")
    witnesses = [bpy.data.objects.new(f"{ownership.PREFIX}gaze", None) for _ in observed]
    try:
        render: Any = aside.render
        for name in ("fps", "fps_base", "frame_map_old", "frame_map_new"):
            setattr(render, name, getattr(scene.render, name))
        for witness, each in zip(witnesses, observed, strict=True):
            aside.collection.objects.link(witness)
            constraint: Any = witness.constraints.new("COPY_TRANSFORMS")
            constraint.target = each
        layer: Any = aside.view_layers[0]

        def places(frame: int) -> list[Matrix]:
            aside.frame_set(frame)
            return [witness.evaluated_get(layer.depsgraph).matrix_world for witness in witnesses]

        yield places
    finally:
        for witness in witnesses:
            bpy.data.objects.remove(witness)
        bpy.data.scenes.remove(aside)


def _direction_deg(places: list[Matrix], own: Axes) -> Doubles:
    """places: of the face and of what it looks at."""
    face, target = places
    way = face.inverted() @ target.translation - own.eyes
    left, up, out = (way.dot(axis) for axis in (own.left, own.up, own.out))
    return np.degrees([np.arctan2(left, out), np.arctan2(up, np.hypot(left, out))])


def _may_move(each: Object | None) -> bool:
    if each is None:
        return False
    return bool(each.animation_data or len(each.constraints) or _may_move(each.parent))


def _axes_of(face: Object, each: Turned) -> Doubles:
    """The face's left, up and out as columns, in the space that the constraint turns in: the armature's for a bone, the scene's for an object."""
    own = axes(face)
    space = face.matrix_world.to_3x3()
    if each.bone:
        space = each.rig.matrix_world.to_3x3().inverted() @ space
    return np.array([(space @ axis).normalized() for axis in (own.left, own.up, own.out)]).T


def _quaternions(angles: Doubles, columns: Doubles) -> Doubles:
    """Yaw about up, after pitch about left, after roll about out, float64 [frames, w x y z]; as even as the angles are."""
    left, up, out = columns.T
    yaw, pitch, roll = (_about(axis, each) for axis, each in zip((up, left, out), angles.T, strict=True))
    return _after(_after(yaw, pitch), roll)


def _about(axis: Doubles, angles: Doubles) -> Doubles:
    """Turns about an axis of length 1, in radians, as quaternions."""
    return np.column_stack([np.cos(angles / 2), np.sin(angles / 2)[:, None] * axis])


def _after(later: Doubles, earlier: Doubles) -> Doubles:
    """One turn after another: Hamilton's product."""
    w, v = later[:, :1], later[:, 1:]
    other_w, other_v = earlier[:, :1], earlier[:, 1:]
    scalar = w * other_w - np.sum(v * other_v, axis=1, keepdims=True)
    return np.concatenate([scalar, w * other_v + other_w * v + np.cross(v, other_v)], axis=1)


def _empty(scene: Scene, each: Turned, undo: ExitStack) -> Object:
    """The empty that turns this part: the one that does already, or a new one."""
    for constraint in each.owner.constraints:
        target = getattr(constraint, "target", None)
        if target is not None and target.get(MARK) == each.part and _follows(constraint, target):
            return target
    empty = bpy.data.objects.new(f"{ownership.PREFIX}{PARTS[each.part]}", None)
    undo.callback(bpy.data.objects.remove, empty)
    empty[MARK] = each.part
    empty.rotation_mode = "QUATERNION"
    empty.hide_render = empty.hide_viewport = True
    scene.collection.objects.link(empty)
    return empty


def _follows(constraint: Any, empty: Object) -> bool:
    """Whether a constraint is A2F's own; the artist may let other things follow an empty."""
    return constraint.type == "COPY_ROTATION" and constraint.mix_mode == "BEFORE" and constraint.target == empty


def _constrain(each: Turned, empty: Object, undo: ExitStack) -> None:
    """Turn the owner as the empty is turned, on top of what it does itself."""
    constraints = each.owner.constraints
    if any(_follows(constraint, empty) for constraint in constraints):
        return
    constraint = constraints.new("COPY_ROTATION")
    undo.callback(constraints.remove, constraint)
    constraint.name = f"{ownership.PREFIX}{PARTS[each.part]}"
    constraint.target, constraint.mix_mode = empty, "BEFORE"
    constraint.target_space, constraint.owner_space = "WORLD", "POSE" if each.bone else "WORLD"


def _key(empty: Object, name: str, keys: Doubles, frames: Doubles, undo: ExitStack) -> Action:
    """A strip of its own for each recording; where none plays, the part rests."""
    animation = empty.animation_data_create()
    if not len(animation.nla_tracks):
        rest = _action(empty, ownership.PREFIX + ownership.REST, np.array([[1.0, 0.0, 0.0, 0.0]]), np.zeros(1), undo)
        ownership.mark(rest[0], ownership.REST)
        bake.put_strip(animation, *rest, Layer(rest[0].name, 0.0, 1.0, "HOLD"), undo)
    action, slot = _action(empty, name, keys, frames, undo)
    first = float(frames[0])
    bake.put_strip(animation, action, slot, Layer(name, first, max(float(frames[-1]), first + 1), "NOTHING"), undo)
    return action


def _action(empty: Object, name: str, keys: Doubles, frames: Doubles, undo: ExitStack) -> tuple[Action, compat.Slot]:
    action = bpy.data.actions.new(name)
    undo.callback(parts.remove_action, action.session_uid)
    slot = compat.new_slot(action, empty)
    for index, values in enumerate(keys.T):
        curve = compat.new_fcurve(action, slot, "rotation_quaternion", index=index)
        curve.keyframe_points.add(len(frames))
        curve.keyframe_points.foreach_set("co", np.stack((frames, values), axis=1).astype(np.float32).ravel())
        curve.keyframe_points.foreach_set("interpolation", np.full(len(frames), LINEAR, np.uint8))
        curve.update()
    return action, slot


def _holders() -> Iterator[Any]:
    for each in bpy.data.objects:
        yield each
        yield from each.pose.bones if each.pose else ()


class A2F_OT_unturn(bpy.types.Operator):
    """Take the head's and the eyes' rotations away again"""

    bl_idname = "a2f.unturn"
    bl_label = "Remove Rotations"
    bl_options = {"UNDO"}

    def execute(self, context: Context) -> set[Any]:
        """Remove A2F's empties and constraints."""
        count, kept = remove([each for each in compat.scene_of(context).objects if each.get(MARK)])
        for sentence in kept:
            self.report({"WARNING"}, sentence)
        self.report({"INFO"}, f"{count} rotations were removed." if count else "There were no rotations of A2F's.")
        return {"FINISHED"}


class A2F_PT_rotations(Part, bpy.types.Panel):
    """Head, eye bones, and what the eyes look at"""

    bl_idname = "A2F_PT_rotations"
    bl_label = "Head and Gaze"

    def draw(self, context: Context) -> None:
        """Blender calls this to show the panel."""
        layout: Any = self.layout
        layout.use_property_split, layout.use_property_decorate = True, False
        names = chosen(compat.scene_of(context))
        layout.prop(names, "gaze")
        layout.prop(names, "rig")
        if names.rig is not None and names.rig.type == "ARMATURE":
            for bone in ("head_bone", "left_eye_bone", "right_eye_bone"):
                layout.prop_search(names, bone, names.rig.data, "bones")
        if names.rig is not None:
            layout.operator("a2f.unturn", icon="X")


CLASSES: tuple[Any, ...] = (A2F_PG_rotations, A2F_OT_unturn, A2F_PT_rotations)
_register_classes, _unregister_classes = registry.both(CLASSES)


def register() -> None:
    """Give every scene the names, and show them."""
    _register_classes()
    bpy.types.Scene.a2f_rotations = bpy.props.PointerProperty(type=A2F_PG_rotations)  # type: ignore[attr-defined, func-returns-value]


def unregister() -> None:
    """Take them away again."""
    del bpy.types.Scene.a2f_rotations  # type: ignore[attr-defined]
    _unregister_classes()
