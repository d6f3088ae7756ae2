"""Which meshes are meant, what stands in the way, and what the artist should know: all of it before anything is changed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest
from inside import VALUE, evaluated, everything, made_curves, make_action, make_head, play, put_strip

from a2f_addon import job as jobs
from a2f_addon.blender import compat, runner, source, targets
from a2f_addon.errors import TargetError
from a2f_addon.face.arkit import NAMES
from a2f_addon.face.curves import FaceCurves


def plan(**more: Any) -> targets.Plan:
    scene = bpy.context.scene
    asked = targets.asked_for(bpy.context)
    return targets.plan(targets.family(asked, scene), asked=asked, name="line", identity="file line", scene=scene, **more)


def refusal() -> str:
    before = everything()
    with pytest.raises(TargetError) as caught:
        plan()
    assert everything() == before
    return str(caught.value)


def add(name: str, data: Any = None, parent: Any = None) -> Any:
    made = bpy.data.objects.new(name, data)
    made.parent = parent
    bpy.context.scene.collection.objects.link(made)
    return made


def names(objects: Any) -> set[str]:
    return {each.name for each in objects}


def test_what_hangs_on_one_armature_belongs_together() -> None:
    rig = add("Rig", bpy.data.armatures.new("Rig"))
    group = add("Group", parent=rig)
    make_head(name="Teeth", parent=group)
    skinned = make_head(name="Brows")
    skinned.modifiers.new("Armature", "ARMATURE").object = rig
    other = add("Other Rig", bpy.data.armatures.new("Other"))
    make_head(name="Somebody", parent=other)
    make_head(name="Prop")
    head = make_head(parent=rig)
    for chosen in (head, skinned, rig):
        found = names(targets.family([chosen], bpy.context.scene))
        assert {"Head", "Teeth", "Brows"} <= found
        assert not found & {"Somebody", "Prop"}


def test_without_an_armature_the_children_of_one_parent_and_of_the_head_belong_together() -> None:
    parent = add("Parent")
    head = make_head(parent=parent)
    make_head(name="Teeth", parent=parent)
    make_head(name="Lashes", parent=head)
    make_head(name="Alone")
    assert names(targets.family([head], bpy.context.scene)) == {"Head", "Teeth", "Lashes"}
    assert targets.family([head], bpy.context.scene)[0] == head


def test_selected_meshes_are_meant_too() -> None:
    other = make_head(name="Other")
    make_head()
    other.select_set(True)
    assert [target.face.object for target in plan().targets] == ["Head", "Other"]


def test_a_mesh_of_another_scene_is_not_meant() -> None:
    parent = add("Parent")
    away = make_head(name="Away", parent=parent)
    bpy.context.scene.collection.objects.unlink(away)
    head = make_head(parent=parent)
    assert names(targets.family([head], bpy.context.scene)) == {"Head"}


def test_a_mesh_without_face_shapes_gets_told_what_was_looked_for_and_what_is_nearest() -> None:
    make_head(["jawOpened", "Smile", "Fist"])
    sentence = refusal()
    assert "No shape key of 'Head' is one of ARKit's 52 (looked for jawOpen" in sentence
    assert "'jawOpened' (for jawOpen)" in sentence


def test_a_mesh_without_shape_keys_and_no_mesh_at_all() -> None:
    add("Plain", bpy.data.meshes.new("Plain"))
    bpy.context.view_layer.objects.active = bpy.data.objects["Plain"]
    assert "'Plain' has no shape keys" in refusal()
    bpy.data.objects.remove(bpy.data.objects["Plain"])
    assert refusal() == targets.NO_FACE


def linked(path: Path) -> Any:
    """A head that comes from another file."""
    head = make_head(name="Linked")
    bpy.data.libraries.write(str(path), {head})
    bpy.data.objects.remove(head)
    with bpy.data.libraries.load(str(path), link=True) as (there, here):
        here.objects = there.objects
    bpy.context.scene.collection.objects.link(here.objects[0])
    bpy.context.view_layer.objects.active = here.objects[0]
    return here.objects[0]


def test_linked_shape_keys_are_refused(tmp_path: Path) -> None:
    linked(tmp_path / "library.blend")
    assert "'Linked' is linked from 'library.blend', and linked shape keys cannot be keyed" in refusal()


def overridden(path: Path) -> Any:
    """A head that comes from another file, its object and its mesh overridden here."""
    head = linked(path).override_create(remap_local_usages=True)
    head.data.override_create(remap_local_usages=True)
    bpy.context.view_layer.objects.active = head
    return head


@pytest.mark.skipif(not compat.KEEPS_KEYS_OF_OVERRIDES, reason="not known to be saved before Blender 4.5")
def test_overridden_shape_keys_take_keys_that_are_there_after_saving_and_opening(tmp_path: Path, speech: str) -> None:
    overridden(tmp_path / "library.blend")
    made = source.from_file(speech, bpy.context.scene, frame_start=1)
    curves = made_curves(seconds=1)
    runner.finish(runner.prepare(bpy.context, made, jobs.Motion(), None), curves)
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "shot.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "shot.blend"))
    head = next(each for each in bpy.data.objects if each.library is None)
    assert head.data.override_library is not None
    found = evaluated(head.data.shape_keys, NAMES, [1, 9, 20])
    np.testing.assert_allclose(found, curves.values[[0, 8, 19]], atol=1e-4)


def test_overridden_shape_keys_are_refused_where_blender_may_forget_them(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compat, "KEEPS_KEYS_OF_OVERRIDES", False)
    overridden(tmp_path / "library.blend")
    assert "is a library override, whose keys this Blender is not known to save" in refusal()


def test_a_linked_fellow_is_left_out_and_named(tmp_path: Path) -> None:
    parent = add("Parent")
    fellow = linked(tmp_path / "library.blend").override_create(remap_local_usages=True)
    fellow.parent = parent
    make_head(parent=parent)
    made = plan()
    assert [target.face.object for target in made.targets] == ["Head"]
    assert any(warning.startswith("Left out: 'Linked' is linked") for warning in made.warnings)


def test_every_problem_is_said_at_once() -> None:
    first, second = make_head(name="First"), make_head(name="Second")
    first.data.shape_keys.use_relative = False
    key = second.data.shape_keys
    for name in NAMES:
        key.key_blocks[name].driver_add("value")
    first.select_set(True)
    sentence = refusal()
    assert "'First' has absolute shape keys" in sentence
    assert "Every face shape of 'Second' has a driver" in sentence


def test_tweak_mode_is_refused() -> None:
    key = make_head().data.shape_keys
    strip = put_strip(key, make_action(key, {"jawOpen": [(1, 0), (9, 1)]}), 1)
    key.animation_data.nla_tracks.active = key.animation_data.nla_tracks[0]
    strip.select = True
    key.animation_data.use_tweak_mode = True
    assert key.animation_data.use_tweak_mode
    assert "A strip of 'Head' is in tweak mode" in refusal()


def test_driven_shapes_are_left_to_their_drivers() -> None:
    key = make_head(["jawOpen", "mouthClose"]).data.shape_keys
    key.key_blocks["mouthClose"].driver_add("value")
    made = plan()
    assert [channel.shape for channel in made.targets[0].face.channels] == ["jawOpen"]
    assert "mouthClose on 'Head' has a driver and will not be keyed." in made.warnings


def test_what_would_hide_the_animation_is_said() -> None:
    head = make_head(["jawOpen", "mouthClose", "mouthFunnel"])
    head.data.shape_keys.key_blocks["mouthClose"].mute = True
    head.data.shape_keys.key_blocks["mouthFunnel"].mute = True
    head.show_only_shape_key = True
    said = plan().warnings
    assert "mouthClose and mouthFunnel on 'Head' are muted and will not show." in said
    assert any("shows only its active shape key" in warning for warning in said)


def test_a_shape_that_another_was_preferred_to_is_said() -> None:
    make_head(["jaw_open", "jawOpen"])
    made = plan()
    assert [channel.shape for channel in made.targets[0].face.channels] == ["jawOpen"]
    assert "jaw_open on 'Head' will not be keyed: other shapes have the plainer names." in made.warnings


def test_a_face_without_a_jaw_is_said() -> None:
    make_head(["eyeBlinkLeft", "mouthClose"])
    assert "No mesh has jawOpen among the shapes that can be keyed, so the mouth will not open." in plan().warnings


@pytest.mark.parametrize(("reach", "said"), [((0.0, 0.4), False), ((0.0, 0.6), True), ((-0.1, 0.4), True)])
def test_a_slider_is_too_short_only_for_curves_that_go_further(reach: tuple[float, float], said: bool) -> None:
    make_head(["jawOpen"]).data.shape_keys.key_blocks["jawOpen"].slider_max = 0.5
    curves = FaceCurves(24.0, 0.0, ("jawOpen",), np.float32([[reach[0]], [reach[1]]]))
    assert any("jawOpen (0 to 0.5)" in warning for warning in plan(curves=curves).warnings) == said


def test_a_plan_changes_nothing() -> None:
    key = make_head().data.shape_keys
    play(key, make_action(key, {"jawOpen": [(1, 0), (9, 1)]}))
    before = everything()
    made = plan()
    assert everything() == before
    assert made.targets[0].beneath is not None
    assert made.targets[0].face.channels[0].data_path == VALUE.format(NAMES[0])
