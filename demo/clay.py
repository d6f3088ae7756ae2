"""The lumps of clay that the head is made of, its measures and its colours.

Lengths are in head units, angles of the lids in degrees above and below the middle of the eye, colours linear RGB.
"""

from __future__ import annotations

import numpy as np

from .surface import Blob

EYE_CENTRE = np.array([0.335, -0.70, 0.0])
EYE_RADIUS = 0.285
LID_THICKNESS = 0.028
LID_CORNER = np.radians(46)
"""How far around the eyeball the corners of the lids lie from its middle."""
MOUTH_HALF_WIDTH = 0.35
MOUTH_LEVEL = -0.60
LIDS_AT_REST = (37.0, 31.0)
LIDS_SHUT = (-7.0, 7.0)

CLAY = (
    Blob((0, 0.12, 0.26), (0.94, 0.98, 0.90)),
    Blob((0, -0.08, -0.42), (0.80, 0.80, 0.66), 0.40),
    Blob((0, -0.50, -0.90), (0.34, 0.32, 0.26), 0.30),
    Blob((0.46, -0.52, -0.42), (0.35, 0.35, 0.31), 0.25),
    Blob((0, -0.58, -0.62), (0.46, 0.38, 0.30), 0.20),
    Blob((0, 0.12, -1.40), (0.38, 0.38, 0.90), 0.25),
    Blob((0.335, -0.70, 0.0), (EYE_RADIUS + LID_THICKNESS,) * 3, 0.11),
    Blob((0, -0.84, -0.10), (0.08, 0.14, 0.20), 0.10),
    Blob((0, -1.05, -0.26), (0.17, 0.20, 0.15), 0.10),
)
"""Skull, jaw, chin, cheeks, muzzle, neck, lids, the bridge of the nose and the nose."""

SKIN = (0.82, 0.46, 0.29)
BLUSH = (0.78, 0.22, 0.14)
LIPS = (0.62, 0.19, 0.14)
INSIDE = (0.16, 0.02, 0.025)
LID = (0.79, 0.40, 0.25)
RIM = (0.50, 0.17, 0.12)
