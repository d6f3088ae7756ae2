"""Which shape keys and custom properties will be keyed, and what becomes of the animation that is there.

It is decided here, once, as plain data, before anything is changed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import bpy
from bpy.types import AnimData, Context, FCurve, Key, Object, Scene

from .. import rigs
from ..errors import TargetError
from ..face import retarget
from ..face.curves import FaceCurves, Floats
from ..face.matching import nearest
from ..face.retarget import Recipe
from . import compat, ownership
from .standing import Owners, Standing, Way, standing_curves, strips_count, track_paths, way

PROPERTIES_AT_LEAST = 3
"""Fewer custom properties with names of the face, and no jaw among them, are taken for something else."""

Reach = Mapping[Recipe, tuple[float, float]]
"""The lowest and the highest value of what a recipe gives."""
NO_FACE = "Select a face with ARKit shape keys (jawOpen, mouthClose and so on)."


@dataclass(frozen=True)
class Channel:
    """A shape key or a property and the curves that it takes, each as often as its weight says. low, high: how far its slider goes."""

    takes: Recipe
    shape: str
    data_path: str
    low: float
    high: float


@dataclass(frozen=True)
class Face:
    """A Key with face shapes, or an object or armature with custom properties of such names, that drivers read.

    uid: its session_uid. object: the name of an object that shows it. driven: shapes that a driver moves, and no key can.
    passed_over: shapes whose names fit less well than another's. rig: the naming that was recognised. is_rig: custom properties.
    """

    uid: int
    object: str
    channels: tuple[Channel, ...]
    driven: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()
    rig: str = ""
    is_rig: bool = False


class Place(NamedTuple):
    """A value that can be keyed. path: from its owner. low, high: what Blender cuts it off at."""

    path: str
    low: float
    high: float


@dataclass(frozen=True, kw_only=True)
class Target(Way):
    """What is written on one Key, and the way that it goes.

    rest: channels that are held at 0 while no recording plays.
    extrapolation: of the new Action. silenced: its NLA is switched off, and stays unheard track by track.
    outdated: session_uids of A2F's own earlier results of the same recording.
    """

    face: Face
    rest: tuple[Channel, ...] = ()
    extrapolation: Any = "HOLD"
    silenced: bool = False
    outdated: tuple[int, ...] = ()


@dataclass(frozen=True)
class Plan:
    """All that a bake will do. warnings: whole sentences, for the artist."""

    action_name: str
    identity: str
    targets: tuple[Target, ...]
    warnings: tuple[str, ...]


def family(asked: Iterable[Object], scene: Scene) -> list[Object]:
    """These objects, first, and what belongs to them of the scene's meshes with shape keys and of its control rigs, once each.

    Together belong the objects beneath one armature or deformed by it, or without an armature those of one parent, and what hangs below an object.
    """
    asked = list(asked)
    roots = {root for each in asked for root in (each, _armature(each) or each.parent) if root is not None}
    fellows = [each for each in scene.objects if (shape_keys(each) or _is_rig(each)) and not roots.isdisjoint(_belongs_to(each))]
    return list(dict.fromkeys([*asked, *fellows]))


def faces(objects: Iterable[Object]) -> list[Face]:
    """The datablocks of these objects that have face shapes or properties, each once. Nothing is checked; quick enough to be drawn."""
    found: dict[int, Face] = {}
    for each in objects:
        for owner in owners(each):
            if owner.session_uid not in found:
                face = _face(owner, each.name)
                if face.channels or face.driven:
                    found[owner.session_uid] = face
    return _without_idle_meshes(list(found.values()))


def _without_idle_meshes(found: list[Face]) -> list[Face]:
    """A mesh whose every shape has a driver is moved by the control rig that is keyed, and no problem."""
    if not any(face.is_rig for face in found):
        return found
    return [face for face in found if face.channels]


def shape_keys(owner: Object) -> Key | None:
    """The Key of a mesh object."""
    return owner.data.shape_keys if owner.type == "MESH" else None  # type: ignore[union-attr]


def owners(each: Object) -> list[Any]:
    """What of an object can hold a face: its Key, itself and, where it is a rig, its armature."""
    key = shape_keys(each)
    owners: list[Any] = [key] if key is not None else []
    if _is_rig(each):
        owners += [each, *([each.data] if each.type == "ARMATURE" else [])]
    return owners


def _is_rig(each: Object) -> bool:
    """Whether there are custom properties on an object, its armature or its bones; most have none."""
    if each.keys():
        return True
    bones = each.pose.bones if each.pose is not None else ()
    return each.type == "ARMATURE" and (bool(each.data.keys()) or any(bone.keys() for bone in bones))  # type: ignore[union-attr]


def places(owner: Any) -> dict[str, Place]:
    """What of a datablock can be keyed, by the artist's name for it: shape keys, or custom properties that are single numbers with a fraction."""
    if isinstance(owner, Key):
        return {each.name: Place(each.path_from_id("value"), each.slider_min, each.slider_max) for each in owner.key_blocks}
    holders = [("", owner), *((each.path_from_id(), each) for each in getattr(getattr(owner, "pose", None), "bones", ()))]
    found: dict[str, Place] = {}
    for path, holder in holders:
        for name in list(holder.keys()):
            if name not in found and isinstance(holder[name], float):
                limits = holder.id_properties_ui(name).as_dict()
                found[name] = Place(f'{path}["{bpy.utils.escape_identifier(name)}"]', limits["min"], limits["max"])
    return found


