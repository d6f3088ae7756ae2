"""The second pass: recordings that only a network taught by the first can label.

What was said is known in part only: a text in a language for which there is no aligner, an intent instead of the words, or nothing at all. The words
come from the table, from a recogniser that wrote them down before (transcribe.py), and without it from a grammar over the intent's slots or from
pocketsphinx's own recogniser; espeak-ng or the dictionary says how they are pronounced; and the network's own ears say when each phone was said
(Viterbi alignment over its posteriors, divided by how common each phone is, as hybrid recognisers do: Bourlard and Morgan, "Connectionist Speech
Recognition", 1994). Where ears and words do not agree, the words were wrong: that stretch is left out.

What is left out is what the ears do not know, and what they mishear into words that sound alike becomes truth: of LibriSpeech labelled by
pocketsphinx's words the network's closures had an F1 of .91 where it had been trained, and of .82 by the words that were really said. Hence the
transcripts.
"""

from __future__ import annotations

import hashlib
import json
import os
import re
import subprocess
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from training import align, corpora, kokoro, letters, phones, prompts, transcribe
from training.align import AlignmentError
from training.corpora import RATE, Clip, Recording, Segment, Utterance

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Doubles = NDArray[np.float64]

#: How much of a phone's commonness is taken out of its posterior; at 1 rare phones would be heard everywhere.
PRIOR_SHARE = 0.6
#: The ears take phones for others that are made in the same manner (an M for an N): so much of the odds of those goes to each.
MANNER_SHARE = 0.1
MANNERS = tuple(
    frozenset(group.split())
    for group in (
        "M N NG",
        "P T K Q",
        "B D G V DH",
        "F TH S SH X HH CH",
        "V DH Z ZH JH",
        "L R RR W Y",
        "IY IH EY EH UE OE AE",
        "AA AH AE AO AW AY ER OE",
        "UW UH OW AO OY UE W",
    )
)
#: No phone is ruled out: pronunciations are a dictionary's, and people say what they like.
LEAST_LOG = -7.0
#: A pause between two words costs this much, in the logarithm of its odds.
PAUSE_LOG = -2.0
#: What people leave out of a word, and what it costs: a schwa, an h, an r after a vowel, a glottal stop. Never a closure.
SKIPPED = frozenset({"AH", "HH", "Q", "RR"})
SKIP_LOG = -3.0

#: Ears and words agree on a word when they give its mouth classes this much of the odds on average; and on a whole clip of known text this much.
AGREED_WORD, AGREED_CLIP = 0.45, 0.55
#: What Whisper wrote down is wrong in a word of twenty, so little need be heard of it: the words that ears mishear are those to learn from.
AGREED_TRANSCRIPT = 0.2
#: What a letter is called is sometimes another thing than espeak-ng says; an M heard as an N in its name is within this.
AGREED_LETTER = 0.35
#: A stretch of agreed words shorter than this is chance, and the network would see more edge than speech.
SHORTEST_STRETCH_S = 1.2
#: Words that are recognised at a stretch's ends are kept with this much of what surrounds them.
MARGIN_S = 0.25

#: How late the ears are is looked for among these, on some utterances of each corpus, at so many moments a second.
SHIFTS_S = np.arange(-0.06, 0.0601, 0.005)
LISTENED_TO, LATENESS_HZ = 40, 200.0

#: Labels as nobody speaks: more than this share of phones that are a single frame long, or a phone that lasts longer.
MOST_SINGLE, LONGEST_S = 0.45, 0.7

#: espeak-ng's voice for the languages of the neural voices that have a text.
ESPEAK_VOICES = {**{name: name for name in "de es it fi hu el sw vi fa ko pl ru".split()}, "fr": "fr-fr", "en": "en-us"}

#: What people say around an order of coffee.
ORDER_WORDS = (
    "i i'd i'll i'm can could may would you get have make give me a an the of with and please like want need to for some hey hi hello okay ok um uh "
    "order roast cup size just let's be my shot in no add ounces ounce drink coffee"
)


