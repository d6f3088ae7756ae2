"""Phone times for recorded speech: forced alignment of English by pocketsphinx, and the Dutch labels that came with their recordings.

The method (two passes, the bias of the starts) follows what was measured against hand labels: median error 14 ms, ninetieth percentile 40 ms.
"""

from __future__ import annotations

import json
import re
import subprocess
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from training import corpora, phones, quiet
from training.corpora import RATE, Clip, Recording, Segment

if TYPE_CHECKING:
    from numpy.typing import NDArray

#: pocketsphinx's frame, and how early its starts are against hand labels.
FRAME_S = 0.01
EARLY_S = 0.009

#: A read sentence holds 3 to 25 phones in a second of speech; what lies outside was aligned to the wrong words.
PHONES_A_SECOND = (3.0, 25.0)
#: Phones at the aligner's shortest (its models have three states, a frame each): many of them mean that text was squeezed in where it was not said.
SHORTEST_S, MOST_SHORTEST = 0.031, 0.35
#: A vowel may be drawn out, a stop may not; what is longer is a pause or foreign sound that no model caught.
LONGEST_S, LONGEST_STOP_S = 0.6, 0.35
#: How far over the clip's quiet (its tenth percentile) a pause must be for speech to be suspected in it.
LOUD_PAUSE_DB = 13.0
LONGEST_LOUD_PAUSE_S = 0.4

#: pocketsphinx lays the first and the last phone over a short silence at a clip's end. What lies this little over the clip's quiet is that silence.
QUIET_DB = 6.0
#: ... and is this far below the clip's loud vowels (its ninetieth percentile), even where the whole clip is noisy.
NEVER_QUIET_DB = -25.0
#: What is left of the phone at least; of a stop more, since its closure makes no sound.
SHORTEST_END_S, SHORTEST_END_STOP_S = 0.04, 0.08
#: More silence than this around a clip's words is cut away: a keyword of half a second comes in three seconds of room.
LONGEST_MARGIN_S = 0.6

_STOPS = frozenset({"P", "B", "T", "D", "K", "G", "DH", "HH", "V"})

#: What all the English neural voices say; the table gives it for some and lists the speakers for the others.
RAINBOW = (
    "A rainbow is a meteorological phenomenon that is caused by reflection, refraction and dispersion of light in water droplets resulting in a "
    "spectrum of light appearing in the sky. It takes the form of a multi-colored circular arc. Rainbows caused by sunlight always appear in the "
    "section of sky directly opposite the Sun."
)


class AlignmentError(ValueError):
    """The words and the recording do not fit; the message says how that was seen."""


@dataclass(frozen=True)
class Source:
    """A folder of English recordings to align. `text` gives the words of a clip, or nothing when they are not known."""

    folder: str
    language: str
    licence: str
    text: Callable[[Clip], str]


def _own_text(clip: Clip) -> str:
    return clip.text


def _rainbow(clip: Clip) -> str:
    return RAINBOW if clip.speaker.startswith(("en_US", "en_UK")) else ""


ENGLISH = (
    Source("en_kathleen", "en-us", "CC0-1.0", _own_text),
    Source("neural_voices", "en", "CC-BY-SA-4.0", _rainbow),
    Source("en_wakewords", "en", "Apache-2.0", _own_text),
)


# ---- the words -------------------------------------------------------------------------------------------------------------------------------------


def words(text: str) -> list[str]:
    """The words of a text as the dictionary spells them: lower case, apostrophes kept, all other marks gone."""
    plain = text.lower().replace("’", "'").replace("etc.", "etcetera")
    return [word for word in (part.strip("'") for part in re.findall(r"[a-zà-ÿ']+", plain)) if word]


@lru_cache(maxsize=4096)
def pronounce(word: str) -> str:
    """ARPABET phones of a word by flite's letter-to-sound rules, separated by spaces. Raises AlignmentError when it has none."""
    run = subprocess.run(["flite", "-ps", "-t", word, "-o", "none"], capture_output=True, text=True, check=True)
    found = [phone for label in run.stdout.split() for phone in phones.from_arpabet(label) if phone != phones.SILENCE]
    if not found:
        raise AlignmentError(f"no pronunciation of '{word}'")
    return " ".join(found)