def put(owner: Any, path: str, value: float) -> None:
    """Set what a place's path leads to. Raises ValueError, KeyError or AttributeError where that is gone."""
    if not path.endswith('"]'):
        holder, _, name = path.rpartition(".")
        setattr(owner.path_resolve(holder), name, value)
        return
    # Within the name of a property every quotation mark stands behind a stroke.
    holder, _, name = path.removesuffix('"]').rpartition('["')
    properties, name = owner.path_resolve(holder) if holder else owner, bpy.utils.unescape_identifier(name)
    if name not in properties:
        raise KeyError(name)
    properties[name] = value


def asked_for(context: Context) -> list[Object]:
    """What the artist points at: the active object and the selected ones."""
    layer = context.view_layer
    if layer is None:
        return []
    return [each for each in dict.fromkeys([layer.objects.active, *layer.objects.selected]) if each is not None]


def key_by_uid(uid: int) -> Any | None:
    """The Key, or the object or armature with face properties, that has this session_uid; None where it is gone."""
    kinds: tuple[Iterable[Any], ...] = (bpy.data.shape_keys, bpy.data.objects, bpy.data.armatures)
    return next((each for kind in kinds for each in kind if each.session_uid == uid), None)


def plan(
    objects: Sequence[Object],
    *,
    asked: Collection[Object],
    name: str,
    identity: str,
    scene: Scene,
    curves: FaceCurves | None = None,
    place: str = "NEW",
    reach: Reach | None = None,
    signed: Owners | None = None,
) -> Plan:
    """What baking the recording onto these objects will do.

    asked: those of the objects that the artist chose; what hinders one of them stops the bake, and what hinders another leaves just that one out.
    curves: what will be keyed; without them, nothing can be said of sliders that are too short.
    reach: what is known already of how far the curves of a recipe go. signed: whose the Actions are, as far as that is known.
    place: where the keys go: "NEW", a new Action; "STRIP", a new NLA strip above what is there; "INTO", the Action that plays.
    Raises TargetError with a sentence for every problem.
    """
    sifted = _sifted(objects, asked, place)
    if sifted.problems:
        raise TargetError(" ".join(sifted.problems))
    warnings: list[str] = []
    bake = _Bake(identity, scene, place, curves, reach or {}, signed or Owners(), warnings.append)
    targets = tuple(_target(_limited_to(face, curves), bake) for face in sifted.possible)
    left_out = [f"Left out: {each}" for each in sifted.left_out]
    return Plan(ownership.PREFIX + name, identity, targets, (*_missing_jaw(targets), *left_out, *warnings))


class _Sifted(NamedTuple):
    """Which faces take keys, and sentences: what keeps the bake from beginning, and what leaves a face out that nobody chose."""

    possible: list[Face]
    problems: list[str]
    left_out: list[str]


def _sifted(objects: Sequence[Object], asked: Collection[Object], place: str) -> _Sifted:
    chosen = {owner.session_uid for each in asked for owner in owners(each)}
    found = _Sifted([], [], [])
    for face in faces(objects):
        hindrances = [*_hindrances(face), *_hindrances_within(face, place)]
        if not hindrances:
            found.possible.append(face)
        else:
            (found.problems if face.uid in chosen else found.left_out).extend(hindrances)
    if not found.possible and not found.problems:
        return found._replace(problems=found.left_out or [_nothing_found(objects)])
    return found


class _Bake(NamedTuple):
    """What :func:`plan` was asked, and whom a face's warnings are told."""

    identity: str
    scene: Scene
    place: str
    curves: FaceCurves | None
    reach: Reach
    owners: Owners
    warn: Callable[[str], None]


