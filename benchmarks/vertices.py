"""Curves against curves on the vertices of one head: the measures that papers on talking faces print.

No face was captured for the development set, so "wanted" are the curves that this project's rules make of the true phones, through the same
stages: the figures say how far recognition takes the face from where perfect hearing would have it, in millimetres and in frames, and nothing about
the rules. The head is ICT-FaceKit's (its unit is a centimetre). Frames are taken RATE_HZ times a second.

- LVE, lip vertex error (Richard et al., "MeshTalk", 2021): the squared distance of each lip vertex from where it should be, its largest over the
  lip's vertices in each frame, the mean over frames: mean_t max_{v in lips} |x_tv - y_tv|^2, in mm^2.
- FDD, upper-face dynamics deviation (Xing et al., "CodeTalker", 2023): dyn(v) = the standard deviation over time of |x_tv - rest_v|; mean over the
  upper face's vertices of dyn_wanted(v) - dyn_given(v), in mm, signed: above 0 the given face moves too little. A figure a clip, their mean.
- MTM, mean temporal misalignment (Chae-Yeon et al., "Perceptually accurate 3D talking head generation", 2025): where the lip gap turns, matched
  between the two curves, the mean of |t_given - t_wanted|, in frames. Here an extremum is one whose swing from the turns beside it is at least
  SWING of a jaw's movement; maxima are matched with maxima and minima with minima, one to one, the nearest first, no further apart than REACH_S.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from a2f_addon.face import arkit
from a2f_addon.face.curves import FaceCurves
from benchmarks import heads

RATE_HZ = 30.0
REACH_S = 0.200
SWING = 0.08
LIP_SHARE, UPPER_SHARE = 0.3, 0.1
"""A vertex belongs to the lips, or to the upper face, when it goes with their shapes by this share of the furthest."""
_LIPS = ("mouthRollUpper", "mouthRollLower")
_TWO_SIDED = ("eyeBlink", "eyeWide", "browDown", "browOuterUp")
_UPPER = ("browInnerUp", *(f"{name}{side}" for name in _TWO_SIDED for side in ("Left", "Right")))
_MM = 10.0

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Mesh:
    """What ARKit's shapes do to a head's lips and upper face: float32 [52, vertices * 3], millimetres, in the order of arkit.NAMES."""

    lips: NDArray[np.float32]
    upper: NDArray[np.float32]


@dataclass(frozen=True)
class Score:
    """Sums over clips; scores of several add up."""

    frames: int = 0
    squared_mm: float = 0.0
    """Of all frames, their largest squared error."""
    deviations_mm: tuple[float, ...] = ()
    offsets_s: tuple[float, ...] = field(default=())
    turns: int = 0

    def __add__(self, other: Score) -> Score:
        return Score(
            self.frames + other.frames,
            self.squared_mm + other.squared_mm,
            self.deviations_mm + other.deviations_mm,
            self.offsets_s + other.offsets_s,
            self.turns + other.turns,
        )

    @property
    def lve_mm2(self) -> float:
        """Lip vertex error, nan without frames; this one and the two below as at the head of this file."""
        return self.squared_mm / self.frames if self.frames else float("nan")

    @property
    def fdd_mm(self) -> float:
        """Upper-face dynamics deviation, nan without clips."""
        return float(np.mean(self.deviations_mm)) if self.deviations_mm else float("nan")

    @property
    def mtm_frames(self) -> float:
        """Mean temporal misalignment, nan where no turn matches."""
        return float(np.mean(self.offsets_s)) * RATE_HZ if self.offsets_s else float("nan")

    @property
    def turns_matched(self) -> float:
        """The share of the wanted curve's turns that the given one has too."""
        return len(self.offsets_s) / self.turns if self.turns else float("nan")


