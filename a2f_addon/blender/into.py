"""Keys inside an Action of the artist's: within the recording's span A2F's, outside of it the artist's, which go on playing as they did.

A frame before and a frame after the span stands a guard: a key with the value that the artist's curve had there. A Bezier that a guard parts
keeps its shape. What was there before is written down with the Action, so that a re-bake or a clear can take A2F's keys out again.

All of this is worked out on a copy of the Action, curve by curve, so that a window stays awake; the artist's own gets the finished keys in one go.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Callable, Collection, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np
from bpy.types import Action, FCurve
from numpy.typing import NDArray

from . import compat, parts
from .dna import BEZIER, FREE, LINEAR
from .parts import Interrupted, Part
from .standing import users_of

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
NEAR = 1e-3
"""Frames; keys nearer to each other are one."""

Rows = dict[str, NDArray[Any]]
Lay = Callable[[FCurve], None]
"""Fills an empty curve with keys within the span."""


@dataclass
class _Draft:
    """An Action of the artist's as it will be. before, after: by slot and data path, None where there is no curve. records: as it has them now."""

    action: int
    copy: int
    records: str | None
    before: dict[tuple[int, str], Rows | None] = field(default_factory=dict)
    after: dict[tuple[int, str], Rows | None] = field(default_factory=dict)


class Drafts:
    """Copies of the artist's Actions, which nothing plays: written in steps of a few milliseconds, and handed over in one."""

    def __init__(self, scratch: ExitStack, identities: Collection[str]) -> None:
        """scratch: takes the copies away again. identities: of the recordings that are about to be laid, all of whose earlier keys go at once."""
        self._scratch = scratch
        self._identities = identities
        self._drafts: dict[int, _Draft] = {}
        self._taken_back: set[Part] = set()

    def laying(self, part: Part, lays: Mapping[str, Lay], *, identity: str, span: tuple[float, float]) -> Iterator[None]:
        """Put a recording's keys into curves, by data path, in place of its earlier ones. Raises Interrupted where the Action is gone."""
        yield from self.taking_back(part)
        draft = self._of(part)
        yield from _noting(draft, part.slot, lays)
        yield from _laying(Part(draft.copy, part.slot), lays, identity=identity, span=span)

    def taking_back(self, part: Part) -> Iterator[None]:
        """Take the recordings' earlier keys out of a slot's curves."""
        if part in self._taken_back:
            return
        self._taken_back.add(part)
        draft = self._of(part)
        copy = Part(draft.copy, part.slot)
        standing = [each for each in records(copy.found()[0]) if each["slot"] == str(part.slot or "")]
        yield from _noting(draft, part.slot, dict.fromkeys(path for each in standing for path in each["curves"]))
        yield
        yield from _taking_back(copy, self._identities)
        yield

    def settling(self) -> Iterator[None]:
        """Take down what the artist's Actions will get, when all is laid."""
        for draft in self._drafts.values():
            for slot, path in draft.before:
                curve = _curve(Part(draft.copy, slot), path)
                draft.after[slot, path] = None if curve is None else read(curve)
                yield

    def hand_over(self, undo: ExitStack) -> None:
        """Give the artist's Actions their keys. undo: learns how to take them back. Raises Interrupted where one was changed since it was copied."""
        for draft in self._drafts.values():
            action, _ = Part(draft.action, 0).found()
            are_as_copied = all(_is_as(Part(draft.action, slot), path, rows) for (slot, path), rows in draft.before.items())
            if action.get(RECORDS) != draft.records or not are_as_copied:
                raise Interrupted
        for draft in self._drafts.values():
            for (slot, path), rows in draft.after.items():
                _put(Part(draft.action, slot), path, rows, draft.before[slot, path], undo)
            action, _ = Part(draft.action, 0).found()
            undo.callback(_set_text, action, draft.records)
            _set_text(action, Part(draft.copy, 0).found()[0].get(RECORDS))
            action.update_tag()
        self._drafts.clear()

    def _of(self, part: Part) -> _Draft:
        if part.action not in self._drafts:
            action, _ = part.found()
            copy = action.copy()
            copy.use_fake_user = False
            self._scratch.callback(parts.remove_action, copy.session_uid)
            self._drafts[part.action] = _Draft(part.action, copy.session_uid, action.get(RECORDS))
        return self._drafts[part.action]