def _belongs_to(owner: Object) -> Iterator[Object]:
    """The object, all that it hangs from, and the armature that deforms it."""
    above: Object | None = owner
    while above is not None:
        yield above
        above = above.parent
    deformer = _deformed_by(owner)
    if deformer is not None:
        yield deformer


def _armature(owner: Object) -> Object | None:
    return next((each for each in _belongs_to(owner) if each.type == "ARMATURE"), None)


def _deformed_by(owner: Object) -> Object | None:
    modifiers: Iterable[Any] = owner.modifiers
    return next((modifier.object for modifier in modifiers if modifier.type == "ARMATURE" and modifier.object), None)


def _face(owner: Any, name: str) -> Face:
    there = places(owner)
    driven_paths = {driver.data_path for driver in owner.animation_data.drivers} if owner.animation_data else set()
    takes, rig, passed_over = mapped(owner, there)
    channels, driven = [], []
    for shape, recipe in takes.items():
        place = there[shape]
        if place.path in driven_paths:
            driven.append(shape)
        else:
            channels.append(Channel(recipe, shape, *place))
    return Face(owner.session_uid, name, tuple(channels), tuple(driven), passed_over, rig, is_rig=not isinstance(owner, Key))


def mapped(owner: Any, there: Collection[str]) -> tuple[dict[str, Recipe], str, tuple[str, ...]]:
    """For each target what it takes, the naming, and what was passed over: from the datablock's mapping list where one stands, else by the names."""
    standing = getattr(owner, "a2f_mapping", None)
    if standing is not None and len(standing.rows):
        rows = [
            rigs.Row(row.source, row.target, row.gain, row.sureness)
            for row in standing.rows
            if row.use and row.gain > 0 and row.target in there and row.source in rigs.sources()
        ]
        return rigs.recipes(rows), "its mapping list", ()
    found = rigs.detect(there)
    if not isinstance(owner, Key) and len(found.rows) < PROPERTIES_AT_LEAST and all(row.source != "jawOpen" for row in found.rows):
        return {}, "", ()
    return found.recipes, found.rig.title, found.passed_over


def values(plan: Plan, curves: FaceCurves) -> Mapping[Recipe, Floats]:
    """What every channel of a plan is keyed with, by what it takes: float32 [frames] each."""
    return _mixed([channel for target in plan.targets for channel in target.face.channels], curves)


def _mixed(channels: Iterable[Channel], curves: FaceCurves) -> Mapping[Recipe, Floats]:
    return retarget.mixed(curves, [channel.takes for channel in channels], rigs.visemes().values())


def _limited_to(face: Face, curves: FaceCurves | None) -> Face:
    if curves is None:
        return face
    there = set(curves.names)
    return replace(face, channels=tuple(each for each in face.channels if not there.isdisjoint(retarget.needs(each.takes, rigs.visemes()))))


def _hindrances(face: Face) -> Iterator[str]:
    owner = _present(face)
    if face.is_rig:
        yield from _hindrances_of_a_rig(face, owner)
        return
    if owner.library is not None:
        yield f"'{face.object}' is linked from '{owner.library.name}', and linked shape keys cannot be keyed; make its mesh local or bake there."
    elif owner.user is not None and owner.user.override_library is not None and not compat.KEEPS_KEYS_OF_OVERRIDES:
        yield f"The mesh of '{face.object}' is a library override, whose keys this Blender is not known to save; make the mesh local."
    elif not owner.is_editable:
        yield f"The shape keys of '{face.object}' cannot be edited here; make its mesh local."
    if not owner.use_relative:
        yield f"'{face.object}' has absolute shape keys, whose sliders do nothing; switch Relative on in its Shape Keys panel."
    yield from _in_tweak_mode(face, owner)
    if not face.channels:
        yield f"Every face shape of '{face.object}' has a driver, which keys cannot overrule; remove the drivers, or key what drives them."


def _hindrances_of_a_rig(face: Face, owner: Any) -> Iterator[str]:
    if owner.library is not None:
        yield f"'{face.object}' is linked from '{owner.library.name}', and its properties cannot be keyed; make a library override of it."
    elif not owner.is_editable:
        yield f"The properties of '{face.object}' cannot be edited here; make an override of it that is editable, or make it local."
    yield from _in_tweak_mode(face, owner)
    if not face.channels:
        yield f"Every face property of '{face.object}' has a driver, which keys cannot overrule; remove the drivers, or key what drives them."


def _in_tweak_mode(face: Face, owner: Any) -> Iterator[str]:
    if owner.animation_data and owner.animation_data.use_tweak_mode:
        yield f"A strip of '{face.object}' is in tweak mode; leave it with Tab in the NLA editor first."


