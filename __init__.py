"""Blender loads the extension from its root; the add-on itself lives in a2f_addon."""

from .a2f_addon import register, unregister  # noqa: F401
