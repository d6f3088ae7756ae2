"""Synthetic speech with exact phone times, from three engines of Debian: espeak-ng (by ctypes), flite and festival (as programs).

espeak-ng's formant voices bring the languages and many timbres but are unlike people; flite's and festival's voices were cut from recordings of
people. So neither may dominate: see FULL_S. Times are the engines' own, corrected where they do not fit the engine's own sound.
"""

from __future__ import annotations

import ctypes
import functools
import multiprocessing
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from training import corpora, phones, sentences
from training.corpora import RATE, Recording, Segment

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Sound = NDArray[np.float32]

#: Seconds of speech of each corpus at full scale.
FULL_S = {"espeak_en": 2.5 * 3600, "espeak_world": 2.0 * 3600, "flite": 1.5 * 3600, "festival": 1.5 * 3600, "festival_world": 1.2 * 3600}

#: A task makes about this much; tasks are what the processes share out, and each has a seed of its own, so that their number does not matter.
BATCH_S = 150.0

#: A batch takes some fifteen; an engine that needs this many is broken.
_MOST_TURNS = 300

#: espeak-ng now and then gives a phone no time; a shorter one is an error of its labels (its shortest real ones are near 15 ms).
SHORTEST_PHONE_S = 0.008

LICENCES = {
    "espeak_en": "GPL-3.0-or-later",
    "espeak_world": "GPL-3.0-or-later",
    "flite": "BSD-style (CMU)",
    "festival": "MIT-style (CSTR, CMU)",
    "festival_world": "GPL-2.0-or-later (IFM, Brailcom), LGPL-2.0 (University of Helsinki)",
}


class EngineError(RuntimeError):
    """An engine is missing, or what it said cannot be used; the message says which."""


class BadLabelError(ValueError):
    """An engine's phone times cannot be right; the message says how that was seen."""


@dataclass(frozen=True)
class Speech:
    """What an engine said in one go: float32 [samples] at 16 kHz, and when each phone was said."""

    sound: Sound
    segments: list[Segment]


# ---- espeak-ng

_PHONEME_EVENT, _SYNCHRONOUS, _PHONEMES_IN_IPA = 7, 2, 3
_RATE, _PITCH, _PITCH_RANGE = 1, 3, 4
_UTF8 = 1

ESPEAK_ENGLISH = ("en-us", "en-us", "en-us", "en", "en-GB-x-rp", "en-GB-scotland")

#: Variants that shout, echo or are no voice at all.
_UNUSABLE_VARIANTS = frozenset({"Demonic", "croak", "fast", "Mr serious"})


_STOPS = frozenset({"P", "T", "K", "B", "D", "G", "CH", "JH"})
_CLOSURE_AFTER_PAUSE_S = 0.05
#: Of full scale: espeak-ng's closures lie under it, and with most variants nothing else does.
_DIGITAL_SILENCE = 0.003


class _EventId(ctypes.Union):
    _fields_ = [("number", ctypes.c_int), ("name", ctypes.c_char_p), ("string", ctypes.c_char * 8)]


class _Event(ctypes.Structure):
    """espeak_EVENT of espeak-ng's speak_lib.h."""

    _fields_ = [
        ("type", ctypes.c_int),
        ("unique_identifier", ctypes.c_uint),
        ("text_position", ctypes.c_int),
        ("length", ctypes.c_int),
        ("audio_position", ctypes.c_int),
        ("sample", ctypes.c_int),
        ("user_data", ctypes.c_void_p),
        ("id", _EventId),
    ]


_Callback = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.POINTER(ctypes.c_short), ctypes.c_int, ctypes.POINTER(_Event))