def _target(face: Face, bake: _Bake) -> Target:
    key = _present(face)
    animation = key.animation_data
    if bake.curves is not None and len(bake.curves):
        _warn_of_sliders(face, bake.curves, bake.reach, bake.warn)
    _warn_of_what_hides(key, face, bake.warn)
    if animation is None:
        return Target("STRIP" if bake.place == "STRIP" else "NEW", face=face)
    own = {channel.data_path for channel in face.channels}
    standing = Standing(animation, identity=bake.identity, owners=bake.owners)
    chosen = way(animation, standing, bake.scene, place=bake.place, own=own)
    if chosen.place == "INTO":
        _warn_of_sharing(animation, face, bake.warn)
        return Target(**vars(chosen), face=face, outdated=standing.outdated)
    keeps_action = chosen.beneath is not None or chosen.settled
    silenced = keeps_action and not animation.use_nla and len(animation.nla_tracks) > 0
    artists = standing.artists_paths(silenced=silenced)
    _warn_of_overlap(face, artists, bake.warn)
    _warn_of_place(animation, face, chosen, own, bake.warn)
    if silenced:
        bake.warn(f"NLA is switched off on '{face.object}'; its tracks are muted instead, so that its Action can go on playing.")
    target = Target(**vars(chosen), face=face, silenced=silenced, outdated=standing.outdated)
    if not (own & standing.every_path(silenced=silenced)):
        return target
    covered = set(artists) | standing.resting
    rest = tuple(channel for channel in face.channels if channel.data_path not in covered)
    return replace(target, rest=rest, extrapolation="NOTHING")


def _hindrances_within(face: Face, place: str) -> Iterator[str]:
    animation = _present(face).animation_data
    if place != "INTO" or animation is None or animation.action is None:
        return
    if animation.action.library is not None:
        yield f"'{animation.action.name}' on '{face.object}' is linked and takes no keys; put them into a new Action."
    own = {channel.data_path: channel.shape for channel in face.channels}
    locked = [own[curve.data_path] for curve in standing_curves(animation) if curve.data_path in own and _is_locked(curve)]
    if locked:
        are = f"of '{face.object}' {'is' if len(locked) == 1 else 'are'} locked in '{animation.action.name}'"
        yield f"{_listed(locked)} {are}; unlock the curves, or put the keys into a new Action."


def _is_locked(curve: FCurve) -> bool:
    return curve.lock or (curve.group is not None and curve.group.lock)


def _is_muted(curve: FCurve) -> bool:
    return curve.mute or (curve.group is not None and curve.group.mute)


def _warn_of_sharing(animation: AnimData, face: Face, warn: Callable[[str], None]) -> None:
    action: Any = animation.action
    own = {channel.data_path: channel.shape for channel in face.channels}
    if action.users - action.use_fake_user > 1:
        warn(f"'{action.name}' plays on more than '{face.object}', and the new keys with it.")
    if strips_count(animation) and (animation.action_influence != 1.0 or animation.action_blend_type != "REPLACE"):
        warn(f"'{action.name}' on '{face.object}' is blended with the NLA below it, and so are the new keys.")
    silent = [own[curve.data_path] for curve in standing_curves(animation) if curve.data_path in own and _is_muted(curve)]
    if silent:
        warn(f"The curves of {_listed(silent)} are muted in '{action.name}': they take the keys, but do not play until they are unmuted.")
    bent = [curve.data_path for curve in standing_curves(animation) if curve.data_path in own and len(curve.modifiers)]
    if bent:
        warn(f"'{action.name}' has modifiers on {len(bent)} of the curves that take keys, and they go on working.")


def _warn_of_place(animation: AnimData, face: Face, chosen: Way, own: set[str], warn: Callable[[str], None]) -> None:
    if chosen.place == "STRIP" and chosen.pushes_artists:
        warn(f"'{animation.action.name}' on '{face.object}' would hide the new strip, so it was laid below it in the NLA.")  # type: ignore[union-attr]
    muted = [track.name for track in animation.nla_tracks if track.mute and own & track_paths(track)]
    if muted:
        warn(f"The muted NLA track {_listed(muted)} of '{face.object}' moves the same shapes and stays muted.")


def _warn_of_sliders(face: Face, curves: FaceCurves, reach: Reach, warn: Callable[[str], None]) -> None:
    unknown = [each for each in face.channels if each.takes not in reach]
    spans = {takes: (float(curve.min()), float(curve.max())) for takes, curve in _mixed(unknown, curves).items()} if unknown else {}
    spans |= {each.takes: reach[each.takes] for each in face.channels if each.takes in reach}
    tight = [each for each in face.channels if spans[each.takes][0] < each.low - 1e-6 or spans[each.takes][1] > each.high + 1e-6]
    if tight:
        names = _listed([f"{each.shape} ({each.low:g} to {each.high:g})" for each in tight])
        warn(f"The sliders of {names} on '{face.object}' are too short for the curves, which Blender cuts off there.")


