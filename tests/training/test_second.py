"""The second pass: what a network hears, laid over what is said."""

from __future__ import annotations

import shutil

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training import corpora, phones, second
from training.align import AlignmentError

FPS = 50.0
UNIFORM = np.full(len(phones.PHONES), 1 / len(phones.PHONES))


def heard(spoken: list[tuple[str, int]], *, sure: float = 0.9) -> np.ndarray:
    """Posteriors of phones that last so many frames."""
    rows = [phones.PHONES.index(phone) for phone, frames in spoken for _ in range(frames)]
    posteriors = np.full((len(rows), len(phones.PHONES)), (1 - sure) / (len(phones.PHONES) - 1))
    posteriors[np.arange(len(rows)), rows] = sure
    return posteriors


def placed(words: list[list[str]], posteriors: np.ndarray) -> list[tuple[float, float, str]]:
    units, likelihood = second.chain(words), second.scores(posteriors, UNIFORM)
    return second.segments(second.best_path(likelihood, units), likelihood, units, fps=FPS)


SPOKEN = st.lists(st.tuples(st.sampled_from(["M", "AA", "P", "S", "IY", "F", "UW", "T"]), st.integers(2, 9)), min_size=1, max_size=8)


@settings(max_examples=40, deadline=None)
@given(words=st.lists(SPOKEN, min_size=1, max_size=4), pauses=st.lists(st.integers(0, 12), min_size=5, max_size=5))
def test_phones_stand_where_they_are_heard(words, pauses):
    spoken: list[tuple[str, int]] = []
    for word, pause in zip(words, pauses, strict=False):
        # Two alike in a row cannot be told apart by anyone.
        clean = [item for i, item in enumerate(word) if i == 0 or item[0] != word[i - 1][0]]
        if spoken and pause < 3 and spoken[-1][0] == clean[0][0]:
            pause = 3
        spoken += [("sil", pause)] * (pause >= 3) + clean
        word[:] = clean
    found = placed([[phone for phone, _ in word] for word in words], heard(spoken))
    ends = np.cumsum([frames for _, frames in spoken]) / FPS
    assert [phone for *_, phone in found] == [phone for phone, _ in spoken]
    assert np.allclose([end for _, end, _ in found], ends, atol=0.5 / FPS + 1e-9)


def test_a_mishearing_does_not_move_a_closure():
    """The ears hear an N where the text has an M, as they do in a language they do not know: the text is right."""
    found = placed([["AA", "M", "AA"]], heard([("AA", 8), ("N", 5), ("AA", 8)]))
    assert [phone for *_, phone in found] == ["AA", "M", "AA"]
    assert found[1][0] == pytest.approx(8 / FPS, abs=0.02) and found[1][1] == pytest.approx(13 / FPS, abs=0.02)


@given(late_ms=st.integers(-40, 40))
@settings(max_examples=15, deadline=None)
def test_what_ears_hear_late_is_labelled_when_it_was_said(late_ms, tmp_path_factory):
    """Ears that are late in the corpora of the first pass are as late in the second's, and that much is taken out of their labels."""
    words = [("sil", 12), ("M", 7), ("AA", 9), ("S", 8), ("IY", 7), ("sil", 11)]
    ends = np.cumsum([frames for _, frames in words]) / FPS
    spoken = tuple((float(start), float(end), phone) for start, end, (phone, _) in zip((0.0, *ends), ends, words, strict=False))
    cache = tmp_path_factory.mktemp("late")
    audio = np.ones(round(ends[-1] * corpora.RATE), np.int16)
    corpora.write_corpus(cache, "first", [corpora.Recording("u", "s", "en", "CC0-1.0", audio, spoken)], made_from="test")
    times = (np.arange(len(audio) * FPS / corpora.RATE) + 0.5) / FPS - late_ms / 1000
    # As a network's odds do, these pass from one phone to the next within some 60 ms.
    edges = np.concatenate(([-1.0], ends[:-1], [ends[-1] + 1]))
    passed = 1 / (1 + np.exp(-(times[:, None] - edges) / 0.012))
    shares = passed[:, :-1] - passed[:, 1:]
    posteriors = np.full((len(times), len(phones.PHONES)), 1e-4)
    np.add.at(posteriors.T, [phones.PHONES.index(phone) for phone, _ in words], shares.T)

    class Late(second.Ears):
        def hear(self, audio):
            return posteriors, FPS

    ears = Late(cache, tuple(UNIFORM))
    late_s = second.lateness_s(cache, ears)
    assert late_s == pytest.approx(late_ms / 1000, abs=0.003)
    units, likelihood = second.chain([["M", "AA"], ["S", "IY"]]), second.scores(posteriors, UNIFORM)
    found = second.segments(second.best_path(likelihood, units), likelihood, units, fps=FPS, late_s=late_s)
    assert [phone for *_, phone in found] == [phone for phone, _ in words]
    # A pause has its price, and so its bound lies a little off.
    assert np.allclose([end for _, end, _ in found[:-2]], ends[:-2], atol=0.006)


def test_a_swallowed_schwa_is_left_out_and_a_closure_never():
    assert [phone for *_, phone in placed([["S", "AH", "T"]], heard([("S", 6), ("T", 4)]))] == ["S", "T"]
    assert [phone for *_, phone in placed([["S", "P", "T"]], heard([("S", 6), ("T", 4)]))] == ["S", "P", "T"]


def test_more_phones_than_time():
    with pytest.raises(AlignmentError):
        placed([["S", "P", "T", "K"]], heard([("S", 2)]))


def test_only_words_that_were_heard_are_kept():
    words = [["M", "AA"], ["S", "IY", "T", "IY"], ["P", "UW"]]
    spoken = [("M", 30), ("AA", 50), ("sil", 12), ("F", 20), ("UW", 30), ("F", 20), ("UW", 20), ("sil", 12), ("P", 30), ("UW", 50)]
    posteriors, units = heard(spoken), second.chain(words)
    likelihood = second.scores(posteriors, UNIFORM)
    path = second.best_path(likelihood, units)
    kept = second.stretches(second.agreement(posteriors, path, units), path, units, fps=FPS)
    assert len(kept) == 2
    assert kept[0][0] == 0 and abs(kept[0][1] - 86) <= 13
    assert abs(kept[1][0] - 188) <= 13 and kept[1][1] == len(posteriors)


@pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is not installed")
def test_a_text_is_read_in_its_own_language():
    said = second.read_aloud("Die Mutter öffnet", voice="de")
    assert said.sure and len(said.phones) == 3
    assert said.phones[1][0] == "M" and said.phones[2][0] == "OE"
