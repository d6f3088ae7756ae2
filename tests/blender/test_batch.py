"""The lines of a batch that Blender writes, from the command line to the file."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import bpy
import numpy as np
import pytest
from inside import evaluated, made_heard, make_action, make_head, play

from a2f_addon import commands
from a2f_addon import job as jobs
from a2f_addon.blender import compat, film


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


def bake(capfd: pytest.CaptureFixture[str], *words: str) -> list[dict[str, Any]]:
    """What became of each line."""
    capfd.readouterr()  # what Blender said until now
    commands.main(["bake", *words, "--blend", "hero.blend", "--json"])
    return [json.loads(line) for line in capfd.readouterr().out.splitlines()]


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


def test_a_manifest_of_actions_is_skipped_when_it_is_up_to_date(capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    Path("lines.csv").write_text("speech,blend\na.wav,hero.blend\nb.wav,hero.blend\n", "utf-8")
    words = ("--manifest", "lines.csv", "-o", "all.blend", "--format", "actions", "--no-report", "--jobs", "1")
    # In this process, where the recordings are heard as the fixture says.
    monkeypatch.setattr(commands.pool, "can_start", lambda: False)
    assert [each["status"] for each in bake(capfd, *words)] == ["done", "done"]
    assert [each["status"] for each in bake(capfd, *words)] == ["skipped", "skipped"]
    Path("b.wav").write_bytes(Path("b.wav").read_bytes() + b"\0\0")
    assert [each["status"] for each in bake(capfd, *words)] == ["skipped", "done"]
    assert [each["status"] for each in bake(capfd, *words)] == ["skipped", "skipped"]
    opened("all.blend")
    assert sorted(each.name for each in bpy.data.actions if each.name.startswith("A2F ")) == ["A2F a", "A2F b"]


def test_a_character_that_cannot_take_it_fails_the_line_with_a_sentence(capfd: pytest.CaptureFixture[str]) -> None:
    (told,) = bake(capfd, "a.wav", "-o", "out", "--object", "Nobody")
    assert told["status"] == "failed" and "There is no object 'Nobody'" in told["message"]
    Path("hero.blend").write_bytes(b"no blend")
    (told,) = bake(capfd, "a.wav", "-o", "out")
    assert told["status"] == "failed" and "hero.blend" in told["message"]
