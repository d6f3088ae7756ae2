"""How a dataclass field becomes an option, once, for Blender, the command line, the docs and the preset files.

A settings class is a frozen dataclass whose fields are made by :func:`option` (a value) or :func:`group` (a settings class inside another).
:func:`options` lists what a class holds, :func:`build` makes an instance from flat names, :func:`check` says what lies outside its range.
"""

from __future__ import annotations

import dataclasses
import math
import types
import typing
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, TypeVar

from .errors import SettingError

S = TypeVar("S")


@dataclass(frozen=True)
class Option:
    """One setting as every front end sees it."""

    path: tuple[str, ...]
    """Where it lies, outermost first: ``("smoothing", "mouth_s")``."""
    type: type
    default: Any
    description: str
    unit: str = ""
    minimum: float | None = None
    maximum: float | None = None
    flag: str = ""
    """The command line's word for it, without dashes; a bool that is on by default gets ``no-`` before it."""
    choices: tuple[str, ...] = ()
    """What a text may be; empty for a text that is free."""
    file: str = ""
    """How a text ends that names a file, "/" where any text names a folder; empty where none does."""

    @property
    def name(self) -> str:
        """The flat name: Blender's property and the key in a preset file."""
        return "_".join(self.path)

    @property
    def called(self) -> str:
        """What messages call it: the flat name, and the command line's word where that is another."""
        return self.name if self.flag.replace("-", "_") == self.name else f"{self.name} (--{self.flag})"

    def is_file(self, value: Any) -> bool:
        """Whether this value names a file or a folder."""
        return bool(self.file) and isinstance(value, str) and (value.endswith(self.file) or (self.file == "/" and bool(value)))


def option(
    default: Any,
    description: str,
    *,
    minimum: float | None = None,
    maximum: float | None = None,
    unit: str = "",
    flag: str = "",
    choices: tuple[str, ...] = (),
    file: str = "",
) -> Any:
    """A dataclass field that is a setting, as in :class:`Option`. The description is a sentence without a final stop; the unit is appended where it
    is shown."""
    facts = {"description": description, "minimum": minimum, "maximum": maximum, "unit": unit, "flag": flag, "choices": choices, "file": file}
    return dataclasses.field(default=default, metadata={"option": facts})


def group(settings: type[S]) -> S:
    """A dataclass field that holds another settings class, by default with its own defaults."""
    return dataclasses.field(default_factory=settings, metadata={"group": settings})


def options(settings: type) -> tuple[Option, ...]:
    """Every option of a settings class, those of its groups included, in the order of declaration."""
    return tuple(_options(settings, ()))


def _options(settings: type, prefix: tuple[str, ...]) -> Iterator[Option]:
    hints = _hints(settings)
    for field in dataclasses.fields(settings):
        path = (*prefix, field.name)
        if "group" in field.metadata:
            yield from _options(field.metadata["group"], path)
        elif "option" in field.metadata:
            facts = dict(field.metadata["option"])
            facts["flag"] = facts["flag"] or "-".join(path).replace("_", "-")
            yield Option(path, _plain(hints[field.name]), field.default, **facts)


def build(settings: type[S], values: Mapping[str, Any]) -> S:
    """An instance from flat names, defaults where a name is missing.

    Raises SettingError for a name that is no option and for a value out of range.
    """
    known = {item.name: item for item in options(settings)}
    for name, value in values.items():
        if name not in known:
            raise SettingError(f"There is no setting '{name}'; the settings are {', '.join(sorted(known))}.")
        # The class that holds it checks it too, but does not know what it is called here.
        _check(known[name], value, called=known[name].called)
    return _build(settings, values, ())


def _build(settings: type[S], values: Mapping[str, Any], prefix: tuple[str, ...]) -> S:
    found: dict[str, Any] = {}
    for field in dataclasses.fields(settings):  # type: ignore[arg-type]
        path = (*prefix, field.name)
        if "group" in field.metadata:
            found[field.name] = _build(field.metadata["group"], values, path)
        elif "_".join(path) in values:
            found[field.name] = values["_".join(path)]
    return settings(**found)


def flat(settings: Any) -> dict[str, Any]:
    """The values of an instance under their flat names: what :func:`build` takes."""
    values: dict[str, Any] = {}
    for item in options(type(settings)):
        value = settings
        for part in item.path:
            value = getattr(value, part)
        values[item.name] = value
    return values


def files(settings: type, values: Mapping[str, Any]) -> dict[str, str]:
    """Those of some values, under their flat names, that name a file or a folder."""
    return {item.name: values[item.name] for item in options(settings) if item.is_file(values.get(item.name))}


def check(settings: object) -> None:
    """Raise SettingError for the first value of the wrong kind or outside its range. Meant as ``__post_init__``."""
    for item in _own(type(settings)):
        _check(item, getattr(settings, item.path[0]), called=item.name)


def _check(item: Option, value: Any, *, called: str) -> None:
    if item.type is bool or item.type is str:
        if not isinstance(value, item.type):
            raise SettingError(f"{called} must be {'on or off' if item.type is bool else 'a text'}, not {value!r}.")
        if item.choices and value not in item.choices:
            raise SettingError(f"{called} must be one of {', '.join(item.choices)}, not {value!r}.")
        return
    if isinstance(value, bool) or not isinstance(value, (int, float)) or not math.isfinite(value):
        raise SettingError(f"{called} must be a number, not {value!r}.")
    if item.type is int and not float(value).is_integer():
        raise SettingError(f"{called} must be a whole number, not {value!r}.")
    low, high = item.minimum, item.maximum
    if (low is not None and value < low) or (high is not None and value > high):
        raise SettingError(f"{called} must lie {_range(low, high)}{item.unit and ' ' + item.unit}, not at {_said(value)}.")


def _own(settings: type) -> tuple[Option, ...]:
    return tuple(item for item in _options(settings, ()) if len(item.path) == 1)


@cache
def _hints(settings: type) -> dict[str, Any]:
    return typing.get_type_hints(settings)


def _plain(hint: Any) -> type:
    """The type of an optional field is the type that it has when it is given."""
    if isinstance(hint, types.UnionType):
        return next(part for part in typing.get_args(hint) if part is not type(None))
    return hint


def _range(low: float | None, high: float | None) -> str:
    if low is None:
        return f"at or below {_said(high)}"
    return f"at or above {_said(low)}" if high is None else f"between {_said(low)} and {_said(high)}"


def _said(number: float | None) -> str:
    """Whole numbers to the last digit."""
    return str(number) if isinstance(number, int) else f"{number:g}"
