"""A2F: recorded speech to facial animation.

In Blender this is an extension; without it, ``from a2f_addon import Job, run`` gives the same curves to a script.
"""

from __future__ import annotations

from .job import Job, run

__all__ = ["Job", "register", "run", "unregister"]


def register() -> None:
    """Called by Blender when the extension is switched on."""
    from . import blender

    blender.register()


def unregister() -> None:
    """Called by Blender when the extension is switched off."""
    from . import blender

    blender.unregister()
