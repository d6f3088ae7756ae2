from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from a2f_addon import commands, presets
from a2f_addon.errors import SettingError
from a2f_addon.face import arkit
from a2f_addon.face.curves import FaceCurves
from a2f_addon.face.style import Moves
from a2f_addon.files import livelink, styles


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def capture(name: str, *, seconds: float = 6.0, size: float = 0.5) -> str:
    values = np.zeros((round(60 * seconds), 52), np.float32)
    values[:, arkit.NAMES.index("jawOpen")] = size * (0.5 + 0.5 * np.sin(np.arange(len(values)) / 5))
    livelink.write(Path(name), FaceCurves(60.0, 0.0, arkit.NAMES, values))
    return name


def test_a_capture_is_measured_and_its_style_used_by_path(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main(["style", "measure", capture("anna.csv"), "-o", "anna.toml"]) == 0
    style = styles.read("anna.toml")
    # A sine of amplitude a spreads by a / sqrt(2).
    assert style.channels["jawOpen"].spread == pytest.approx(0.25 / 2**0.5, rel=0.02) and "anna.csv" in style.description
    motion = presets.motion(style="anna.toml:0.5")
    assert (motion.style.name, motion.style.strength) == ("anna.toml", 0.5)
    assert capsys.readouterr() == ("", "")


def test_two_styles_become_one_in_between() -> None:
    for name, size in (("a", 0.2), ("b", 0.6)):
        commands.main(["style", "measure", capture(f"{name}.csv", size=size), "-o", f"{name}.toml"])
    assert commands.main(["style", "blend", "a.toml", "b.toml", "--share", "0.25", "-o", "ab.toml"]) == 0
    assert styles.read("ab.toml").channels["jawOpen"].spread == pytest.approx(0.15 / 2**0.5, rel=0.02)
    assert commands.main(["style", "blend", "stoic", "exuberant", "-o", "both.toml"]) == 0
    assert "relative = true" in Path("both.toml").read_text("utf-8") and styles.read("both.toml").blinks_per_minute == pytest.approx(18.5)


def test_a_measured_style_blends_with_one_that_comes_along() -> None:
    commands.main(["style", "measure", capture("anna.csv"), "-o", "anna.toml"])
    assert commands.main(["style", "blend", "anna.toml", "stoic", "--share", "0.25", "-o", "both.toml"]) == 0
    anna, stoic, both = (styles.read(name) for name in ("anna.toml", "stoic", "both.toml"))
    own = Moves(0.1, 0.2, 2.0)
    wanted = 0.75 * np.array(anna.goal("jawOpen", own)) + 0.25 * np.array(stoic.goal("jawOpen", own))
    assert both.goal("jawOpen", own) == pytest.approx(wanted, abs=1e-5)


MISTAKES = {
    "no capture": (["measure", "gone.csv", "-o", "x.toml"], "There is no file 'gone.csv'"),
    "foreign": (["measure", "foreign.csv", "-o", "x.toml"], "has no columns 'Timecode'"),
    "empty": (["measure", "empty.csv", "-o", "x.toml"], "holds no frames"),
    "too short": (["measure", "short.csv", "-o", "x.toml"], "'short.csv' cannot be measured: 2.0 s are too short"),
    "still": (["measure", "still.csv", "-o", "x.toml"], "Nothing moves"),
    "no toml": (["measure", "good.csv", "-o", "x.json"], "kept in a .toml file"),
    "no folder": (["measure", "good.csv", "-o", "gone/x.toml"], "There is no folder 'gone'"),
    "no style": (["blend", "stoic", "plain", "-o", "x.toml"], "There is no style 'plain'; there are broadcaster"),
    "share": (["blend", "stoic", "exuberant", "--share", "2", "-o", "x.toml"], "between 0 and 1"),
}


@pytest.mark.parametrize(("arguments", "sentence"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_is_one_line_and_writes_nothing(arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]) -> None:
    Path("foreign.csv").write_text("name,value\nx,1\n", "utf-8")
    Path("empty.csv").write_text("", "utf-8")
    capture("short.csv", seconds=2.0)
    capture("still.csv", size=0.0)
    capture("good.csv")
    assert commands.main(["style", *arguments]) == 2
    error = capsys.readouterr().err
    assert sentence in error and error.count("\n") == 1
    assert not Path("x.toml").exists() and not Path("x.json").exists()


BAD = {
    "no toml": ("jawOpen", "cannot be read"),
    "no channels": ('description = "x"', "is no style"),
    "no such shape": ("[channels]\nnose = { rest = 0, spread = 1, speed = 1 }", "no shape 'nose'"),
    "a part is missing": ("[channels]\njawOpen = { rest = 0, spread = 1 }", "is no style"),
    "no number": ('[channels]\njawOpen = { rest = 0, spread = "far", speed = 1 }', "is no style"),
    "a factor without figures": ("[channels]\n[factors]\njawOpen = { rest = 1, spread = 1, speed = 1 }", "no shape 'jawOpen'"),
    "nan": ("[channels]\njawOpen = { rest = 0, spread = nan, speed = 1 }", "are numbers"),
}


@pytest.mark.parametrize(("text", "sentence"), BAD.values(), ids=BAD)
def test_a_file_that_is_no_style_is_refused_before_anything_is_heard(text: str, sentence: str) -> None:
    Path("x.toml").write_text(text, "utf-8")
    with pytest.raises(SettingError, match=sentence):
        presets.motion(style="x.toml")


@pytest.mark.parametrize(("text", "sentence"), [("plain", "no style 'plain'"), ("stoic:2", "between 0 and 1"), ("gone.toml", "no style file")])
def test_a_style_that_there_is_not_is_refused(text: str, sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        presets.motion(style=text)


def test_the_styles_that_come_along_are_listed(capsys: pytest.CaptureFixture[str]) -> None:
    assert commands.main(["style", "list"]) == 0
    shown = capsys.readouterr().out.splitlines()
    assert [line.partition(":")[0] for line in shown] == list(styles.names()) and all(len(line) > 30 for line in shown)
