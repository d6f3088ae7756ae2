"""From ARKit's 52 curves to whatever a rig has instead: a sparse, non-negative linear map, and for rigs with mouth shapes a fit of those.

A mouth shape (a viseme, or one of A, I, U, E, O) is described once as the ARKit shapes that it is made of. What a frame's mouth looks like is then
taken apart into as much of each as fits best (non-negative least squares), so that every stage before this one, smoothing, style and seals, is seen
on such a rig too.
Lips that meet are decided by the gap between them, not by the fit: no shape that opens the mouth is left in a seal.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from . import arkit
from .closure import GAP
from .curves import FaceCurves, Floats

Recipe = tuple[tuple[str, float], ...]
"""What a target takes: (source, weight) pairs. A source is an ARKit name or a mouth shape, written ``set:shape``."""

SEPARATOR = ":"
TOGETHER = f"lips{SEPARATOR}together"
"""A source that is no mouth shape: how closed the lips are, whatever the jaw does; mouthClose as a share of jawOpen, 0 to 1."""
JAW_AT_LEAST = 0.05
"""Below which a jaw is as good as shut, and the share means little."""
PARTED = 0.12
"""The gap, as a share of an open jaw, from which on lips are wholly apart to the eye; what speaks without closing is kept near it (see closure)."""
STIRRING = 0.20
"""Jaw, rolls and pressure together, from which on a closed mouth is a seal that is being made, not one at rest."""
EFFORT = {"jawOpen": 1.0, "mouthRollLower": 0.5, "mouthRollUpper": 0.5, "mouthPressLeft": 0.25, "mouthPressRight": 0.25}
"""What a mouth that makes a seal does, each as far as it counts towards STIRRING."""
RIDGE = 0.003
"""Keeps shapes that look alike from taking turns: with it, a small change of the face is a small change of every shape."""
STEPS = 150
"""Of the accelerated gradient method (Beck and Teboulle 2009, FISTA); more of them change no weight by more than a fiftieth."""
SETTLED = 1e-4
"""A step that moves no weight by more ends the search."""
BLOCK = 1024
"""Frames at a time: few enough to stay in the processor's cache, and for the matrix product not to be spread over threads, which costs more here."""


@dataclass(frozen=True)
class Shapes:
    """A rig's set of mouth shapes.

    poses: shape to the ARKit shapes that it is made of, and how much of each. rest: the shape that takes what the others leave, or empty.
    closed: the shape of lips that meet, or empty where the set has none, and a seal is the absence of all.
    """

    name: str
    poses: Mapping[str, Mapping[str, float]]
    rest: str = ""
    closed: str = ""

    @property
    def names(self) -> tuple[str, ...]:
        """All shapes of the set."""
        return (*self.poses, *([self.rest] if self.rest else []))

    def source(self, shape: str) -> str:
        """What a recipe calls a shape of this set."""
        return f"{self.name}{SEPARATOR}{shape}"


def retarget(curves: FaceCurves, recipes: Mapping[str, Recipe], sets: Iterable[Shapes] = ()) -> FaceCurves:
    """The curves of a rig's own targets, in the order of the recipes.

    Sources that the curves lack count as 0. Raises KeyError for a mouth shape of a set that is not among `sets`.
    """
    made = mixed(curves, list(recipes.values()), sets)
    values = np.stack([made[recipe] for recipe in recipes.values()], axis=1) if recipes else np.zeros((len(curves), 0), np.float32)
    return FaceCurves(curves.fps, curves.start, tuple(recipes), values)


def mixed(curves: FaceCurves, recipes: Sequence[Recipe], sets: Iterable[Shapes] = ()) -> dict[Recipe, Floats]:
    """For each recipe the curve that it makes, float32 [frames]; equal recipes are made once. Raises as :func:`retarget`."""
    sources = {source for recipe in recipes for source, _ in recipe}
    known = {each.name: each for each in sets}
    fitted: dict[str, Floats] = {}
    if TOGETHER in sources:
        fitted[TOGETHER] = _together(curves)
    for name in sorted({source.partition(SEPARATOR)[0] for source in sources if SEPARATOR in source and source != TOGETHER}):
        fitted |= {known[name].source(shape): curve for shape, curve in fit(curves, known[name]).items()}
    found: dict[Recipe, Floats] = {}
    for recipe in dict.fromkeys(recipes):
        total = np.zeros(len(curves), np.float32)
        for source, weight in recipe:
            if source in fitted:
                total += np.float32(weight) * fitted[source]
            elif source in curves.names:
                total += np.float32(weight) * curves.channel(source)
        found[recipe] = total
    return found


