"""The newcomer's story in a real Blender window, without a graphics card and without a screen.

    python tests/window/run.py --chroot ROOT      Blender, xvfb, xdotool and imagemagick inside of ROOT, as chroot.sh makes it
    python tests/window/run.py                    those of this machine

Builds the zip, starts Blender under Xvfb in an empty user folder, lets ``story.py`` run in it, and says what was checked and measured. Pictures go
to ``build/window/VERSION``; with ``--docs`` those of the README are made of them. Exit status 0: all held, or there is no such Blender here, which is
said in one line; 1: something did not hold.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import numpy as np
import soundfile

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
SCREEN = (1280, 2400)
LIMIT_S = 1500
MAKE_HEAD = """
import sys; sys.path.insert(0, {folder!r})
import bpy
from demo import head, stage
stage.set_up(head.build())
bpy.context.scene.render.fps = 24
bpy.ops.wm.save_as_mainfile(filepath={blend!r})
"""
DOCS = {"panel.png": ("baked", 0), "panel_emotion.png": ("part_emotion", 800), "panel_mapping.png": ("part_mapping", 800)}
"""The pages' pictures: which step's, and how many pixels of the tab alone; 0 is the whole window."""


class Place:
    """Where Blender is: this machine, or a folder that holds another system."""

    def __init__(self, chroot: Path | None) -> None:
        self.chroot = chroot
        self.words = ["chroot", str(chroot)] if chroot else []
        self.folder = Path(tempfile.mkdtemp(prefix="a2f-window-", dir=chroot / "tmp" if chroot else None))

    def inside(self, path: Path) -> str:
        """A path as Blender sees it."""
        return f"/{path.relative_to(self.chroot)}" if self.chroot else str(path)

    def run(self, *words: str, **more: Any) -> subprocess.CompletedProcess[str]:
        """Run something there, in an empty user folder and without a graphics card."""
        own = {"BLENDER_USER_RESOURCES": self.inside(self.folder / "user"), "HOME": self.inside(self.folder), "LC_ALL": "C.UTF-8"}
        own |= {"LIBGL_ALWAYS_SOFTWARE": "1"}
        kept = {name: value for name, value in os.environ.items() if name in ("PATH", "TMPDIR")}
        more |= {"stdout": subprocess.PIPE, "stderr": subprocess.STDOUT, "text": True, "check": False}
        return subprocess.run([*self.words, *words], env={**kept, **own}, **more)

    def python(self) -> str:
        """The version of Blender's Python, "3.13"; empty where there is no Blender with what a window needs."""
        try:
            for tool in ("xvfb-run", "xdotool", "import", "convert"):
                if self.run("sh", "-c", f"command -v {tool}").returncode:
                    return ""
            said = self.run("blender", "-b", "--factory-startup", "--python-expr", "import sys; print('PYTHON', '%d.%d' % sys.version_info[:2])")
        except OSError:
            return ""
        found = re.search(r"^PYTHON (\S+)$", said.stdout, re.MULTILINE)
        return found[1] if found else ""


def make_zip(folder: Path, python: str, given: Path | None) -> None:
    """The zip that is installed, with the wheels of that Blender's Python."""
    if given is not None:
        shutil.copy2(given, folder)
        return
    build = [sys.executable, str(ROOT / "wheels/build.py"), "build", "--platform", "linux-x64", "--python", python, "--out", str(folder)]
    subprocess.run(build, check=True, stdout=subprocess.DEVNULL)


def make_sounds(folder: Path) -> None:
    """The demo's sentence, and long takes of it."""
    sentence = ROOT / "demo/sentence.flac"
    shutil.copy2(sentence, folder)
    samples, rate = soundfile.read(sentence, dtype="float32")
    for name, seconds, gain in (("one_minute", 60, 1.0), ("ten_minutes", 600, 0.9), ("ten_minutes_louder", 600, 1.0)):
        soundfile.write(folder / f"{name}.wav", np.resize(samples * gain, seconds * rate), rate)


def make_head(place: Place) -> None:
    """The demo's head, saved by that very Blender."""
    for name in ("demo", "a2f_addon"):
        shutil.copytree(ROOT / name, place.folder / "head" / name, ignore=shutil.ignore_patterns("__pycache__", "*.onnx", "out"))
    script = place.folder / "make_head.py"
    folder, blend = place.inside(place.folder / "head"), place.folder / "head.blend"
    script.write_text(MAKE_HEAD.format(folder=folder, blend=place.inside(blend)), "utf-8")
    said = place.run("blender", "-b", "--factory-startup", "--python", place.inside(script))
    if not blend.exists():
        raise SystemExit(f"{said.stdout}\nThe head could not be made.")


