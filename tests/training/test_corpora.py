from __future__ import annotations

import itertools
import json
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given
from hypothesis import strategies as st

from training import corpora
from training.corpora import HELD_OUT, RATE, SHORTEST_PAUSE_S, Recording
from training.phones import SILENCE


def recording(name: str, *, speaker: str = "someone", language: str = "en", seconds: float = 0.5, value: int = 1) -> Recording:
    audio = np.full(round(seconds * RATE), value, np.int16)
    return Recording(name, speaker, language, "CC0-1.0", audio, ((0.0, 0.2, "M"), (0.2, seconds, "AA")))


def test_what_is_written_is_read_back(tmp_path: Path) -> None:
    written = [recording("first", value=7), recording("second", speaker="other", seconds=0.75, value=-9)]
    corpora.write_corpus(tmp_path, "made", written, made_from="this")
    corpus = corpora.read_corpus(tmp_path, "made")
    assert [utterance.id for utterance in corpus.utterances] == ["first", "second"]
    for original, utterance in zip(written, corpus.utterances, strict=True):
        assert np.array_equal(corpus.audio(utterance), original.audio)
        assert utterance.phones == original.phones
        assert (utterance.speaker, utterance.corpus) == (original.speaker, "made")
    assert corpora.names(tmp_path) == ["made"]
    assert corpora.is_current(tmp_path, "made", "this") and not corpora.is_current(tmp_path, "made", "that")


def test_a_corpus_that_fails_half_way_leaves_the_former_one(tmp_path: Path) -> None:
    corpora.write_corpus(tmp_path, "made", [recording("kept")])

    def failing():
        yield recording("lost")
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="full"):
        corpora.write_corpus(tmp_path, "made", failing())
    assert [utterance.id for utterance in corpora.read_corpus(tmp_path, "made").utterances] == ["kept"]
    assert [path.name for path in tmp_path.iterdir()] == ["made"]


@pytest.mark.parametrize("phones", [((0.0, 0.3, "M"),), ((0.0, 0.2, "M"), (0.3, 0.5, "AA")), ((0.0, 0.5, "mm"),), ()])
def test_labels_that_do_not_cover_the_sound_are_refused(tmp_path: Path, phones: tuple) -> None:
    bad = Recording("bad", "someone", "en", "CC0-1.0", np.zeros(RATE // 2, np.int16), phones)
    with pytest.raises(ValueError, match="bad"):
        corpora.write_corpus(tmp_path, "made", [bad])


def test_nobody_held_out_is_read_for_training(tmp_path: Path) -> None:
    spoken = [
        recording("known", speaker="en_US/vctk_low/p228"),
        recording("held out", speaker="en_US/vctk_low/p225"),
        recording("Dutch", speaker="nl/pmk_low/sample", language="nl_NL"),
    ]
    corpora.write_corpus(tmp_path, "neural_voices", spoken)
    assert [utterance.id for utterance in corpora.read_corpus(tmp_path, "neural_voices").utterances] == ["known"]
    assert [utterance.id for utterance in corpora.read_corpus(tmp_path, "neural_voices", split=HELD_OUT).utterances] == ["held out", "Dutch"]
    assert len(corpora.read_corpus(tmp_path, "neural_voices", split=None).utterances) == 3


def test_about_an_eighth_of_unnamed_speakers_is_held_out() -> None:
    held_out = [corpora.is_held_out("en_wakewords", speaker=f"speaker {i}", language="en") for i in range(2000)]
    assert 0.10 < np.mean(held_out) < 0.15
    assert not corpora.is_held_out("en_kathleen", speaker="kathleen", language="en-us")


spans = st.tuples(st.floats(-0.1, 2.2), st.floats(0.0, 0.4), st.sampled_from(["M", "AA", SILENCE]))
segments = st.lists(spans.map(lambda span: (span[0], span[0] + span[1], span[2])), max_size=12)


@given(found=segments)
def test_tidy_labels_cover_everything_once(found: list[tuple[float, float, str]]) -> None:
    tidied = corpora.tidy(found, duration_s=2.0)
    assert tidied[0][0] == 0.0 and tidied[-1][1] == 2.0
    for (_, end, phone), (start, _, following) in itertools.pairwise(tidied):
        assert end == start
        assert not phone == following == SILENCE
    inner = [end - start for start, end, phone in tidied[1:-1] if phone == SILENCE]
    assert all(length > SHORTEST_PAUSE_S - 3e-4 for length in inner)


def test_a_gap_of_a_few_milliseconds_belongs_to_the_phone_before_it_and_a_pause_is_a_pause() -> None:
    found = [(0.1, 0.3, "AA"), (0.33, 0.5, "M"), (0.7, 0.9, "AA")]
    expected = ((0.0, 0.1, SILENCE), (0.1, 0.33, "AA"), (0.33, 0.5, "M"), (0.5, 0.7, SILENCE), (0.7, 0.9, "AA"), (0.9, 1.0, SILENCE))
    assert corpora.tidy(found, duration_s=1.0) == expected


def test_layout_and_comments_do_not_make_a_corpus_anew(tmp_path: Path) -> None:
    sources = []
    for i, text in enumerate(("x = 1\n", "# why\nx  =  1\n", "x = 2\n")):
        path = tmp_path / f"{i}.py"
        path.write_text(text, encoding="utf-8")
        sources.append(corpora.source_of(str(path)))
    assert sources[0] == sources[1] != sources[2]


def test_clips_are_read_at_16_khz_with_the_speaker_that_their_name_tells(tmp_path: Path) -> None:
    folder = tmp_path / "neural_voices"
    (folder / "clips").mkdir(parents=True)
    soundfile.write(folder / "clips" / "en_US__set__sample_p1.opus", np.sin(np.arange(48_000) / 9), 48_000, format="OGG", subtype="OPUS")
    (folder / "clips.tsv").write_text('clip\tspeaker\tseconds\ttext\nen_US__set__sample_p1\ten_US/set\t1.0\t"say ""so"""\nlost\tx\t1\t\n')
    (clip,) = corpora.clips(folder)
    assert (clip.speaker, clip.text) == ("en_US/set/p1", 'say "so"')
    audio = corpora.read_audio(clip.path)
    assert audio.dtype == np.float32
    assert abs(len(audio) - RATE) < RATE // 100


def test_loud_sound_is_turned_down_and_never_clipped() -> None:
    wave = np.array([0.5, -2.0, 1.0])
    assert np.abs(corpora.to_int16(wave) / 32_767 - wave / 2).max() < 1e-4
    assert np.array_equal(corpora.to_int16(np.array([0.5])), [16_384])


def test_an_index_line_holds_what_the_contract_says(tmp_path: Path) -> None:
    corpora.write_corpus(tmp_path, "made", [recording("one")])
    line = json.loads((tmp_path / "made" / "index.jsonl").read_text(encoding="utf-8"))
    assert set(line) == {"id", "corpus", "speaker", "language", "licence", "split", "start", "samples", "phones"}
