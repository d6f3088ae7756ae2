"""Every complaint and danger that people name, each with the test that guards it; and one scene with all of it at once.

The table is checked: a test that is named here is there.
"""

from __future__ import annotations

import ast
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest
from inside import evaluated, everything, keys_of, made_curves, make_action, make_head, play, put_strip

from a2f_addon import job as jobs
from a2f_addon.blender import clear, compat, runner, source

COMPLAINTS = {
    "it deleted my body animation": "test_complaints::test_all_that_is_not_a2fs_is_equal_after_bake_rebake_clear_and_undo",
    "my other Actions were gone after saving": "test_other_animation::test_everything_is_there_and_plays_after_saving_and_opening",
    "an Action that played nothing was lost": "test_other_animation::test_an_action_that_plays_nothing_here_is_not_lost",
    "keys exist but the mouth does not move: muted, pinned": "test_targets::test_what_would_hide_the_animation_is_said",
    "keys exist but the mouth does not move: a driver": "test_targets::test_driven_shapes_are_left_to_their_drivers",
    "keys exist but the mouth does not move: a soloed track": "test_other_animation::test_a_soloed_track_stays_soloed_and_the_artist_is_told",
    "an Action hides the new strip": "test_places::test_an_action_above_a_strip_is_laid_below_where_it_would_hide_it_and_only_there",
    "a muted track moves the same shapes": "test_places::test_a_muted_track_that_moves_the_same_shapes_is_said",
    "the slider is too short": "test_bake::test_what_a_slider_cuts_off_is_said",
    "the button is grey and does not say why": "test_operators::test_the_button_is_grey_without_a_face_and_says_why",
    "I do not know what it will use": "test_operators::test_the_panel_says_what_will_be_used",
    "I do not know what is missing": "test_operators::test_the_panel_says_what_is_missing",
    "it freezes Blender for minutes": "test_runner::test_it_works_beside_the_main_thread_and_tells_how_far_it_is",
    "I cannot stop it": "test_runner::test_escape_leaves_nothing",
    "cancelled at the last moment": "test_runner::test_cancelling_at_the_very_end_changes_nothing_either",
    "cancelled while keys are written": "test_runner::test_leaving_the_writing_half_way_leaves_nothing",
    "a second bake while one runs": "test_runner::test_bakes_wait_for_each_other_and_go_on_when_one_is_cancelled",
    "undo while it writes": "test_runner::test_an_undo_while_keys_are_written_leaves_nothing_and_they_are_written_anew",
    "the scene changes while it writes": "test_runner::test_what_changes_between_the_first_key_and_the_last_is_planned_for_anew",
    "a file is opened during a bake": "test_runner::test_loading_a_file_ends_the_bake_before_its_targets_go",
    "the add-on is switched off during a bake": "test_runner::test_switching_the_addon_off_ends_the_bake",
    "the mesh is deleted during a bake": "test_bake::test_a_mesh_that_is_deleted_meanwhile_is_a_plain_sentence",
    "the strip is deleted during a bake": "test_source::test_a_strip_that_is_deleted_meanwhile_is_a_plain_sentence",
    "undo needs many steps": "test_runner::test_one_undo_takes_a_bake_back",
    "it fails half way": "test_places::test_what_fails_half_way_leaves_everything_as_it_was",
    "a bake again makes a second one": "test_places::test_a_bake_again_replaces_the_earlier_one_wherever_that_went",
    "clear takes too much or too little": "test_places::test_a_clear_leaves_the_scene_as_it_was_before_two_bakes",
    "my own changes to the keys were overwritten": "test_bake::test_a_result_that_the_artist_edited_is_theirs_and_kept",
    "my changes inside my Action were cleared": "test_places::test_keys_that_were_edited_after_the_bake_stay_in_the_action_and_the_artist_is_told",
    "my keys around the line changed": "test_places::test_keys_outside_of_the_span_play_as_they_did",
    "the Action is linked": "test_places::test_a_linked_action_takes_no_keys_and_the_artist_is_told",
    "the character is linked": "test_targets::test_linked_shape_keys_are_refused",
    "the mesh data is shared": "test_bake::test_every_mesh_of_the_face_is_keyed_and_shared_meshes_once",
    "so many keys that nobody can edit them": "test_preview::test_few_keys_play_the_same_in_blender_and_the_seals_exactly",
    "preview left the face crooked": "test_preview::test_whatever_ends_it_leaves_nothing",
    "preview was saved into the file": "test_preview::test_a_file_is_saved_without_a_previews_values_and_the_preview_goes_on",
    "undo brought the preview back": "test_preview::test_an_undo_ends_it_and_no_undo_brings_its_values_back",
    "a slider means waiting for the model again": "test_preview::test_adjust_makes_the_keys_anew_without_hearing_and_leaves_one_result",
    "it animates brows that I did by hand": "test_preview::test_a_mask_leaves_a_region_to_the_artist_and_all_masks_are_a_sentence",
    "a script cannot tell what happened": "test_preview::test_a_script_reads_what_was_done",
    "my shape keys are named differently": "test_mapping::test_names_that_nothing_knows_are_mapped_by_hand",
    "my shape keys are named differently: what was found": "test_mapping::test_find_shapes_says_what_was_found_how_sure_it_is_and_what_is_missing",
    "the slider is too short, known before it is heard": "test_mapping::test_sliders_that_may_be_too_short_are_known_before_anything_is_heard",
    "the shape keys are overridden": "test_targets::test_overridden_shape_keys_take_keys_that_are_there_after_saving_and_opening",
    "a control rig has drivers": "test_mapping::test_the_properties_of_a_control_rig_are_keyed_and_its_drivers_follow",
    "a control rig's body animation": "test_mapping::test_the_body_animation_of_a_control_rig_plays_on",
    "the strip is muted": "test_source::test_a_strip_is_chosen_by_name_and_a_muted_one_says_so",
    "the sound is packed": "test_source::test_a_packed_sound_is_taken_from_the_blend_file",
    "the strip is in another scene": "test_source::test_a_strip_of_another_scene_is_found_where_the_sequencer_shows_that",
    "two lines in one Action, one of them baked again": "test_dangers::test_a_line_that_is_baked_again_under_a_later_one_gives_the_artists_keys_back",
    "many lines in one Action, moved about": "test_dangers::test_lines_in_one_action_are_taken_back_one_by_one",
    "many lines in one Action, and a file that swells": (
        "test_dangers::test_what_is_written_down_of_a_line_is_no_more_where_many_lines_are_in_the_action_already"
    ),
    "a slot, an Action or a mesh was renamed": "test_dangers::test_a_slot_an_action_and_a_mesh_may_be_renamed",
    "my Action was renamed between bake and clear": "test_dangers::test_an_action_that_was_renamed_meanwhile_has_its_place_and_its_settings_back",
    "I turned a handle": "test_dangers::test_few_keys_are_a2fs_after_saving_and_the_artists_once_a_handle_is_turned",
    "my curves are locked": "test_dangers::test_locked_curves_of_the_artists_take_no_keys",
    "keys exist but the mouth does not move: a muted curve": "test_dangers::test_muted_curves_that_take_keys_are_said",
    "my fake user was gone": "test_dangers::test_a_fake_user_that_the_artist_gave_after_the_bake_stays",
    "a clear changed my version of the result": "test_dangers::test_a_result_that_became_the_artists_plays_on_after_a_clear_and_that_is_said",
    "a clear in tweak mode": "test_dangers::test_a_clear_waits_until_tweak_mode_is_left",
    "a baked character is appended or linked elsewhere": "test_dangers::test_a_baked_character_in_another_file",
    "undo and redo between two bakes": "test_dangers::test_undo_and_redo_go_back_and_forth_between_two_bakes",
    "two characters in one bake": "test_dangers::test_two_characters_share_a_bake_and_are_cleared_apart",
    "an odd frame rate, negative frames, a fractional start": "test_dangers::test_odd_rates_and_places",
    "one of several strips is deleted during the bake": "test_dangers::test_a_line_whose_strip_is_gone_leaves_the_others_theirs_and_is_told",
    "the head turns for the last line only": "test_dangers::test_each_line_turns_the_head_at_its_own_place_and_a_line_again_takes_its_own_ones",
    "a clear leaves the head turning": "test_dangers::test_a_clear_takes_the_turns_of_its_own_face_and_no_others",
    "my changes to the head's turns were lost": "test_dangers::test_turns_that_the_artist_edited_are_kept",
    "the head's turns fail half way": "test_dangers::test_turns_that_fail_leave_the_face_as_it_was_too",
    "a moving gaze lost my pose": "test_dangers::test_a_gaze_plays_nothing_in_the_artists_scene_and_no_unkeyed_pose_is_lost",
    "I edited the result while the next one was written": "test_dangers::test_a_result_that_is_edited_while_the_next_is_written_is_kept",
    "what I trimmed off is heard": "test_source::test_only_what_the_handles_leave_is_heard",
    "the mouth is late: trim, offset, place": "test_source::test_what_is_heard_lies_where_blender_plays_it",
    "the mouth is late: a fractional frame rate": "test_source::test_keys_of_a_strip_lie_on_whole_frames",
    "the mouth is late: a strip with a speed of its own": "test_source::test_a_retimed_strip_is_heard_as_blender_plays_it",
    "the mouth is late: a speaker": "test_source::test_a_speaker_is_heard_from_its_strip_in_the_nla_on",
    "the strip is muted by what is around it": "test_source::test_a_strip_in_a_muted_metastrip_is_muted",
    "several strips in one channel": "test_source::test_each_line_of_a_channel_keeps_its_place_and_what_is_left_out_is_said",
    "the button is grey although there is a face": "test_operators::test_the_button_is_grey_without_a_sound_and_its_poll_reads_why",
    "it listens for minutes, then refuses": "test_operators::test_a_face_that_cannot_take_keys_is_refused_before_anything_is_heard",
    "one problem after the other": "test_targets::test_every_problem_is_said_at_once",
    "teeth, brows or lashes stay still": "test_targets::test_what_hangs_on_one_armature_belongs_together",
    "a character beside it moves too": "test_targets::test_a_mesh_of_another_scene_is_not_meant",
    "keys exist but the mouth does not move: absolute shape keys, drivers on all": "test_targets::test_every_problem_is_said_at_once",
    "keys exist but the mouth does not move: no jaw": "test_targets::test_a_face_without_a_jaw_is_said",
    "a strip is in tweak mode": "test_targets::test_tweak_mode_is_refused",
    "a fellow of the face is linked": "test_targets::test_a_linked_fellow_is_left_out_and_named",
    "looking at a plan changes something": "test_targets::test_a_plan_changes_nothing",
    "my shape keys are named differently: with no click": "test_mapping::test_a_mesh_of_each_naming_is_keyed_whole_with_no_click",
    "my mapping was lost": "test_mapping::test_a_list_is_saved_with_the_mesh_and_under_a_name_for_others",
    "it keyed properties that are no face's": "test_mapping::test_properties_that_mean_something_else_are_left_alone",
    "a property allows less than the curves do": "test_mapping::test_a_property_that_allows_less_than_the_curves_do_is_said",
    "cancelled by Esc while keys are written": "test_runner::test_escape_while_keys_are_written_leaves_nothing",
    "only the first of my lines was baked": "test_runner::test_two_lines_are_heard_one_after_the_other_and_both_written",
    "many lines freeze Blender": "test_runner::test_several_lines_are_written_in_steps_and_all_of_them_play_with_the_last",
    "I set a key while it wrote into my Action": "test_runner::test_a_key_that_the_artist_sets_while_others_are_written_beside_it_is_kept",
    "Blender is quit during a bake": "test_runner::test_quitting_ends_the_bake",
    "a mistake of the program leaves a timer running": "test_runner::test_a_mistake_of_the_program_leaves_nothing_running_either",
    "a script gets a traceback": "test_operators::test_a_script_gets_one_sentence_and_nothing_is_changed",
    "my strips below play differently": "test_other_animation::test_strips_play_on_as_they_did",
    "my Action's place in the NLA changed how it plays": "test_other_animation::test_an_action_above_strips_keeps_its_settings",
    "my drivers and the object's own animation": "test_other_animation::test_other_animation_data_is_not_touched",
    "my Action plays on another mesh too": "test_places::test_an_action_that_others_play_too_is_said",
    "the recording was moved with its project": "test_bake::test_a_recording_is_known_again_after_its_project_was_saved_and_moved",
    "between two lines the mouth stays open": "test_bake::test_lines_baked_one_after_the_other_all_play_and_the_mouth_rests_between",
    "I drag a slider and see nothing": "test_preview::test_live_makes_the_keys_anew_a_moment_after_a_settings_last_change",
    "marks stay behind": "test_preview::test_sounds_are_marked_in_the_action_and_go_with_it",
    "broken on 5.0": "test_bake::test_the_face_plays_what_was_heard_from_its_first_frame_to_its_last",
}
"""What people say, and where the test of it is. All of them run in every Blender that the project is tested in."""
FRAMES = [*range(-20, 140, 7), 33.5]
PLACES = ("NEW", "STRIP", "INTO")