def _noting(draft: _Draft, slot: int, paths: Iterable[str]) -> Iterator[None]:
    """Take down what curves hold before anything is laid into them."""
    for path in [path for path in paths if (slot, path) not in draft.before]:
        curve = _curve(Part(draft.copy, slot), path)
        draft.before[slot, path] = None if curve is None else read(curve)
        yield


def _is_as(part: Part, path: str, rows: Rows | None) -> bool:
    curve = _curve(part, path)
    return rows is None if curve is None else _is_same(read(curve), rows)


def _is_same(one: Rows | None, other: Rows | None) -> bool:
    return one is other if one is None or other is None else all(one[name].tobytes() == other[name].tobytes() for name in FACTS)


def _put(part: Part, path: str, rows: Rows | None, before: Rows | None, undo: ExitStack) -> None:
    if _is_same(rows, before):
        return
    action, slot = part.found()
    curve = _curve(part, path)
    if curve is None or before is None:
        undo.callback(compat.remove_fcurve, action, slot, path)
        curve = compat.new_fcurve(action, slot, path)
    else:
        undo.callback(_restore, action, slot, path, before, curve.extrapolation)
    if rows is None:
        compat.remove_fcurve(action, slot, path)
    else:
        _replace_exactly(curve, rows)


def _curve(part: Part, path: str) -> FCurve | None:
    return next((curve for curve in compat.fcurves(*part.found()) if curve.data_path == path), None)


def _laying(part: Part, lays: Mapping[str, Lay], *, identity: str, span: tuple[float, float]) -> Iterator[None]:
    """Put keys into curves, and write down what was there."""
    first, last = span
    action, slot = part.found()
    record: dict[str, Any] = {"identity": identity, "slot": _slot_name(slot), "first": first - 1, "last": last + 1, "curves": {}}
    made = {path for each in records(action) if each["slot"] == record["slot"] for path, facts in each["curves"].items() if facts["made"]}
    for path, lay in lays.items():
        curve = _curve(part, path)
        old = None if curve is None else read(curve)
        if curve is None:
            curve = compat.new_fcurve(*part.found(), path)
        kept = None if old is None else _guarded(curve, old, first, last)
        curve.keyframe_points.clear()
        lay(curve)
        if kept is not None:
            replace(curve, _merged(kept, read(curve)))
        facts = {"old": None if old is None else _packed(_around(old, first - 1, last + 1)), "digest": _digest(curve, first, last)}
        record["curves"][path] = facts | {"made": old is None or path in made}
        yield
    action, _ = part.found()
    _set_records(action, [*records(action), record])
    yield


def records(action: Action) -> list[dict[str, Any]]:
    """What A2F has written into this Action."""
    return json.loads(action.get(RECORDS, "[]"))


def take_back(action: Action, slot: compat.Slot) -> list[str]:
    """Take A2F's keys of every recording out of a slot's curves, and put back what they replaced.

    Returns the data paths of curves that somebody edited since, which are left as they are.
    """
    return parts.whole(_taking_back(parts.part(action, slot), None))


def _taking_back(part: Part, identities: Collection[str] | None) -> Generator[None, None, list[str]]:
    """Take A2F's keys of some recordings, or of all with None, out; see :func:`take_back`.

    Keys of another recording that were laid over these are lifted off first and laid again.
    """
    action, slot = part.found()
    standing = records(action)
    going = _above(standing, [number for number, each in enumerate(standing) if each["slot"] == _slot_name(slot)], identities)
    if not going:
        return []
    edited: list[str] = []
    lifted: list[tuple[dict[str, Any], dict[str, Lay]]] = []
    for number in reversed(going):
        record = standing[number]
        taken = yield from _lifting(part, record)
        if identities is None or record["identity"] in identities:
            edited += [path for path, rows in taken.items() if rows is None]
        else:
            lifted.append((record, {path: partial(replace, rows=rows) for path, rows in taken.items() if rows is not None}))
    action, _ = part.found()
    _set_records(action, [each for number, each in enumerate(standing) if number not in going])
    for record, lays in reversed([each for each in lifted if each[1]]):
        yield from _laying(part, lays, identity=record["identity"], span=(record["first"] + 1, record["last"] - 1))
    return edited