# ---- pocketsphinx ----------------------------------------------------------------------------------------------------------------------------------


@lru_cache(maxsize=1)
def _decoder() -> Any:
    """One decoder a process. Without bestpath=False the second pass fails on many clips."""
    from pocketsphinx import Decoder

    return Decoder(lm=None, bestpath=False, loglevel="FATAL")


def align(audio: NDArray[np.int16], text: str) -> tuple[Segment, ...]:
    """Phone times of English words in a recording, int16 [samples] at 16 kHz; tidy as corpora.tidy makes them.

    Raises AlignmentError when the words cannot be laid over the sound, or lie over it as nobody speaks.
    """
    decoder, spoken = _decoder(), words(text)
    for word in spoken:
        if not decoder.lookup_word(word):
            decoder.add_word(word, pronounce(word), True)
    raw = audio.tobytes()
    try:
        decoder.set_align_text(" ".join(spoken))
        _decode(decoder, raw)
        decoder.set_alignment()
        _decode(decoder, raw)
        found = [(phone.start * FRAME_S, (phone.start + phone.duration) * FRAME_S, phone.name) for word in decoder.get_alignment() for phone in word]
    except (RuntimeError, TypeError) as error:
        raise AlignmentError(f"pocketsphinx found no path: {error}") from error
    duration_s = len(audio) / RATE
    segments = corpora.tidy(_later(found), duration_s=duration_s)
    check(segments, audio=audio)
    return trim(segments, audio=audio)


def _decode(decoder: Any, raw: bytes) -> None:
    decoder.start_utt()
    decoder.process_raw(raw, full_utt=True)
    decoder.end_utt()


def _later(found: Iterable[Segment]) -> Iterator[Segment]:
    """The labels in the project's phones, moved by what pocketsphinx is known to be early."""
    for start, end, name in found:
        label = phones.SILENCE if name.startswith(("<", "+", "[", "SIL")) else name
        yield from phones.spread_over(phones.from_arpabet(label), start_s=max(0.0, start + EARLY_S if start else 0.0), end_s=end + EARLY_S)


def check(segments: tuple[Segment, ...], *, audio: NDArray[np.int16]) -> None:
    """Raise AlignmentError for labels as nobody speaks: too fast or slow, many shortest phones, a stop that lasts, a pause that is loud."""
    spoken = [(end - start, phone) for start, end, phone in segments if phone != phones.SILENCE]
    if not spoken:
        raise AlignmentError("nothing but silence")
    rate = len(spoken) / sum(length for length, _ in spoken)
    if not PHONES_A_SECOND[0] <= rate <= PHONES_A_SECOND[1]:
        raise AlignmentError(f"{rate:.0f} phones a second")
    if sum(length < SHORTEST_S for length, _ in spoken) > MOST_SHORTEST * len(spoken):
        raise AlignmentError("many phones of the shortest length")
    if any(length > (LONGEST_STOP_S if phone in _STOPS else LONGEST_S) for length, phone in spoken):
        raise AlignmentError("a phone that lasts too long")
    if loud_pause_s(segments, audio=audio) > LONGEST_LOUD_PAUSE_S:
        raise AlignmentError("a pause that is as loud as speech")


def loud_pause_s(segments: tuple[Segment, ...], *, audio: NDArray[np.int16]) -> float:
    """The longest pause, in seconds, that is about as loud as the speech beside it and well over the clip's quiet."""
    level = level_db(audio)
    loud_db = max(_speech_db(level, segments) - 12.0, float(np.percentile(level, 10)) + LOUD_PAUSE_DB)
    pauses = [segment for segment in segments if segment[2] == phones.SILENCE and len(_frames(level, segment))]
    return max((end - start for start, end, _ in pauses if np.median(_frames(level, (start, end, ""))) > loud_db), default=0.0)


