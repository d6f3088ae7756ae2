"""Rigs spell ARKit's names in every way; whichever way it is, the right shape gets the curve, and no other does."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from a2f_addon.face.arkit import NAMES
from a2f_addon.face.matching import match, nearest

STYLES = {
    "camel": lambda words: words[0] + "".join(word.title() for word in words[1:]),
    "pascal": lambda words: "".join(word.title() for word in words),
    "snake": "_".join,
    "title snake": lambda words: "_".join(word.title() for word in words),
    "upper snake": lambda words: "_".join(words).upper(),
    "spaced": " ".join,
    "kebab": "-".join,
    "run together": "".join,
    "shouted": lambda words: "".join(words).upper(),
}
SIDE_MARKS = {"as it is": None, "_L": "_", ".L": ".", " L": " ", "-L": "-", "L": ""}
PREFIXES = ("", "blendShape1.", "ARKit_", "CC_Base_", "face_", "Face:", "Wolf3D_Head.", "head|", "Mouth_", "shape 12 ")
SUFFIXES = ("", ".001", ".0123")


def spell(name: str, *, style: str, side: str, prefix: str, suffix: str, lower_side: bool) -> str:
    words = [word.lower() for word in re.findall(r"[A-Z]?[a-z]+", name)]
    mark, sign = SIDE_MARKS[side], ""
    if mark is not None and words[-1] in ("left", "right") and len(words) > 2:
        letter = words.pop()[0]
        sign = mark + (letter if lower_side and mark else letter.upper())
    return prefix + STYLES[style](words) + sign + suffix


@given(
    style=st.sampled_from(sorted(STYLES)),
    side=st.sampled_from(sorted(SIDE_MARKS)),
    prefix=st.sampled_from(PREFIXES),
    suffix=st.sampled_from(SUFFIXES),
    lower_side=st.booleans(),
)
def test_a_rig_in_any_one_spelling_matches_whole(style: str, side: str, prefix: str, suffix: str, lower_side: bool) -> None:
    if style in ("shouted", "run together") and SIDE_MARKS[side] == "":
        side = "as it is"  # `eyeblinkL` is another style; `EYEBLINKL` cannot be told from a word
    rig = {spell(name, style=style, side=side, prefix=prefix, suffix=suffix, lower_side=lower_side): name for name in NAMES}
    if prefix == "Mouth_":
        rig = {found: name for found, name in rig.items() if name not in ("jawLeft", "jawRight", "mouthLeft", "mouthRight")}
    matches = match(["Basis", *rig])
    assert matches.found == {name: (found,) for found, name in rig.items()}
    assert not matches.passed_over


@pytest.mark.parametrize(
    "name",
    [
        "Basis",
        "mouthSmileLeft_L",
        "upper_mouth_left",
        "jawOpen_mouthClose",
        "corrective_jawOpen",
        "browDown",
        "eyeBlink",
        "smile",
        "left",
        "viseme_aa",
        "mouthOpen",
        "un_jawOpen",
        "jawOpener",
        "",
        "笑い",
    ],
)
def test_what_only_resembles_a_shape_is_left_alone(name: str) -> None:
    assert not match([name]).found


@given(st.lists(st.text(max_size=30), max_size=60))
def test_no_found_name_is_invented_or_used_twice(names: list[str]) -> None:
    used = [name for found in match(names).found.values() for name in found]
    assert set(used) <= set(names)
    assert len(used) == len(set(used))


@pytest.mark.parametrize(
    ("name", "arkit"),
    [
        ("mouthPress_L", "mouthPressLeft"),
        ("jaw_L", "jawLeft"),
        ("CC_Base_Mouth_R", "mouthRight"),
        ("Left_eyeBlink", "eyeBlinkLeft"),
        ("l_brow_down", "browDownLeft"),
        ("noseSneerRgt", "noseSneerRight"),
    ],
)
def test_a_side_is_understood_wherever_it_is_written(name: str, arkit: str) -> None:
    assert match([name]).found == {arkit: (name,)}


def test_halves_of_a_whole_shape_both_take_its_curve() -> None:
    found = match(["cheekPuff_R", "browInnerUp_L", "cheekPuff_L", "browInnerUpRight"]).found
    assert found == {"browInnerUp": ("browInnerUp_L", "browInnerUpRight"), "cheekPuff": ("cheekPuff_L", "cheekPuff_R")}


def test_a_whole_shape_goes_before_its_halves_which_are_reported() -> None:
    matches = match(["browInnerUp_L", "browInnerUp_R", "browInnerUp"])
    assert matches.found == {"browInnerUp": ("browInnerUp",)}
    assert matches.passed_over == {"browInnerUp": ("browInnerUp_L", "browInnerUp_R")}


@pytest.mark.parametrize("other", ["jaw_open", "JawOpen", "ARKit_jawOpen", "jawOpen.001", "jawOpen_L"])
def test_the_plainest_spelling_wins_and_the_other_is_reported(other: str) -> None:
    for names in ([other, "jawOpen"], ["jawOpen", other]):
        matches = match(names)
        assert matches.found == {"jawOpen": ("jawOpen",)}
        assert matches.passed_over == {"jawOpen": (other,)}


def test_of_two_that_fit_alike_the_first_is_taken() -> None:
    matches = match(["a_jawOpen", "b_jawOpen"])
    assert (matches.found, matches.passed_over) == ({"jawOpen": ("a_jawOpen",)}, {"jawOpen": ("b_jawOpen",)})


def test_the_nearest_names_are_the_ones_a_person_would_point_at() -> None:
    assert nearest(["Basis", "jawOpened", "Fist", "mouth_smiley_L"], count=2) == [("jawOpened", "jawOpen"), ("mouth_smiley_L", "mouthSmileLeft")]
    assert nearest(["Basis", "x"]) == []
