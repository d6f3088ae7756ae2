"""Meshes of every naming, and control rigs, are keyed with no click; and where the names say nothing, the mapping list does."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest
from inside import everything, made_curves, make_head

from a2f_addon import job as jobs
from a2f_addon import rigs
from a2f_addon.blender import clear, compat, mapping, mapping_panel, preview, runner, source, targets
from a2f_addon.face.arkit import NAMES


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where this test's person keeps rigs."""
    monkeypatch.setattr(mapping, "folder", lambda: tmp_path / "rigs")
    return tmp_path / "rigs"


def naming(rig: rigs.Rig) -> list[str]:
    return list(dict.fromkeys([*(rig.prefixes[0] + link.target for link in rig.links), *rig.marks, *(NAMES if rig.arkit else ())]))


def bake(path: str) -> Any:
    speech = source.from_file(path, bpy.context.scene, frame_start=10)
    return runner.finish(runner.prepare(bpy.context, speech, jobs.Motion(), None), made_curves(seconds=1))


def keyed(owner: Any) -> dict[str, list[float]]:
    animation = owner.animation_data
    curves = compat.fcurves(animation.action, compat.slot_of(animation)) if animation else []
    return {curve.data_path: [point.co.y for point in curve.keyframe_points] for curve in curves}


@pytest.mark.parametrize("rig", rigs.shipped(), ids=lambda rig: rig.name)
def test_a_mesh_of_each_naming_is_keyed_whole_with_no_click(speech: str, rig: rigs.Rig) -> None:
    key = make_head(naming(rig)).data.shape_keys
    bake(speech)
    asked = {rig.prefixes[0] + link.target for link in rig.links} | (set(NAMES) if rig.arkit else set())
    assert {path.split('"')[1] for path in keyed(key)} == asked


def test_a_linear_rig_gets_what_its_map_says(speech: str) -> None:
    key = make_head(naming(next(rig for rig in rigs.shipped() if rig.name == "cc4"))).data.shape_keys
    bake(speech)
    pucker = made_curves(seconds=1).channel("mouthPucker")
    for part in ("Up_L", "Up_R", "Down_L", "Down_R"):
        np.testing.assert_allclose(keyed(key)[f'key_blocks["Mouth_Pucker_{part}"].value'], pucker, atol=1e-6)


def control_rig(names: Iterable[str], *, holder: str = "object", shapes: Iterable[str] = ()) -> Any:
    """An armature with face properties, and a head below it whose shapes of these names, or of their own, are driven by them."""
    armature = bpy.data.objects.new("Rig", bpy.data.armatures.new("Rig"))
    bpy.context.scene.collection.objects.link(armature)
    bpy.context.view_layer.objects.active = armature
    bpy.ops.object.mode_set(mode="EDIT")
    armature.data.edit_bones.new("c_face").tail = (0, 0, 1)
    bpy.ops.object.mode_set(mode="OBJECT")
    owner = {"object": armature, "armature": armature.data, "bone": armature.pose.bones["c_face"]}[holder]
    for name in names:
        owner[name] = 0.0
        owner.id_properties_ui(name).update(min=0.0, max=1.0)
    head = make_head(parent=armature)
    for name, shape in zip(names, shapes or names, strict=True):
        driver = head.data.shape_keys.key_blocks[shape].driver_add("value").driver
        variable = driver.variables.new()
        variable.targets[0].id_type = owner.id_data.id_type
        variable.targets[0].id = owner.id_data
        variable.targets[0].data_path = ("" if owner is owner.id_data else owner.path_from_id()) + f'["{bpy.utils.escape_identifier(name)}"]'
        driver.expression = variable.name
    return armature, owner, head


