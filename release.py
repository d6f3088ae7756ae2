"""Make a release, or say what keeps it: ``python release.py``. ``python release.py --check`` only looks.

It refuses a tree that is not clean, versions that differ, a version that is out already, a change of the add-on that came after the last word of the
changelog, and checks or tests that fail. Then it builds the zips, writes their sums, and says what is left to do by hand.
"""

from __future__ import annotations

import argparse
import hashlib
import re
import subprocess
import sys
import tomllib
from pathlib import Path

ROOT = Path(__file__).resolve().parent
SECTION = re.compile(r"^## \[(?P<version>[^\]]+)\] - (?P<date>\S+)\n(?P<text>.*?)(?=^## |\Z)", re.MULTILINE | re.DOTALL)
CHECKS = (("ruff", "check", "."), ("mypy",), ("pytest", "-q"))


def problems(root: Path) -> list[str]:
    """A sentence for each thing that keeps the tree below `root` from being released."""
    version = str(tomllib.loads((root / "blender_manifest.toml").read_text("utf-8"))["version"])
    found = []
    if changed := _git(root, "status", "--porcelain").splitlines():
        found.append(f"The tree is not clean: {', '.join(line[3:] for line in changed[:5])}.")
    found += _of_changelog((root / "CHANGELOG.md").read_text("utf-8"), version)
    tags = _git(root, "tag").split()
    here = _git(root, "tag", "--points-at", "HEAD").split()
    if other := [tag for tag in here if tag.startswith("v") and tag != f"v{version}"]:
        found.append(f"This commit is tagged {other[0]}, and the manifest says {version}.")
    if f"v{version}" in tags and f"v{version}" not in here:
        found.append(f"Version {version} is out already; give the manifest and the changelog a new one.")
    told = _git(root, "log", "-1", "--format=%H", "--", "CHANGELOG.md").strip()
    if told and (later := _git(root, "log", "--format=%h %s", f"{told}..HEAD", "--", "a2f_addon").splitlines()):
        found.append(f"The changelog is older than {len(later)} of the add-on's changes: {later[0]}. Add what a user sees of them.")
    return found


def _of_changelog(text: str, version: str) -> list[str]:
    section = SECTION.search(text)
    if section is None:
        return ["CHANGELOG.md has no section like '## [1.2.3] - 2026-01-31'."]
    if section["version"] != version:
        return [f"The manifest says {version}, and the newest section of CHANGELOG.md {section['version']}."]
    found = []
    if not re.fullmatch(r"\d{4}-\d{2}-\d{2}", section["date"]):
        found.append(f"The section {version} of CHANGELOG.md says '{section['date']}' in place of its day, as in 2026-01-31.")
    if "\n- " not in section["text"]:
        found.append(f"The section {version} of CHANGELOG.md lists nothing.")
    return found


def _git(root: Path, *words: str) -> str:
    return subprocess.run(["git", *words], cwd=root, check=True, capture_output=True, text=True).stdout


def build(root: Path) -> list[Path]:
    """Run every check, then make the zips in dist/ and SHA256SUMS beside them. Raises CalledProcessError."""
    for words in CHECKS:
        subprocess.run([sys.executable, "-m", *words], cwd=root, check=True)
    out = root / "dist"
    for old in out.glob("*.zip"):
        old.unlink()
    subprocess.run([sys.executable, "wheels/build.py", "build", "--out", str(out)], cwd=root, check=True)
    made = sorted(out.glob("*.zip"))
    sums = "".join(f"{hashlib.sha256(path.read_bytes()).hexdigest()}  {path.name}\n" for path in made)
    (out / "SHA256SUMS").write_text(sums, "utf-8")
    return made


def main() -> int:
    """Say what keeps the release, else make it; 1 where it cannot be made."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only say what keeps a release")
    given = parser.parse_args()
    if found := problems(ROOT):
        sys.stderr.write("".join(f"{sentence}\n" for sentence in found))
        return 1
    if given.check:
        return 0
    try:
        made = build(ROOT)
    except subprocess.CalledProcessError as error:
        sys.stderr.write(f"Not released: '{' '.join(map(str, error.cmd[2:]))}' failed.\n")
        return 1
    sys.stdout.write("".join(f"{path.stat().st_size / 1e6:6.1f} MB  {path.name}\n" for path in made))
    sys.stdout.write((ROOT / "dist" / "SHA256SUMS").read_text("utf-8"))
    version = tomllib.loads((ROOT / "blender_manifest.toml").read_text("utf-8"))["version"]
    sys.stdout.write(f"Try each zip (python tests/install/trial.py --zip ...), then: git tag v{version}, push it, and offer dist/* for download.\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
