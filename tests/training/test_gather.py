"""Further recordings: prompts of a telephone exchange, a neural voice, and the words of what has no text."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from training import corpora, kokoro, letters, prompts, recordings, russian, second, transcribe
from training.corpora import RATE, Clip

needs_espeak = pytest.mark.skipif(not shutil.which("espeak-ng"), reason="espeak-ng is not installed")


class Recogniser:
    """Writes each clip's name down, until it has heard `most`."""

    def __init__(self, most: int = 99) -> None:
        self.left = most

    def transcribe(self, path, **_):
        if not self.left:
            raise KeyboardInterrupt
        self.left -= 1
        return iter([SimpleNamespace(text=f" this is {Path(path).stem}"), SimpleNamespace(text=" indeed. ")]), None


def test_what_was_written_down_before_a_stop_is_not_heard_again(tmp_path, monkeypatch):
    clips = [Clip(name, "somebody", "", tmp_path / f"{name}.opus") for name in "abcd"]
    file = tmp_path / "words" / "folder.jsonl"
    monkeypatch.setattr(transcribe, "_load", lambda folder: Recogniser(2))
    with pytest.raises(KeyboardInterrupt):
        transcribe.make(file, clips, language="en", recogniser=tmp_path)
    file.write_text(file.read_text() + '\n{"clip": "c", "te', encoding="utf-8")
    monkeypatch.setattr(transcribe, "_load", lambda folder: Recogniser())
    assert transcribe.make(file, clips, language="en", recogniser=tmp_path) == 2
    assert transcribe.texts(file) == {name: f"this is {name} indeed." for name in "abcd"}
    assert transcribe.make(file, clips, language="en", recogniser=tmp_path) == 0


def test_without_a_recogniser_a_sentence_says_what_to_name(tmp_path):
    with pytest.raises(FileNotFoundError, match="--recogniser"):
        transcribe.make(tmp_path / "x.jsonl", [Clip("a", "", "", tmp_path)], language="en", recogniser=tmp_path)


@needs_espeak
def test_little_need_be_heard_of_a_word_that_was_written_down():
    """A transcript is right where the ears are wrong; what an intent or pocketsphinx offer is not."""
    said = second._written_down(Clip("a", "", "Mum hums.", Path()), "en")
    assert said is not None and not said.sure and [word[0] for word in said.phones] == ["M", "HH"]
    assert said.agreed < second.AGREED_WORD
    assert second._written_down(Clip("a", "", "", Path()), "en") is None


def test_a_word_is_kept_by_what_is_asked_of_it():
    words = [["M", "AA"], ["S", "IY"]]
    units = second.chain(words)
    rows = [second.phones.PHONES.index(phone) for phone in ("M", "AA", "F", "IY") for _ in range(25)]
    posteriors = np.full((100, len(second.phones.PHONES)), 0.001)
    posteriors[np.arange(100), rows] = 1 - 0.001 * (posteriors.shape[1] - 1)
    path = second.best_path(second.scores(posteriors, np.full(posteriors.shape[1], 1 / posteriors.shape[1])), units)
    agreed = second.agreement(posteriors, path, units)
    assert second.stretches(agreed, path, units, fps=25.0, needed=0.7) == [(0, pytest.approx(50, abs=3))]
    assert second.stretches(agreed, path, units, fps=25.0, needed=0.2) == [(0, 100)]