@pytest.mark.parametrize("holder", ["object", "armature", "bone"])
def test_the_properties_of_a_control_rig_are_keyed_and_its_drivers_follow(speech: str, holder: str) -> None:
    _, owner, head = control_rig(NAMES, holder=holder)
    drivers = len(head.data.shape_keys.animation_data.drivers)
    bake(speech)
    path = ("" if owner is owner.id_data else owner.path_from_id()) + '["jawOpen"]'
    jaw = made_curves(seconds=1).channel("jawOpen")
    np.testing.assert_allclose(keyed(owner.id_data)[path], jaw, atol=1e-6)
    bpy.context.scene.frame_set(15)
    assert head.data.shape_keys.key_blocks["jawOpen"].value == pytest.approx(jaw[5], abs=1e-3)
    assert not keyed(head.data.shape_keys)
    assert len(head.data.shape_keys.animation_data.drivers) == drivers


@pytest.mark.parametrize("holder", ["object", "armature", "bone"])
def test_a_preview_and_a_clear_give_the_properties_of_a_control_rig_their_values_back(speech: str, holder: str) -> None:
    _, owner, _ = control_rig(["jawOpen", 'the "odd".mouthClose'], holder=holder, shapes=["jawOpen", "mouthClose"])
    before = {"jawOpen": 0.25, 'the "odd".mouthClose': 0.5}
    for name, value in before.items():
        owner[name] = value

    def properties() -> dict[str, object]:
        # Until 4.5 the mapping list, which is a registered property, lies among them.
        return {name: value for name, value in owner.items() if name != "a2f_mapping"}

    request = runner.prepare(bpy.context, source.from_file(speech, bpy.context.scene, frame_start=10), jobs.Motion(), None)
    curves = made_curves(seconds=1)
    bpy.context.scene.frame_set(15)
    preview.start([request], [runner.Ready(curves, {}, np.zeros(len(curves), bool))])
    assert owner["jawOpen"] == pytest.approx(curves.channel("jawOpen")[5], abs=1e-3)
    preview.stop()
    assert properties() == before
    bake(speech)
    bpy.context.scene.frame_set(16)
    assert owner["jawOpen"] != 0.25 and owner['the "odd".mouthClose'] != 0.5
    clear.clear([owner.id_data])
    assert properties() == before


def test_the_body_animation_of_a_control_rig_plays_on(speech: str) -> None:
    armature, _, _ = control_rig(NAMES)
    action = bpy.data.actions.new("Walk")
    slot = compat.new_slot(action, armature)
    curve = compat.new_fcurve(action, slot, 'pose.bones["c_face"].location')
    for frame, value in ((1, 0.0), (40, 4.0)):
        curve.keyframe_points.insert(frame, value)
    curve.update()
    compat.assign(armature.animation_data_create(), action, slot)

    def walk() -> list[float]:
        found = []
        for frame in range(-5, 60):
            bpy.context.scene.frame_set(frame)
            found.append(armature.pose.bones["c_face"].location[0])
        return found

    before = walk()
    bake(speech)
    np.testing.assert_allclose(walk(), before, atol=1e-5)


def test_a_property_that_allows_less_than_the_curves_do_is_said(speech: str) -> None:
    armature, _, _ = control_rig(["jawOpen", "mouthClose"])
    armature.id_properties_ui("jawOpen").update(min=0.0, max=0.5)
    assert any("jawOpen (0 to 0.5)" in warning for warning in bake(speech).warnings)


def test_properties_that_mean_something_else_are_left_alone(speech: str) -> None:
    head = make_head()
    head["blink"] = 0.5
    head["mouthLeft"] = 0.5
    head["jawOpen"] = 3
    bake(speech)
    assert head.animation_data is None


def test_names_that_nothing_knows_are_mapped_by_hand(speech: str) -> None:
    key = make_head(["Mund auf", "Kuss links", "Kuss rechts", "anders"]).data.shape_keys
    assert bpy.ops.a2f.mapping_row(source="jawOpen", target="Mund auf", gain=0.5) == {"FINISHED"}
    assert bpy.ops.a2f.mapping_row(source="mouthPucker", target="Kuss links") == {"FINISHED"}
    assert bpy.ops.a2f.mapping_row(target="Kuss rechts") == {"FINISHED"}
    bake(speech)
    curves, found = made_curves(seconds=1), keyed(key)
    assert set(found) == {f'key_blocks["{name}"].value' for name in ("Mund auf", "Kuss links", "Kuss rechts")}
    np.testing.assert_allclose(found['key_blocks["Mund auf"].value'], 0.5 * curves.channel("jawOpen"), atol=1e-6)
    np.testing.assert_allclose(found['key_blocks["Kuss rechts"].value'], curves.channel("mouthPucker"), atol=1e-6)


