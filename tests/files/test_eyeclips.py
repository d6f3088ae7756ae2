from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from a2f_addon import Job, run
from a2f_addon.errors import OutputError
from a2f_addon.face import arkit
from a2f_addon.face.clips import EyeClips
from a2f_addon.face.curves import FaceCurves
from a2f_addon.files import eyeclips, livelink
from a2f_addon.job import Motion
from tests.face.test_clips import clip


def test_every_csv_of_a_folder_is_a_clip(tmp_path: Path) -> None:
    for number in range(3):
        livelink.write(tmp_path / f"take{number}.CSV", clip(3.0, seed=number))
    (tmp_path / "notes.txt").write_text("not this one")
    assert [len(each) for each in eyeclips.read(tmp_path)] == [180, 180, 180]


def test_a_bake_takes_the_eyes_of_a_folder(tmp_path: Path, recording: Path, graph: Path) -> None:
    livelink.write(tmp_path / "take.csv", clip(10.0))
    face = run(Job(recording, fps=60.0, model=graph, motion=Motion(eye_clips=EyeClips(folder=str(tmp_path)))))
    wanted = clip(10.0).channel("eyeBlinkLeft")[: len(face)]
    np.testing.assert_allclose(face.channel("eyeBlinkLeft"), wanted, atol=1e-5)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("Name,Age\nAnna,7\n", "no columns 'Timecode'"),
        ("Timecode,BlendshapeCount,EyeBlinkLeft\n00:00:00:00.000,61,nan\n", "values that are no numbers"),
        ("Timecode,BlendshapeCount,EyeBlinkLeft\n00:00:01:05.000,61,0.1\n00:00:01:05.000,61,0.2\n", "stand still, at 0 frames per second"),
        ("Timecode,BlendshapeCount,JawOpen\n00:00:00:00.000,61,0.1\n00:00:00:01.000,61,0.2\n", "do not move"),
    ],
)
def test_a_file_that_is_no_eye_clip_is_named(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "odd.csv").write_text(text)
    with pytest.raises(OutputError, match=sentence) as error:
        eyeclips.read(tmp_path)
    assert "odd.csv" in str(error.value)


def test_a_folder_without_clips_is_named(tmp_path: Path) -> None:
    for folder, sentence in ((tmp_path, "holds no eye clips"), (tmp_path / "gone", "There is no folder")):
        with pytest.raises(OutputError, match=sentence):
            eyeclips.read(folder)


def test_eyes_that_never_move_are_no_clip(tmp_path: Path) -> None:
    livelink.write(tmp_path / "stiff.csv", FaceCurves(60.0, 0.0, arkit.NAMES, np.full((120, 52), 0.2, np.float32)))
    with pytest.raises(OutputError, match="do not move"):
        eyeclips.read(tmp_path)