def trim(segments: tuple[Segment, ...], *, audio: NDArray[np.int16]) -> tuple[Segment, ...]:
    """The same with the silence at either end of a recording taken out of its first and its last phone."""
    level = level_db(audio)
    threshold_db = min(float(np.percentile(level, 5)) + QUIET_DB, float(np.percentile(level, 90)) + NEVER_QUIET_DB)
    spoken = [i for i, (_, _, phone) in enumerate(segments) if phone != phones.SILENCE]
    first, last, trimmed = spoken[0], spoken[-1], list(segments)
    start, end, phone = trimmed[first]
    shortest = SHORTEST_END_STOP_S if phone in _STOPS else SHORTEST_END_S
    quiet_s = _leading(_frames(level, trimmed[first]) < threshold_db) * FRAME_S
    trimmed[first] = (max(start, min(start + quiet_s, end - shortest)), end, phone)
    start, end, phone = trimmed[last]
    quiet_s = _leading(_frames(level, trimmed[last])[::-1] < threshold_db) * FRAME_S
    trimmed[last] = (start, min(end, max(end - quiet_s, start + SHORTEST_END_S)), phone)
    return corpora.tidy(trimmed, duration_s=len(audio) / RATE)


def _leading(flags: NDArray[np.bool_]) -> int:
    """How many are true before the first that is not; fewer than three are no silence worth a label."""
    count = int(np.argmin(np.append(flags, False)))
    return count if count >= 3 else 0


def _speech_db(level: NDArray[np.float64], segments: tuple[Segment, ...]) -> float:
    return float(np.median(np.concatenate([_frames(level, segment) for segment in segments if segment[2] != phones.SILENCE])))


def _frames(level: NDArray[np.float64], segment: Segment) -> NDArray[np.float64]:
    first = round(segment[0] / FRAME_S)
    return level[first : max(first + 1, round(segment[1] / FRAME_S))]


