"""Speech put together anew from pieces of the same speaker's: words that nobody has said, and so none that a network could know by heart.

Corpora repeat themselves: six wake words, orders of coffee, one text that hundreds of voices read. A network that looks four seconds around learns
what follows what, and in a language or a sentence that it never met it hears the words that it expected. So clips are cut in the middle of vowels and
go on in the same vowel of the same speaker at another place, as a voice of unit selection does (Hunt and Black, "Unit selection in a concatenative
speech synthesis system using a large speech database", 1996): each sound keeps its neighbours and its moment, only the words are new.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from training import phones
from training.corpora import RATE, Corpus

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]
    Indices = NDArray[np.int64]

LABEL_HZ = 100.0
"""Labels are counted in hundredths of a second, as those of clips are."""
STEP = round(RATE / LABEL_HZ)
SHORTEST_VOWEL = 7
"""Labels; in a shorter one the neighbours on both sides would be heard at the joint."""
PIECE = (12, 90)
"""Labels that a piece lasts at least, drawn anew for each."""
PAUSE = (5, 60)
"""Labels between one utterance's end and the next one's beginning."""
CANDIDATES = 6
"""Joints that are listened to: the one whose waves go on best is taken."""
FADE = STEP
"""Samples over which one piece gives way to the next."""
SHIFT = STEP // 2
"""Samples by which a joint may be moved so that periods meet; half a label."""
BLEND = 2
"""Labels to either side of a joint over which the curves give way."""

VOWELS = np.array([phone in phones.VOWELS for phone in phones.PHONES])


class Piece(NamedTuple):
    """Labels [first, past) of an utterance, and whether it goes on where the piece before it ends (or begins after a pause)."""

    utterance: int
    first: int
    past: int
    goes_on: bool


class Joints:
    """Where a corpus can be cut: the middles of its vowels, by speaker and vowel.

    first: int64 [utterances + 1], where the labels of each utterance begin.
    """

    def __init__(self, corpus: Corpus, ids: NDArray[np.uint8], first: Indices) -> None:
        self._corpus, self._first = corpus, first
        speakers = {name: number for number, name in enumerate(sorted({utterance.speaker for utterance in corpus.utterances}))}
        self._speaker = np.array([speakers[utterance.speaker] for utterance in corpus.utterances])
        starts = np.flatnonzero(np.diff(ids.astype(np.int16), prepend=-1)) if len(ids) else np.zeros(0, np.int64)
        starts = np.union1d(starts, first[:-1][np.diff(first) > 0])
        past = np.append(starts[1:], len(ids))
        vowel = VOWELS[ids[starts]] & (past - starts >= SHORTEST_VOWEL)
        self._place = (starts[vowel] + past[vowel]) // 2
        self._utterance = np.searchsorted(first, self._place, side="right") - 1
        self._key = self._speaker[self._utterance] * len(phones.PHONES) + ids[self._place]
        order = np.argsort(self._key, kind="stable")
        self._by_key, self._sorted = order, self._key[order]

    def walk(self, rng: np.random.Generator, length: int) -> list[Piece]:
        """Pieces of one speaker that together, with the pauses, last at least `length` labels."""
        row = int(rng.integers(len(self._speaker)))
        own = np.flatnonzero(self._speaker == self._speaker[row])
        at = self._first[row] + int(rng.integers(max(1, self._first[row + 1] - self._first[row])))
        pieces: list[Piece] = []
        goes_on, lasted = False, 0
        while lasted < length:
            joint = self._next(row, at + int(rng.integers(*PIECE)))
            past = self._first[row + 1] if joint is None else self._place[joint]
            pieces.append(Piece(row, int(at - self._first[row]), int(past - self._first[row]), goes_on))
            lasted += int(past - at)
            if joint is None:
                row, goes_on, lasted = int(rng.choice(own)), False, lasted + PAUSE[0]
                at = self._first[row]
            else:
                chosen = self._best(joint, self._alike(rng, joint))
                row, at, goes_on = int(self._utterance[chosen]), self._place[chosen], True
        return pieces

    def _next(self, row: int, least: int) -> int | None:
        """The first joint of an utterance from a label on, if there is one."""
        joint = int(np.searchsorted(self._place, least))
        return joint if joint < len(self._place) and self._utterance[joint] == row else None

    def _alike(self, rng: np.random.Generator, joint: int) -> Indices:
        """A few joints in the same vowel of the same speaker; the joint itself is one of them where there is hardly any other."""
        low, high = np.searchsorted(self._sorted, [self._key[joint], self._key[joint] + 1])
        return self._by_key[rng.integers(low, high, size=CANDIDATES)]

    def _best(self, joint: int, others: Indices) -> int:
        """The one of the others whose wave is most like the joint's."""
        before = self._sound(joint, FADE)
        return int(others[int(np.argmax([_likeness(before, self._sound(int(other), FADE + SHIFT)).max() for other in others]))])

    def _sound(self, joint: int, reach: int) -> Floats:
        """The samples about a joint, `reach` to either side, float32."""
        row = int(self._utterance[joint])
        return around(self._corpus, row, int(self._place[joint] - self._first[row]), reach)


