"""ARKit's 52 shapes as formulas: where each point of the face goes when a shape is fully on.

A shape is a function of the :class:`~demo.face.Face` that returns moves float64 [V, 3]. The shapes of the left side are written here; those of the
right side are their mirror images. Around the mouth a formula speaks of rings and of the upper and the lower lip (:class:`~demo.face.Slit`).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from .clay import LIDS_AT_REST, LIDS_SHUT, MOUTH_HALF_WIDTH
from .face import Face, Floats, mouth_outward
from .surface import Points, bell, rotated, smoothstep

JAW_HINGE = np.array([0.0, 0.05, -0.28])
JAW_OPEN = np.radians(21.0)
LEFT, UP, BACK = np.eye(3)[0], np.eye(3)[2], np.eye(3)[1]
JAW_FORWARD = np.array([0.0, -0.17, 0.015])
JAW_LEFT = np.array([0.15, 0.0, 0.0])
MEETING_LEVEL = 0.40
"""Where between the upper (0) and the lower lip (1) of an open jaw mouthClose lets them meet."""

Shape = Callable[[Face], Points]


def moves(face: Face) -> dict[str, Points]:
    """All 52 shapes, by ARKit's names, as moves float64 [V, 3] from the face at rest."""
    found = {name: shape(face) for name, shape in _WHOLE.items()}
    for name, shape in _LEFT.items():
        left = shape(face)
        found[f"{name}Left"] = left
        found[f"{name}Right"] = face.mirrored(left)
    found["jawRight"], found["mouthRight"] = face.mirrored(found["jawLeft"]), face.mirrored(found["mouthLeft"])
    return found


# The jaw


def swung(points: Points, share: ArrayLike = 1.0) -> Points:
    """The moves of points that go with the jaw when it opens fully; ``share`` is how much of its turn each takes part in."""
    return rotated(points, np.asarray(share) * JAW_OPEN, axis=0, pivot=JAW_HINGE) - points


def _jaw(face: Face) -> Floats:
    """How much a vertex goes with the jaw: the lower lip and the chin fully, the corners of the mouth by half, cheeks less and less."""
    points, mouth = face.mesh.vertices, face.mouth
    cheek = np.where(mouth.side > 0, bell(mouth.ring * mouth.side, 0.45), 1.0)
    hinge = smoothstep(0.12, -0.55, points[:, 1])
    neck = smoothstep(-1.45, -1.12, points[:, 2])
    return mouth.lower * cheek * hinge * neck


def jaw_open(face: Face) -> Points:
    """The jaw turns, and the corners of the mouth come in a little, as cheeks that are drawn down have it."""
    narrower = _lips(face, 0.80) * -0.14 * _across(face)
    return swung(face.mesh.vertices, _jaw(face)) + narrower[:, None] * LEFT


def jaw_forward(face: Face) -> Points:
    """The jaw slides out."""
    return _jaw(face)[:, None] * JAW_FORWARD


def jaw_left(face: Face) -> Points:
    """The jaw goes sideways; the lower lip slides along the upper one and stays closed."""
    share = _jaw(face)
    edge = _edge_line(face)
    target = _edge_line(face, share * JAW_LEFT[0])
    slide = (target - edge) * (0, 1, 1) * (bell(face.mouth.ring, 0.5) * (face.mouth.side <= 0))[:, None]
    return share[:, None] * JAW_LEFT + slide


# The lips


def _lips(face: Face, reach: float) -> Floats:
    """1 on the lips' edges, and less and less on wider rings and further inside the mouth."""
    return bell(face.mouth.ring, reach) * bell(face.depth, 0.30)


def _left(face: Face, blend: float = 0.45) -> Floats:
    """1 on the left side, 0 on the right, and a blend around the middle, so that both sides add up to the whole."""
    return smoothstep(-blend, blend, face.mesh.vertices[:, 0] / MOUTH_HALF_WIDTH)


def _left_corner(face: Face, reach: float) -> Floats:
    """1 at the left corner of the mouth, less and less around it."""
    corner = face.mesh.vertices[np.argmax(face.mouth.around - face.mouth.ring - face.depth)]
    return bell(np.linalg.norm(face.mesh.vertices - corner, axis=1), reach)


def _outward(face: Face) -> Points:
    return mouth_outward(face.mesh.vertices)


def _across(face: Face) -> Floats:
    """How far to the left of the middle of the mouth, in head units: on wider rings no more than on the lips."""
    return MOUTH_HALF_WIDTH * face.mouth.around


def _at(face: Face, centre: Sequence[float], radii: Sequence[float]) -> Points:
    """A bell [V, 1] around a point of the face."""
    return bell(np.linalg.norm((face.mesh.vertices - np.asarray(centre)) / np.asarray(radii), axis=1), 1.0)[:, None]


