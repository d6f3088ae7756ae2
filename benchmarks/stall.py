"""How long a bake holds Blender's window: ``python -m benchmarks.stall [SECONDS]``, with Blender as a Python module.

The bake's modal operator is driven as a window drives it, a timer event every 5 ms, through a ten-minute recording from button to keys. Printed is
the longest that a single event took (what the window would have waited for A2F), how long the main thread itself was at work in one event (on a busy
machine the figure that counts), and the longest time between two events, which is what the person feels: it has in it whatever else held the machine
or Python. The same as ten lines one after the other, and into an Action of the artist's. Then one minute is adjusted, stages, keys and all.
"""

from __future__ import annotations

import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np
import soundfile

import a2f_addon
from a2f_addon.blender import compat, operators, properties, runner
from a2f_addon.blender.operators import A2F_OT_bake, Background
from a2f_addon.face.arkit import NAMES

SENTENCE = Path(__file__).parents[1] / "demo" / "sentence.flac"
TICK_S = 0.005
LINES = 10


class Window(SimpleNamespace):
    """As much of a window as the operator asks for."""

    def __init__(self) -> None:
        super().__init__(windows=[], a2f=SimpleNamespace())
        self.window_manager = self.workspace = self

    def status_text_set(self, text: str | None) -> None:
        """The status bar."""

    def event_timer_remove(self, timer: object) -> None:
        """The timer."""


def recording(folder: Path, *, seconds: float, name: str = "speech") -> Path:
    """The demo's sentence, over and over."""
    samples, rate = soundfile.read(SENTENCE)
    path = folder / f"{name}_{seconds:g}.wav"
    soundfile.write(path, np.resize(samples, round(rate * seconds)), rate)
    return path


def head() -> None:
    """A face with the 52 shapes, active."""
    mesh = bpy.data.meshes.new("Head")
    mesh.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    made = bpy.data.objects.new("Head", mesh)
    bpy.context.scene.collection.objects.link(made)
    for name in ("Basis", *NAMES):
        made.shape_key_add(name=name).value = 0.0
    bpy.context.view_layer.objects.active = made


def an_action() -> None:
    """Let the face play an Action of the artist's."""
    key = bpy.context.view_layer.objects.active.data.shape_keys
    action = bpy.data.actions.new("Face")
    slot = compat.new_slot(action, key)
    for name in ("jawOpen", "mouthSmileLeft"):
        compat.new_fcurve(action, slot, f'key_blocks["{name}"].value').keyframe_points.insert(1, 0.1)
    compat.assign(key.animation_data_create(), action, slot)


def bake(paths: list[Path], **output: Any) -> tuple[float, ...]:
    """Seconds: of the button's press, and at work in it; of the longest event, and at work in one; between two; and all of it."""
    scene, window = bpy.context.scene, Window()
    begun, begun_busy = time.perf_counter(), time.thread_time()
    requests, first = [], 1.0
    for path in paths:
        speech = properties.choose(bpy.context, "FILE", filepath=str(path), frame_start=first).lines[0]
        motion = properties.Values(None, scene).motion(speech, scene)
        requests.append(runner.prepare(bpy.context, speech, motion, None, output=runner.Output(**output)))
        first += (soundfile.info(path).duration + 1) * scene.render.fps
    operator: Any = type("Bake", (Background,), {"_writing": A2F_OT_bake._writing, "_tell": lambda *_: {"FINISHED"}, "report": lambda *_: None})()
    operator._runs, operator._made = [runner.Run(request) for request in requests], []
    for run in operator._runs:
        run.start()
    pressed_s, pressed_busy_s = time.perf_counter() - begun, time.thread_time() - begun_busy
    longest_event_s = longest_busy_s = longest_gap_s = 0.0
    last, state = time.perf_counter(), {"PASS_THROUGH"}
    while state == {"PASS_THROUGH"}:
        time.sleep(TICK_S)
        before, before_busy = time.perf_counter(), time.thread_time()
        state = operators.Background.modal(operator, window, SimpleNamespace(type="TIMER", value="NOTHING"))
        now, longest_busy_s = time.perf_counter(), max(longest_busy_s, time.thread_time() - before_busy)
        longest_event_s, longest_gap_s, last = max(longest_event_s, now - before), max(longest_gap_s, now - last), now
    assert state == {"FINISHED"}, window.a2f.said
    return pressed_s, pressed_busy_s, longest_event_s, longest_busy_s, longest_gap_s, time.perf_counter() - begun


def main(words: list[str]) -> None:
    """Print the table."""
    seconds = float(words[0]) if words else 600.0
    a2f_addon.register()
    bpy.ops.wm.read_homefile(use_empty=True)
    head()
    print(f"Blender {bpy.app.version_string}, {seconds:g} s of speech, 52 shapes")
    print("| bake | button (ms) | of which at work | longest event (ms) | longest at work (ms) | longest between events (ms) | all (s) |")
    print("|---|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        whole = [recording(Path(folder), seconds=seconds)]
        lines = [recording(Path(folder), seconds=seconds / LINES, name=f"line_{number}") for number in range(LINES)]
        into = {"place": "INTO"}
        for name, paths, output in (
            *(("every frame", whole, {}), ("again", whole, {}), ("few keys, again", whole, {"error": 0.004})),
            *((f"as {LINES} lines", lines, {}), ("again", lines, {})),
            *(("into an Action", whole, into), ("again", whole, into), (f"into it as {LINES} lines", lines, into)),
        ):
            if name in (f"as {LINES} lines", "into an Action"):
                bpy.ops.a2f.clear()
            if name == "into an Action":
                an_action()
            *held_s, all_s = bake(paths, **output)
            print(f"| {name} | {' | '.join(f'{each_s * 1e3:.0f}' for each_s in held_s)} | {all_s:.1f} |", flush=True)
        bpy.ops.a2f.clear()
        bpy.ops.a2f.bake(filepath=str(recording(Path(folder), seconds=60.0)))
        runner.session.memory.forget_bakes()
        bpy.ops.a2f.bake(filepath=str(recording(Path(folder), seconds=60.0)))
        times = []
        for strength in (0.5, 1.0, 1.5):
            begun = time.perf_counter()
            bpy.ops.a2f.adjust(articulation_jaw=strength)
            times.append(time.perf_counter() - begun)
        print(f"Adjust on 60 s of speech: {min(times):.2f} s at best, {max(times):.2f} s at worst of three")


if __name__ == "__main__":
    main(sys.argv[1:])
