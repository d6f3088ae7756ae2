"""Which Actions are A2F's own, to be replaced or cleared, and which are the artist's, never to be lost.

An Action that A2F made carries a mark with a digest of its keys. Whoever edits it, renames it or keeps it with a fake user makes it theirs:
the digest, the name or the user says so, and it is treated as every other Action of the artist.
"""

from __future__ import annotations

import hashlib

import numpy as np
from bpy.types import Action

from . import compat

MARK = "a2f"
PREFIX = "A2F "
REST = "rest"
"""The identity of an Action that holds the face at rest where no recording plays."""


def mark(action: Action, identity: str) -> None:
    """Sign a finished Action. identity: of the recording that it is for."""
    action[MARK] = {"identity": identity, "name": action.name, "digest": _digest(action)}


def identity(action: Action | None) -> str | None:
    """The identity that an untouched Action of A2F's was signed with; None for every other Action."""
    if action is None or action.library is not None or action.use_fake_user or MARK not in action:
        return None
    signed = action[MARK]
    if signed.get("name") != action.name or signed.get("digest") != _digest(action):
        return None
    return signed["identity"]


def _digest(action: Action) -> str:
    summed = hashlib.sha256()
    for curve in compat.every_fcurve(action):
        points = np.empty(2 * len(curve.keyframe_points), np.float32)
        curve.keyframe_points.foreach_get("co", points)
        kinds = np.empty(len(curve.keyframe_points), np.uint8)
        curve.keyframe_points.foreach_get("interpolation", kinds)
        facts = (curve.data_path, curve.array_index, curve.mute, curve.extrapolation, len(curve.modifiers))
        summed.update(repr(facts).encode())
        summed.update(points.tobytes())
        summed.update(kinds.tobytes())
    return summed.hexdigest()
