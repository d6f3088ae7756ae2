from __future__ import annotations

from pathlib import Path

import pytest

from a2f_addon import presets, settings
from a2f_addon.errors import SettingError
from a2f_addon.job import Motion


def test_what_comes_with_the_addon_fits_and_says_what_it_is_for() -> None:
    assert set(presets.names()) >= {"natural", "subtle", "cartoon", "singing", "mouth_only"}
    for name in presets.names():
        presets.motion(preset=name)
        assert presets.describe(name)


def test_natural_is_what_every_setting_is_when_nothing_is_said() -> None:
    assert presets.motion(preset="natural") == presets.motion() == Motion()


def test_a_single_setting_overrides_the_preset() -> None:
    motion = presets.motion({"smoothing_mouth_s": 0.1}, preset="subtle")
    assert motion.smoothing.mouth_s == 0.1
    assert motion.eyes == presets.motion(preset="subtle").eyes != Motion().eyes


def test_one_seed_is_for_every_stage_that_draws_lots() -> None:
    seeds = {item.name for item in settings.options(Motion) if item.path[-1] == "seed"}
    values = settings.flat(presets.motion(seed=7))
    assert seeds and {values[name] for name in seeds} == {7}


def test_a_preset_of_ones_own_is_a_file(tmp_path: Path) -> None:
    own = tmp_path / "mine.toml"
    own.write_text('description = "x"\neyes_gaze = 0.1\n', "utf-8")
    assert presets.motion(preset=str(own)).eyes.gaze == 0.1


def test_what_a_preset_of_ones_own_names_lies_beside_it(tmp_path: Path) -> None:
    (tmp_path / "mine.toml").write_text('style_name = "anna.toml:0.5"\neye_clips_folder = "clips"\n', "utf-8")
    (tmp_path / "anna.toml").write_text("[channels]\njawOpen = { rest = 0.0, spread = 0.1, speed = 1.0 }\n", "utf-8")
    motion = presets.motion(preset=str(tmp_path / "mine.toml"))
    assert (motion.style.name, motion.style.strength) == (str(tmp_path / "anna.toml"), 0.5)
    assert motion.eye_clips.folder == str(tmp_path / "clips")
    (tmp_path / "mine.toml").write_text('style_name = "drawl"\n', "utf-8")
    assert presets.motion(preset=str(tmp_path / "mine.toml")).style.name == "drawl"


def test_spaces_around_a_styles_name_and_strength_say_nothing() -> None:
    assert presets.motion(style=" drawl : 0.5 ") == presets.motion(style="drawl:0.5")


BAD = {
    "unknown": ("plain", None, "There is no preset 'plain'; there are cartoon, mouth_only, natural"),
    "no file": ("gone.toml", None, "There is no preset file"),
    "no toml": ("own.toml", "eyes_gaze: 1", "cannot be read"),
    "no such setting": ("own.toml", "colour = 1", "There is no setting 'colour'"),
    "out of range": ("own.toml", "eyes_gaze = 7", "does not fit: eyes_gaze \\(--gaze\\) must lie between 0 and 1"),
    "of the wrong kind": ("own.toml", 'eyes_gaze = "far"', "must be a number"),
}


@pytest.mark.parametrize(("name", "text", "sentence"), BAD.values(), ids=BAD)
def test_a_preset_that_does_not_fit_is_refused_in_a_sentence(
    name: str, text: str | None, sentence: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    if text is not None:
        Path(name).write_text(text, "utf-8")
    with pytest.raises(SettingError, match=sentence):
        presets.motion(preset=name)
