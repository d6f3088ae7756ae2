"""Settings that are tried by eye: the stages anew on what was heard, a moment after the last change of a slider."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import bpy

PAUSE_S = 0.15
"""After the last change: short enough to look live, long enough for a hand that still drags."""


_work: Callable[[], None] | None = None


def start(work: Callable[[], None]) -> None:
    """What a change brings about from now on; it is called when the hand rests."""
    global _work
    _work = work


def touched(owner: Any, context: Any) -> None:
    """A setting has changed; Blender calls this, also for an operator's arguments, which concern nobody."""
    if bpy.app.background or not isinstance(getattr(owner, "id_data", None), bpy.types.Scene) or not owner.live:
        return
    stop()
    bpy.app.timers.register(_adjust, first_interval=PAUSE_S)


def stop() -> None:
    """No change is waiting any longer."""
    if bpy.app.timers.is_registered(_adjust):
        bpy.app.timers.unregister(_adjust)


def _adjust() -> None:
    if _work is not None:
        _work()
