"""Which Actions are A2F's own, to be replaced or cleared, and which are the artist's, never to be lost.

An Action that A2F made carries a mark with a digest of its keys. Whoever edits it, renames it or keeps it with a fake user makes it theirs:
the digest, the name or the user says so, and it is treated as every other Action of the artist.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from bpy.types import Action, AnimData, FCurve

from . import compat
from .dna import BEZIER

MARK = "a2f"
PREFIX = "A2F "
FILE = "file "
"""What the identity of a recording that is a file begins with; its absolute path follows."""
REST = "rest"
"""The identity of an Action that holds the face at rest where no recording plays."""


def mark(action: Action, identity: str, digest: Digest | None = None) -> None:
    """Sign a finished Action. identity: of the recording that it is for. digest: of its curves, where it is known already."""
    action[MARK] = {"identity": _portable(identity), "name": action.name, "digest": _digest(action) if digest is None else str(digest)}


def identity(action: Action | None, digest: Digest | None = None) -> str | None:
    """The identity that an untouched Action of A2F's was signed with; None for every other. digest: of its curves, where it is known already."""
    signed = claimed(action)
    if action is None or signed is None or action[MARK].get("digest") != (_digest(action) if digest is None else str(digest)):
        return None
    return signed


def claimed(action: Action | None) -> str | None:
    """As :func:`identity`, without a look at the keys, which takes 0.1 s for ten minutes of speech: the artist may have edited them."""
    if action is None or action.library is not None or action.use_fake_user or MARK not in action:
        return None
    signed = action[MARK]
    return _resolved(signed["identity"]) if signed.get("name") == action.name else None


def of_file(path: Path) -> str:
    """The identity of a recording that is a file."""
    return FILE + os.path.normpath(path)


def remove_strips(animation: AnimData, uids: set[int]) -> None:
    """Take the strips that play these Actions, by session_uid, out of the NLA, and with them A2F's tracks that then hold nothing."""
    tracks: Any = animation.nla_tracks
    for track in list(tracks):
        for strip in [strip for strip in track.strips if strip.action is not None and strip.action.session_uid in uids]:
            track.strips.remove(strip)
        if len(track.strips) == 0 and track.name.startswith(PREFIX):
            tracks.remove(track)


def remove_unused(uids: set[int]) -> None:
    """Take these Actions, by session_uid, out of the file where nothing plays them."""
    for action in [action for action in bpy.data.actions if action.session_uid in uids and action.users == 0]:
        bpy.data.actions.remove(action)


def _portable(identity: str) -> str:
    """A path relative to the .blend file where that is possible, so that a project that moves keeps knowing its own recordings."""
    if not identity.startswith(FILE) or not bpy.data.filepath:
        return identity
    try:
        return FILE + bpy.path.relpath(identity.removeprefix(FILE))
    except ValueError:  # on Windows, another drive
        return identity


def _resolved(identity: str) -> str:
    return of_file(Path(bpy.path.abspath(identity.removeprefix(FILE)))) if identity.startswith(FILE) else identity


def _digest(action: Action) -> str:
    summed = Digest()
    for curve in compat.every_fcurve(action):
        summed.add(curve)
    return str(summed)


class Digest:
    """Of all that makes an Action's curves what they are, curve by curve in the Action's own order."""

    def __init__(self) -> None:
        self._summed = hashlib.sha256()

    def __str__(self) -> str:
        return self._summed.hexdigest()

    def add(self, curve: FCurve) -> None:
        """The next curve, finished."""
        summed = self._summed
        points = np.empty(2 * len(curve.keyframe_points), np.float32)
        curve.keyframe_points.foreach_get("co", points)
        kinds = np.empty(len(curve.keyframe_points), np.uint8)
        curve.keyframe_points.foreach_get("interpolation", kinds)
        if (kinds == BEZIER).any():
            handles = np.empty(2 * len(curve.keyframe_points), np.float32)
            for side in ("handle_left", "handle_right"):
                curve.keyframe_points.foreach_get(side, handles)
                summed.update(handles.tobytes())
        facts = (curve.data_path, curve.array_index, curve.mute, curve.lock, curve.extrapolation, len(curve.modifiers))
        summed.update(repr(facts).encode())
        summed.update(points.tobytes())
        summed.update(kinds.tobytes())
