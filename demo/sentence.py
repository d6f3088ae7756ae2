"""Makes the demo's recording: ``python -m demo.sentence`` writes ``demo/sentence.flac``.

It needs festival and its voice slt_hts (Debian: ``apt-get install festival festvox-us-slt-hts``). The voice comes from Carnegie Mellon University
and the HTS working group, under licences in the manner of BSD's; what it says may be given away like any other recording.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

RECORDING = Path(__file__).with_name("sentence.flac")
TEXT = "My name is Pebble. Feed me your voice, and my mouth will move with every word."
"""Every lip that closes, bites or rounds, wide and narrow vowels, and one pause."""
VOICE = "(voice_cmu_us_slt_arctic_hts)"
PEAK = 0.7
MARGIN_S = 0.25
"""Silence before and after, for the face to be seen at rest."""


def speak(text: str, path: Path) -> None:
    """Let festival say the text into a WAV file. Raises SystemExit where it cannot."""
    try:
        subprocess.run(["text2wave", "-eval", VOICE, "-o", str(path)], input=text, text=True, check=True)
    except (FileNotFoundError, subprocess.CalledProcessError):
        sys.exit("The voice is missing: apt-get install festival festvox-us-slt-hts")


def main() -> None:
    """Write the recording."""
    import soundfile

    with tempfile.TemporaryDirectory() as folder:
        spoken = Path(folder) / "spoken.wav"
        speak(TEXT, spoken)
        samples, rate = soundfile.read(spoken, dtype="float64")
    loud = np.flatnonzero(np.abs(samples) > 0.01 * np.abs(samples).max())
    margin = round(MARGIN_S * rate)
    heard = np.pad(samples, margin)[loud[0] : loud[-1] + 2 * margin + 1]
    fade = np.minimum(1, np.minimum(np.arange(len(heard)), np.arange(len(heard))[::-1]) / (0.05 * rate))
    soundfile.write(RECORDING, heard * fade * PEAK / np.abs(heard).max(), rate, subtype="PCM_16")
    print(RECORDING)


if __name__ == "__main__":
    main()
