"""Whole sets of settings by name, and the few words that people choose a motion by: a preset, an emotion, a style, a seed.

A preset is a TOML file of flat setting names (``eyes_blinks_per_minute = 24``) with a ``description``; ours lie in ``data/presets``, anybody's own
lies where they like and is named by its path.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from .errors import SettingError
from .face.style import split
from .files import styles
from .job import Motion
from .settings import build, files, options

FOLDER = Path(__file__).parent / "data" / "presets"
ABOUT = "description"
LARGEST_SEED = 2**31 - 1
"""What every stage takes, since Blender's whole numbers end there."""


def names() -> tuple[str, ...]:
    """The presets that come with the add-on, in the order of the alphabet."""
    return tuple(sorted(path.stem for path in FOLDER.glob("*.toml")))


def motion(values: Mapping[str, Any] | None = None, *, preset: str = "", emotion: str = "", style: str = "", seed: int | None = None) -> Motion:
    """Every setting of every stage, from what a person chose; what comes later in this list overrides what comes before it.

    preset: a name of :func:`names`, or the path of a TOML file of one's own.
    seed: one number from 0 to 2^31 - 1 for every stage that draws lots.
    emotion: "joy:0.8,anger:0.2"; style: "NAME" or "NAME:STRENGTH"; "" leaves what the preset says.
    values: single settings under their flat names.

    Raises SettingError, with a sentence, for anything that is unknown or out of range.
    """
    chosen = dict(read(preset)) if preset else {}
    if seed is not None:
        if not 0 <= seed <= LARGEST_SEED:
            raise SettingError(f"The seed must be a whole number from 0 to {LARGEST_SEED}, not {seed}.")
        chosen |= {item.name: seed for item in options(Motion) if item.path[-1] == "seed"}
    if emotion:
        chosen["emotion_mix"] = emotion
    if style:
        chosen["style_name"] = style
    return build(Motion, _with_style(chosen | dict(values or {})))


def read(preset: str) -> dict[str, Any]:
    """The settings of a preset under their flat names; what a file of one's own names is looked for from where it lies.

    Raises SettingError for one that is not there or cannot be read.
    """
    own = preset.endswith(".toml")
    path = Path(preset) if own else FOLDER / f"{preset}.toml"
    if not own and preset not in names():
        raise SettingError(f"There is no preset '{preset}'; there are {', '.join(names())}, or name a .toml file of your own.")
    try:
        found = tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise SettingError(f"There is no preset file '{preset}'; check its name and folder.") from None
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise SettingError(f"The preset '{preset}' cannot be read ({error}); it must be a TOML file of settings.") from error
    found.pop(ABOUT, None)
    _check(preset, found)
    return beside(path.parent, found) if own else found


def beside(folder: Path, values: Mapping[str, Any]) -> dict[str, Any]:
    """The same settings, under their flat names, with the files and folders that they name looked for from this folder: those of a list or a preset
    lie beside it, wherever somebody works. Raises SettingError for a style whose strength is no number."""
    plain = {**values, "style_name": split(values["style_name"])[0]} if isinstance(values.get("style_name"), str) else values
    # Put before the whole text, since a strength may follow the name.
    return {**values, **{name: str(folder / values[name]) for name in files(Motion, plain)}}


def describe(preset: str) -> str:
    """What one of our presets is for, in a sentence; "" where it does not say."""
    return str(tomllib.loads((FOLDER / f"{preset}.toml").read_text("utf-8")).get(ABOUT, "")) if preset in names() else ""


def _with_style(values: dict[str, Any]) -> dict[str, Any]:
    """A style's strength told from its name. Raises SettingError where there is no such style."""
    if not isinstance(values.get("style_name"), str):
        return values
    name, strength = split(values["style_name"])
    if name:
        styles.read(name)
    return {"style_strength": strength} | values | {"style_name": name} if strength is not None else values


def _check(preset: str, found: Mapping[str, Any]) -> None:
    """Say which preset is at fault before its values get lost among others."""
    try:
        build(Motion, found)
    except SettingError as error:
        raise SettingError(f"The preset '{preset}' does not fit: {error}") from error
