"""Where the speech comes from: strips of the sequencer, a speaker or a file, taken down as plain data that outlives every change in the scene."""

from __future__ import annotations

import io
import tempfile
import time
import wave
from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import bpy
import numpy as np
from bpy.types import Context, Object, Scene
from numpy.typing import NDArray

from ..errors import SoundError
from ..face.curves import FaceCurves
from . import compat, ownership

DECODED_BY_BLENDER = frozenset(f".{name}" for name in "3gp aac ac3 amr avi flv m2ts m4a m4b m4v mka mkv mov mp4 mpg mpeg mts ts webm wma wmv".split())
"""Films and what else libsndfile cannot read; Blender's own decoder can."""

DECODED_RATE = 16_000
"""Hz: all that speech needs, and a tenth of the memory of a film's own sound."""

WHOLE_FRAME = 2e-3
"""Frames that a key may lie beside a whole frame and is meant to lie on it: at 60 fps, half a sample of 16 kHz."""

STANDSTILL_S = 10.0
"""So long nothing comes of a mixdown that is waited for: it waits itself, for another that was begun a moment ago."""
LACKING_S = 0.2
"""A mixdown that is shorter than its scene by more was stopped half way; it may lack the last frame."""
ROUNDED_FRAMES = 1.5
"""A strip lasts whole frames: by so much it may differ from its sound and yet play it as it was recorded."""
RIFF_HEADER = 8
"""Bytes of a wav file before what its length counts."""

RESAMPLER_QUALITY = 1
"""Of Audaspace's 0 to 3; from 1 on an impulse stays where it was."""


@dataclass(frozen=True)
class Mix:
    """What Blender has to mix down. strip: the only one that is to be heard; None for all that sounds in the scene."""

    scene: str
    strip: str | None = None


@dataclass(frozen=True)
class Source:
    """One recording and its place on the timeline.

    name: how the artist knows it. identity: the same for each bake of the same recording at whatever place.
    packed: the sound itself where the .blend file holds it. start_s, end_s: the span in seconds of the recording, None where it is not trimmed.
    zero_frame: the scene's frame at which the recording's own second 0 plays; may be a fraction. fps: the scene's frames a second.
    length_s: of the span on the timeline, where that is known without opening the recording. strip: the names of scene and strip, where it is one.
    speed: seconds of the recording in a second of the scene. mix: what has to be mixed down by Blender first, see :func:`taken`.
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
    speed: float = 1.0
    mix: Mix | None = None

    @property
    def curve_fps(self) -> float:
        """Frames of the scene in a second of the recording: the rate that gives each of them a frame of the curves."""
        return self.fps / self.speed

    def frames(self, curves: FaceCurves) -> NDArray[np.float64]:
        """The scene's frame of each frame of the curves, float64 [frames]; a fraction where the sound begins between two frames."""
        frames = self.zero_frame + curves.times * self.curve_fps
        whole = np.round(frames)
        # A span begins at a whole sample, a little off the frame that it was cut at.
        return np.where(np.abs(frames - whole) < WHOLE_FRAME, whole, frames)


def from_file(filepath: str, scene: Scene, *, frame_start: float) -> Source:
    """A whole file that begins to play at a frame. Raises SoundError where it is missing."""
    path = Path(bpy.path.abspath(filepath))
    if not path.is_file():
        raise SoundError(f"There is no sound file '{path}'; choose another.")
    return Source(path.stem, ownership.of_file(path), path, None, None, None, frame_start, _fps(scene))


@dataclass(frozen=True)
class Chosen:
    """What a bake will use: its lines, each at its own place, and how that is said.

    words: such as "'line_07'" or "3 lines of channel 2". skipped: a sentence for each strip that was left out.
    """

    lines: tuple[Source, ...]
    words: str
    skipped: tuple[str, ...] = ()

    @property
    def length_s(self) -> float | None:
        """How much speech there is, where all of it is known without opening a recording."""
        known = [line.length_s for line in self.lines if line.length_s is not None]
        return sum(known) if len(known) == len(self.lines) else None

    def __str__(self) -> str:
        return self.words if self.length_s is None else f"{self.words}, {self.length_s:.1f} s"


KINDS = ("STRIP", "CHANNEL", "MIX", "SPEAKER", "FILE")
"""The active sound strip or one by name; every strip of a channel; all that the scene sounds like; a speaker object; a sound file."""


