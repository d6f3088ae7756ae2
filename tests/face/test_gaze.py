"""The published figures of blinks and gaze, measured on twenty minutes of curves, and what else a gaze must be."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import pytest

from a2f_addon.face import arkit
from a2f_addon.face.curves import FaceCurves
from a2f_addon.face.eyes import Eyes, aim_deg, look
from a2f_addon.face.gaze import Glance, Habit, gaze_deg, glances, wandering_deg
from tests.face.test_blinks import still, talk

MINUTES, FPS = 20.0, 480.0


class Jumps(NamedTuple):
    """What a tracker would find: size in degrees, duration in seconds, peak speed in degrees a second."""

    sizes: np.ndarray
    durations: np.ndarray
    speeds: np.ndarray


def jumps(angles: np.ndarray, *, fps: float) -> Jumps:
    """Runs of frames faster than 25 degrees a second that go farther than one degree, the usual bounds of a saccade."""
    steps = np.hypot(*np.diff(angles, axis=0).T) * fps
    edges = np.diff(np.concatenate(([0], (steps > 25).astype(int), [0])))
    first, past = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    sizes = np.hypot(*(angles[past] - angles[first]).T)
    far = sizes > 1
    peaks = np.array([steps[begin:end].max() for begin, end in zip(first[far], past[far], strict=True)])
    return Jumps(sizes[far], (past - first)[far] / fps, peaks)


def runs(high: np.ndarray) -> np.ndarray:
    """First and past frame of each run, int [runs, 2]."""
    edges = np.diff(np.concatenate(([0], high.astype(int), [0])))
    return np.stack((np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)), axis=1)


def published_and_measured() -> dict[str, tuple[float, float]]:
    """By name, the published figure and that of twenty minutes of talking eyes."""
    nothing = FaceCurves(FPS, 0.0, arkit.EYES, np.zeros((round(60 * MINUTES * FPS), len(arkit.EYES)), np.float32))
    face = look(nothing, talk(60 * MINUTES), Eyes(lids=False))
    lids, angles = face.channel("eyeBlinkLeft"), aim_deg(face)
    blink = runs(lids > 0.005)
    seconds = np.diff(np.sort(blink[:, 0])) / FPS
    found = jumps(angles, fps=FPS)
    longer, shorter = (np.percentile(np.log(seconds), share) - np.median(np.log(seconds)) for share in (84.1, 15.9))
    slope, least = np.polyfit(found.sizes[found.sizes > 3], found.durations[found.sizes > 3], 1)
    mutual = np.hypot(*angles.T) < 3.5
    # Lee's law cut off at 27.5 degrees, by its integral from the P of that size to 15.
    share = np.linspace(15.7 * np.exp(-27.5 / 6.9), 15, 100_000)
    sizes = -6.9 * np.log(share / 15.7)
    expected = sizes[sizes > 1]
    at = {size: (found.sizes > 0.8 * size) & (found.sizes < 1.2 * size) for size in (5, 10, 20)}
    speeds = {size: 1.65 * found.sizes[near] / (0.025 + 0.0024 * found.sizes[near]) for size, near in at.items()}
    return {
        "blinks a minute, talking": (26.0, len(blink) / MINUTES),
        "mean interval of blinks, s": (60 / 26, float(seconds.mean())),
        "log-normal intervals: skew of spread": (1.0, float(longer / -shorter)),
        "duration of a blink, s": (0.334, float(np.diff(blink, axis=1).mean() / FPS)),
        "mean size of a saccade, deg": (float(expected.mean()), float(found.sizes.mean())),
        "median size of a saccade, deg": (float(np.median(expected)), float(np.median(found.sizes))),
        **{f"peak speed at {size} deg, deg/s": (float(speeds[size].mean()), float(found.speeds[near].mean())) for size, near in at.items()},
        "duration of a saccade of 10 deg, s": (0.049, float(least + 10 * slope)),
        "share of mutual gaze, talking": (3.13 / (3.13 + 0.93), float(mutual.mean())),
    }


def test_twenty_minutes_of_eyes_are_within_15_percent_of_the_published_figures(capsys: pytest.CaptureFixture[str]) -> None:
    table = published_and_measured()
    with capsys.disabled():
        print(f"\n{'figure':40}{'published':>12}{'measured':>12}{'off':>8}")
        for name, (published, measured) in table.items():
            print(f"{name:40}{published:12.3f}{measured:12.3f}{measured / published - 1:8.1%}")
    assert all(measured == pytest.approx(published, rel=0.15) for published, measured in table.values())


def test_who_listens_looks_longer_at_the_other() -> None:
    silence = talk(1200.0, phrase_s=1.0, pause_s=2000.0)
    mutual = np.hypot(*gaze_deg(still(1200.0).times, glances(silence, Habit())).T) < 3.5
    assert mutual.mean() == pytest.approx(7.92 / (7.92 + 0.43), abs=0.03)


def test_the_eyes_leave_in_pauses_and_return_at_the_ends_of_phrases() -> None:
    speech = talk(1200.0)
    away = [np.hypot(*gaze_deg(speech.times, glances(speech, Habit(seed=seed))).T) > 3.5 for seed in range(4)]
    phase = speech.times % 3.5
    leaving, returning = (np.concatenate([np.flatnonzero(np.diff(each.astype(int)) == step) for each in away]) for step in (1, -1))
    # A pause and the beginning of the phrase after it are 0.8 s of 3.5; the 0.4 s before a pause and 0.1 s of it are 0.5.
    assert ((phase[leaving] > 3.0) | (phase[leaving] < 0.3)).mean() > 1.5 * 0.8 / 3.5
    assert ((phase[returning] > 2.6) & (phase[returning] < 3.1)).mean() > 1.25 * 0.5 / 3.5


@pytest.mark.parametrize("size_deg", [2.0, 10.0])
def test_a_glance_is_as_quick_as_an_eye(size_deg: float) -> None:
    there = Glance(1.0, size_deg, 0.0, 0.025 + 0.0024 * size_deg)
    times = np.arange(0.9, 1.2, 0.001)
    angle = gaze_deg(times, [Glance(0.0, 0.0, 0.0, 1.0), there])[:, 0]
    moving = (angle > 1e-9) & (angle < size_deg - 1e-9)
    assert moving.sum() == pytest.approx(1000 * there.jump_s, abs=2)
    assert angle[-1] == size_deg and np.all(np.diff(angle) >= 0)
    assert np.diff(angle).max() * 1000 == pytest.approx(1.65 * size_deg / there.jump_s, rel=0.02)


def test_a_gaze_that_stays_is_never_frozen_and_its_tremble_is_small() -> None:
    speech = talk(120.0)
    path = wandering_deg(still(120.0).times, speech, Habit()) - gaze_deg(still(120.0).times, glances(speech, Habit()))
    assert 0.1 < np.hypot(*path.T).mean() < 0.5 and np.hypot(*path.T).max() < 1.0
    windows = np.lib.stride_tricks.sliding_window_view(path, 30, axis=0)
    assert np.ptp(windows, axis=2).max(axis=1).min() > 0.02


def test_lively_eyes_jump_more_often_and_without_liveliness_never() -> None:
    speech = talk(300.0)
    often = [len(glances(speech, Habit(liveliness=liveliness))) for liveliness in (0.0, 0.5, 1.0, 2.0)]
    assert often[0] == 1 and often[0] < 1.5 * often[1] < 1.3 * often[2] < often[3]
    assert not wandering_deg(still(10.0).times, speech, Habit(liveliness=0.0)).any()


def test_a_longer_recording_begins_as_a_shorter_one() -> None:
    short, long = (wandering_deg(still(20.0).times, talk(seconds), Habit()) for seconds in (35.0, 70.0))
    np.testing.assert_array_equal(short, long)
