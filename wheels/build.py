"""The extension's zips, one a platform: fetch the wheels, put them into the manifest, and let Blender's own tool build.

    python wheels/build.py fetch [--platform linux-x64]      the wheels, checked against wheels.toml
    python wheels/build.py build [--platform linux-x64]      dist/a2f-VERSION-PLATFORM.zip
    python wheels/build.py build --bare                      one zip without wheels, for a Blender whose Python has them already

``--blender PATH`` names the Blender whose tool builds; without it the tool of an installed ``bpy`` wheel does.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent
PLATFORMS = ("linux-x64", "windows-x64", "macos-arm64", "macos-x64")
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
        return HERE / self.file

    def is_here(self) -> bool:
        return self.path.exists() and hashlib.sha256(self.path.read_bytes()).hexdigest() == self.sha256


def wheels(platforms: tuple[str, ...]) -> list[Wheel]:
    """What wheels.toml lists for these platforms."""
    listed = tomllib.loads((HERE / "wheels.toml").read_text("utf-8"))["wheel"]
    return [wheel for wheel in (Wheel(**row) for row in listed) if wheel.platform in (*platforms, "any")]


def fetch(platforms: tuple[str, ...]) -> None:
    """Bring what is missing or damaged; pip itself refuses a file whose sum is another."""
    for wheel in wheels(platforms):
        if not wheel.is_here():
            sys.stderr.write(f"fetching {wheel.file}\n")
            _download(wheel)


def _download(wheel: Wheel) -> None:
    _, _, python, abi, platform = Path(wheel.file).stem.split("-")
    tags = [word for tag in platform.split(".") for word in ("--platform", tag)]
    if python.startswith("cp"):
        tags += ["--python-version", wheel.python, "--implementation", "cp", "--abi", abi]
    with tempfile.TemporaryDirectory() as folder:
        pin = Path(folder) / "pin.txt"
        pin.write_text(f"{wheel.name}=={wheel.version} --hash=sha256:{wheel.sha256}\n", "utf-8")
        command = [sys.executable, "-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--require-hashes"]
        subprocess.run([*command, "-r", str(pin), "-d", folder, *tags], check=True)
        shutil.move(Path(folder) / wheel.file, wheel.path)


def build(platforms: tuple[str, ...], *, bare: bool, blender: str | None, out: Path) -> list[Path]:
    """The zips. Raises CalledProcessError where Blender's tool refuses."""
    out.mkdir(parents=True, exist_ok=True)
    before = {path: path.stat().st_mtime_ns for path in out.glob("*.zip")}
    with tempfile.TemporaryDirectory() as folder:
        stage = Path(folder) / "a2f"
        _stage(stage, [] if bare else wheels(platforms), platforms)
        split = [] if bare else ["--split-platforms"]
        subprocess.run([*_tool(blender), "build", "--source-dir", str(stage), "--output-dir", str(out), *split], check=True)
    return sorted(path for path in out.glob("*.zip") if before.get(path) != path.stat().st_mtime_ns)


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
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("action", choices=("fetch", "build"))
    parser.add_argument("--platform", action="append", choices=PLATFORMS, help="one platform; may be given several times; all by default")
    parser.add_argument("--bare", action="store_true", help="without wheels")
    parser.add_argument("--blender", help="the Blender whose tool builds")
    parser.add_argument("--out", type=Path, default=ROOT / "dist", help="where the zips go")
    given = parser.parse_args(words)
    platforms = tuple(given.platform or PLATFORMS)
    if not given.bare:
        fetch(platforms)
    if given.action == "build":
        for path in build(platforms, bare=given.bare, blender=given.blender, out=given.out):
            sys.stdout.write(f"{path}  {path.stat().st_size / 1e6:.1f} MB\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
