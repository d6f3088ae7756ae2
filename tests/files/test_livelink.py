from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from a2f_addon.errors import OutputError
from a2f_addon.face import arkit
from a2f_addon.face.curves import FaceCurves
from a2f_addon.files import livelink

COMMON = (24000 / 1001, 24.0, 25.0, 30000 / 1001, 30.0, 48.0, 50.0, 60000 / 1001, 60.0, 120.0)


def face(frames: int, *, fps: float = 30.0, start: float = 0.0, names: tuple[str, ...] = arkit.NAMES) -> FaceCurves:
    values = np.random.default_rng(frames).uniform(0, 1, (frames, len(names)))
    return FaceCurves(fps, start, names, values.astype(np.float32))


def round_trip(folder: Path, curves: FaceCurves, *, fps: float | None = None) -> FaceCurves:
    livelink.write(folder / "take.csv", curves)
    return livelink.read(folder / "take.csv", fps=fps)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("takes")


@given(fps=st.sampled_from(COMMON), seconds=st.floats(1.1, 20), start=st.floats(0, 90_000))
def test_what_is_written_is_read_back(folder: Path, fps: float, seconds: float, start: float) -> None:
    curves = face(int(seconds * fps) + 1, fps=fps, start=start)
    again = round_trip(folder, curves)
    assert again.fps == fps
    # The timecode's last digit is a thousandth of a frame, the values' a millionth.
    assert abs(again.start - start) <= 0.0006 / fps + 1e-6
    assert again.names == curves.names
    np.testing.assert_allclose(again.values, curves.values, atol=6e-7)


@given(fps=st.floats(1, 240), frames=st.integers(1, 100), start=st.floats(0, 100))
def test_any_frame_rate_is_read_back_when_it_is_given(folder: Path, fps: float, frames: int, start: float) -> None:
    curves = face(frames, fps=fps, start=start)
    again = round_trip(folder, curves, fps=fps)
    assert again.fps == fps and len(again) == frames
    assert abs(again.start - start) <= 0.0006 / fps + 1e-6


@pytest.mark.parametrize("fps", [23.5, 17.25, 72.0, 90.0])
def test_an_unusual_frame_rate_is_measured(folder: Path, fps: float) -> None:
    assert round_trip(folder, face(3000, fps=fps)).fps == pytest.approx(fps, abs=1e-4)


def test_within_one_second_the_usual_rate_is_taken(folder: Path) -> None:
    assert round_trip(folder, face(10, fps=60.0)).fps == 60.0
    assert round_trip(folder, face(10, fps=24.0), fps=24.0).fps == 24.0


def test_the_file_is_laid_out_as_live_link_face_does(folder: Path) -> None:
    livelink.write(folder / "take.csv", face(31, fps=30.0, start=3725.5))
    with (folder / "take.csv").open(newline="") as file:
        header, *rows = csv.reader(file)
    assert header[:3] == ["Timecode", "BlendshapeCount", "EyeBlinkLeft"]
    assert header[53:57] == ["TongueOut", "HeadYaw", "HeadPitch", "HeadRoll"] and header[-1] == "RightEyeRoll"
    assert all(len(row) == len(header) == 63 and row[1] == "61" for row in rows)
    assert [row[0] for row in rows[:2]] == ["01:02:05:15.000", "01:02:05:16.000"] and rows[15][0] == "01:02:06:00.000"
    assert float(rows[0][-1]) == 0.0


@example(time_s=1 - 1e-9, fps=30.0)
@given(time_s=st.floats(0, 90_000), fps=st.sampled_from(COMMON))
def test_a_timecode_never_counts_a_whole_second_of_frames(time_s: float, fps: float) -> None:
    hours, minutes, seconds, frame = (float(part) for part in livelink.timecode(time_s, fps).split(":"))
    assert minutes < 60 and seconds < 60 and frame < fps
    assert 3600 * hours + 60 * minutes + seconds + frame / fps == pytest.approx(time_s, abs=0.0006 / fps + 1e-9)


