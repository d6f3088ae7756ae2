"""What is said in recordings without a text, written down by a speech recogniser of others: Whisper (Radford et al., 2023), by faster-whisper.

Only its words are used, for `second` to look up how they are pronounced; when each phone is said, the project's own network hears.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from training import corpora
from training.corpora import Clip

if TYPE_CHECKING:
    from faster_whisper import WhisperModel

#: Candidates that are followed at once: one loses a word in fifty more.
_BEAM = 3


def texts(file: Path) -> dict[str, str]:
    """What was written down so far, by clip; nothing where there is no such file."""
    if not file.is_file():
        return {}
    lines = file.read_text(encoding="utf-8").splitlines()
    return {row["clip"]: row["text"] for row in map(json.loads, filter(_is_whole, lines))}


def _is_whole(line: str) -> bool:
    """A run that was stopped may have left half a line."""
    return line.startswith("{") and line.endswith("}")


def make(
    file: Path, clips: Sequence[Clip], *, language: str, recogniser: Path, progress: corpora.Progress = lambda done, what: None, name: str = ""
) -> int:
    """Write the text of each clip that `file` does not yet hold, a line of JSON a clip, and return how many were written.

    language: ISO 639-1. recogniser: a folder with a Whisper model for CTranslate2. Raises FileNotFoundError when it or faster-whisper is missing.
    """
    done = texts(file)
    left = [clip for clip in clips if clip.id not in done]
    if not left:
        return 0
    model = _load(recogniser)
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("a", encoding="utf-8") as lines:
        for number, clip in enumerate(left):
            text = " ".join(_heard(model, clip, language))
            lines.write("\n" + json.dumps({"clip": clip.id, "text": text}, ensure_ascii=False))
            lines.flush()
            progress(number / len(left), name)
    return len(left)


def _load(recogniser: Path) -> WhisperModel:
    if not (recogniser / "model.bin").is_file():
        raise FileNotFoundError(f"There is no Whisper model in {recogniser}; name the folder of one for CTranslate2 with --recogniser.")
    try:
        from faster_whisper import WhisperModel
    except ImportError as error:
        raise FileNotFoundError("faster-whisper is not installed; pip install faster-whisper.") from error
    return WhisperModel(str(recogniser), device="auto", compute_type="int8", local_files_only=True)


def _heard(model: WhisperModel, clip: Clip, language: str) -> Iterator[str]:
    # At a temperature of 0 alone: higher ones, which Whisper falls back to, invent words where it is unsure.
    said, _ = model.transcribe(
        str(clip.path), language=language, beam_size=_BEAM, temperature=0.0, condition_on_previous_text=False, without_timestamps=True
    )
    return (segment.text.strip() for segment in said)
