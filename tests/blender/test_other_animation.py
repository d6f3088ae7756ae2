"""What was animated before goes on playing: on every channel that is not A2F's, every frame's value is what it was, whatever the NLA looks like."""

from __future__ import annotations

import itertools
from typing import Any

import bpy
import numpy as np
import pytest
from inside import evaluated, everything, keys_of, made_curves, make_action, make_head, play, put_strip

from a2f_addon import job as jobs
from a2f_addon.blender import compat, runner, source

OTHERS = ("smile", "puff", "blink")
"""Shapes of the artist's own; beside them stand jawOpen and mouthClose."""
FRAMES = [*range(-40, 140, 6), 10.5, 33.25, 61, 2000, 30, -2000]
SPAN = range(60, 70)


def head() -> Any:
    made = make_head(["jawOpen", "mouthClose", *OTHERS])
    for block in made.data.shape_keys.key_blocks:
        block.slider_min, block.slider_max = -10, 10
    return made


def bake(path: str) -> runner.Outcome:
    speech = source.from_file(path, bpy.context.scene, frame_start=SPAN[0])
    curves = made_curves(seconds=len(SPAN) / 24, names=("jawOpen", "mouthClose"))
    return runner.finish(runner.prepare(bpy.context, speech, jobs.Motion(), None), curves)


def old_action(key: Any, *, extrapolation: str = "CONSTANT", name: str = "Old") -> Any:
    return make_action(
        key, {"smile": [(10, 0.1), (40, 1)], "puff": [(20, 0), (30, 1)], "jawOpen": [(5, 0.6), (100, 0.2)]}, name=name, extrapolation=extrapolation
    )


def base_action(key: Any) -> Any:
    return make_action(key, {"smile": [(15, 0.2), (50, 0.7)], "blink": [(15, 1), (20, 3)], "mouthClose": [(15, 0.3), (50, 0.9)]}, name="Base")


def assert_plays_on(key: Any, path: str) -> runner.Outcome:
    """Bake, and compare all that is not A2F's; frames are visited twice, for what is not played at all keeps the last frame's value."""
    before = evaluated(key, OTHERS, [*FRAMES, *reversed(FRAMES)])
    standing = {action.name: keys_of(action) for action in bpy.data.actions if action.users}
    tracks = everything()["keys"][key.name][3]
    outcome = bake(path)
    after = evaluated(key, OTHERS, [*FRAMES, *reversed(FRAMES)])
    np.testing.assert_allclose(after, before, atol=1e-5)
    assert {name: keys_of(bpy.data.actions[name]) for name in standing} == standing
    assert all(bpy.data.actions[name].users for name in standing)
    assert everything()["keys"][key.name][3][: len(tracks)] == tracks
    return outcome


def assert_says_it(key: Any) -> None:
    curves = made_curves(seconds=len(SPAN) / 24, names=("jawOpen", "mouthClose"))
    frames = range(SPAN[0], SPAN[0] + len(curves))
    np.testing.assert_allclose(evaluated(key, curves.names, frames), curves.values, atol=1e-5)


@pytest.mark.parametrize("curve", ["CONSTANT", "LINEAR", "CYCLES", "NOISE"])
def test_an_action_goes_on_playing_before_and_after_its_keys(speech: str, curve: str) -> None:
    key = head().data.shape_keys
    action = old_action(key, extrapolation="LINEAR" if curve == "LINEAR" else "CONSTANT")
    if curve in ("CYCLES", "NOISE"):
        for each in compat.every_fcurve(action):
            each.modifiers.new(curve)
    play(key, action)
    assert_plays_on(key, speech)
    assert_says_it(key)


BLENDS = ("REPLACE", "COMBINE", "ADD", "SUBTRACT", "MULTIPLY")
SETTINGS = itertools.product(("HOLD", "HOLD_FORWARD", "NOTHING"), BLENDS, (1.0, 0.5), ("CONSTANT", "LINEAR"))


