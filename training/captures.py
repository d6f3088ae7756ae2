"""Folders of speech with a performer's face: which capture belongs to which sound, on which clock, and how late it is.

A take is a sound file with a Live Link Face CSV of the same name beside it, or with a folder of the same name that holds the pair ``BS_name.npy``
and ``BS_value.npy``, or such a pair in a folder with one sound file. A capture's own timecode is the recorder's time of day and says nothing of the
sound: its first frame is taken to stand where the sound begins, and what is not quite so is found by comparing the lips with what a network hears.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from a2f_addon.errors import A2FError
from a2f_addon.face import closure
from a2f_addon.face.curves import FaceCurves
from a2f_addon.files import blendshapes, livelink
from a2f_addon.speech import audio

Floats = NDArray[np.float32]
Doubles = NDArray[np.float64]

SOUNDS = (".wav", ".flac", ".ogg", ".opus", ".mp3", ".aiff", ".aif", ".aifc", ".caf", ".w64")
PAIR_RATES = (25.0, 30.0, 60.0, 24.0, 50.0)
"""Frame rates of a pair of NumPy files, which doesn't say its own: the one that makes it as long as its sound is taken."""
SAME_LENGTH = 0.04
"""How far the two lengths may be apart, as a share: less than there is between 24 and 25."""
SHORTEST_S = 2.0
SEARCHED_S, FARTHEST_S = 1.5, 1.0
"""How far apart sound and capture are looked for, and how far they may be: beyond, they were not cut to the same start."""
SYLLABLES_S = 0.5
"""What changes more slowly than this doesn't tell when."""
LEAST_LIKENESS = 0.15
"""Correlation of lips that follow a sound at all; the measured jaw of a real performer reaches .64 with a first model's."""
SYLLABLES_HZ = 5.0
"""How many times a second lips say something new: what a correlation is worth."""
SURE = 4.0
"""So many standard errors above chance the likeness must be, and that of a take's own lag above that of the one of all takes to be taken instead."""
LAG_HZ = 100.0


class CaptureError(A2FError):
    """The captures cannot be learnt from."""


class Take(NamedTuple):
    """name: as it is printed. capture: a CSV, or a folder with a pair."""

    name: str
    speech: Path
    capture: Path


class Lag(NamedTuple):
    """seconds: by how much the face comes after its sound. likeness: correlation of the lips there."""

    seconds: float
    likeness: float


def find(folder: Path) -> tuple[list[Take], list[str]]:
    """The takes in a folder and its subfolders, by name, and a sentence for each sound or CSV that is in none.

    Raises CaptureError where there is no take.
    """
    if not folder.is_dir():
        raise CaptureError(f"There is no folder '{folder}'; name one that holds speech and its captures.")
    files = sorted(file for file in folder.rglob("*") if file.is_file() and not file.name.startswith("."))
    sounds = [file for file in files if file.suffix.lower() in SOUNDS]
    tables = {file.with_suffix(""): file for file in files if file.suffix.lower() == ".csv"}
    takes, alone = [], []
    for sound in sounds:
        capture = _capture_of(sound, tables, sounds)
        if capture is None:
            alone.append(f"'{sound}' has no capture: neither a CSV nor a folder with {blendshapes.NAMES} of its name.")
        else:
            takes.append(Take(str(sound.relative_to(folder).with_suffix("")), sound, capture))
    used = {take.capture for take in takes}
    alone += [f"'{table}' has no sound of its name beside it." for table in tables.values() if table not in used]
    if not takes:
        raise CaptureError(f"'{folder}' holds no take: no TAKE.wav with TAKE.csv, nor with a folder TAKE of {blendshapes.NAMES}.")
    return takes, alone


def _capture_of(sound: Path, tables: dict[Path, Path], sounds: Sequence[Path]) -> Path | None:
    stem = sound.with_suffix("")
    if stem in tables:
        return tables[stem]
    if (stem / blendshapes.NAMES).is_file():
        return stem
    beside = [other for other in sounds if other.parent == sound.parent]
    return sound.parent if (sound.parent / blendshapes.NAMES).is_file() and len(beside) == 1 else None


def sound_of(take: Take, *, rate: int) -> Floats:
    """Its speech, mono float32 [samples]. Raises SoundError."""
    with audio.open_speech(take.speech, rate=rate) as recording:
        return np.concatenate([np.zeros(0, np.float32), *recording.blocks])


def face_of(take: Take, *, duration_s: float, fps: float | None = None) -> FaceCurves:
    """Its capture, the first frame at 0 s.

    fps: of the capture; by default what a CSV's timecodes tell, and for a pair the usual rate that makes it as long as its sound.
    Raises OutputError for a file that is no capture, and CaptureError where it cannot be of that sound: far shorter, or of no usual rate.
    """
    if take.capture.is_dir():
        curves = blendshapes.read(take.capture, fps=fps or 1.0)
        rate = fps or _pair_rate(take, len(curves) / duration_s)
        return FaceCurves(rate, 0.0, curves.names, curves.values)
    curves = livelink.read(take.capture, fps=fps)
    if min(len(curves) / curves.fps, duration_s) < SHORTEST_S:
        raise CaptureError(f"'{take.name}' is too short to learn from: less than {SHORTEST_S:g} seconds of sound or of face.")
    return FaceCurves(curves.fps, 0.0, curves.names, curves.values)


