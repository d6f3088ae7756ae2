from __future__ import annotations

import numpy as np

from a2f_addon.batch import picture
from a2f_addon.batch.meter import Meter
from a2f_addon.face import arkit
from a2f_addon.face.curves import FaceCurves, Speech

RATE = 16_000
NAMES = ("sil", "m", "aa")
CLASSES = {"silence": ("sil",), "closed": ("m",), "open": ("aa",)}


def curves(**channels: np.ndarray) -> FaceCurves:
    frames = len(next(iter(channels.values())))
    return FaceCurves(30.0, 0.0, arkit.NAMES, np.zeros((frames, len(arkit.NAMES)), np.float32)).with_channels(channels)


def speech(phones: np.ndarray) -> Speech:
    return Speech(50.0, 0.01, NAMES, np.eye(3, dtype=np.float32)[phones], np.zeros(len(phones), np.float32), CLASSES)


def values(drawn: str) -> np.ndarray:
    """What the page reads from a text: 0 to 1."""
    return np.array([int(letter, 36) for letter in drawn]) / 35


def heard(sound: np.ndarray) -> Meter:
    meter = Meter()
    meter(sound.astype(np.float32), RATE)
    return meter


def test_each_curve_comes_back_from_its_letters() -> None:
    ramp = np.linspace(0, 1, 1200)
    drawn = picture.draw(heard(np.repeat(ramp, 100)), speech(np.full(600, 2)), curves(jawOpen=ramp))
    for name in ("wave", "jaw"):
        assert len(drawn[name]) == picture.COLUMNS
        np.testing.assert_allclose(values(drawn[name]), np.linspace(0, 1, picture.COLUMNS), atol=0.5 / 35 + 1 / picture.COLUMNS)


def test_what_is_shorter_than_a_column_is_still_seen() -> None:
    sound, jaw, phones = np.zeros(120 * RATE), np.full(3600, 0.5), np.full(6000, 2)
    sound[60 * RATE] = 1.0
    jaw[1800] = 1.0
    phones[3001:3003] = 1
    closed = {"mouthClose": np.where(np.arange(3600) == 1800, 1.0, 0.0)}
    drawn = picture.draw(heard(sound), speech(phones), curves(jawOpen=jaw, **closed))
    assert values(drawn["wave"])[60] == 1.0 and values(drawn["jaw"])[60] == 1.0
    assert drawn["visemes"] == "a" * 60 + "m" + "a" * 59
    # Where the lips meet for a frame, the gap goes down.
    assert values(drawn["gap"])[60] < values(drawn["gap"])[59]


def test_silence_sounds_of_no_class_and_nothing_at_all_can_be_drawn() -> None:
    unsure = Speech(50.0, 0.01, ("x", "y"), np.full((200, 2), 0.5, np.float32), np.zeros(200, np.float32), CLASSES)
    assert picture.draw(heard(np.zeros(RATE)), unsure, curves(jawOpen=np.zeros(120)))["visemes"] == picture.OTHER * picture.COLUMNS
    assert picture.draw(heard(np.zeros(RATE)), speech(np.zeros(200, int)), curves(jawOpen=np.zeros(120)))["visemes"] == "." * picture.COLUMNS
    nothing = picture.draw(Meter(), speech(np.zeros(0, int)), curves(jawOpen=np.zeros(0)))
    assert {len(text) for text in nothing.values()} == {picture.COLUMNS}


def test_three_frames_are_as_wide_as_three_thousand() -> None:
    drawn = picture.draw(heard(np.zeros(1600)), speech(np.array([0, 2, 2])), curves(jawOpen=np.array([0.0, 1.0, 0.0])))
    assert {len(text) for text in drawn.values()} == {picture.COLUMNS}
    assert set(drawn["jaw"]) == {"0", "z"} and drawn["jaw"].startswith("0" * 40 + "z")
