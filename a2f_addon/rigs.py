"""Rigs: which of a mesh's names take which curves. Ours lie in ``data/rigs``, anybody's own in a folder of theirs, in the same form.

A rig file says ``title``, ``about`` and ``source`` (where its names are published), and under ``[links]`` for each source, an ARKit name or a mouth
shape (``"oculus:PP"``, ``"lips:together"``), the target that takes it: a name, a list of names, or names with weights.
``arkit = true``: the 52 by their own names. ``prefixes``: what may stand before a target. ``needs``: how many must be there for the rig to be meant.
``marks``: names that tell it from its like.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cache, lru_cache
from pathlib import Path
from typing import Any

from .errors import SettingError
from .face.arkit import NAMES
from .face.matching import EXACT, SPELLED, fit, match
from .face.retarget import SEPARATOR, TOGETHER, Recipe, Shapes

FOLDER = Path(__file__).parent / "data" / "rigs"
VISEMES = Path(__file__).parent / "data" / "visemes"


@dataclass(frozen=True)
class Link:
    """A target that takes a source, as often as `weight` says."""

    source: str
    target: str
    weight: float = 1.0


@dataclass(frozen=True)
class Rig:
    """A naming. name: of its file."""

    name: str
    title: str
    about: str
    links: tuple[Link, ...]
    arkit: bool = False
    prefixes: tuple[str, ...] = ("",)
    needs: int = 1
    marks: tuple[str, ...] = ()


@dataclass(frozen=True)
class Row:
    """A link as a mesh has it. target: the mesh's own name. sureness: EXACT, SPELLED or GUESSED."""

    source: str
    target: str
    weight: float
    sureness: str


@dataclass(frozen=True)
class Fit:
    """What a rig finds among a mesh's names. missing: sources that nothing was found for. passed_over: names that another was preferred to."""

    rig: Rig
    rows: tuple[Row, ...]
    missing: tuple[str, ...] = ()
    passed_over: tuple[str, ...] = ()

    @property
    def recipes(self) -> dict[str, Recipe]:
        """For each target what it takes."""
        return recipes(self.rows)


def recipes(rows: Iterable[Row]) -> dict[str, Recipe]:
    """For each target, in order of appearance, what it takes of which source."""
    found: dict[str, list[tuple[str, float]]] = {}
    for row in rows:
        found.setdefault(row.target, []).append((row.source, row.weight))
    return {target: tuple(terms) for target, terms in found.items()}


@cache
def shipped() -> tuple[Rig, ...]:
    """The rigs that come with the add-on, ARKit first."""
    return tuple(sorted((read(path) for path in FOLDER.glob("*.toml")), key=lambda rig: (rig.name != "arkit", rig.title)))


@cache
def visemes() -> Mapping[str, Shapes]:
    """The sets of mouth shapes, by name."""
    return {path.stem: _shapes(path.stem, tomllib.loads(path.read_text("utf-8"))) for path in sorted(VISEMES.glob("*.toml"))}


def _shapes(name: str, said: Mapping[str, Any]) -> Shapes:
    return Shapes(name, said["poses"], said.get("rest", ""), said.get("closed", ""))


def read(path: Path) -> Rig:
    """The rig of a file. Raises SettingError with a sentence where it cannot be read or says something unknown."""
    try:
        said = tomllib.loads(path.read_text("utf-8"))
    except (OSError, ValueError) as error:
        raise SettingError(f"The rig '{path.name}' cannot be read: {error}.") from error
    try:
        links = tuple(link for source, targets in said.get("links", {}).items() for link in _links(source, targets))
        facts = {name: tuple(str(each) for each in said[name]) for name in ("prefixes", "marks") if name in said}
        rig = Rig(
            path.stem,
            str(said.get("title", path.stem)),
            str(said.get("about", "")),
            links,
            arkit=said.get("arkit") is True,
            prefixes=facts.get("prefixes", ("",)),
            needs=int(said.get("needs", 1)),
            marks=facts.get("marks", ()),
        )
    except (TypeError, ValueError, AttributeError) as error:
        raise SettingError(f"The rig '{path.name}' is not in the form of a rig: {error}.") from error
    _check(path, links)
    return rig


def _links(source: str, targets: Any) -> Iterable[Link]:
    if isinstance(targets, str):
        return [Link(source, targets)]
    if isinstance(targets, Mapping):
        return [Link(source, target, float(weight)) for target, weight in targets.items()]
    return [Link(source, str(target)) for target in targets]


def _check(path: Path, links: Iterable[Link]) -> None:
    known = sources()
    for link in links:
        if link.source not in known:
            raise SettingError(f"The rig '{path.name}' speaks of '{link.source}', which is neither one of ARKit's 52 nor a mouth shape.")
        if not 0 <= link.weight <= 10:
            raise SettingError(f"The rig '{path.name}' gives '{link.target}' a weight of {link.weight:g}; it must lie between 0 and 10.")


@cache
def sources() -> frozenset[str]:
    """Everything that a target may take."""
    shapes = {each.source(shape) for each in visemes().values() for shape in each.names}
    return frozenset({*NAMES, *shapes, TOGETHER})


def fitted(rig: Rig, names: Iterable[str]) -> Fit:
    """What this rig finds among a mesh's names."""
    names = tuple(names)
    found = fit({link.target for link in rig.links}, names, prefixes=rig.prefixes)
    rows = [Row(link.source, found[link.target].name, link.weight, found[link.target].sureness) for link in rig.links if link.target in found]
    missing = [link.source for link in rig.links if link.target not in found]
    passed_over: tuple[str, ...] = ()
    if rig.arkit:
        matches = match(names)
        rows += [Row(arkit, name, 1.0, EXACT if name == arkit else SPELLED) for arkit, found_names in matches.found.items() for name in found_names]
        missing += [arkit for arkit in NAMES if arkit not in matches.found]
        passed_over = tuple(name for others in matches.passed_over.values() for name in others)
    return Fit(rig, tuple(rows), tuple(dict.fromkeys(missing)), passed_over)


def detect(names: Iterable[str], more: Iterable[Rig] = ()) -> Fit:
    """The rig that fits a mesh's names best, and what it finds there: nothing where none fits. more: rigs of the person's own, which go first."""
    return _detected(tuple(names), tuple(more))


@lru_cache(maxsize=64)
def _detected(names: tuple[str, ...], more: tuple[Rig, ...]) -> Fit:
    plain = shipped()[0]
    fits = [each for each in (fitted(rig, names) for rig in (*more, *shipped())) if each.rows]
    meant = [each for each in fits if len({row.target for row in each.rows}) >= each.rig.needs]
    # max takes the first of several: a person's own rig, and plain ARKit, before others that find as much.
    return max(meant, key=lambda each: _worth(each, set(names)), default=Fit(plain, (), NAMES))


def _worth(found: Fit, names: set[str]) -> float:
    """How much of the face moves: a shape that ARKit has too counts 1, a mouth shape of a set, which stands for several, 2; and marks."""
    moved = sum(2.0 if SEPARATOR in source else 1.0 for source in {row.source for row in found.rows})
    return moved - 0.01 * len(found.missing) + 0.5 * (not names.isdisjoint(found.rig.marks))
