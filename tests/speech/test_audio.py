from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
import soundfile
from hypothesis import given, settings
from hypothesis import strategies as st

from a2f_addon.errors import SoundError
from a2f_addon.speech import audio
from tests import made

FORMATS = {"wav": "PCM_16", "aiff": "PCM_16", "flac": "PCM_16", "ogg": "VORBIS", "opus": "OPUS", "mp3": "MPEG_LAYER_III"}


def heard(path: Path, start_s: float | None = None, end_s: float | None = None, *, rate: int = made.RATE) -> made.Floats:
    with audio.open_speech(path, start_s, end_s, rate=rate) as speech:
        return np.concatenate(list(speech.blocks))


def written(folder: Path, sound: made.Floats, *, kind: str = "wav", rate: int = made.RATE, subtype: str | None = None) -> Path:
    path = folder / f"line.{kind}"
    how = {"format": "OGG", "compression_level": 1.0} if kind == "opus" else {}
    soundfile.write(path, sound, rate, subtype=subtype or FORMATS[kind], **how)
    return path


@pytest.fixture(scope="module", params=FORMATS)
def file(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Six seconds of stereo at 48 kHz, a rising tone in noise: what Opus predicts from its past, so that a jump would be heard."""
    times = np.arange(6 * 48_000) / 48_000
    rising = 0.3 * np.sin(2 * np.pi * (100 + 20 * times) * times)
    both = np.stack([rising + 0.2 * made.noise(6.0, rate=48_000, seed=channel) for channel in (1, 2)], axis=1).astype(np.float32)
    return written(tmp_path_factory.mktemp("formats"), both, kind=request.param, rate=48_000)


def test_every_format_is_heard_whole(file: Path) -> None:
    with soundfile.SoundFile(file) as sound:
        wanted = sound.read(dtype="float32").mean(axis=1)
    got = heard(file, rate=48_000)
    assert len(got) == len(wanted) == 6 * 48_000
    np.testing.assert_allclose(got, wanted, atol=1e-6)


@settings(max_examples=20)
@given(start=st.integers(0, 5 * 48_000), length=st.integers(1, 48_000))
def test_a_span_is_exact_to_the_sample_in_every_format(file: Path, start: int, length: int) -> None:
    whole = heard(file, rate=48_000)
    end = min(start + length, len(whole))
    np.testing.assert_array_equal(heard(file, start / 48_000, end / 48_000, rate=48_000), whole[start:end])


@given(st.integers(1, 2000), st.sampled_from([8_000, 22_050, 44_100, 96_000]))
def test_the_number_of_samples_is_known_before(tmp_path_factory: pytest.TempPathFactory, samples: int, rate: int) -> None:
    path = written(tmp_path_factory.mktemp("short"), made.noise(1.0, rate=samples), rate=rate)
    with audio.open_speech(path, rate=made.RATE) as speech:
        assert speech.samples == sum(len(block) for block in speech.blocks) == math.ceil(samples * made.RATE / rate)


def test_the_clock_is_the_files_own(file: Path) -> None:
    with audio.open_speech(file, 2.5, rate=made.RATE) as speech:
        assert (speech.start_s, speech.samples, speech.name) == (2.5, 3.5 * made.RATE, file.name)


def test_channels_are_mixed_to_their_mean(tmp_path: Path) -> None:
    left, right = made.speech(1.0), made.noise(1.0)
    path = written(tmp_path, np.stack([left, right], axis=1), subtype="FLOAT")
    np.testing.assert_allclose(heard(path), (left + right) / 2, atol=1e-6)


@pytest.mark.parametrize("silence_s", [0.0, 20.0], ids=["at once", "after a long silence"])
def test_channels_that_cancel_each_other_are_not_lost(tmp_path: Path, silence_s: float) -> None:
    voice = np.concatenate([np.zeros(round(silence_s * made.RATE), np.float32), made.speech(2.0)])
    path = written(tmp_path, np.stack([0.9 * voice, -voice], axis=1), subtype="FLOAT")
    np.testing.assert_allclose(heard(path), -voice, atol=1e-6)


def test_a_voice_in_one_of_six_channels_keeps_its_level(tmp_path: Path) -> None:
    channels = np.zeros((made.RATE, 6), np.float32)
    channels[:, 2] = made.speech(1.0)
    np.testing.assert_allclose(heard(written(tmp_path, channels, subtype="FLOAT")), channels[:, 2], atol=1e-6)


def test_five_milliseconds_are_sound(tmp_path: Path) -> None:
    assert len(heard(written(tmp_path, made.noise(0.005)))) == 80


def test_a_stream_that_does_not_say_its_length_is_heard_whole(tmp_path: Path) -> None:
    path = written(tmp_path, made.speech(3.0), kind="flac")
    content = bytearray(path.read_bytes())
    # The last 36 bits before the checksum of STREAMINFO, which follows 8 bytes of headers: the number of samples (RFC 9639, 8.2).
    content[8 + 13] &= 0xF0
    content[8 + 14 : 8 + 18] = bytes(4)
    path.write_bytes(content)
    with audio.open_speech(path, rate=made.RATE) as speech:
        assert speech.samples is None
        assert sum(len(block) for block in speech.blocks) == 3 * made.RATE
    with pytest.raises(SoundError, match="begins after"):
        heard(path, 4.0)


def test_a_stream_that_promises_more_than_it_holds_is_refused(tmp_path: Path) -> None:
    path = written(tmp_path, made.speech(3.0), kind="flac")
    content = bytearray(path.read_bytes())
    content[8 + 14 : 8 + 18] = (4 * made.RATE).to_bytes(4, "big")
    path.write_bytes(content)
    assert len(heard(path, end_s=3.0)) == 3 * made.RATE
    with pytest.raises(SoundError, match="cut off"):
        heard(path)


def test_a_length_that_a_recorder_could_not_go_back_to_write_is_no_damage(tmp_path: Path) -> None:
    path = written(tmp_path, made.speech(1.0))
    content = bytearray(path.read_bytes())
    content[4:8] = content[40:44] = b"\xff" * 4
    path.write_bytes(content)
    assert len(heard(path)) == made.RATE


def without_index(path: Path) -> Path:
    """The same MP3 without its first frame, which holds no sound but the index."""
    content = path.read_bytes()
    path.write_bytes(content[content.find(content[:2], 100) :])
    return path


@pytest.mark.parametrize("rate", [22_050, 44_100])
def test_an_mp3_that_libsndfile_would_cut_is_refused_and_none_besides(tmp_path: Path, rate: int) -> None:
    # Silence takes far fewer bits than speech, where the rate may vary.
    sound = np.concatenate([made.speech(4.0, rate=rate), np.zeros(4 * rate, np.float32)])
    for mode in ("VARIABLE", "CONSTANT"):
        path = tmp_path / f"{mode}.mp3"
        soundfile.write(path, sound, rate, bitrate_mode=mode, compression_level=0.5)
        assert len(heard(path, rate=rate)) == 8 * rate
        without_index(path)
    assert len(heard(tmp_path / "CONSTANT.mp3", rate=rate)) == pytest.approx(8 * rate, rel=0.03)
    with pytest.raises(SoundError, match="does not say how long it is"):
        heard(tmp_path / "VARIABLE.mp3")


@pytest.mark.parametrize("part", [0.999, 0.5, 0.02])
def test_a_file_that_was_cut_off_is_refused(file: Path, tmp_path: Path, part: float) -> None:
    if file.suffix == ".mp3" and part == 0.999:
        part = 0.97  # An MP3's index may leave out a tag at the end, so a hundredth is forgiven.
    content = file.read_bytes()
    path = tmp_path / file.name
    path.write_bytes(content[: int(part * len(content))])
    with pytest.raises(SoundError, match="cut off"):
        heard(path)


@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf, 1e30])
@pytest.mark.parametrize("channel", [0, 1])
def test_samples_that_are_no_numbers_are_refused(tmp_path: Path, bad: float, channel: int) -> None:
    sound = np.zeros((made.RATE, 2), np.float32)
    sound[:, 0] = made.speech(1.0)
    sound[7_000, channel] = bad
    with pytest.raises(SoundError, match=r"no numbers.*'|'.*no numbers"):
        heard(written(tmp_path, sound, subtype="FLOAT"))


@pytest.mark.parametrize(
    ("start_s", "end_s", "sentence"),
    [
        (5.0, None, "begins at 5 s, but the sound ends at 4.000 s"),
        (4.0, None, "begins at 4 s"),
        (1.0, 4.2, "ends at 4.2 s, but the sound ends at 4.000 s"),
        (2.0, 1.0, "end after it begins"),
        (2.0, 2.0, "end after it begins"),
        (1.0, 1.00001, "shorter than one sample"),
        (math.nan, None, "start must be a number"),
        (0.0, math.inf, "end must be a number"),
        (-1.0, None, "start must be a number"),
    ],
)
def test_a_span_that_cannot_be_heard_is_refused(recording: Path, start_s: float, end_s: float | None, sentence: str) -> None:
    with pytest.raises(SoundError, match=sentence):
        heard(recording, start_s, end_s)


def test_an_end_rounded_up_to_a_frame_is_the_end_of_the_sound(recording: Path) -> None:
    assert len(heard(recording, 3.0, 4.04)) == made.RATE


def test_what_is_no_sound_is_refused_with_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "empty.wav").touch()
    (tmp_path / "text.wav").write_text("no sound at all\n" * 99, "utf-8")
    soundfile.write(tmp_path / "none.wav", np.zeros(0), made.RATE)
    sentences = {"empty.wav": "is empty", "text.wav": "no sound that can be read", "none.wav": "holds no samples", "gone.wav": "There is no file"}
    for name, sentence in sentences.items():
        with pytest.raises(SoundError, match=sentence):
            heard(tmp_path / name)
    with pytest.raises(SoundError, match="is a folder"):
        heard(tmp_path)
    soundfile.write(tmp_path / "slow.wav", made.noise(1.0, rate=100), 100)
    with pytest.raises(SoundError, match="100 samples a second"):
        heard(tmp_path / "slow.wav")
