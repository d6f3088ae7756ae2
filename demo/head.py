"""The whole head as meshes with shapes, ready for Blender: the face with all 52, and on its fellow meshes those that move them."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import numpy as np

from a2f_addon.face import arkit

from . import parts, shapes
from .clay import EYE_CENTRE, LIDS_AT_REST
from .face import turned_lids
from .mesh import Mesh, joined
from .sculpt import sculpt
from .surface import Points, rotated

GAZE = {"In": -26.0, "Out": 26.0, "Down": -20.0, "Up": 20.0}
"""Degrees that the eyeball turns when a shape is fully on; In and Out sideways, for the left eye."""

EYE_STEPS_BACK = 0.045
"""How far the eyeball goes back behind closed lids: shape keys move in straight lines, and half-way down a lid's line cuts through its arc."""


@dataclass(frozen=True)
class Part:
    """One object of the head. ``shapes`` holds moves float64 [V, 3] from the mesh at rest, by ARKit's names."""

    name: str
    mesh: Mesh
    shapes: dict[str, Points] = field(default_factory=dict)


def build() -> tuple[Part, ...]:
    """Every part of the head, the face first. It always gives the same numbers."""
    face = sculpt()
    found = shapes.moves(face)
    head = Part("Head", face.mesh, {name: found[name] for name in arkit.NAMES})
    still = (Part("Ears", parts.ears()), Part("Hair", parts.hair()), Part("Pullover", parts.pullover()))
    return tuple(_rounded(part) for part in (head, _eyes(), _lashes(), _brows(), _upper_teeth(), _lower_teeth(), _tongue(), *still))


def _rounded(part: Part) -> Part:
    """To six digits: the last of numpy's sixteen depend on where in memory an array happens to begin."""
    mesh = replace(part.mesh, vertices=part.mesh.vertices.round(6))
    return Part(part.name, mesh, {name: moves.round(6) for name, moves in part.shapes.items()})


def _mirrored(moves: Points) -> Points:
    """What the moves of a left part are on its mirror image."""
    return moves * (-1, 1, 1)


def _two_sided(name: str, left: Mesh, moves: dict[str, Points], *, whole: tuple[str, ...] = ()) -> Part:
    """A left part and its mirror image; ``moves`` are the left part's, by ARKit's names without Left, or in full where they are ``whole``."""
    still = np.zeros_like(left.vertices)
    found: dict[str, Points] = {}
    for shape, move in moves.items():
        if shape in whole:
            found[shape] = np.concatenate([move, _mirrored(move)])
        else:
            found[f"{shape}Left"] = np.concatenate([move, still])
            found[f"{shape}Right"] = np.concatenate([still, _mirrored(move)])
    return Part(name, parts.both_sides(left), found)


def _eyes() -> Part:
    left = parts.left_eye()
    moves = {"eyeBlink": np.tile((0.0, EYE_STEPS_BACK, 0.0), (len(left.vertices), 1))}
    for direction, degrees in GAZE.items():
        axis = 2 if direction in ("In", "Out") else 0
        turned = rotated(left.vertices, np.radians(degrees if axis == 2 else -degrees), axis=axis, pivot=EYE_CENTRE)
        moves[f"eyeLook{direction}"] = turned - left.vertices
    eyes = _two_sided("Eyes", left, moves)
    glints = [parts.glint(side) for side in (1, -1)]
    extra = sum(len(glint.vertices) for glint in glints)
    shapes_with_glints = {name: np.concatenate([move, np.zeros((extra, 3))]) for name, move in eyes.shapes.items()}
    first = len(eyes.mesh.vertices)
    half = first + len(glints[0].vertices)
    # The reflections stay where the light is, but step back with the eyeball behind the lids.
    shapes_with_glints["eyeBlinkLeft"][first:half] = shapes_with_glints["eyeBlinkRight"][half:] = (0, EYE_STEPS_BACK + 0.035, 0)
    return Part("Eyes", joined([eyes.mesh, *glints]), shapes_with_glints)


def _lashes() -> Part:
    left, closed, eye = parts.left_lashes()
    rest = turned_lids(closed, eye, *LIDS_AT_REST)
    moves = {name: turned_lids(closed, eye, *angles) - rest for name, angles in shapes.LID_ANGLES.items()}
    return _two_sided("Lashes", left, moves)


def _brows() -> Part:
    left = parts.left_brow()
    points = left.vertices
    moves = {"browDown": shapes.brow_down_left(points), "browOuterUp": shapes.brow_outer_up_left(points), "browInnerUp": shapes.brow_inner_up(points)}
    return _two_sided("Brows", left, moves, whole=("browInnerUp",))


def _with_jaw(points: Points) -> dict[str, Points]:
    """The shapes that move what is fixed to the lower jaw."""
    aside = np.tile(shapes.JAW_LEFT, (len(points), 1))
    return {
        "jawForward": np.tile(shapes.JAW_FORWARD, (len(points), 1)),
        "jawRight": -aside,
        "jawLeft": aside,
        "jawOpen": shapes.swung(points),
        "tongueOut": shapes.TONGUE_JAW * shapes.swung(points),
    }


def _out_of_sight(points: Points, aside: float) -> dict[str, Points]:
    """Teeth and tongue give way to rounded lips, as a puppet's may: an O that is dark inside reads from afar, one full of teeth does not."""
    return {name: np.tile((0.0, 0.20, aside), (len(points), 1)) for name in ("mouthFunnel", "mouthPucker")}


def _upper_teeth() -> Part:
    mesh = parts.upper_teeth()
    return Part("UpperTeeth", mesh, _out_of_sight(mesh.vertices, 0.08))


def _lower_teeth() -> Part:
    mesh = parts.lower_teeth()
    return Part("LowerTeeth", mesh, _with_jaw(mesh.vertices) | _out_of_sight(mesh.vertices, -0.08))


def _tongue() -> Part:
    mesh, along = parts.tongue()
    found = _with_jaw(mesh.vertices) | _out_of_sight(mesh.vertices, -0.08)
    reach = np.square(np.clip(along, 0, 1))[:, None]
    droop = np.maximum(along - 0.8, 0)[:, None]
    found["tongueOut"] = found["tongueOut"] + reach * (0.0, -0.50, 0.09) - droop * (0, 0, 0.25)
    return Part("Tongue", mesh, found)
