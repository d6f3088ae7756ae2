"""The picture in the panel is of what plays on the selected face, and goes with it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import bpy
import numpy as np
import pytest
from inside import made_heard, make_head

import a2f_addon
from a2f_addon.blender import compat, runner, thumbnail
from a2f_addon.face import sketch


@pytest.fixture(autouse=True)
def nothing_remembered() -> Iterator[None]:
    """Each test begins as a session does."""
    yield
    thumbnail.close()
    runner.session = runner.Session()


@pytest.fixture
def head(says: Callable[..., None]) -> Any:
    """A face, and a recording of which something is heard."""
    says(made_heard())
    return make_head()


def jaw() -> float:
    """How far it opens in the picture that would be drawn."""
    result = thumbnail.latest(bpy.context)
    assert result is not None
    return float(result.sketch.levels["jaw"].max())


def test_it_is_of_the_newest_bake_and_adjusting_draws_it_anew(speech: str, head: Any) -> None:
    assert thumbnail.latest(bpy.context) is None
    bpy.ops.a2f.bake(filepath=speech, frame_start=10)
    result = thumbnail.latest(bpy.context)
    assert result is not None
    assert (result.first_frame, result.last_frame) == (10, 58)
    action = head.data.shape_keys.animation_data.action
    curve = next(each for each in compat.every_fcurve(action) if "jawOpen" in each.data_path)
    assert jaw() == pytest.approx(max(point.co.y for point in curve.keyframe_points), abs=1e-6)
    before = jaw()
    bpy.ops.a2f.adjust(articulation_jaw=0.3)
    assert jaw() < 0.8 * before


def test_undo_shows_what_plays_again_and_clear_nothing(speech: str, head: Any) -> None:
    bpy.ops.ed.undo_push(message="as it was")
    bpy.ops.a2f.bake(filepath=speech)
    bpy.ops.ed.undo_push(message="bake")
    before = jaw()
    bpy.ops.a2f.adjust(articulation_jaw=0.3)
    bpy.ops.ed.undo_push(message="adjust")
    bpy.ops.ed.undo()
    assert jaw() == before
    bpy.ops.ed.redo()
    assert jaw() < before
    bpy.ops.a2f.clear()
    assert thumbnail.latest(bpy.context) is None


def test_an_undo_in_the_artists_own_action_leaves_no_picture_that_may_be_wrong(speech: str, head: Any) -> None:
    head.data.shape_keys.key_blocks["jawOpen"].keyframe_insert("value", frame=200)
    bpy.ops.ed.undo_push(message="as it was")
    bpy.ops.a2f.bake(filepath=speech, place="INTO")
    bpy.ops.ed.undo_push(message="bake")
    assert thumbnail.latest(bpy.context) is not None
    bpy.ops.ed.undo()
    assert thumbnail.latest(bpy.context) is None


def test_another_face_and_another_file_have_none(speech: str, head: Any) -> None:
    bpy.ops.a2f.bake(filepath=speech)
    make_head(name="Other")
    head.select_set(False)
    assert thumbnail.latest(bpy.context) is None
    bpy.context.view_layer.objects.active = head
    assert thumbnail.latest(bpy.context) is not None
    bpy.ops.wm.read_homefile(use_empty=True)
    assert runner.session.memory.results.newest(range(1_000_000)) is None


def test_a_picture_is_drawn_once_for_each_result_and_size(speech: str, head: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    bpy.ops.a2f.bake(filepath=speech)
    result = thumbnail.latest(bpy.context)
    assert result is not None
    drawn = []
    draw = sketch.draw
    monkeypatch.setattr(sketch, "draw", lambda *given, **more: drawn.append(more["side"]) or draw(*given, **more))
    for side in (64, 64, 80, 80, 64):
        thumbnail._gallery.icons(result, side=side, palette=sketch.DARK)
    assert drawn == [64, 80, 64]
    held = thumbnail._gallery._pictures["picture"]
    pixels = np.empty(64 * 64 * 4, np.float32)
    held.image_pixels_float.foreach_get(pixels)
    upright = pixels.reshape(64, 64, 4)[::-1]
    np.testing.assert_allclose(upright, draw(result.sketch, side=64, palette=sketch.DARK), atol=0.01)


def test_switching_the_add_on_off_leaves_no_picture(speech: str, head: Any) -> None:
    bpy.ops.a2f.bake(filepath=speech)
    result = thumbnail.latest(bpy.context)
    assert result is not None
    thumbnail._gallery.icons(result, side=64, palette=sketch.DARK)
    handlers = len(bpy.app.handlers.undo_post)
    a2f_addon.unregister()
    assert thumbnail._gallery._pictures is None
    assert thumbnail._after_undo not in bpy.app.handlers.undo_post
    a2f_addon.register()
    assert len(bpy.app.handlers.undo_post) == handlers
