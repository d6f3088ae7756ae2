"""What ships has to run with Blender's own Python, which lacks what a developer's environment always has."""

from __future__ import annotations

import csv
import importlib.util
import io
import re
import sys
import tomllib
import zipfile
from importlib.metadata import requires
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).parents[1]
LISTED = tomllib.loads((ROOT / "wheels" / "wheels.toml").read_text("utf-8"))["wheel"]
BLENDERS = {("linux-x64", "3.11"), ("linux-x64", "3.13"), ("windows-x64", "3.11"), ("windows-x64", "3.13")}
BLENDERS |= {("macos-arm64", "3.11"), ("macos-arm64", "3.13"), ("macos-x64", "3.11")}
"""Platform and Python of Blender's downloads since 4.2; Blender left Intel Macs with 5.0."""
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


@pytest.fixture(scope="module")
def build() -> ModuleType:
    spec = importlib.util.spec_from_file_location("wheels_build", ROOT / "wheels" / "build.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


@pytest.mark.parametrize(("platform", "python"), sorted(BLENDERS))
def test_every_blender_gets_every_package_once_and_never_a_numpy(build: ModuleType, platform: str, python: str) -> None:
    names = sorted(wheel.name for wheel in build.wheels((platform,), (python,)))
    assert names == ["cffi", "onnxruntime", "pycparser", "soundfile", "typing_extensions"]


@pytest.mark.parametrize("wheel", LISTED, ids=lambda wheel: wheel["file"])
def test_a_row_says_what_its_file_is(wheel: dict[str, str]) -> None:
    name, version, python, _, platform = wheel["file"].removesuffix(".whl").split("-")
    system = {"linux": "manylinux", "windows": "win_amd64", "macos": "macosx", "any": "any"}[wheel["platform"].partition("-")[0]]
    assert (name, version) == (wheel["name"], wheel["version"])
    assert python.startswith("py") if wheel["python"] == "any" else python == f"cp{wheel['python'].replace('.', '')}"
    assert system in platform
    assert re.fullmatch(r"[0-9a-f]{64}", wheel["sha256"])


CODE = "onnxruntime/capi/onnxruntime_pybind11_state.so"
TWIN = "onnxruntime/capi/libonnxruntime.so.1.31.1"


def made_wheel(path: Path, files: dict[str, bytes]) -> Path:
    record = "".join(f"{name},sha256=x,{len(data)}\n" for name, data in files.items())
    with zipfile.ZipFile(path, "w") as archive:
        for name, data in {**files, "onnxruntime-1.dist-info/RECORD": record.encode()}.items():
            archive.writestr(name, data)
    return path


def test_what_no_session_needs_is_left_out_and_the_rest_is_as_it_was(build: ModuleType, tmp_path: Path) -> None:
    kept = {CODE: b"\x7fELF libc.so.6\0", "onnxruntime/__init__.py": b"x = 1", "onnxruntime/LICENSE": b"MIT"}
    gone = {TWIN: b"\x7fELF", "onnxruntime/tools/a.py": b"", "onnxruntime/transformers/models/b.py": b""}
    build.lean(made_wheel(tmp_path / "full.whl", kept | gone), tmp_path / "lean.whl", build.LEAN["onnxruntime"])
    with zipfile.ZipFile(tmp_path / "lean.whl") as archive:
        held = {name: archive.read(name) for name in archive.namelist()}
    record = held.pop("onnxruntime-1.dist-info/RECORD").decode()
    assert held == kept
    assert [row[0] for row in csv.reader(io.StringIO(record))] == list(kept)


def test_a_library_that_another_loads_is_never_left_out(build: ModuleType, tmp_path: Path) -> None:
    full = made_wheel(tmp_path / "full.whl", {CODE: b"\x7fELF\0libonnxruntime.so.1.31.1\0", TWIN: b"\x7fELF"})
    with pytest.raises(ValueError, match=r"asks for libonnxruntime\.so"):
        build.lean(full, tmp_path / "lean.whl", build.LEAN["onnxruntime"])


@pytest.mark.parametrize("inside", ["numpy/__init__.py", "numpy-2.0.dist-info/METADATA", "onnxruntime/tests/a.py", "scipy/fft/x.so"])
def test_a_zip_with_a_numpy_or_tests_in_a_wheel_is_no_release(build: ModuleType, tmp_path: Path, inside: str) -> None:
    wheel = made_wheel(tmp_path / "x.whl", {inside: b""})
    with zipfile.ZipFile(tmp_path / "a2f.zip", "w") as archive:
        archive.write(wheel, "wheels/x.whl")
        archive.writestr("a2f_addon/job.py", "")
    assert build.strays(tmp_path / "a2f.zip") == [f"wheels/x.whl: {inside}"]