def _ridge(ring: Floats, middle: float, width: float) -> Floats:
    """1 on one ring, less and less inside and outside of it, and 0 on the lips' edges, which so stay together."""
    return bell(ring - middle, width) * smoothstep(0, 0.10, ring)


def _edge_line(face: Face, aside: ArrayLike = 0.0) -> Points:
    """The point [V, 3] of the closed lips' line that lies on the same ray of rings as each vertex, or ``aside`` from it to the left."""
    line = np.flatnonzero((face.mouth.ring < 1e-6) & (face.depth == 0))
    line = line[np.argsort(face.mouth.around[line], kind="stable")]
    known, wanted = face.mouth.around[line], face.mouth.around + np.asarray(aside) / MOUTH_HALF_WIDTH
    return np.stack([np.interp(wanted, known, face.mesh.vertices[line, axis]) for axis in range(3)], axis=-1)


def mouth_close(face: Face) -> Points:
    """With jawOpen at the same weight the lips just touch; the lower lip does the most of it, and the chin below stays down."""
    side, edge = np.abs(face.mouth.side), _edge_line(face)
    upper, lower = swung(edge, (1 - side) / 2), swung(edge, (1 + side) / 2)
    meeting = upper + MEETING_LEVEL * (lower - upper)
    above = face.mouth.side[:, None] > 0
    reach = np.where(face.mouth.side > 0, _lips(face, 0.55), _lips(face, 0.75))
    return reach[:, None] * (meeting - np.where(above, upper, lower))


def mouth_funnel(face: Face) -> Points:
    """A trumpet: the corners come in, the lips come forward and part into an O."""
    lips, mouth = _lips(face, 0.70), face.mouth
    part = 0.14 * mouth.side * bell(mouth.ring, 0.45) * bell(face.depth, 0.3)
    flat = 0.9 * (_middle_level(face) - _edge_line(face)[:, 2])
    return lips[:, None] * (0.19 * _outward(face) - 0.52 * _across(face)[:, None] * LEFT + flat[:, None] * UP) + part[:, None] * UP


def mouth_pucker(face: Face) -> Points:
    """A kiss: the lips draw together to a thick, closed button and come forward."""
    mouth = face.mouth
    lips = _lips(face, 0.62)
    thick = 0.055 * mouth.side * _ridge(mouth.ring, 0.26, 0.20) * (face.depth == 0)
    flat = 0.9 * (_middle_level(face) - _edge_line(face)[:, 2])
    return lips[:, None] * (0.20 * _outward(face) - 0.62 * _across(face)[:, None] * LEFT + flat[:, None] * UP) + thick[:, None] * UP


def _middle_level(face: Face) -> float:
    """The height of the middle of the closed lips."""
    line = _edge_line(face)
    return float(line[np.argmin(np.abs(line[:, 0])), 2])


def mouth_left(face: Face) -> Points:
    """Both lips go sideways, the corner that leads a little up."""
    tilt = 0.10 * _across(face)[:, None] * UP
    return _lips(face, 0.85)[:, None] * (0.17 * LEFT + tilt - 0.02 * BACK)


def mouth_smile_left(face: Face) -> Points:
    """The corner goes out and up, and the cheek with it."""
    corner = _left_corner(face, 0.30)[:, None] * (0.11 * LEFT + 0.135 * UP + 0.04 * BACK)
    cheek = _at(face, (0.50, -0.80, -0.44), (0.26, 0.4, 0.20)) * (0.045 * UP + 0.05 * _outward(face))
    return (corner + cheek) * face.skin_only(0.30)


def mouth_frown_left(face: Face) -> Points:
    """The corner goes down."""
    corner = _left_corner(face, 0.27)[:, None] * (0.03 * LEFT - 0.17 * UP)
    return corner + 0.025 * (_lips(face, 0.4) * _left(face) * np.abs(face.mouth.side))[:, None] * UP


def mouth_dimple_left(face: Face) -> Points:
    """The corner is drawn straight back into the cheek."""
    pulled = _left_corner(face, 0.22)[:, None] * (0.085 * LEFT + 0.11 * BACK + 0.03 * UP)
    return pulled + _at(face, (0.56, -0.80, -0.52), (0.13, 0.3, 0.16)) * 0.05 * _outward(face)


def mouth_stretch_left(face: Face) -> Points:
    """The corner goes out and down, and the lips grow thin."""
    corner = _left_corner(face, 0.31)[:, None] * (0.17 * LEFT - 0.06 * UP + 0.05 * BACK) * smoothstep(-0.30, -0.48, face.mesh.vertices[:, 2:])
    thin = -0.022 * face.mouth.side * _ridge(face.mouth.ring, 0.24, 0.18) * _left(face) * (face.depth == 0)
    return corner + thin[:, None] * UP


