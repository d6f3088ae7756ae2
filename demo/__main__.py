"""``python -m demo``: a recorded sentence in, a talking head out. Says what it does, and at the end where each result lies."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from a2f_addon.errors import A2FError

from . import system
from .sentence import RECORDING, TEXT

OUT = Path(__file__).with_name("out")
LIVE_LINK_FPS = 60
RESULTS = {
    "talking_head.blend": "the head, its sound and its keys, to open in Blender",
    "talking_head.mp4": "the film",
    "contact_sheet.png": "the face at the sentence's telling moments",
    "curves.png": "waveform, phones and curves",
    "talking_head.csv": "the curves as Live Link Face writes them",
}


def main() -> int:
    """Make everything. Returns the exit code: 0, or 2 with one sentence on stderr."""
    system.require_blender()
    from .render import RenderError

    print(f'"{TEXT}"')
    try:
        make(OUT, _clock())
    except (A2FError, RenderError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def make(out: Path, say: Callable[[str], None], *, recording: Path = RECORDING, percentage: int = 100) -> None:
    """Write all RESULTS of a recording into a folder, the film at a percentage of its size. Raises A2FError and RenderError."""
    import bpy
    import soundfile

    import a2f_addon
    from a2f_addon.files import livelink
    from a2f_addon.job import Job, Motion, animate, listen

    from . import head, moments, render, sheet, stage

    out.mkdir(parents=True, exist_ok=True)
    blend, film, sheet_path, plot_path, csv = (out / name for name in RESULTS)
    samples, rate = soundfile.read(recording)
    say("sculpting the head")
    parts = head.build()
    stage.set_up(parts)
    scene = bpy.context.scene
    scene.render.resolution_percentage = percentage
    stage.speak(scene, recording, seconds=len(samples) / rate)

    say("listening, and keying the face")
    heard = listen(Job(recording))
    livelink.write(csv, animate(heard, Motion(), fps=LIVE_LINK_FPS))
    a2f_addon.register()
    bpy.ops.a2f.bake(filepath=str(recording), frame_start=1)
    bpy.context.preferences.filepaths.save_version = 0
    bpy.ops.wm.save_as_mainfile(filepath=str(blend), compress=True)

    last = scene.frame_end
    with tempfile.TemporaryDirectory() as folder:
        frames = Path(folder)
        render.draw(blend, frames, last=last, progress=lambda done, count: say(f"drawing the film, {done} of {count} frames"))
        say("drawing the contact sheet and the curves")
        telling = moments.telling(heard.speech, last_s=(last - 1) / stage.FPS, most=sheet.COLUMNS * sheet.ROWS)
        sheet.contact_sheet(telling, lambda time_s: render.frame_path(frames, min(round(time_s * stage.FPS) + 1, last)), sheet_path)
        curves = animate(heard, Motion(), fps=stage.FPS)
        sheet.curves_plot(samples, rate, speech=heard.speech, curves=curves, gap=sheet.lip_gap(parts[0], curves), path=plot_path)
        say("joining pictures and sound")
        render.join(frames, recording, film, last=last)
    say("done")
    for name, what in RESULTS.items():
        print(f"  {os.path.relpath(out / name):32} {what}")


def _clock() -> Callable[[str], None]:
    """Prints lines with the seconds since the start; a line that is about the same as the last one waits for five seconds to pass."""
    start = time.monotonic()
    last: dict[str, float] = {}

    def say(text: str) -> None:
        now = time.monotonic() - start
        kind = text.partition(",")[0]
        if now - last.get(kind, -10.0) >= 5:
            last[kind] = now
            print(f"[{now:4.0f} s] {text}", flush=True)

    return say


if __name__ == "__main__":
    sys.exit(main())