@pytest.mark.parametrize("complaint", COMPLAINTS)
def test_each_complaint_has_its_test(complaint: str) -> None:
    room, _, name = COMPLAINTS[complaint].partition("::")
    tree = ast.parse((Path(__file__).parent / f"{room}.py").read_text("utf-8"))
    assert name in {node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)}


def fullest_scene(folder: Path) -> Any:
    """A character as it comes from weeks of work; the head is active."""
    collection = bpy.context.scene.collection
    rig = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    collection.objects.link(rig)
    rig.location = (0, 0, 0)
    for frame, place in ((1, 0.0), (60, 2.0), (120, 1.0)):
        rig.location.x = place
        rig.keyframe_insert("location", frame=frame)
    stash = rig.animation_data.nla_tracks.new()
    stash.strips.new("Walk", 200, rig.animation_data.action)
    away = make_head(["jawOpen"], name="Away")
    bpy.data.libraries.write(str(folder / "library.blend"), {away})
    bpy.data.objects.remove(away)
    with bpy.data.libraries.load(str(folder / "library.blend"), link=True) as (there, here):
        here.objects = there.objects
    collection.objects.link(here.objects[0])
    hat = make_head(["smile", "jawOpen"], name="Hat", parent=rig)
    play(hat.data.shape_keys, make_action(hat.data.shape_keys, {"smile": [(1, 0), (90, 1)]}, name="Hat"))
    twin = bpy.data.objects.new("Twin", hat.data)
    twin.parent = rig
    collection.objects.link(twin)
    head = make_head(["jawOpen", "mouthClose", "smile", "puff"], parent=rig)
    key = head.data.shape_keys
    key.key_blocks["puff"].driver_add("value").driver.expression = "frame / 200"
    put_strip(key, make_action(key, {"smile": [(15, 0.2), (50, 0.7)], "mouthClose": [(15, 0.3), (50, 0.9)]}, name="Base"), 15)
    muted = put_strip(key, make_action(key, {"smile": [(15, 1)]}, name="Muted"), 90)
    key.animation_data.nla_tracks[-1].mute = True
    assert muted.action
    play(key, make_action(key, {"smile": [(10, 0.1), (40, 1)], "jawOpen": [(5, 0.6), (64, 0.9), (100, 0.2)]}, name="Face"))
    key.animation_data.action_blend_type, key.animation_data.action_influence = "ADD", 0.5
    kept = make_action(key, {"jawOpen": [(1, 1)]}, name="Unused")
    kept.use_fake_user = True
    bpy.context.view_layer.objects.active = head
    return head