@lru_cache(maxsize=2)
def load(path: Path) -> Mesh:
    """Lips and upper face of ict_facekit.npz. Raises OSError where it is missing."""
    with np.load(path) as data:
        deltas, groups = data["deltas"].astype(np.float32), [str(name) for name in data["groups"]]
        names = [str(name) for name in data["shape_names"]]
        face = next(i for i, name in enumerate(groups) if name.endswith("M_Face"))
        skin = _vertices_of(data["face_sizes"], data["face_vertices"], data["face_group"] == face)
    table = heads.table(names, deltas)
    moved = {name: np.linalg.norm(shape, axis=1) for name, shape in zip(arkit.NAMES, table, strict=True)}
    parts = [skin[_moved(moved, names)[skin]] for names in (_LIPS, _UPPER)]
    lips, upper = (np.ascontiguousarray(_MM * table[:, part].reshape(len(table), -1)) for part in parts)
    return Mesh(lips, upper)


def _vertices_of(sizes: NDArray[np.int32], corners: NDArray[np.int32], chosen: NDArray[np.bool_]) -> NDArray[np.int64]:
    return np.unique(corners[np.repeat(chosen, sizes)]).astype(np.int64)


def _moved(moved: dict[str, NDArray[np.float32]], names: tuple[str, ...]) -> NDArray[np.bool_]:
    share = LIP_SHARE if names is _LIPS else UPPER_SHARE
    return np.any([moved[name] > share * moved[name].max() for name in names], axis=0)


def compare(mesh: Mesh, given: FaceCurves, wanted: FaceCurves, *, gaps: tuple[Floats, Floats], gap_hz: float, duration_s: float) -> Score:
    """One clip. gaps: those between the lips, given and wanted, float64 [frames] at `gap_hz`."""
    times = np.arange(int(duration_s * RATE_HZ)) / RATE_HZ
    if not len(times):
        return Score()
    ours, theirs = (_weights(curves, times) for curves in (given, wanted))
    error = ((ours - theirs) @ mesh.lips).reshape(len(times), -1, 3)
    largest = np.square(error).sum(axis=2).max(axis=1)
    deviation = float(np.mean(_dynamics(theirs @ mesh.upper) - _dynamics(ours @ mesh.upper)))
    wanted_turns = sum(len(kind) for kind in turns(gaps[1]))
    return Score(len(times), float(largest.sum()), (deviation,), matched_turns(*gaps, gap_hz), wanted_turns)


def _weights(curves: FaceCurves, times: Floats) -> NDArray[np.float32]:
    """float32 [times, 52]: ARKit's shapes at other times; what the curves lack is 0."""
    values = np.zeros((len(times), len(arkit.NAMES)), np.float32)
    for column, name in enumerate(arkit.NAMES):
        if name in curves.names:
            values[:, column] = np.interp(times, curves.times, curves.channel(name))
    return values


def _dynamics(moves: NDArray[np.float32]) -> NDArray[np.float32]:
    """Each vertex's standard deviation over time of how far it is from rest, float32 [vertices]. moves: [frames, vertices * 3]."""
    return np.asarray(np.linalg.norm(moves.reshape(len(moves), -1, 3), axis=2).std(axis=0))


def turns(gap: Floats) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Frames of a curve's maxima and of its minima, leaving out wiggles of less than SWING."""
    found: tuple[list[int], list[int]] = ([], [])
    high = low = 0
    rising: bool | None = None
    for i, value in enumerate(gap):
        if value > gap[high]:
            high = i
        if value < gap[low]:
            low = i
        if rising is not False and gap[high] - value >= SWING:
            if rising is not None:
                found[0].append(high)
            rising, low = False, i
            high = i
        elif rising is not True and value - gap[low] >= SWING:
            if rising is not None:
                found[1].append(low)
            rising, high = True, i
            low = i
    return np.array(found[0], np.int64), np.array(found[1], np.int64)


def matched_turns(given: Floats, wanted: Floats, rate_hz: float) -> tuple[float, ...]:
    """Seconds between the turns that the two curves share, maxima with maxima and minima with minima, the nearest pairs first."""
    offsets: list[float] = []
    for ours, theirs in zip(turns(given), turns(wanted), strict=True):
        apart = np.abs(ours[:, None] - theirs[None, :]) / rate_hz if len(ours) and len(theirs) else np.zeros((0, 0))
        while apart.size and apart.min() <= REACH_S + 1e-9:
            row, column = np.unravel_index(apart.argmin(), apart.shape)
            offsets.append(float(apart[row, column]))
            apart[row, :] = apart[:, column] = np.inf
    return tuple(offsets)
