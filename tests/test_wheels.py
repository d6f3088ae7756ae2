"""What ships has to run with Blender's own Python, which lacks what a developer's environment always has."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import requires
from pathlib import Path

import pytest

LISTED = tomllib.loads((Path(__file__).parents[1] / "wheels" / "wheels.toml").read_text("utf-8"))["wheel"]
SHIPPED = {re.sub(r"[-_.]+", "-", wheel["name"]).lower() for wheel in LISTED}
FROM_BLENDER = {"numpy"}
DECLARED_BUT_NOT_LOADED = {"flatbuffers", "packaging", "protobuf", "coloredlogs", "sympy"}
"""By onnxruntime, whose inference session imports none of them; its 1.23 names two more."""


def needed(package: str) -> set[str]:
    """The packages that an installed one declares to need always, under their normalised names."""
    lines = [line for line in requires(package) or [] if "extra ==" not in line]
    return {re.sub(r"[-_.]+", "-", re.split(r"[\s;<>=!~\[(]", line, maxsplit=1)[0]).lower() for line in lines}


@pytest.mark.parametrize("package", sorted({"cffi", "onnxruntime", "soundfile"}))
def test_a_shipped_package_brings_all_that_it_needs(package: str) -> None:
    assert needed(package) <= SHIPPED | FROM_BLENDER | DECLARED_BUT_NOT_LOADED
