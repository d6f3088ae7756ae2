"""Clips put together anew: whose they are, that labels stay with their sound, and that nobody has said them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

pytest.importorskip("torch", reason="training needs torch; see training/requirements.txt")

from training import augment, phones, recombine
from training.corpora import RATE, Corpus, Utterance

VOWELS = ("AA", "IY", "UW")
CONSONANTS = ("M", "S", "P")
SPEAKERS = 3
PHONE_LABELS = 12


def hertz(phone: str, speaker: int) -> float:
    """A pitch for each phone, in an octave for each speaker."""
    return 220.0 * 2**speaker * (1 + (*VOWELS, *CONSONANTS).index(phone) / 7)


def corpus(orders: list[list[str]]) -> augment.Labelled:
    """An utterance for each order of phones, spoken by each speaker; the curve is the phone's own number."""
    spoken = [(speaker, order) for order in orders for speaker in range(SPEAKERS)]
    sounds, utterances, ids, at = [], [], [], 0
    for number, (speaker, order) in enumerate(spoken):
        times = np.arange(PHONE_LABELS * recombine.STEP) / RATE
        sound = np.concatenate([np.sin(2 * np.pi * hertz(phone, speaker) * times) for phone in order])
        ends = np.arange(1, len(order) + 1) * PHONE_LABELS / recombine.LABEL_HZ
        segments = tuple((float(end) - PHONE_LABELS / recombine.LABEL_HZ, float(end), phone) for end, phone in zip(ends, order, strict=True))
        utterances.append(Utterance(f"u{number}", "made", f"speaker{speaker}", "en", "CC0-1.0", "train", at, len(sound), segments))
        sounds.append((20_000 * sound).astype(np.int16))
        ids += [phones.PHONES.index(phone) for phone in order for _ in range(PHONE_LABELS)]
        at += len(sound)
    first = np.concatenate(([0], np.cumsum([len(order) * PHONE_LABELS for _, order in spoken])))
    said = np.array(ids, np.uint8)
    return augment.Labelled(Corpus("made", tuple(utterances), np.concatenate(sounds)), said, (said[:, None] / 100).astype(np.float16), first)


ORDERS = st.lists(st.lists(st.sampled_from(VOWELS), min_size=2, max_size=5), min_size=1, max_size=4).map(
    lambda rows: [[phone for i, vowel in enumerate(row) for phone in (CONSONANTS[i % 3], vowel)] for row in rows]
)


def clip(orders: list[list[str]], seed: int, labels: int = 400) -> tuple[np.ndarray, np.ndarray, np.ndarray, list[recombine.Piece], Corpus]:
    made = corpus(orders)
    walked = recombine.Joints(made).walk(np.random.default_rng(seed), labels)
    return *recombine.put_together(made, walked, samples=labels * recombine.STEP), [piece for _, piece in walked], made.corpus


@settings(max_examples=40, deadline=None)
@given(orders=ORDERS, seed=st.integers(0, 1000))
def test_a_clip_is_one_speakers_and_each_label_names_what_sounds(orders, seed):
    audio, said, seen, pieces, made = clip(orders, seed)
    assert len(audio) == 400 * recombine.STEP and len(said) == len(seen) == 400
    speakers = {made.utterances[piece.utterance].speaker for piece in pieces}
    assert len(speakers) == 1
    speaker = int(speakers.pop()[-1])
    # Wherever three labels in a row are of one phone, the middle one sounds at that phone's pitch.
    steady = [i for i in range(1, 399) if said[i - 1] == said[i] == said[i + 1] != 0]
    for i in steady[::7]:
        piece = audio[(i - 1) * recombine.STEP : (i + 2) * recombine.STEP] * np.hanning(3 * recombine.STEP)
        heard = np.abs(np.fft.rfft(piece, 1 << 14)).argmax() * RATE / (1 << 14)
        assert heard == pytest.approx(hertz(phones.PHONES[said[i]], speaker), rel=0.06)
    assert np.allclose(seen[steady, 0], said[steady] / 100, atol=1e-3)


def test_a_join_makes_no_click():
    """Within a vowel of one pitch the joined wave is as smooth as the wave itself."""
    audio, said, _, pieces, _ = clip([["M", "AA", "S", "AA"], ["P", "AA", "M", "AA"]], 3, 800)
    assert sum(piece.goes_on for piece in pieces) >= 4
    vowel = np.repeat(said == phones.PHONES.index("AA"), recombine.STEP)
    inside = vowel[1:-1] & vowel[2:] & vowel[:-2]
    bend = np.abs(np.diff(audio, 2))[inside]
    assert bend.max() < 1.5 * np.percentile(bend, 90)


def test_words_are_said_that_nobody_has_said():
    orders = [["M", "AA", "S", "IY"], ["P", "AA", "M", "IY"], ["S", "IY", "P", "AA"]]
    known = {pair for order in orders for pair in pairwise([phone for phone in order if phone in CONSONANTS])}
    found = set()
    for seed in range(20):
        _, said, _, _, _ = clip(orders, seed)
        order = [phones.PHONES[row] for row in said[np.flatnonzero(np.diff(said, prepend=255))]]
        found |= set(pairwise([phone for phone in order if phone in CONSONANTS]))
    assert found - known


def test_a_corpus_without_a_vowel_goes_on_as_it_is():
    audio, said, _, pieces, _ = clip([["S", "M", "P"]], 0)
    assert not any(piece.goes_on for piece in pieces)
    assert {phones.PHONES[row] for row in np.unique(said)} <= {"sil", "S", "M", "P"} and np.abs(audio).max() > 0.3
