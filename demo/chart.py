"""Where the lines of the face's grid run, before they lie on the clay: rows around the head and columns from the top of it to the neck.

The columns draw together where an eye or the mouth has its corners, as the angles around an ellipse do, so that an opened slit is round.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from .clay import EYE_CENTRE, EYE_RADIUS, LID_CORNER, LID_THICKNESS, MOUTH_HALF_WIDTH
from .face import Floats
from .surface import bell, smoothstep

HALF_COLUMNS = 46
MOUTH_COLUMNS = 16
EYE_COLUMNS = (4, 20)
MOUTH_ELEVATION = -31.0
UPPER_LIP = np.array([0.0, 0.10, 0.38, 0.85, 1.45, 2.1, 2.8, 3.4, 4.4, 5.8])
LOWER_LIP = np.array([0.0, 0.12, 0.45, 1.0, 1.75, 2.6, 3.5, 4.3, 5.5, 7.2])
LIP_EDGE = 7
"""The row, counted from the slit, where a lip ends and the skin begins."""


@dataclass(frozen=True)
class Chart:
    """The left half of the grid. rows: degrees of elevation, from the top down; eye_row, mouth_row: which of them the slits lie on.

    azimuth: radians from the middle of the face to that of the back [rows, columns].
    """

    rows: Floats
    eye_row: int
    mouth_row: int
    azimuth: Floats

    @property
    def along(self) -> Floats:
        """How far from the middle of the mouth, in multiples of its half-width [rows, columns]: 1 on the column of its corner."""
        return np.tan(np.clip(self.azimuth, 0, 1.3)) / np.tan(self.azimuth[self.mouth_row, MOUTH_COLUMNS])

    @property
    def above_mouth(self) -> Floats:
        """Degrees of each row above the mouth [rows, 1]."""
        return self.rows[:, None] - MOUTH_ELEVATION

    @property
    def elevation(self) -> Floats:
        """Degrees [rows, columns]: level rows, which near the mouth follow its smile and draw together towards its corners."""
        along, offset = self.along, self.above_mouth
        smile = 2.4 * np.square(np.clip(along, 0, 1.3)) - 0.8
        drawn = 0.78 * smoothstep(0.60, 1.03, along) * bell(np.maximum(along - 1, 0), 0.5)
        return self.rows[:, None] + bell(offset, 11.0) * (smile - offset * drawn)


def chart() -> Chart:
    """The one that the face is made with."""
    top = np.concatenate([np.linspace(86, 34, 14), np.linspace(32, 19.5, 8), np.linspace(18, 1.5, 12)])
    middle = np.linspace(-1.5, MOUTH_ELEVATION + UPPER_LIP[-1] + 1.5, 14)
    lips = MOUTH_ELEVATION + np.concatenate([UPPER_LIP[::-1], -LOWER_LIP[1:]])
    chin = lips[-1] - np.cumsum(np.linspace(1.8, 3.3, 17))
    rows = np.concatenate([top, [0], middle, lips, chin])
    return Chart(rows, len(top), len(top) + len(middle) + len(UPPER_LIP), _azimuths(rows))


def _azimuths(rows: Floats) -> Floats:
    """The eyes' spacing of the columns above, the mouth's below, and an even one at the top and the bottom [rows, columns]."""
    share = np.arange(HALF_COLUMNS + 1) / HALF_COLUMNS
    even = np.pi * (0.55 * share + 0.45 * share**2)
    low = smoothstep(-8, -24, rows)[:, None]
    edge = np.maximum(smoothstep(28, 60, rows), 0.8 * smoothstep(-44, -66, rows))[:, None]
    return (1 - edge) * ((1 - low) * _around_the_eye() + low * _around_the_mouth()) + edge * even


def _around_the_eye() -> Floats:
    inner, outer = EYE_COLUMNS
    turn = LID_CORNER * _gathered(np.linspace(-1, 1, outer - inner + 1))
    radius = EYE_RADIUS + LID_THICKNESS
    lids = np.arctan2(EYE_CENTRE[0] + radius * np.sin(turn), -EYE_CENTRE[1] + radius * np.cos(turn))
    return np.concatenate([np.linspace(0, lids[0], inner + 1)[:-1], lids, _to_the_back(lids[-1], HALF_COLUMNS - outer)])


def _around_the_mouth() -> Floats:
    lips = np.arctan2(MOUTH_HALF_WIDTH * _gathered(np.linspace(0, 1, MOUTH_COLUMNS + 1)), 0.90)
    return np.concatenate([lips, _to_the_back(lips[-1], HALF_COLUMNS - MOUTH_COLUMNS)])


def _gathered(share: Floats) -> Floats:
    """Even steps from -1 or 0 to 1, drawn together towards -1 and 1."""
    return 0.35 * share + 0.65 * np.sin(share * np.pi / 2)


def _to_the_back(start: float, columns: int) -> Floats:
    """Columns that go on from ``start`` to the back of the head, wider and wider."""
    share = np.linspace(0, 1, columns + 1)[1:]
    return start + (np.pi - start) * (0.13 * share + 0.87 * share**2)
