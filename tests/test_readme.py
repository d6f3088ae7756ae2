"""The README says what the program does."""

from __future__ import annotations

import importlib.util
from pathlib import Path

ROOT = Path(__file__).parents[1]


def test_the_table_of_settings_is_up_to_date() -> None:
    spec = importlib.util.spec_from_file_location("docs_settings", ROOT / "docs" / "settings.py")
    assert spec and spec.loader
    settings = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(settings)
    text = (ROOT / "README.md").read_text("utf-8")
    assert settings.with_table(text) == text, "run: python docs/settings.py"


def test_every_file_and_folder_that_it_names_is_there() -> None:
    text = (ROOT / "README.md").read_text("utf-8")
    pins = [f"requirements/{name}" for name in ("blender-5.0.txt", "blender-5.2.txt")]
    for name in ("docs/talking_head.png", "training/README.md", "a2f_addon/data/MODEL_CARD.md", *pins):
        assert name in text
        assert (ROOT / name).is_file(), name