@dataclass(frozen=True)
class Words:
    """What was said: the phones of each word, and whether all of it was surely said (a text that was read) or may be misheard in parts.

    agreed: what the ears must agree with a word that may be misheard; see AGREED_WORD.
    """

    phones: tuple[tuple[str, ...], ...]
    sure: bool
    agreed: float = AGREED_WORD


@dataclass(frozen=True)
class Source:
    """A folder of recordings; `words` gives what is said in a clip, or nothing where that is not known."""

    folder: str
    corpus: str
    licence: str
    language: Callable[[Clip], str]
    words: Callable[[Clip, NDArray[np.int16]], Words | None]


# ---- what was said ---------------------------------------------------------------------------------------------------------------------------------


def read_aloud(text: str, *, voice: str) -> Words:
    """A text's words as espeak-ng pronounces them in one of its voices. Raises UnknownPhoneError, and AlignmentError where it says nothing."""
    command = ["espeak-ng", "-v", voice, "-q", "--ipa", "--sep=_", text]
    said = subprocess.run(command, capture_output=True, encoding="utf-8", check=True, env={**os.environ, "LC_ALL": "C.UTF-8"}).stdout
    # A change of language in the middle of a sentence is named in brackets.
    # "??" is what espeak-ng 1.51 prints for the German vowel of "Burg", for which it has no symbol.
    words = re.sub(r"\([a-z-]+\)", "", said).replace("??", "ʊɐ").split()
    found = tuple(tuple(_ipa(word, voice)) for word in words)
    if not any(found):
        raise AlignmentError("nothing to say")
    return Words(tuple(word for word in found if word), sure=True)


def _ipa(word: str, voice: str) -> Iterator[str]:
    for symbol in filter(None, word.split("_")):
        yield from (phone for phone in phones.from_ipa(symbol, language=voice) if phone != phones.SILENCE)


def spelled(words: Iterable[str]) -> Words:
    """English words as pocketsphinx's dictionary has them; a name with a number, ``word(2)``, is a further pronunciation."""
    found = []
    for word in words:
        known = _recogniser().lookup_word(word) or align.pronounce(word.split("(")[0])
        found.append(tuple(phone for label in known.split() for phone in phones.from_arpabet(label)))
    if not found:
        raise AlignmentError("no words")
    return Words(tuple(found), sure=False)


@lru_cache(maxsize=1)
def _recogniser() -> Any:
    from pocketsphinx import Decoder

    return Decoder(loglevel="FATAL")


def recognised(audio: NDArray[np.int16]) -> Words:
    """The English words that pocketsphinx hears. Raises AlignmentError when it hears none."""
    return spelled(_heard(_recogniser(), audio))


def _heard(decoder: Any, audio: NDArray[np.int16]) -> list[str]:
    decoder.start_utt()
    decoder.process_raw(audio.tobytes(), full_utt=True)
    decoder.end_utt()
    return [segment.word for segment in decoder.seg() or () if segment.word[:1].isalpha()]


def ordered(intent: str, audio: NDArray[np.int16]) -> Words:
    """The words of an order whose slots are known: any of their words and of ORDER_WORDS, in any order. Raises AlignmentError."""
    slots = " ".join(json.loads(intent)["slots"].values())
    return spelled(_heard(_listener_for(" ".join(sorted({*align.words(slots), *ORDER_WORDS.split()}))), audio))


