"""Which of a rig's shape keys is which of ARKit's 52, or of another naming's, whatever their spelling.

Every spelling that is understood is made once from the 52 names, as a word without case or separators (``eyeblinkleft``, ``eyeblinkl``);
a found name is cut into its words and its longest tail that is such a spelling decides. What stands before the tail is a prefix, and may be anything
that does not itself describe a movement: ``CC_Base_jawOpen`` is jawOpen, ``jawOpen_mouthClose`` is a corrective shape and nobody's.
"""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import NamedTuple

from .arkit import NAMES

SIDES: dict[str, tuple[str, ...]] = {"left": ("left", "l", "lft", "lt"), "right": ("right", "r", "rgt", "rt")}
"""How rigs write a side, the plainest first."""

REGIONS = frozenset({"eye", "eyes", "brow", "brows", "jaw", "mouth", "lip", "lips", "cheek", "cheeks", "nose", "tongue", "teeth", "corner"})
"""Words that only say where: ``Mouth_jawOpen`` sorts jawOpen under the mouth."""

OPPOSITES = frozenset({"no", "not", "un", "inv", "inverse", "neg", "negative", "anti", "fix", "corr", "corrective", "combo"})
"""Words that make of a shape something other than that shape."""

EXACT, SPELLED, GUESSED = "EXACT", "SPELLED", "GUESSED"
"""How sure a found name is: letter by letter; the same words written differently; only much alike, for a person to look at."""

LONG_NAME = 6
"""Letters from which on a name says enough to be known behind any prefix; Fcl_MTH_A has seven."""
ALIKE = 0.82
"""The least likeness (difflib's ratio) that is worth a guess."""

_BETWEEN = re.compile(r"[\W_]+")
_WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+|\d+")
_COPY_NUMBER = re.compile(r"\.\d{3,}$")


@dataclass(frozen=True)
class Matches:
    """What was found for each of ARKit's names.

    found: ARKit name to the names that take its curve: one, or a left and a right half of a shape that ARKit has whole.
    passed_over: ARKit name to further names that fit it less well, or just as well and came later.
    """

    found: dict[str, tuple[str, ...]]
    passed_over: dict[str, tuple[str, ...]]


class _Spelling(NamedTuple):
    arkit: str
    half: str
    """ "left" or "right" where the shape is half of ARKit's, else empty."""
    distance: int
    region_only: bool
    """The name is a region and a side, such as jawLeft: too short to stand behind a word that belongs to it."""


class _Candidate(NamedTuple):
    rank: tuple[bool, int, int, bool, bool]
    half: str
    name: str


def match(names: Iterable[str]) -> Matches:
    """The best name for each of ARKit's 52, of those that fit at all. Names are never used for two of them."""
    candidates: dict[str, list[_Candidate]] = {}
    for name in names:
        for arkit, candidate in _readings(name):
            candidates.setdefault(arkit, []).append(candidate)
    found, passed_over = {}, {}
    for arkit in (name for name in NAMES if name in candidates):
        ranked = sorted(candidates[arkit], key=lambda candidate: candidate.rank)
        chosen = _chosen(ranked)
        found[arkit] = chosen
        rest = tuple(candidate.name for candidate in ranked if candidate.name not in chosen)
        if rest:
            passed_over[arkit] = rest
    return Matches(found, passed_over)


def nearest(names: Iterable[str], *, count: int = 3) -> list[tuple[str, str]]:
    """The (found name, ARKit name) pairs that look most alike, best first: for a message when nothing matched."""
    known = {name.lower(): name for name in NAMES}
    pairs = []
    for name in dict.fromkeys(names):
        plain = "".join(_words(name))
        for close in difflib.get_close_matches(plain, known, n=1, cutoff=0.5):
            pairs.append((difflib.SequenceMatcher(None, plain, close).ratio(), name, known[close]))
    pairs.sort(key=lambda pair: -pair[0])
    return [(name, arkit) for _, name, arkit in pairs[:count]]


class Found(NamedTuple):
    """A mesh's own name for a target, and how sure it is."""

    name: str
    sureness: str