def _above(standing: Sequence[dict[str, Any]], here: Sequence[int], identities: Collection[str] | None) -> list[int]:
    """Which records have to be taken back for recordings, oldest first: their own, and those laid later over one of these or over what it bent."""
    going: dict[int, tuple[float, float]] = {}
    for number in here:
        low, high = reach = _reach(standing[number])
        touches = any(low <= other_high + NEAR and other_low <= high + NEAR for other_low, other_high in going.values())
        if identities is None or standing[number]["identity"] in identities or touches:
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


def parts_of(owner: Any) -> list[Part]:
    """The Actions of the artist's that a datablock plays and that have keys of A2F's in them, each with its slot."""
    animation = owner.animation_data
    users = [] if animation is None else users_of(animation)
    there = [user for user in users if user.action is not None and user.action.library is None and records(user.action)]
    return list(dict.fromkeys(parts.part(user.action, compat.slot_of(user)) for user in there))


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
    _replace_exactly(curve, rows)
    curve.update()


def _replace_exactly(curve: FCurve, rows: Rows) -> None:
    """Keys as they were read from a finished curve: Blender would turn their handles by a rounding again."""
    points = curve.keyframe_points
    points.clear()
    points.add(len(rows["co"]))
    for name in FACTS:
        points.foreach_set(name, np.ascontiguousarray(rows[name]).ravel())


def _lifting(part: Part, record: dict[str, Any]) -> Generator[None, None, dict[str, Rows | None]]:
    """Take a record's keys out: what they were by data path, or None for a curve that somebody edited since and that is left as it is."""
    taken: dict[str, Rows | None] = {}
    for path, facts in record["curves"].items():
        curve = _curve(part, path)
        if curve is None:
            continue
        first, last = record["first"] + 1, record["last"] - 1
        if facts["digest"] != _digest(curve, first, last):
            taken[path] = None
            continue
        now = read(curve)
        taken[path] = _inside(now, first, last)
        rows = _without(now, record, None if facts["old"] is None else _unpacked(facts["old"]))
        if facts["made"] and not len(rows["co"]):
            compat.remove_fcurve(*part.found(), path)
        else:
            replace(curve, rows)
        yield
    return taken


def _without(now: Rows, record: Mapping[str, Any], old: Rows | None) -> Rows:
    """A curve's keys with the artist's in place of a record's. old: what the artist had there, None where A2F made the curve."""
    outside = _where(now, (now["co"][:, 0] < record["first"] - NEAR) | (now["co"][:, 0] > record["last"] + NEAR))
    return _merged(_with_old_handles(outside, old, record["first"], record["last"]), _inside(old, record["first"], record["last"]))


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


def _around(rows: Rows, first: float, last: float) -> Rows:
    """The keys of a span and the next on either side, whose handles a guard bends."""
    x = rows["co"][:, 0]
    begin, end = np.searchsorted(x, first - NEAR), np.searchsorted(x, last + NEAR, side="right")
    return {name: values[max(begin - 1, 0) : end + 1] for name, values in rows.items()}


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


def _set_records(action: Action, found: list[dict[str, Any]]) -> None:
    _set_text(action, json.dumps(found) if found else None)


def _set_text(action: Action, text: str | None) -> None:
    if text is not None:
        action[RECORDS] = text
    elif action.get(RECORDS) is not None:
        del action[RECORDS]


def _restore(action: Action, slot: compat.Slot, path: str, rows: Rows, extrapolation: Any) -> None:
    curve = next((curve for curve in compat.fcurves(action, slot) if curve.data_path == path), None)
    if curve is None:
        curve = compat.new_fcurve(action, slot, path)
        curve.extrapolation = extrapolation
    _replace_exactly(curve, rows)


def _slot_name(slot: compat.Slot) -> str:
    """What a slot is known by, also once it was renamed."""
    return "" if slot is None else str(slot.handle)
