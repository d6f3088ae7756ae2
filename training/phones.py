"""The phone set that the model is taught, and the ways into it from every labeller that the corpora use.

The set is ARPABET's 39 phones (the Carnegie Mellon dictionary's, without stress) with ``sil`` before them, and after them the few that other
languages need because the lips or the ear tell them apart. The rest is mapped to its nearest neighbour: a retroflex d is D, a nasal vowel its
oral vowel.

Every way in returns a tuple, since some symbols of other sets are two phones of ours (German ``pf`` is P and F).
"""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable

SILENCE = "sil"

_ARPABET_VOWELS = ("AA", "AE", "AH", "AO", "AW", "AY", "EH", "ER", "EY", "IH", "IY", "OW", "OY", "UH", "UW")
_ARPABET_STOPS = ("P", "B", "T", "D", "K", "G", "CH", "JH")
_ARPABET_FRICATIVES = ("F", "V", "TH", "DH", "S", "Z", "SH", "ZH", "HH")
_ARPABET_SONORANTS = ("M", "N", "NG", "L", "R", "W", "Y")

ARPABET: tuple[str, ...] = tuple(sorted((*_ARPABET_VOWELS, *_ARPABET_STOPS, *_ARPABET_FRICATIVES, *_ARPABET_SONORANTS)))

#: UE and OE are the close and the mid front rounded vowels, X the back fricatives, RR the r that does not round the lips (tap, trill),
#: Q the glottal stop.
FOREIGN = ("UE", "OE", "X", "RR", "Q")

PHONES: tuple[str, ...] = (SILENCE, *ARPABET, *FOREIGN)

_SHAPED: dict[str, tuple[str, ...]] = {
    "closed": ("P", "B", "M"),
    "labiodental": ("F", "V"),
    "rounded": ("UW", "OW", "UH", "W", "AO", "OY", "UE", "OE"),
    "open": ("AA", "AE", "AH", "AY", "AW", "EH"),
    "silence": (SILENCE,),
}

#: What the lips do, as it is scored: every phone stands in exactly one class. "spread" is what remains: IY and the vowels near it, which spread the
#: lips, and every consonant that leaves them to its neighbours. The name is in the metadata of graphs that are out.
CLASSES: dict[str, tuple[str, ...]] = {
    **_SHAPED,
    "spread": tuple(phone for phone in PHONES if not any(phone in phones for phones in _SHAPED.values())),
}

CLASS_OF: dict[str, str] = {phone: name for name, phones in CLASSES.items() for phone in phones}

VOWELS: frozenset[str] = frozenset((*_ARPABET_VOWELS, "UE", "OE"))


class UnknownPhoneError(ValueError):
    """A labeller used a symbol that no table of this module holds."""

    def __init__(self, symbol: str, labeller: str) -> None:
        super().__init__(f"The {labeller} symbol '{symbol}' has no phone in training/phones.py; add it to that table.")
        self.symbol = symbol


_ARPABET_VARIANTS: dict[str, tuple[str, ...]] = {
    "AX": ("AH",),
    "AXR": ("ER",),
    "IX": ("IH",),
    "UX": ("UW",),
    "DX": ("D",),
    "NX": ("N",),
    "HV": ("HH",),
    "EL": ("AH", "L"),
    "EM": ("AH", "M"),
    "EN": ("AH", "N"),
    "OH": ("AO",),
    "TR": ("T", "R"),
}

#: Of an empty name espeak-ng makes two things: its pauses, and here and there a glide of some milliseconds, too short to matter.
_SILENCES = frozenset({"", "sil", "pau", "h#", "#", "brth", "ssil", "<sil>", "_", "_:", "sp", "++noise++", "+spn+", "+nsn+"})

_IPA: dict[str, tuple[str, ...]] = {
    symbol: tuple(phones.split())
    for phones, symbols in {
        # Consonants.
        "P": "p",
        "B": "b ɓ",
        "M": "m",
        "F": "f ɸ",
        "V": "v ʋ β ⱱ ɱ",
        "W": "w ʍ ɥ",
        "T": "t ʈ c",
        "D": "d ɖ ɟ ɗ ʄ",
        "K": "k q",
        "G": "ɡ g ɢ ɠ",
        "TH": "θ",
        "DH": "ð",
        "S": "s",
        "Z": "z",
        "SH": "ʃ ʂ ɕ ɧ sx",
        "ZH": "ʒ ʐ ʑ",
        "X": "x χ ɣ ʁ ʀ ħ ʕ ç ɰ ʝ",
        "HH": "h ɦ",
        "Q": "ʔ",
        "N": "n ɳ ɲ",
        "NG": "ŋ ɴ",
        "L": "l ɭ ʎ ɫ ʟ ɬ ɮ",
        "R": "ɹ ɻ",
        "RR": "r ɾ ɽ ɺ",
        "Y": "j",
        "CH": "tʃ tɕ ʈʂ tʂ ts.h ts.",
        "JH": "dʒ dʑ ɖʐ dʐ dz.",
        "T S": "ts",
        "D Z": "dz",
        "P F": "pf",
        "K S": "ks",
        # Single vowels; a language's plain `a` is an open jaw whichever way the tongue goes.
        "IY": "i",
        "IH": "ɪ ɨ ɯ ɯᵝ i. ᵻ",
        "EY": "e eɪ ei",
        "EH": "ɛ",
        "AE": "æ",
        "AA": "a ɑ ä ɐ̃ ã",
        "AO": "ɔ ɒ",
        "OW": "o oʊ əʊ ou",
        "AO R": "oɹ",
        "UH": "ʊ ɵ",
        "UW": 'u ʉ u"',
        "AH": "ʌ ə ɐ ɤ ɘ ɞ",
        "ER": "ɜ ɚ ɝ",
        "UE": "y ʏ",
        "OE": "ø œ ɶ",
        # Diphthongs that are one phone here; any other is split into its two vowels.
        "AY": "aɪ ai ɑɪ aj",
        "AW": "aʊ au ɑu ɑʊ",
        "OY": "ɔɪ ɔi ɔø oɪ ɔʏ",
    }.items()
    for symbol in symbols.split()
}

