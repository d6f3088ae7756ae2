"""A strip is heard where it plays: judged by Blender's own mixdown of the scene, or by what the strip says of itself."""

from __future__ import annotations

import wave
from pathlib import Path
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


def retime(strip: Any, *, percent: float) -> None:
    """As an editor does it, all of the strip."""
    scene = bpy.context.scene
    if hasattr(bpy.context.workspace, "sequencer_scene"):
        bpy.context.workspace.sequencer_scene = scene
    scene.sequence_editor.active_strip = strip
    strip.select = True
    if not bpy.ops.sequencer.retiming_segment_speed_set.poll():
        pytest.skip("this Blender retimes strips in a window alone; tests/window has one")
    bpy.ops.sequencer.retiming_segment_speed_set(speed=percent)


@needs_sound
@pytest.mark.parametrize("tells", [True, False])
@pytest.mark.parametrize("percent", [200.0, 60.0])
def test_a_retimed_strip_is_heard_as_blender_plays_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, percent: float, tells: bool) -> None:
    import soundfile

    monkeypatch.setattr(compat, "TELLS_RETIMING", compat.TELLS_RETIMING and tells)
    if not tells:
        monkeypatch.setattr(compat, "is_retimed", lambda strip: False)
    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 1, 300
    strip = add_strip(clicks(tmp_path / "line.wav"), frame=50)
    retime(strip, percent=percent)
    strip.frame_offset_start = 5
    played = heard_at(scene, tmp_path / "mix.wav")
    add_strip(clicks(tmp_path / "other.wav"), name="other", frame=57, channel=2)
    before = (scene.frame_start, scene.frame_end, [each.mute for each in compat.strips(scene)])
    taken = source.taken(source.from_strip(strip, scene))
    assert (scene.frame_start, scene.frame_end, [each.mute for each in compat.strips(scene)]) == before
    with source.opened(taken) as opened:
        samples, rate = soundfile.read(opened)
    loud = np.flatnonzero(np.abs(samples) > 0.1) / rate
    starts = loud[np.concatenate([[True], np.diff(loud) > 0.1])]
    np.testing.assert_allclose(placed(taken, tuple(starts)), played, atol=0.2)
    assert played[1] - played[0] == pytest.approx(24 / (percent / 100), abs=0.5)


@needs_sound
def test_a_strip_that_is_not_retimed_is_no_mixdown_where_blender_does_not_tell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compat, "TELLS_RETIMING", False)
    monkeypatch.setattr(compat, "is_retimed", lambda strip: False)
    strip = add_strip(clicks(tmp_path / "line.wav", seconds=3.73))
    strip.frame_offset_start, strip.frame_offset_end = 9, 14
    chosen = source.from_strip(strip, bpy.context.scene)
    assert source.taken(chosen) == chosen


@needs_sound
def test_the_mix_is_all_that_sounds_where_it_sounds(tmp_path: Path) -> None:
    import soundfile

    scene = bpy.context.scene
    scene.frame_start, scene.frame_end = 20, 300
    add_strip(clicks(tmp_path / "line.wav"), frame=50)
    add_strip(clicks(tmp_path / "other.wav"), name="other", frame=150, channel=2)
    add_strip(clicks(tmp_path / "muted.wav"), name="muted", frame=110, channel=3).mute = True
    chosen = source.choose(bpy.context, "MIX")
    assert str(chosen) == "the mix of 'Scene', 11.7 s"
    with source.opened(source.taken(chosen.lines[0])) as opened:
        samples, rate = soundfile.read(opened)
    loud = np.flatnonzero(np.abs(samples) > 0.1) / rate
    starts = loud[np.concatenate([[True], np.diff(loud) > 0.1])]
    np.testing.assert_allclose(placed(chosen.lines[0], tuple(starts)), [50 + 36, 50 + 60, 150 + 36, 150 + 60], atol=0.5)