def fit(targets: Collection[str], names: Iterable[str], *, prefixes: Sequence[str] = ("",)) -> dict[str, Found]:
    """The names that are these targets' own, prefixed or not, by target: the plainest spelling of each that is there."""
    spelt: dict[str, tuple[int, str]] = {}
    exact = {prefix + target: target for target in targets for prefix in prefixes}
    whole = {_letters(prefix + target): target for target in targets for prefix in prefixes}
    tails = {_letters(target): target for target in targets if len(_letters(target)) >= LONG_NAME}
    for name in names:
        for rank, target in enumerate((exact.get(name), whole.get(_letters(name)), _behind_a_prefix(name, tails))):
            if target is not None:
                spelt[target] = min(spelt.get(target, (rank, name)), (rank, name), key=lambda found: found[0])
                break
    return {target: Found(name, SPELLED if rank else EXACT) for target, (rank, name) in spelt.items()}


def guess(targets: Iterable[str], names: Iterable[str]) -> dict[str, str]:
    """For targets that nothing was found for, the one name that is much alike; each name once, the likest pair first."""
    known = {name: _letters(name) for name in names}
    pairs = sorted(
        ((difflib.SequenceMatcher(None, _letters(target), letters).ratio(), target, name) for target in targets for name, letters in known.items()),
        key=lambda pair: -pair[0],
    )
    found: dict[str, str] = {}
    for ratio, target, name in pairs:
        if ratio < ALIKE:
            break
        if target not in found and name not in found.values() and _side(target) == _side(name):
            found[target] = name
    return found


def _side(name: str) -> str:
    words = _words(name)
    return next((side for side, written in SIDES.items() if words and (words[-1] in written or words[0] in written)), "")


def _letters(name: str) -> str:
    """What is left of a name without case, separators, width of letters and the number of a copy."""
    plain = unicodedata.normalize("NFKC", _COPY_NUMBER.sub("", name)).casefold()
    return "".join(letter for letter in plain if letter.isalnum())


def _behind_a_prefix(name: str, tails: dict[str, str]) -> str | None:
    parts = _BETWEEN.split(_COPY_NUMBER.sub("", name))
    for start in range(1, len(parts)):
        target = tails.get(_letters("".join(parts[start:])))
        if target is not None:
            before = [word for part in parts[:start] for word in _words(part)]
            return target if (_movements() | OPPOSITES).isdisjoint(before) else None
    return None


def _chosen(ranked: list[_Candidate]) -> tuple[str, ...]:
    """The best whole shape, else the best of each half."""
    if not ranked[0].half:
        return (ranked[0].name,)
    halves: dict[str, str] = {}
    for candidate in ranked:
        halves.setdefault(candidate.half, candidate.name)
    return tuple(halves[half] for half in SIDES if half in halves)


def _readings(name: str) -> Iterator[tuple[str, _Candidate]]:
    words = _words(name)
    for start in range(len(words)):
        spelling = _spellings().get("".join(words[start:]))
        if spelling is None:
            continue
        if _may_precede(words[:start], spelling):
            rank = (bool(spelling.half), start, spelling.distance, _COPY_NUMBER.search(name) is not None, name != spelling.arkit)
            yield spelling.arkit, _Candidate(rank, spelling.half, name)
        return


def _words(name: str) -> list[str]:
    return [word.lower() for word in _WORD.findall(_COPY_NUMBER.sub("", name))]


def _may_precede(prefix: list[str], spelling: _Spelling) -> bool:
    barred = _movements() | OPPOSITES | (REGIONS if spelling.region_only else frozenset())
    return barred.isdisjoint(prefix)


@cache
def _movements() -> frozenset[str]:
    """The words of the 52 names that say how something moves, and the sides."""
    said = {word for name in NAMES for word in _words(name)}
    return frozenset(said | {word for spelt in SIDES.values() for word in spelt}) - REGIONS


@cache
def _spellings() -> dict[str, _Spelling]:
    spelt: dict[str, _Spelling] = {}
    for name in NAMES:
        for key, spelling in _spell(name):
            if key not in spelt or spelling.distance < spelt[key].distance:
                spelt[key] = spelling
    return spelt


def _spell(name: str) -> Iterator[tuple[str, _Spelling]]:
    *base_words, last = _words(name)
    region_only = len(base_words) == 1 and last in SIDES
    yield name.lower(), _Spelling(name, "", 0, region_only)
    for side, written in SIDES.items():
        if last in SIDES and last != side:
            continue
        base = "".join(base_words) if last in SIDES else name.lower()
        half = "" if last in SIDES else side
        for distance, word in enumerate(written, start=1):
            yield base + word, _Spelling(name, half, distance, region_only)
            if not region_only:
                yield word + base, _Spelling(name, half, distance + len(written), region_only)
