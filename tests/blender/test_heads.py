"""Two heads that this project did not make: after a bake, saved and opened again, they play what the CSV says."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest
from inside import evaluated, keys_of, made_heard, make_action, play

from a2f_addon import job as jobs
from a2f_addon.face.arkit import NAMES
from a2f_addon.face.curves import FaceCurves
from a2f_addon.files import livelink

SHARED = Path(os.environ.get("A2F_SHARED", Path(__file__).parents[3] / "shared")) / "heads"

pytestmark = pytest.mark.skipif(not SHARED.is_dir(), reason="the two heads are not here (A2F_SHARED names the folder that holds heads/)")


def load(path: Path) -> Any:
    """A head as a mesh object with its shape keys."""
    data = np.load(path, allow_pickle=False)
    sizes, corners = data["face_sizes"], data["face_vertices"]
    polygons = np.split(corners, np.cumsum(sizes)[:-1])
    mesh = bpy.data.meshes.new(path.stem)
    mesh.from_pydata(data["vertices"].tolist(), [], [polygon.tolist() for polygon in polygons])
    head = bpy.data.objects.new(path.stem, mesh)
    bpy.context.scene.collection.objects.link(head)
    head.shape_key_add(name="Basis")
    for name, delta in zip(data["shape_names"], data["deltas"], strict=True):
        block = head.shape_key_add(name=str(name))
        block.value = 0.0
        block.data.foreach_set("co", (data["vertices"] + delta.astype(np.float32)).ravel())
    bpy.context.view_layer.objects.active = head
    return head


def shapes_of(name: str, arkit: str) -> list[str]:
    """How the two heads spell ARKit's names."""
    if name == "makehuman":
        return [arkit]
    if arkit in ("browInnerUp", "cheekPuff"):
        return [f"{arkit}_L", f"{arkit}_R"]
    if arkit in ("jawLeft", "jawRight", "mouthLeft", "mouthRight"):
        return [arkit]
    return [arkit.replace("Left", "_L").replace("Right", "_R")]


def csv_of(curves: FaceCurves, path: Path) -> FaceCurves:
    livelink.write(path, curves)
    return livelink.read(path)


@pytest.mark.parametrize(("name", "free"), [("ict_facekit", "cheekRaiser_L"), ("makehuman", "viseme_aa")])
def test_a_bake_plays_the_values_of_the_csv(name: str, free: str, speech: str, says: Callable[..., None], tmp_path: Path) -> None:
    key = load(SHARED / f"{name}.npz").data.shape_keys
    play(key, make_action(key, {"jawOpen": [(1, 0.5), (30, 0.1)], free: [(1, 0.0), (40, 1.0)]}, name="By hand"))
    by_hand, moved_by_hand = keys_of(bpy.data.actions["By hand"]), evaluated(key, [free], range(-5, 60, 5))
    heard = made_heard()
    says(heard)
    bpy.ops.a2f.bake(filepath=speech, frame_start=5)
    path = str(tmp_path / "baked.blend")
    bpy.ops.wm.save_as_mainfile(filepath=path)
    bpy.ops.wm.open_mainfile(filepath=path)
    key = bpy.data.objects[name].data.shape_keys
    curves = csv_of(jobs.animate(heard, jobs.Motion(), fps=24), tmp_path / "curves.csv")
    missing = {"tongueOut"} if name == "ict_facekit" else set()
    for arkit in set(NAMES) - missing:
        shapes = shapes_of(name, arkit)
        played = evaluated(key, shapes, range(5, 5 + len(curves), 7))
        np.testing.assert_allclose(played, np.repeat(curves.channel(arkit)[::7, None], len(shapes), axis=1), atol=2e-6, err_msg=arkit)
    assert keys_of(bpy.data.actions["By hand"]) == by_hand
    np.testing.assert_allclose(evaluated(key, [free], range(-5, 60, 5)), moved_by_hand, atol=1e-6)