def _pair_rate(take: Take, measured: float) -> float:
    nearest = min(PAIR_RATES, key=lambda rate: abs(np.log(rate / max(measured, 1e-9))))
    if abs(nearest / max(measured, 1e-9) - 1) > SAME_LENGTH:
        raise CaptureError(f"The capture '{take.capture}' would have {measured:.1f} frames a second of its sound; say its frame rate with --fps.")
    return nearest


def at(curves: FaceCurves, names: Sequence[str], times: Doubles) -> Floats:
    """The mean of some channels at given seconds, along straight lines, float32 [times]. None of the names may be missing from the curves."""
    curve = curves.values[:, curves.columns(names)].mean(axis=1)
    return np.interp(times, curves.times, curve).astype(np.float32)


def lip_gap(curves: FaceCurves) -> Doubles:
    """How far the lips are apart, as a share of what an open jaw does, float64 [frames]; shapes that the curves lack don't count."""
    shares = np.array([closure.GAP.get(name, 0.0) for name in curves.names])
    return np.asarray(curves.values.astype(np.float64) @ shares)


def lags(pairs: Sequence[tuple[FaceCurves, FaceCurves]]) -> list[Lag]:
    """How late each capture is: pairs of what a network heard in the sound, and the capture on a clock that begins with the sound.

    All takes of a device are late by much the same: a take has another lag only where it is plainly likelier.
    Raises CaptureError where they follow their sounds nowhere, or only too far away to be cut to the same start.
    """
    tried = np.arange(-round(SEARCHED_S * LAG_HZ), round(SEARCHED_S * LAG_HZ) + 1)
    sums = np.stack([_products(heard, captured, tried) for heard, captured in pairs])
    together = _best(sums.sum(axis=0), tried)
    seconds = [min(heard.times[-1], captured.times[-1]) for heard, captured in pairs]
    if together.likeness < max(LEAST_LIKENESS, SURE / np.sqrt(sum(seconds) * SYLLABLES_HZ)):
        raise CaptureError("The captured lips don't follow the sounds; look whether each capture has the name of its own sound, and starts with it.")
    if abs(together.seconds) > FARTHEST_S:
        late = f"{abs(together.seconds):.2f} s {'after' if together.seconds > 0 else 'before'}"
        raise CaptureError(f"The captures come {late} their sounds; cut sounds and captures to the same start.")
    place = int(np.searchsorted(tried, round(together.seconds * LAG_HZ)))
    found = []
    for each, lasting_s in zip(sums, seconds, strict=True):
        own, common = _best(each, tried), Lag(together.seconds, float(_likeness(each)[place]))
        surer = np.sqrt(lasting_s * SYLLABLES_HZ / 2) * (np.arctanh(min(own.likeness, 0.999)) - np.arctanh(min(common.likeness, 0.999)))
        found.append(own if surer > SURE and abs(own.seconds) <= FARTHEST_S else common)
    return found


def _products(heard: FaceCurves, captured: FaceCurves, tried: NDArray[np.int64]) -> Doubles:
    """For each lag in steps of LAG_HZ the sums that a correlation is made of, float64 [lags, 3]: heard x captured, and each squared."""
    wide = int(tried[-1])
    end_s = max(heard.times[-1], captured.times[-1])
    times = np.arange(-wide, round(end_s * LAG_HZ) + wide) / LAG_HZ
    sides = []
    for curves in (heard, captured):
        gap = _syllables(np.interp(times, curves.times, lip_gap(curves)))
        inside = (times >= curves.times[0]) & (times <= curves.times[-1])
        sides.append((np.where(inside, gap, 0.0), inside.astype(np.float64)))
    (gap, is_heard), (face, is_captured) = sides
    found = np.zeros((len(tried), 3))
    for row, lag in enumerate(tried):
        moved, covered = np.roll(face, -lag), np.roll(is_captured, -lag)
        found[row] = moved @ gap, (gap * gap) @ covered, (moved * moved) @ is_heard
    return found


def _syllables(gap: Doubles) -> Doubles:
    """What of a gap is quicker than a phrase."""
    box = np.ones(round(SYLLABLES_S * LAG_HZ) | 1)
    return gap - np.convolve(gap, box, mode="same") / np.convolve(np.ones_like(gap), box, mode="same")


def _likeness(sums: Doubles) -> Doubles:
    return sums[:, 0] / np.sqrt(np.maximum(sums[:, 1] * sums[:, 2], 1e-18))


def _best(sums: Doubles, tried: NDArray[np.int64]) -> Lag:
    """The lag of the greatest likeness, its place between the steps by a parabola."""
    likeness = _likeness(sums)
    peak = int(likeness.argmax())
    between = 0.0
    if 0 < peak < len(tried) - 1:
        before, top, after = likeness[peak - 1 : peak + 2]
        curvature = before - 2 * top + after
        between = 0.5 * float(before - after) / float(curvature) if curvature < 0 else 0.0
    return Lag((float(tried[peak]) + between) / LAG_HZ, float(likeness[peak]))