@pytest.mark.parametrize(("extrapolation", "blend", "influence", "curve"), SETTINGS)
@pytest.mark.parametrize("strip", ["HOLD", "NOTHING"])
def test_an_action_above_strips_keeps_its_settings(speech: str, extrapolation: str, blend: str, influence: float, curve: str, strip: str) -> None:
    key = head().data.shape_keys
    put_strip(key, base_action(key), 15, extrapolation=strip)
    animation = play(key, old_action(key, extrapolation=curve))
    animation.action_extrapolation, animation.action_blend_type, animation.action_influence = extrapolation, blend, influence
    assert_plays_on(key, speech)
    assert_says_it(key)


MODIFIERS = {
    "CYCLES": {},
    "CYCLES after": {"mode_before": "NONE"},
    "CYCLES before": {"mode_after": "NONE"},
    "LIMITS": {"use_min_x": True, "use_max_x": True, "min_x": -20.0, "max_x": 120.0},
    "LIMITS within": {"use_max_x": True, "max_x": 20.0},
    "NOISE": {},
}


@pytest.mark.parametrize("modifier", MODIFIERS)
def test_an_action_that_only_plays_within_its_keys_goes_on_so(speech: str, modifier: str) -> None:
    key = head().data.shape_keys
    put_strip(key, base_action(key), 15)
    action = old_action(key)
    made = compat.every_fcurve(action)[0].modifiers.new(modifier.split()[0])
    for name, value in MODIFIERS[modifier].items():
        setattr(made, name, value)
    play(key, action).action_extrapolation = "NOTHING"
    assert_plays_on(key, speech)
    assert_says_it(key)


@pytest.mark.parametrize("with_action", [False, True])
@pytest.mark.parametrize("state", ["playing", "muted track", "muted strip", "off", "off and soloed", "empty track", "two tracks"])
def test_strips_play_on_as_they_did(speech: str, state: str, with_action: bool) -> None:
    key = head().data.shape_keys
    strip = put_strip(key, base_action(key), 15)
    animation = key.animation_data
    if state == "muted track":
        animation.nla_tracks[0].mute = True
    elif state == "muted strip":
        strip.mute = True
    elif state == "empty track":
        animation.nla_tracks[0].strips.remove(strip)
    elif state == "two tracks":
        put_strip(key, old_action(key, name="Upper"), 40, extrapolation="NOTHING", blend_type="ADD")
    elif state == "off and soloed":
        animation.nla_tracks[0].is_solo = True
    if with_action:
        play(key, old_action(key)).action_influence = 0.7
    if state.startswith("off"):
        animation.use_nla = False
    if with_action and state.startswith("off"):
        before = evaluated(key, OTHERS, FRAMES)
        outcome = bake(speech)
        np.testing.assert_allclose(evaluated(key, OTHERS, FRAMES), before, atol=1e-5)
        assert any("muted instead" in warning for warning in outcome.warnings)
    else:
        assert_plays_on(key, speech)
    assert_says_it(key)


def test_strips_inside_a_metastrip_play_on(speech: str) -> None:
    made = head()
    made.select_set(True)
    key = made.data.shape_keys
    put_strip(key, base_action(key), 15).select = True
    window = bpy.context.window
    area = window.screen.areas[0]
    area.type = "NLA_EDITOR"
    with bpy.context.temp_override(window=window, area=area, region=next(each for each in area.regions if each.type == "WINDOW")):
        bpy.ops.nla.meta_add()
    assert [strip.type for strip in key.animation_data.nla_tracks[0].strips] == ["META"]
    outside = [*range(15, SPAN[0]), *range(SPAN[-1] + 2, 140, 9)]
    before = evaluated(key, ["mouthClose"], outside)
    assert_plays_on(key, speech)
    assert_says_it(key)
    np.testing.assert_allclose(evaluated(key, ["mouthClose"], outside), before, atol=1e-5)


