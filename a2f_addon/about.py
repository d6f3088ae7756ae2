"""What this program is."""

from __future__ import annotations

import tomllib
from pathlib import Path


def version() -> str:
    """The version in the extension's manifest, which lies beside this package in the repository and in the installed extension alike."""
    manifest = Path(__file__).parents[1] / "blender_manifest.toml"
    return str(tomllib.loads(manifest.read_text("utf-8"))["version"]) if manifest.exists() else "unpackaged"
