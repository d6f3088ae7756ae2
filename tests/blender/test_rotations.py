"""Head and eyes that turn, and a gaze that follows an object."""

from __future__ import annotations

from typing import Any

import bpy
import numpy as np
import pytest
from inside import compat, made_curves, make_head
from mathutils import Vector

from a2f_addon import job as jobs
from a2f_addon.blender import rotations, runner, source
from a2f_addon.errors import TargetError
from a2f_addon.face import arkit
from a2f_addon.face.curves import FaceCurves


def living(*, seconds: float = 1.0, yaw: float = 0.0, pitch: float = 0.0, roll: float = 0.0) -> FaceCurves:
    """A face whose head and eyes turn evenly to these radians."""
    face = made_curves(seconds=seconds)
    way = np.linspace(0, 1, len(face), dtype=np.float32)
    turns = {"Yaw": yaw, "Pitch": pitch, "Roll": roll}
    return face.with_added({part + axis: size * way for part in ("head", "leftEye", "rightEye") for axis, size in turns.items()})


def bake(speech: str, curves: FaceCurves) -> Any:
    return runner.finish(runner.prepare(bpy.context, source.from_file(speech, bpy.context.scene, frame_start=1), jobs.Motion(), None), curves)


def armature(*bones: str, roll: float = 0.7) -> Any:
    made = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    bpy.context.scene.collection.objects.link(made)
    active = bpy.context.view_layer.objects.active
    bpy.context.view_layer.objects.active = made
    bpy.ops.object.mode_set(mode="EDIT")
    for bone in bones:
        edit = made.data.edit_bones.new(bone)
        edit.head, edit.tail, edit.roll = (0, 0, 1), (0, 0.2, 1.6), roll
    bpy.ops.object.mode_set(mode="OBJECT")
    bpy.context.view_layer.objects.active = active
    return made


def turn_of(matrix: Any) -> Any:
    """Where something that looked out of the face, to -y, looks now."""
    return matrix.to_3x3() @ Vector((0, -1, 0))


def evaluated(owner: Any, frame: int) -> Any:
    bpy.context.scene.frame_set(frame)
    return owner.evaluated_get(bpy.context.evaluated_depsgraph_get())


@pytest.mark.parametrize(
    ("turns", "to"), [({"yaw": 0.3}, (0.2955, -0.9553, 0)), ({"pitch": 0.3}, (0, -0.9553, -0.2955)), ({"roll": 0.3}, (0, -1, 0))]
)
def test_an_object_turns_to_its_own_left_and_down_and_keeps_its_own_pose(speech: str, turns: dict[str, float], to: tuple[float, ...]) -> None:
    make_head()
    body = bpy.data.objects.new("Body", None)
    bpy.context.scene.collection.objects.link(body)
    body.location = (1, 2, 3)
    bpy.context.scene.a2f_rotations.rig = body
    bake(speech, living(**turns))
    np.testing.assert_allclose(turn_of(evaluated(body, 25).matrix_world), to, atol=1e-3)
    np.testing.assert_allclose(evaluated(body, 25).matrix_world.translation, (1, 2, 3), atol=1e-5)
    np.testing.assert_allclose(turn_of(evaluated(body, 1).matrix_world), (0, -1, 0), atol=1e-4)
    assert body.animation_data is None
    if "roll" in turns:
        # Towards its own right shoulder: its left side, +x, goes up.
        assert (evaluated(body, 25).matrix_world.to_3x3() @ Vector((1, 0, 0))).z == pytest.approx(0.2955, abs=1e-3)


def test_bones_turn_with_head_and_eyes_on_top_of_their_own_animation(speech: str) -> None:
    head, rig = make_head(), armature("Head", "Eye.L", "Eye.R")
    names = bpy.context.scene.a2f_rotations
    names.rig, names.head_bone, names.left_eye_bone = rig, "Head", "Eye.L"
    action = bpy.data.actions.new("Walk")
    curve = compat.new_fcurve(action, compat.new_slot(action, rig), 'pose.bones["Head"].rotation_euler', index=0)
    curve.keyframe_points.insert(1, 0.0)
    curve.keyframe_points.insert(25, 0.4)
    rig.pose.bones["Head"].rotation_mode = "XYZ"
    compat.assign(rig.animation_data_create(), action, action.slots[0] if compat.HAS_SLOTS else None)
    alone = {bone: turn_of(evaluated(rig, 25).pose.bones[bone].matrix) for bone in ("Head", "Eye.L", "Eye.R")}
    bake(speech, living(yaw=0.3))
    after = {bone: turn_of(evaluated(rig, 25).pose.bones[bone].matrix) for bone in alone}
    around = np.array([[np.cos(0.3), -np.sin(0.3), 0], [np.sin(0.3), np.cos(0.3), 0], [0, 0, 1]])
    for bone in ("Head", "Eye.L"):
        np.testing.assert_allclose(after[bone], around @ alone[bone], atol=1e-3)
    np.testing.assert_allclose(after["Eye.R"], alone["Eye.R"], atol=1e-6)
    assert rig.animation_data.action == action and head.animation_data is None


