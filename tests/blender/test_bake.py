"""A bake puts the curves on the face frame for frame, once, and may be done again."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import bpy
import numpy as np
import pytest
from inside import evaluated, everything, first_slot, made_curves, made_heard, make_action, make_head, play

from a2f_addon import job as jobs
from a2f_addon.blender import bake, compat, ownership, runner, source
from a2f_addon.errors import TargetError
from a2f_addon.face.arkit import NAMES
from a2f_addon.face.curves import FaceCurves


def baked(path: str, curves: FaceCurves, *, frame_start: float = 1.0) -> runner.Outcome:
    """Bake made curves onto the active object, by every step but the listening."""
    speech = source.from_file(path, bpy.context.scene, frame_start=frame_start)
    return runner.finish(runner.prepare(bpy.context, speech, jobs.Motion(), None), curves)


def expected(curves: FaceCurves, shapes: tuple[str, ...] = NAMES) -> np.ndarray:
    return curves.values[:, curves.columns(shapes)]


def other(path: str, name: str) -> str:
    """Another recording beside this one."""
    there = Path(path).with_name(name)
    there.write_bytes(b"")
    return str(there)


@pytest.mark.parametrize(("fps", "fps_base"), [(24, 1.0), (30, 1.001), (60, 1.0)])
def test_the_face_plays_what_was_heard_from_its_first_frame_to_its_last(speech: str, says: Callable[..., None], fps: int, fps_base: float) -> None:
    key = make_head().data.shape_keys
    bpy.context.scene.render.fps, bpy.context.scene.render.fps_base = fps, fps_base
    heard = made_heard()
    says(heard)
    bpy.ops.a2f.bake(filepath=speech, frame_start=11)
    curves = jobs.animate(heard, jobs.Motion(), fps=bpy.context.scene.render.fps / bpy.context.scene.render.fps_base)
    assert len(curves) == pytest.approx(2 * fps / fps_base + 1, abs=2)
    np.testing.assert_allclose(evaluated(key, NAMES, range(11, 11 + len(curves))), expected(curves), atol=1e-6)


def test_it_is_the_same_after_saving_and_opening_the_file(speech: str, tmp_path: Path) -> None:
    make_head()
    curves = made_curves()
    baked(speech, curves)
    path = str(tmp_path / "saved.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.ops.wm.open_mainfile(filepath=path)
    key = bpy.data.objects["Head"].data.shape_keys
    np.testing.assert_allclose(evaluated(key, NAMES, range(1, 1 + len(curves))), curves.values, atol=1e-6)


def test_a_start_between_two_frames_is_kept_exactly(speech: str) -> None:
    key = make_head().data.shape_keys
    curves = made_curves()
    baked(speech, curves, frame_start=10.25)
    np.testing.assert_allclose(evaluated(key, NAMES, np.arange(len(curves)) + 10.25), curves.values, atol=1e-6)


def test_the_keys_are_linear_and_become_smooth_beziers_when_the_artist_makes_them_so(speech: str) -> None:
    key = make_head(["jawOpen"]).data.shape_keys
    baked(speech, made_curves())
    points = compat.fcurves(key.animation_data.action, first_slot(key.animation_data.action))[0].keyframe_points
    kinds = {(point.interpolation, point.handle_left_type, point.handle_right_type) for point in points}
    assert kinds == {("LINEAR", "AUTO_CLAMPED", "AUTO_CLAMPED")}
    assert all(abs(point.handle_left.x - point.co.x) < 1 for point in points)


def test_every_mesh_of_the_face_is_keyed_and_shared_meshes_once(speech: str) -> None:
    rig = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    bpy.context.scene.collection.objects.link(rig)
    teeth = make_head(["jaw_open"], name="Teeth", parent=rig)
    twin = bpy.data.objects.new("Twin", teeth.data)
    twin.parent = rig
    bpy.context.scene.collection.objects.link(twin)
    make_head(["smile"], name="Hat", parent=rig)
    stranger = make_head(name="Stranger")
    head = make_head(["jawOpen", "browInnerUp_L", "browInnerUp_R"], parent=rig)
    curves = made_curves()
    outcome = baked(speech, curves)
    frames = range(1, 1 + len(curves))
    assert outcome.meshes == 2
    np.testing.assert_allclose(evaluated(teeth.data.shape_keys, ["jaw_open"], frames), expected(curves, ("jawOpen",)), atol=1e-6)
    halves = evaluated(head.data.shape_keys, ["browInnerUp_L", "browInnerUp_R"], frames)
    np.testing.assert_allclose(halves, np.repeat(expected(curves, ("browInnerUp",)), 2, axis=1), atol=1e-6)
    assert stranger.data.shape_keys.animation_data is None
    if compat.HAS_SLOTS:
        assert [action.name for action in bpy.data.actions] == ["A2F line_07"]
        assert len(bpy.data.actions["A2F line_07"].slots) == 2
    else:
        assert [action.name for action in bpy.data.actions] == ["A2F line_07", "A2F line_07 Teeth"]


def test_nothing_but_the_value_of_face_shapes_gets_keys(speech: str) -> None:
    key = make_head(["jawOpen", "smile", "mouthSmileLeft_L"]).data.shape_keys
    baked(speech, made_curves())
    assert [curve.data_path for curve in compat.every_fcurve(key.animation_data.action)] == ['key_blocks["jawOpen"].value']


def test_baking_a_recording_again_replaces_its_earlier_result(speech: str) -> None:
    key = make_head().data.shape_keys
    baked(speech, made_curves(seed=1))
    curves = made_curves(seed=2)
    baked(speech, curves, frame_start=40)
    assert [action.name for action in bpy.data.actions] == ["A2F line_07"]
    assert len(key.animation_data.nla_tracks) == 0
    np.testing.assert_allclose(evaluated(key, NAMES, range(40, 40 + len(curves))), curves.values, atol=1e-6)


def test_a_recording_is_known_again_after_its_project_was_saved_and_moved(speech: str, tmp_path: Path) -> None:
    make_head()
    baked(speech, made_curves(seed=1))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "project.blend"))
    baked(speech, made_curves(seed=2))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "project.blend"))
    moved = tmp_path.with_name(tmp_path.name + " moved")
    tmp_path.rename(moved)
    bpy.ops.wm.open_mainfile(filepath=str(moved / "project.blend"))
    baked(str(moved / "line_07.wav"), made_curves(seed=3))
    assert [action.name for action in bpy.data.actions] == ["A2F line_07"]


def test_a_result_that_the_artist_edited_is_theirs_and_kept(speech: str) -> None:
    key = make_head(["jawOpen", "smile"]).data.shape_keys
    baked(speech, made_curves(seed=1))
    edited = key.animation_data.action
    compat.every_fcurve(edited)[0].keyframe_points[5].co.y = 0.123
    baked(speech, made_curves(seed=2))
    assert key.animation_data.action != edited
    assert edited.name in bpy.data.actions and edited.users >= 1
    assert compat.every_fcurve(edited)[0].keyframe_points[5].co.y == pytest.approx(0.123)


def test_lines_baked_one_after_the_other_all_play_and_the_mouth_rests_between(speech: str) -> None:
    key = make_head().data.shape_keys
    lines = {1: speech, 200: other(speech, "line_08.wav"), 400: other(speech, "line_09.wav")}
    curves = {frame: made_curves(seed=frame) for frame in lines}
    for frame, path in lines.items():
        baked(path, curves[frame], frame_start=frame)
    again = made_curves(seed=99)
    baked(lines[1], again, frame_start=1)  # the first, now at the bottom
    curves[1] = again
    for frame, line in curves.items():
        np.testing.assert_allclose(evaluated(key, NAMES, range(frame, frame + len(line))), line.values, atol=1e-6)
    np.testing.assert_allclose(evaluated(key, NAMES, (-20, 150, 350, 600)), 0.0, atol=1e-6)
    assert sorted(action.name for action in bpy.data.actions) == ["A2F line_07", "A2F line_08", "A2F line_09", "A2F rest"]
    assert [track.name for track in key.animation_data.nla_tracks] == ["A2F rest", "A2F line_08", "A2F line_09"]


@pytest.mark.parametrize("broken", ["_fill", "put_strip", "assign"])
def test_whatever_fails_half_way_everything_is_as_it_was(speech: str, monkeypatch: pytest.MonkeyPatch, broken: str) -> None:
    rig = bpy.data.objects.new("Rig", None)
    bpy.context.scene.collection.objects.link(rig)
    for name in ("Teeth", "Head", "Tongue"):
        head = make_head(["jawOpen", "mouthClose", "smile"], name=name, parent=rig)
        if name != "Tongue":
            play(head.data.shape_keys, make_action(head.data.shape_keys, {"smile": [(1, 0), (9, 1)], "jawOpen": [(1, 1)]}, name=f"Old {name}"))
    before = everything()
    room = compat if broken == "assign" else bake
    working, calls = getattr(room, broken), []

    def failing(*args: object) -> object:
        calls.append(args)
        if len(calls) == 3:
            raise MemoryError
        return working(*args)

    monkeypatch.setattr(room, broken, failing)
    with pytest.raises(MemoryError):
        baked(speech, made_curves())
    monkeypatch.undo()
    assert everything() == before


def test_what_a_slider_cuts_off_is_said(speech: str) -> None:
    head = make_head(["jawOpen", "mouthClose"])
    head.data.shape_keys.key_blocks["jawOpen"].slider_max = 0.5
    outcome = baked(speech, made_curves())
    assert [warning for warning in outcome.warnings if "slider" in warning] == [
        "The sliders of jawOpen (0 to 0.5) on 'Head' are too short for the curves, which Blender cuts off there."
    ]
    key = head.data.shape_keys
    assert max(point.co.y for point in compat.every_fcurve(key.animation_data.action)[0].keyframe_points) > 0.9


@pytest.mark.parametrize("alone", [True, False])
def test_a_mesh_that_is_deleted_meanwhile_is_a_plain_sentence(speech: str, alone: bool) -> None:
    head = make_head()
    if not alone:
        make_head(name="Teeth", parent=head)
        bpy.context.view_layer.objects.active = head
    request = runner.prepare(bpy.context, source.from_file(speech, bpy.context.scene, frame_start=1), jobs.Motion(), None)
    bpy.data.objects.remove(head)
    with pytest.raises(TargetError, match="deleted during its bake; nothing was changed"):
        runner.finish(request, made_curves())
    assert not bpy.data.actions


def test_a_mesh_that_is_renamed_meanwhile_is_still_found(speech: str) -> None:
    head = make_head()
    request = runner.prepare(bpy.context, source.from_file(speech, bpy.context.scene, frame_start=1), jobs.Motion(), None)
    head.name = head.data.name = "Renamed"
    make_head()
    runner.finish(request, made_curves())
    assert head.data.shape_keys.animation_data.action.name == "A2F line_07"


def test_only_an_untouched_result_counts_as_own(speech: str) -> None:
    key = make_head().data.shape_keys
    baked(speech, made_curves())
    action = key.animation_data.action
    assert ownership.identity(action)
    action.use_fake_user = True
    assert ownership.identity(action) is None
    action.use_fake_user = False
    action.name = "Final"
    assert ownership.identity(action) is None
    assert ownership.identity(make_action(key, {"jawOpen": [(1, 0)]})) is None