def short_sliders(found: Iterable[Face]) -> list[str]:
    """A sentence for each face with sliders that stop short of what their curves may come to, which lie between 0 and 1 each.

    Known before anything is heard; what the curves then do is told by the plan.
    """
    said = []
    for face in found:
        tight = [each for each in face.channels if each.low > 1e-6 or each.high < _most(each.takes) - 1e-6]
        if tight:
            names = _listed([f"{each.shape} ({each.low:g} to {each.high:g})" for each in tight])
            most = max(_most(each.takes) for each in tight)
            said.append(f"The sliders of {names} on '{face.object}' may be too short: a curve can come to {most:g}.")
    return said


def _most(takes: Recipe) -> float:
    """The most that a recipe can give; the mouth shapes of a set share what there is."""
    shapes = [weight for source, weight in takes if retarget.SEPARATOR in source]
    return sum(weight for source, weight in takes if retarget.SEPARATOR not in source) + max(shapes, default=0.0)


def _warn_of_what_hides(key: Any, face: Face, warn: Callable[[str], None]) -> None:
    muted = [] if face.is_rig else [channel.shape for channel in face.channels if key.key_blocks[channel.shape].mute]
    if muted:
        warn(f"{_listed(muted)} on '{face.object}' {'is' if len(muted) == 1 else 'are'} muted and will not show.")
    if face.passed_over:
        warn(f"{_listed(face.passed_over)} on '{face.object}' will not be keyed: other shapes have the plainer names.")
    if face.driven:
        warn(f"{_listed(face.driven)} on '{face.object}' {'has a driver' if len(face.driven) == 1 else 'have drivers'} and will not be keyed.")
    if not face.is_rig and any(each.show_only_shape_key for each in bpy.data.objects if each.data == key.user):
        warn(f"'{face.object}' shows only its active shape key; switch the pin off in its Shape Keys panel to see the animation.")
    soloed = [track.name for track in key.animation_data.nla_tracks if track.is_solo] if key.animation_data else []
    if soloed:
        warn(f"The NLA track '{soloed[0]}' of '{face.object}' is soloed, so nothing else plays; switch its star off to see the animation.")


def _warn_of_overlap(face: Face, artists: Mapping[str, str], warn: Callable[[str], None]) -> None:
    contested: dict[str, list[str]] = {}
    for channel in face.channels:
        if channel.data_path in artists:
            contested.setdefault(artists[channel.data_path], []).append(channel.shape)
    for action, shapes in contested.items():
        moved = f"'{action}' also moves {_listed(shapes)} on '{face.object}'"
        warn(f"{moved}: while the recording plays, the new keys win; before and after it, the old.")


def _missing_jaw(targets: Iterable[Target]) -> list[str]:
    if any("jawOpen" in retarget.needs(channel.takes, rigs.visemes()) for target in targets for channel in target.face.channels):
        return []
    return ["No mesh has jawOpen among the shapes that can be keyed, so the mouth will not open."]


def _nothing_found(objects: Iterable[Object]) -> str:
    meshes = [each for each in objects if each.type == "MESH"]
    if not meshes:
        return NO_FACE
    names = [block.name for each in meshes if (key := shape_keys(each)) is not None for block in key.key_blocks]
    if not names:
        return f"'{meshes[0].name}' has no shape keys; a face needs ARKit's, such as jawOpen, mouthClose and eyeBlinkLeft."
    close = [f"'{name}' (for {arkit})" for name, arkit in nearest(names)]
    hint = f"the nearest found are {', '.join(close)}" if close else f"found were {_listed(names)}"
    return f"No shape key of '{meshes[0].name}' is one of ARKit's 52 (looked for jawOpen, mouthClose, eyeBlinkLeft and so on); {hint}."


def _listed(names: Sequence[str], *, most: int = 3) -> str:
    if len(names) <= most:
        return " and ".join(filter(None, (", ".join(names[:-1]), names[-1])))
    return f"{', '.join(names[:most])} and {len(names) - most} more"


def _present(face: Face) -> Any:
    key = key_by_uid(face.uid)
    if key is None:
        raise TargetError(f"The {'properties' if face.is_rig else 'shape keys'} of '{face.object}' are gone; nothing was changed.")
    return key
