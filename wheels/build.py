"""The extension's zips, one a platform: fetch the wheels, put them into the manifest, and let Blender's own tool build.

    python wheels/build.py fetch [--platform linux-x64]      the wheels, checked against wheels.toml
    python wheels/build.py build [--platform linux-x64]      dist/a2f-VERSION-PLATFORM.zip
    python wheels/build.py build --bare                      one zip without wheels, for a Blender whose Python has them already
    python wheels/build.py build --python 3.14 --platform linux-x64      for a Blender that a distribution built with another Python

``--blender PATH`` names the Blender whose tool builds; without it the tool of an installed ``bpy`` wheel does.
What onnxruntime's wheels bring beside what listens is left out of the zip (see LEAN).
"""

from __future__ import annotations

import argparse
import csv
import hashlib
import importlib.util
import io
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
import zipfile
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PLATFORMS = ("linux-x64", "windows-x64", "macos-arm64", "macos-x64")
PYTHONS = ("3.11", "3.13")
"""Of Blender's own downloads: 4.2 to 5.0, and from 5.1 on."""
LEAN = {
    "onnxruntime": (
        # The same code once more, for programs in C: Python has its own in onnxruntime_pybind11_state.
        r"onnxruntime/capi/(libonnxruntime\.so\.[\d.]+|libonnxruntime\.[\d.]+\.dylib|onnxruntime\.(dll|lib))$",
        # Tools that make and change graphs; they need packages that Blender has not.
        r"onnxruntime/(transformers|quantization|tools|datasets|backend)/",
    )
}
"""By package, what its wheel brings that no session needs."""
STRAYS = re.compile(r"(^|/)(numpy|scipy|torch|tests?|testing|training|benchmarks|__pycache__)(-[^/]*)?/")
"""What must be in no zip: packages that Blender has itself or that nothing here loads, and what is for developers."""
SHIPPED = ("blender_manifest.toml", "__init__.py", "LICENSE", "README.md", "CHANGELOG.md", "a2f_addon")


@dataclass(frozen=True)
class Wheel:
    """One file to ship: what it is, where it runs, and its sum."""

    name: str
    version: str
    python: str
    platform: str
    file: str
    sha256: str

    @property
    def path(self) -> Path:
        """Where it lies once it was fetched."""
        return HERE / self.file

    def is_here(self) -> bool:
        """Whether it lies there, whole."""
        return self.path.exists() and hashlib.sha256(self.path.read_bytes()).hexdigest() == self.sha256


def wheels(platforms: tuple[str, ...], pythons: tuple[str, ...] = PYTHONS) -> list[Wheel]:
    """What wheels.toml lists for these platforms and Pythons."""
    listed = tomllib.loads((HERE / "wheels.toml").read_text("utf-8"))["wheel"]
    return [wheel for wheel in (Wheel(**row) for row in listed) if wheel.platform in (*platforms, "any") and wheel.python in (*pythons, "any")]


def fetch(wanted: list[Wheel]) -> None:
    """Bring what is missing or damaged; pip itself refuses a file whose sum is another."""
    groups: dict[tuple[str, str], list[Wheel]] = defaultdict(list)
    for wheel in wanted:
        if not wheel.is_here():
            groups[wheel.python, wheel.platform].append(wheel)
    for (python, _), missing in groups.items():
        sys.stderr.write("".join(f"fetching {wheel.file}\n" for wheel in missing))
        _download(missing, python)


def _download(missing: list[Wheel], python: str) -> None:
    """Wheels of one Python and one platform, in one go."""
    platforms = sorted({tag for wheel in missing for tag in Path(wheel.file).stem.split("-")[-1].split(".")})
    tags = [word for tag in platforms for word in ("--platform", tag)]
    if python != "any":
        tags += ["--python-version", python, "--implementation", "cp"]
    with tempfile.TemporaryDirectory() as folder:
        pins = Path(folder) / "pins.txt"
        pins.write_text("".join(f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n" for wheel in missing), "utf-8")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"]
        subprocess.run([*command, "-r", str(pins), "-d", folder, *tags], check=True)
        for wheel in missing:
            shutil.move(Path(folder) / wheel.file, wheel.path)


def lean(wheel: Path, out: Path, patterns: tuple[str, ...]) -> None:
    """Copy a wheel without the files whose names match, and without their lines in its list of files.

    Raises ValueError where a library would go that another one in the wheel asks for.
    """
    unwanted = re.compile("|".join(patterns))
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=9) as made:
        kept = [info for info in source.infolist() if not unwanted.match(info.filename)]
        _check_unneeded({info.filename for info in source.infolist()} - {info.filename for info in kept}, source, kept)
        for info in kept:
            data = source.read(info)
            if info.filename.endswith(".dist-info/RECORD"):
                data = _record(data, unwanted)
            made.writestr(info, data, zipfile.ZIP_DEFLATED, 9)


