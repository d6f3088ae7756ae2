"""Keys inside an Action of the artist's: within the recording's span A2F's, outside of it the artist's, which go on playing as they did.

A frame before and a frame after the span stands a guard: a key with the value that the artist's curve had there. A Bezier that a guard parts
keeps its shape. What was there before is written down with the Action, so that a re-bake or a clear can take A2F's keys out again.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import ExitStack
from functools import partial
from typing import Any

import numpy as np
from bpy.types import Action, FCurve
from numpy.typing import NDArray

from ..face.keys import CurveKeys
from ..face.retarget import Recipe
from . import compat
from .standing import clips
from .targets import Target

RECORDS = "a2f_into"
"""The custom property of an Action with A2F's keys in it: a JSON list, a record for each recording and datablock."""

FACTS = {
    "co": (2, np.float32),
    "handle_left": (2, np.float32),
    "handle_right": (2, np.float32),
    "interpolation": (1, np.uint8),
    "handle_left_type": (1, np.uint8),
    "handle_right_type": (1, np.uint8),
    "easing": (1, np.uint8),
    "type": (1, np.uint8),
    "back": (1, np.float32),
    "amplitude": (1, np.float32),
    "period": (1, np.float32),
}
"""All that a key is, with how many numbers and of which kind."""
BEZIER, LINEAR, FREE = 2, 1, 0
NEAR = 1e-3
"""Frames; keys nearer to each other are one."""

Rows = dict[str, NDArray[Any]]
Fill = Callable[[FCurve, CurveKeys, NDArray[np.float64]], None]
Lay = Callable[[FCurve], None]


def write(
    part: tuple[Action, compat.Slot],
    target: Target,
    keys_of: Mapping[Recipe, CurveKeys],
    frames: NDArray[np.float64],
    *,
    identity: str,
    fill: Fill,
    undo: ExitStack,
) -> Action:
    """Key the target's channels in this Action within the span of the frames. The undo stack learns how to take everything back."""
    action, slot = part
    take_back(action, slot, identity=identity, undo=undo)

    def lay(takes: Recipe) -> Lay:
        return lambda curve: fill(curve, keys_of[takes], frames)

    lays = {each.data_path: lay(each.takes) for each in target.face.channels}
    _lay(action, slot, lays, identity=identity, span=(float(frames[0]), float(frames[-1])), undo=undo)
    return action


def _lay(action: Action, slot: compat.Slot, lays: Mapping[str, Lay], *, identity: str, span: tuple[float, float], undo: ExitStack) -> None:
    """Put keys into curves, by data path, and write down what was there. Lay: fills an empty curve with keys within the span."""
    there = {curve.data_path: curve for curve in compat.fcurves(action, slot)}
    first, last = span
    record: dict[str, Any] = {"identity": identity, "slot": _slot_name(slot), "first": first - 1, "last": last + 1, "curves": {}}
    made = {path for each in records(action) if each["slot"] == record["slot"] for path, facts in each["curves"].items() if facts["made"]}
    for path, lay in lays.items():
        curve = there.get(path)
        old = None if curve is None else read(curve)
        if curve is None:
            curve = compat.new_fcurve(action, slot, path)
            undo.callback(_remove_curve, action, slot, path)
        else:
            undo.callback(_restore, action, slot, path, old, curve.extrapolation)
        kept = None if old is None else _guarded(curve, old, first, last)
        curve.keyframe_points.clear()
        lay(curve)
        if kept is not None:
            replace(curve, _merged(kept, read(curve)))
        facts = {"old": None if old is None else _packed(old), "digest": _digest(curve, first, last)}
        record["curves"][path] = facts | {"made": old is None or path in made}
    _put_records(action, [*records(action), record], undo)


def records(action: Action) -> list[dict[str, Any]]:
    """What A2F has written into this Action."""
    return json.loads(action.get(RECORDS, "[]"))