def choose(context: Context, kind: str, *, name: str = "", channel: int = 0, filepath: str = "", frame_start: float = 1.0) -> Chosen:
    """What these settings mean in the scene as it is; quick enough to be drawn.

    kind: one of KINDS. name: of a strip or of a speaker object, empty for the active one. channel: of the sequencer; 0 is the active strip's.
    frame_start: where a file begins. What has to be mixed down is made ready by :func:`taken`.
    Raises SoundError with a sentence where nothing can be used.
    """
    scene = compat.sequencer_scene(context)
    if kind == "FILE":
        if not filepath:
            raise SoundError("Choose a sound file.")
        line = from_file(filepath, compat.scene_of(context), frame_start=frame_start)
        return Chosen((line,), f"'{line.name}'")
    if kind == "SPEAKER":
        return from_speaker(_speaker(context, name), compat.scene_of(context))
    if kind == "MIX":
        line = from_mix(scene)
        return Chosen((line,), f"the mix of '{scene.name}'")
    if kind == "CHANNEL":
        return from_channel(scene, channel or getattr(active_strip(context), "channel", 0))
    line = from_strip(_named_strip(scene, name) if name else active_strip(context), scene)
    return Chosen((line,), f"'{line.name}'")


def from_strip(strip: Any, scene: Scene) -> Source:
    """What a sound strip lets be heard, where it lets it be heard. Raises SoundError where it is silent or its sound is missing."""
    if strip is None or strip.type != "SOUND" or strip.sound is None:
        raise SoundError("Choose a sound strip in the sequencer, or a sound file.")
    if compat.is_silent(strip, scene):
        raise SoundError(f"The strip '{strip.name}' is muted, so nothing of it is heard; unmute it, or choose another.")
    sound, times, fps = strip.sound, compat.strip_times(strip), _fps(scene)
    place = (scene.name, strip.name)
    identity, length_s = f"strip {'/'.join(place)}", (times.right - times.left) / fps
    packed = _packed(sound)
    path = _path(sound)
    if packed is None and not path.is_file():
        raise SoundError(f"The sound of the strip '{strip.name}' is missing; '{path}' is not there.")
    if compat.is_retimed(strip):
        # Blender tells where the retiming keys lie but not what they do; its own mixdown does it.
        return Source(strip.name, identity, path, None, None, None, times.left, fps, length_s, place, mix=Mix(*place))
    zero = times.zero + times.sound_offset_s * fps
    start_s = (times.left - zero) / fps
    # An untrimmed end is left open, because the strip's own is rounded up to a whole frame.
    end_s = (times.right - zero) / fps if times.right < times.end else None
    if end_s is not None and end_s <= max(start_s, 0.0):
        raise SoundError(f"The strip '{strip.name}' has no sound in frames {times.left:g} to {times.right:g}.")
    return Source(strip.name, identity, path, packed, start_s if start_s > 0 else None, end_s, zero, fps, length_s, place)


def from_channel(scene: Scene, channel: int) -> Chosen:
    """Every sound strip of a channel, in the order of their places. Raises SoundError where none can be used; then for every reason."""
    strips = sorted((strip for strip in compat.strips(scene) if strip.type == "SOUND" and strip.channel == channel), key=compat.left)
    if not strips:
        there = sorted({strip.channel for strip in compat.strips(scene) if strip.type == "SOUND"})
        hint = f"; there are some in channel {', '.join(map(str, there))}" if there else ""
        raise SoundError(f"There is no sound strip in channel {channel} of '{scene.name}'{hint}.")
    lines, skipped = _usable(strips, lambda strip: from_strip(strip, scene))
    if not lines:
        raise SoundError(" ".join(skipped))
    return Chosen(lines, f"{_count(lines)} of channel {channel}" if len(lines) > 1 else f"'{lines[0].name}'", skipped)


def from_mix(scene: Scene) -> Source:
    """All that the scene lets be heard within its frames, as Blender mixes it. Raises SoundError where nothing sounds."""
    sounding = [strip for strip in compat.strips(scene) if strip.type in ("SOUND", "SCENE", "META") and not compat.is_silent(strip, scene)]
    if not any(strip.type != "META" for strip in sounding) and not any(each.type == "SPEAKER" for each in scene.objects):
        raise SoundError(f"Nothing sounds in '{scene.name}'; add a sound strip to its sequencer, or choose a sound file.")
    fps = _fps(scene)
    length_s = (scene.frame_end + 1 - scene.frame_start) / fps
    return Source(scene.name, f"mix {scene.name}", Path(), None, None, None, scene.frame_start, fps, length_s, mix=Mix(scene.name))


