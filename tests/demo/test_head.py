"""The clay head: every shape there, mirrored, and lips and lids that close."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from a2f_addon.face import arkit
from demo import head, sheet
from demo.clay import EYE_CENTRE, EYE_RADIUS
from demo.head import Part


@pytest.fixture(scope="module")
def parts() -> dict[str, Part]:
    return {part.name: part for part in head.build()}


@pytest.fixture(scope="module")
def face(parts: dict[str, Part]) -> Part:
    return parts["Head"]


def posed(part: Part, **weights: float) -> NDArray[np.float64]:
    """The vertices with these shapes on."""
    return part.mesh.vertices + sum((weight * part.shapes[name] for name, weight in weights.items()), np.zeros(3))


def lip_pairs(face: Part) -> NDArray[np.int64]:
    """The vertices of the upper and the lower lip that touch at rest, [pairs, 2]."""
    points = face.mesh.vertices
    front = np.flatnonzero((np.abs(points[:, 2] + 0.6) < 0.1) & (points[:, 1] < -0.8) & (np.abs(points[:, 0]) < 0.4))
    apart = np.linalg.norm(points[front, None] - points[None, front], axis=-1)
    first, second = np.nonzero(np.triu(apart < 1e-9, 1))
    opened = face.shapes["jawOpen"][:, 2]
    return np.array([sorted(pair, key=lambda vertex: -opened[vertex]) for pair in zip(front[first], front[second], strict=True)])


def test_the_face_has_all_shapes_and_each_moves_it(face: Part) -> None:
    assert tuple(face.shapes) == arkit.NAMES
    for name, moves in face.shapes.items():
        assert np.linalg.norm(moves, axis=1).max() > 0.005, name


def test_left_and_right_are_mirror_images(face: Part) -> None:
    points = face.mesh.vertices
    mirror = {tuple(row): index for index, row in enumerate(np.round(points, 9) + 0.0)}
    for name in (name for name in arkit.NAMES if name.endswith("Left")):
        left, right = posed(face, **{name: 1}), posed(face, **{name.removesuffix("Left") + "Right": 1})
        mirrored = {tuple(row) for row in np.round(left * (-1, 1, 1), 6) + 0.0}
        assert {tuple(row) for row in np.round(right, 6) + 0.0} == mirrored, name
    assert len(mirror) > 0.9 * len(points)


@pytest.mark.parametrize("weight", [0.2, 0.5, 1.0])
def test_mouth_close_takes_back_what_the_jaw_opens(face: Part, weight: float) -> None:
    upper, lower = lip_pairs(face).T
    assert len(upper) > 20
    opened, closed = posed(face, jawOpen=weight), posed(face, jawOpen=weight, mouthClose=weight)
    gap = np.linalg.norm(opened[upper] - opened[lower], axis=1).max()
    assert gap > 0.3 * weight
    assert np.linalg.norm(closed[upper] - closed[lower], axis=1).max() < 0.01 * gap


@pytest.mark.parametrize("shape", ["mouthPucker", "mouthSmileLeft", "mouthFrownRight", "mouthLeft", "cheekPuff", "mouthPressLeft", "mouthShrugLower"])
def test_shapes_of_the_closed_mouth_keep_it_closed(face: Part, shape: str) -> None:
    upper, lower = lip_pairs(face).T
    moved = posed(face, **{shape: 1})
    assert np.linalg.norm(moved[upper] - moved[lower], axis=1).max() < 0.004


def test_the_lip_gap_of_the_plot_is_one_for_the_open_jaw(face: Part) -> None:
    upper, lower = sheet.middle_of_the_lips(face)
    opened = posed(face, jawOpen=1)
    assert np.allclose(face.mesh.vertices[upper], face.mesh.vertices[lower])
    assert opened[upper, 2] - opened[lower, 2] > 0.3


def test_a_blink_shuts_the_lids_over_the_eyeball(parts: dict[str, Part]) -> None:
    face, eyes = parts["Head"], parts["Eyes"]
    shut = posed(face, eyeBlinkLeft=1)
    # Seen from the front, every point of the eyeball's middle has skin before it.
    forward = shut - EYE_CENTRE
    on_lids = np.linalg.norm(forward, axis=1) < EYE_RADIUS * 1.2
    for angle in np.radians(np.arange(-25, 26, 5)):
        beside = on_lids & (np.abs(np.arctan2(forward[:, 2], -forward[:, 1]) - angle) < np.radians(4)) & (np.abs(forward[:, 0]) < 0.03)
        assert beside.any()
    assert np.linalg.norm(forward, axis=1).min() > EYE_RADIUS
    assert (posed(eyes, eyeBlinkLeft=1)[:, 1] >= eyes.mesh.vertices[:, 1]).all()


@pytest.mark.parametrize("weight", [0.0, 0.25, 0.5, 0.75, 1.0])
def test_the_lids_never_cut_the_eyeball(parts: dict[str, Part], weight: float) -> None:
    lids = posed(parts["Head"], eyeBlinkLeft=weight)
    recessed = EYE_CENTRE + weight * parts["Eyes"].shapes["eyeBlinkLeft"][0]
    # What lies deeper than the lids' outside is their inner flap, which nobody sees.
    outside = np.linalg.norm(parts["Head"].mesh.vertices - EYE_CENTRE, axis=1) > EYE_RADIUS * 1.05
    front = (np.abs(lids[:, 0] - EYE_CENTRE[0]) < 0.2) & (np.abs(lids[:, 2]) < 0.2) & (lids[:, 1] < EYE_CENTRE[1] - 0.15)
    assert np.linalg.norm(lids[outside & front] - recessed, axis=1).min() > EYE_RADIUS


def test_the_teeth_stay_behind_closed_lips(parts: dict[str, Part]) -> None:
    face = parts["Head"]
    upper, _ = lip_pairs(face).T
    lips = face.mesh.vertices[upper]
    order = np.argsort(lips[:, 0])
    for name in ("UpperTeeth", "LowerTeeth"):
        teeth = parts[name].mesh.vertices
        before = np.interp(teeth[:, 0], lips[order, 0], lips[order, 1])
        assert (teeth[:, 1] > before)[np.abs(teeth[:, 0]) < 0.3].all(), name


def test_the_lower_teeth_and_the_tongue_go_with_the_jaw(parts: dict[str, Part]) -> None:
    assert parts["LowerTeeth"].shapes["jawOpen"][:, 2].max() < -0.1
    assert "jawOpen" not in parts["UpperTeeth"].shapes
    assert parts["Tongue"].shapes["tongueOut"][:, 1].min() < -0.3


def test_the_head_is_the_same_every_time(face: Part) -> None:
    again = head.build()[0]
    assert np.array_equal(face.mesh.vertices, again.mesh.vertices)
    assert all(np.array_equal(face.shapes[name], again.shapes[name]) for name in arkit.NAMES)
    assert face.mesh.faces == again.mesh.faces
