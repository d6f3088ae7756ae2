"""A strip is heard where it plays: judged by Blender's own mixdown of the scene, or by what the strip says of itself."""

from __future__ import annotations

import wave
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import bpy
import numpy as np
import pytest
from inside import CLICKS_S, RATE, add_strip, clicks, made_curves, make_head, needs_sound

from a2f_addon import job as jobs
from a2f_addon.blender import compat, runner, source
from a2f_addon.errors import SoundError
from a2f_addon.face.curves import FaceCurves


def heard_at(scene: Any, path: Path) -> list[float]:
    """The scene's frames at which its own mixdown clicks."""
    bpy.ops.sound.mixdown(filepath=str(path), container="WAV", codec="PCM", format="S16")
    with wave.open(str(path)) as file:
        samples = np.frombuffer(file.readframes(file.getnframes()), np.int16).reshape(-1, file.getnchannels())[:, 0]
        rate = file.getframerate()
    loud = np.flatnonzero(np.abs(samples.astype(int)) > 3000)
    starts = loud[np.concatenate([[True], np.diff(loud) > rate / 10])]
    return [scene.frame_start + float(start) / rate * scene.render.fps / scene.render.fps_base for start in starts]


def placed(taken: source.Source, seconds: tuple[float, ...]) -> list[float]:
    """Where the source says that these seconds of the recording are."""
    return [float(taken.frames(FaceCurves(1.0, second, (), np.zeros((1, 0), np.float32)))[0]) for second in seconds]


@needs_sound
@pytest.mark.parametrize("fps", [(24, 1.001), (30, 1.0), (60, 1.001)])
@pytest.mark.parametrize("change", ["as it is", "trimmed", "moved", "before the scene", "delayed", "extended", "cut off"])
def test_what_is_heard_lies_where_blender_plays_it(tmp_path: Path, fps: tuple[int, float], change: str) -> None:
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = fps
    scene.frame_start, scene.frame_end = -30, 600
    strip = add_strip(clicks(tmp_path / "line.wav"))
    if change == "trimmed":
        strip.frame_offset_start = 20
    elif change == "moved":
        strip.frame_start = 93
    elif change == "before the scene":
        strip.frame_start = -25
    elif change == "delayed":
        strip.sound_offset = 0.25
    elif change == "extended":
        strip.frame_offset_start, strip.frame_offset_end = -12, -12
    elif change == "cut off":
        strip.frame_offset_end = 15
    taken = source.from_strip(strip, scene)
    np.testing.assert_allclose(placed(taken, CLICKS_S), heard_at(scene, tmp_path / "mix.wav"), atol=0.01)


@needs_sound
def test_only_what_the_handles_leave_is_heard(tmp_path: Path) -> None:
    strip = add_strip(clicks(tmp_path / "line.wav"))
    whole = source.from_strip(strip, bpy.context.scene)
    assert (whole.name, whole.start_s, whole.end_s, whole.strip) == ("line_07", None, None, ("Scene", "line_07"))
    strip.frame_offset_start, strip.frame_offset_end = 24, 36
    trimmed = source.from_strip(strip, bpy.context.scene)
    assert (trimmed.start_s, trimmed.end_s) == (pytest.approx(1.0), pytest.approx(2.5))
    assert trimmed.length_s == pytest.approx(1.5)
    assert trimmed.identity == whole.identity


@needs_sound
def test_keys_of_a_strip_lie_on_whole_frames(tmp_path: Path) -> None:
    scene = bpy.context.scene
    scene.render.fps, scene.render.fps_base = 24, 1.001
    strip = add_strip(clicks(tmp_path / "line.wav"))
    strip.frame_offset_start = 7
    taken = source.from_strip(strip, scene)
    assert taken.start_s is not None
    begun = round(taken.start_s * 44_100) / 44_100  # a reader can only begin at a sample
    frames = taken.frames(FaceCurves(taken.fps, begun, (), np.zeros((40, 0), np.float32)))
    assert frames.tolist() == [57.0 + each for each in range(40)]


@needs_sound
def test_a_packed_sound_is_taken_from_the_blend_file(tmp_path: Path) -> None:
    path = clicks(tmp_path / "line.wav")
    strip = add_strip(path)
    content = path.read_bytes()
    strip.sound.pack()
    path.unlink()
    taken = source.from_strip(strip, bpy.context.scene)
    with source.opened(taken) as opened:
        assert opened.read_bytes() == content
        assert opened.suffix == ".wav"
    assert not opened.exists()


