"""The film: its frames drawn by two Blenders side by side, then joined with the sound by a third.

They run as ``python -m demo.render draw FILE.blend FOLDER FIRST STEP``, which draws every STEP-th frame from FIRST on, and as
``python -m demo.render join FOLDER SOUND FILM LAST``; so what Blender says meanwhile stays with them.
"""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import bpy

from . import stage

PROCESSES = 2
POLL_S = 0.5


class RenderError(Exception):
    """Blender could not draw; ``str(error)`` says what to do."""


def frame_path(folder: Path, frame: int) -> Path:
    """Where a frame of the film is drawn to."""
    return folder / f"{frame:04d}.png"


def draw(blend: Path, folder: Path, *, last: int, progress: Callable[[int, int], None]) -> None:
    """Draw the frames 1 to ``last`` of a file; ``progress`` is told how many of how many are there.

    Raises RenderError where a Blender ends before its last frame.
    """
    running = [_start("draw", blend, folder, first, PROCESSES) for first in range(1, PROCESSES + 1)]
    try:
        while any(process.poll() is None for process in running):
            time.sleep(POLL_S)
            progress(len(list(folder.glob("*.png"))), last)
    finally:
        for process in running:
            process.kill()
    if any(process.returncode for process in running):
        raise RenderError("Blender could not draw the film; without a graphics card it needs: sudo apt-get install libegl1 libgl1-mesa-dri")


def join(folder: Path, sound: Path, film: Path, *, last: int) -> None:
    """The frames and their sound as an mp4 (H.264, AAC). Raises RenderError where it cannot be written."""
    if _start("join", folder, sound, film, last).wait():
        raise RenderError(f"Blender could not write '{film}'; make room there, or close the film where it is open.")


def _start(*words: str | Path | int) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "demo.render", *map(str, words)]
    return subprocess.Popen(command, cwd=Path(__file__).parents[1], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)


def _join(folder: Path, sound: Path, film: Path, last: int) -> None:
    bpy.ops.wm.read_factory_settings(use_empty=True)
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, last
    scene.render.fps = stage.FPS
    scene.render.resolution_x, scene.render.resolution_y = bpy.data.images.load(str(frame_path(folder, 1))).size
    scene.view_settings.view_transform = "Standard"
    strips = scene.sequence_editor_create().strips
    pictures = strips.new_image("Film", str(frame_path(folder, 1)), 1, 1)
    for frame in range(2, last + 1):
        pictures.elements.append(frame_path(folder, frame).name)
    strips.new_sound("Sound", str(sound), 2, 1)
    _as_mp4(scene.render)
    # Blender appends the frame numbers to a name without an ending that it knows.
    scene.render.filepath = str(film)
    scene.render.use_file_extension = False
    bpy.ops.render.render(animation=True)


def _as_mp4(render: bpy.types.RenderSettings) -> None:
    if hasattr(render.image_settings, "media_type"):
        render.image_settings.media_type = "VIDEO"
    render.image_settings.file_format = "FFMPEG"
    encoder = render.ffmpeg
    encoder.format, encoder.codec, encoder.audio_codec = "MPEG4", "H264", "AAC"
    encoder.constant_rate_factor, encoder.ffmpeg_preset = "HIGH", "GOOD"
    encoder.gopsize, encoder.audio_bitrate, encoder.audio_mixrate = 12, 160, 48000


def _draw_share(blend: Path, folder: Path, first: int, step: int) -> None:
    bpy.ops.wm.open_mainfile(filepath=str(blend))
    stage.light_workbench()
    scene = bpy.context.scene
    scene.render.image_settings.file_format = "PNG"
    scene.render.image_settings.compression = 0
    for frame in range(first, scene.frame_end + 1, step):
        scene.frame_set(frame)
        scene.render.filepath = str(frame_path(folder, frame))
        bpy.ops.render.render(write_still=True)


def _main(task: str, *words: str) -> None:
    if task == "draw":
        blend, folder, first, step = words
        _draw_share(Path(blend), Path(folder), int(first), int(step))
    else:
        folder, sound, film, last = words
        _join(Path(folder), Path(sound), Path(film), int(last))


if __name__ == "__main__":
    _main(*sys.argv[1:])
