"""``blender --command a2f ...``: the same command line as without Blender."""

from __future__ import annotations

from typing import Any

import bpy


def _main(words: list[str]) -> int:
    from .. import commands

    return commands.main(words, program="blender --command a2f")


_registered: list[Any] = []
"""Blender's own handle, which it wants back."""


def register() -> None:
    """Make the command known."""
    _registered.append(bpy.utils.register_cli_command("a2f", _main))  # type: ignore[func-returns-value]


def unregister() -> None:
    """Take it away."""
    bpy.utils.unregister_cli_command(_registered.pop())