#: The symbols of festival's voices, by language: each phone of ours and what stands for it there. Length is written with a colon and left out.
_FESTIVAL_PLAIN = {letter.upper(): letter for letter in "bdfgklmnpstvwz"} | {"Y": "j", "RR": "r", SILENCE: "# ##"}
_FESTIVAL_OWN: dict[str, dict[str, str]] = {
    "it": {
        "IY": "i i1",
        "EY": "e e1",
        "EH": "E E1",
        "AA": "a a1",
        "AO": "O O1",
        "OW": "o o1",
        "UW": "u u1",
        "SH": "S",
        "ZH": "Z",
        "T S": "ts",
        "D Z": "dz",
        "CH": "tS",
        "JH": "dZ",
        "NG": "ng",
        "N": "n J",
        "L": "l L",
        "V": "v nf",
    },
    "cs": {
        "IY": "i",
        "EH": "e",
        "AA": "a",
        "OW": "o",
        "UW": "u",
        "T S": "c",
        "D Z": "dz",
        "CH": "c~",
        "JH": "dz~",
        "X": "ch",
        "HH": "h",
        "Q": "_",
        "D": "d d~",
        "T": "t t~",
        "N": "n n~",
        "NG": "n*",
        "SH": "s~ r~*",
        "ZH": "z~ r~",
    },
    "fi": {
        "IY": "i",
        "EY": "e",
        "AE": "@",
        "AA": "a",
        "OW": "o",
        "OE": "7",
        "UW": "u",
        "UE": "y",
        "HH": "h",
        "NG": "N",
        "SH": "S",
        "ZH": "Z",
        "TH": "T",
        "DH": "D",
        "L": "l L",
    },
}
_FESTIVAL: dict[str, dict[str, tuple[str, ...]]] = {
    language: {symbol: tuple(spoken.split()) for spoken, symbols in (_FESTIVAL_PLAIN | own).items() for symbol in symbols.split()}
    for language, own in _FESTIVAL_OWN.items()
}

#: Stress, length, tie, breath, palatalisation and tone do not move the lips by themselves.
_IPA_IGNORED = frozenset("ˈˌːˑ:͡ʰʲˠˤˀ̩̯ᵝ˞ʷ'.|̟̠̥̬̪̝̞̈̃ⁿ5123467;-")


def from_arpabet(label: str) -> tuple[str, ...]:
    """Phones of a label of the Carnegie Mellon dictionary, pocketsphinx, flite or festival's radio set; stress digits and case do not matter.

    Raises UnknownPhoneError.
    """
    if label.lower() in _SILENCES:
        return (SILENCE,)
    name = label.upper().rstrip("012")
    if name in ARPABET:
        return (name,)
    try:
        return _ARPABET_VARIANTS[name]
    except KeyError:
        raise UnknownPhoneError(label, "ARPABET") from None


def from_festival(symbol: str, *, language: str) -> tuple[str, ...]:
    """Phones of a label of one of festival's voices; a mark of length does not matter. Raises UnknownPhoneError."""
    if language == "en":
        return from_arpabet(symbol)
    try:
        return _FESTIVAL[language][symbol.rstrip(":")]
    except KeyError:
        raise UnknownPhoneError(symbol, f"{language} of festival") from None


def from_ipa(symbol: str, *, language: str = "") -> tuple[str, ...]:
    """Phones of an IPA symbol, as espeak-ng names its phoneme events and Kaldi its Dutch phones; diacritics are dropped, strings of vowels split.

    `language` decides what a tap is: in English a D (`butter`), elsewhere an r. Returns an empty tuple for a symbol that is a diacritic alone: the
    time belongs to the phone before. Raises UnknownPhoneError.
    """
    if symbol.lower() in _SILENCES:
        return (SILENCE,)
    if symbol in _IPA:
        return _english_tap(_IPA[symbol], symbol, language)
    bare = "".join(mark for mark in unicodedata.normalize("NFD", symbol) if mark not in _IPA_IGNORED)
    bare = bare.replace("c\u0327", "ç")
    if bare in _IPA:
        return _english_tap(_IPA[bare], bare, language)
    return tuple(phone for part in _split(bare, whole=symbol) for phone in _english_tap(_IPA[part], part, language))


def _english_tap(phones: tuple[str, ...], symbol: str, language: str) -> tuple[str, ...]:
    return ("D",) if symbol == "ɾ" and language.startswith("en") else phones


def _split(bare: str, *, whole: str) -> Iterable[str]:
    """Known pieces of a string of symbols, the longest first, from left to right."""
    while bare:
        piece = next((bare[:length] for length in (3, 2, 1) if bare[:length] in _IPA), None)
        if piece is None:
            raise UnknownPhoneError(whole, "IPA")
        yield piece
        bare = bare[len(piece) :]


def spread_over(phones: tuple[str, ...], *, start_s: float, end_s: float) -> list[tuple[float, float, str]]:
    """Segments of equal length for the phones that one symbol stood for, from `start_s` to `end_s`."""
    step = (end_s - start_s) / max(1, len(phones))
    return [(start_s + i * step, start_s + (i + 1) * step, phone) for i, phone in enumerate(phones)]