def _rolled(face: Face, lip: Floats) -> Points:
    """A lip turned in around its edge: its red goes behind the other lip, and the skin follows to where the red was."""
    ring = face.mouth.ring
    inward = -0.075 * lip * bell(np.maximum(ring - 0.05, 0), 0.20) * bell(face.depth, 0.12)
    skin = 0.072 * _ridge(ring, 0.30, 0.22) * (face.depth == 0)
    behind = 0.085 * bell(ring, 0.18) * bell(face.depth, 0.12)
    towards = -np.sign(face.mouth.side) * lip * (skin + behind)
    return inward[:, None] * _outward(face) + towards[:, None] * UP


def mouth_roll_lower(face: Face) -> Points:
    """The lower lip goes in over its teeth."""
    return _rolled(face, np.maximum(-face.mouth.side, 0))


def mouth_roll_upper(face: Face) -> Points:
    """The upper lip goes in under its teeth."""
    return _rolled(face, np.maximum(face.mouth.side, 0))


def _arched(face: Face, height: float, reach: float) -> Points:
    """The middle of both lips raised, the corners kept."""
    return (height * _lips(face, reach) * (1 - face.mouth.around**2))[:, None] * UP


def mouth_shrug_lower(face: Face) -> Points:
    """The chin pushes the lower lip up and out, and the upper lip gives way."""
    pout = 0.085 * np.maximum(-face.mouth.side, 0) * _ridge(face.mouth.ring, 0.16, 0.30) * (face.depth == 0)
    chin = _at(face, (0, -0.82, -0.94), (0.28, 0.4, 0.20)) * (0.10 * UP + 0.03 * _outward(face))
    return _arched(face, 0.085, 0.40) + pout[:, None] * _outward(face) + chin


def mouth_shrug_upper(face: Face) -> Points:
    """The upper lip goes up and out; the lower one stays with it."""
    pout = 0.11 * np.maximum(face.mouth.side, 0) * _ridge(face.mouth.ring, 0.16, 0.30) * (face.depth == 0)
    return _arched(face, 0.065, 0.30) + pout[:, None] * (_outward(face) + 0.35 * UP * face.mouth.ring[:, None])


def mouth_press_left(face: Face) -> Points:
    """Lips pressed on each other: the red grows narrow and the skin around it swells."""
    mouth, left = face.mouth, _left(face) * (face.depth == 0)
    narrow = -0.045 * mouth.side * _ridge(mouth.ring, 0.22, 0.16) * left
    out = (0.022 * _ridge(mouth.ring, 0.50, 0.20) - 0.03 * bell(mouth.ring, 0.25)) * left * np.abs(mouth.side)
    return narrow[:, None] * UP + out[:, None] * _outward(face) + _left_corner(face, 0.14)[:, None] * (0.02 * LEFT + 0.045 * BACK)


def mouth_lower_down_left(face: Face) -> Points:
    """Half of the lower lip goes down and shows its teeth."""
    down = np.maximum(-face.mouth.side, 0) * _left(face) * _lips(face, 0.60)
    return down[:, None] * (-0.15 * UP + 0.035 * _outward(face))


def mouth_upper_up_left(face: Face) -> Points:
    """Half of the upper lip goes up, with a fold beside the nose."""
    up = np.maximum(face.mouth.side, 0) * _left(face) * _lips(face, 0.50)
    fold = _at(face, (0.26, -0.92, -0.40), (0.12, 0.3, 0.12)) * (0.05 * UP + 0.02 * _outward(face))
    return up[:, None] * (0.125 * UP + 0.03 * _outward(face)) + fold


def tongue_out(face: Face) -> Points:
    """The jaw and the lower lip make room for the tongue."""
    return TONGUE_JAW * jaw_open(face)


# Cheeks and nose


def cheek_puff(face: Face) -> Points:
    """Air behind cheeks and lips, which stay shut."""
    away = face.mesh.vertices - (0, -0.25, -0.55)
    away /= np.linalg.norm(away, axis=1, keepdims=True)
    cheeks = sum(_at(face, (side * 0.55, -0.70, -0.55), (0.30, 0.45, 0.30)) for side in (1, -1))
    lips = 0.05 * bell(face.mouth.ring, 0.9)[:, None]
    return (0.22 * cheeks * away + lips * _outward(face)) * face.skin_only() * bell(face.depth, 0.3)[:, None]


def cheek_squint_left(face: Face) -> Points:
    """The cheek goes up under the eye, whose lower lid it lifts."""
    upper, lower = LIDS_AT_REST
    cheek = _at(face, (0.46, -0.84, -0.38), (0.25, 0.4, 0.19)) * (0.085 * UP + 0.065 * _outward(face))
    return cheek * face.skin_only(0.26) + _lids(face, upper, lower - 10)


