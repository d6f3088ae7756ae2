from __future__ import annotations

import shutil
from importlib.util import find_spec

import numpy as np
import pytest

from training import align, corpora, synthesise
from training.align import AlignmentError
from training.corpora import RATE


def tone(*parts: tuple[float, float]) -> np.ndarray:
    """int16 noise, each part as long and as loud as said: (seconds, amplitude)."""
    rng = np.random.default_rng(0)
    return np.concatenate([rng.uniform(-1, 1, round(seconds * RATE)) * amplitude * 20_000 for seconds, amplitude in parts]).astype(np.int16)


SPOKEN = tuple((0.5 + 0.1 * i, 0.6 + 0.1 * i, phone) for i, phone in enumerate(["M", "AA", "M", "AA", "B", "IY"]))
SEGMENTS = ((0.0, 0.5, "sil"), *SPOKEN, (1.1, 2.0, "sil"))
AUDIO = tone((0.5, 0.001), (0.6, 1.0), (0.9, 0.001))


def test_words_are_spelt_as_the_dictionary_spells_them() -> None:
    assert " ".join(align.words("Author of the danger trail, Philip Steels, etc.")) == "author of the danger trail philip steels etcetera"
    assert align.words("“Don’t!” said multi-colored 'Bob'.") == ["don't", "said", "multi", "colored", "bob"]


def test_a_plausible_alignment_passes() -> None:
    align.check(SEGMENTS, audio=AUDIO)


@pytest.mark.parametrize(
    ("segments", "audio", "reason"),
    [
        (((0.0, 2.0, "sil"),), AUDIO, "nothing but silence"),
        (((0.0, 1.0, "AA"), (1.0, 2.0, "M")), AUDIO, "phones a second"),
        (((0.0, 0.5, "sil"), *((0.5 + 0.03 * i, 0.53 + 0.03 * i, "T") for i in range(12)), (0.86, 2.0, "sil")), AUDIO, "phones a second"),
        (((0.0, 0.5, "sil"), *SPOKEN[:5], (1.0, 1.5, "P"), (1.5, 2.0, "sil")), AUDIO, "lasts too long"),
        (SEGMENTS, tone((0.5, 0.001), (1.3, 1.0), (0.2, 0.001)), "as loud as speech"),
    ],
)
def test_an_alignment_as_nobody_speaks_is_refused(segments, audio, reason: str) -> None:
    with pytest.raises(AlignmentError, match=reason):
        align.check(segments, audio=audio)


def test_silence_at_the_ends_is_taken_out_of_the_phones_that_hold_it() -> None:
    segments = ((0.0, 0.6, "M"), *SPOKEN[1:5], (1.0, 2.0, "IY"))
    assert align.trim(segments, audio=AUDIO) == SEGMENTS


def test_a_stop_keeps_its_silent_closure() -> None:
    (_, first, *_) = align.trim(((0.0, 0.52, "P"), (0.52, 1.1, "AA"), (1.1, 2.0, "sil")), audio=AUDIO)
    assert first == (0.44, 0.52, "P")


def test_a_long_wait_before_and_after_the_words_is_cut_and_the_labels_move_with_the_sound() -> None:
    later = tuple((start + 1.0, end + 1.0, phone) for start, end, phone in SPOKEN)
    audio = tone((1.5, 0.001), (0.6, 1.0), (2.0, 0.001))
    cropped, segments = align.crop(audio, ((0.0, 1.5, "sil"), *later, (2.1, 4.1, "sil")))
    assert segments[0] == (0.0, 0.6, "sil") and segments[1] == (0.6, 0.7, "M")
    assert len(cropped) == round(1.8 * RATE)
    assert np.array_equal(cropped, audio[round(0.9 * RATE) : round(2.7 * RATE)])


def test_kaldis_labels_past_the_end_of_the_sound_are_refused() -> None:
    label = {"phone": "ˈaː", "start": 0.2, "duration": 0.4}
    with pytest.raises(AlignmentError, match="past the end"):
        align._kaldi_segments([{"phones": [label]}], duration_s=0.5)
    assert align._kaldi_segments([{"phones": [label]}], duration_s=0.8) == ((0.0, 0.2, "sil"), (0.2, 0.6, "AA"), (0.6, 0.8, "sil"))


@pytest.mark.skipif(find_spec("pocketsphinx") is None or shutil.which("flite") is None, reason="needs pocketsphinx and flite")
def test_pocketsphinx_finds_the_phones_that_flite_said() -> None:
    said = synthesise.flite_say("My mother moved above the bumpy river.", voice="slt")
    found = align.align(corpora.to_int16(said.sound), "My mother moved above the bumpy river.")
    truth = [start for start, _, phone in said.segments if phone in ("M", "B")]
    aligned = [start for start, _, phone in found if phone in ("M", "B")]
    assert len(truth) == len(aligned) == 6
    assert np.median(np.abs(np.subtract(truth, aligned))) < 0.03
