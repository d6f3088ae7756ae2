from __future__ import annotations

import pytest

from training import phones


def test_every_phone_stands_in_exactly_one_class() -> None:
    listed = [phone for members in phones.CLASSES.values() for phone in members]
    assert sorted(listed) == sorted(phones.PHONES)
    assert set(phones.CLASSES) == {"closed", "labiodental", "rounded", "open", "spread", "silence"}
    assert phones.PHONES[0] == phones.SILENCE


def test_every_way_in_ends_in_the_set() -> None:
    for table in (phones._IPA, phones._ARPABET_VARIANTS):
        for symbol, mapped in table.items():
            assert mapped and set(mapped) <= set(phones.PHONES), symbol


@pytest.mark.parametrize(
    ("label", "expected"),
    [("AH0", ("AH",)), ("pau", ("sil",)), ("hh", ("HH",)), ("axr", ("ER",)), ("el", ("AH", "L")), ("SIL", ("sil",))],
)
def test_arpabet_in_the_spellings_of_the_engines(label: str, expected: tuple[str, ...]) -> None:
    assert phones.from_arpabet(label) == expected


@pytest.mark.parametrize(
    ("symbol", "expected"),
    [
        ("ˈiː", ("IY",)),
        ("pf", ("P", "F")),
        ("ts", ("T", "S")),
        ("t͡ʃ", ("CH",)),
        ("bʲ", ("B",)),
        ("ɔ̃", ("AO",)),
        ("œy", ("OE", "UE")),
        ("ɛi", ("EH", "IY")),
        ("ɑu", ("AW",)),
        ("ç", ("X",)),
        ("ʲ", ()),
        ("SIL", ("sil",)),
    ],
)
def test_ipa_of_other_languages(symbol: str, expected: tuple[str, ...]) -> None:
    assert phones.from_ipa(symbol) == expected


def test_a_tap_is_a_d_in_english_and_an_r_elsewhere() -> None:
    assert phones.from_ipa("ɾ", language="en-us") == ("D",)
    assert phones.from_ipa("ɾ", language="es") == ("RR",)


def test_lips_that_seal_are_kept_apart_from_all_others() -> None:
    sealed = {symbol for symbol, mapped in phones._IPA.items() if set(mapped) & set(phones.CLASSES["closed"])}
    assert sealed == {"p", "b", "ɓ", "m", "pf"}


@pytest.mark.parametrize("way", [phones.from_arpabet, phones.from_ipa])
def test_an_unknown_symbol_is_named(way) -> None:
    with pytest.raises(phones.UnknownPhoneError, match="'☃'"):
        way("☃")


def test_a_symbol_of_two_phones_shares_its_time_evenly() -> None:
    assert phones.spread_over(("P", "F"), start_s=1.0, end_s=1.5) == [(1.0, 1.25, "P"), (1.25, 1.5, "F")]