def take_back(action: Action, slot: compat.Slot, *, identity: str | None, undo: ExitStack) -> list[str]:
    """Take A2F's keys of a recording, or of all with None, out of a slot's curves, and put back what they replaced.

    Keys of another recording that were laid over these are lifted off first and laid again. Returns the data paths of curves that somebody edited
    since, which are left as they are.
    """
    standing = records(action)
    going = _above(standing, [number for number, each in enumerate(standing) if each["slot"] == _slot_name(slot)], identity)
    if not going:
        return []
    edited: list[str] = []
    lifted: list[tuple[dict[str, Any], dict[str, Lay]]] = []
    for number in reversed(going):
        record = standing[number]
        there = {curve.data_path: curve for curve in compat.fcurves(action, slot)}
        span = record["first"] + 1, record["last"] - 1
        own = {path: _inside(read(there[path]), *span) for path in record["curves"] if path in there}
        theirs = list(_take_back(action, slot, record, undo))
        if identity is None or record["identity"] == identity:
            edited += theirs
        else:
            lifted.append((record, {path: partial(replace, rows=rows) for path, rows in own.items() if path not in theirs}))
    _put_records(action, [each for number, each in enumerate(standing) if number not in going], undo)
    for record, lays in reversed([each for each in lifted if each[1]]):
        _lay(action, slot, lays, identity=record["identity"], span=(record["first"] + 1, record["last"] - 1), undo=undo)
    return edited


def _above(standing: Sequence[dict[str, Any]], here: Sequence[int], identity: str | None) -> list[int]:
    """Which records have to be taken back for a recording, oldest first: its own, and those laid later over one of these or over what it bent."""
    going: dict[int, tuple[float, float]] = {}
    for number in here:
        low, high = reach = _reach(standing[number])
        touches = any(low <= other_high + NEAR and other_low <= high + NEAR for other_low, other_high in going.values())
        if identity is None or standing[number]["identity"] == identity or touches:
            going[number] = reach
    return list(going)


def _reach(record: dict[str, Any]) -> tuple[float, float]:
    """How far the guards of a record bend what was there: to the next key on either side."""
    low, high = float(record["first"]), float(record["last"])
    for facts in record["curves"].values():
        if not facts["made"]:
            x = _unpacked(facts["old"])["co"][:, 0]
            before, after = x[x <= record["first"] + NEAR], x[x >= record["last"] - NEAR]
            low = min(low, float(before[-1]) if len(before) else -np.inf)
            high = max(high, float(after[0]) if len(after) else np.inf)
    return low, high


def take_back_everywhere(owner: Any, identity: str, undo: ExitStack, *, but: Sequence[Action]) -> None:
    """Take A2F's keys of a recording out of every Action that a datablock plays, but these."""
    animation = owner.animation_data
    if animation is None:
        return
    for user in (animation, *(strip for track in animation.nla_tracks for strip in clips(track.strips))):
        action = user.action
        if action is not None and action.library is None and action not in but and records(action):
            take_back(action, compat.slot_of(user), identity=identity, undo=undo)


def read(curve: FCurve) -> Rows:
    """Every key of a curve."""
    rows: Rows = {}
    for name, (width, kind) in FACTS.items():
        values = np.empty(len(curve.keyframe_points) * width, kind)
        curve.keyframe_points.foreach_get(name, values)
        rows[name] = values.reshape(-1, width) if width > 1 else values
    return rows


def replace(curve: FCurve, rows: Rows) -> None:
    """These keys in place of all that there are."""
    points = curve.keyframe_points
    points.clear()
    points.add(len(rows["co"]))
    for name in FACTS:
        points.foreach_set(name, np.ascontiguousarray(rows[name]).ravel())
    curve.update()


