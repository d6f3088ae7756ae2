"""What plays on a Key before a bake, whose it is, and how it has to lie in the NLA to go on playing just so beneath the new Action."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import bpy
from bpy.types import Action, AnimData, Depsgraph, FCurve, Scene

from . import compat, ownership

MARGIN_FRAMES = 10_000
"""How far a strip that stands for an endless Action reaches beyond its keys and the scene."""


@dataclass(frozen=True)
class Layer:
    """An Action that goes on playing as an NLA strip; start and end are frames, of the Action and of the scene alike."""

    name: str
    start: float
    end: float
    extrapolation: Any
    blend_type: Any = "REPLACE"
    influence: float = 1.0


@dataclass(frozen=True)
class Way:
    """Where a face's keys go, and what becomes of the Action that it plays.

    place: "NEW", a new Action; "STRIP", a new NLA strip; "INTO", the Action that plays.
    beneath: how that Action has to lie below the new keys, None where it stays or goes.
    displaced: it is A2F's own and makes room for a strip. settled: it stays above a strip, having played alone so far.
    pushes_artists: it is the artist's and loses its place.
    """

    place: str
    beneath: Layer | None = None
    displaced: bool = False
    settled: bool = False
    pushes_artists: bool = False


class Owners:
    """Whose each Action is, asked of every Action once: to know takes a look at all of its keys."""

    def __init__(self, *, at_a_glance: bool = False) -> None:
        """at_a_glance: believe the mark, where nothing is going to be changed."""
        self._ask = ownership.claimed if at_a_glance else ownership.identity
        self._known: dict[int, str | None] = {}
        self._edited: set[int] = set()

    def learn(self) -> Iterator[None]:
        """Ask of every Action, curve by curve, in steps of a few milliseconds; within :meth:`watching`, for it may be edited between two of them."""
        for uid in [action.session_uid for action in bpy.data.actions if ownership.claimed(action) is not None]:
            summed, number = ownership.Digest(), 0
            while (action := next((action for action in bpy.data.actions if action.session_uid == uid), None)) is not None:
                curves = compat.every_fcurve(action)
                if uid in self._edited:
                    self._edited.discard(uid)
                    summed, number = ownership.Digest(), 0
                if number >= len(curves):
                    self._known[uid] = ownership.identity(action, summed)
                    break
                summed.add(curves[number])
                number += 1
                yield

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Forget of each Action what was known when it is edited, for as long as the block lasts."""

        def note(scene: Scene, graph: Depsgraph) -> None:
            for update in graph.updates:
                changed = update.id.original if update.id is not None else None
                if isinstance(changed, Action):
                    self._edited.add(changed.session_uid)
                    self._known.pop(changed.session_uid, None)

        handlers = bpy.app.handlers.depsgraph_update_post
        handlers.append(note)
        try:
            yield
        finally:
            if note in handlers:  # a file that is loaded takes it away
                handlers.remove(note)

    def believe(self, action: Action) -> None:
        """Take over what an Action that was signed a moment ago says of itself."""
        self._known[action.session_uid] = ownership.claimed(action)

    def identity(self, action: Action | None) -> str | None:
        """As :func:`ownership.identity`."""
        if action is None:
            return None
        if action.session_uid not in self._known:
            self._known[action.session_uid] = self._ask(action)
        return self._known[action.session_uid]


class Standing:
    """What plays on a Key before the bake: its Action and its strips, A2F's own told from the artist's."""

    def __init__(self, animation: AnimData, *, identity: str, owners: Owners) -> None:
        self.animation = animation
        self.action_identity = owners.identity(animation.action)
        self.is_outdated = self.action_identity == identity
        self.strips = [(strip, owners.identity(strip.action)) for strip in audible_strips(animation)]
        self.outdated = tuple(dict.fromkeys(user.action.session_uid for user in users_of(animation) if owners.identity(user.action) == identity))
        self.resting = {path for strip, owner in self.strips if owner == ownership.REST for path in paths(strip)}
        self._identity = identity

    def artists_paths(self, *, silenced: bool) -> dict[str, str]:
        """The data paths that the artist's own Actions move, each with the name of the Action."""
        found: dict[str, str] = {}
        if self.animation.action is not None and self.action_identity is None:
            found |= dict.fromkeys(paths(self.animation), self.animation.action.name)
        for strip, owner in [] if silenced else self.strips:
            if owner is None:
                found |= dict.fromkeys(paths(strip), strip.action.name)
        return found

    def every_path(self, *, silenced: bool) -> set[str]:
        """The data paths that anything moves which will still be there."""
        users: list[Any] = [] if self.is_outdated else [self.animation]
        users += [strip for strip, owner in self.strips if not silenced and owner != self._identity]
        return {path for user in users for path in paths(user)}


