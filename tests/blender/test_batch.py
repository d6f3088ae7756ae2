"""The lines of a batch that Blender writes, from the command line to the file."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest
from inside import evaluated, made_heard, make_action, make_head, needs_sound, play

from a2f_addon import commands
from a2f_addon import job as jobs
from a2f_addon.batch import resume, work
from a2f_addon.batch.task import Result, Task
from a2f_addon.blender import compat, film
from a2f_addon.errors import OutputError


@pytest.fixture(autouse=True)
def studio(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, recording: Path, says: Callable[..., None]) -> None:
    """The current folder, with hero.blend, whose head has an Action of the artist's, and a.wav and b.wav, which are heard alike."""
    monkeypatch.chdir(tmp_path)
    # Drawing takes software OpenGL long; it has a test of its own.
    monkeypatch.setattr(film, "thumbnails", lambda *_: ["data:,"])
    says(made_heard(seconds=4))
    for name in "ab":
        Path(f"{name}.wav").write_bytes(recording.read_bytes())
    head = make_head()
    play(head.data.shape_keys, make_action(head.data.shape_keys, {"browInnerUp": [(1, 0.2), (90, 0.8)]}, name="Idle"))
    bpy.ops.wm.save_as_mainfile(filepath=str(tmp_path / "hero.blend"))


