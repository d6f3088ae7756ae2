"""The whole demo, small and short, in a process of its own: a Blender to a process."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from a2f_addon.face import arkit
from a2f_addon.files import livelink
from demo.__main__ import RESULTS
from demo.sentence import RECORDING

ROOT = Path(__file__).parents[2]
SECONDS = 1.2
MAKE = """
import sys
from pathlib import Path
from demo.__main__ import make
make(Path(sys.argv[1]), lambda text: None, recording=Path(sys.argv[2]), percentage=15)
"""
LOOK = """
import sys, bpy
bpy.ops.wm.open_mainfile(filepath=sys.argv[1])
scene = bpy.context.scene
head = bpy.context.active_object
keys = head.data.shape_keys.key_blocks
sounds = [strip.sound for strip in scene.sequence_editor.strips if strip.type == "SOUND"]
print("LOOK", head.name, len(keys), scene.frame_end, len(sounds), sounds[0].packed_file is not None, sep="|")
scene.frame_set(1)
rest = max(key.value for key in keys[1:])
jaw, teeth = [], []
for frame in range(1, scene.frame_end + 1):
    scene.frame_set(frame)
    jaw.append(keys["jawOpen"].value)
    teeth.append(bpy.data.objects["LowerTeeth"].data.shape_keys.key_blocks["jawOpen"].value)
print("JAW", rest, max(jaw), jaw == teeth, sep="|")
"""


def run(script: str, *words: str) -> list[str]:
    done = subprocess.run([sys.executable, "-c", script, *words], cwd=ROOT, capture_output=True, text=True, timeout=280, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout.splitlines()


@pytest.fixture(scope="module")
def out(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What the demo leaves behind for the first words of its sentence."""
    folder = tmp_path_factory.mktemp("demo")
    samples, rate = soundfile.read(RECORDING)
    soundfile.write(folder / "words.wav", samples[: int(SECONDS * rate)], rate)
    run(MAKE, str(folder / "out"), str(folder / "words.wav"))
    return folder / "out"


def test_everything_that_is_promised_is_there(out: Path) -> None:
    assert {path.name for path in out.iterdir()} == set(RESULTS)
    assert all((out / name).stat().st_size > 1000 for name in RESULTS)


def test_the_film_has_a_picture_and_a_sound(out: Path) -> None:
    film = (out / "talking_head.mp4").read_bytes()
    assert film[4:8] == b"ftyp"
    assert b"avc1" in film and b"mp4a" in film


def test_the_curves_are_those_of_the_whole_sound(out: Path) -> None:
    curves = livelink.read(out / "talking_head.csv")
    assert abs(len(curves) / curves.fps - SECONDS) < 0.05
    assert set(arkit.NAMES) <= set(curves.names)
    assert np.ptp(curves.channel("jawOpen")) > 0.1


def test_the_file_opens_with_the_head_keyed_and_its_sound_inside(out: Path) -> None:
    said = run(LOOK, str(out / "talking_head.blend"))
    look = next(line for line in said if line.startswith("LOOK")).split("|")
    assert look[1:] == ["Head", "53", str(int(np.ceil(SECONDS * 24))), "1", "True"]
    _, rest, opened, together = next(line for line in said if line.startswith("JAW")).split("|")
    assert float(rest) < 0.1 < float(opened)
    assert together == "True"
