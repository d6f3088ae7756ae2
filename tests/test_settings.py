from __future__ import annotations

import math
from dataclasses import FrozenInstanceError, dataclass
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2f_addon import settings
from a2f_addon.errors import SettingError
from a2f_addon.job import Motion


@dataclass(frozen=True)
class Kettle:
    """A settings class like those of the stages."""

    on: bool = settings.option(True, "Heat", flag="heat")
    litres: float = settings.option(1.5, "How much water", minimum=0.1, maximum=2.0, unit="l")
    cups: int = settings.option(4, "For how many", minimum=1)
    tea: str = settings.option("green", "What for")
    where: str = settings.option("hob", "Where it stands", choices=("hob", "fire"))

    def __post_init__(self) -> None:
        settings.check(self)


@dataclass(frozen=True)
class Kitchen:
    """One that holds another."""

    kettle: Kettle = settings.group(Kettle)


def test_every_setting_is_listed_once_in_order_under_a_flat_name_and_a_flag() -> None:
    found = settings.options(Kitchen)
    assert [item.name for item in found] == ["kettle_on", "kettle_litres", "kettle_cups", "kettle_tea", "kettle_where"]
    assert [item.flag for item in found] == ["heat", "kettle-litres", "kettle-cups", "kettle-tea", "kettle-where"]
    litres = found[1]
    assert (litres.type, litres.default, litres.unit, litres.minimum, litres.maximum) == (float, 1.5, "l", 0.1, 2.0)


@given(st.booleans(), st.floats(0.1, 2.0), st.integers(1, 99), st.text())
def test_flat_names_and_values_make_the_same_settings_again(on: bool, litres: float, cups: int, tea: str) -> None:
    kitchen = Kitchen(Kettle(on, litres, cups, tea))
    assert settings.build(Kitchen, settings.flat(kitchen)) == kitchen


def test_what_is_not_given_keeps_its_default() -> None:
    assert settings.build(Kitchen, {"kettle_cups": 2}) == Kitchen(Kettle(cups=2))
    assert settings.build(Kitchen, {}) == Kitchen()


def test_a_setting_that_there_is_not_is_named_with_those_there_are() -> None:
    with pytest.raises(SettingError, match=r"no setting 'kettle_colour'; the settings are kettle_cups, .*kettle_where"):
        settings.build(Kitchen, {"kettle_colour": "red"})


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("litres", 2.1, "litres must lie between 0.1 and 2 l, not at 2.1"),
        ("litres", math.nan, "litres must be a number"),
        ("litres", "much", "litres must be a number"),
        ("litres", True, "litres must be a number"),
        ("cups", 0, "cups must lie at or above 1, not at 0"),
        ("cups", 2.5, "cups must be a whole number"),
        ("on", 1, "on must be on or off"),
        ("tea", 3, "tea must be a text"),
        ("where", "table", "where must be one of hob, fire, not 'table'"),
    ],
)
def test_a_value_out_of_its_range_is_refused(name: str, value: Any, sentence: str) -> None:
    with pytest.raises(SettingError, match=sentence):
        Kettle(**{name: value})


def test_what_is_built_from_flat_names_is_refused_under_the_name_that_was_given() -> None:
    with pytest.raises(SettingError, match=r"kettle_on \(--heat\) must be on or off"):
        settings.build(Kitchen, {"kettle_on": 1})
    with pytest.raises(SettingError, match=r"^kettle_cups must lie at or above 1, not at -12345678"):
        settings.build(Kitchen, {"kettle_cups": -12345678})


def test_settings_do_not_change() -> None:
    with pytest.raises(FrozenInstanceError):
        Kettle().litres = 1.0  # type: ignore[misc]


@pytest.mark.parametrize("item", settings.options(Motion), ids=lambda item: item.name)
def test_every_setting_of_the_house_says_what_it_is(item: settings.Option) -> None:
    assert item.description[0].isupper() and not item.description.endswith(".")
    assert item.type in (bool, int, float, str) and isinstance(item.default, item.type)
    if item.type in (int, float):
        assert item.minimum is not None and item.maximum is not None and item.minimum <= item.default <= item.maximum


def test_no_two_settings_share_a_name_or_a_flag() -> None:
    found = settings.options(Motion)
    # What is on by default is switched off by a word of its own: --no-gaze stands beside --gaze.
    words = {f"no-{item.flag}" if item.type is bool and item.default else item.flag for item in found}
    assert len({item.name for item in found}) == len(words) == len(found)