@pytest.fixture(autouse=True)
def here(monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything in this process, where the recordings are heard as the fixture says."""
    monkeypatch.setattr(commands.pool, "can_start", lambda: False)


def bake(capfd: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    """What became of each line."""
    capfd.readouterr()  # what Blender said until now
    code = commands.main(["bake", *words, "--blend", "hero.blend", "--json"])
    out, err = capfd.readouterr()
    assert out or not code, err
    return [json.loads(line) for line in out.splitlines()]


def opened(path: str) -> Any:
    bpy.ops.wm.open_mainfile(filepath=str(Path(path).absolute()))
    return bpy.data.objects["Head"]


def test_each_line_becomes_the_character_that_says_it(capfd: pytest.CaptureFixture[str]) -> None:
    character = Path("hero.blend").read_bytes()
    told = bake(capfd, "a.wav", "b.wav", "-o", "out", "--frame-start", "11")
    assert [(each["status"], each["output"]) for each in told] == [("done", str(Path("out/a.blend"))), ("done", str(Path("out/b.blend")))]
    assert Path("hero.blend").read_bytes() == character
    curves = jobs.run(jobs.Job(Path("a.wav"), fps=24.0))
    head = opened("out/a.blend")
    assert "Idle" in bpy.data.actions and len([each for each in bpy.data.actions if each.name.startswith("A2F ")]) >= 1
    frames = 11 + curves.times * 24
    shown = evaluated(head.data.shape_keys, ["jawOpen"], frames.tolist())[:, 0]
    np.testing.assert_allclose(shown, np.clip(curves.channel("jawOpen"), 0, 1), atol=1e-3)
    (sound,) = [strip for strip in compat.strips(bpy.context.scene) if strip.type == "SOUND"]
    assert compat.strip_times(sound).left == 11


def test_all_actions_go_into_one_file_and_the_character_plays_what_it_did(capfd: pytest.CaptureFixture[str]) -> None:
    for round_of in ("done", "skipped"):
        told = bake(capfd, "a.wav", "b.wav", "-o", "all.blend", "--format", "actions")
        assert [each["status"] for each in told] == ["done", "done"], round_of
        head = opened("all.blend")
        made = sorted(each.name for each in bpy.data.actions if each.name.startswith("A2F "))
        assert made == ["A2F a", "A2F b"]
        assert all(bpy.data.actions[name].use_fake_user for name in made)
        assert head.data.shape_keys.animation_data.action.name == "Idle"
    assert {path.name for path in Path().iterdir()} == {"a.wav", "b.wav", "hero.blend", "all.blend"}


def test_a_manifest_of_actions_is_skipped_when_it_is_up_to_date(capfd: pytest.CaptureFixture[str]) -> None:
    Path("lines.csv").write_text("speech,blend\na.wav,hero.blend\nb.wav,hero.blend\n", "utf-8")
    words = ("--manifest", "lines.csv", "-o", "all.blend", "--format", "actions", "--no-report", "--jobs", "1")
    assert [each["status"] for each in bake(capfd, *words)] == ["done", "done"]
    assert [each["status"] for each in bake(capfd, *words)] == ["skipped", "skipped"]
    Path("b.wav").write_bytes(Path("b.wav").read_bytes() + b"\0\0")
    assert [each["status"] for each in bake(capfd, *words)] == ["skipped", "done"]
    assert [each["status"] for each in bake(capfd, *words)] == ["skipped", "skipped"]
    opened("all.blend")
    assert sorted(each.name for each in bpy.data.actions if each.name.startswith("A2F ")) == ["A2F a", "A2F b"]


def test_pictures_are_taken_unless_nobody_wants_them(capfd: pytest.CaptureFixture[str]) -> None:
    for words, pictures in (((), ["data:,"]), (("--no-thumbnails",), [])):
        Path("takes").mkdir(exist_ok=True)
        shutil.copy("a.wav", "takes/a.wav")
        assert [each["status"] for each in bake(capfd, "takes", "-o", "out", "--no-report", *words)] == ["done"]
        (record,) = map(json.loads, (Path("out") / resume.JOURNAL).read_text("utf-8").splitlines())
        assert record["thumbnails"] == pictures


def test_the_curves_wait_where_the_workers_of_a_cluster_see_them(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Task] = []

    def far(tasks: list[Task], *, scheduler: str) -> Iterator[Result]:
        asked.extend(tasks)
        return (work.bake(replace(task, output=str(Path(task.output).absolute()))) for task in tasks)

    monkeypatch.setattr(commands.cluster, "run", far)
    (told,) = bake(capfd, "a.wav", "-o", "out", "--scheduler", "tcp://far:8786")
    assert told["status"] == "done" and Path(asked[0].output).parent == Path("out") and asked[0].format == "npz" and not asked[0].blend
    assert [path.name for path in Path("out").iterdir()] == ["a.blend"]


def body(*, high: float = 1.8) -> Any:
    """A mesh as high as a person, whose shapes move what lies from 1.6 to 1.75 of it."""
    heights = np.linspace(0, high, 181)
    mesh = bpy.data.meshes.new("Body")
    mesh.from_pydata([(x, 0.1, z) for z in heights for x in (-0.2, 0.2)], [], [])
    made = bpy.data.objects.new("Body", mesh)
    bpy.context.scene.collection.objects.link(made)
    made.shape_key_add(name="Basis")
    jaw = made.shape_key_add(name="jawOpen", from_mix=False)
    for index, vertex in enumerate(mesh.vertices):
        if 1.6 <= vertex.co.z <= 1.75:
            jaw.data[index].co.z -= 0.02
    return made


def test_a_scene_without_camera_shows_the_face_and_not_the_whole_body() -> None:
    scene = bpy.context.scene
    scene.render.resolution_x, scene.render.resolution_y = 960, 540
    bpy.context.view_layer.update()
    with film._look(scene, body(), engine="workbench", size=film._size(scene)):
        camera = scene.camera
        half = camera.data.ortho_scale / 2 * 540 / 960  # of the scale, which is that of the longer side
        assert 1.2 < camera.location.z - half < 1.55 and 1.75 < camera.location.z + half < 2.0
        assert camera.location.y < 0.1 and scene.render.resolution_x == film.LONGEST and scene.display.render_aa == film.SMOOTHING
    assert scene.camera is None and not bpy.data.cameras and scene.render.resolution_x == 960 and scene.display.render_aa == "8"


def test_a_scene_without_light_gets_some_where_light_is_needed_and_keeps_its_own() -> None:
    scene, face = bpy.context.scene, body()
    for engine, lights in (("workbench", 0), ("cycles", 2), ("scene", 0)):
        with film._look(scene, face, engine=engine, size=(64, 64)):
            assert len(bpy.data.lights) == lights, engine
        assert not bpy.data.lights
    scene.collection.objects.link(bpy.data.objects.new("Lamp", bpy.data.lights.new("Lamp", "POINT")))
    with film._look(scene, face, engine="cycles", size=(64, 64)):
        assert len(bpy.data.lights) == 1


@needs_sound
def test_a_film_has_the_lines_frames_and_its_sound(capfd: pytest.CaptureFixture[str], says: Callable[..., None]) -> None:
    says(made_heard(seconds=0.4))
    bpy.ops.wm.open_mainfile(filepath=str(Path("hero.blend").absolute()))
    bpy.context.scene.render.resolution_x = bpy.context.scene.render.resolution_y = 64
    bpy.ops.wm.save_mainfile()
    (told,) = bake(capfd, "a.wav", "-o", "out", "--render", "mp4", "--no-thumbnails")
    if "software OpenGL" in told["message"]:
        pytest.skip("Blender cannot draw here: it needs OpenGL")
    assert told["status"] == "done", told["message"]
    film_of_it = bpy.data.movieclips.load(str(Path("out/a.mp4").absolute()))
    assert tuple(film_of_it.size) == (64, 64) and abs(film_of_it.frame_duration - told["frames"]) <= 1 and film_of_it.fps == 24
    assert b"mp4a" in Path("out/a.mp4").read_bytes()  # the kind of its sound: AAC
    assert sorted(path.name for path in Path("out").iterdir()) == ["a.blend", "a.mp4"]


def test_a_film_that_cannot_be_made_is_a_sentence_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fails(scene: Any) -> None:
        raise RuntimeError("no OpenGL")

    monkeypatch.setattr(compat, "as_mp4", fails)
    with pytest.raises(OutputError, match=r"could not be made \(no OpenGL\).*software OpenGL"):
        film.render(bpy.context.scene, body(), tmp_path / "film.mp4", engine="workbench", first=1, last=2)
    assert not [path for path in tmp_path.iterdir() if "film" in path.name or path.suffix == ".part"]


def test_a_character_that_cannot_take_it_fails_the_line_with_a_sentence(capfd: pytest.CaptureFixture[str]) -> None:
    (told,) = bake(capfd, "a.wav", "-o", "out", "--object", "Nobody")
    assert told["status"] == "failed" and "There is no object 'Nobody'" in told["message"]
    Path("hero.blend").write_bytes(b"no blend")
    (told,) = bake(capfd, "a.wav", "-o", "out")
    assert told["status"] == "failed" and "hero.blend" in told["message"]