def _check_unneeded(gone: set[str], source: zipfile.ZipFile, kept: list[zipfile.ZipInfo]) -> None:
    """A library that is loaded with another stands by its file name in that one's headers, after a zero or a slash."""
    libraries = [name.rpartition("/")[2] for name in gone if re.search(r"\.(so|dylib|dll)", name)]
    for info in kept:
        if re.search(r"\.(so|dylib|pyd|dll)", info.filename):
            held = source.read(info)
            for name in libraries:
                if re.search(rb"[\0/]" + re.escape(name.encode()) + rb"\0", held):
                    raise ValueError(f"{info.filename} asks for {name}, which would be left out")


def _record(data: bytes, unwanted: re.Pattern[str]) -> bytes:
    """The wheel's list of files (PEP 427's RECORD) without those."""
    rows = [row for row in csv.reader(io.StringIO(data.decode("utf-8"))) if row and not unwanted.match(row[0])]
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue().encode("utf-8")


def build(shipped: list[Wheel], platforms: tuple[str, ...], *, blender: str | None, out: Path) -> list[Path]:
    """The zips, one a platform; a single one where no wheels are shipped. Raises CalledProcessError where Blender's tool refuses."""
    out.mkdir(parents=True, exist_ok=True)
    before = {path: path.stat().st_mtime_ns for path in out.glob("*.zip")}
    with tempfile.TemporaryDirectory() as folder:
        stage = Path(folder) / "a2f"
        _stage(stage, shipped, platforms)
        split = ["--split-platforms"] if shipped else []
        subprocess.run([*_tool(blender), "build", "--source-dir", str(stage), "--output-dir", str(out), *split], check=True)
    made = sorted(path for path in out.glob("*.zip") if before.get(path) != path.stat().st_mtime_ns)
    for path in made:
        if found := strays(path):
            raise SystemExit(f"{path.name} holds what it must not: {', '.join(found[:5])}")
    return made


def strays(path: Path) -> list[str]:
    """What is in a zip, or in a wheel in it, and must not be."""
    found = []
    with zipfile.ZipFile(path) as archive:
        for name in archive.namelist():
            if name.endswith(".whl"):
                with zipfile.ZipFile(io.BytesIO(archive.read(name))) as wheel:
                    found += [f"{name}: {inside}" for inside in wheel.namelist() if STRAYS.search(inside)]
            elif STRAYS.search(name):
                found.append(name)
    return found


def _stage(stage: Path, shipped: list[Wheel], platforms: tuple[str, ...]) -> None:
    """The tree that the zip is made of: what is shipped, the wheels, and a manifest that names them."""
    stage.mkdir()
    for name in SHIPPED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, stage / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, stage / name)
    if not shipped:
        return
    (stage / "wheels").mkdir()
    for wheel in shipped:
        if wheel.name in LEAN:
            lean(wheel.path, stage / "wheels" / wheel.file, LEAN[wheel.name])
        else:
            shutil.copy2(wheel.path, stage / "wheels" / wheel.file)
    manifest = stage / "blender_manifest.toml"
    lines = "".join(f'  "./wheels/{wheel.file}",\n' for wheel in shipped)
    names = ", ".join(f'"{platform}"' for platform in platforms)
    # A table ends only where the next begins, so what belongs to the top goes before the first table.
    head, table, rest = manifest.read_text("utf-8").partition("\n[")
    manifest.write_text(f"{head}\nplatforms = [{names}]\nwheels = [\n{lines}]\n{table}{rest}", "utf-8")


def _tool(blender: str | None) -> list[str]:
    if blender:
        return [blender, "--command", "extension"]
    spec = importlib.util.find_spec("bpy")
    if spec is None or not spec.submodule_search_locations:
        raise SystemExit("Blender's own tool builds the zip: name a Blender with --blender PATH, or run this where the bpy wheel is installed.")
    return [sys.executable, "-S", "-E", str(next(Path(spec.submodule_search_locations[0]).glob("*/scripts/addons_core/bl_pkg/cli/blender_ext.py")))]


def main(words: list[str] | None = None) -> int:
    """Fetch, and build where that is asked for; 0 when it is done."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("fetch", "build"))
    parser.add_argument("--platform", action="append", choices=PLATFORMS, help="one platform; may be given several times; all by default")
    parser.add_argument("--python", action="append", help=f"one Python, such as 3.13; may be given several times; {' and '.join(PYTHONS)} by default")
    parser.add_argument("--bare", action="store_true", help="without wheels")
    parser.add_argument("--blender", help="the Blender whose tool builds")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="where the zips go")
    given = parser.parse_args(words)
    platforms = tuple(given.platform or PLATFORMS)
    shipped = [] if given.bare else wheels(platforms, tuple(given.python or PYTHONS))
    fetch(shipped)
    if given.action == "build":
        for path in build(shipped, platforms, blender=given.blender, out=given.out):
            sys.stdout.write(f"{path}  {path.stat().st_size / 1e6:.1f} MB\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