@lru_cache(maxsize=1)
def _listener_for(vocabulary: str) -> Any:
    """A recogniser of these words alone, each as likely as any other after any other."""
    from pocketsphinx import Decoder

    words = ["<s>", "</s>", *vocabulary.split()]
    log = -float(np.log10(len(words)))
    arpa = ["\\data\\", f"ngram 1={len(words)}", "", "\\1-grams:", *(f"{log:.4f} {word}" for word in words), "", "\\end\\", ""]
    with tempfile.TemporaryDirectory() as folder:
        model, dictionary = Path(folder) / "words.lm", Path(folder) / "words.dict"
        model.write_text("\n".join(arpa), encoding="utf-8")
        dictionary.write_text("".join(f"{word} {_entry(word)}\n" for word in vocabulary.split()), encoding="utf-8")
        return Decoder(lm=str(model), dict=str(dictionary), loglevel="FATAL")


def _entry(word: str) -> str:
    return str(_recogniser().lookup_word(word) or align.pronounce(word))


# ---- when it was said ------------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Units:
    """A sentence as a chain of units that are passed from left to right.

    rows: int64 [units], rows of the posteriors. word: int64 [units], which word each belongs to, -1 for a pause. optional: bool [units], whether one
    may be passed over, at the price of `cost`, float64 [units].
    """

    rows: NDArray[np.int64]
    word: NDArray[np.int64]
    optional: NDArray[np.bool_]
    cost: Doubles


def chain(words: Sequence[Sequence[str]]) -> Units:
    """The words' phones, with a pause that may be left out at every bound of a word."""
    pause = (phones.PHONES.index(phones.SILENCE), -1, True, 0.0)
    units = [pause]
    for number, word in enumerate(words):
        units += [(phones.PHONES.index(phone), number, phone in SKIPPED and len(word) > 1, SKIP_LOG) for phone in word]
        units.append(pause)
    rows, word_of, optional, cost = zip(*units, strict=True)
    return Units(np.array(rows), np.array(word_of), np.array(optional), np.array(cost))


def scores(posteriors: NDArray[np.floating[Any]], prior: NDArray[np.floating[Any]]) -> Doubles:
    """Log-likelihoods up to a constant, float64 [frames, phones]."""
    lent = MANNER_SHARE * posteriors @ _alike()
    odds = np.log(np.maximum(posteriors + lent, 1e-9)) - PRIOR_SHARE * np.log(prior)
    return np.maximum(odds - odds.max(axis=1, keepdims=True), LEAST_LOG)


@lru_cache(maxsize=1)
def _alike() -> Doubles:
    """1 where two different phones are made in the same manner, float64 [phones, phones]."""
    pairs = [[float(a != b and any({a, b} <= group for group in MANNERS)) for b in phones.PHONES] for a in phones.PHONES]
    return np.array(pairs)


def best_path(likelihood: Doubles, units: Units) -> NDArray[np.int64]:
    """Which unit each frame belongs to on the likeliest way through all of them, int64 [frames]. Raises AlignmentError for too few frames."""
    frames, count = len(likelihood), len(units.rows)
    local = likelihood[:, units.rows]
    local[:, units.word < 0] += PAUSE_LOG / 10
    # To pass over a unit costs its price; a pause left out costs nothing, one that is made costs PAUSE_LOG on the way in.
    skip = np.where(units.optional, np.where(units.word < 0, 0.0, units.cost), -np.inf)
    enter = np.where(units.word < 0, PAUSE_LOG, 0.0)
    enter[[0, -1]] = 0.0
    total = np.full(count, -np.inf)
    total[0] = local[0, 0]
    if count > 1:
        total[1] = local[0, 1] + skip[0]
    back = np.zeros((frames, count), np.int8)
    for t in range(1, frames):
        step = np.concatenate(([-np.inf], total[:-1])) + enter
        leap = np.concatenate(([-np.inf, -np.inf], total[:-2] + skip[1:-1])) + enter
        choice = np.stack((total, step, leap))
        back[t] = choice.argmax(axis=0)
        total = choice.max(axis=0) + local[t]
    at = count - 1 if total[-1] >= total[-2] + skip[-1] else count - 2
    if not np.isfinite(total[at]):
        raise AlignmentError("more phones than there is time for")
    path = np.zeros(frames, np.int64)
    for t in range(frames - 1, -1, -1):
        path[t] = at
        at -= int(back[t, at])
    return path


