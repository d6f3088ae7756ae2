"""The zip: Blender's own tool builds it, Blender installs it and switches it on, and it bakes from there."""

from __future__ import annotations

import os
import subprocess
import sys
import tomllib
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import addon_utils
import bpy
import pytest
from inside import made_heard, make_head

import a2f_addon

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def zipped(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The extension without wheels: this Python has what they would bring."""
    out = tmp_path_factory.mktemp("dist")
    subprocess.run([sys.executable, "wheels/build.py", "build", "--bare", "--out", str(out)], cwd=ROOT, check=True, capture_output=True)
    (made,) = out.glob("*.zip")
    return made


@pytest.fixture
def installed(zipped: Path) -> Any:
    """Installed and on, in place of the one that the other tests use."""
    a2f_addon.unregister()
    # The very operator behind Blender's Install from Disk.
    bpy.ops.preferences.addon_enable(module="bl_pkg")
    bpy.ops.extensions.package_install_files(filepath=str(zipped), repo="user_default", enable_on_install=True)
    yield sys.modules.get("bl_ext.user_default.a2f")
    addon_utils.disable("bl_ext.user_default.a2f")
    a2f_addon.register()


def test_it_holds_what_runs_and_nothing_else(zipped: Path) -> None:
    names = zipfile.ZipFile(zipped).namelist()
    assert {"blender_manifest.toml", "__init__.py", "LICENSE", "a2f_addon/job.py", "a2f_addon/blender/bake.py"} <= set(names)
    assert not [name for name in names if name.startswith(("tests", "training", "demo", "benchmarks", ".")) or "__pycache__" in name]


def test_building_from_the_root_leaves_out_the_same(tmp_path: Path) -> None:
    patterns = tomllib.loads((ROOT / "blender_manifest.toml").read_text("utf-8"))["build"]["paths_exclude_pattern"]
    left_out = {pattern.strip("/") for pattern in patterns if pattern.startswith("/") and pattern.endswith("/")}
    folders = {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith((".", "__"))}
    assert folders - left_out - {"wheels"} == {"a2f_addon"}


def test_installed_it_bakes_and_keeps_its_preferences(
    installed: ModuleType, speech: str, says: Callable[..., None], monkeypatch: pytest.MonkeyPatch
) -> None:
    assert installed is not None
    jobs = sys.modules["bl_ext.user_default.a2f.a2f_addon.job"]
    heard = made_heard()
    curves = sys.modules["bl_ext.user_default.a2f.a2f_addon.face.curves"]
    own = jobs.Heard(curves.FaceCurves(**vars(heard.curves)), curves.Speech(**vars(heard.speech)))
    monkeypatch.setattr(jobs, "listen", lambda job, progress, cancelled: own)
    key = make_head().data.shape_keys
    assert bpy.ops.a2f.bake(filepath=speech) == {"FINISHED"}
    assert key.animation_data.action.name == "A2F line_07"
    assert bpy.context.preferences.addons["bl_ext.user_default.a2f"].preferences.model == ""
    preferences_say_what_does_the_work(monkeypatch)
    # What is off may be switched off once more, as Blender as a module does at its end.
    room = sys.modules["bl_ext.user_default.a2f.a2f_addon.blender"]
    addon_utils.disable("bl_ext.user_default.a2f")
    room.unregister()


def preferences_say_what_does_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Part of the above, since an extension is installed once a process."""
    monkeypatch.delenv("A2F_ONNXRUNTIME", raising=False)
    own = bpy.context.preferences.addons["bl_ext.user_default.a2f"].preferences
    bpy.ops.a2f.provider()
    assert own.said == "CPU does the work."
    own.model = "/gone.onnx"
    bpy.ops.a2f.provider()
    assert own.said.startswith("There is no model file")
    own.runtime = str(ROOT)
    assert os.environ["A2F_ONNXRUNTIME"] == str(ROOT)
    own.runtime = ""
    assert "A2F_ONNXRUNTIME" not in os.environ
