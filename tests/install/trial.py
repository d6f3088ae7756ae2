"""From a zip to a face that speaks, as a stranger would: ``python tests/install/trial.py --zip dist/a2f-0.1.0-linux_x64.zip [--blender PATH]``.

In a Blender with an empty user folder and home, without network where the system lets one be taken away, the zip is installed and switched on.
A scene of one face bakes the demo's sentence by the line that README gives, once with the user's settings and once with ``--factory-startup``,
and another Blender, which knows nothing of A2F, opens the result and measures how the mesh moves.
Without ``--blender`` this Python's ``bpy`` is tried, seen without any other package, so that what the zip brings is what runs.

Needs nothing but Python's own library, so that it runs in any container. Exit code 0 only where all of it went well.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from pathlib import Path

HERE = Path(__file__).resolve().parent
SENTENCE = HERE.parents[1] / "demo" / "sentence.flac"
STEPS = HERE / "steps.py"
MODULE = "bl_ext.user_default.a2f"
BAKE = "import bpy; bpy.ops.a2f.bake(filepath={speech!r}); bpy.ops.wm.save_as_mainfile(filepath={spoken!r})"
TIME_LIMIT_S = 600


class Trial:
    """One Blender, one zip, one empty folder."""

    def __init__(self, archive: Path, speech: Path, folder: Path, blender: str | None) -> None:
        self._zip, self._folder, self._blender = archive.resolve(), folder, blender
        self._speech = folder / "line_07.flac"
        shutil.copy2(speech, self._speech)
        self._offline = _offline()
        self._env = {name: value for name, value in os.environ.items() if not name.startswith(("BLENDER_", "PYTHON", "XDG_"))}
        for name, at in {"HOME": "home", "TMPDIR": "tmp", "BLENDER_USER_RESOURCES": "user"}.items():
            (folder / at).mkdir()
            self._env[name] = str(folder / at)

    def run(self) -> dict[str, object]:
        """Every step. Raises SystemExit with what went wrong."""
        begun = time.monotonic()
        scene, spoken = self._folder / "scene.blend", self._folder / "spoken.blend"
        self._step("scene", scene)
        ways = {"user settings": spoken, "--factory-startup": self._folder / "spoken_factory.blend"} if self._blender else {"bpy": spoken}
        found: dict[str, object] = {"blender": self._blender or "bpy", "offline": bool(self._offline)}
        if self._blender:
            self._run([self._blender, "--command", "extension", "install-file", "-r", "user_default", "--enable", str(self._zip)])
        for way, made in ways.items():
            told = self._bake(scene, made, factory=way == "--factory-startup")
            found[way] = {**told, **json.loads(self._step("judge", made))}
        return {**found, "seconds": round(time.monotonic() - begun, 1)}

    def _bake(self, scene: Path, made: Path, *, factory: bool) -> dict[str, object]:
        told = made.with_suffix(".json")
        env = {"A2F_TRIAL": str(told)}
        if self._blender is None:
            self._step("bake", self._zip, scene, self._speech, made, env=env)
        else:
            on = ["--factory-startup", "--addons", MODULE] if factory else []
            line = BAKE.format(speech=str(self._speech), spoken=str(made))
            watched = ["--python", str(STEPS), "--python-expr", line, "--python-expr", "import bpy; bpy.app.driver_namespace['a2f_told']()"]
            self._run([self._blender, "-b", str(scene), "--python-exit-code", "9", *on, *watched], env=env)
        facts: dict[str, object] = json.loads(told.read_text("utf-8"))
        self._check(facts, made)
        return {"runtime": facts["runtime"]}

    def _check(self, facts: Mapping[str, object], made: Path) -> None:
        """Nothing was written beside what was asked for, nobody was called, and Python's path stayed as Blender made it."""
        allowed = (str(self._folder / "user"), str(self._folder / "tmp"), str(made), "/dev/")
        writes = facts["writes"]
        assert isinstance(writes, list)
        strays = [path for path in writes if not str(path).startswith(allowed)]
        if strays or facts["calls"] or facts["path"]:
            raise SystemExit(f"It wrote {strays}, called {facts['calls']}, changed Python's path by {facts['path']}.")
        if not str(facts["runtime"]).startswith(str(self._folder / "user")):
            raise SystemExit(f"It listened with {facts['runtime']}, which is not what the zip brought.")

    def _step(self, name: str, *paths: Path, env: Mapping[str, str] | None = None) -> str:
        """A step of steps.py in a Blender as it comes from the factory. What it printed last."""
        words = [name, *map(str, paths)]
        if self._blender is None:
            site = self._folder / "site"
            _seen_alone(site)
            command = [sys.executable, "-S", str(STEPS), "--", *words]
            return self._run(command, env={**(env or {}), "PYTHONPATH": str(site)})
        return self._run([self._blender, "-b", "--factory-startup", "--python-exit-code", "9", "--python", str(STEPS), "--", *words], env=env)

    def _run(self, command: list[str], *, env: Mapping[str, str] | None = None) -> str:
        done = subprocess.run(
            [*self._offline, *command],
            env={**self._env, **(env or {})},
            cwd=self._folder,
            timeout=TIME_LIMIT_S,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        if done.returncode:
            raise SystemExit(f"{' '.join(command)}\nended with {done.returncode}:\n{done.stdout}")
        lines = [line for line in done.stdout.splitlines() if line.startswith("{")]
        return lines[-1] if lines else ""


def _offline() -> list[str]:
    """What takes the network away from a command, where that is allowed."""
    for words in (["unshare", "-n"], ["unshare", "-rn"]):
        if shutil.which("unshare") and not subprocess.run([*words, "true"], capture_output=True, check=False).returncode:
            return words
    return []


def _seen_alone(site: Path) -> None:
    """A folder in which Python finds bpy and numpy and no other package."""
    if site.exists():
        return
    site.mkdir()
    for name in ("bpy", "numpy"):
        spec = importlib.util.find_spec(name)
        if spec is None or not spec.submodule_search_locations:
            raise SystemExit(f"This Python has no {name}: name a Blender with --blender.")
        package = Path(spec.submodule_search_locations[0])
        for path in (package, package.with_name(f"{name}.libs")):
            if path.exists():
                (site / path.name).symlink_to(path)


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--zip", type=Path, required=True, help="the extension, with its wheels")
    parser.add_argument("--blender", help="a Blender to try; this Python's bpy by default")
    parser.add_argument("--speech", type=Path, default=SENTENCE, help="a recording; the demo's sentence by default")
    given = parser.parse_args()
    # Inside a home there may be symbolic links; Blender says paths without them.
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        found = Trial(given.zip, given.speech, Path(folder).resolve(), given.blender).run()
    sys.stdout.write(json.dumps(found, indent=1) + "\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
