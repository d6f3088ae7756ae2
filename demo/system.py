"""Whether this machine has what Blender as a Python module needs, and what to install where it has not."""

from __future__ import annotations

import ctypes
import importlib
import sys

LIBRARIES = {
    "libGL.so.1": "libgl1",
    "libGLX.so.0": "libglx0",
    "libICE.so.6": "libice6",
    "libSM.so.6": "libsm6",
    "libX11.so.6": "libx11-6",
    "libXext.so.6": "libxext6",
    "libXfixes.so.3": "libxfixes3",
    "libXi.so.6": "libxi6",
    "libxkbcommon.so.0": "libxkbcommon0",
    "libXrender.so.1": "libxrender1",
    "libXxf86vm.so.1": "libxxf86vm1",
    "libgomp.so.1": "libgomp1",
    "libEGL.so.1": "libegl1 libgl1-mesa-dri",
}
"""Shared libraries that ``import bpy`` and drawing without a screen load, and the packages of Debian and Ubuntu that bring them."""


def missing_packages() -> list[str]:
    """The packages whose libraries cannot be loaded here. Empty outside of Linux, where Blender brings everything along."""
    return [package for library, package in LIBRARIES.items() if sys.platform == "linux" and not _loads(library)]


def problem() -> str | None:
    """A sentence that says why Blender cannot be imported and how to mend it; None where it can."""
    if packages := missing_packages():
        return f"Blender needs system libraries that are not installed: sudo apt-get install --no-install-recommends {' '.join(packages)}"
    try:
        importlib.import_module("bpy")
    except ImportError as error:
        return f"Blender's Python module cannot be loaded ({error}); 'make demo' installs it for Python 3.11 or 3.13."
    return None


def require_blender() -> None:
    """Raise SystemExit with :func:`problem`'s sentence, if there is one."""
    if sentence := problem():
        print(sentence, file=sys.stderr)
        sys.exit(2)


def _loads(library: str) -> bool:
    try:
        ctypes.CDLL(library)
    except OSError:
        return False
    return True