def _take_back(action: Action, slot: compat.Slot, record: dict[str, Any], undo: ExitStack) -> Iterable[str]:
    there = {curve.data_path: curve for curve in compat.fcurves(action, slot)}
    for path, facts in record["curves"].items():
        curve = there.get(path)
        if curve is None:
            continue
        if facts["digest"] != _digest(curve, record["first"] + 1, record["last"] - 1):
            yield path
            continue
        now = read(curve)
        undo.callback(_restore, action, slot, path, now, curve.extrapolation)
        old = None if facts["old"] is None else _unpacked(facts["old"])
        outside = _where(now, (now["co"][:, 0] < record["first"] - NEAR) | (now["co"][:, 0] > record["last"] + NEAR))
        rows = _merged(_with_old_handles(outside, old, record["first"], record["last"]), _inside(old, record["first"], record["last"]))
        if facts["made"] and not len(rows["co"]):
            _remove_curve(action, slot, path)
        else:
            replace(curve, rows)


def _guarded(curve: FCurve, old: Rows, first: float, last: float) -> Rows:
    """The artist's keys outside of the span, with a guard at either side of it."""
    rows = {name: values.copy() for name, values in old.items()}
    if len(rows["co"]):
        ends = (float(rows["co"][0, 0]), float(rows["co"][-1, 0]))
        for frame in (first - 1, last + 1):
            rows = _parted(curve, rows, frame, ends, is_after=frame > last)
    x = rows["co"][:, 0]
    rows = _where(rows, (x < first - NEAR) | (x > last + NEAR))
    before = np.flatnonzero(rows["co"][:, 0] < first)
    if len(before) > 1:
        rows["interpolation"][before[-1]] = LINEAR  # from the guard to A2F's first key
    return rows


def _parted(curve: FCurve, rows: Rows, frame: float, ends: tuple[float, float], *, is_after: bool) -> Rows:
    """A key at this frame, before or after the span, that leaves the curve's shape on its far side as it is. ends: where the artist's keys do."""
    x = rows["co"][:, 0]
    if (np.abs(x - frame) < NEAR).any():
        return rows
    place = int(np.searchsorted(x, frame))
    value = curve.evaluate(frame)
    new = {name: values[max(place - 1, 0)].copy() for name, values in rows.items()}
    new["co"] = np.array([frame, value], np.float32)
    new["handle_left_type"] = new["handle_right_type"] = np.uint8(FREE)
    for side in ("handle_left_type", "handle_right_type"):
        rows[side][max(place - 1, 0) : place + 1] = FREE  # a new neighbour would turn handles that Blender sets
    if ends[0] < frame < ends[1] and rows["interpolation"][place - 1] == BEZIER:
        left, right = _halves(rows, place, frame)
        rows["handle_right"][place - 1], new["handle_left"] = left[1], left[2]
        new["handle_right"], rows["handle_left"][place] = right[1], right[2]
    else:
        slope = curve.evaluate(frame + 1) - value if frame < ends[0] else value - curve.evaluate(frame - 1)
        new["handle_left"] = np.array([frame - 0.3, value - 0.3 * slope], np.float32)
        new["handle_right"] = np.array([frame + 0.3, value + 0.3 * slope], np.float32)
    # Where there were no keys the curve ran straight on, and at its ends it does so as the handles of a Bezier key point.
    if frame < ends[0]:
        new["interpolation"] = np.uint8(LINEAR if is_after else BEZIER)
    elif frame > ends[1]:
        new["interpolation"] = np.uint8(BEZIER)
        if not is_after:
            rows["interpolation"][place - 1] = LINEAR
    return {name: np.insert(values, place, new[name], axis=0) for name, values in rows.items()}


def _halves(rows: Rows, place: int, frame: float) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """The Bezier piece before this key, parted at a frame (de Casteljau)."""
    names = (("co", place - 1), ("handle_right", place - 1), ("handle_left", place), ("co", place))
    points = np.array([rows[name][row] for name, row in names], np.float64)
    points = _shortened(points)
    low, high = 0.0, 1.0
    for _ in range(60):
        middle = (low + high) / 2
        low, high = (middle, high) if _at(points, middle)[-1][0, 0] < frame else (low, middle)
    levels = _at(points, (low + high) / 2)
    return np.array([level[0] for level in levels]), np.array([level[-1] for level in reversed(levels)])