@needs_sound
def test_each_line_of_a_channel_keeps_its_place_and_what_is_left_out_is_said(tmp_path: Path) -> None:
    scene = bpy.context.scene
    gone = clicks(tmp_path / "gone.wav")
    for name, frame in (("late", 400), ("early", 50), ("muted", 200), ("missing", 600)):
        add_strip(gone if name == "missing" else clicks(tmp_path / f"{name}.wav"), name=name, frame=frame, channel=2).mute = name == "muted"
    add_strip(clicks(tmp_path / "music.wav"), name="music", frame=1, channel=3)
    gone.unlink()
    chosen = source.choose(bpy.context, "CHANNEL", channel=2)
    assert [(line.name, line.zero_frame) for line in chosen.lines] == [("early", 50), ("late", 400)]
    assert str(chosen) == "2 lines of channel 2, 8.0 s"
    assert "'muted' is muted, so nothing of it is heard" in chosen.skipped[0]
    assert "sound of the strip 'missing' is missing" in chosen.skipped[1]
    with pytest.raises(SoundError, match="no sound strip in channel 5 of 'Scene'; there are some in channel 2, 3"):
        source.choose(bpy.context, "CHANNEL", channel=5)
    scene.sequence_editor.channels[3].mute = True
    with pytest.raises(SoundError, match="'music' is muted"):
        source.choose(bpy.context, "CHANNEL", channel=3)


@needs_sound
def test_a_strip_is_chosen_by_name_and_a_muted_one_says_so(tmp_path: Path) -> None:
    add_strip(clicks(tmp_path / "a.wav"), name="a")
    add_strip(clicks(tmp_path / "b.wav"), name="b", frame=300).mute = True
    assert str(source.choose(bpy.context, "STRIP", name="a")) == "'a', 4.0 s"
    with pytest.raises(SoundError, match="The strip 'b' is muted"):
        source.choose(bpy.context, "STRIP", name="b")
    with pytest.raises(SoundError, match="There is no sound strip 'c' in the sequencer of 'Scene'; there are a, b"):
        source.choose(bpy.context, "STRIP", name="c")
    with pytest.raises(SoundError, match=r"Choose a sound file\."):
        source.choose(bpy.context, "FILE")


@needs_sound
def test_a_strip_in_a_muted_metastrip_is_muted(tmp_path: Path) -> None:
    editor = bpy.context.scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    meta = strips.new_meta("scene", 1, 1)
    inner = meta.strips if hasattr(meta, "strips") else meta.sequences
    strip = inner.new_sound("a", str(clicks(tmp_path / "a.wav")), 1, 10)
    assert source.from_strip(strip, bpy.context.scene).zero_frame == 10
    meta.mute = True
    with pytest.raises(SoundError, match="The strip 'a' is muted"):
        source.from_strip(strip, bpy.context.scene)


@needs_sound
def test_a_speaker_is_heard_from_its_strip_in_the_nla_on(tmp_path: Path) -> None:
    bpy.context.scene.frame_set(31)
    bpy.ops.object.speaker_add()
    speaker = bpy.context.object
    with pytest.raises(SoundError, match="has no sound; open one"):
        source.choose(bpy.context, "SPEAKER")
    speaker.data.sound = bpy.data.sounds.load(str(clicks(tmp_path / "line.wav")))
    chosen = source.choose(bpy.context, "SPEAKER")
    assert [line.zero_frame for line in chosen.lines] == [31]
    # Blender's Python module mixes no speakers, so what BKE_sound_update_scene in its source does has to be taken at its word.
    np.testing.assert_allclose(placed(chosen.lines[0], CLICKS_S), [31 + 24 * each for each in CLICKS_S])
    speaker.data.pitch = 1.5
    faster = source.choose(bpy.context, "SPEAKER", name=speaker.name).lines[0]
    np.testing.assert_allclose(placed(faster, CLICKS_S), [31 + 24 * each / 1.5 for each in CLICKS_S])
    assert np.diff(faster.frames(FaceCurves(faster.curve_fps, 0.0, (), np.zeros((9, 0), np.float32)))) == pytest.approx(1.0)
    speaker.data.muted = True
    with pytest.raises(SoundError, match="is muted"):
        source.choose(bpy.context, "SPEAKER")
    speaker.data.muted = False
    speaker.animation_data_clear()
    with pytest.raises(SoundError, match="has no sound strip in the NLA editor"):
        source.choose(bpy.context, "SPEAKER")
    with pytest.raises(SoundError, match="There is no speaker 'x' in the scene; there is"):
        source.choose(bpy.context, "SPEAKER", name="x")


def test_a_silent_scene_has_no_mix() -> None:
    with pytest.raises(SoundError, match="Nothing sounds in 'Scene'"):
        source.choose(bpy.context, "MIX")
    with pytest.raises(SoundError, match="There is no speaker object in the scene"):
        source.choose(bpy.context, "SPEAKER")


