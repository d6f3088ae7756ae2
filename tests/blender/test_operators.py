"""The operators, as a script sees them, and the panel, as a person does."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest
from inside import add_strip, clicks, evaluated, everything, made_heard, make_action, make_head, needs_sound, play, shapes_of

from a2f_addon import job as jobs
from a2f_addon.blender import operators, panel, properties, tab
from a2f_addon.errors import SoundError
from a2f_addon.face.arkit import NAMES
from a2f_addon.settings import build, flat, options

ROOT = Path(__file__).parents[2]


def test_a_script_gets_one_sentence_and_nothing_is_changed(speech: str, says: Callable[..., None]) -> None:
    head = make_head()
    play(head.data.shape_keys, make_action(head.data.shape_keys, {"jawOpen": [(1, 0), (9, 1)]}))
    before = everything()
    says(SoundError("The recording 'line_07.wav' is empty."))
    with pytest.raises(RuntimeError, match=r"^Error: The recording 'line_07\.wav' is empty\.$"):
        bpy.ops.a2f.bake(filepath=speech)
    with pytest.raises(RuntimeError, match="There is no sound file"):
        bpy.ops.a2f.bake(filepath=speech + "x")
    with pytest.raises(RuntimeError, match="Choose a sound strip in the sequencer, or a sound file"):
        bpy.ops.a2f.bake()
    assert everything() == before


def test_a_face_that_cannot_take_keys_is_refused_before_anything_is_heard(speech: str, says: Callable[..., None]) -> None:
    make_head(["smile"])
    says(AssertionError("it was heard"))
    with pytest.raises(RuntimeError, match="No shape key of 'Head' is one of ARKit's 52"):
        bpy.ops.a2f.bake(filepath=speech)


def test_an_emotion_that_the_recording_is_too_short_for_is_told(speech: str, says: Callable[..., None]) -> None:
    make_head()
    says(made_heard(seconds=2.0))
    assert bpy.ops.a2f.bake(filepath=speech, emotion="joy@0-1,fear@90-95") == {"FINISHED"}
    assert "The emotion 'fear:1@90-95' is not seen" in bpy.context.window_manager.a2f.warnings
    assert "joy" not in bpy.context.window_manager.a2f.warnings


def test_the_button_is_grey_without_a_face_and_says_why(speech: str) -> None:
    assert not bpy.ops.a2f.bake.poll()
    with pytest.raises(RuntimeError, match="Select a face with ARKit shape keys"):
        bpy.ops.a2f.bake(filepath=speech)
    with pytest.raises(RuntimeError, match="No bake is running"):
        bpy.ops.a2f.cancel()


def test_every_setting_of_the_motion_is_an_argument_and_a_property_of_the_scene() -> None:
    defaults = flat(jobs.Motion())
    for there in (bpy.context.scene.a2f.bl_rna.properties, bpy.ops.a2f.bake.get_rna_type().properties):
        assert set(defaults) <= set(there.keys())
        for item in options(jobs.Motion):
            assert there[item.name].default == pytest.approx(item.default)
            assert item.description in there[item.name].description


def test_blenders_single_precision_does_not_change_a_setting() -> None:
    scene = bpy.context.scene.a2f
    assert properties.Values(None, bpy.context.scene).motion(None, bpy.context.scene) == jobs.Motion()  # type: ignore[arg-type]
    for item in options(jobs.Motion):
        for bound in (item.minimum, item.maximum):
            if bound is not None and item.type is float:
                setattr(scene, item.name, bound)
                assert flat(build(jobs.Motion, {item.name: properties._exact(getattr(scene, item.name))}))[item.name] == bound
                scene.property_unset(item.name)


@pytest.mark.parametrize("given", ["argument", "scene"])
def test_a_setting_reaches_the_motion(speech: str, says: Callable[..., None], given: str) -> None:
    key = make_head().data.shape_keys
    heard = made_heard()
    says(heard)
    if given == "scene":
        bpy.context.scene.a2f.smoothing_mouth_s = 0.1
        bpy.ops.a2f.bake(filepath=speech)
    else:
        bpy.context.scene.a2f.smoothing_mouth_s = 0.05
        bpy.ops.a2f.bake(filepath=speech, smoothing_mouth_s=0.1)
    curves = jobs.animate(heard, build(jobs.Motion, {"smoothing_mouth_s": 0.1}), fps=24)
    np.testing.assert_allclose(evaluated(key, NAMES, range(1, 1 + len(curves))), shapes_of(curves), atol=1e-6)


class Layout:
    """Takes down what a panel draws."""

    def __init__(self, said: list[str] | None = None) -> None:
        self.said: list[str] = [] if said is None else said
        self.reason = ""

    def row(self, **_: Any) -> Layout:
        made = Layout(self.said)
        made.reason = self.reason
        return made

    column = grid_flow = row

    def label(self, *, text: str, **_: Any) -> None:
        self.said.append(text)

    def prop(self, owner: Any, name: str, **_: Any) -> None:
        assert name in owner.bl_rna.properties
        self.said.append(f"[{name}]")

    def context_string_set(self, name: str, text: str) -> None:
        self.reason = text

    def operator(self, name: str, *, text: str | None = None, **_: Any) -> Any:
        operator = getattr(bpy.ops.a2f, name.partition(".")[2])
        shown = operator.get_rna_type().name if text is None else text
        self.said.append(f"<{shown}{' (grey)' if self.reason or not operator.poll() else ''}>")
        return SimpleNamespace()

    def menu(self, name: str, **_: Any) -> None:
        assert hasattr(bpy.types, name)

    def prop_search(self, owner: Any, name: str, *_: Any, **__: Any) -> None:
        self.prop(owner, name)

    def template_icon(self, *, icon_value: int, scale: float) -> None:
        assert scale > 0
        self.said.append("(picture)")

    def box(self) -> Layout:
        return Layout(self.said)

    def progress(self, *, factor: float, text: str) -> None:
        self.said.append(text)


def drawn(which: Any = panel.A2F_PT_bake, *, width: int = 280) -> list[str]:
    context = SimpleNamespace(
        scene=bpy.context.scene,
        view_layer=bpy.context.view_layer,
        workspace=bpy.context.workspace,
        region=SimpleNamespace(width=width),
        preferences=SimpleNamespace(system=SimpleNamespace(ui_scale=1.0), themes=bpy.context.preferences.themes),
        window_manager=bpy.context.window_manager,
    )
    layout = Layout()
    which.draw(SimpleNamespace(layout=layout), context)
    return layout.said


def test_the_panel_says_what_is_missing() -> None:
    said = " ".join(drawn())
    assert "Choose a sound strip in the sequencer, or a sound file." in said
    assert "Select a face with ARKit shape keys" in said
    assert "<Bake (grey)>" in said


def test_the_button_is_grey_without_a_sound_and_its_poll_reads_why() -> None:
    make_head()
    assert "<Bake (grey)>" in drawn()
    where: Any = SimpleNamespace(view_layer=bpy.context.view_layer, **{operators.REASON: "There is no sound."})
    assert operators.disabled_reason(where) == "There is no sound."
    del where.a2f_reason
    assert operators.disabled_reason(where) == ""


def test_the_panel_says_what_will_be_used(speech: str) -> None:
    make_head(["jawOpen", "mouthClose"])
    bpy.context.scene.a2f.source = "FILE"
    bpy.context.scene.a2f.filepath = speech
    assert drawn() == [
        *("[source]", "[filepath]", "[frame_start]", "Head: ARKit, 2 shapes", "<Bake 'line_07' to 1 mesh>"),
        *("<Preview>", "<Adjust (grey)>", "[live]", "<Clear (grey)>"),
    ]


@needs_sound
def test_the_panel_names_the_strip_and_its_length(tmp_path: Path) -> None:
    parent = bpy.data.objects.new("Parent", None)
    bpy.context.scene.collection.objects.link(parent)
    for name in ("Teeth", "Head"):
        make_head(name=name, parent=parent)
    strip = add_strip(clicks(tmp_path / "hello.wav"), name="hello")
    strip.frame_offset_start = 12
    assert drawn()[-7:-4] == ["hello (the active strip)", "Head and 1 more: ARKit, 52 shapes", "<Bake 'hello', 3.5 s, to 2 meshes>"]


@needs_sound
def test_a_long_name_gives_way_to_what_the_button_does(tmp_path: Path) -> None:
    make_head()
    add_strip(clicks(tmp_path / "a.wav"), name="scene_12_shot_040_maria_closeup_take_07_pickup")
    bake = next(said for said in drawn() if said.startswith("<Bake"))
    assert len(bake) < 40
    assert bake.startswith("<Bake 'scen")
    assert bake.endswith("ckup', 4.0 s, to 1 mesh>")
    assert next(said for said in drawn(width=900) if said.startswith("<Bake")) == (
        "<Bake 'scene_12_shot_040_maria_closeup_take_07_pickup', 4.0 s, to 1 mesh>"
    )


def test_no_line_of_a_sentence_is_wider_than_the_panel(speech: str) -> None:
    make_head(name="a_mesh_with_a_name_that_is_wider_than_the_sidebar_of_anybody", shapes=["jawOpen"])
    assert max(len(said) for said in drawn()) < 280 / tab.LETTER_PX + 2


def test_the_panel_shows_keys_at_the_scenes_rate_until_a_rate_is_asked_for() -> None:
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = 30, 1.001
    assert "[fps]" not in drawn(panel.A2F_PT_output)
    scene.a2f.at_scene_rate = False
    assert "[fps]" in drawn(panel.A2F_PT_output)
    assert scene.a2f.fps == pytest.approx(29.97, abs=0.001)
    scene.a2f.at_scene_rate = True
    assert scene.a2f.fps == 0


def test_a_bake_is_seen_in_the_panel(speech: str, says: Callable[..., None]) -> None:
    make_head()
    says(made_heard())
    bpy.ops.a2f.bake(filepath=speech)
    assert drawn(panel.A2F_PT_result) == ["(picture)", "Jaw", "Lip Contact", "Rounding", "Smile", "Frames 1 to 49, 16 a line"]


def test_every_setting_is_drawn() -> None:
    shown = [said for part in (panel.A2F_PT_motion, panel.A2F_PT_eyes, panel.A2F_PT_emotion, panel.A2F_PT_advanced) for said in drawn(part)]
    settings = [f"[{item.name}]" for item in options(jobs.Motion)]
    assert sorted(each for each in shown if each in settings) == sorted(settings)
    assert {"[joy]", "[anger]"} <= set(shown)
    assert {"[place]", "[reduction]", "[region_mouth]"} <= set(drawn(panel.A2F_PT_output))


def test_switching_on_loads_nothing_heavy() -> None:
    code = (
        "import sys, bpy, a2f_addon; a2f_addon.register(); bpy.ops.a2f.bake.poll(); "
        "print(sorted({'onnxruntime', 'scipy', 'soundfile', 'a2f_addon.commands'} & set(sys.modules)))"
    )
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True, timeout=120)
    assert ended.stdout.splitlines()[-1] == "[]"


def test_the_addon_can_be_switched_off_and_on_again(speech: str, says: Callable[..., None]) -> None:
    import a2f_addon

    a2f_addon.unregister()
    assert not hasattr(bpy.types.Scene, "a2f")
    a2f_addon.register()
    make_head()
    says(made_heard())
    assert bpy.ops.a2f.bake(filepath=speech) == {"FINISHED"}