def _shortened(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """As BKE_fcurve_correct_bezpart in Blender's source: handles that together reach further than the piece are shortened alike."""
    span = points[3, 0] - points[0, 0]
    reach = abs(points[0, 0] - points[1, 0]) + abs(points[3, 0] - points[2, 0])
    if reach > span:
        points[1] = points[0] + (points[1] - points[0]) * span / reach
        points[2] = points[3] + (points[2] - points[3]) * span / reach
    return points


def _at(points: NDArray[np.float64], u: float) -> list[NDArray[np.float64]]:
    levels = [points]
    while len(levels[-1]) > 1:
        levels.append(levels[-1][:-1] * (1 - u) + levels[-1][1:] * u)
    return levels


def _with_old_handles(outside: Rows, old: Rows | None, first: float, last: float) -> Rows:
    """Guards bent the handles of the keys next to them; where the artist has not moved these, they get their own back."""
    if old is None:
        return outside
    x = outside["co"][:, 0]
    for row in {*np.flatnonzero(x < first)[-1:], *np.flatnonzero(x > last)[:1]}:
        point = outside["co"][row]
        same = np.flatnonzero(np.abs(old["co"] - point).max(axis=1) < NEAR)
        if len(same):
            for name in FACTS:
                outside[name][row] = old[name][same[0]]
    return outside


def _inside(old: Rows | None, first: float, last: float) -> Rows:
    if old is None:
        return {name: np.empty((0, width) if width > 1 else 0, kind) for name, (width, kind) in FACTS.items()}
    x = old["co"][:, 0]
    return _where(old, (x >= first - NEAR) & (x <= last + NEAR))


def _where(rows: Rows, mask: NDArray[np.bool_]) -> Rows:
    return {name: values[mask] for name, values in rows.items()}


def _merged(one: Rows, other: Rows) -> Rows:
    rows = {name: np.concatenate((one[name], other[name])) for name in FACTS}
    order = np.argsort(rows["co"][:, 0], kind="stable")
    return {name: values[order] for name, values in rows.items()}


def _digest(curve: FCurve, first: float, last: float) -> str:
    rows = read(curve)
    inside = _inside(rows, first, last)
    bent = np.flatnonzero(inside["interpolation"] == BEZIER)
    # The handles at the two ends belong to the guards' pieces too.
    handles = [inside["handle_right"][bent[bent < len(inside["co"]) - 1]], inside["handle_left"][bent[bent > 0]]]
    return hashlib.sha256(b"".join(each.tobytes() for each in (inside["co"], inside["interpolation"], *handles))).hexdigest()


def _packed(rows: Rows) -> dict[str, str]:
    return {name: base64.b64encode(np.ascontiguousarray(values).tobytes()).decode() for name, values in rows.items()}


def _unpacked(packed: dict[str, str]) -> Rows:
    rows: Rows = {}
    for name, (width, kind) in FACTS.items():
        values = np.frombuffer(base64.b64decode(packed[name]), kind)
        rows[name] = values.reshape(-1, width) if width > 1 else values
    return rows


def _put_records(action: Action, found: list[dict[str, Any]], undo: ExitStack) -> None:
    undo.callback(_set_records, action, records(action))
    _set_records(action, found)


def _set_records(action: Action, found: list[dict[str, Any]]) -> None:
    if found:
        action[RECORDS] = json.dumps(found)
    elif action.get(RECORDS) is not None:
        del action[RECORDS]


def _restore(action: Action, slot: compat.Slot, path: str, rows: Rows | None, extrapolation: Any) -> None:
    curve = next((curve for curve in compat.fcurves(action, slot) if curve.data_path == path), None)
    if curve is None:
        curve = compat.new_fcurve(action, slot, path)
    curve.extrapolation = extrapolation
    if rows is not None:
        replace(curve, rows)


def _remove_curve(action: Action, slot: compat.Slot, path: str) -> None:
    compat.remove_fcurve(action, slot, path)


def _slot_name(slot: compat.Slot) -> str:
    """What a slot is known by, also once it was renamed."""
    return "" if slot is None else str(slot.handle)