def recovered(keyed: Iterable[tuple[Recipe, Floats]], sets: Mapping[str, Shapes]) -> dict[str, Floats]:
    """The way back: ARKit's curves from what a rig's targets do, float32 [frames] each, in ARKit's order, as far as the targets tell.

    A target of several sources is taken for as much of each. Mouth shapes give what they are made of where no target of its own tells.
    """
    told: dict[str, list[Floats]] = {}
    for recipe, curve in keyed:
        whole = sum(weight for _, weight in recipe)
        for source, weight in recipe:
            if weight > 0:
                told.setdefault(source, []).append(curve / np.float32(whole))
    levels = {source: np.mean(curves, axis=0, dtype=np.float32) for source, curves in told.items()}
    posed: dict[str, Any] = {}
    for source, level in levels.items():
        name, _, shape = source.partition(SEPARATOR)
        for each, weight in (sets[name].poses.get(shape, {}) if name in sets else {}).items():
            posed[each] = posed.get(each, 0) + np.float32(weight) * level
    found = posed | levels
    if TOGETHER in levels and "jawOpen" in found:
        found.setdefault("mouthClose", levels[TOGETHER] * found["jawOpen"])
    return {name: np.asarray(found[name], np.float32) for name in arkit.NAMES if name in found}


def needs(recipe: Recipe, sets: Mapping[str, Shapes]) -> set[str]:
    """The ARKit names that a recipe listens to."""
    found: set[str] = set()
    for source, _ in recipe:
        name, separator, shape = source.partition(SEPARATOR)
        if source == TOGETHER:
            found |= {"jawOpen", "mouthClose"}
        elif not separator:
            found.add(source)
        elif name in sets:
            shapes = sets[name]
            found |= set(shapes.poses.get(shape) or {each for pose in shapes.poses.values() for each in pose})
    return found


def _together(curves: FaceCurves) -> Floats:
    if "jawOpen" not in curves.names or "mouthClose" not in curves.names:
        return np.zeros(len(curves), np.float32)
    return np.clip(curves.channel("mouthClose") / np.maximum(curves.channel("jawOpen"), JAW_AT_LEAST), 0, 1).astype(np.float32)


def fit(curves: FaceCurves, shapes: Shapes) -> dict[str, Floats]:
    """How much of each mouth shape a face shows: shape to float32 [frames], 0 to 1, together at most 1.

    The shape at rest takes what is missing to 1. Where lips meet, the closed shape takes all; without one, every shape goes to 0.
    """
    features = sorted({name for pose in shapes.poses.values() for name in pose})
    heard = {*features, *GAP, *EFFORT}
    poses = np.array([[pose.get(name, 0.0) for name in features] for pose in shapes.poses.values()], np.float32)
    closed = list(shapes.poses).index(shapes.closed) if shapes.closed else None
    amounts = np.zeros((len(curves), len(poses)), np.float32)
    for start in range(0, len(curves), BLOCK):
        part = slice(start, start + BLOCK)
        face = {name: np.ascontiguousarray(curves.values[part, column]) for column, name in enumerate(curves.names) if name in heard}
        amounts[part] = _fitted(face, features, poses, closed, frames=len(amounts[part]))
    found = {shape: amounts[:, number] for number, shape in enumerate(shapes.poses)}
    if shapes.rest:
        found[shapes.rest] = np.maximum(0, 1 - amounts.sum(axis=1, dtype=np.float32))
    return found


def _fitted(face: Mapping[str, Floats], features: Sequence[str], poses: Floats, closed: int | None, *, frames: int) -> Floats:
    """float32 [frames, shapes]."""
    zeros = np.zeros(frames, np.float32)
    apart = np.clip(sum((share * face[name] for name, share in GAP.items() if name in face), zeros) / PARTED, 0, 1)
    amounts = np.zeros((frames, len(poses)), np.float32)
    if apart.any():
        seen = np.stack([face.get(name, zeros) for name in features], axis=1)
        gram = poses @ poses.T + RIDGE * np.mean(np.sum(poses**2, axis=1)) * np.eye(len(poses), dtype=np.float32)
        amounts = _non_negative(seen @ poses.T, gram) * apart[:, None]
    if closed is None:
        return amounts / np.maximum(1, amounts.sum(axis=1, keepdims=True))
    amounts[:, closed] *= 1 - apart  # open lips are no P, however hard they press
    amounts /= np.maximum(1, amounts.sum(axis=1, keepdims=True))
    seal = (1 - apart) * np.clip(_effort(face, zeros) / STIRRING, 0, 1)
    others = amounts.sum(axis=1) - amounts[:, closed]
    amounts[:, closed] = np.maximum(amounts[:, closed], np.minimum(seal, 1 - others))
    return amounts


def _effort(face: Mapping[str, Floats], zeros: Floats) -> Floats:
    return sum((share * face[name] for name, share in EFFORT.items() if name in face), zeros)


def _non_negative(onto: Floats, gram: Floats) -> Floats:
    """Each row's x >= 0 with the least x G x / 2 - b x; onto: the b, [frames, shapes]."""
    step: Any = np.float32(1 / np.linalg.eigvalsh(gram)[-1])
    move, ahead = np.eye(len(gram), dtype=np.float32) - step * gram, step * onto
    now: Any = np.maximum(0, ahead)
    trial: Any = now
    pace = 1.0
    for _ in range(STEPS):
        new = trial @ move
        new += ahead
        np.maximum(new, 0, out=new)
        faster = (1 + np.sqrt(1 + 4 * pace * pace)) / 2
        trial = new - now
        settled = max(trial.max(initial=0), -trial.min(initial=0)) < SETTLED
        trial *= np.float32((pace - 1) / faster)
        trial += new
        now, pace = new, faster
        if settled:
            break
    return now
