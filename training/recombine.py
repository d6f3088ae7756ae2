"""Speech put together anew from pieces of the same speaker's: words that nobody has said, and so none that a network could know by heart.

Corpora repeat themselves: six wake words, orders of coffee, one text that hundreds of voices read. A network that looks four seconds around learns
what follows what, and in a language or a sentence that it never met it hears the words that it expected. So clips are cut in the middle of vowels and
go on in the same vowel of the same speaker at another place, as a voice of unit selection does (Hunt and Black, "Unit selection in a concatenative
speech synthesis system using a large speech database", 1996): each sound keeps its neighbours and its moment, only the words are new.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from training import phones
from training.corpora import RATE, Corpus

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from training.augment import Labelled

    Floats = NDArray[np.float32]
    Halves = NDArray[np.float16]
    Indices = NDArray[np.int64]
    Ids = NDArray[np.uint8]

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
"""Samples to either side of a joint over which one piece gives way to the next."""
SHIFT = STEP // 2
"""Samples by which a joint may be moved so that periods meet; half a label."""
BLEND = 2
"""Labels to either side of a joint over which the curves give way."""

SIL = phones.PHONES.index(phones.SILENCE)
VOWELS = np.array([phone in phones.VOWELS for phone in phones.PHONES])


class Piece(NamedTuple):
    """Labels [first, past) of an utterance, and whether it goes on where the piece before it ends (or begins after a pause)."""

    utterance: int
    first: int
    past: int
    goes_on: bool


class Joints:
    """Where a corpus can be cut: the middles of its vowels, by speaker and vowel."""

    def __init__(self, labelled: Labelled) -> None:
        self._labelled = labelled
        ids, first, utterances = labelled.phones, labelled.first, labelled.corpus.utterances
        speakers = {name: number for number, name in enumerate(sorted({utterance.speaker for utterance in utterances}))}
        self._speaker = np.array([speakers[utterance.speaker] for utterance in utterances])
        starts = np.union1d(np.flatnonzero(np.diff(ids.astype(np.int16), prepend=-1)), first[:-1][np.diff(first) > 0]).astype(np.int64)
        past = np.append(starts[1:], len(ids))
        vowel = VOWELS[ids[starts]] & (past - starts >= SHORTEST_VOWEL)
        self._place = (starts[vowel] + past[vowel]) // 2
        self._utterance = np.searchsorted(first, self._place, side="right") - 1
        self._key = self._speaker[self._utterance] * len(phones.PHONES) + ids[self._place]
        self._by_key = np.argsort(self._key, kind="stable")
        self._sorted = self._key[self._by_key]

    def clip(self, rng: np.random.Generator, samples: int) -> tuple[Floats, Ids, Halves]:
        """So many samples of one speaker put together anew, float32, and their labels: phones uint8 [labels], curves float16 [labels, channels]."""
        length = round(samples / STEP)
        return put_together(self._labelled, self.walk(rng, length), samples=samples)

    def walk(self, rng: np.random.Generator, length: int) -> list[tuple[int, Piece]]:
        """Pieces of one speaker and the labels at which they begin, as many as fill `length` labels."""
        row = int(rng.integers(len(self._speaker)))
        own = np.flatnonzero(self._speaker == self._speaker[row])
        begins = self._labelled.first
        at = int(begins[row]) + int(rng.integers(max(1, begins[row + 1] - begins[row])))
        walked: list[tuple[int, Piece]] = []
        goes_on, filled = False, 0
        while filled < length:
            joint = self._next(row, at + int(rng.integers(*PIECE)))
            past = int(begins[row + 1] if joint is None else self._place[joint])
            walked.append((filled, Piece(row, at - int(begins[row]), past - int(begins[row]), goes_on)))
            filled += past - at
            if joint is None:
                row, goes_on, filled = int(rng.choice(own)), False, filled + int(rng.integers(*PAUSE))
                at = int(begins[row])
            else:
                chosen = self._best(joint, self._alike(rng, joint))
                row, at, goes_on = int(self._utterance[chosen]), int(self._place[chosen]), True
        return walked

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
        return around(self._labelled.corpus, row, label=int(self._place[joint] - self._labelled.first[row]), reach=reach)


def around(corpus: Corpus, utterance: int, *, label: int, reach: int) -> Floats:
    """The samples about a label's beginning, `reach` to either side, float32 [2 * reach]; beyond the utterance there is silence."""
    audio = corpus.audio(corpus.utterances[utterance])
    middle = label * STEP
    piece = audio[max(0, middle - reach) : middle + reach].astype(np.float32) / 32_768
    before = max(0, reach - middle)
    return np.pad(piece, (before, 2 * reach - before - len(piece)))


