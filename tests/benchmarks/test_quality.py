from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from benchmarks import conditions, judging, lips, quality, report, vertices
from benchmarks.judging import ALLPHONE, LIVE, LOUDNESS, OFFLINE, Results, Stirred, Tally
from tests import made
from training.corpora import RATE, Utterance

PHONES = ((0.0, 0.5, "sil"), (0.5, 1.5, "AA"), (1.5, 2.0, "sil"))


def voice(seconds: float = 2.0) -> np.ndarray:
    """A buzz of 120 Hz from 0.5 to 1.5 s, int16."""
    times = np.arange(round(seconds * RATE)) / RATE
    buzz = sum(np.sin(2 * np.pi * 120 * k * times) / k for k in range(1, 20))
    return (6000 * buzz * ((times >= 0.5) & (times < 1.5))).astype(np.int16)


def clip(*, noise: np.ndarray | None = None, room: np.ndarray | None = None) -> conditions.Clip:
    noises = {} if noise is None else {"some": (noise.astype(np.float32),)}
    return conditions.Clip("a clip", PHONES, conditions.Sounds(noises, () if room is None else (room.astype(np.float32),)))


def test_noise_lies_5_db_below_the_speech_whatever_its_own_level() -> None:
    clean = voice()
    speech_power = np.mean(np.square(clean[RATE // 2 : 3 * RATE // 2].astype(float)))
    for gain in (0.001, 1.0):
        added = conditions.noisy(clean, clip(noise=gain * np.random.default_rng(0).standard_normal(8000))).astype(float) - clean
        assert 10 * np.log10(speech_power / np.mean(added**2)) == pytest.approx(5.0, abs=0.1)


def test_a_room_delays_nothing() -> None:
    """Its direct sound comes first, so that the labels keep their times."""
    response = np.zeros(4000)
    response[0], response[1600] = 1.0, 0.5
    heard = conditions.in_room(voice(), clip(room=response)).astype(float)
    assert not heard[: RATE // 2].any()
    assert np.abs(heard[RATE // 2 : RATE // 2 + 160]).max() > 0
    assert np.abs(heard[3 * RATE // 2 : 3 * RATE // 2 + 1600]).max() > 0


def test_level_and_channels_come_back_as_the_add_on_reads_them() -> None:
    clean = voice().astype(float)
    quiet, both = (change(voice(), clip()).astype(float) for change in (conditions.quieter, conditions.stereo))
    assert quiet == pytest.approx(clean * 10 ** (-30 / 20), abs=0.02)
    assert both == pytest.approx(0.75 * clean, abs=0.02)


def test_a_telephone_leaves_nothing_above_its_band() -> None:
    hiss = (3000 * np.random.default_rng(0).standard_normal(2 * RATE)).astype(np.int16)
    power = np.square(np.abs(np.fft.rfft(conditions.telephone(hiss, clip()).astype(float))))
    hertz = np.fft.rfftfreq(2 * RATE, 1 / RATE)
    assert power[hertz > 4300].sum() < 0.001 * power.sum()
    assert power[hertz < 100].sum() < 0.01 * power.sum()


def test_sound_without_speech_is_the_same_every_time() -> None:
    first, second = (dict(conditions.without_speech(conditions.Sounds(), minutes=0.25)) for _ in range(2))
    assert set(first) == set(conditions.MADE)
    assert all(np.array_equal(first[kind], second[kind]) for kind in first)


def gap(*steps: tuple[float, float]) -> np.ndarray:
    """Steps of (seconds, gap) at the metric's rate."""
    return np.concatenate([np.full(round(seconds * lips.RATE_HZ), value) for seconds, value in steps])


def test_only_a_mouth_that_opens_closes_and_opens_closes_falsely() -> None:
    assert judging.false_closures(gap((5, 0.0))) == 0
    assert judging.false_closures(gap((2, 0.0), (1, 0.4), (2, 0.0))) == 0
    assert judging.false_closures(gap((2, 0.0), (1, 0.4), (0.1, 0.0), (1, 0.4), (2, 0.0))) == 1
    assert judging.false_closures(gap((1, 0.4), (1.0, 0.0), (1, 0.4))) == 1
    assert judging.false_closures(gap((1, 0.09), (0.1, 0.0), (1, 0.09))) == 0


def test_a_fault_is_named_by_its_phone() -> None:
    said = ((0.0, 0.2, "sil"), (0.2, 0.3, "M"), (0.3, 0.6, "AA"), (0.6, 0.7, "N"), (0.7, 1.0, "AA"), (1.0, 1.1, "P"), (1.1, 1.4, "sil"))
    utterance = Utterance("", "", "", "", "", "", 0, round(1.4 * RATE), said)
    times = lips.metric_times(1.4)
    closed = (times < 0.33) | ((times > 0.62) & (times < 0.68)) | (times > 1.25)
    invented, missed = judging.faults(closed, lips.classes(said, duration_s=1.4), utterance)
    assert invented == {"N": 1} and missed == {"P": 1}


def test_turns_are_matched_with_their_own_kind() -> None:
    times = np.arange(400) / 100
    wave = 0.3 + 0.3 * np.sin(2 * np.pi * times)
    highs, lows = vertices.turns(wave)
    assert list(highs) == [25, 125, 225, 325] and list(lows) == [75, 175, 275, 375]
    assert vertices.matched_turns(np.roll(wave, 5)[:395], wave[:395], 100.0) == pytest.approx([0.05] * 8)
    assert not vertices.matched_turns(0.3 + 0.01 * (wave - 0.3), wave, 100.0)
    assert not vertices.matched_turns(0.6 - wave, wave, 100.0), "a maximum is no minimum"


def test_both_kinds_of_graph_are_heard(tmp_path: Path) -> None:
    places = judging.Places(tmp_path, tmp_path, ((OFFLINE, made.graph(tmp_path / "a.onnx")), (LIVE, made.live_graph(tmp_path / "b.onnx"))))
    offline, live = (judging.hear(judging.Task(places, system, "", conditions.CLEAN, 1.0), voice()) for system in (OFFLINE, LIVE))
    assert len(offline.curves) == len(live.curves) == 100
    assert offline.curves.start == pytest.approx(live.curves.start)


def results(closures: int) -> Results:
    """60 true closures, so many of them found, and nothing invented."""
    found = Results(6, ("nl_nathalie",), ("nl_nathalie",))
    events = lips.Events(60, closures, closures, closures, (0.0,) * closures)
    truth = np.tile([lips.CLOSED, 3, lips.SILENCE], 100)
    for system in (OFFLINE, ALLPHONE, LOUDNESS):
        classes = [] if system == LOUDNESS else [truth]
        found.speech[system, "nl_nathalie", conditions.CLEAN] = Tally(60.0, [truth], classes, [truth.astype(float)], events, events)
    found.quiet[OFFLINE] = {"music: chords": Stirred(30.0, 2, (np.zeros(10),))}
    return found


def test_the_page_tells_what_reaches_its_bar_and_is_the_same_again(tmp_path: Path) -> None:
    graph = tmp_path / "a2f.onnx"
    graph.write_bytes(b"graph")

    def page(closures: int) -> str:
        return report.page(results(closures), graphs={OFFLINE: graph}, held_out=('languages = ["nl"]',))

    assert page(45) == page(45)
    assert 'languages = ["nl"]' in page(45)
    assert "| closure F1, language kept out | - | 0.857 | .64 | .80 | - | **0.857** (≥ .80) |" in page(45)
    assert "| closure F1, language kept out | - | 0.667 | .64 | .80 | - | 0.667 (≥ .80) |" in page(30)
    assert "| false closures a minute, music and noise | - | - | - | 0 | 4.0 | - |" in page(45)
    assert "sha256" in page(45) and str(tmp_path) not in page(45)


def test_a_language_counts_as_kept_out_only_where_all_of_a_corpus_is(tmp_path: Path) -> None:
    from training import corpora

    for name, language in (("nl_nathalie", "nl"), ("en_wakewords", "en")):
        recording = corpora.Recording("one", "somebody", language, "CC0-1.0", voice(), PHONES)
        corpora.write_corpus(tmp_path, name, [recording])
    assert quality.is_foreign(tmp_path, "nl_nathalie") and not quality.is_foreign(tmp_path, "en_wakewords")