def around(corpus: Corpus, utterance: int, label: int, reach: int) -> Floats:
    """The samples about a label's beginning, `reach` to either side, float32 [2 * reach]; beyond the utterance there is silence."""
    audio = corpus.audio(corpus.utterances[utterance])
    middle = label * STEP
    piece = audio[max(0, middle - reach) : middle + reach].astype(np.float32) / 32_768
    return np.pad(piece, (max(0, reach - middle), 2 * reach - len(piece) - max(0, reach - middle)))


def _likeness(before: Floats, after: Floats) -> Floats:
    """The correlation, -1 to 1, of one sound with another that is longer, at every shift: float32 [shifts]."""
    power = np.convolve(np.square(after), np.ones(len(before), np.float32), "valid")
    return np.asarray(np.correlate(after, before, "valid") / np.sqrt(np.maximum(power * np.square(before).sum(), 1e-9)), np.float32)


def put_together(
    corpus: Corpus, labels: tuple[NDArray[np.uint8], NDArray[np.float16]], first: Indices, pieces: Sequence[Piece], rng: np.random.Generator, samples: int
) -> tuple[Floats, NDArray[np.uint8], NDArray[np.float16]]:
    """So many samples of the pieces one after the other, float32, and their labels: phones uint8 [labels] and curves float16 [labels, channels]."""
    ids, curves = labels
    length = round(samples / STEP)
    sound, seen = np.zeros(samples, np.float32), np.zeros((length, curves.shape[1]), np.float16)
    said = np.full(length, phones.PHONES.index(phones.SILENCE), np.uint8)
    at, shift = 0, 0
    for number, piece in enumerate(pieces):
        if number and not piece.goes_on:
            at, shift = at + int(rng.integers(*PAUSE)), 0
        if at >= length:
            break
        if piece.goes_on:
            shift = _shift(corpus, pieces[number - 1], piece, shift)
        count = min(piece.past - piece.first, length - at)
        rows = slice(first[piece.utterance] + piece.first, first[piece.utterance] + piece.first + count)
        said[at : at + count], seen[at : at + count] = ids[rows], curves[rows]
        if piece.goes_on:
            before = pieces[number - 1]
            _blend(seen, curves, at, ended=first[before.utterance] + before.past, begun=first[piece.utterance] + piece.first)
        _add(sound, corpus, piece, at=at, shift=shift)
        at += count
    return sound, said, seen


def _shift(corpus: Corpus, before: Piece, after: Piece, shift: int) -> int:
    """By how many samples the next piece is taken later for its periods to go on those before it, which were taken `shift` later."""
    ending = around(corpus, before.utterance, before.past, FADE + SHIFT)[SHIFT + shift :][: 2 * FADE]
    return int(_likeness(ending, around(corpus, after.utterance, after.first, FADE + SHIFT)).argmax()) - SHIFT


def _add(sound: Floats, corpus: Corpus, piece: Piece, *, at: int, shift: int) -> None:
    """Add a piece, faded in where it goes on another, and with an end that fades out beyond its own, for the next one to come in over."""
    audio = corpus.audio(corpus.utterances[piece.utterance])
    begin = piece.first * STEP + shift - (FADE if piece.goes_on else 0)
    place = at * STEP - (FADE if piece.goes_on else 0)
    end = min(piece.past * STEP + shift + FADE, len(audio), begin + len(sound) - place)
    begin, place = max(begin, 0), place + max(-begin, 0)
    own = audio[begin:end].astype(np.float32) / 32_768
    ramp = (np.arange(2 * FADE, dtype=np.float32) + 0.5) / (2 * FADE)
    if piece.goes_on:
        own[: 2 * FADE] *= ramp[: len(own)]
    if piece.past * STEP + shift + FADE <= len(audio):
        ending = own[max(0, piece.past * STEP + shift - FADE - begin) :]
        ending *= ramp[::-1][: len(ending)]
    sound[place : place + len(own)] += own


def _blend(seen: NDArray[np.float16], curves: NDArray[np.float16], at: int, *, ended: int, begun: int) -> None:
    """Curves about a joint at `at` as a mixture of both sides: among all labels one piece ended at `ended` and the next one began at `begun`."""
    near = np.arange(-BLEND, BLEND)
    near = near[(at + near >= 0) & (at + near < len(seen)) & (begun + near < len(curves)) & (ended + near < len(curves))]
    share = ((near + BLEND + 0.5) / (2 * BLEND))[:, None]
    seen[at + near] = (1 - share) * curves[ended + near] + share * curves[begun + near]
