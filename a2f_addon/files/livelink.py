"""The CSV of Apple's and Epic's Live Link Face: a line a frame, with a timecode, the 52 shapes and the rotations of head and eyes.

The timecode is HH:MM:SS:FF.fff: hours, minutes and whole seconds of the curves' own clock, in real seconds at every frame rate, and the frame
within that second, with its fraction. At 29.97 frames per second it is therefore neither of SMPTE's two counts, but it does not drift from the
sound. A file does not say its frame rate; that follows from how the frame within the second falls from each second to the next.

Rotations are radians about ARKit's axes of the face, each by the right-hand rule: yaw to the face's own left, pitch down, roll towards its own right
shoulder. Recordings show it: an eye that looks down has a positive pitch, and a left eye that looks in a negative yaw, 0.6 for a whole shape (35
degrees).
"""

from __future__ import annotations

import csv
import re
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from ..errors import OutputError
from ..face import arkit
from ..face.curves import FaceCurves
from . import decimals
from .writing import whole

Doubles = NDArray[np.float64]

CHANNELS = (*arkit.NAMES, *arkit.HEAD, *arkit.EYE_ROTATIONS)
HEADER = ("Timecode", "BlendshapeCount", *(name[0].upper() + name[1:] for name in CHANNELS))
USUAL_FPS = 60.0
"""What Live Link Face records at: the frame rate of a file that is too short to tell."""
RATES = (24000 / 1001, 24.0, 25.0, 30000 / 1001, 30.0, 48.0, 50.0, 60000 / 1001, 60.0, 120000 / 1001, 120.0)
TIMECODE = re.compile(r"(\d+):(\d+):(\d+)[:;](\d+(?:\.\d*)?)")
LARGEST_GAP = 10
"""Frames to a line, over the whole file: so many may be dropped."""
DIGITS = 6
"""After the point of a value."""
STILL = f"{0:.{DIGITS}f}".encode("ascii")
AT_ONCE = 2048
"""Frames that are spelt at once: a few megabytes."""
STEP = 0.001
"""The last digit of a timecode, in frames."""


def write(path: Path, curves: FaceCurves) -> None:
    """Write curves as a Live Link Face CSV, whole or not at all. Channels that the curves lack are zero; values are rounded to six digits.

    Raises OutputError where the file cannot be written and where the curves begin before zero, for which there is no timecode.
    """
    if curves.start < -STEP / curves.fps:
        raise OutputError(f"'{path}' cannot hold curves that begin at {curves.start:g} s, before the recording does; choose a later start.")
    moving = [place for place, name in enumerate(CHANNELS) if name in curves.names and curves.channel(name).any()]
    columns = curves.columns([CHANNELS[place] for place in moving])
    times = curves.times
    with whole(path) as file:
        file.write(",".join(HEADER) + "\n")
        for first in range(0, len(curves), AT_ONCE):
            rows = slice(first, first + AT_ONCE)
            file.write(_lines(times[rows], curves.fps, curves.values[rows], columns, moving))


def _lines(times: Doubles, fps: float, values: NDArray[np.float32], columns: list[int], places: list[int]) -> str:
    """Lines of the table: of the values, these columns at these places among CHANNELS, and zeros elsewhere."""
    spelt = decimals.decimals(values[:, columns], DIGITS)
    cells = np.zeros((len(times), len(CHANNELS), 1 + spelt.shape[2]), np.uint8)
    cells[:, :, 0] = ord(",")
    # Half of a face stands still as a rule.
    cells[:, :, -len(STILL) :] = np.frombuffer(STILL, np.uint8)
    cells[:, places, 1:] = spelt
    return decimals.text(decimals.joined([_timecodes(times, fps), f",{len(CHANNELS)}", cells.reshape(len(times), -1), "\n"]))


def read(path: Path, *, fps: float | None = None) -> FaceCurves:
    """The curves in a Live Link Face CSV, from this program or from an iPhone.

    fps: frames per second of the timecodes; by default what they tell, or 60 where the file lies within one second.
    Names are read without regard to case, in any order; unknown columns are left out, as are rotations that stay zero.
    Frames that the recorder dropped are filled in between their neighbours. Raises OutputError for a file that cannot be read as one.
    """
    header, rows = _table(path)
    time_column, columns = _columns(path, header)
    seconds, frames, values = _numbers(path, rows, time_column, list(columns.values()))
    if len(rows) > 1 and np.ptp(seconds) == 0 and np.ptp(frames) == 0:
        raise OutputError(f"The timecodes of '{path}' stand still, at 0 frames per second; export the file again.")
    fps, numbers = _clock(seconds, frames, fps)
    # A microsecond is finer than the timecodes are.
    start = round(float(np.mean(seconds + frames / fps - numbers / fps)), 6)
    if fps < 1 or numbers[-1] > LARGEST_GAP * len(numbers):
        raise OutputError(f"The timecodes of '{path}' jump too far to be one take; export the file again.")
    whole_numbers = np.arange(int(numbers[-1]) + 1)
    if len(whole_numbers) != len(numbers):
        values = np.stack([np.interp(whole_numbers, numbers, column) for column in values.T], axis=1)
    names = [name for name, column in zip(columns, values.T, strict=True) if name in arkit.NAMES or column.any()]
    kept = [list(columns).index(name) for name in names]
    return FaceCurves(fps, start, tuple(names), values[:, kept].astype(np.float32))


