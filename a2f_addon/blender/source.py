"""Where the speech comes from: a sound strip of the sequencer or a file, taken down as plain data that outlives every change in the scene."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from bpy.types import Context, Scene
from numpy.typing import NDArray

from ..errors import SoundError
from ..face.curves import FaceCurves
from . import compat, ownership

DECODED_BY_BLENDER = frozenset(
    f".{name}"
    for name in "3gp aac ac3 amr avi flv m2ts m4a m4b m4v mka mkv mov mp4 mpg mpeg mts ts webm wma wmv".split()
)
"""Films and what else libsndfile cannot read; Blender's own decoder can."""

DECODED_RATE = 16_000
"""Hz: all that speech needs, and a tenth of the memory of a film's own sound."""

WHOLE_FRAME = 2e-3
"""Frames that a key may lie beside a whole frame and is meant to lie on it: at 60 fps, half a sample of 16 kHz."""

RESAMPLER_QUALITY = 1
"""Of Audaspace's 0 to 3; from 1 on an impulse stays where it was."""


@dataclass(frozen=True)
class Source:
    """One recording and its place on the timeline.

    name: how the artist knows it. identity: the same for each bake of the same recording at whatever place.
    packed: the sound itself where the .blend file holds it. start_s, end_s: the span in seconds of the recording, None where it is not trimmed.
    zero_frame: the scene's frame at which the recording's own second 0 plays; may be a fraction. fps: the scene's frames a second.
    length_s: of the span, where that is known without opening the recording. strip: the names of scene and strip, where it is one.
    """

    name: str
    identity: str
    path: Path
    packed: bytes | None
    start_s: float | None
    end_s: float | None
    zero_frame: float
    fps: float
    length_s: float | None = None
    strip: tuple[str, str] | None = None

    def frames(self, curves: FaceCurves) -> NDArray[np.float64]:
        """The scene's frame of each frame of the curves, float64 [frames]; a fraction where the sound begins between two frames."""
        frames = self.zero_frame + curves.times * self.fps
        whole = np.round(frames)
        # A span begins at a whole sample, a little off the frame that it was cut at.
        return np.where(np.abs(frames - whole) < WHOLE_FRAME, whole, frames)


def from_file(filepath: str, scene: Scene, *, frame_start: float) -> Source:
    """A whole file that begins to play at a frame. Raises SoundError where it is missing."""
    path = Path(bpy.path.abspath(filepath))
    if not path.is_file():
        raise SoundError(f"There is no sound file '{path}'; choose another.")
    return Source(path.stem, ownership.of_file(path), path, None, None, None, frame_start, _fps(scene))


def from_strip(strip: Any, scene: Scene) -> Source:
    """What a sound strip lets be heard, where it lets it be heard. Raises SoundError where it cannot be followed."""
    if strip is None or strip.type != "SOUND" or strip.sound is None:
        raise SoundError("Choose a sound strip in the sequencer, or a sound file.")
    if compat.is_retimed(strip):
        raise SoundError(f"The strip '{strip.name}' plays at a changed speed, which cannot be followed; render it to a sound file and bake that.")
    sound, times, fps = strip.sound, compat.strip_times(strip), _fps(scene)
    packed = bytes(sound.packed_file.data) if sound.packed_file else None
    path = Path(bpy.path.abspath(sound.filepath, library=sound.library))
    if packed is None and not path.is_file():
        raise SoundError(f"The sound of the strip '{strip.name}' is missing; '{path}' is not there.")
    zero = times.zero + times.sound_offset_s * fps
    start_s = (times.left - zero) / fps
    # An untrimmed end is left open, because the strip's own is rounded up to a whole frame.
    end_s = (times.right - zero) / fps if times.right < times.end else None
    if end_s is not None and end_s <= max(start_s, 0.0):
        raise SoundError(f"The strip '{strip.name}' has no sound in frames {times.left:g} to {times.right:g}.")
    place = (scene.name, strip.name)
    length_s = (times.right - times.left) / fps
    return Source(strip.name, f"strip {'/'.join(place)}", path, packed, start_s if start_s > 0 else None, end_s, zero, fps, length_s, place)


def active_strip(context: Context) -> Any | None:
    """The sound strip that is meant: the active one, else the only one selected, else the only one there is."""
    scene = compat.sequencer_scene(context)
    if scene is None or scene.sequence_editor is None:
        return None
    active = scene.sequence_editor.active_strip
    if active is not None and active.type == "SOUND":
        return active
    sounds = [strip for strip in compat.strips(scene) if strip.type == "SOUND"]
    for candidates in ([strip for strip in sounds if strip.select], sounds):
        if len(candidates) == 1:
            return candidates[0]
    return None


def check_still_there(source: Source) -> None:
    """Raise SoundError where the strip was deleted since it was taken down."""
    if source.strip is None:
        return
    scene_name, strip_name = source.strip
    scene = bpy.data.scenes.get(scene_name)
    if scene is None or all(strip.name != strip_name for strip in compat.strips(scene)):
        raise SoundError(f"The strip '{strip_name}' was deleted or renamed during its bake; nothing was changed.")


@contextmanager
def opened(source: Source) -> Iterator[Path]:
    """The recording as a file that libsndfile reads, for as long as the block lasts. Uses no Blender data, so any thread may call it."""
    with tempfile.TemporaryDirectory(prefix="a2f-") as folder:
        path = source.path
        if source.packed is not None:
            path = Path(folder) / (source.path.name or "packed.wav")
            path.write_bytes(source.packed)
        if path.suffix.lower() in DECODED_BY_BLENDER:
            path = _decoded(path, Path(folder))
        yield path


def _decoded(path: Path, folder: Path) -> Path:
    """A wav file of what Blender's decoder hears."""
    try:
        import aud
    except ImportError as error:
        raise SoundError(f"'{path.name}' needs Blender's sound decoder, which this Blender lacks; save it as wav, flac or mp3.") from error
    import soundfile

    decoder: Any = aud
    try:
        sound = decoder.Sound(str(path))
        sound.specs  # noqa: B018 - asked first because it raises where data() ends Blender
        samples = sound.rechannel(1).resample(DECODED_RATE, RESAMPLER_QUALITY).data()
    except decoder.error as error:
        raise SoundError(f"There is no sound in '{path.name}' that Blender can read; save it as wav, flac or mp3.") from error
    wav = folder / "decoded.wav"
    soundfile.write(wav, samples, DECODED_RATE, subtype="FLOAT")
    return wav


def _fps(scene: Scene) -> float:
    return scene.render.fps / scene.render.fps_base