def test_a_second_bake_takes_the_place_of_the_first_and_all_can_be_taken_away(speech: str) -> None:
    make_head()
    rig = armature("Head")
    names = bpy.context.scene.a2f_rotations
    names.rig, names.head_bone = rig, "Head"
    rest = turn_of(evaluated(rig, 25).pose.bones["Head"].matrix)
    for size in (0.1, 0.3):
        bake(speech, living(yaw=size))
    assert len(rig.pose.bones["Head"].constraints) == 1
    assert len([each for each in bpy.data.objects if rotations.MARK in each]) == 1
    assert len([each for each in bpy.data.actions if each.name.endswith(" Head")]) == 1
    assert bpy.ops.a2f.unturn() == {"FINISHED"}
    assert not rig.pose.bones["Head"].constraints and not [each for each in bpy.data.objects if rotations.MARK in each]
    np.testing.assert_allclose(turn_of(evaluated(rig, 25).pose.bones["Head"].matrix), rest, atol=1e-6)


def test_a_bone_that_is_not_there_is_named_before_anything_is_heard(speech: str) -> None:
    make_head()
    names = bpy.context.scene.a2f_rotations
    names.rig, names.head_bone = armature("Head"), "Skull"
    with pytest.raises(TargetError, match="The armature 'Rig' has no bone 'Skull'"):
        bake(speech, living())
    assert not bpy.data.actions


def test_nothing_turns_where_nothing_was_named(speech: str) -> None:
    make_head()
    objects = len(bpy.data.objects)
    bake(speech, living(yaw=0.3))
    assert len(bpy.data.objects) == objects


def target_at(*place: float) -> Any:
    made = bpy.data.objects.new("Friend", None)
    bpy.context.scene.collection.objects.link(made)
    made.location = place
    bpy.context.scene.a2f_rotations.gaze = made
    bpy.context.view_layer.update()
    return made


def look_keys(head: Any, shape: str) -> np.ndarray:
    action = head.data.shape_keys.animation_data.action
    curve = next(each for each in compat.every_fcurve(action) if f'"{shape}"' in each.data_path)
    return np.array([point.co.y for point in curve.keyframe_points])


def test_the_eyes_look_at_an_object_wherever_the_face_is_turned(speech: str) -> None:
    head = make_head()
    head.location, head.rotation_euler = (5, 5, 0), (0, 0, np.pi / 2)
    # The face looks to +x now, its left is +y, and between its eyes is (1/3, 1/3, 0) of its own.
    eyes = Vector((5 - 1 / 3, 5 + 1 / 3, 0))
    target_at(*(eyes + Vector((10 * np.cos(0.3), 10 * np.sin(0.3), 0))))
    bake(speech, living().with_channels({name: np.zeros(25, np.float32) for name in arkit.EYES}))
    np.testing.assert_allclose(look_keys(head, "eyeLookOutLeft"), np.degrees(0.3) / 35, atol=1e-4)
    np.testing.assert_allclose(look_keys(head, "eyeLookInRight"), np.degrees(0.3) / 35, atol=1e-4)


def test_the_eyes_follow_an_object_that_moves_and_the_artists_frame_stays(speech: str) -> None:
    head = make_head()
    friend = target_at(0, -10, 0)
    for frame, side in ((1, 1 / 3), (25, 6.0)):
        friend.location.x = side
        friend.keyframe_insert("location", frame=frame)
    bpy.context.scene.frame_set(7)
    bake(speech, living())
    looks = look_keys(head, "eyeLookOutLeft")
    assert looks[0] == pytest.approx(0, abs=1e-3) and looks[-1] > 0.8 and np.all(np.diff(looks) >= -1e-6)
    assert bpy.context.scene.frame_current == 7


def test_who_asks_for_more_than_eyes_can_do_is_told(speech: str) -> None:
    make_head()
    target_at(0, 10, 0)
    outcome = bake(speech, living())
    assert any("'Friend' lies up to" in each and "eyes turn by 35" in each for each in outcome.warnings)