def whole_file() -> Any:
    """All Actions; NLA, settings and drivers of everything that can have them."""
    found = everything()
    for each in bpy.data.objects:
        animation = each.animation_data
        if animation is not None:
            strips = [strip for track in animation.nla_tracks for strip in track.strips]
            tracks = [(strip.name, strip.action and strip.action.name, strip.frame_start, strip.mute) for strip in strips]
            found[f"object {each.name}"] = (animation.action and animation.action.name, animation.use_nla, tracks)
    for key in bpy.data.shape_keys:
        if key.animation_data is not None:
            found[f"drivers {key.name}"] = [(each.data_path, each.driver.expression) for each in key.animation_data.drivers]
    return found


def played(head: Any) -> np.ndarray:
    """Everything in the scene that is not the speech's."""
    rows = []
    for frame in FRAMES:
        bpy.context.scene.frame_set(int(frame // 1), subframe=frame % 1)
        others = [bpy.data.objects["Rig"].location.x, *(head.data.shape_keys.key_blocks[name].value for name in ("smile", "puff"))]
        rows.append([*others, bpy.data.objects["Hat"].data.shape_keys.key_blocks["smile"].value])
    return np.array(rows)


def bake(path: str, place: str, seed: int) -> None:
    speech = source.from_file(path, bpy.context.scene, frame_start=60)
    curves = made_curves(seconds=9 / 24, names=("jawOpen", "mouthClose"), seed=seed)
    runner.finish(runner.prepare(bpy.context, speech, jobs.Motion(), None, place=place), curves)


@pytest.mark.parametrize("place", PLACES)
def test_all_that_is_not_a2fs_is_equal_after_bake_rebake_clear_and_undo(speech: str, tmp_path: Path, place: str) -> None:
    head = fullest_scene(tmp_path)
    bpy.context.scene.frame_set(1)
    bpy.ops.ed.undo_push(message="as it was")
    start, before = whole_file(), played(head)
    standing = {action.name: keys_of(action) for action in bpy.data.actions}
    for seed in (1, 2):
        bake(speech, place, seed)
        np.testing.assert_allclose(played(head), before, atol=1e-5)
        untouched = standing if place != "INTO" else {name: keys for name, keys in standing.items() if name not in ("Face", "Hat")}
        assert {name: keys_of(bpy.data.actions[name]) for name in untouched} == untouched
    clear.clear([each.data.shape_keys for each in (head, bpy.data.objects["Hat"])])
    assert whole_file() == start
    np.testing.assert_allclose(played(head), before, atol=1e-5)
    bake(speech, place, 3)
    bpy.ops.ed.undo_push(message="bake")
    assert whole_file() != start
    bpy.ops.ed.undo()
    assert whole_file() == start
    np.testing.assert_allclose(played(bpy.data.objects["Head"]), before, atol=1e-5)


@pytest.mark.parametrize("place", PLACES)
def test_it_is_all_there_and_can_be_cleared_after_saving_and_opening(speech: str, tmp_path: Path, place: str) -> None:
    head = fullest_scene(tmp_path)
    bpy.context.scene.frame_set(1)
    start, before = whole_file(), played(head)
    bake(speech, place, 1)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "saved.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "saved.blend"))
    np.testing.assert_allclose(played(bpy.data.objects["Head"]), before, atol=1e-5)
    clear.clear([bpy.data.objects[name].data.shape_keys for name in ("Head", "Hat")])
    assert whole_file() == start


def test_the_clear_button_does_what_the_clear_does(speech: str, says: Callable[..., None], tmp_path: Path) -> None:
    fullest_scene(tmp_path)
    bpy.context.scene.frame_set(1)
    start = whole_file()
    assert not bpy.ops.a2f.clear.poll()
    bake(speech, "NEW", 1)
    assert bpy.ops.a2f.clear() == {"FINISHED"}
    assert whole_file() == start
    assert evaluated(bpy.data.objects["Head"].data.shape_keys, ["smile"], [1]).shape == (1, 1)
    assert compat.slot_of(bpy.data.objects["Rig"].animation_data) is not None or not compat.HAS_SLOTS