def timecode(time_s: float, fps: float) -> str:
    """HH:MM:SS:FF.fff of a time in seconds, not negative."""
    return decimals.text(_timecodes(np.array([time_s]), fps))


def _timecodes(times: Doubles, fps: float) -> decimals.Bytes:
    """The timecode of each time, a row each."""
    # What would round up to a whole second belongs to that second.
    seconds = np.floor(times + 0.5 * STEP / fps)
    frames = np.maximum(times - seconds, 0.0) * fps
    clock = (decimals.decimals(part, 0, least=2) for part in (seconds // 3600, seconds // 60 % 60, seconds % 60))
    hours, minutes, rest = clock
    return decimals.joined([hours, ":", minutes, ":", rest, ":", decimals.decimals(frames, 3, least=2)])


def _table(path: Path) -> tuple[list[str], list[list[str]]]:
    """The header and the lines below it."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            lines = [line for line in csv.reader(file) if line]
    except FileNotFoundError:
        raise OutputError(f"There is no file '{path}'; check its name and folder.") from None
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise OutputError(f"'{path}' cannot be read as a Live Link Face file ({error}); choose a CSV from Live Link Face.") from error
    if len(lines) < 2:
        raise OutputError(f"'{path}' holds no frames; choose a CSV from Live Link Face.")
    return lines[0], lines[1:]


def _columns(path: Path, header: list[str]) -> tuple[int, dict[str, int]]:
    """The column of the timecode, and by name those of the channels that are there, in their usual order."""
    place = {name.strip().casefold(): column for column, name in enumerate(header)}
    found = {name: place[name.casefold()] for name in CHANNELS if name.casefold() in place}
    if "timecode" not in place or not set(found) & set(arkit.NAMES):
        raise OutputError(f"'{path}' has no columns 'Timecode' and 'JawOpen' or the like; choose a CSV from Live Link Face.")
    return place["timecode"], found


def _numbers(path: Path, rows: list[list[str]], time_column: int, columns: list[int]) -> tuple[Doubles, Doubles, Doubles]:
    """Whole seconds [frames], frame within the second [frames], values [frames, columns]."""
    seconds, frames, values = np.zeros(len(rows)), np.zeros(len(rows)), np.zeros((len(rows), len(columns)))
    for number, row in enumerate(rows):
        try:
            seconds[number], frames[number] = _parsed(row[time_column])
            values[number] = [float(row[column]) for column in columns]
        except (IndexError, ValueError):
            raise OutputError(f"Line {number + 2} of '{path}' is no frame of Live Link Face; export the file again.") from None
    if not np.isfinite(values).all():
        raise OutputError(f"'{path}' holds values that are no numbers; export the file again.")
    return seconds, frames, values


def _parsed(text: str) -> tuple[float, float]:
    """Whole seconds and the frame within the second of a timecode. Raises ValueError for what is none."""
    match = TIMECODE.fullmatch(text.strip())
    if not match:
        raise ValueError(text)
    hours, minutes, seconds = (int(part) for part in match.groups()[:3])
    return 3600.0 * hours + 60 * minutes + seconds, float(match[4])


def _clock(seconds: Doubles, frames: Doubles, fps: float | None) -> tuple[float, Doubles]:
    """The frame rate, and each line's number counted in frames from the first, dropped ones included."""
    later, stepped = np.diff(seconds), np.diff(frames)
    if fps is None:
        crossing = later > 0
        if not crossing.any():
            return USUAL_FPS, _counted(stepped)
        # From one second to the next the frame falls by the frame rate, less the one frame that has passed.
        roughly = float(np.median((1 - stepped[crossing]) / later[crossing]))
        numbers = _counted(stepped + roughly * later)
        last = len(seconds) - 1
        elapsed = seconds[last] - seconds[0]
        fps = _rate((numbers[last] - frames[last] + frames[0]) / elapsed, error=STEP / elapsed)
        return fps, numbers
    return fps, _counted(stepped + fps * later)


def _counted(steps: Doubles) -> Doubles:
    return np.concatenate([[0.0], np.cumsum(np.maximum(np.round(steps), 1.0))])


def _rate(measured: float, *, error: float) -> float:
    """The usual frame rate that lies as near as the timecodes' digits can tell, or the one measured."""
    nearest = min((*RATES, float(round(measured))), key=lambda rate: abs(rate - measured))
    return nearest if abs(nearest - measured) <= 1.01 * error else measured