class Espeak:
    """The library of espeak-ng, of which a process can have one. Raises EngineError when it is not installed.

    The same text gives the same sound only where the same was said before it: the library keeps the state of its flutter and of its noise.
    """

    def __init__(self) -> None:
        try:
            self._library = ctypes.CDLL("libespeak-ng.so.1")
        except OSError as error:
            raise EngineError("espeak-ng is not installed; on Debian: apt-get install espeak-ng.") from error
        self.rate: int = self._library.espeak_Initialize(_SYNCHRONOUS, 0, None, _PHONEMES_IN_IPA)
        self._sound: list[NDArray[np.int16]] = []
        self._events: list[tuple[int, bytes]] = []
        # Kept on the object: the library calls it after this function has returned.
        self._callback = _Callback(self._collect)
        self._library.espeak_SetSynthCallback(self._callback)

    def _collect(self, samples: Any, count: int, events: Any) -> int:
        if samples and count:
            self._sound.append(np.ctypeslib.as_array(samples, (count,)).copy())
        index = 0
        while events[index].type:
            if events[index].type == _PHONEME_EVENT:
                self._events.append((events[index].sample, bytes(events[index].id.string)))
            index += 1
        return 0

    def say(self, text: str, *, voice: str, rate_wpm: int = 175, pitch: int = 50, pitch_range: int = 50) -> tuple[Sound, list[tuple[float, str]]]:
        """The sound at 16 kHz, and the start in seconds and the IPA name of each phone.

        Raises EngineError for an unknown voice, BadLabelError for no sound.
        """
        self._sound.clear()
        self._events.clear()
        if self._library.espeak_SetVoiceByName(voice.encode()) != 0:
            raise EngineError(f"espeak-ng has no voice '{voice}'.")
        for parameter, value in ((_RATE, rate_wpm), (_PITCH, pitch), (_PITCH_RANGE, pitch_range)):
            self._library.espeak_SetParameter(parameter, value, 0)
        raw = text.encode()
        self._library.espeak_Synth(raw, len(raw) + 1, 0, 1, 0, _UTF8, None, None)
        if not self._sound:
            raise BadLabelError(f"espeak-ng said nothing for '{text}'")
        sound = np.concatenate(self._sound).astype(np.float32) / 32_768
        names = [(sample / self.rate, raw_name.split(b"\0")[0].decode(errors="replace")) for sample, raw_name in self._events]
        return corpora.resample(sound, rate=self.rate), names


@functools.lru_cache(maxsize=1)
def espeak() -> Espeak:
    """The one espeak-ng of this process."""
    return Espeak()


@functools.lru_cache(maxsize=1)
def espeak_variants() -> tuple[str, ...]:
    """The names of the timbres that can be put upon any voice of espeak-ng."""
    run = subprocess.run(["espeak-ng", "--voices=variant"], capture_output=True, text=True, check=True)
    found = set(re.findall(r"!v/(\S+(?: serious)?)", run.stdout))
    return tuple(sorted(found - _UNUSABLE_VARIANTS))


def espeak_segments(names: Sequence[tuple[float, str]], *, language: str, duration_s: float) -> list[Segment]:
    """Segments in the project's phones; a diacritic that stands as an event of its own prolongs the phone before it.

    Raises BadLabelError where a phone got no time or a word was read in another language, UnknownPhoneError for a symbol unknown here.
    """
    found: list[Segment] = []
    ends = [start for start, _ in names[1:]] + [duration_s]
    for (start, name), end in zip(names, ends, strict=True):
        if name.startswith("("):
            raise BadLabelError("espeak-ng changed the language within a sentence")
        mapped = phones.from_ipa(name, language=language)
        if not mapped and found:
            found[-1] = (found[-1][0], end, found[-1][2])
            continue
        if mapped and mapped != (phones.SILENCE,) and end - start < SHORTEST_PHONE_S * len(mapped):
            raise BadLabelError(f"espeak-ng gave the phone '{name}' no time")
        found += phones.spread_over(mapped, start_s=start, end_s=end)
    return found


def _after_pause(speech: Speech, *, pause_s: float = 0.1) -> Speech:
    later = [(start + pause_s, end + pause_s, phone) for start, end, phone in speech.segments]
    return Speech(np.concatenate([np.zeros(round(pause_s * RATE), np.float32), speech.sound]), [(0.0, pause_s, phones.SILENCE), *later])