def level_db(audio: NDArray[np.int16]) -> NDArray[np.float64]:
    """Level in dB of each FRAME_S of a recording, [frames]; digital silence is -100."""
    hop = round(FRAME_S * RATE)
    frames = audio[: len(audio) // hop * hop].reshape(-1, hop).astype(np.float64) / 32_768
    return 10 * np.log10((frames**2).mean(axis=1) + 1e-10)


# ---- corpora ---------------------------------------------------------------------------------------------------------------------------------------


def _aligned(task: tuple[Source, Clip]) -> Recording | str:
    """The labelled clip, or why it was dropped."""
    source, clip = task
    audio = corpora.to_int16(corpora.read_audio(clip.path))
    try:
        segments = align(audio, source.text(clip))
    except (AlignmentError, phones.UnknownPhoneError) as error:
        return re.sub(r"\d+", "N", str(error))
    audio, segments = crop(audio, segments)
    return Recording(clip.id, clip.speaker, source.language, source.licence, audio, segments)


def crop(audio: NDArray[np.int16], segments: tuple[Segment, ...]) -> tuple[NDArray[np.int16], tuple[Segment, ...]]:
    """Recording and labels with no more than LONGEST_MARGIN_S of silence before the first and after the last phone."""
    spoken = [segment for segment in segments if segment[2] != phones.SILENCE]
    first = max(0, round((spoken[0][0] - LONGEST_MARGIN_S) * RATE))
    last = min(len(audio), round((spoken[-1][1] + LONGEST_MARGIN_S) * RATE))
    moved = [(start - first / RATE, end - first / RATE, phone) for start, end, phone in segments]
    return audio[first:last], corpora.tidy(moved, duration_s=(last - first) / RATE)


def _dutch(folder: Path) -> Iterator[Recording | str]:
    """nl_nathalie with the times that Kaldi gave; a clip with a spoken noise, or whose labels overshoot its end, is dropped."""
    by_id = {clip.id: clip for clip in corpora.clips(folder)}
    with (folder / "alignment.jsonl").open(encoding="utf-8") as lines:
        for row in map(json.loads, lines):
            if row["id"] not in by_id:
                yield "no recording"
                continue
            clip = by_id[row["id"]]
            audio = corpora.to_int16(corpora.read_audio(clip.path))
            try:
                segments = _kaldi_segments(row["words"], duration_s=len(audio) / RATE)
            except (AlignmentError, phones.UnknownPhoneError) as error:
                yield str(error)
                continue
            yield Recording(clip.id, clip.speaker, "nl", "CC0-1.0", audio, segments)


def _kaldi_segments(spoken: list[dict[str, Any]], *, duration_s: float) -> tuple[Segment, ...]:
    found: list[Segment] = []
    for label in (label for word in spoken for label in word["phones"]):
        start, end = float(label["start"]), float(label["start"]) + float(label["duration"])
        if end > duration_s + 0.05:
            raise AlignmentError("labels past the end of the sound")
        found += phones.spread_over(phones.from_ipa(label["phone"]), start_s=start, end_s=end)
    return corpora.tidy(found, duration_s=duration_s)


def _kept(results: Iterable[Recording | str], *, total: int, name: str, progress: corpora.Progress, dropped: Counter[str]) -> Iterator[Recording]:
    """The recordings among the results; the reasons for the others are counted into `dropped`."""
    for i, result in enumerate(results):
        if isinstance(result, str):
            dropped[result] += 1
        else:
            yield result
        if i % 50 == 0:
            progress(i / max(total, 1), name)


def _made_from(folder: Path) -> str:
    return corpora.fingerprint(corpora.folder_state(folder), corpora.source_of(__file__, corpora.__file__, phones.__file__), corpora.held_out_text())


def make_english(cache: Path, source: Source, *, corpora_folder: Path, workers: int = 1, progress: corpora.Progress) -> Counter[str]:
    """Align a folder of English recordings into the cache, unless it stands there already. Returns how many clips were dropped, by reason."""
    folder, dropped = corpora_folder / source.folder, Counter[str]()
    made_from = _made_from(folder)
    if corpora.is_current(cache, source.folder, made_from):
        return dropped
    tasks = [(source, clip) for clip in corpora.clips(folder) if source.text(clip)]
    with ProcessPoolExecutor(workers) as pool:
        results = pool.map(_aligned, tasks, chunksize=8)
        kept = _kept(results, total=len(tasks), name=source.folder, progress=progress, dropped=dropped)
        corpora.write_corpus(cache, source.folder, kept, made_from=made_from)
    return dropped


def make_dutch(cache: Path, *, corpora_folder: Path, progress: corpora.Progress) -> Counter[str]:
    """Bring the labelled Dutch recordings, a development set in a language never trained on, into the cache. Returns the drops by reason."""
    folder, dropped = corpora_folder / "nl_nathalie", Counter[str]()
    made_from = _made_from(folder)
    if not corpora.is_current(cache, folder.name, made_from):
        kept = _kept(_dutch(folder), total=1130, name=folder.name, progress=progress, dropped=dropped)
        corpora.write_corpus(cache, folder.name, kept, made_from=made_from)
    return dropped


def make(cache: Path, *, corpora_folder: Path, workers: int = 2, progress: corpora.Progress = lambda done, what: None) -> dict[str, Counter[str]]:
    """Bring every recording that can be labelled without a trained network into the cache, and sounds without speech. Returns the drops by corpus.

    `corpora_folder` holds the folders of speech (en_kathleen and so on), the noise lies beside it in `../noise`. What is not there is left out.
    """
    dropped: dict[str, Counter[str]] = {}
    for source in ENGLISH:
        if (corpora_folder / source.folder).is_dir():
            dropped[source.folder] = make_english(cache, source, corpora_folder=corpora_folder, workers=workers, progress=progress)
    if (corpora_folder / "nl_nathalie").is_dir():
        dropped["nl_nathalie"] = make_dutch(cache, corpora_folder=corpora_folder, progress=progress)
    quiet.make(cache, noise_folder=corpora_folder.parent / "noise", progress=progress)
    return dropped
