"""Recordings that a telephone exchange brings with it: Asterisk's prompts, read by one professional speaker a language.

They have no text with them (see transcribe.py), and most last a second or two, so some are put together to a clip as long as a recogniser hears at
once.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from training import corpora, recordings
from training.corpora import RATE
from training.recordings import Spoken

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: Debian's packages asterisk-core-sounds-XX-g722 put them here. CC BY-SA 3.0.
INSTALLED = Path("/usr/share/asterisk/sounds")
LICENCE = "CC-BY-SA-3.0"

#: A voice's folder by the name of the corpus that is made of it, which ends in its language.
VOICES = {
    "asterisk_en": "en_US_f_Allison",
    "asterisk_es": "es_MX_f_Allison",
    "asterisk_fr": "fr_CA_f_June",
    "asterisk_it": "it_IT_m_Carlo",
    "asterisk_ru": "ru_RU_f_IvrvoiceRU",
}

#: What is no speech.
_SOUNDS = re.compile(r"silence/|beep|tone|monkeys|ring|music|buzz|hangup-try")

#: Recognisers hear half a minute at once.
CLIP_S = 25.0
_PAUSE_S = 0.3


def make(folder: Path, *, progress: corpora.Progress = lambda done, what: None) -> list[str]:
    """Write each voice that is installed as a folder of recordings under `folder`, unless it stands there. Returns the names of those written.

    Raises FileNotFoundError when ffmpeg, which reads the prompts, is missing.
    """
    written = []
    for name, voice in VOICES.items():
        files = [path for path in sorted((INSTALLED / voice).rglob("*.g722")) if not _SOUNDS.search(str(path))]
        if files and not recordings.stands(folder / name):
            recordings.write(folder / name, _spoken(name, voice, files, progress))
            written.append(name)
    return written


def _spoken(name: str, voice: str, files: Sequence[Path], progress: corpora.Progress) -> Iterator[Spoken]:
    for number, group in enumerate(_groups(files)):
        yield Spoken(f"{number:04d}", voice, "", _read(group))
        progress(files.index(group[-1]) / len(files), name)


def _groups(files: Sequence[Path]) -> Iterator[list[Path]]:
    """Files that together last about CLIP_S; G.722 has 8,000 bytes a second."""
    group: list[Path] = []
    lasts_s = 0.0
    for file in files:
        own_s = file.stat().st_size / 8_000 + _PAUSE_S
        if group and lasts_s + own_s > CLIP_S:
            yield group
            group, lasts_s = [], 0.0
        group.append(file)
        lasts_s += own_s
    if group:
        yield group


def _read(files: Sequence[Path]) -> NDArray[np.float32]:
    """One after the other with pauses between, float32 [samples] at 16 kHz."""
    inputs = [argument for file in files for argument in ("-f", "g722", "-i", str(file))]
    padded = "".join(f"[{i}:a]apad=pad_dur={_PAUSE_S}[p{i}];" for i in range(len(files)))
    joined = padded + "".join(f"[p{i}]" for i in range(len(files))) + f"concat=n={len(files)}:v=0:a=1"
    raw = ["-f", "s16le", "-ar", str(RATE), "-ac", "1", "-"]
    try:
        run = subprocess.run(["ffmpeg", "-v", "error", *inputs, "-filter_complex", joined, *raw], capture_output=True, check=True)
    except FileNotFoundError as error:
        raise FileNotFoundError("ffmpeg is not installed; on Debian: apt-get install ffmpeg.") from error
    return np.frombuffer(run.stdout, "<i2").astype(np.float32) / 32_768
