"""What a machine without Blender's libraries is told."""

from __future__ import annotations

import sys

import pytest

from demo import system


def test_missing_libraries_are_named_with_the_command_that_installs_them(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(sys, "platform", "linux")
    monkeypatch.setattr(system, "_loads", lambda library: library not in ("libXi.so.6", "libEGL.so.1"))
    with pytest.raises(SystemExit) as ended:
        system.require_blender()
    said = capsys.readouterr().err
    assert ended.value.code == 2
    assert said.strip().endswith("sudo apt-get install --no-install-recommends libxi6 libegl1 libgl1-mesa-dri")
    assert said.count("\n") == 1


def test_where_nothing_is_missing_nothing_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr(system, "_loads", lambda library: True)
    monkeypatch.setattr(system.importlib, "import_module", lambda name: None)
    system.require_blender()
    assert capsys.readouterr().err == ""
