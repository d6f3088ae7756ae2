"""The rules that keep the house easy to live in, checked in its own source."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
ADDON = ROOT / "a2f_addon"
LONGEST = 40
"""Lines of a function; most have fewer than twenty."""


def imported(path: Path) -> set[str]:
    """The outside packages that a file imports, wherever in it."""
    tree = ast.parse(path.read_text("utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom) and node.level == 0}
    return {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names)


def files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ADDON / folder).rglob("*.py"))


@pytest.mark.parametrize("path", [path for path in files(".") if ADDON / "blender" not in path.parents], ids=lambda path: path.name)
def test_only_the_blender_room_knows_blender(path: Path) -> None:
    assert not imported(path) & {"bpy", "bpy_extras", "bmesh", "mathutils", "aud", "gpu", "bl_ext"}


@pytest.mark.parametrize("path", files("face", "files"), ids=lambda path: path.name)
def test_face_and_files_need_numpy_alone(path: Path) -> None:
    assert imported(path) <= {"numpy"}


@pytest.mark.parametrize("path", files("."), ids=lambda path: path.name)
def test_the_addon_ships_what_it_imports(path: Path) -> None:
    # Dask is what a studio has itself; without it there is a sentence.
    optional = {"distributed"} if path.name == "cluster.py" else set()
    assert imported(path) - optional <= {"numpy", "soundfile", "onnxruntime", "bpy", "bpy_extras", "mathutils", "aud"}


@pytest.mark.parametrize("path", files("."), ids=lambda path: path.name)
def test_everything_public_says_what_it_is(path: Path) -> None:
    assert not [name for name, node in public(ast.parse(path.read_text("utf-8"))) if not ast.get_docstring(node)]


@pytest.mark.parametrize("path", files("."), ids=lambda path: path.name)
def test_no_function_is_too_long_to_be_read_at_once(path: Path) -> None:
    functions = (node for node in ast.walk(ast.parse(path.read_text("utf-8"))) if isinstance(node, ast.FunctionDef))
    assert not [node.name for node in functions if (node.end_lineno or 0) - node.lineno >= LONGEST]


def public(tree: ast.Module | ast.ClassDef) -> Iterator[tuple[str, ast.FunctionDef | ast.ClassDef]]:
    """The functions, classes and methods whose names do not begin with a stroke, of classes that are public themselves."""
    for node in tree.body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            yield node.name, node
            if isinstance(node, ast.ClassDef):
                yield from public(node)


def test_importing_the_addon_loads_nothing_heavy() -> None:
    loaded = "import sys, a2f_addon; print(*sorted({'scipy', 'soundfile', 'onnxruntime', 'bpy', 'torch'} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", loaded], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip() == ""


def test_the_version_stands_in_the_manifest_and_the_changelog_says_the_same() -> None:
    version = tomllib.loads((ROOT / "blender_manifest.toml").read_text("utf-8"))["version"]
    newest = re.search(r"^## \[(\S+)\]", (ROOT / "CHANGELOG.md").read_text("utf-8"), re.MULTILINE)
    assert newest and newest[1] == version
