"""A talking style is measured from what a face does in the scene, kept by name, and chosen by it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest
from inside import make_action, make_head, play

from a2f_addon.blender import ownstyles, preferences, properties, source, styling
from a2f_addon.face.arkit import NAMES
from a2f_addon.face.curves import FaceCurves
from a2f_addon.face.style import measure
from a2f_addon.files import styles

FRAMES = np.arange(1, 241)


@pytest.fixture(autouse=True)
def own_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Of a person who has no style yet."""
    monkeypatch.setattr(preferences, "folder", lambda name: tmp_path / name)
    return tmp_path / "styles"


def performing(shapes: tuple[str, ...] = NAMES, *, names: Callable[[str], str] = str) -> FaceCurves:
    """A face that moves for ten seconds, and what it does."""
    phase = np.random.default_rng(5).uniform(0, 2 * np.pi, len(shapes))
    values = 0.5 + 0.4 * np.sin(FRAMES[:, None] / (3 + phase) + phase)
    key = make_head([names(shape) for shape in shapes]).data.shape_keys
    points = {names(shape): list(zip(FRAMES.tolist(), column, strict=True)) for shape, column in zip(shapes, values.T, strict=True)}
    play(key, make_action(key, points, name="Maria talks"))
    return FaceCurves(24.0, 0.0, shapes, values.astype(np.float32))


def test_a_style_is_measured_from_the_action_and_chosen_by_name(own_folder: Path) -> None:
    expected = measure(performing())
    assert bpy.ops.a2f.measure_style(name="Maria") == {"FINISHED"}
    found = styles.read(own_folder / "Maria.toml")
    assert found.channels.keys() == expected.channels.keys()
    for name, moves in expected.channels.items():
        np.testing.assert_allclose(found.channels[name], moves, atol=2e-3, err_msg=name)
    scene = bpy.context.scene
    assert scene.a2f.style_name == "Maria"
    place = source.Source("line", "line", Path("line.wav"), None, None, None, 1.0, 24.0)
    motion = properties.Values(None, scene).motion(place, scene)
    assert styles.read(motion.style.name) == found
    assert "Maria" in properties._style_names(None, None, "mar")


def test_only_the_scenes_frames_count() -> None:
    performing()
    bpy.context.scene.frame_start, bpy.context.scene.frame_end = 11, 170
    curves, name = styling.performance(bpy.context)
    assert (len(curves), curves.fps, name) == (160, 24.0, "Maria talks")


def test_another_naming_and_a_mapping_list_are_followed() -> None:
    there = performing(("jawOpen", "mouthPucker"), names=lambda shape: shape.upper())
    bpy.ops.a2f.map()
    rows = bpy.context.object.data.shape_keys.a2f_mapping.rows
    for row in rows:
        if row.target == "JAWOPEN":
            row.gain = 0.5
    curves, _ = styling.performance(bpy.context)
    np.testing.assert_allclose(curves.channel("jawOpen"), 2 * there.channel("jawOpen"), atol=1e-4)
    np.testing.assert_allclose(curves.channel("mouthPucker"), there.channel("mouthPucker"), atol=1e-4)


def test_what_cannot_be_measured_is_a_sentence_and_nothing_is_kept(own_folder: Path) -> None:
    head = make_head()
    with pytest.raises(RuntimeError, match=r"'Head' plays no Action of its face shapes; make the performance its active Action first\."):
        bpy.ops.a2f.measure_style(name="Maria")
    key = head.data.shape_keys
    animation = play(key, make_action(key, {"jawOpen": [(1, 0.0), (20, 0.9), (50, 0.1)]}, name="Short"))
    with pytest.raises(RuntimeError, match=r"'Short' cannot be measured: 2\.1 s are too short"):
        bpy.ops.a2f.measure_style(name="Maria")
    bpy.context.scene.frame_start, bpy.context.scene.frame_end = 400, 500
    with pytest.raises(RuntimeError, match="'Short' has no keys within the scene's frames, 400 to 500"):
        bpy.ops.a2f.measure_style(name="Maria")
    assert animation.action.name == "Short"
    assert not own_folder.exists()


@pytest.mark.parametrize(("name", "sentence"), [("exuberant", "comes with A2F; choose another name"), ("../x", "cannot be a style's name")])
def test_a_name_that_cannot_be_is_refused(name: str, sentence: str, own_folder: Path) -> None:
    performing()
    with pytest.raises(RuntimeError, match=sentence):
        bpy.ops.a2f.measure_style(name=name)
    assert not own_folder.exists()


def test_a_strength_goes_with_the_persons_own_style_and_others_are_left(own_folder: Path) -> None:
    performing()
    bpy.ops.a2f.measure_style(name="Maria")
    assert ownstyles.found("Maria:0.5") == f"{own_folder / 'Maria.toml'}:0.5"
    for text in ("", "exuberant", "exuberant:0.3", "nobody", "/some/where/else.toml"):
        assert ownstyles.found(text) == text


def test_the_menu_offers_none_ones_own_and_those_that_come_with_it(own_folder: Path) -> None:
    performing()
    bpy.ops.a2f.measure_style()
    assert bpy.context.scene.a2f.style_name == "Maria talks"
    drawn: list[tuple[str, str]] = []

    class Layout:
        def operator(self, name: str, *, text: str, **_: Any) -> Any:
            drawn.append((name, text))
            return type("Given", (), {})()

        def separator(self) -> None:
            drawn.append(("", ""))

    styling.A2F_MT_styles.draw(type("Menu", (), {"layout": Layout()})(), bpy.context)
    assert [text for _, text in drawn[:2]] == ["None", "Maria talks"]
    assert len(drawn) == 2 + len(styles.names()) + 2
    assert drawn[-1][0] == "a2f.measure_style"
    bpy.ops.a2f.style(name="exuberant")
    assert bpy.context.scene.a2f.style_name == "exuberant"
