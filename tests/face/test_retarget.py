"""Another naming shows the same face: linear rigs exactly, mouth shapes as well as they can, and lips that meet on all of them."""

from __future__ import annotations

import numpy as np
import pytest

from a2f_addon import rigs
from a2f_addon.face.arkit import NAMES
from a2f_addon.face.closure import Closure, seal
from a2f_addon.face.curves import FaceCurves
from a2f_addon.face.retarget import TOGETHER, fit, mixed, recovered, retarget
from tests.face import said

SETS = rigs.visemes()


def face(**channels: object) -> FaceCurves:
    """ARKit's 52, each a number or a row of numbers, 0 where nothing is said."""
    frames = max(np.size(value) for value in channels.values())
    return FaceCurves(30.0, 0.0, NAMES, np.zeros((frames, len(NAMES)), np.float32)).with_channels(
        {name: np.broadcast_to(np.float32(value), frames) for name, value in channels.items()}
    )


def noisy(frames: int = 400, seed: int = 3) -> FaceCurves:
    return FaceCurves(30.0, 0.0, NAMES, np.random.default_rng(seed).uniform(0, 1, (frames, len(NAMES))).astype(np.float32))


def test_a_linear_rig_is_the_sum_of_what_it_takes() -> None:
    curves = noisy()
    made = retarget(curves, {"Mund": (("jawOpen", 0.5), ("mouthFunnel", 0.25)), "Kuss": (("mouthPucker", 1.0),)})
    assert made.names == ("Mund", "Kuss")
    np.testing.assert_allclose(made.channel("Mund"), 0.5 * curves.channel("jawOpen") + 0.25 * curves.channel("mouthFunnel"), atol=1e-6)
    assert np.array_equal(made.channel("Kuss"), curves.channel("mouthPucker"))


@pytest.mark.parametrize("name", SETS)
def test_each_mouth_shape_is_known_in_its_own_pose(name: str) -> None:
    shapes = SETS[name]
    for shape, pose in shapes.poses.items():
        found = {each: float(curve[0]) for each, curve in fit(face(**pose), shapes).items()}
        assert max(shapes.poses, key=lambda each: found[each]) == shape
        assert found[shape] > (0.3 if shape in ("DD", "kk", "nn", "RR", "E") else 0.9)  # what stands between others is also a mix of them


@pytest.mark.parametrize("name", SETS)
def test_mouth_shapes_are_never_negative_nor_more_than_one_together(name: str) -> None:
    amounts = np.stack(list(fit(noisy(), SETS[name]).values()))
    assert amounts.min() >= 0
    assert amounts.sum(axis=0).max() <= 1 + 1e-5


def test_a_face_at_rest_is_silence_and_nothing_else() -> None:
    found = fit(face(jawOpen=0.0, browInnerUp=0.7, mouthSmileLeft=0.5, mouthSmileRight=0.5), SETS["oculus"])
    assert {name: float(curve[0]) for name, curve in found.items() if curve[0]} == {"sil": 1.0}


@pytest.mark.parametrize("name", SETS)
def test_a_seal_on_p_b_and_m_reads(name: str) -> None:
    """The lips of a made "aba", sealed by the stage that seals: where they meet, no open mouth is left, and P is whole where there is one."""
    words = said.line((0.3, "AA"), (0.1, "B"), (0.3, "AA"))
    sealed = seal(said.blurred(said.face(words)), said.speech(words), Closure())
    middle = int(np.argmin(np.abs(sealed.times - 0.35)))
    shapes = SETS[name]
    found = {shape: float(curve[middle]) for shape, curve in fit(sealed, shapes).items()}
    open_shapes = sum(amount for shape, amount in found.items() if shape not in (shapes.closed, shapes.rest))
    assert open_shapes < 0.02
    if shapes.closed:
        assert found[shapes.closed] > 0.95
    vowel = int(np.argmin(np.abs(sealed.times - 0.15)))
    assert sum(curve[vowel] for shape, curve in fit(sealed, shapes).items() if shape not in (shapes.closed, shapes.rest)) > 0.5


@pytest.mark.parametrize("name", SETS)
def test_mouth_shapes_move_as_smoothly_as_the_face(name: str) -> None:
    first, *_, back = SETS[name].poses.values()
    steps = np.linspace(0, 1, 60)
    blend = {each: (1 - steps) * first.get(each, 0) + steps * back.get(each, 0) for each in {*first, *back}}
    for curve in fit(face(**blend), SETS[name]).values():
        assert np.abs(np.diff(curve)).max() < 0.12


def test_lips_together_does_not_depend_on_the_jaw() -> None:
    curves = face(jawOpen=[0.4, 0.1, 0.4, 0.0], mouthClose=[0.4, 0.1, 0.1, 0.0])
    made = mixed(curves, [((TOGETHER, 1.0),)])[((TOGETHER, 1.0),)]
    np.testing.assert_allclose(made, [1, 1, 0.25, 0], atol=1e-6)


def test_no_frames_and_no_mouth_make_no_trouble() -> None:
    recipes = {"a": (("oculus:aa", 1.0),), "b": (("jawOpen", 1.0),), "c": ((TOGETHER, 1.0),)}
    assert retarget(FaceCurves(30.0, 0.0, NAMES, np.zeros((0, 52), np.float32)), recipes, SETS.values()).values.shape == (0, 3)
    assert not retarget(FaceCurves(30.0, 0.0, ("browInnerUp",), np.ones((4, 1), np.float32)), recipes, SETS.values()).values.any()
    assert retarget(noisy(), {}).values.shape == (400, 0)


def test_what_a_rig_shows_gives_its_curves_back() -> None:
    curves = noisy(50)
    links = {"Jaw": (("jawOpen", 0.5),), **{name: ((name, 1.0),) for name in ("mouthPucker", "cheekPuff")}}
    pair = {"SmileA": (("mouthSmileLeft", 0.8),), "SmileB": (("mouthSmileLeft", 0.4),)}
    brows = {"Brows": (("browInnerUp", 0.5), ("browOuterUpLeft", 0.5))}
    recipes = links | pair | brows
    made = mixed(curves, list(recipes.values()))
    back = recovered([(recipe, made[recipe]) for recipe in recipes.values()], SETS)
    for name in ("jawOpen", "mouthPucker", "cheekPuff", "mouthSmileLeft"):
        np.testing.assert_allclose(back[name], curves.channel(name), atol=1e-6)
    np.testing.assert_allclose(back["browInnerUp"], (curves.channel("browInnerUp") + curves.channel("browOuterUpLeft")) / 2, atol=1e-6)
    assert list(back) == [name for name in NAMES if name in back]


def test_mouth_shapes_give_back_what_they_are_made_of() -> None:
    level = np.linspace(0, 1, 9, dtype=np.float32)
    shapes = SETS["oculus"]
    back = recovered([(((shapes.source("aa"), 1.0),), level), ((("jawOpen", 1.0),), 0.1 * level)], SETS)
    assert set(shapes.poses["aa"]) <= set(back)
    for name, weight in shapes.poses["aa"].items():
        np.testing.assert_allclose(back[name], 0.1 * level if name == "jawOpen" else weight * level, atol=1e-6)
    together = recovered([((("jawOpen", 1.0),), level), (((TOGETHER, 1.0),), np.ones(9, np.float32))], SETS)
    np.testing.assert_allclose(together["mouthClose"], level)
