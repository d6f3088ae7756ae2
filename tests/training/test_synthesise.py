from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest

from training import corpora, phones, sentences, synthesise
from training.corpora import RATE
from training.synthesise import Speech

SEVERAL_BATCHES_S = 3 * synthesise.BATCH_S

needs_espeak = pytest.mark.skipif(shutil.which("espeak-ng") is None, reason="needs espeak-ng")
needs_flite = pytest.mark.skipif(shutil.which("flite") is None, reason="needs flite")
needs_festival = pytest.mark.skipif(shutil.which("festival") is None, reason="needs festival")


def level(speech: Speech, start_s: float, end_s: float) -> float:
    return float(np.sqrt(np.mean(speech.sound[round(start_s * RATE) : round(end_s * RATE)] ** 2)))


def test_a_stop_begins_where_its_closure_does() -> None:
    sound = np.full(RATE // 2, 0.5, np.float32)
    sound[round(0.2 * RATE) : round(0.25 * RATE)] = 0.0
    closed = synthesise.with_closures(Speech(sound, [(0.0, 0.25, "AA"), (0.25, 0.3, "P"), (0.3, 0.5, "AA")]))
    assert [round(start, 2) for start, _, _ in closed.segments] == [0.0, 0.2, 0.3]


def test_a_stop_after_a_pause_closes_before_it_is_heard_and_other_phones_stay() -> None:
    sound = np.zeros(RATE // 2, np.float32)
    for phone, start in (("B", 0.15), ("F", 0.2)):
        closed = synthesise.with_closures(Speech(sound, [(0.0, 0.1, "sil"), (0.1, 0.2, "sil"), (0.2, 0.5, phone)]))
        assert closed.segments[1][0] == pytest.approx(start), phone


def test_espeak_labels_without_time_or_in_another_language_are_refused() -> None:
    with pytest.raises(synthesise.BadLabelError, match="'l'"):
        synthesise.espeak_segments([(0.0, "a"), (0.2, "l"), (0.201, "_")], language="de", duration_s=0.5)
    with pytest.raises(synthesise.BadLabelError, match="language"):
        synthesise.espeak_segments([(0.0, "a"), (0.2, "(en)")], language="ja", duration_s=0.5)


def test_an_affricate_shares_its_time_and_a_palatal_mark_prolongs_the_phone_before_it() -> None:
    found = synthesise.espeak_segments([(0.0, "ts"), (0.2, "b"), (0.3, "ʲ"), (0.35, "a")], language="ru", duration_s=0.5)
    assert found == [(0.0, 0.1, "T"), (0.1, 0.2, "S"), (0.2, 0.35, "B"), (0.35, 0.5, "AA")]


def test_sentences_are_joined_with_pauses_that_are_labelled_silence() -> None:
    speech = Speech(np.full(RATE, 0.25, np.float32), [(0.0, 1.0, "AA")])
    audio, segments = synthesise.join([speech, speech], np.random.default_rng(0))
    assert [phone for _, _, phone in segments] == ["sil", "AA", "sil", "AA", "sil"]
    for start, end, phone in segments:
        assert (np.abs(audio[round(start * RATE) + 2 : round(end * RATE) - 2]).min() > 0) == (phone == "AA")


@needs_espeak
@pytest.mark.parametrize("voice", ["en-us", *sentences.FOREIGN])
def test_every_phone_of_every_language_is_known(voice: str) -> None:
    text = sentences.FOREIGN.get(voice, " ".join(sentences.FEW_WORDS))
    _, names = synthesise.espeak().say(text, voice=voice)
    unknown = []
    for _, name in names:
        try:
            phones.from_ipa(name, language=voice)
        except phones.UnknownPhoneError as error:
            unknown.append(error.symbol)
    # espeak-ng 1.51 has no IPA name for one German phone.
    assert set(unknown) <= {"??"}
    assert len(names) > 200


@needs_espeak
def test_an_unknown_voice_is_named() -> None:
    with pytest.raises(synthesise.EngineError, match="'nowhere'"):
        synthesise.espeak().say("No.", voice="nowhere")


@needs_flite
def test_flites_closures_are_quiet_and_its_vowels_are_not() -> None:
    speech = synthesise.flite_say("Papa, a puppy.", voice="kal16")
    vowels = [level(speech, start, end) for start, end, phone in speech.segments if phone in phones.VOWELS]
    closures = [level(speech, start + 0.02, end - 0.02) for start, end, phone in speech.segments if phone == "P" and end - start > 0.06]
    assert len(closures) >= 2 and max(closures) < min(vowels)


@needs_festival
def test_festival_says_each_sentence_with_its_phones() -> None:
    spoken = synthesise.festival_say(["My mother.", "Five."], voice="kal_diphone")
    said = [" ".join(phone for _, _, phone in speech.segments if phone != "sil") for speech in spoken]
    assert said == ["M AY M AH DH ER", "F AY V"]


@needs_festival
@pytest.mark.parametrize(
    ("voice", "text", "said"),
    [
        ("lp_diphone", "Mamma beve.", "M AA M M AA B EY V EY"),
        ("czech_ph", "Máma má čaj.", "M AA M AA M AA CH AA Y"),
        ("hy_fi_mv_diphone", "Hyvää yötä.", "HH UE V AE UE OE T AE"),
    ],
)
def test_festival_says_other_languages_with_their_phones(voice: str, text: str, said: str) -> None:
    if voice not in synthesise.festival_world():
        pytest.skip(f"festival's voice {voice} is not installed")
    (speech,) = synthesise.festival_say([text], voice=voice)
    assert " ".join(phone for _, _, phone in speech.segments if phone != "sil") == said


@needs_espeak
def test_a_small_corpus_is_the_same_each_time_and_made_once(tmp_path: Path) -> None:
    made = [
        synthesise.make_corpus(tmp_path / name, "espeak_world", seconds=SEVERAL_BATCHES_S, seed=3, workers=workers, progress=lambda done, what: None)
        for name, workers in (("one", 1), ("two", 2))
    ]
    assert made[0].utterances == made[1].utterances
    assert np.array_equal(made[0].samples, made[1].samples)
    written = (tmp_path / "one" / "espeak_world" / "audio.i16").stat().st_mtime_ns
    synthesise.make_corpus(tmp_path / "one", "espeak_world", seconds=SEVERAL_BATCHES_S, seed=3, workers=1, progress=lambda done, what: None)
    assert (tmp_path / "one" / "espeak_world" / "audio.i16").stat().st_mtime_ns == written
    assert corpora.names(tmp_path / "one") == ["espeak_world"]