def _likeness(before: Floats, after: Floats) -> Floats:
    """The correlation, -1 to 1, of one sound with another that is longer, at every shift: float32 [shifts]."""
    power = np.convolve(np.square(after), np.ones(len(before), np.float32), "valid")
    return np.asarray(np.correlate(after, before, "valid") / np.sqrt(np.maximum(power * np.square(before).sum(), 1e-9)), np.float32)


def put_together(labelled: Labelled, walked: Sequence[tuple[int, Piece]], *, samples: int) -> tuple[Floats, Ids, Halves]:
    """The sound of pieces that begin at the labels given, so many samples of it, and its labels; see :meth:`Joints.clip`."""
    corpus, first, length = labelled.corpus, labelled.first, round(samples / STEP)
    sound, seen = np.zeros(samples, np.float32), np.zeros((length, labelled.curves.shape[1]), np.float16)
    said = np.full(length, SIL, np.uint8)
    shift = 0
    for number, (at, piece) in enumerate(walked):
        if at >= length:
            break
        begun = int(first[piece.utterance]) + piece.first
        count = min(piece.past - piece.first, length - at)
        said[at : at + count], seen[at : at + count] = labelled.phones[begun : begun + count], labelled.curves[begun : begun + count]
        if piece.goes_on:
            before = walked[number - 1][1]
            shift = _shift(corpus, before, piece, shift=shift)
            _blend(seen, labelled.curves, at=at, ended=int(first[before.utterance]) + before.past, begun=begun)
        else:
            shift = 0
        _add(sound, corpus, piece, at=at, shift=shift)
    return sound, said, seen


def _shift(corpus: Corpus, before: Piece, after: Piece, *, shift: int) -> int:
    """By how many samples the next piece is taken later for its periods to go on those before it, which were taken `shift` later."""
    ending = around(corpus, before.utterance, label=before.past, reach=FADE + SHIFT)[SHIFT + shift :][: 2 * FADE]
    return int(_likeness(ending, around(corpus, after.utterance, label=after.first, reach=FADE + SHIFT)).argmax()) - SHIFT


def _add(sound: Floats, corpus: Corpus, piece: Piece, *, at: int, shift: int) -> None:
    """Add a piece, faded in where it goes on another, and with an end that fades out beyond its own, for the next one to come in over."""
    audio = corpus.audio(corpus.utterances[piece.utterance])
    early = FADE if piece.goes_on else 0
    begin, place, past = piece.first * STEP + shift - early, at * STEP - early, piece.past * STEP + shift + FADE
    own = audio[begin : min(past, begin + len(sound) - place)].astype(np.float32) / 32_768
    ramp = (np.arange(2 * FADE, dtype=np.float32) + 0.5) / (2 * FADE)
    if piece.goes_on:
        own[: 2 * FADE] *= ramp[: len(own)]
    if past <= len(audio):
        ending = own[max(0, past - 2 * FADE - begin) :]
        ending *= ramp[::-1][: len(ending)]
    sound[place : place + len(own)] += own


def _blend(seen: Halves, curves: Halves, *, at: int, ended: int, begun: int) -> None:
    """Curves about a joint at `at` as a mixture of both sides: among all labels one piece ended at `ended` and the next one began at `begun`."""
    near = np.arange(-BLEND, BLEND)
    near = near[(at + near >= 0) & (at + near < len(seen)) & (begun + near < len(curves)) & (ended + near < len(curves))]
    share = ((near + BLEND + 0.5) / (2 * BLEND))[:, None]
    seen[at + near] = (1 - share) * curves[ended + near] + share * curves[begun + near]
