"""What a recording may do without the lips noticing, and what must leave them at rest: by the bundled model, through every stage."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import soundfile
from numpy.typing import NDArray
from scipy import signal

from a2f_addon import Job
from a2f_addon.face import arkit, closure
from a2f_addon.face.spans import Spans
from a2f_addon.job import Heard, Motion, animate, listen

Doubles = NDArray[np.float64]

RATE = 16_000
FPS = 60.0
DEMO = Path(__file__).parents[2] / "demo" / "sentence.flac"
TEXT = "Bob may pump up the bumper before some people map the problem. My mother brought Pam a big apple pie from the farm."
VOICES = {
    "demo": None,
    "espeak-ng": ["espeak-ng", "-v", "en-us", "-w"],
    "espeak-ng, a woman's": ["espeak-ng", "-v", "en-us+f3", "-w"],
    "flite": ["flite", "-voice", "rms", "-t", TEXT, "-o"],
}
TIMES = np.arange(6 * RATE) / RATE


@pytest.fixture(scope="module", params=VOICES)
def voice(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> tuple[Doubles, int]:
    """A sentence and its sample rate: the demo's, and those of the speakers that this machine has."""
    command = VOICES[request.param]
    if command is None:
        return soundfile.read(DEMO)
    if not shutil.which(command[0]):
        pytest.skip(f"{command[0]} is not installed")
    path = tmp_path_factory.mktemp("voice") / "voice.wav"
    subprocess.run([*command, str(path), *([TEXT] if TEXT not in command else [])], check=True, capture_output=True)
    return soundfile.read(path)


def hear(folder: Path, sound: Doubles, rate: int) -> Heard:
    soundfile.write(folder / "sound.wav", sound, rate, subtype="FLOAT")
    return listen(Job(folder / "sound.wav"))


def closures(heard: Heard) -> Spans:
    return closure.seals(heard.speech, closure.Closure(), fps=FPS)


def f1(found: Spans, wanted: Spans, *, apart_s: float = 0.04) -> float:
    """Of events that overlap, within 40 ms: as closures are scored against labels."""
    meets = (found[:, None, 0] < wanted[None, :, 1] + apart_s) & (wanted[None, :, 0] < found[:, None, 1] + apart_s)
    precision, recall = meets.any(axis=1).mean(), meets.any(axis=0).mean()
    return float(2 * precision * recall / (precision + recall))


UNNOTICED: dict[str, Callable[[Doubles], Doubles]] = {
    "30 dB quieter": lambda sound: sound * 10 ** (-30 / 20),
    "stereo": lambda sound: np.stack((sound, sound), axis=1),
    "one side of a stereo file": lambda sound: np.stack((0 * sound, sound), axis=1),
    "nearer to one side": lambda sound: np.stack((sound, 0.5 * sound), axis=1),
}


@pytest.mark.parametrize("change", UNNOTICED)
def test_the_same_voice_closes_the_same_lips(voice: tuple[Doubles, int], change: str, tmp_path: Path) -> None:
    sound, rate = voice
    before, after = closures(hear(tmp_path, sound, rate)), closures(hear(tmp_path, UNNOTICED[change](sound), rate))
    assert len(before) >= 6, "too few to tell"
    np.testing.assert_allclose(after, before, atol=0.005)


def test_a_band_of_8_khz_is_all_that_is_heard(voice: tuple[Doubles, int], tmp_path: Path) -> None:
    """A voice at 48,000 samples a second closes the same lips whether there is a loud hiss above it or nothing at all."""
    sound, rate = voice
    wide = signal.resample_poly(sound, 48_000, rate)
    hiss = signal.oaconvolve(
        np.random.default_rng(3).standard_normal(len(wide)), signal.firwin(1_025, 8_800, window=("kaiser", 12), pass_zero=False, fs=48_000), "same"
    )
    cut = signal.oaconvolve(wide, signal.firwin(1_025, 8_000, window=("kaiser", 12), fs=48_000), "same")
    before, after = closures(hear(tmp_path, cut, 48_000)), closures(hear(tmp_path, cut + wide.std() * hiss, 48_000))
    assert len(before) >= 6, "too few to tell"
    np.testing.assert_allclose(after, before, atol=0.005)