def users_of(animation: AnimData) -> list[Any]:
    """What may play an Action on a datablock: its AnimData, and every strip of its NLA that has one, those inside of metastrips included."""
    return [animation, *(strip for track in animation.nla_tracks for strip in clips(track.strips))]


def audible_strips(animation: AnimData) -> list[Any]:
    """The strips that play, those inside of metastrips included."""
    if not animation.use_nla:
        return []
    return [strip for track in animation.nla_tracks if not track.mute for strip in clips(track.strips, audible=True)]


def clips(strips: Iterable[Any], *, audible: bool = False) -> Iterator[Any]:
    """The strips that play an Action, those inside of metastrips included."""
    for strip in strips:
        if audible and strip.mute:
            continue
        if strip.type == "META":
            yield from clips(strip.strips, audible=audible)
        elif strip.action is not None:
            yield strip


def standing_curves(user: Any) -> list[FCurve]:
    """What an AnimData or a strip plays."""
    return compat.fcurves(user.action, compat.slot_of(user))


def paths(user: Any) -> set[str]:
    """The data paths that an AnimData or a strip plays."""
    return {curve.data_path for curve in standing_curves(user) if not curve.mute}


def track_paths(track: Any) -> set[str]:
    """The data paths that a track moves, or would if it were heard."""
    return {path for strip in clips(track.strips) for path in paths(strip)}


def way(animation: AnimData, standing: Standing, scene: Scene, *, place: str, own: set[str]) -> Way:
    """How keys on the paths `own` come to play as asked."""
    action, artists = animation.action, standing.action_identity is None
    if action is None or standing.is_outdated:
        return Way("STRIP" if place == "STRIP" else "NEW", displaced=action is not None)
    if place == "INTO" and artists:
        return Way("INTO")
    if place == "STRIP" and not (own & paths(animation)):
        return Way("STRIP", settled=not strips_count(animation))
    return Way("NEW" if place == "INTO" else place, beneath=layer(animation, standing, scene), pushes_artists=artists, displaced=True)


def strips_count(animation: AnimData) -> bool:
    """Whether the settings beside the Action mean anything."""
    return animation.use_nla and any(not track.mute and len(track.strips) for track in animation.nla_tracks)


def layer(animation: AnimData, standing: Standing, scene: Scene) -> Layer | None:
    """How the Key's Action has to lie in the NLA to go on exactly as it plays now.

    With strips about, Blender plays the Action as the settings beside it say; without, they mean nothing, and it plays whole and for ever.
    """
    action, curves = animation.action, standing_curves(animation)
    if action is None or not curves:
        return None
    start, end = _span(curves)
    endless = (min(start, scene.frame_start) - MARGIN_FRAMES, max(end, scene.frame_end) + MARGIN_FRAMES)
    if standing.action_identity is not None:
        return Layer(action.name, start, end, "NOTHING")
    if not strips_count(animation):
        stays_put = len(animation.nla_tracks) == 0 and all(_is_constant_outside(curve) for curve in curves)
        return Layer(action.name, *((start, end) if stays_put else endless), "HOLD")
    played = _span(compat.every_fcurve(action), within=endless)
    spans = {"NOTHING": played, "HOLD": endless, "HOLD_FORWARD": (played[0], endless[1])}
    return Layer(
        action.name,
        *spans[animation.action_extrapolation],
        animation.action_extrapolation,
        animation.action_blend_type,
        animation.action_influence,
    )


def _span(curves: Iterable[FCurve], *, within: tuple[float, float] | None = None) -> tuple[float, float]:
    """The first and the last frame of the keys; with ``within``, that far where a modifier carries a curve beyond its keys."""
    keyed = [curve for curve in curves if not curve.is_empty]
    spans = [_key_span(curve) if within is None else _modified_span(curve, within) for curve in keyed] or [(0.0, 1.0)]
    start, end = min(low for low, _ in spans), max(high for _, high in spans)
    return start, max(end, start + 1.0)  # a strip cannot be shorter than a frame


def _key_span(curve: FCurve) -> tuple[float, float]:
    span = curve.range()
    return span[0], span[1]


def _modified_span(curve: FCurve, endless: tuple[float, float]) -> tuple[float, float]:
    """As Action::get_frame_range_of_keys in Blender's source, which asks the last modifier alone."""
    low, high = _key_span(curve)
    last: Any = curve.modifiers[-1] if len(curve.modifiers) else None
    if last is None:
        return low, high
    if last.type == "LIMITS":
        return min(low, last.min_x if last.use_min_x else low), max(high, last.max_x if last.use_max_x else high)
    if last.type == "CYCLES":
        return low if last.mode_before == "NONE" else endless[0], high if last.mode_after == "NONE" else endless[1]
    return endless


def _is_constant_outside(curve: FCurve) -> bool:
    return curve.extrapolation == "CONSTANT" and len(curve.modifiers) == 0 and len(curve.keyframe_points) > 0
