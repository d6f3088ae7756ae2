"""A preview moves the face without a key and puts every value back, whatever ends it; adjust makes keys of what was heard already."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest
from inside import evaluated, everything, first_slot, made_heard, make_action, make_head, play, shapes_of

import a2f_addon
from a2f_addon import job as jobs
from a2f_addon.blender import compat, live, preview, properties, runner
from a2f_addon.face import keys as reduction
from a2f_addon.face.arkit import NAMES
from a2f_addon.face.keys import COARSE
from a2f_addon.settings import build

FRAMES = range(1, 50)


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """Each test begins as a session does."""
    yield
    preview.stop()
    runner.session = runner.Session()


@pytest.fixture
def heard(says: Callable[..., None]) -> jobs.Heard:
    made = made_heard()
    says(made)
    return made


def values(key: Any) -> list[float]:
    return [block.value for block in key.key_blocks]


def test_the_face_moves_in_time_without_a_key_and_is_as_it_was_at_the_end(speech: str, heard: jobs.Heard) -> None:
    key = make_head().data.shape_keys
    key.key_blocks["jawOpen"].value = 0.25
    before, there = everything(), values(key)
    assert bpy.ops.a2f.preview(filepath=speech) == {"FINISHED"}
    curves = jobs.animate(heard, jobs.Motion(), fps=24)
    np.testing.assert_allclose(evaluated(key, NAMES, FRAMES), shapes_of(curves)[: len(FRAMES)], atol=1e-6)
    np.testing.assert_allclose(evaluated(key, ["jawOpen"], [500]), 0.25)
    assert everything() == before
    bpy.context.scene.frame_set(20)
    assert bpy.ops.a2f.preview() == {"FINISHED"}
    assert values(key) == there
    assert preview.BEFORE not in key
    assert everything() == before


def test_it_shows_on_a_face_that_is_keyed_and_the_keys_play_again_at_the_end(speech: str, heard: jobs.Heard) -> None:
    key = make_head().data.shape_keys
    play(key, make_action(key, {"jawOpen": [(1, 0.1), (49, 0.9)]}))
    keyed = evaluated(key, NAMES, FRAMES)
    bpy.ops.a2f.preview(filepath=speech)
    np.testing.assert_allclose(evaluated(key, NAMES, FRAMES), shapes_of(jobs.animate(heard, jobs.Motion(), fps=24))[: len(FRAMES)], atol=1e-6)
    preview.stop()
    np.testing.assert_allclose(evaluated(key, NAMES, FRAMES), keyed, atol=1e-6)


def test_a_file_is_saved_without_a_previews_values_and_the_preview_goes_on(speech: str, heard: jobs.Heard, tmp_path: Any) -> None:
    key = make_head().data.shape_keys
    there = values(key)
    bpy.context.scene.frame_set(20)
    bpy.ops.a2f.preview(filepath=speech)
    shown = values(key)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "saved.blend"))
    assert values(key) == shown != there
    shutil.copy(tmp_path / "saved.blend", tmp_path / "copy.blend")
    with bpy.data.libraries.load(str(tmp_path / "copy.blend"), link=True) as (_, here):
        here.objects = ["Head"]
    assert values(here.objects[0].data.shape_keys) == there  # as it lies in the file, healed by nobody
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "saved.blend"))
    key = bpy.data.objects["Head"].data.shape_keys
    assert values(key) == there
    assert not preview.is_running()
    assert preview.BEFORE not in key


def test_an_undo_ends_it_and_no_undo_brings_its_values_back(speech: str, heard: jobs.Heard) -> None:
    there = values(make_head().data.shape_keys)
    bpy.context.scene.frame_set(20)
    bpy.ops.ed.undo_push(message="before")
    bpy.ops.a2f.preview(filepath=speech)
    bpy.ops.ed.undo_push(message="a step while it runs")
    bpy.ops.ed.undo_push(message="another")
    bpy.ops.ed.undo()
    assert not preview.is_running()
    for step in (bpy.ops.ed.undo, bpy.ops.ed.redo, bpy.ops.ed.redo):
        assert values(bpy.data.objects["Head"].data.shape_keys) == there
        step()
    assert values(bpy.data.objects["Head"].data.shape_keys) == there


@pytest.mark.parametrize("ends", ["file", "addon", "mesh", "bake"])
def test_whatever_ends_it_leaves_nothing(speech: str, heard: jobs.Heard, ends: str) -> None:
    head = make_head()
    bpy.context.scene.frame_set(20)
    there = values(head.data.shape_keys)
    bpy.ops.a2f.preview(filepath=speech)
    if ends == "file":
        bpy.ops.wm.read_homefile(use_empty=True)
    elif ends == "addon":
        a2f_addon.unregister()
        a2f_addon.register()
        assert values(head.data.shape_keys) == there
    elif ends == "mesh":
        mesh = head.data
        bpy.data.objects.remove(head)
        bpy.data.meshes.remove(mesh)
        preview._show(bpy.context.scene)  # what the next frame does
        preview.stop()
    else:
        bpy.ops.a2f.bake(filepath=speech)
    assert not preview.is_running()
    assert preview._on_frame not in bpy.app.handlers.frame_change_post


def test_adjust_makes_the_keys_anew_without_hearing_and_leaves_one_result(speech: str, heard: jobs.Heard, monkeypatch: pytest.MonkeyPatch) -> None:
    key = make_head().data.shape_keys
    with pytest.raises(RuntimeError, match="Bake first"):
        bpy.ops.a2f.adjust()
    bpy.ops.a2f.bake(filepath=speech)
    monkeypatch.setattr(jobs, "listen", None)
    bpy.context.scene.a2f.articulation_jaw = 0.5
    assert bpy.ops.a2f.adjust() == {"FINISHED"}
    curves = jobs.animate(heard, build(jobs.Motion, {"articulation_jaw": 0.5}), fps=24)
    np.testing.assert_allclose(evaluated(key, NAMES, FRAMES), shapes_of(curves)[: len(FRAMES)], atol=1e-6)
    assert [action.name for action in bpy.data.actions] == ["A2F line_07"]
    bpy.ops.a2f.adjust(articulation_jaw=1.5)
    louder = jobs.animate(heard, build(jobs.Motion, {"articulation_jaw": 1.5}), fps=24)
    np.testing.assert_allclose(evaluated(key, NAMES, FRAMES), shapes_of(louder)[: len(FRAMES)], atol=1e-6)


def test_live_makes_the_keys_anew_a_moment_after_a_settings_last_change(
    speech: str, heard: jobs.Heard, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    timers = bpy.app.timers
    bpy.context.scene.a2f.live = True
    assert not timers.is_registered(live._adjust)  # without a window nobody drags
    window = SimpleNamespace(app=SimpleNamespace(background=False, timers=timers), types=bpy.types, ops=bpy.ops, context=bpy.context)
    monkeypatch.setattr(live, "bpy", window)
    make_head()
    chosen = bpy.context.scene.a2f
    chosen.live = True
    live._adjust()  # nothing was baked yet, and nothing is to be said
    live.stop()
    bpy.ops.a2f.bake(filepath=speech, articulation_jaw=0.7)
    assert not timers.is_registered(live._adjust) and "Error" not in capfd.readouterr().err  # an argument is nobody's slider
    monkeypatch.setattr(jobs, "listen", None)
    bpy.ops.ed.undo_push(message="before")
    for strength in (0.4, 0.5):
        chosen.articulation_jaw = strength
        assert timers.is_registered(live._adjust)
    live.stop()
    assert not timers.is_registered(live._adjust)  # once for both
    live._adjust()
    louder, quieter = (jobs.animate(heard, build(jobs.Motion, {"articulation_jaw": strength}), fps=24) for strength in (0.7, 0.5))
    np.testing.assert_allclose(evaluated(first_key(), NAMES, FRAMES), shapes_of(quieter)[: len(FRAMES)], atol=1e-6)
    bpy.ops.ed.undo()
    np.testing.assert_allclose(evaluated(first_key(), NAMES, FRAMES), shapes_of(louder)[: len(FRAMES)], atol=1e-6)
    bpy.context.scene.a2f.live = False
    live.stop()
    bpy.context.scene.a2f.articulation_jaw = 0.6
    assert not timers.is_registered(live._adjust)


@pytest.mark.parametrize("ends", ["file", "addon"])
def test_no_change_waits_where_its_file_or_the_addon_is_gone(ends: str, monkeypatch: pytest.MonkeyPatch) -> None:
    bpy.app.timers.register(live._adjust, first_interval=60)
    if ends == "file":
        bpy.ops.wm.read_homefile(use_empty=True)
    else:
        a2f_addon.unregister()
        a2f_addon.register()
    assert not bpy.app.timers.is_registered(live._adjust)


def first_key() -> Any:
    """Of the head, looked up again, as after an undo."""
    return bpy.data.objects["Head"].data.shape_keys


def test_few_keys_play_the_same_in_blender_and_the_seals_exactly(speech: str, says: Callable[..., None]) -> None:
    heard = made_heard()
    sealed = np.zeros((len(heard.speech), 3), np.float32)
    sealed[:, 1] = 1
    sealed[30:42] = (0, 0, 1)
    classes = {"silence": ("sil",), "open": ("AA",), "closed": ("M",)}
    heard = heard._replace(speech=replace(heard.speech, phone_names=("sil", "AA", "M"), phones=sealed, classes=classes))
    says(heard)
    key = make_head().data.shape_keys
    bpy.ops.a2f.bake(filepath=speech, reduction="COARSE")
    action = key.animation_data.action
    points = [curve.keyframe_points for curve in compat.fcurves(action, first_slot(action))]
    assert sum(map(len, points)) < 0.6 * len(points) * len(FRAMES)
    curves = jobs.animate(heard, jobs.Motion(), fps=24)
    # The curves end where the speech does, at the last of the frames.
    np.testing.assert_allclose(evaluated(key, NAMES, FRAMES), shapes_of(curves)[: len(FRAMES)], atol=COARSE + 1e-4)
    held = reduction.sealed(curves, heard.speech, jobs.Motion().closure)[: len(FRAMES)]
    assert 4 < held.sum() < 20
    lips = [name for name in NAMES if reduction.is_pinned(name)]
    exact = curves.values[: len(FRAMES), curves.columns(lips)][held]
    np.testing.assert_allclose(evaluated(key, lips, np.array(FRAMES)[held]), exact, atol=1e-4)
    assert json.loads(bpy.context.window_manager.a2f.result)["keys"] == sum(map(len, points))


def test_a_mask_leaves_a_region_to_the_artist_and_all_masks_are_a_sentence(speech: str, heard: jobs.Heard) -> None:
    key = make_head().data.shape_keys
    bpy.ops.a2f.bake(filepath=speech, region_brows=False, region_eyes=False)
    keyed = {curve.data_path for curve in compat.every_fcurve(key.animation_data.action)}
    assert 'key_blocks["jawOpen"].value' in keyed
    assert not any("brow" in path or "eye" in path for path in keyed)
    with pytest.raises(RuntimeError, match="All of the face is switched off"):
        bpy.ops.a2f.bake(filepath=speech, region_brows=False, region_eyes=False, region_mouth=False)


def test_sounds_are_marked_in_the_action_and_go_with_it(speech: str, heard: jobs.Heard) -> None:
    key = make_head().data.shape_keys
    bpy.ops.a2f.bake(filepath=speech, markers=True, frame_start=11)
    assert [(marker.name, marker.frame) for marker in key.animation_data.action.pose_markers] == [("AA", 11)]
    assert not bpy.context.scene.timeline_markers
    bpy.ops.a2f.clear()
    assert not bpy.data.actions


def test_keys_may_be_denser_than_the_scenes_frames(speech: str, heard: jobs.Heard) -> None:
    key = make_head().data.shape_keys
    bpy.ops.a2f.bake(filepath=speech, fps=48)
    frames = [point.co.x for point in compat.every_fcurve(key.animation_data.action)[0].keyframe_points]
    assert np.diff(frames) == pytest.approx(0.5)


def test_a_preset_fills_the_panel_and_an_argument_overrules_it(speech: str, heard: jobs.Heard) -> None:
    make_head()
    chosen = bpy.context.scene.a2f
    assert bpy.ops.a2f.preset(name="mouth_only") == {"FINISHED"}
    assert not chosen.eyes_enabled
    with pytest.raises(RuntimeError, match="There is no preset 'none'"):
        bpy.ops.a2f.preset(name="none")
    bpy.ops.a2f.preset(name="natural")
    source = properties.Values(None, bpy.context.scene).chosen
    assert callable(source)
    motion = _motion(speech, preset="mouth_only", eyes_enabled=True)
    assert motion.eyes.enabled
    assert not _motion(speech, preset="mouth_only").eyes.enabled
    assert _motion(speech, seed=7).eyes.seed == 7
    assert str(_motion(speech, emotion="joy:0.5").emotion.mix) == "joy:0.5"


def _motion(path: str, **given: Any) -> jobs.Motion:
    """What an operator with these arguments, and these alone, makes of them."""

    class Given:
        filepath, source = path, "FILE"
        preset = emotion = style = ""
        seed = -1

        def is_property_set(self, name: str) -> bool:
            return name in given

    made = Given()
    for name, value in given.items():
        setattr(made, name, value)
    speech = properties.choose(bpy.context, "FILE", filepath=path).lines[0]
    return properties.Values(made, bpy.context.scene).motion(speech, bpy.context.scene)


def test_keyed_emotions_are_followed_over_the_recordings_own_time(speech: str, heard: jobs.Heard) -> None:
    scene = bpy.context.scene
    scene.a2f.emotions.joy = 0.0
    scene.a2f.emotions.keyframe_insert("joy", frame=11)
    scene.a2f.emotions.joy = 1.0
    scene.a2f.emotions.keyframe_insert("joy", frame=35)
    scene.a2f.emotions.anger = 0.5
    speech_source = properties.choose(bpy.context, "FILE", filepath=speech, frame_start=11).lines[0]
    found = {keys.name: keys for keys in properties.emotions_over_time(scene, speech_source)}
    assert set(found) == {"joy", "anger"}
    assert (found["joy"].times_s[0], found["joy"].times_s[-1]) == (0.0, pytest.approx(1.0))
    assert found["joy"].intensities[12] == pytest.approx(0.5, abs=0.05)
    assert found["anger"].intensities == (0.5,)


def test_a_script_reads_what_was_done(speech: str, heard: jobs.Heard) -> None:
    make_head()
    bpy.ops.a2f.bake(filepath=speech)
    told = bpy.context.window_manager.a2f
    result = json.loads(told.result)
    assert (result["actions"], result["meshes"], result["first_frame"]) == (["A2F line_07"], 1, 1.0)
    assert told.said.startswith("Baked 'A2F line_07' onto 1 mesh")
    bpy.ops.a2f.clear()
    assert told.said.startswith("Cleared A2F's keys from 1 face") and not told.result


def test_every_operator_helps_a_script_that_asks() -> None:
    for name in ("bake", "preview", "clear", "adjust", "map", "cancel", "preset"):
        assert len(getattr(bpy.ops.a2f, name).__doc__ or "") > 20