def from_speaker(speaker: Object, scene: Scene) -> Chosen:
    """What a speaker object plays: its sound, whole, from each of its sound strips in the NLA on (as BKE_sound_update_scene in Blender's source).

    Raises SoundError where nothing plays.
    """
    held: Any = speaker.data
    if held.sound is None:
        raise SoundError(f"The speaker '{speaker.name}' has no sound; open one in its properties.")
    packed, path = _packed(held.sound), _path(held.sound)
    if packed is None and not path.is_file():
        raise SoundError(f"The sound of the speaker '{speaker.name}' is missing; '{path}' is not there.")
    tracks: Iterable[Any] = speaker.animation_data.nla_tracks if speaker.animation_data else ()
    strips = sorted((strip for track in tracks for strip in track.strips if strip.type == "SOUND"), key=lambda strip: strip.frame_start)
    if not strips:
        raise SoundError(f"The speaker '{speaker.name}' has no sound strip in the NLA editor, so it never plays; add one there.")
    if held.muted or all(strip.mute for strip in strips):
        raise SoundError(f"The speaker '{speaker.name}' is muted; unmute it, or choose another.")
    line = Source(speaker.name, f"speaker {speaker.name}", path, packed, None, None, strips[0].frame_start, _fps(scene), speed=held.pitch)
    heard = [strip for strip in strips if not strip.mute]
    lines = tuple(
        replace(line, identity=f"{line.identity} {number}" if number else line.identity, zero_frame=strip.frame_start)
        for number, strip in enumerate(heard)
    )
    skipped = tuple(f"The NLA strip '{strip.name}' of '{speaker.name}' is muted and was left out." for strip in strips if strip.mute)
    return Chosen(lines, f"'{speaker.name}'", skipped)


def taken(source: Source) -> Source:
    """The source ready to be heard; see :func:`all_taken`."""
    return all_taken([source])[0]


def all_taken(sources: Sequence[Source]) -> list[Source]:
    """The sources ready to be heard. What Blender has to mix down is mixed down now, all strips at once, which takes about a second for ten minutes.

    On the main thread only. What is muted for it is as before when this returns. Raises SoundError where Blender cannot.
    """
    sources = [_as_it_plays(source) for source in sources]
    strips = [source for source in sources if source.mix is not None and source.mix.strip is not None]
    ordered = sorted(strips, key=lambda source: source.zero_frame)
    meet = any(one.zero_frame + (one.length_s or 0) * one.fps > other.zero_frame + 0.5 for one, other in pairwise(ordered))
    mixed: dict[str, bytes] = {}
    for group in [[each] for each in ordered] if meet else [ordered] if ordered else []:
        mixed |= zip((each.identity for each in group), _strips_alone(group), strict=True)
    for source in sources:
        if source.mix is not None and source.mix.strip is None:
            mixed[source.identity] = _mixdown(_scene(source.mix))
    return [source if source.mix is None else replace(source, packed=mixed[source.identity], path=Path("mix.wav"), mix=None) for source in sources]


def _as_it_plays(source: Source) -> Source:
    """The source to be mixed down where its strip is retimed without saying so: it lasts otherwise than its sound."""
    if compat.TELLS_RETIMING or source.strip is None or source.mix is not None:
        return source
    scene, name = source.strip
    strip = next((each for each in compat.strips(bpy.data.scenes[scene]) if each.name == name), None)
    length_s = _recorded_s(source)
    if strip is None or length_s is None or abs(strip.frame_duration - length_s * source.fps) <= ROUNDED_FRAMES:
        return source
    return replace(source, packed=None, start_s=None, end_s=None, zero_frame=compat.left(strip), mix=Mix(scene, name))


def _recorded_s(source: Source) -> float | None:
    """How long the recording is in seconds; None for what libsndfile cannot read."""
    import soundfile

    try:
        return float(soundfile.info(source.path if source.packed is None else io.BytesIO(source.packed)).duration)
    except soundfile.SoundFileError:
        return None


def _scene(mix: Mix) -> Scene:
    scene = bpy.data.scenes.get(mix.scene)
    if scene is None:
        raise SoundError(f"The scene '{mix.scene}' is gone; choose another sound.")
    return scene


def _strips_alone(sources: Sequence[Source]) -> list[bytes]:
    """What is heard of each of these strips of one scene, which never sound together."""
    assert sources[0].mix is not None
    scene = _scene(sources[0].mix)
    first = int(min(source.zero_frame for source in sources))
    last = max(source.zero_frame + (source.length_s or 0) * source.fps for source in sources)
    with ExitStack() as undo:
        _let_only_be_heard(scene, {source.mix.strip for source in sources if source.mix}, first, max(first, round(last) - 1), undo)
        whole = _mixdown(scene)
    return [_cut(whole, (source.zero_frame - first) / source.fps, source.length_s or 0) for source in sources]


_MIX: dict[str, Any] = {"container": "WAV", "codec": "PCM", "format": "S16", "channels": "MONO", "mixrate": DECODED_RATE}


