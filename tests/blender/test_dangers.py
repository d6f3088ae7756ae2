"""Turns that a scene may take between a bake and the next, a clear or an undo: nothing of the artist's is lost in any of them."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest
from inside import VALUE, _playing, evaluated, everything, keys_of, made_curves, make_action, make_head, play, put_strip

from a2f_addon import job as jobs
from a2f_addon.blender import clear, compat, into, ownership, parts, preview, rotations, runner, source
from a2f_addon.blender.operators import A2F_OT_bake
from a2f_addon.errors import TargetError
from a2f_addon.face import arkit
from a2f_addon.face.curves import FaceCurves

SAID = ("jawOpen", "mouthClose")
PLACES = ("NEW", "STRIP", "INTO")
AROUND = [*range(-30, 59, 3), *range(95, 150, 3)]


def head(name: str = "Head") -> Any:
    return make_head([*SAID, "smile"], name=name)


def old_action(key: Any) -> Any:
    points = [(5, 0.6), (64, 0.9), (68, 0.3), (72, 0.8), (100, 0.2)]
    play(key, make_action(key, {"smile": [(10, 0.1), (40, 1)], "jawOpen": points}))
    return key.animation_data.action


def curves(seed: int = 7, frames: int = 10) -> FaceCurves:
    return made_curves(seconds=(frames - 1) / 24, names=SAID, seed=seed)


def baked(path: str, place: str, *, seed: int = 7, frame: float = 60, name: str = "", error: float = 0.0) -> runner.Outcome:
    """name: of another recording than the one at the path."""
    if name:
        path = str(Path(path).with_name(f"{name}.wav"))
        Path(path).write_bytes(b"")
    speech = source.from_file(path, bpy.context.scene, frame_start=frame)
    request = runner.prepare(bpy.context, speech, jobs.Motion(), None, output=runner.Output(place, error))
    return runner.finish(request, curves(seed))


def jaw(action: Any) -> Any:
    return next(each for each in compat.every_fcurve(action) if each.data_path == VALUE.format("jawOpen"))


def saved_and_opened(folder: Path) -> None:
    bpy.ops.wm.save_as_mainfile(filepath=str(folder / "saved.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(folder / "saved.blend"))


def test_a_curve_that_the_first_of_two_lines_made_goes_with_the_last_of_them(speech: str) -> None:
    key = head().data.shape_keys
    old_action(key)
    bpy.context.scene.frame_set(1)
    before = everything()
    baked(speech, "INTO", seed=1)
    baked(speech, "INTO", seed=2, frame=200, name="line_08")
    baked(speech, "NEW", seed=3)
    bpy.context.scene.frame_set(1)
    assert clear.clear([key]).kept == ()
    assert everything() == before


@pytest.mark.parametrize("again", PLACES)
@pytest.mark.parametrize("frame", [66, 70])
def test_a_line_that_is_baked_again_under_a_later_one_gives_the_artists_keys_back(speech: str, again: str, frame: int) -> None:
    key = head().data.shape_keys
    old_action(key)
    bpy.context.scene.frame_set(1)
    before = everything()
    baked(speech, "INTO", seed=1)
    baked(speech, "INTO", seed=2, frame=frame, name="line_08")
    baked(speech, again, seed=3)
    np.testing.assert_allclose(evaluated(key, SAID, range(60, 70)), curves(3).values, atol=1e-5)
    np.testing.assert_allclose(evaluated(key, SAID, range(71, frame + 10)), curves(2).values[71 - frame :], atol=1e-5)
    bpy.context.scene.frame_set(1)
    assert clear.clear([key]).kept == ()
    assert everything() == before


def test_lines_in_one_action_are_taken_back_one_by_one(speech: str) -> None:
    key = head().data.shape_keys
    action = old_action(key)
    before = keys_of(action)
    for number, frame in enumerate((60, 70, 66, 90)):
        baked(speech, "INTO", seed=number, frame=frame, name=f"line_{number}")
    for number in (1, 3, 0):
        baked(speech, "INTO", seed=9, frame=120 + 20 * number, name=f"line_{number}")
    np.testing.assert_allclose(evaluated(key, SAID, range(66, 76)), curves(2).values, atol=1e-5)
    clear.clear([key])
    assert keys_of(action) == before


def test_what_is_written_down_of_a_line_is_no_more_where_many_lines_are_in_the_action_already(speech: str) -> None:
    action = old_action(head().data.shape_keys)
    for number in range(7):
        baked(speech, "INTO", seed=number, frame=120 + 20 * number, name=f"line_{number}")
    sizes = [len(json.dumps(record)) for record in into.records(action)[1:]]
    assert max(sizes) < 1.2 * min(sizes)


@pytest.mark.skipif(not compat.HAS_SLOTS, reason="before Blender 4.4 an Action has no slots")
@pytest.mark.parametrize("again", [False, True])
def test_a_slot_an_action_and_a_mesh_may_be_renamed(speech: str, again: bool) -> None:
    made = head()
    key = made.data.shape_keys
    action = old_action(key)
    before = keys_of(action)
    baked(speech, "INTO", seed=1)
    action.slots[0].name_display, action.name, made.name, made.data.name, key.name = "Face", "Renamed", "Other", "Other", "Other"
    if again:
        baked(speech, "INTO", seed=2, frame=80)
    clear.clear([key])
    assert keys_of(action) == before
    assert not into.records(action)


def test_few_keys_are_a2fs_after_saving_and_the_artists_once_a_handle_is_turned(speech: str, tmp_path: Path) -> None:
    key = head().data.shape_keys
    before = keys_of(old_action(key))
    baked(speech, "INTO", error=0.2)
    saved_and_opened(tmp_path)
    key = bpy.data.objects["Head"].data.shape_keys
    action = key.animation_data.action
    assert clear.clear([key]).kept == ()
    assert keys_of(action) == before
    baked(speech, "INTO", error=0.2)
    curve = jaw(action)
    turned = next(point for point in curve.keyframe_points if 61 < point.co.x < 68)
    turned.handle_right.y += 0.1
    curve.update()
    assert clear.clear([key]).kept == ("1 curves in 'Old' were edited after the bake and are kept.",)


def test_locked_curves_of_the_artists_take_no_keys(speech: str) -> None:
    key = head().data.shape_keys
    action = old_action(key)
    jaw(action).lock = True
    before = keys_of(action)
    with pytest.raises(TargetError, match="jawOpen of 'Head' is locked in 'Old'; unlock the curves, or put the keys into a new Action"):
        baked(speech, "INTO")
    assert keys_of(action) == before
    baked(speech, "NEW")
    own = key.animation_data.action
    for curve in compat.every_fcurve(own):
        curve.lock = True
    locked = keys_of(own)
    baked(speech, "NEW", seed=2)
    assert keys_of(own) == locked and own.users  # locked it is the artist's


def test_muted_curves_that_take_keys_are_said(speech: str) -> None:
    key = head().data.shape_keys
    jaw(old_action(key)).mute = True
    assert any("The curves of jawOpen are muted in 'Old'" in each for each in baked(speech, "INTO").warnings)
    assert jaw(key.animation_data.action).mute


def test_a_fake_user_that_the_artist_gave_after_the_bake_stays(speech: str) -> None:
    key = head().data.shape_keys
    action = old_action(key)
    baked(speech, "NEW")
    action.use_fake_user = True
    clear.clear([key])
    assert key.animation_data.action == action and action.use_fake_user


@pytest.mark.parametrize("again", [False, True])
def test_an_action_that_was_renamed_meanwhile_has_its_place_and_its_settings_back(speech: str, again: bool) -> None:
    key = head().data.shape_keys
    action = old_action(key)
    put_strip(key, make_action(key, {"smile": [(15, 0.2), (50, 0.7)]}, name="Base"), 15)
    key.animation_data.action_influence, key.animation_data.action_blend_type = 0.5, "ADD"
    before = evaluated(key, (*SAID, "smile"), range(-5, 110, 5))
    baked(speech, "NEW")
    action.name = "Renamed"
    if again:
        baked(speech, "NEW", seed=2, frame=80)
    clear.clear([key])
    assert key.animation_data.action == action
    np.testing.assert_allclose(evaluated(key, (*SAID, "smile"), range(-5, 110, 5)), before, atol=1e-6)


@pytest.mark.parametrize("change", ["renamed", "edited", "kept"])
def test_a_result_that_became_the_artists_plays_on_after_a_clear_and_that_is_said(speech: str, change: str) -> None:
    key = head().data.shape_keys
    old_action(key)
    animation = key.animation_data
    animation.action_influence, animation.action_blend_type = 0.5, "ADD"
    baked(speech, "NEW")
    own = animation.action
    if change == "renamed":
        own.name = "Mine"
    elif change == "edited":
        jaw(own).keyframe_points[3].co.y = 0.123
    else:
        own.use_fake_user = True
    before = evaluated(key, (*SAID, "smile"), range(50, 80))
    told = clear.clear([key])
    assert told.kept == (f"'{own.name}' was changed, renamed or kept with a fake user since its bake, and plays on.",)
    np.testing.assert_allclose(evaluated(key, (*SAID, "smile"), range(50, 80)), before, atol=1e-6)


def test_a_clear_waits_until_tweak_mode_is_left(speech: str) -> None:
    made = head()
    key = made.data.shape_keys
    old_action(key)
    baked(speech, "NEW")
    track = key.animation_data.nla_tracks[0]
    made.select_set(True)
    track.select = track.strips[0].select = True
    key.animation_data.nla_tracks.active = track
    area = bpy.context.window.screen.areas[0]
    area.type = "NLA_EDITOR"
    with bpy.context.temp_override(area=area, region=next(each for each in area.regions if each.type == "WINDOW")):
        bpy.ops.nla.tweakmode_enter()
    assert key.animation_data.use_tweak_mode
    with pytest.raises(TargetError, match="A strip of 'Head' is in tweak mode"):
        clear.clear([key])
    assert clear.has_traces(key)
    key.animation_data.use_tweak_mode = False
    clear.clear([key])
    assert key.animation_data.action.name == "Old" and not key.animation_data.nla_tracks


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("linked", [False, True])
def test_a_baked_character_in_another_file(speech: str, tmp_path: Path, place: str, linked: bool) -> None:
    key = head().data.shape_keys
    play(key, make_action(key, {}, name="Empty"))
    baked(speech, place)
    said = evaluated(key, SAID, range(60, 70))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "character.blend"))
    bpy.ops.wm.read_homefile(use_empty=True)
    bpy.context.scene.render.fps = 24
    other = head("Other")
    play(other.data.shape_keys, make_action(other.data.shape_keys, {"jawOpen": [(1, 0.7)]}, name="Empty"))
    before = _playing(other.data.shape_keys.animation_data)
    with bpy.data.libraries.load(str(tmp_path / "character.blend"), link=linked) as (_, here):
        here.objects = ["Head"]
    brought = here.objects[0]
    bpy.context.scene.collection.objects.link(brought)
    key = brought.data.shape_keys
    np.testing.assert_allclose(evaluated(key, SAID, range(60, 70)), said, atol=1e-5)
    if linked:
        with pytest.raises(TargetError, match=r"'Head' is linked from 'character.blend'; clear it there"):
            clear.clear([key])
        assert clear.has_traces(key)
    else:
        clear.clear([key])
        assert key.animation_data.action is None or not compat.fcurves(*compat.part_of(key))
    assert _playing(other.data.shape_keys.animation_data) == before


@pytest.mark.parametrize("place", PLACES)
def test_undo_and_redo_go_back_and_forth_between_two_bakes(speech: str, place: str) -> None:
    old_action(head().data.shape_keys)
    bpy.context.scene.frame_set(1)
    bpy.ops.ed.undo_push(message="before")
    states = [everything()]
    for seed, frame in ((1, 60), (2, 80)):
        baked(speech, place, seed=seed, frame=frame)
        bpy.context.scene.frame_set(1)
        bpy.ops.ed.undo_push(message="bake")
        states.append(everything())
    for step, state in ((bpy.ops.ed.undo, 1), (bpy.ops.ed.undo, 0), (bpy.ops.ed.redo, 1), (bpy.ops.ed.redo, 2), (bpy.ops.ed.undo, 1)):
        step()
        assert everything() == states[state]
    clear.clear([bpy.data.objects["Head"].data.shape_keys])
    assert everything() == states[0]


@pytest.mark.parametrize("place", PLACES)
def test_two_characters_share_a_bake_and_are_cleared_apart(speech: str, place: str) -> None:
    made = [head(name) for name in ("Anna", "Ben")]
    keys = [each.data.shape_keys for each in made]
    for key in keys:
        old_action(key)
    bpy.context.scene.frame_set(1)
    before = everything()
    for each in made:
        each.select_set(True)
    assert baked(speech, place).meshes == 2
    clear.clear([keys[0]])
    np.testing.assert_allclose(evaluated(keys[1], SAID, range(60, 70)), curves().values, atol=1e-5)
    bpy.context.scene.frame_set(1)
    assert everything()["keys"][keys[0].name] == before["keys"][keys[0].name]
    clear.clear([keys[1]])
    assert everything() == before


@pytest.mark.parametrize(("fps", "base", "frame"), [(24, 1.001, 60), (24, 1.0, -50), (30, 1.001, -20.25), (25, 1.0, 10.5)])
@pytest.mark.parametrize("place", PLACES)
def test_odd_rates_and_places(speech: str, place: str, fps: int, base: float, frame: float) -> None:
    key = head().data.shape_keys
    bpy.context.scene.render.fps, bpy.context.scene.render.fps_base = fps, base
    old_action(key)
    bpy.context.scene.frame_set(1)
    before = everything()
    smile = evaluated(key, ["smile"], AROUND)
    speech_source = source.from_file(speech, bpy.context.scene, frame_start=frame)
    request = runner.prepare(bpy.context, speech_source, jobs.Motion(), None, place=place)
    made = made_curves(seconds=9 / (fps / base), fps=fps / base, names=SAID)
    runner.finish(request, made)
    np.testing.assert_allclose(evaluated(key, SAID, frame + np.arange(10)), made.values, atol=1e-4)
    np.testing.assert_allclose(evaluated(key, ["smile"], AROUND), smile, atol=1e-5)
    bpy.context.scene.frame_set(1)
    clear.clear([key])
    assert everything() == before


def test_a_mesh_with_keys_and_no_blocks_is_a_sentence(speech: str) -> None:
    made = make_head([])
    made.shape_key_remove(made.data.shape_keys.key_blocks[0])
    with pytest.raises(TargetError, match="'Head' has no shape keys"):
        baked(speech, "NEW")


def test_a_line_whose_strip_is_gone_leaves_the_others_theirs_and_is_told(speech: str) -> None:
    key = head().data.shape_keys
    requests = []
    for number, frame in enumerate((10, 60, 110)):
        line = source.from_file(speech, bpy.context.scene, frame_start=frame)
        there = (bpy.context.scene.name, f"line {number}") if number != 2 else None
        line = source.replace(line, identity=f"{number}", name=f"line {number}")
        requests.append(runner.prepare(bpy.context, line, jobs.Motion(), None))
        requests[-1] = runner.replace(requests[-1], source=source.replace(line, strip=there if number == 1 else None))
    made = [runner.Ready(curves(number), {}, np.zeros(10, bool)) for number in range(3)]
    steps = A2F_OT_bake._writing(SimpleNamespace(), requests, made)
    _, outcomes = runner.advance(steps, for_s=60)
    assert [outcome.actions for outcome in outcomes] == [("A2F line 0",), ("A2F line 2",)]
    assert any(each == "Left out: The strip 'line 1' was deleted or renamed during its bake; nothing was changed." for each in outcomes[0].warnings)
    for number, frame in ((0, 10), (2, 110)):
        np.testing.assert_allclose(evaluated(key, SAID, range(frame, frame + 10)), curves(number).values, atol=1e-5)


def test_a_result_that_is_edited_while_the_next_is_written_is_kept(speech: str) -> None:
    key = head().data.shape_keys
    baked(speech, "NEW", seed=1)
    own = key.animation_data.action
    bpy.context.view_layer.update()
    for steps_before in (0, 1, 3):
        line = source.from_file(speech, bpy.context.scene, frame_start=60)
        steps = runner.finishing(runner.prepare(bpy.context, line, jobs.Motion(), None), curves(2))
        for _ in range(steps_before + 1):
            next(steps)
        point = jaw(own).keyframe_points[3]
        point.co.y = value = 0.1 + 0.1 * steps_before
        bpy.context.view_layer.update()
        try:
            runner.advance(steps, for_s=60)
        except parts.Interrupted:
            bpy.context.view_layer.update()
        assert own in list(bpy.data.actions) and own.users
        assert jaw(own).keyframe_points[3].co.y == pytest.approx(value)
        point.co.y = float(curves(1).values[3, 0])
        clear.clear([key])
        baked(speech, "NEW", seed=1)
        own = key.animation_data.action
        bpy.context.view_layer.update()
    assert not [each for each in bpy.app.handlers.depsgraph_update_post if each.__name__ == "note"]


def living(*, yaw: float = 0.0, frames: int = 10) -> FaceCurves:
    """A face whose head turns evenly to these radians."""
    face = made_curves(seconds=(frames - 1) / 24)
    way = np.linspace(0, 1, len(face), dtype=np.float32)
    zeros = {part + axis: 0 * way for part in ("head", "leftEye", "rightEye") for axis in ("Yaw", "Pitch", "Roll")}
    return face.with_added(zeros | {"headYaw": yaw * way})


def body() -> Any:
    made = bpy.data.objects.new("Body", None)
    bpy.context.scene.collection.objects.link(made)
    bpy.context.scene.a2f_rotations.rig = made
    return made


def yaw_of(made: Any, frame: int) -> float:
    bpy.context.scene.frame_set(frame)
    return made.evaluated_get(bpy.context.evaluated_depsgraph_get()).matrix_world.to_euler().z


def turned(speech: str, *, yaw: float, frame: float = 1, identity: str = "one") -> runner.Outcome:
    line = source.replace(source.from_file(speech, bpy.context.scene, frame_start=frame), identity=identity, name=identity)
    return runner.finish(runner.prepare(bpy.context, line, jobs.Motion(), None), living(yaw=yaw))


def test_each_line_turns_the_head_at_its_own_place_and_a_line_again_takes_its_own_ones(speech: str) -> None:
    make_head()
    made = body()
    turned(speech, yaw=0.2, identity="one")
    turned(speech, yaw=0.4, frame=50, identity="two")
    assert [yaw_of(made, frame) for frame in (10, 30, 59, 90)] == pytest.approx([0.2, 0, 0.4, 0], abs=1e-4)
    turned(speech, yaw=0.6, frame=100, identity="one")
    assert [yaw_of(made, frame) for frame in (10, 59, 109)] == pytest.approx([0, 0.4, 0.6], abs=1e-4)
    assert len([each for each in bpy.data.objects if rotations.MARK in each]) == 1


def test_a_clear_takes_the_turns_of_its_own_face_and_no_others(speech: str) -> None:
    anna, first = make_head(name="Anna"), body()
    turned(speech, yaw=0.2)
    ben, second = make_head(name="Ben"), body()
    turned(speech, yaw=0.4)
    hat = bpy.data.objects.new("Hat", None)
    bpy.context.scene.collection.objects.link(hat)
    empty = first.constraints[0].target
    artists = hat.constraints.new("COPY_ROTATION")
    artists.target = empty
    clear.clear([anna.data.shape_keys])
    assert (len(first.constraints), len(second.constraints), len(hat.constraints)) == (0, 1, 1)
    assert yaw_of(second, 10) == pytest.approx(0.4, abs=1e-4)
    clear.clear([ben.data.shape_keys])
    assert not [each for each in bpy.data.objects if rotations.MARK in each] and not bpy.data.actions


def test_turns_that_the_artist_edited_are_kept(speech: str) -> None:
    made, first = make_head(), body()
    turned(speech, yaw=0.2)
    empty = first.constraints[0].target
    action = empty.animation_data.nla_tracks[-1].strips[0].action
    compat.every_fcurve(action)[0].keyframe_points[4].co.y = 0.5
    edited = keys_of(action)
    turned(speech, yaw=0.4)
    assert keys_of(action) == edited and action.users
    told = clear.clear([made.data.shape_keys])
    assert told.kept == (f"'{action.name}' was changed since its bake and is kept, though nothing plays it now.",)
    assert keys_of(action) == edited and action.use_fake_user


def test_turns_that_fail_leave_the_face_as_it_was_too(speech: str, monkeypatch: pytest.MonkeyPatch) -> None:
    key = head().data.shape_keys
    old_action(key)
    made = body()
    objects, before = len(bpy.data.objects), everything()

    working = rotations.bake.put_strip

    def fails(animation: Any, *given: Any) -> None:
        if isinstance(animation.id_data, bpy.types.Object):
            raise MemoryError
        working(animation, *given)

    monkeypatch.setattr(rotations.bake, "put_strip", fails)
    with pytest.raises(MemoryError):
        turned(speech, yaw=0.2)
    assert (everything(), len(bpy.data.objects), len(made.constraints)) == (before, objects, 0)
    assert not clear.has_traces(key)


def test_a_rig_that_is_linked_is_refused_before_anything_is_heard(speech: str, tmp_path: Path) -> None:
    made = body()
    bpy.data.libraries.write(str(tmp_path / "rig.blend"), {made})
    bpy.data.objects.remove(made)
    with bpy.data.libraries.load(str(tmp_path / "rig.blend"), link=True) as (_, here):
        here.objects = ["Body"]
    make_head()
    bpy.context.scene.a2f_rotations.rig = here.objects[0]
    with pytest.raises(TargetError, match="'Body' is linked and takes no constraint; make a library override of it"):
        turned(speech, yaw=0.2)
    assert not bpy.data.actions


def friend(*, moves: bool) -> Any:
    made = bpy.data.objects.new("Friend", None)
    bpy.context.scene.collection.objects.link(made)
    bpy.context.scene.a2f_rotations.gaze = made
    made.location = (1 / 3, -10, 0)
    if moves:
        for frame, side in ((1, 1 / 3), (10, 5.0)):
            made.location.x = side
            made.keyframe_insert("location", frame=frame)
    bpy.context.view_layer.update()
    return made


@pytest.mark.parametrize("moves", [False, True])
def test_a_gaze_plays_nothing_in_the_artists_scene_and_no_unkeyed_pose_is_lost(speech: str, moves: bool) -> None:
    make_head()
    made = friend(moves=moves)
    bpy.context.scene.frame_set(4, subframe=0.25)
    made.location.y = -7.0
    scenes, played = len(bpy.data.scenes), []
    bpy.app.handlers.frame_change_pre.append(lambda scene, *_: played.append(scene.name))
    try:
        turned(speech, yaw=0.0)
    finally:
        bpy.app.handlers.frame_change_pre.pop()
    assert made.location.y == -7.0
    assert (bpy.context.scene.frame_current, bpy.context.scene.frame_subframe) == (4, 0.25)
    assert bpy.context.scene.name not in played and bool(played) == moves
    assert len(bpy.data.scenes) == scenes and not [each for each in bpy.data.objects if each.name.startswith("A2F gaze")]


def test_preview_and_adjust_look_where_the_bake_looks(speech: str, says: Callable[..., None]) -> None:
    still = living(frames=49)
    still = still.with_channels({name: np.zeros(len(still), np.float32) for name in arkit.EYES})
    heard = jobs.Heard(still, made_speech(still))
    says(heard)
    made = make_head()
    key = made.data.shape_keys
    friend(moves=False).location.x = 1 / 3 + 10 * np.tan(np.radians(14))
    bpy.context.view_layer.update()
    settings: dict[str, Any] = {"filepath": speech, "eyes_enabled": False}
    bpy.ops.a2f.preview(**settings)
    shown = evaluated(key, ["eyeLookOutLeft"], [20])
    preview.stop()
    bpy.ops.a2f.bake(**settings)
    keyed = evaluated(key, ["eyeLookOutLeft"], [20])
    bpy.ops.a2f.adjust(eyes_enabled=False)
    adjusted = evaluated(key, ["eyeLookOutLeft"], [20])
    runner.session = runner.Session()
    assert keyed[0, 0] > 0.2
    np.testing.assert_allclose([shown, adjusted], [keyed, keyed], atol=1e-4)


def made_speech(curves: FaceCurves) -> Any:
    from inside import made_heard

    return made_heard(seconds=len(curves) / 24).speech


def test_emotions_over_time_follow_a_speaker_whose_pitch_is_higher(speech: str) -> None:
    from a2f_addon.blender import properties

    scene = bpy.context.scene
    for frame, level in ((1, 0.0), (25, 1.0)):
        scene.a2f.emotions.joy = level
        scene.a2f.emotions.keyframe_insert("joy", frame=frame)
    line = source.replace(source.from_file(speech, scene, frame_start=1), speed=2.0)
    (joy,) = properties.emotions_over_time(scene, line)
    # A second of the scene is two of the recording.
    assert joy.times_s[-1] == pytest.approx(2.0)


def test_a_result_of_a2fs_own_is_told_from_every_other(speech: str) -> None:
    key = head().data.shape_keys
    baked(speech, "NEW")
    own = key.animation_data.action
    copy = own.copy()
    assert ownership.identity(own) is not None and ownership.identity(copy) is None