def tell(place: Place) -> tuple[int, str]:
    """Run the story: Blender's exit status, and all that it said."""
    shutil.copy2(HERE / "story.py", place.folder)
    (place.folder / "pictures").mkdir()
    screen = f"-screen 0 {SCREEN[0]}x{SCREEN[1]}x24 +extension GLX"
    blender = ["blender", "--factory-startup", "--gpu-backend", "opengl", "-p", "0", "0", "1280", "800"]
    story = ["--python", place.inside(place.folder / "story.py"), "--", place.inside(place.folder)]
    try:
        ended = place.run("xvfb-run", "-n", str(100 + os.getpid() % 800), "-s", screen, *blender, *story, timeout=LIMIT_S)
    except subprocess.TimeoutExpired as error:
        return 124, (error.stdout or b"").decode(errors="replace") if isinstance(error.stdout, bytes) else error.stdout or ""
    return ended.returncode, ended.stdout


def make_docs(place: Place, told: dict[str, Any]) -> None:
    """The README's pictures, with few colours so that they are small."""
    for name, (step, tab_px) in DOCS.items():
        taken = told["pictures"][step]
        picture = place.inside(place.folder / "pictures" / taken["file"])
        left, top, width, height = taken["tab"]
        crop = ["-crop", f"{width}x{min(height, tab_px)}+{left}+{top}", "+repage"] if tab_px else []
        out = place.folder / name
        place.run("convert", picture, *crop, "-dither", "None", "-colors", "200", "-strip", f"PNG8:{place.inside(out)}")
        shutil.copy2(out, ROOT / "docs" / name)


def _own_error(said: str) -> bool:
    """Whether an exception that passed through the add-on or the story was printed; a distribution's Blender prints some of its own."""
    calls = re.findall(r"^Traceback .*\n((?: .*\n)+)", said, re.MULTILINE)
    return any("/a2f_addon/" in each or "/story.py" in each for each in calls)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--chroot", type=Path, help="the folder of a system that has Blender")
    parser.add_argument("--zip", type=Path, help="the zip to install; it is built by default")
    parser.add_argument("--out", type=Path, default=ROOT / "build/window", help="where the pictures go")
    parser.add_argument("--docs", action="store_true", help="make the README's pictures")
    parser.add_argument("--keep", action="store_true", help="leave the folder that Blender worked in")
    given = parser.parse_args()
    if given.chroot and not given.chroot.is_dir():
        sys.stdout.write(f"There is no {given.chroot}: the story in a window was not told, the other tests decide.\n")
        return 0
    place = Place(given.chroot.resolve() if given.chroot else None)
    try:
        return _tell_all(place, given)
    finally:
        if not given.keep:
            shutil.rmtree(place.folder, ignore_errors=True)


def _tell_all(place: Place, given: argparse.Namespace) -> int:
    python = place.python()
    if not python:
        sys.stdout.write("There is no Blender with a window here (blender, xvfb, xauth, xdotool, imagemagick): the other tests decide.\n")
        return 0
    make_zip(place.folder, python, given.zip)
    make_sounds(place.folder)
    make_head(place)
    status, said = tell(place)
    result = place.folder / "result.json"
    told = json.loads(result.read_text("utf-8")) if result.exists() else {"blender": "unknown", "failed": "Blender ended before the story did"}
    out = given.out / told["blender"].split()[0]
    shutil.rmtree(out, ignore_errors=True)
    shutil.copytree(place.folder / "pictures", out)
    (out / "blender.log").write_text(said, "utf-8")
    if result.exists():
        shutil.copy2(result, out)
    failed = told["failed"] or ("an error was printed" if _own_error(said) else "") or (f"Blender ended with {status}" if status else "")
    sys.stdout.write("".join(f"  {line}\n" for line in told.get("checks", [])))
    sys.stdout.write("".join(f"  {name}: {value}\n" for name, value in told.get("measured", {}).items()))
    sys.stdout.write(f"Blender {told['blender']}: {failed or 'the whole story holds'}; pictures and log in {out}\n")
    if given.docs and not failed:
        make_docs(place, told)
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