def segments(path: NDArray[np.int64], likelihood: Doubles, units: Units, *, fps: float, late_s: float = 0.0) -> list[Segment]:
    """The path as segments in seconds; a bound lies where the odds of the two phones cross, as far as frames tell, and `late_s` before it."""
    change = np.flatnonzero(np.diff(path)) + 1
    rows = units.rows[path]
    bounds = [0.0]
    for first in change:
        ahead = likelihood[first - 1 : first + 1, rows[first - 1]] - likelihood[first - 1 : first + 1, rows[first]]
        crossing = ahead[0] / (ahead[0] - ahead[1]) if ahead[0] > 0 > ahead[1] else 0.5
        bounds.append(max(0.0, (first - 0.5 + float(np.clip(crossing, 0.05, 0.95))) / fps - late_s))
    bounds.append(len(path) / fps)
    starts = np.concatenate(([0], change))
    return [(start, end, phones.PHONES[rows[first]]) for first, start, end in zip(starts, bounds, bounds[1:], strict=False)]


def agreement(posteriors: NDArray[np.floating[Any]], path: NDArray[np.int64], units: Units) -> NDArray[np.float64]:
    """How much of the odds the ears give to the mouth class of what is said there, float64 [frames]."""
    member = np.array([[phones.CLASS_OF[a] == phones.CLASS_OF[b] for b in phones.PHONES] for a in phones.PHONES], np.float64)
    return np.einsum("tp,tp->t", posteriors, member[units.rows[path]])


def stretches(
    agreed: NDArray[np.float64], path: NDArray[np.int64], units: Units, *, fps: float, needed: float = AGREED_WORD
) -> list[tuple[int, int]]:
    """Runs of words in which ears and words agree, as frames [first, past): with the pauses between them, and MARGIN_S of pause around."""
    word = units.word[path]
    good = np.ones(len(path), bool)
    for number in np.unique(word[word >= 0]):
        own = word == number
        good[own] = agreed[own].mean() >= needed
    good[(word < 0) & (agreed < 0.3)] = False
    edges = np.flatnonzero(np.diff(np.concatenate(([0], good.astype(np.int8), [0]))))
    margin = round(MARGIN_S * fps)
    found = []
    for first, past in zip(edges[::2], edges[1::2], strict=True):
        spoken = first + np.flatnonzero(word[first:past] >= 0)
        if len(spoken) and (spoken[-1] + 1 - spoken[0]) / fps >= SHORTEST_STRETCH_S:
            found.append((max(int(first), int(spoken[0]) - margin), min(int(past), int(spoken[-1]) + 1 + margin)))
    return found


# ---- recordings ------------------------------------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Ears:
    """A network that is taught already, how common it finds each phone, and by how much it hears everything too late."""

    graph: Path
    prior: tuple[float, ...]
    late_s: float = 0.0

    def hear(self, audio: NDArray[np.int16]) -> tuple[NDArray[np.float64], float]:
        """Posteriors float64 [frames, phones.PHONES], and frames a second."""
        from a2f_addon.speech import audio as sound
        from a2f_addon.speech import model

        network = model.load(self.graph)
        blocks = iter([audio.astype(np.float32) / 32_768])
        _, speech = network.listen(sound.Recording("clip", RATE, 0.0, len(audio), blocks))
        order = [speech.phone_names.index(phone) for phone in phones.PHONES]
        return speech.phones[:, order].astype(np.float64), speech.fps


def prior(cache: Path) -> tuple[float, ...]:
    """How common each phone is, by time, in all that is labelled in the cache by the first pass."""
    seconds = Counter(dict.fromkeys(phones.PHONES, 1.0))
    for name in _first_pass(cache):
        for utterance in corpora.read_corpus(cache, name).utterances:
            for start, end, phone in utterance.phones:
                seconds[phone] += end - start
    total = sum(seconds.values())
    return tuple(seconds[phone] / total for phone in phones.PHONES)