def test_find_shapes_says_what_was_found_how_sure_it_is_and_what_is_missing() -> None:
    key = make_head(["jawOpen", "mouth_close", "mouthFunnels", "Fist"]).data.shape_keys
    assert bpy.ops.a2f.map() == {"FINISHED"}
    rows = {row.source: (row.target, row.sureness) for row in key.a2f_mapping.rows}
    assert rows["jawOpen"] == ("jawOpen", "EXACT")
    assert rows["mouthClose"] == ("mouth_close", "SPELLED")
    assert rows["mouthFunnel"] == ("mouthFunnels", "GUESSED")
    assert rows["tongueOut"] == ("", "MISSING")
    assert set(rows) == set(NAMES)
    assert next(row.source for row in key.a2f_mapping.rows if row.target) == "jawOpen"
    row = next(row for row in key.a2f_mapping.rows if row.source == "mouthFunnel")
    row.target = "Fist"
    assert row.sureness == "CHOSEN"
    assert bpy.ops.a2f.map(guesses=False) == {"FINISHED"}
    assert {row.source: row.target for row in key.a2f_mapping.rows}["mouthFunnel"] == ""
    assert bpy.ops.a2f.unmap() == {"FINISHED"}
    assert not len(key.a2f_mapping.rows)


def test_a_row_that_is_off_is_not_keyed(speech: str) -> None:
    key = make_head().data.shape_keys
    bpy.ops.a2f.map()
    for row in key.a2f_mapping.rows:
        row.use = row.source in ("jawOpen", "mouthClose")
    bake(speech)
    assert set(keyed(key)) == {'key_blocks["jawOpen"].value', 'key_blocks["mouthClose"].value'}


def test_a_list_is_saved_with_the_mesh_and_under_a_name_for_others(tmp_path: Path, own_folder: Path) -> None:
    key = make_head(['Mund "auf"', "Kuss"]).data.shape_keys
    bpy.ops.a2f.mapping_row(source="jawOpen", target='Mund "auf"', gain=0.7)
    bpy.ops.a2f.mapping_row(source="oculus:U", target="Kuss")
    rows = [(row.source, row.target, row.gain) for row in key.a2f_mapping.rows]
    assert bpy.ops.a2f.mapping_save(name="Held 1") == {"FINISHED"}
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    bpy.ops.wm.open_mainfile(filepath=str(tmp_path / "scene.blend"))
    key = bpy.data.shape_keys[0]
    assert [(row.source, row.target, row.gain) for row in key.a2f_mapping.rows] == rows
    other = make_head(['Mund "auf"', "Kuss"], name="Other").data.shape_keys
    assert bpy.ops.a2f.map() == {"FINISHED"}
    assert {(row.source, row.target): row.gain for row in other.a2f_mapping.rows} == pytest.approx({each[:2]: each[2] for each in rows})
    assert other.a2f_mapping.rig == "Held 1"
    assert bpy.ops.a2f.map(rig="Held 1") == {"FINISHED"}


def test_what_cannot_be_is_a_sentence(own_folder: Path) -> None:
    make_head(["Mund"])
    before = everything()
    with pytest.raises(RuntimeError, match="No shape here that can be mapped is named of a known naming"):
        bpy.ops.a2f.map()
    with pytest.raises(RuntimeError, match="There is no rig 'Held'; the rigs are arkit"):
        bpy.ops.a2f.map(rig="Held")
    with pytest.raises(RuntimeError, match="There is no curve 'Mund'"):
        bpy.ops.a2f.mapping_row(source="Mund")
    with pytest.raises(RuntimeError, match="press Find Shapes first"):
        bpy.ops.a2f.mapping_save(name="Held")
    with pytest.raises(RuntimeError, match="There is no mapping list here"):
        bpy.ops.a2f.unmap()
    bpy.ops.a2f.mapping_row(source="jawOpen", target="Mund")
    with pytest.raises(RuntimeError, match="cannot be a rig's name"):
        bpy.ops.a2f.mapping_save(name="../x")
    own_folder.mkdir()
    (own_folder / "broken.toml").write_text("title = ")
    with pytest.raises(RuntimeError, match=r"'broken\.toml' cannot be read"):
        bpy.ops.a2f.map()
    assert everything() == before


