"""``python -m demo``: a recorded sentence in, a talking head out. Says what it does, and at the end where each result lies."""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from a2f_addon.errors import A2FError

from . import system
from .sentence import RECORDING, TEXT

if TYPE_CHECKING:
    from a2f_addon.job import Heard

    from .head import Part

OUT = Path(__file__).with_name("out")
LIVE_LINK_FPS = 60
BLEND, FILM, SHEET, PLOT, CSV = "talking_head.blend", "talking_head.mp4", "contact_sheet.png", "curves.png", "talking_head.csv"
RESULTS = {
    BLEND: "the head, its sound and its keys, to open in Blender",
    FILM: "the film",
    SHEET: "the face at the sentence's telling moments",
    PLOT: "waveform, phones and curves",
    CSV: "the curves as Live Link Face writes them",
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

    from . import head, stage

    out.mkdir(parents=True, exist_ok=True)
    say("sculpting the head")
    parts = head.build()
    stage.set_up(parts)
    bpy.context.scene.render.resolution_percentage = percentage
    stage.speak(bpy.context.scene, recording, seconds=soundfile.info(recording).duration)
    say("listening, and keying the face")
    heard = _keyed(recording, out)
    _draw(heard, parts[0], recording, out, say)
    say("done")
    for name, what in RESULTS.items():
        print(f"  {os.path.relpath(out / name):32} {what}")


def _keyed(recording: Path, out: Path) -> Heard:
    """What was heard, once the scene's face says it and is written as a .blend, and the curves as a CSV."""
    import bpy

    import a2f_addon
    from a2f_addon.files import livelink
    from a2f_addon.job import Job, Motion, animate, listen

    heard = listen(Job(recording))
    livelink.write(out / CSV, animate(heard, Motion(), fps=LIVE_LINK_FPS))
    a2f_addon.register()
    bpy.ops.a2f.bake(filepath=str(recording), frame_start=1)
    bpy.context.preferences.filepaths.save_version = 0
    bpy.ops.wm.save_as_mainfile(filepath=str(out / BLEND), compress=True)
    return heard


def _draw(heard: Heard, skin: Part, recording: Path, out: Path, say: Callable[[str], None]) -> None:
    """The film, the contact sheet, and the curves over the waveform. skin: the part whose lips are measured."""
    import bpy
    import soundfile

    from a2f_addon.job import Motion, animate

    from . import moments, render, sheet, stage

    samples, rate = soundfile.read(recording)
    last = bpy.context.scene.frame_end
    with tempfile.TemporaryDirectory() as folder:
        frames = Path(folder)
        render.draw(out / BLEND, frames, last=last, progress=lambda done, count: say(f"drawing the film, {done} of {count} frames"))
        say("drawing the contact sheet and the curves")
        telling = moments.telling(heard.speech, last_s=(last - 1) / stage.FPS, most=sheet.COLUMNS * sheet.ROWS)
        sheet.contact_sheet(telling, lambda time_s: render.frame_path(frames, min(round(time_s * stage.FPS) + 1, last)), out / SHEET)
        curves = animate(heard, Motion(), fps=stage.FPS)
        sheet.curves_plot(samples, rate, speech=heard.speech, curves=curves, gap=sheet.lip_gap(skin, curves), path=out / PLOT)
        say("joining pictures and sound")
        render.join(frames, recording, out / FILM, last=last)


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
