"""What of a sentence is looked at."""

from __future__ import annotations

import numpy as np

from a2f_addon.face.curves import Speech
from demo import moments

PHONES = ("sil", "M", "F", "UW", "AA", "T")
CLASSES = {"silence": ("sil",), "closed": ("M",), "labiodental": ("F",), "rounded": ("UW",), "open": ("AA",), "spread": ("T",)}
FPS = 50.0


def spoken(*parts: tuple[str, int]) -> Speech:
    """Speech of these phones, each for so many frames."""
    best = [PHONES.index(phone) for phone, frames in parts for _ in range(frames)]
    phones = np.full((len(best), len(PHONES)), 0.02, np.float32)
    phones[np.arange(len(best)), best] = 0.9
    return Speech(FPS, 0.5 / FPS, PHONES, phones, np.zeros(len(best), np.float32), CLASSES)


def test_sounds_are_the_likeliest_phones_with_their_times() -> None:
    heard = moments.sounds(spoken(("sil", 10), ("M", 5), ("AA", 8)))
    assert [(sound.phone, sound.kind) for sound in heard] == [("sil", "silence"), ("M", "closed"), ("AA", "open")]
    np.testing.assert_allclose([(sound.start, sound.end) for sound in heard], [(0, 0.2), (0.2, 0.3), (0.3, 0.46)])


def test_a_passing_doubt_neither_counts_nor_parts_a_sound() -> None:
    heard = moments.sounds(spoken(("AA", 5), ("T", 1), ("AA", 5), ("M", 4)))
    assert [sound.phone for sound in heard] == ["AA", "M"]
    np.testing.assert_allclose((heard[0].start, heard[0].end), (0, 0.22))


def test_every_closure_is_shown_before_anything_else() -> None:
    speech = spoken(("sil", 10), *[("M", 4), ("T", 20)] * 5, ("F", 4), ("sil", 12), ("AA", 9), ("sil", 10))
    shown = moments.telling(speech, last_s=3.0, most=9)
    labels = [moment.label for moment in shown]
    assert [moment.time for moment in shown] == sorted(moment.time for moment in shown)
    assert labels[0] == "first frame" and labels[-1] == "last frame"
    assert labels.count("M  closed") == 5 and "F  labiodental" in labels
    assert len(shown) == 9


def test_a_pause_is_silence_within_the_sentence_and_long_enough_to_rest() -> None:
    speech = spoken(("sil", 30), ("AA", 9), ("sil", 5), ("AA", 9), ("sil", 12), ("AA", 9), ("sil", 30))
    pauses = [moment.time for moment in moments.telling(speech, last_s=2.0, most=20) if moment.label == "pause"]
    np.testing.assert_allclose(pauses, [(30 + 9 + 5 + 9 + 6) / FPS])
