"""What a graph says about itself in the metadata of its ONNX file."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from ..errors import ModelError
from ..face import arkit

FORMAT = "1"
OFFLINE, LIVE = "offline", "live"
OUTPUTS = ("curves", "phones", "loudness_db")
"""What every graph gives, a frame a hop: curves and phone probabilities in the order of their names, and decibels."""
MARGINS = "margins"
"""The input of an offline graph that it need not be given: int64 [2], frames at the beginning and at the end of the audio that are heard for what
reaches furthest alone, and are left out of every output."""
NUMBERS = {"sample_rate": 1, "hop": 1, "look_back": 0, "look_ahead": 0, "align": 1}
"""Whole numbers, and the least that each can be."""
TEXTS = ("name", "version", "licence")
NAMES = ("curve_names", "phone_names")
REMEDY = "take the bundled model, or one that this project's training made"


@dataclass(frozen=True)
class Facts:
    """The metadata of a graph, each value there a text; the names and classes are JSON.

    Besides these it holds ``a2f_format``, the version of this list, and ``kind``: "offline" hears a recording in windows, "live" hop after hop.

    sample_rate: hertz of the input. hop: samples a frame; frame i stands in the middle of hop i.
    look_back, look_ahead: samples before and after its hop that a frame can depend on.
    reach: samples around its hop that a frame must have between it and the MARGINS; 0 where the graph takes none.
    align: samples; a window begins at a multiple of it.
    states: of a live graph, the shape of each array that it carries from call to call: the input NAME, zeros at first, comes back as the output
    NAME_out. It gives a frame a hop and is as late as its look_ahead says, so it is fed silence before the sound to make that a whole number of hops.
    curve_names, phone_names: the channels of these two outputs, in their order; the curves by ARKit's names.
    phone_classes: which phones move the lips alike, as in ``Speech.classes``.
    """

    name: str
    version: str
    licence: str
    sample_rate: int
    hop: int
    look_back: int
    look_ahead: int
    align: int
    curve_names: tuple[str, ...]
    phone_names: tuple[str, ...]
    phone_classes: Mapping[str, tuple[str, ...]]
    states: Mapping[str, tuple[int, ...]] = field(default_factory=dict)
    reach: int = 0

    @property
    def late(self) -> int:
        """Frames that come out of a live graph before that of the first hop."""
        return -(-self.look_ahead // self.hop)

    @property
    def lead_in(self) -> int:
        """Samples of silence that a live graph is fed before the sound."""
        return self.late * self.hop - self.look_ahead

    @property
    def fps(self) -> float:
        """Frames per second of every output."""
        return self.sample_rate / self.hop


def read(metadata: Mapping[str, str], *, file: str, kind: str = OFFLINE) -> Facts:
    """The facts in a graph's metadata; ``file`` is what messages call it, and ``kind`` what it has to be.

    Raises ModelError where one is missing or makes no sense, and for a format that this version does not know and for another kind.
    """
    wanted = ("a2f_format", "kind", *TEXTS, *NUMBERS, *NAMES, "phone_classes")
    _require(metadata, wanted, file=file)
    if metadata["a2f_format"] != FORMAT:
        raise ModelError(f"The model file '{file}' has the format {metadata['a2f_format']}, and this version of A2F knows {FORMAT}; update A2F.")
    if metadata["kind"] != kind:
        raise ModelError(f"The model file '{file}' is of the kind '{metadata['kind']}', and '{kind}' is needed here; {REMEDY}.")
    plain: dict[str, Any] = {name: metadata[name] for name in TEXTS}
    plain |= {name: _number(metadata, name, least, file=file) for name, least in NUMBERS.items()}
    curves, phones = (_names(metadata, name, file=file) for name in NAMES)
    if strange := set(curves) - set(arkit.NAMES):
        raise ModelError(f"The model file '{file}' has curves that A2F does not know ({', '.join(sorted(strange))}); update A2F.")
    states = _states(metadata, file=file) if kind == LIVE else {}
    reach = _number(metadata, "reach", 0, file=file) if "reach" in metadata else 0
    return Facts(**plain, curve_names=curves, phone_names=phones, phone_classes=_classes(metadata, phones, file=file), states=states, reach=reach)


def _require(metadata: Mapping[str, str], wanted: Iterable[str], *, file: str) -> None:
    if missing := [name for name in wanted if name not in metadata]:
        raise ModelError(f"The model file '{file}' lacks the metadata {', '.join(missing)}; {REMEDY}.")


def _number(metadata: Mapping[str, str], name: str, least: int, *, file: str) -> int:
    try:
        value = int(metadata[name])
    except ValueError:
        raise _senseless(metadata, name, file=file) from None
    if value < least:
        raise _senseless(metadata, name, file=file)
    return value


def _names(metadata: Mapping[str, str], name: str, *, file: str) -> tuple[str, ...]:
    names = _json(metadata, name, file=file)
    if not _are_texts(names) or len(set(names)) != len(names):
        raise _senseless(metadata, name, file=file)
    return tuple(names)


def _classes(metadata: Mapping[str, str], phones: tuple[str, ...], *, file: str) -> dict[str, tuple[str, ...]]:
    name = "phone_classes"
    classes = _json(metadata, name, file=file)
    if not isinstance(classes, dict) or not all(_are_texts(members) and set(members) <= set(phones) for members in classes.values()):
        raise _senseless(metadata, name, file=file)
    return {key: tuple(members) for key, members in classes.items()}


def _states(metadata: Mapping[str, str], *, file: str) -> dict[str, tuple[int, ...]]:
    _require(metadata, ("states",), file=file)
    states = _json(metadata, "states", file=file)
    if not isinstance(states, dict) or not all(_is_shape(shape) for shape in states.values()):
        raise _senseless(metadata, "states", file=file)
    return {name: tuple(shape) for name, shape in states.items()}


def _is_shape(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(length, int) and length > 0 for length in value)


def _json(metadata: Mapping[str, str], name: str, *, file: str) -> Any:
    try:
        return json.loads(metadata[name])
    except ValueError:
        raise _senseless(metadata, name, file=file) from None


def _are_texts(value: Any) -> bool:
    return isinstance(value, list) and len(value) > 0 and all(isinstance(item, str) for item in value)


def _senseless(metadata: Mapping[str, str], name: str, *, file: str) -> ModelError:
    return ModelError(f"The model file '{file}' has metadata that make no sense ({name} is {metadata[name][:40]!r}); {REMEDY}.")