def _first_pass(cache: Path) -> list[str]:
    """The corpora in the cache that were labelled without a network."""
    return sorted(set(corpora.names(cache)) - {source.corpus for source in SOURCES} - {"quiet"})


def lateness_s(cache: Path, ears: Ears) -> float:
    """By how much ears hear phones later than the first pass's labels have them, the median of its corpora, to a millisecond or so.

    What a network is late its labels would be late, and the network that they teach again: with nothing taken out it adds up.
    """
    found = []
    for name in _first_pass(cache):
        corpus = corpora.read_corpus(cache, name)
        step = max(1, len(corpus.utterances) // LISTENED_TO)
        agreed = sum((_agreed_at(utterance, *ears.hear(corpus.audio(utterance))) for utterance in corpus.utterances[::step]), np.zeros(len(SHIFTS_S)))
        if agreed.any():
            found.append(_peak(agreed))
    return float(np.median(found)) if found else 0.0


def _agreed_at(utterance: Utterance, posteriors: NDArray[np.float64], fps: float) -> Doubles:
    """The odds that ears give to the labels when they are read so much later, summed over the utterance, float64 [SHIFTS_S]."""
    times = np.arange(0.5 / LATENESS_HZ, utterance.duration_s, 1 / LATENESS_HZ)
    ends = np.array([end for _, end, _ in utterance.phones])
    rows = np.array([phones.PHONES.index(phone) for _, _, phone in utterance.phones])
    said = rows[np.minimum(np.searchsorted(ends, times, side="right"), len(rows) - 1)]
    places = (times + SHIFTS_S[:, None]) * fps - 0.5
    low = np.clip(np.floor(places).astype(int), 0, max(len(posteriors) - 2, 0))
    share = np.clip(places - low, 0, 1)
    high = np.minimum(low + 1, len(posteriors) - 1)
    return np.asarray(((1 - share) * posteriors[low, said] + share * posteriors[high, said]).sum(axis=1))


def _peak(agreed: Doubles) -> float:
    """Where a parabola through the greatest value and its neighbours has its top, in seconds."""
    top = int(np.clip(agreed.argmax(), 1, len(agreed) - 2))
    before, at, after = agreed[top - 1 : top + 2]
    bent = before - 2 * at + after
    return float(SHIFTS_S[top] + (SHIFTS_S[1] - SHIFTS_S[0]) * (0.5 * (before - after) / bent if bent < 0 else 0.0))


def label(source: Source, clip: Clip, *, ears: Ears) -> list[Recording] | str:
    """What of a clip could be labelled, or why nothing could."""
    audio = corpora.to_int16(corpora.read_audio(clip.path))
    try:
        words = source.words(clip, audio)
        if words is None:
            return "nobody knows what is said"
        posteriors, fps = ears.hear(audio)
        units, likelihood = chain(words.phones), scores(posteriors, np.array(ears.prior))
        path = best_path(likelihood, units)
        found = corpora.tidy(segments(path, likelihood, units, fps=fps, late_s=ears.late_s), duration_s=len(audio) / RATE)
        agreed = agreement(posteriors, path, units)
        if words.sure:
            if agreed[units.word[path] >= 0].mean() < AGREED_CLIP:
                return "ears and text do not agree"
            check(found, audio=audio, fps=fps)
            return [_recording(source, clip, *align.crop(audio, found))]
        pieces = [_cut(audio, found, first / fps, past / fps) for first, past in stretches(agreed, path, units, fps=fps, needed=words.agreed)]
        kept = [piece for piece in pieces if _is_sound(*piece, fps=fps)]
        return [_recording(source, clip, *piece, part=f"_{i}") for i, piece in enumerate(kept)] or "ears and words do not agree"
    except (AlignmentError, phones.UnknownPhoneError) as error:
        return re.sub(r"\d+", "N", str(error))


def _recording(source: Source, clip: Clip, audio: NDArray[np.int16], found: tuple[Segment, ...], part: str = "") -> Recording:
    return Recording(clip.id + part, clip.speaker, source.language(clip), source.licence, audio, found)


def _cut(audio: NDArray[np.int16], found: tuple[Segment, ...], start_s: float, end_s: float) -> tuple[NDArray[np.int16], tuple[Segment, ...]]:
    first, past = round(start_s * RATE), min(round(end_s * RATE), len(audio))
    reached = [segment for segment in found if segment[1] > start_s + 1e-3 and segment[0] < end_s - 1e-3]
    inside = [(max(start - start_s, 0.0), min(end, end_s) - start_s, phone) for start, end, phone in reached]
    return audio[first:past], corpora.tidy(inside, duration_s=(past - first) / RATE)


def check(found: tuple[Segment, ...], *, audio: NDArray[np.int16], fps: float) -> None:
    """Raise AlignmentError for labels as nobody speaks: many phones of a single frame, one that lasts too long, a pause that is loud."""
    lengths = [end - start for start, end, phone in found if phone != phones.SILENCE]
    if not lengths:
        raise AlignmentError("nothing but silence")
    if np.mean(np.array(lengths) < 1.3 / fps) > MOST_SINGLE:
        raise AlignmentError("many phones of a single frame")
    if max(lengths) > LONGEST_S:
        raise AlignmentError("a phone that lasts too long")
    if align.loud_pause_s(found, audio=audio) > align.LONGEST_LOUD_PAUSE_S:
        raise AlignmentError("a pause that is as loud as speech")


def _is_sound(audio: NDArray[np.int16], found: tuple[Segment, ...], *, fps: float) -> bool:
    try:
        check(found, audio=audio, fps=fps)
    except AlignmentError:
        return False
    return True


def _with_text(clip: Clip, audio: NDArray[np.int16]) -> Words | None:
    return read_aloud(clip.text, voice="de") if clip.text else None


def _told(clip: Clip, audio: NDArray[np.int16]) -> Words | None:
    return read_aloud(clip.text, voice=_language(clip))


def _written_down(clip: Clip, language: str) -> Words | None:
    """What a recogniser wrote, if it did."""
    return replace(read_aloud(clip.text, voice=ESPEAK_VOICES[language]), sure=False, agreed=AGREED_TRANSCRIPT) if clip.text else None


def _intent(clip: Clip, audio: NDArray[np.int16]) -> Words | None:
    return ordered(clip.text, audio) if clip.text.startswith("{") else _written_down(clip, "en")


def _guessed(clip: Clip, audio: NDArray[np.int16]) -> Words | None:
    return _written_down(clip, "en") or recognised(audio)


def _wake_word(clip: Clip, audio: NDArray[np.int16]) -> Words | None:
    word, language = clip.id.split("__")[:2]
    said = {"heycomputer": "hey computer", "heychatterbox": "hey chatterbox", "heysavant": "hey savant"}.get(word, word)
    if word == "not-wake-words" or language not in ("en", "en-us", "wake-word"):
        return None
    return Words(spelled(align.words(said)).phones, sure=True)


def _language(clip: Clip) -> str:
    return clip.speaker.split("_")[0]


@lru_cache(maxsize=1)
def _texts(folder: Path) -> dict[str, str]:
    """What the voices of each language say: the table gives it for one voice or more of a language, and lists speakers for the others."""
    found: dict[str, str] = {}
    for clip in corpora.clips(folder):
        if len(clip.text) > 60 and re.search(r"[.:,]", clip.text) and not re.fullmatch(r"[\w ]+", clip.text):
            found.setdefault(_language(clip), clip.text)
    return found


def _rainbow(clip: Clip, audio: NDArray[np.int16]) -> Words | None:
    language = _language(clip)
    text = _texts(clip.path.parents[1]).get(language)
    return read_aloud(text, voice=ESPEAK_VOICES[language]) if text and language in ESPEAK_VOICES else None


def _letters(clip: Clip, audio: NDArray[np.int16]) -> Words:
    return replace(read_aloud(clip.text, voice=letters.VOICES[clip.speaker]), sure=False, agreed=AGREED_LETTER)


def _prompts(name: str) -> Source:
    language = name.split("_")[1]
    return Source(name, name, prompts.LICENCE, lambda clip: language, lambda clip, audio: _written_down(clip, language))


SOURCES = (
    Source("de_kerstin", "de_kerstin", "CC0-1.0", lambda clip: "de", _with_text),
    Source("neural_voices", "neural_world", "CC-BY-SA-4.0", _language, _rainbow),
    Source("en_coffee_orders", "en_coffee_orders", "Apache-2.0", lambda clip: "en", _intent),
    Source("precise_community", "precise_community", "CC0-1.0", lambda clip: "en", _wake_word),
    Source("en_librispeech_clean", "en_librispeech_clean", "CC-BY-4.0", lambda clip: "en", _guessed),
    Source(kokoro.NAME, kokoro.NAME, kokoro.LICENCE, _language, _told),
    Source(letters.NAME, letters.NAME, letters.LICENCE, _language, _letters),
    *(_prompts(name) for name in prompts.VOICES),
)


def _labelled(task: tuple[int, Clip, Ears]) -> list[Recording] | str:
    number, clip, ears = task
    return label(SOURCES[number], clip, ears=ears)


def make(
    cache: Path,
    *,
    corpora_folder: Path,
    gathered: Path,
    transcripts: Path,
    graph: Path,
    workers: int = 2,
    progress: corpora.Progress = lambda done, what: None,
) -> dict[str, Counter[str]]:
    """Label with a taught network what the first pass could not. Returns what was left out and why, by corpus; a folder that is not there is passed.

    gathered: further folders of recordings; transcripts: what was written down of folders without a text, FOLDER.jsonl each. graph: the ONNX file
    that listens. Raises ModelError for one that cannot be used.
    """
    ears = Ears(graph, prior(cache))
    ears = replace(ears, late_s=lateness_s(cache, ears))
    taught_by = hashlib.sha256(graph.read_bytes()).hexdigest()
    dropped: dict[str, Counter[str]] = {}
    for number, source in enumerate(SOURCES):
        folder = next((place / source.folder for place in (corpora_folder, gathered) if (place / source.folder).is_dir()), None)
        if folder is None:
            continue
        written = transcribe.texts(transcripts / f"{source.folder}.jsonl")
        code = corpora.source_of(__file__, align.__file__, corpora.__file__, phones.__file__)
        made_from = corpora.fingerprint(corpora.folder_state(folder), sorted(written.items()), code, taught_by, ears.prior, corpora.held_out_text())
        if corpora.is_current(cache, source.corpus, made_from):
            continue
        clips = [replace(clip, text=written.get(clip.id, clip.text)) for clip in corpora.clips(folder)]
        dropped[source.corpus] = _make(cache, number, clips, ears=ears, made_from=made_from, workers=workers, progress=progress)
    return dropped


def _make(cache: Path, number: int, clips: Sequence[Clip], *, ears: Ears, made_from: str, workers: int, progress: corpora.Progress) -> Counter[str]:
    dropped = Counter[str]()

    def kept(results: Iterable[list[Recording] | str]) -> Iterator[Recording]:
        for done, result in enumerate(results):
            if isinstance(result, str):
                dropped[result] += 1
            else:
                yield from result
            progress(done / max(1, len(clips)), SOURCES[number].corpus)

    with ProcessPoolExecutor(workers) as pool:
        results = pool.map(_labelled, ((number, clip, ears) for clip in clips), chunksize=4)
        corpora.write_corpus(cache, SOURCES[number].corpus, kept(results), made_from=made_from)
    return dropped