def nose_sneer_left(face: Face) -> Points:
    """The wing of the nose goes up, and the lip and the brow's inner end towards it."""
    wing = _at(face, (0.15, -1.05, -0.29), (0.14, 0.2, 0.14)) * (0.09 * UP + 0.065 * LEFT)
    lip = _at(face, (0.18, -0.98, -0.47), (0.16, 0.3, 0.12)) * (0.085 * UP + 0.03 * _outward(face))
    frown = _at(face, (0.10, -0.85, 0.24), (0.16, 0.3, 0.14)) * (-0.06 * UP - 0.02 * BACK)
    return (wing + lip + frown) * face.skin_only()


# Brows


def brow_down_left(points: Points) -> Points:
    """The brow goes down and inwards."""
    return _brow(points, 0.26, 0.27) * (-0.12 * UP - 0.035 * LEFT - 0.025 * BACK)


def brow_inner_up(points: Points) -> Points:
    """The inner ends of both brows go up."""
    return (_brow(points, 0.12, 0.20) + _brow(points, -0.12, 0.20)) * (0.13 * UP + 0.02 * BACK)


def brow_outer_up_left(points: Points) -> Points:
    """The outer end of the brow goes up."""
    return _brow(points, 0.48, 0.24) * (0.14 * UP + 0.035 * BACK)


def _brow(points: Points, across: float, width: float) -> Points:
    """A bell [V, 1] on the forehead, on the skin that a brow sits on."""
    return bell(np.linalg.norm((points - (across, -0.85, 0.40)) / (width, 0.6, 0.26), axis=1), 1.0)[:, None] * smoothstep(0, -0.3, points[:, 1:2])


# Eyes


def _lids(face: Face, upper: float, lower: float) -> Points:
    """The moves from the left lids at rest to these angles; see :meth:`~demo.face.Face.lids`."""
    return face.lids(upper, lower) - face.lids(*LIDS_AT_REST)


def eye_look_sideways_left(face: Face, side: float) -> Points:
    """Lids give way a little to the bulge of the cornea."""
    return _at(face, (0.335, -1.0, 0.0), (0.22, 0.4, 0.20)) * (0.02 * side * LEFT) * smoothstep(0, 0.1, face.mesh.vertices[:, :1])


_UPPER, _LOWER = LIDS_AT_REST
LID_ANGLES: dict[str, tuple[float, float]] = {
    "eyeBlink": LIDS_SHUT,
    "eyeLookDown": (_UPPER - 15, _LOWER + 2),
    "eyeLookUp": (_UPPER + 8, _LOWER - 4),
    "eyeSquint": (_UPPER - 13, _LOWER - 17),
    "eyeWide": (_UPPER + 13, _LOWER + 7),
}
"""Degrees of the upper and the lower lid above and below the middle of the eye, in the shapes that move them."""
TONGUE_JAW = 0.40
"""How far the jaw opens to let the tongue out, as a share of jawOpen."""

_WHOLE: dict[str, Shape] = {
    "jawForward": jaw_forward,
    "jawLeft": jaw_left,
    "jawOpen": jaw_open,
    "mouthClose": mouth_close,
    "mouthFunnel": mouth_funnel,
    "mouthPucker": mouth_pucker,
    "mouthLeft": mouth_left,
    "mouthRollLower": mouth_roll_lower,
    "mouthRollUpper": mouth_roll_upper,
    "mouthShrugLower": mouth_shrug_lower,
    "mouthShrugUpper": mouth_shrug_upper,
    "browInnerUp": lambda face: brow_inner_up(face.mesh.vertices) * face.skin_only(),
    "cheekPuff": cheek_puff,
    "tongueOut": tongue_out,
}
_LEFT: dict[str, Shape] = {
    **{name: (lambda face, angles=angles: _lids(face, *angles)) for name, angles in LID_ANGLES.items()},
    "eyeLookIn": lambda face: eye_look_sideways_left(face, -1),
    "eyeLookOut": lambda face: eye_look_sideways_left(face, 1),
    "mouthSmile": mouth_smile_left,
    "mouthFrown": mouth_frown_left,
    "mouthDimple": mouth_dimple_left,
    "mouthStretch": mouth_stretch_left,
    "mouthPress": mouth_press_left,
    "mouthLowerDown": mouth_lower_down_left,
    "mouthUpperUp": mouth_upper_up_left,
    "browDown": lambda face: brow_down_left(face.mesh.vertices) * face.skin_only(),
    "browOuterUp": lambda face: brow_outer_up_left(face.mesh.vertices) * face.skin_only(),
    "cheekSquint": cheek_squint_left,
    "noseSneer": nose_sneer_left,
}