def _mixdown(scene: Scene) -> bytes:
    """A wav file of what the scene lets be heard within its frames."""
    compat.forget_esc()
    with tempfile.TemporaryDirectory(prefix="a2f-") as folder:
        wav = Path(folder) / "mix.wav"
        context: Any = bpy.context
        with context.temp_override(scene=scene):
            try:
                bpy.ops.sound.mixdown(filepath=str(wav), check_existing=False, **_MIX)
            except RuntimeError as error:
                raise SoundError(f"Blender cannot mix the sound of '{scene.name}' down: {str(error).removeprefix('Error: ').strip()}") from error
        content = _whole_wav(wav, scene)
    with wave.open(io.BytesIO(content)) as file:
        missing_s = (scene.frame_end + 1 - scene.frame_start) / _fps(scene) - file.getnframes() / file.getframerate()
    if missing_s > LACKING_S:
        raise SoundError(f"Blender stopped mixing the sound of '{scene.name}' down half way; bake again.")
    return content


def _whole_wav(wav: Path, scene: Scene) -> bytes:
    """The file once it is written: in a window of Blender 5.2 the mixdown goes on in a thread of its own when its operator has returned."""
    size, since = -1, time.monotonic()
    while time.monotonic() - since < STANDSTILL_S:
        now = wav.stat().st_size if wav.exists() else -1
        if now != size:
            size, since = now, time.monotonic()
        if size > RIFF_HEADER:
            with wav.open("rb") as file:
                length = int.from_bytes(file.read(RIFF_HEADER)[4:], "little")
            if length + RIFF_HEADER == size:  # which is written last
                return wav.read_bytes()
        time.sleep(0.01)
    if bpy.app.background and compat.MIXES_IN_A_JOB:
        raise SoundError("Without a window this Blender mixes sound down only once; start it again for the next mix, or bake from a sound file.")
    raise SoundError(f"Blender does not get round to mixing the sound of '{scene.name}' down; bake again in a moment.")


def _cut(wav: bytes, start_s: float, length_s: float) -> bytes:
    """A part of a wav file, as a wav file."""
    cut = io.BytesIO()
    with wave.open(io.BytesIO(wav)) as whole, wave.open(cut, "wb") as part:
        part.setparams(whole.getparams())
        whole.setpos(min(round(start_s * whole.getframerate()), whole.getnframes()))
        part.writeframes(whole.readframes(round(length_s * whole.getframerate())))
    return cut.getvalue()


def _let_only_be_heard(scene: Scene, names: Collection[str | None], first: int, last: int, undo: ExitStack) -> None:
    """Mute all but these strips, and let the scene last just as long, until `undo`."""
    changes: list[tuple[Any, str, Any]] = []
    for strip in compat.strips(scene):
        if strip.type in ("SOUND", "SCENE") and strip.name not in names:
            changes.append((strip, "mute", True))
    changes += [(each.data, "muted", True) for each in scene.objects if each.type == "SPEAKER"]
    changes += [(scene, "frame_end", last), (scene, "frame_start", first)]
    # Undone last to first, so that the scene's start never passes its end.
    undo.callback(setattr, scene, "frame_end", scene.frame_end)
    for owner, name, value in changes:
        undo.callback(setattr, owner, name, getattr(owner, name))
        setattr(owner, name, value)


def _named_strip(scene: Scene, name: str) -> Any:
    sounds = {strip.name: strip for strip in compat.strips(scene) if strip.type == "SOUND"}
    if name not in sounds:
        raise SoundError(f"There is no sound strip '{name}' in the sequencer of '{scene.name}'; {_listed(sounds)}.")
    return sounds[name]


def _speaker(context: Context, name: str) -> Object:
    """The speaker of this name, else the active object where it is one, else the only one there is."""
    there = {each.name: each for each in compat.scene_of(context).objects if each.type == "SPEAKER"}
    active = context.view_layer.objects.active if context.view_layer is not None else None
    if name:
        if name not in there:
            raise SoundError(f"There is no speaker '{name}' in the scene; {_listed(there)}.")
        return there[name]
    if active is not None and active.name in there:
        return active
    if len(there) == 1:
        return next(iter(there.values()))
    raise SoundError("Choose a speaker object." if there else "There is no speaker object in the scene; add one, or choose a strip or a file.")


def _listed(names: Iterable[str]) -> str:
    found = sorted(names)
    return f"there {'is' if len(found) == 1 else 'are'} {', '.join(found)}" if found else "there is none at all"


def _usable(strips: Iterable[Any], take: Callable[[Any], Source]) -> tuple[tuple[Source, ...], tuple[str, ...]]:
    lines, skipped = [], []
    for strip in strips:
        try:
            lines.append(take(strip))
        except SoundError as error:
            skipped.append(str(error))
    return tuple(lines), tuple(skipped)


def _count(lines: tuple[Source, ...]) -> str:
    return "1 line" if len(lines) == 1 else f"{len(lines)} lines"


def _packed(sound: Any) -> bytes | None:
    return bytes(sound.packed_file.data) if sound.packed_file else None


def _path(sound: Any) -> Path:
    return Path(bpy.path.abspath(sound.filepath, library=sound.library))


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
    """Raise SoundError where the strip was deleted or renamed since it was taken down."""
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