def test_a_band_of_4_khz_closes_the_same_lips_but_one_in_ten(voice: tuple[Doubles, int], tmp_path: Path) -> None:
    sound, rate = voice
    narrow = signal.resample_poly(sound, 8_000, rate)
    assert f1(closures(hear(tmp_path, narrow, 8_000)), closures(hear(tmp_path, sound, rate))) >= 0.9


def shaped(tilt: float) -> Doubles:
    """Noise whose amplitude falls with the frequency to that power."""
    spectrum = np.fft.rfft(np.random.default_rng(1).standard_normal(len(TIMES)))
    return np.fft.irfft(spectrum * np.maximum(np.fft.rfftfreq(len(TIMES), 1 / RATE), 20) ** -tilt, len(TIMES))


def breath(centre_hz: float, width_hz: float, every_s: float) -> Doubles:
    spectrum = np.fft.rfft(np.random.default_rng(2).standard_normal(len(TIMES)))
    hertz = np.fft.rfftfreq(len(TIMES), 1 / RATE)
    shaped = np.fft.irfft(spectrum * np.exp(-(((hertz - centre_hz) / width_hz) ** 2)), len(TIMES))
    return shaped * np.maximum(0, np.sin(2 * np.pi * TIMES / every_s)) ** 2


def note(hertz: float, partials: int = 1, *, odd: bool = False) -> Doubles:
    return np.sum([np.sin(2 * np.pi * hertz * k * TIMES) / k for k in range(1, partials + 1, 2 if odd else 1)], axis=0)


def melody(partials: int) -> Doubles:
    """Two notes a second up a scale."""
    sound = np.zeros(len(TIMES))
    for place, hertz in enumerate((262, 294, 330, 349, 392, 440, 494, 523, 494, 440, 392, 349)):
        on = np.abs(TIMES - place * 0.5 - 0.225) < 0.225
        sound[on] = note(hertz, partials)[on] * np.hanning(on.sum()) ** 0.3
    return sound


NOBODY: dict[str, Callable[[], Doubles]] = {
    "digital silence": lambda: 0 * TIMES,
    "the last bit": lambda: 3e-5 * shaped(0),
    "white noise": lambda: shaped(0),
    "pink noise": lambda: shaped(0.5),
    "brown noise": lambda: shaped(1),
    "breath through the nose": lambda: breath(900, 700, 3.0),
    "breath through the mouth": lambda: breath(1800, 1200, 2.2),
    "an organ's chord": lambda: note(220, 6) + note(262, 6) + note(330, 6),
    "clicks": lambda: (np.arange(len(TIMES)) % 8000 < 20).astype(float),
    "applause": lambda: shaped(0) * np.exp(-30 * (TIMES * 2 % 1)),
    "a low tone": lambda: note(110),
    "a tone of 220 Hz": lambda: note(220),
    "a tone of 440 Hz": lambda: note(440),
    "a tone of 2 kHz": lambda: note(2000),
    "three sines": lambda: note(262) + note(330) + note(392),
    "a melody of sines": lambda: melody(1),
    "a melody of a reed": lambda: melody(8),
    "a square wave": lambda: note(220, 15, odd=True),
    "a sweep": lambda: np.sin(2 * np.pi * (100 * TIMES + 160 * TIMES**2)),
    "mains hum": lambda: note(50, 8),
}


@pytest.mark.parametrize("sound", NOBODY)
def test_where_nobody_speaks_the_mouth_rests(sound: str, tmp_path: Path) -> None:
    made = NOBODY[sound]()
    peak = np.abs(made).max()
    face = animate(hear(tmp_path, 0.3 * made / peak if peak > 0.01 else made, RATE), Motion(), fps=FPS)
    assert face.values[:, face.columns(arkit.MOUTH)].max() < 0.05