def test_the_list_is_drawn_for_a_key_and_for_properties() -> None:
    """The panel's own code runs without a window only as far as its questions go; those must have answers."""
    make_head(["jawOpen"])
    assert mapping.active_owner(bpy.context) == bpy.context.object.data.shape_keys
    bpy.ops.a2f.map()
    assert {mapping_panel._icon(row) for row in mapping.active_owner(bpy.context).a2f_mapping.rows} == {"CHECKMARK", "REMOVE"}
    armature, _, _ = control_rig(["jawOpen", "mouthClose"])
    bpy.context.view_layer.objects.active = armature
    assert mapping.active_owner(bpy.context) == armature
    bpy.context.view_layer.objects.active = None
    assert mapping.active_owner(bpy.context) is None
    assert bpy.types.A2F_MT_rigs.bl_label == "Naming"
    assert targets.places(armature)["jawOpen"] == ('["jawOpen"]', 0.0, 1.0)


class Drawn:
    """A layout that remembers what was drawn."""

    def __init__(self, said: list[str]) -> None:
        object.__setattr__(self, "said", said)

    def __setattr__(self, name: str, value: Any) -> None:
        pass

    def __getattr__(self, name: str) -> Any:
        def draw(*given: Any, **more: Any) -> Any:
            texts = [each for each in given if isinstance(each, str)] if name != "prop_search" else [given[1], given[3]]
            self.said.append(f"{name} {' '.join(texts)} {more.get('text', '')}".strip())
            return Drawn(self.said)

        return draw


def test_the_panel_shows_the_list_of_the_active_mesh() -> None:
    def drawn() -> list[str]:
        said: list[str] = []
        mapping_panel.A2F_PT_mapping.draw(SimpleNamespace(layout=Drawn(said)), bpy.context)
        return said

    assert "label  Select a mesh with shape keys" in drawn()
    key = make_head(["jawOpen", "mouthClose"]).data.shape_keys
    assert "label  2 found by name (ARKit)" in drawn()
    bpy.ops.a2f.map()
    assert "template_list A2F_UL_mapping  rows index" in drawn()
    key.key_blocks["jawOpen"].slider_max = 0.5
    assert any("may be too" in each for each in drawn())
    assert "prop_search target key_blocks" in drawn()
    said: list[str] = []
    mapping_panel.A2F_UL_mapping.draw_item(None, bpy.context, Drawn(said), key.a2f_mapping, key.a2f_mapping.rows[0], 0, None, "index")
    assert "label  jawOpen" in said
    said.clear()
    mapping_panel.A2F_MT_rigs.draw(SimpleNamespace(layout=Drawn(said)), bpy.context)
    assert "operator a2f.map Reallusion CC4" in said


def test_sliders_that_may_be_too_short_are_known_before_anything_is_heard() -> None:
    key = make_head(["jawOpen", "mouthClose", "mouthFunnel"]).data.shape_keys
    assert targets.short_sliders(targets.faces([bpy.context.object])) == []
    key.key_blocks["jawOpen"].slider_max = 0.5
    bpy.ops.a2f.map()
    next(row for row in key.a2f_mapping.rows if row.source == "mouthFunnel").gain = 1.5
    (sentence,) = targets.short_sliders(targets.faces([bpy.context.object]))
    assert sentence == "The sliders of jawOpen (0 to 0.5) and mouthFunnel (0 to 1) on 'Head' may be too short: a curve can come to 1.5."
