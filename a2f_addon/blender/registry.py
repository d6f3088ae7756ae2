"""Classes made known to Blender, and unknown again."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy


def both(classes: tuple[Any, ...]) -> tuple[Callable[[], None], Callable[[], None]]:
    """`register` and `unregister` of these classes, the latter from the last to the first."""
    factory: Any = bpy.utils.register_classes_factory  # which the stubs say returns nothing
    return factory(classes)