@needs_sound
def test_a_film_is_decoded_by_blender(tmp_path: Path) -> None:
    import aud
    import soundfile

    film = tmp_path / "take.mkv"
    sound = aud.Sound(str(clicks(tmp_path / "line.wav")))
    sound.write(str(film), RATE, 1, aud.FORMAT_S16, aud.CONTAINER_MATROSKA, aud.CODEC_FLAC, 0, 1 << 14)
    with source.opened(source.from_file(str(film), bpy.context.scene, frame_start=1)) as opened:
        samples, rate = soundfile.read(opened)
    loud = np.flatnonzero(np.abs(samples) > 0.1) / rate
    assert loud.min() == pytest.approx(CLICKS_S[0], abs=0.002)
    assert loud.max() == pytest.approx(CLICKS_S[1], abs=0.002)


@needs_sound
def test_what_is_no_film_is_a_plain_sentence(tmp_path: Path) -> None:
    film = tmp_path / "take.mp4"
    film.write_bytes(b"nothing")
    with pytest.raises(SoundError, match=r"no sound in 'take\.mp4'"), source.opened(source.from_file(str(film), bpy.context.scene, frame_start=1)):
        pass


@needs_sound
def test_the_strip_that_is_meant_is_found(tmp_path: Path) -> None:
    assert source.active_strip(bpy.context) is None
    path = clicks(tmp_path / "line.wav")
    first = add_strip(path, name="first")
    first.select = False
    assert source.active_strip(bpy.context).name == "first"
    second = add_strip(path, name="second", frame=300)
    first.select = second.select = False
    bpy.context.scene.sequence_editor.active_strip = None
    assert source.active_strip(bpy.context) is None
    second.select = True
    assert source.active_strip(bpy.context).name == "second"
    bpy.context.scene.sequence_editor.active_strip = first
    assert source.active_strip(bpy.context).name == "first"


@needs_sound
@pytest.mark.skipif(bpy.app.version < (5, 0, 0), reason="before Blender 5.0 the sequencer shows the scene's own strips")
def test_a_strip_of_another_scene_is_found_where_the_sequencer_shows_that(tmp_path: Path) -> None:
    edit = bpy.data.scenes.new("Edit")
    add_strip(clicks(tmp_path / "line.wav"), scene=edit)
    bpy.context.workspace.sequencer_scene = edit
    assert source.from_strip(source.active_strip(bpy.context), compat.sequencer_scene(bpy.context)).strip == ("Edit", "line_07")


@needs_sound
def test_a_strip_that_is_deleted_meanwhile_is_a_plain_sentence(tmp_path: Path) -> None:
    make_head()
    strip = add_strip(clicks(tmp_path / "line.wav"))
    request = runner.prepare(bpy.context, source.from_strip(strip, bpy.context.scene), jobs.Motion(), None)
    editor = bpy.context.scene.sequence_editor
    (editor.strips if hasattr(editor, "strips") else editor.sequences).remove(strip)
    with pytest.raises(SoundError, match="was deleted or renamed during its bake; nothing was changed"):
        runner.finish(request, made_curves())
    assert not bpy.data.actions


def test_a_retimed_strip_is_refused() -> None:
    # A stand-in, for adding a retiming key from a script ends Blender 4.5 and 5.0.
    retimed = SimpleNamespace(type="SOUND", name="slow", sound=object(), retiming_keys=[object(), object()])
    with pytest.raises(SoundError, match="'slow' plays at a changed speed"):
        source.from_strip(retimed, bpy.context.scene)


def test_a_missing_file_is_a_plain_sentence(tmp_path: Path) -> None:
    with pytest.raises(SoundError, match=r"There is no sound file '.*none\.wav'"):
        source.from_file(str(tmp_path / "none.wav"), bpy.context.scene, frame_start=1)


def test_a_path_may_be_relative_to_the_blend_file(tmp_path: Path) -> None:
    clicks(tmp_path / "line.wav")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    taken = source.from_file("//line.wav", bpy.context.scene, frame_start=1)
    assert taken.path == tmp_path / "line.wav"