def with_closures(speech: Speech) -> Speech:
    """The same with every stop beginning where its closure does.

    espeak-ng's event of P, T, K and CH stands at the burst and leaves the closure (some 35 ms of digital silence) to the phone before; and after a
    pause it gives no stop a closure at all, where a mouth has closed before it can burst.
    """
    moved = corpora.joined(speech.segments)
    for i in range(1, len(moved)):
        (before_start, before_end, before), (start, end, phone) = moved[i - 1], moved[i]
        if phone not in _STOPS or abs(before_end - start) > 1e-6:
            continue
        closure_s = _CLOSURE_AFTER_PAUSE_S if before == phones.SILENCE else _quiet_before(speech.sound, start_s=start)
        begins = max(start - closure_s, before_start + (start - before_start) / 3)
        moved[i - 1], moved[i] = (before_start, begins, before), (begins, end, phone)
    return Speech(speech.sound, moved)


def _quiet_before(sound: Sound, *, start_s: float) -> float:
    """Seconds of digital silence that end at `start_s`, to 2 ms."""
    step = round(0.002 * RATE)
    end = min(round(start_s * RATE), len(sound))
    first = max(0, end - round(0.12 * RATE))
    blocks = sound[end - (end - first) // step * step : end].reshape(-1, step)
    loud = np.flatnonzero(np.abs(blocks).max(axis=1) > _DIGITAL_SILENCE) if len(blocks) else np.zeros(0, int)
    # The last block may hold the first sample of the burst, since events are rounded.
    loud = loud[loud < len(blocks) - 1]
    return (len(blocks) - 1 - int(loud[-1])) * step / RATE if len(loud) else 0.0


def _espeak_speaker(rng: np.random.Generator, languages: Sequence[str]) -> Callable[[], tuple[str, str, Speech]]:
    """A speaker drawn at random: a function that says a further sentence, with the speaker's name and language."""
    language = languages[rng.integers(len(languages))]
    variant = espeak_variants()[rng.integers(len(espeak_variants()))]
    rate_wpm, pitch, pitch_range = int(rng.integers(115, 250)), int(rng.integers(15, 85)), int(rng.integers(20, 90))

    def say() -> tuple[str, str, Speech]:
        text = sentences.english(rng) if language.startswith("en") else sentences.foreign(rng, language)
        pace = round(rate_wpm * rng.uniform(0.92, 1.08))
        sound, names = espeak().say(text, voice=f"{language}+{variant}", rate_wpm=pace, pitch=pitch, pitch_range=pitch_range)
        segments = espeak_segments(names, language=language, duration_s=len(sound) / RATE)
        return f"{language}!{variant}", language, with_closures(_after_pause(Speech(sound, segments)))

    return say


# ---- flite

FLITE_VOICES = ("slt", "awb", "rms", "slt", "awb", "rms", "kal16")


def flite_say(text: str, *, voice: str, stretch: float = 1.0, pitch_ratio: float = 1.0) -> Speech:
    """A sentence by flite. Raises EngineError when it is not installed or says nothing."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "said.wav"
        command = ["flite", "-voice", voice, "--setf", f"duration_stretch={stretch:.3f}", "--setf", f"f0_shift={pitch_ratio:.3f}"]
        labels = _program([*command, "-psdur", "-t", text, "-o", str(path)])
        sound = corpora.read_audio(path)
    segments: list[Segment] = []
    at = 0.0
    for name, end in re.findall(r"(\S+):([\d.]+)", labels):
        segments += phones.spread_over(phones.from_arpabet(name), start_s=at, end_s=float(end))
        at = float(end)
    return Speech(sound, segments)


def _program(command: list[str]) -> str:
    """What a program prints. Raises EngineError when it is missing or fails."""
    return _run(command).stdout


def _run(command: list[str], *, encoding: str = "utf-8") -> subprocess.CompletedProcess[str]:
    try:
        return subprocess.run(command, capture_output=True, encoding=encoding, check=True)
    except FileNotFoundError as error:
        raise EngineError(f"{command[0]} is not installed; on Debian: apt-get install {command[0]}.") from error
    except subprocess.CalledProcessError as error:
        raise EngineError(f"{command[0]} failed: {error.stderr.strip()[-200:]}") from error


def _flite_speaker(rng: np.random.Generator) -> Callable[[], tuple[str, str, Speech]]:
    voice = FLITE_VOICES[rng.integers(len(FLITE_VOICES))]
    stretch, pitch_ratio = float(rng.uniform(0.75, 1.4)), float(np.exp(rng.uniform(-0.25, 0.25)))

    def say() -> tuple[str, str, Speech]:
        return voice, "en", flite_say(sentences.english(rng), voice=voice, stretch=stretch * rng.uniform(0.95, 1.05), pitch_ratio=pitch_ratio)

    return say


# ---- festival

FESTIVAL_VOICES = ("kal_diphone", "ked_diphone", "cmu_us_slt_arctic_hts")
#: Voices of other languages, each cut from one person's recordings: their language, and how their texts are written.
FESTIVAL_WORLD = {
    **dict.fromkeys(("lp_diphone", "pc_diphone"), ("it", "latin-1")),
    **dict.fromkeys(("czech_dita", "czech_krb", "czech_machac", "czech_ph"), ("cs", "iso-8859-2")),
    **dict.fromkeys(("suo_fi_lj_diphone", "hy_fi_mv_diphone"), ("fi", "latin-1")),
}
FESTIVAL_INSTALLED = Path("/usr/share/festival/voices")
_SENTENCES_A_RUN = 12
#: The steepest fall and rise of its level about stops, M and pauses lie 8 to 18 ms after its labels, those of the aligned recordings 2 to 8 ms.
FESTIVAL_EARLY_S = 0.008

_FESTIVAL_PITCH = "(set! int_lr_params '((target_f0_mean {pitch_hz:.0f}) (target_f0_std 18) (model_f0_mean 170) (model_f0_std 34)))"

_FESTIVAL_SAY = """(let ((utt (eval (list 'Utterance 'Text "{text}"))))
 (Parameter.set 'Duration_Stretch {stretch:.3f})
 (puts "UTTERANCE\\n" stderr)
 (utt.synth utt) (utt.save.wave utt "{path}" 'riff)
 (format t "UTTERANCE\\n")
 (mapcar (lambda (seg) (format t "%s %f\\n" (item.name seg) (item.feat seg 'end))) (utt.relation.items utt 'Segment)))
"""
#: What it says on stderr of two phones that the voice's speaker never said together: nothing is heard in their place.
_FESTIVAL_GAP = "using default diphone"


def festival_say(texts: Sequence[str], *, voice: str, stretch: float = 1.0, pitch_hz: float = 110.0) -> list[Speech]:
    """Sentences by festival, in one run since its start costs more than a sentence, less those that the voice has no sounds or we no phones for.

    pitch_hz: of English voices. Raises EngineError when it or the voice is missing.
    """
    language, encoding = FESTIVAL_WORLD.get(voice, ("en", "utf-8"))
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"{i}.wav" for i in range(len(texts))]
        script = [f"(voice_{voice})", *([_FESTIVAL_PITCH.format(pitch_hz=pitch_hz)] if language == "en" else [])]
        script += [_FESTIVAL_SAY.format(text=text, stretch=stretch, path=path) for text, path in zip(texts, paths, strict=True)]
        source = Path(folder) / "say.scm"
        source.write_text("\n".join(script), encoding=encoding, errors="ignore")
        run = _run(["festival", "--batch", str(source)], encoding=encoding)
        said, heard = (stream.split("UTTERANCE\n")[1:] for stream in (run.stdout, run.stderr))
        if not len(said) == len(heard) == len(texts):
            raise EngineError(f"festival said {len(said)} of {len(texts)} sentences with '{voice}'.")
        whole = [(labels, path) for labels, path, complaint in zip(said, paths, heard, strict=True) if _FESTIVAL_GAP not in complaint]
        found = [(_festival_segments(labels, language=language), path) for labels, path in whole]
        return [Speech(corpora.read_audio(path), segments) for segments, path in found if segments]


def _festival_segments(labels: str, *, language: str) -> list[Segment]:
    """Segments in the project's phones, moved by what festival's labels are early against its sound; none where a symbol is not known."""
    found: list[Segment] = []
    at = 0.0
    for name, end in re.findall(r"^(\S+) ([\d.]+)$", labels, flags=re.MULTILINE):
        moved = float(end) + FESTIVAL_EARLY_S
        try:
            found += phones.spread_over(phones.from_festival(name, language=language), start_s=at, end_s=moved)
        except phones.UnknownPhoneError:
            return []
        at = moved
    return found


def _festival_speaker(rng: np.random.Generator) -> Callable[[], tuple[str, str, Speech]]:
    voice = FESTIVAL_VOICES[rng.integers(len(FESTIVAL_VOICES))]
    pitch_hz = float(rng.uniform(85, 180))
    return _festival(rng, voice, "en", stretch=float(rng.uniform(0.8, 1.4)), pitch_hz=pitch_hz)


def _festival_world_speaker(rng: np.random.Generator) -> Callable[[], tuple[str, str, Speech]]:
    voices = festival_world()
    if not voices:
        raise EngineError("festival has no voices of other languages.")
    voice = voices[rng.integers(len(voices))]
    return _festival(rng, voice, FESTIVAL_WORLD[voice][0], stretch=float(rng.uniform(0.75, 1.3)))


def _festival(rng: np.random.Generator, voice: str, language: str, **how: float) -> Callable[[], tuple[str, str, Speech]]:
    said: list[Speech] = []

    def say() -> tuple[str, str, Speech]:
        if not said:
            texts = [sentences.english(rng) if language == "en" else sentences.foreign(rng, language) for _ in range(_SENTENCES_A_RUN)]
            said.extend(festival_say(texts, voice=voice, **how))
        if not said:
            raise BadLabelError(f"festival's '{voice}' said no sentence well")
        return voice, language, said.pop()

    return say


def festival_world() -> tuple[str, ...]:
    """Festival's voices of other languages that are installed."""
    return tuple(sorted(folder.name for folder in FESTIVAL_INSTALLED.glob("*/*") if folder.name in FESTIVAL_WORLD))


# ---- utterances and corpora

_SPEAKERS: dict[str, Callable[[np.random.Generator], Callable[[], tuple[str, str, Speech]]]] = {
    "espeak_en": lambda rng: _espeak_speaker(rng, ESPEAK_ENGLISH),
    "espeak_world": lambda rng: _espeak_speaker(rng, tuple(sentences.FOREIGN)),
    "flite": _flite_speaker,
    "festival": _festival_speaker,
    "festival_world": _festival_world_speaker,
}

#: Sentences that a speaker says before the next speaker's turn, in utterances of one to three.
_TURN = {"espeak_en": 4, "espeak_world": 4, "flite": 6, "festival": _SENTENCES_A_RUN, "festival_world": _SENTENCES_A_RUN}


@dataclass(frozen=True)
class Batch:
    """A task: the `index`-th part of a corpus, about `seconds` long."""

    corpus: str
    seed: int
    index: int
    seconds: float


def speak(batch: Batch) -> list[Recording]:
    """The recordings of a batch; a sentence that an engine labelled badly is left out and another said instead.

    Raises EngineError when an engine labels next to nothing well.
    """
    rng = np.random.default_rng([batch.seed, list(FULL_S).index(batch.corpus), batch.index])
    made: list[Recording] = []
    spoken_s = 0.0
    for _ in range(_MOST_TURNS):
        for recording in _turn(batch, rng, first=len(made)):
            made.append(recording)
            spoken_s += len(recording.audio) / RATE
        if spoken_s >= batch.seconds:
            return made
    raise EngineError(f"Of {_MOST_TURNS} speakers of '{batch.corpus}' hardly a sentence could be used; is the engine another version?")


def _turn(batch: Batch, rng: np.random.Generator, *, first: int) -> Iterator[Recording]:
    """What one speaker says in one turn, as recordings."""
    say = _SPEAKERS[batch.corpus](rng)
    left = _TURN[batch.corpus]
    number = first
    while left > 0:
        count = min(left, int(rng.integers(1, 4)))
        left -= count
        said = [one for one in (_said(say) for _ in range(count)) if one]
        if said:
            audio, segments = join([speech for _, _, speech in said], rng)
            speaker, language, _ = said[0]
            yield Recording(f"{batch.index:04d}_{number:04d}", speaker, language, LICENCES[batch.corpus], audio, segments)
            number += 1


def _said(say: Callable[[], tuple[str, str, Speech]]) -> tuple[str, str, Speech] | None:
    """What is said, or nothing where the engine's labels are no good."""
    try:
        return say()
    except (BadLabelError, phones.UnknownPhoneError):
        return None


def join(said: Sequence[Speech], rng: np.random.Generator) -> tuple[NDArray[np.int16], tuple[Segment, ...]]:
    """Sentences one after the other with pauses of a tenth to over a second between them, and silence around. Labels as corpora.tidy makes them."""
    sounds: list[Sound] = []
    segments: list[Segment] = []
    samples = 0
    for speech in said:
        pause = np.zeros(round(RATE * (rng.uniform(0.1, 0.5) if rng.random() < 0.7 else rng.uniform(0.5, 1.3))), np.float32)
        sounds += [pause, speech.sound]
        samples += len(pause)
        segments += [(start + samples / RATE, end + samples / RATE, phone) for start, end, phone in speech.segments]
        samples += len(speech.sound)
    sounds.append(np.zeros(round(RATE * rng.uniform(0.1, 0.6)), np.float32))
    audio = np.concatenate(sounds)
    return corpora.to_int16(audio), corpora.tidy(segments, duration_s=len(audio) / RATE)


def make_corpus(cache: Path, name: str, *, seconds: float, seed: int, workers: int, progress: corpora.Progress) -> corpora.Corpus:
    """Synthesise a corpus into the cache, unless it stands there already. Raises EngineError when an engine is missing."""
    code = corpora.source_of(__file__, sentences.__file__, phones.__file__, corpora.__file__)
    made_from = corpora.fingerprint(name, seconds, seed, code, sentences.fingerprint(), corpora.held_out_text())
    if corpora.is_current(cache, name, made_from):
        return corpora.read_corpus(cache, name, split=None)
    count = max(1, round(seconds / BATCH_S))
    batches = [Batch(name, seed, i, seconds / count) for i in range(count)]
    # A process a batch: espeak-ng's sound depends on all that it said before, and it cannot be started twice in one process.
    with multiprocessing.get_context("fork").Pool(workers, maxtasksperchild=1) as pool:
        spoken = pool.imap(speak, batches)
        return corpora.write_corpus(cache, name, _counted(spoken, count=count, name=name, progress=progress), made_from=made_from)


def _counted(spoken: Iterator[list[Recording]], *, count: int, name: str, progress: corpora.Progress) -> Iterator[Recording]:
    for i, recordings in enumerate(spoken):
        progress(i / count, name)
        yield from recordings


def make(
    cache: Path,
    *,
    scale: float = 1.0,
    seed: int = 0,
    workers: int = 2,
    progress: corpora.Progress = lambda done, what: None,
) -> list[corpora.Corpus]:
    """Synthesise every corpus of FULL_S into the cache, `scale` times as long as there: 0.005 is two minutes, enough for a test of the whole path.

    Voices of festival in other languages are left out where none is installed.
    """
    wanted = {name: full_s for name, full_s in FULL_S.items() if name != "festival_world" or festival_world()}
    return [make_corpus(cache, name, seconds=full_s * scale, seed=seed, workers=workers, progress=progress) for name, full_s in wanted.items()]
