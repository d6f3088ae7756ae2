from __future__ import annotations

import re
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import numpy as np

from a2f_addon.face import arkit
from a2f_addon.face.curves import FaceCurves
from a2f_addon.job import Motion
from a2f_addon.settings import build, options
from docs import stages

ROOT = Path(__file__).parents[2]


def face(**moving: float) -> FaceCurves:
    times = np.arange(150) / 30
    flat = FaceCurves(30.0, 0.0, (*arkit.NAMES, *arkit.HEAD), np.zeros((150, 55), np.float32))
    return flat.with_channels({name: (size * np.sin(3 * times) ** 2).astype(np.float32) for name, size in moving.items()})


def test_a_picture_shows_what_changes_most_one_of_both_sides_and_is_small() -> None:
    before = face(jawOpen=0.5)
    after = face(jawOpen=0.9, browDownLeft=0.2, browDownRight=0.2, headYaw=0.1, mouthFunnel=0.001)
    assert stages.most_changed(before, after) == ["jawOpen", "browDownLeft", "headYaw"]
    drawn = stages.picture(before, after, np.sin(np.arange(80_000)))
    texts = [each.text for each in ElementTree.fromstring(drawn).iter("{http://www.w3.org/2000/svg}text")]
    assert {"jawOpen", "browDownLeft", "headYaw"} <= set(texts) and len(drawn) < 60_000


def test_every_stage_has_its_picture_in_the_documentation() -> None:
    groups = {item.path[0] for item in options(Motion)} - set(stages.NEEDS_MORE)
    page = (ROOT / "docs" / "stages.md").read_text("utf-8")
    assert set(re.findall(r"\(stages/(\w+)\.svg\)", page)) == groups
    assert all((ROOT / "docs" / "stages" / f"{group}.svg").stat().st_size < 60_000 for group in groups)


def test_what_is_shown_of_a_stage_are_settings_that_there_are() -> None:
    for group in {item.path[0] for item in options(Motion)} - set(stages.NEEDS_MORE):
        shown = stages._shown(group)
        assert build(Motion, dict(shown.before)) != build(Motion, dict(shown.after))