@pytest.mark.skipif(not shutil.which("ffmpeg"), reason="ffmpeg is not installed")
def test_prompts_become_clips_with_pauses_between_and_no_beeps(tmp_path, monkeypatch):
    voice = prompts.VOICES["asterisk_it"]
    (tmp_path / voice / "digits").mkdir(parents=True)
    for name, seconds in (("hello", 1.0), ("digits/one", 0.5), ("beep", 2.0)):
        tone = ["-f", "lavfi", "-i", f"sine=frequency=300:duration={seconds}:sample_rate={RATE}"]
        subprocess.run(["ffmpeg", "-v", "error", *tone, "-f", "g722", str(tmp_path / voice / f"{name}.g722")], check=True)
    monkeypatch.setattr(prompts, "INSTALLED", tmp_path)
    assert prompts.make(tmp_path / "out") == ["asterisk_it"]
    (clip,) = corpora.clips(tmp_path / "out" / "asterisk_it")
    assert clip.speaker == voice and clip.text == ""
    sound = corpora.read_audio(clip.path)
    assert len(sound) / RATE == pytest.approx(1.5 + 2 * prompts._PAUSE_S, abs=0.1)
    quiet = np.abs(sound[: len(sound) // 100 * 100].reshape(-1, 100)).max(axis=1) < 0.01
    assert quiet.sum() * 100 / RATE == pytest.approx(2 * prompts._PAUSE_S, abs=0.1)
    assert prompts.make(tmp_path / "out") == []


def test_a_folder_that_was_not_finished_is_not_there_and_is_begun_anew(tmp_path):
    def spoken(most: int):
        for number in range(3):
            if number == most:
                raise KeyboardInterrupt
            yield recordings.Spoken(f"{number}", "somebody", "so it is", np.zeros(RATE, np.float32))

    with pytest.raises(KeyboardInterrupt):
        recordings.write(tmp_path / "folder", spoken(2))
    assert not recordings.stands(tmp_path / "folder")
    recordings.write(tmp_path / "folder", spoken(3))
    assert [(clip.id, clip.speaker, clip.text) for clip in corpora.clips(tmp_path / "folder")] == [(str(n), "somebody", "so it is") for n in range(3)]


def _game(folder: Path, language: str, listed: dict[str, str], *, missing: str = "") -> None:
    """A language of KLettres whose sounds are each 0.4 s of tone amid 2 s."""
    import soundfile

    (folder / language / "alpha").mkdir(parents=True)
    sound = np.zeros(2 * 44_100, np.float32)
    sound[44_100 : 44_100 + 17_640] = 0.3 * np.sin(np.arange(17_640) * 0.05)
    for file in listed.values():
        if file != missing:
            soundfile.write(folder / language / "alpha" / file, sound, 44_100)
    rows = "".join(f'<sound name="{name}" file="{language}/alpha/{file}" />\n' for name, file in listed.items())
    (folder / language / "sounds.xml").write_text(f'<klettres><language code="{language}">{rows}</language></klettres>', encoding="utf-8")


def test_letters_become_clips_without_their_silence_and_dutch_none(tmp_path):
    names = {name: f"{number}.ogg" for number, name in enumerate(["M", "n", "BÚ", "F", "V", "W", "P", "O", "MA"])}
    for language in ("hu", "nl"):
        _game(tmp_path / "game", language, names, missing="3.ogg")
    assert letters.make(tmp_path / "out", installed=tmp_path / "game")
    (clip,) = corpora.clips(tmp_path / "out" / "klettres")
    assert (clip.speaker, clip.text) == ("hu", "M, N, bú, V, W, P, O, ma")
    assert len(corpora.read_audio(clip.path)) / RATE == pytest.approx(8 * (0.4 + 2 * letters._MARGIN_S), abs=0.25)
    assert not letters.make(tmp_path / "out", installed=tmp_path / "game")
    assert not letters.make(tmp_path / "other", installed=tmp_path / "nowhere")


@needs_espeak
def test_a_letter_is_called_by_its_name_and_one_that_is_misheard_is_kept():
    said = second._letters(Clip("a", "it", "M, ma", Path()), np.zeros(0, np.int16))
    assert [word[-1] for word in said.phones] == ["EY", "AA"] and not said.sure
    assert second.AGREED_TRANSCRIPT < said.agreed < second.AGREED_WORD


class Session:
    """A Kokoro that hums a tenth of a second for every symbol."""

    def run(self, outputs, given):
        return [np.full(given["tokens"].shape[1] * 2_400, 0.1, np.float32)]


def voice() -> kokoro.Voice:
    numbers = {symbol: i for i, symbol in enumerate("ˈˌː ,.abdefhijklmnopstuvwxzæðŋɐɑɒɔəɛɜɡɪɹɾʃʊʌʒʔθçøœyAIOQWYʣʤʦʧᵊʁɲʎβɣ̃ɡ", start=1)}
    return kokoro.Voice(Session(), numbers, {name: np.full((510, 256), i, np.float32) for i, name in enumerate(["af_x", "bm_y", "ff_z"])})


@needs_espeak
def test_the_neural_voice_is_told_english_in_its_own_symbols():
    told = kokoro.symbols("My chair, oh joy", language="en-us")
    assert told.startswith("mI") and "ʧˈɛɹ" in told and "," in told and "ʤˈY" in told and told.endswith(".")
    assert not set("^ːɚ") & set(told)
    assert "ː" in kokoro.symbols("food", language="en-gb")


def test_a_language_without_a_voice_is_spoken_by_all():
    rng = np.random.default_rng(0)
    names = [kokoro.speaker(voice(), rng, "de")[0] for _ in range(20)]
    assert {part[4:] for name in names for part in name.split("+")} == {"af_x", "bm_y", "ff_z"}
    for _ in range(20):
        assert "ff_z" in kokoro.speaker(voice(), rng, "fr")[0]


@needs_espeak
def test_the_neural_voices_recordings_are_a_folder_like_the_others(tmp_path, monkeypatch):
    monkeypatch.setattr(kokoro, "load", lambda folder: voice())
    with pytest.raises(KeyboardInterrupt):
        kokoro.make(tmp_path, engine=tmp_path, scale=0.01, progress=stop)
    assert not (tmp_path / kokoro.NAME).exists()
    assert kokoro.make(tmp_path, engine=tmp_path, scale=0.01)
    found = corpora.clips(tmp_path / kokoro.NAME)
    assert found and all(clip.text and second._language(clip) in kokoro.LANGUAGES for clip in found)
    assert second._told(found[0], np.zeros(0, np.int16)).sure
    assert not kokoro.make(tmp_path, engine=tmp_path, scale=0.01)


def stop(done, what):
    raise KeyboardInterrupt


def test_a_missing_voice_is_a_sentence(tmp_path):
    (tmp_path / "vocab.json").write_text(json.dumps({"vocab": {}}))
    with pytest.raises(FileNotFoundError, match="voices"):
        kokoro.make(tmp_path, engine=tmp_path)


def test_russian_labels_are_in_the_projects_phones(tmp_path, monkeypatch):
    import soundfile

    (tmp_path / "lab").mkdir()
    (tmp_path / "wav").mkdir()
    soundfile.write(tmp_path / "wav" / "ru_1.wav", np.random.default_rng(0).normal(0, 0.1, RATE), RATE)
    (tmp_path / "lab" / "ru_1.lab").write_text("#\n0.20000 125 pau\n0.30000 125 mm\n0.50000 125 aa\n0.60000 125 c\n1.00000 125 pau\n")
    monkeypatch.setattr(russian, "INSTALLED", tmp_path)
    assert russian.make(tmp_path / "cache") and not russian.make(tmp_path / "cache")
    (utterance,) = corpora.read_corpus(tmp_path / "cache", russian.CORPUS).utterances
    assert [phone for *_, phone in utterance.phones] == ["sil", "M", "AA", "T", "S", "sil"]
    assert utterance.phones[1][0] == pytest.approx(0.2 + russian.EARLY_S, abs=1e-3) and utterance.language == "ru"


def test_a_russian_voice_that_is_not_installed_is_passed(tmp_path, monkeypatch):
    monkeypatch.setattr(russian, "INSTALLED", tmp_path / "nowhere")
    assert not russian.make(tmp_path)


def _parrot(task):
    """A recording whose speaker is the text that came with the clip."""
    _, clip, _ = task
    return [corpora.Recording(clip.id, clip.text, "it", "CC0-1.0", np.zeros(RATE, np.int16), ((0.0, 1.0, "sil"),))]


def test_transcripts_and_gathered_folders_reach_the_second_pass(tmp_path, monkeypatch):
    import soundfile

    folder = tmp_path / "gathered" / "asterisk_it"
    (folder / "clips").mkdir(parents=True)
    (folder / "clips.tsv").write_text("clip\tspeaker\tseconds\ttext\na\tCarlo\t1\t\nb\tCarlo\t1\t\n")
    for name in "ab":
        soundfile.write(folder / "clips" / f"{name}.opus", np.zeros(RATE), RATE, format="OGG", subtype="OPUS")
    (tmp_path / "transcripts").mkdir()
    (tmp_path / "transcripts" / "asterisk_it.jsonl").write_text('\n{"clip": "a", "text": "ciao mamma"}')
    graph = tmp_path / "ears.onnx"
    graph.write_bytes(b"ears")
    monkeypatch.setattr(second, "_labelled", _parrot)
    places = {"corpora_folder": tmp_path, "gathered": tmp_path / "gathered", "transcripts": tmp_path / "transcripts", "graph": graph}
    assert second.make(tmp_path / "cache", workers=1, **places) == {"asterisk_it": {}}
    assert [one.speaker for one in corpora.read_corpus(tmp_path / "cache", "asterisk_it").utterances] == ["ciao mamma", ""]
    assert second.make(tmp_path / "cache", workers=1, **places) == {}, "its work is done"
    (tmp_path / "transcripts" / "asterisk_it.jsonl").write_text('\n{"clip": "b", "text": "pronto"}')
    assert second.make(tmp_path / "cache", workers=1, **places), "other words are other labels"