def test_a_soloed_track_stays_soloed_and_the_artist_is_told(speech: str) -> None:
    key = head().data.shape_keys
    put_strip(key, base_action(key), 15)
    play(key, old_action(key))
    key.animation_data.nla_tracks[0].is_solo = True
    outcome = assert_plays_on(key, speech)
    assert any("is soloed, so nothing else plays" in warning for warning in outcome.warnings)
    key.animation_data.nla_tracks[0].is_solo = False
    assert_says_it(key)


def test_face_keys_of_the_artist_play_before_and_after_the_recording_and_the_artist_is_told(speech: str) -> None:
    key = head().data.shape_keys
    play(key, old_action(key))
    outside = [*range(-20, 60, 7), *range(71, 140, 9)]
    before = evaluated(key, ["jawOpen"], outside)
    outcome = bake(speech)
    np.testing.assert_allclose(evaluated(key, ["jawOpen"], outside), before, atol=1e-5)
    np.testing.assert_allclose(evaluated(key, ["mouthClose"], outside), 0.0)
    assert [warning for warning in outcome.warnings if "also moves" in warning] == [
        "'Old' also moves jawOpen on 'Head': while the recording plays, the new keys win; before and after it, the old."
    ]


def test_an_action_that_plays_nothing_here_is_not_lost(speech: str, tmp_path: Any) -> None:
    key = head().data.shape_keys
    play(key, make_action(key, {}, name="Empty"))
    bake(speech)
    path = str(tmp_path / "saved.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    assert "Empty" in bpy.data.actions


def test_everything_is_there_and_plays_after_saving_and_opening(speech: str, tmp_path: Any) -> None:
    key = head().data.shape_keys
    put_strip(key, base_action(key), 15)
    play(key, old_action(key)).action_influence = 0.5
    standing = {action.name: keys_of(action) for action in bpy.data.actions}
    before = evaluated(key, OTHERS, FRAMES)
    bake(speech)
    path = str(tmp_path / "saved.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    key = bpy.data.objects["Head"].data.shape_keys
    assert {name: keys_of(bpy.data.actions[name]) for name in standing} == standing
    np.testing.assert_allclose(evaluated(key, OTHERS, FRAMES), before, atol=1e-5)
    assert_says_it(key)


def test_other_animation_data_is_not_touched(speech: str) -> None:
    made = head()
    made.location = (1, 2, 3)
    made.keyframe_insert("location", frame=5)
    made.data.shape_keys.key_blocks["smile"].driver_add("value").driver.expression = "frame / 100"
    action, driver = made.animation_data.action, made.data.shape_keys.animation_data.drivers[0]
    bake(speech)
    assert made.animation_data.action == action
    assert driver.driver.expression == "frame / 100"
    bpy.context.scene.frame_set(50)
    assert made.data.shape_keys.key_blocks["smile"].value == pytest.approx(0.5)


@pytest.mark.skipif(not compat.HAS_SLOTS, reason="before Blender 4.4 an Action has no slots")
def test_an_action_with_a_slot_for_several_keys_goes_on_in_each(speech: str) -> None:
    first, second = head(), head()
    action = old_action(first.data.shape_keys)
    slot = compat.new_slot(action, second.data.shape_keys)
    curve = compat.new_fcurve(action, slot, 'key_blocks["smile"].value')
    curve.keyframe_points.insert(-30, 0.3)
    curve.keyframe_points.insert(90, 0.8)
    play(first.data.shape_keys, action).action_extrapolation = "NOTHING"
    compat.assign(second.data.shape_keys.animation_data_create(), action, slot)
    second.data.shape_keys.animation_data.action_extrapolation = "NOTHING"
    for each in (first, second):
        put_strip(each.data.shape_keys, base_action(each.data.shape_keys), 15)
    untouched = evaluated(first.data.shape_keys, OTHERS, FRAMES)
    assert_plays_on(second.data.shape_keys, speech)
    np.testing.assert_allclose(evaluated(first.data.shape_keys, OTHERS, FRAMES), untouched, atol=1e-5)