def test_rotations_travel_when_there_are_any(folder: Path) -> None:
    curves = face(40, names=(*arkit.NAMES, *arkit.HEAD))
    again = round_trip(folder, curves)
    assert again.names == curves.names
    np.testing.assert_allclose(again.channel("headPitch"), curves.channel("headPitch"), atol=6e-7)


def test_a_curve_that_is_not_there_is_written_as_zero(folder: Path) -> None:
    again = round_trip(folder, face(40, names=("tongueOut", "jawOpen")))
    assert again.names == arkit.NAMES
    assert not again.channel("mouthClose").any() and again.channel("jawOpen").any()


def captured(path: Path, *, header: str, rows: list[str]) -> Path:
    path.write_text("\n".join([header, *rows]) + "\n", "utf-8")
    return path


def test_names_are_read_in_any_case_and_order_with_columns_of_others_between(tmp_path: Path) -> None:
    rows = [f"00:00:{10 + frame // 60}:{frame % 60:02d}.250,61,x,{frame / 100},0.5" for frame in range(90)]
    curves = livelink.read(captured(tmp_path / "take.csv", header="\ufeffTIMECODE,blendshapecount,Comment,JAWOPEN,eyeBlinkLeft", rows=rows))
    assert curves.names == ("eyeBlinkLeft", "jawOpen") and curves.fps == 60.0
    assert curves.start == pytest.approx(10 + 0.25 / 60, abs=1e-6)
    np.testing.assert_allclose(curves.channel("jawOpen"), np.arange(90) / 100, atol=1e-6)


def test_frames_that_the_phone_dropped_are_filled_in(tmp_path: Path) -> None:
    kept = [frame for frame in range(300) if frame not in (7, 8, 59, 60, 61, 200)]
    rows = [f"00:00:{frame // 60:02d}:{frame % 60:02d}.000,61,{frame / 1000}" for frame in kept]
    curves = livelink.read(captured(tmp_path / "take.csv", header="Timecode,BlendshapeCount,JawOpen", rows=rows))
    assert curves.fps == 60.0
    np.testing.assert_allclose(curves.channel("jawOpen"), np.arange(300) / 1000, atol=1e-6)


HEADER = "Timecode,BlendshapeCount,JawOpen"


@pytest.mark.parametrize(
    ("header", "rows", "sentence"),
    [
        ("", [], "holds no frames"),
        (HEADER, [], "holds no frames"),
        ("Name,Age", ["Anna,7"], "no columns 'Timecode' and 'JawOpen'"),
        ("Timecode,BlendshapeCount,HeadYaw", ["00:00:00:00.000,61,0"], "no columns"),
        (HEADER, ["00:00:00:00.000,61,0.1", "later,61,0.2"], "Line 3 of"),
        (HEADER, ["00:00:00:00.000,61"], "Line 2 of"),
        (HEADER, ["00:00:00:00.000,61,wide"], "Line 2 of"),
        (HEADER, ["00:00:00:00.000,61,nan"], "values that are no numbers"),
        (HEADER, ["00:00:00:00.000,61,0", "23:00:00:00.000,61,0"], "jump too far"),
        (HEADER, [*(f"00:00:{frame // 60:02d}:{frame % 60:02d}.000,61,0" for frame in range(180)), "23:00:00:00.000,61,0"], "jump too far"),
    ],
)
def test_a_file_of_something_else_is_refused(tmp_path: Path, header: str, rows: list[str], sentence: str) -> None:
    with pytest.raises(OutputError, match=sentence):
        livelink.read(captured(tmp_path / "take.csv", header=header, rows=rows))


def test_a_file_that_cannot_be_opened_is_refused(tmp_path: Path) -> None:
    (tmp_path / "picture.csv").write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe\x00")
    for name, sentence in {"gone.csv": "There is no file", "picture.csv": "cannot be read", ".": "cannot be read"}.items():
        with pytest.raises(OutputError, match=sentence):
            livelink.read(tmp_path / name)


def test_there_is_no_timecode_before_zero(tmp_path: Path) -> None:
    with pytest.raises(OutputError, match="begin at -1 s"):
        livelink.write(tmp_path / "take.csv", face(3, start=-1.0))
    assert not list(tmp_path.iterdir())
