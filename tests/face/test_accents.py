from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2f_addon.face.accents import Accents, accents, phrases, swell, thinned, wander
from a2f_addon.face.curves import Speech
from tests.face import said


def spoken(syllables: int, *, stressed: tuple[int, ...] = (), louder_db: float = 0.0, higher: float = 0.0) -> Speech:
    """Syllables of a fifth of a second, some of them louder or higher (semitones) than the rest, between two pauses."""
    line = said.line((0.6, "sil"), *((0.1, phone) for _ in range(syllables) for phone in ("T", "AA")), (0.6, "sil"))
    speech = said.speech(line)
    begin = 0.6 + 0.2 * np.arange(syllables)
    here = np.any([np.abs(speech.times - begin[number] - 0.15) < 0.06 for number in stressed] or [np.zeros(len(speech), bool)], axis=0)
    vowel = speech.phones[:, speech.phone_names.index("AA")]
    pitch_hz = np.where(vowel > 0.5, 120 * 2 ** (here * higher / 12), 0).astype(np.float32)
    return replace(speech, loudness_db=(speech.loudness_db + here * louder_db).astype(np.float32), pitch_hz=pitch_hz)


@pytest.mark.parametrize("how", [{"louder_db": 6.0}, {"higher": 5.0}, {"louder_db": 3.0, "higher": 3.0}])
def test_what_is_louder_or_higher_stands_out(how: dict[str, float]) -> None:
    found = accents(spoken(20, stressed=(4, 11), **how))
    strongest = np.sort(found.times[np.argsort(-found.strengths)[:2]])
    # The middle of its vowel.
    np.testing.assert_allclose(strongest, [0.6 + 0.2 * number + 0.15 for number in (4, 11)], atol=0.02)
    assert np.sort(found.strengths)[-2] > 1.5 * np.sort(found.strengths)[:-2].max(initial=0.0)


def test_how_much_higher_an_accent_is_can_be_told_from_its_loudness() -> None:
    high, loud = (accents(spoken(20, stressed=(8,), **how)) for how in ({"higher": 5.0}, {"louder_db": 6.0}))
    assert high.higher[np.argmax(high.strengths)] > 3
    assert abs(loud.higher[np.argmax(loud.strengths)]) < 0.1


def test_nothing_stands_out_where_nothing_is_said() -> None:
    silence, none = said.speech(said.line((5.0, "sil"))), np.zeros(0, np.float32)
    for speech in (silence, replace(silence, phones=silence.phones[:0], loudness_db=none, pitch_hz=none, intensity_db=none)):
        assert len(accents(speech).times) == 0 and len(phrases(speech).spans) == 0


@pytest.mark.parametrize(("way", "rises"), [(4.0, True), (0.0, False), (-6.0, False)])
def test_a_phrase_that_ends_high_asks(way: float, rises: bool) -> None:
    speech = said.speech(said.line((0.5, "sil"), (1.5, "AA"), (0.5, "sil"), (1.0, "IY"), (0.5, "sil")))
    last = np.clip((speech.times - 1.5) / 0.5, 0, 1)
    pitch_hz = np.where((speech.times > 0.5) & (speech.times < 2.0), 130 * 2 ** (way * last / 12), 0).astype(np.float32)
    found = phrases(replace(speech, pitch_hz=pitch_hz))
    np.testing.assert_allclose(found.spans, [[0.5, 2.0], [2.5, 3.5]], atol=0.06)
    assert found.rises.tolist() == [rises, False]


@given(times=st.lists(st.floats(0, 60), max_size=60), apart_s=st.floats(0.1, 3))
def test_no_two_that_remain_are_near_and_whatever_goes_has_a_stronger_neighbour(times: list[float], apart_s: float) -> None:
    places = np.sort(np.array(times))
    found = Accents(places, np.random.default_rng(1).uniform(0.1, 1, len(places)), np.zeros(len(places)))
    kept = thinned(found, at_least=0.2, apart_s=apart_s)
    assert np.all(np.diff(kept.times) >= apart_s - 1e-9) and np.all(kept.strengths >= 0.2)
    for time, strength in zip(found.times, found.strengths, strict=True):
        near = np.abs(kept.times - time) <= apart_s
        assert strength < 0.2 or kept.strengths[near].max() >= strength


def test_a_swell_is_whole_at_its_centre_and_nothing_beyond_its_flanks() -> None:
    times = np.linspace(0, 4, 4001)
    level = swell(times, np.array([1.0]), np.array([0.7]), rise_s=0.2, fall_s=0.4, hold_s=0.5)
    assert level[1000] == level[1500] == pytest.approx(0.7) and level[1900:].max() < 1e-9 and level[:800].max() < 1e-9
    assert np.all(np.diff(level[800:1000]) >= 0) and np.all(np.diff(level[1500:1900]) <= 0)


def test_a_wander_has_unit_variance_is_smooth_and_the_same_at_any_frame_rate() -> None:
    slow, fast = (wander(np.arange(round(2000 * fps)) / fps, (3, 1), every_s=1.0) for fps in (30, 120))
    np.testing.assert_allclose(slow, fast[::4], atol=1e-9)
    assert fast.std() == pytest.approx(1.0, abs=0.05) and abs(fast.mean()) < 0.1
    # A B-spline's slope is a mean of the steps between its knots.
    assert np.abs(np.diff(fast)).max() * 120 < 8
