"""A person's own talking styles: files in their own folder, by name."""

from __future__ import annotations

import re
from pathlib import Path

from ..errors import OutputError, SettingError
from ..face.style import Style, split
from ..files import styles
from . import preferences

FOLDER = "styles"
"""Beneath the extension's own folder for what a person makes."""


def names() -> tuple[str, ...]:
    """Those that were saved, in the order of the alphabet."""
    return tuple(sorted(path.stem for path in preferences.folder(FOLDER).glob("*.toml")))


def found(text: str) -> str:
    """A style's "NAME[:STRENGTH]" with the path of its file in place of a name of one's own; else the text as it is. Raises as style.split."""
    name, strength = split(text)
    path = _path(name)
    if not name or name in styles.names() or not path.is_file():
        return text
    return str(path) if strength is None else f"{path}:{strength:g}"


def save(name: str, style: Style) -> Path:
    """Keep a style under a name, in place of an earlier one of that name. Raises SettingError for a name that cannot be, and OutputError."""
    if not re.fullmatch(r"\w[\w .-]*", name):
        raise SettingError(f"'{name}' cannot be a style's name; use letters, digits, spaces and hyphens.")
    if name in styles.names():
        raise SettingError(f"The style '{name}' comes with A2F; choose another name.")
    path = _path(name)
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder '{path.parent}' cannot be made: {error.strerror}.") from error
    styles.write(path, style)
    return path


def _path(name: str) -> Path:
    return preferences.folder(FOLDER) / f"{name}.toml"