def test_a_missing_file_is_a_plain_sentence(tmp_path: Path) -> None:
    with pytest.raises(SoundError, match=r"There is no sound file '.*none\.wav'"):
        source.from_file(str(tmp_path / "none.wav"), bpy.context.scene, frame_start=1)


def test_a_path_may_be_relative_to_the_blend_file(tmp_path: Path) -> None:
    clicks(tmp_path / "line.wav")
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "scene.blend"))
    taken = source.from_file("//line.wav", bpy.context.scene, frame_start=1)
    assert taken.path == tmp_path / "line.wav"


def test_a_mixdown_that_goes_on_in_a_thread_is_waited_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As in a window of Blender 5.2: the file is begun and grows after the operator has returned, and its length is written into it last.
    path = clicks(tmp_path / "mix.wav")
    whole = path.read_bytes()
    steps = [None, whole[:4] + bytes(4) + whole[8:100], whole[:4] + bytes(4) + whole[8:], whole]
    monkeypatch.setattr(source, "STANDSTILL_S", 4.0)
    monkeypatch.setattr(source.time, "monotonic", iter(range(100)).__next__)

    def sleep(_: float) -> None:
        path.unlink(missing_ok=True)
        step = steps.pop(0)
        if step is not None:
            path.write_bytes(step)

    monkeypatch.setattr(source.time, "sleep", sleep)
    sleep(0)
    assert source._whole_wav(path, bpy.context.scene) == whole
    assert not steps
    path.unlink()
    with pytest.raises(SoundError, match="Blender does not get round to mixing the sound of 'Scene' down; bake again in a moment"):
        monkeypatch.setattr(source.time, "sleep", lambda _: None)
        source._whole_wav(path, bpy.context.scene)


@needs_sound
def test_retimed_strips_of_a_channel_are_mixed_down_at_once_and_each_keeps_its_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compat, "is_retimed", lambda strip: True)
    strips = [add_strip(clicks(tmp_path / f"{name}.wav"), name=name, frame=frame, channel=2) for frame, name in ((50, "early"), (301, "late"))]
    add_strip(clicks(tmp_path / "music.wav"), name="music", frame=57, channel=1)
    mixdowns = []
    mixdown = source._mixdown
    monkeypatch.setattr(source, "_mixdown", lambda scene: mixdowns.append(scene.name) or mixdown(scene))
    lines = source.all_taken(source.choose(bpy.context, "CHANNEL", channel=2).lines)
    assert mixdowns == ["Scene"]
    each_keeps_its_place(lines, (50, 301))
    strips[1].channel, strips[1].frame_start = 3, 60  # as a strip within a metastrip may lie: beside another
    each_keeps_its_place(source.all_taken([source.from_strip(strip, bpy.context.scene) for strip in strips]), (50, 60))
    assert len(mixdowns) == 3


def each_keeps_its_place(lines: list[source.Source], frames: tuple[int, ...]) -> None:
    import soundfile

    for line, frame in zip(lines, frames, strict=True):
        with source.opened(line) as opened:
            samples, rate = soundfile.read(opened)
        assert len(samples) == pytest.approx(4 * rate, abs=rate / 24)
        loud = np.flatnonzero(np.abs(samples) > 0.1) / rate
        starts = loud[np.concatenate([[True], np.diff(loud) > 0.1])]
        np.testing.assert_allclose(placed(line, tuple(starts)), [frame + 24 * each for each in CLICKS_S], atol=0.5)


@needs_sound
def test_a_mixdown_that_was_stopped_is_not_taken_for_all_of_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As in a window of Blender 5.2 once Esc was pressed; the operator says that all went well.
    bpy.context.scene.frame_start, bpy.context.scene.frame_end = 1, 96
    add_strip(clicks(tmp_path / "line.wav"), frame=1)
    half = clicks(tmp_path / "half.wav", seconds=3.0).read_bytes()
    chosen = source.choose(bpy.context, "MIX").lines[0]
    assert source.taken(chosen).packed
    monkeypatch.setattr(source, "_whole_wav", lambda wav, scene: half)
    with pytest.raises(SoundError, match="Blender stopped mixing the sound of 'Scene' down"):
        source.taken(chosen)
