"""A mesh of any published naming is known by its names, whole and with no click; and nothing is taken for a face that is none."""

from __future__ import annotations

from pathlib import Path

import pytest

from a2f_addon import rigs
from a2f_addon.errors import SettingError
from a2f_addon.face.arkit import NAMES
from a2f_addon.face.matching import EXACT, SPELLED, guess

LINKED = [rig for rig in rigs.shipped() if rig.links]


def naming(rig: rigs.Rig) -> list[str]:
    """What a mesh of this rig's naming has, as the rig's own program writes it."""
    return ["Basis", *dict.fromkeys(rig.prefixes[0] + link.target for link in rig.links), *rig.marks, *(NAMES if rig.arkit else ())]


@pytest.mark.parametrize("rig", rigs.shipped(), ids=lambda rig: rig.name)
def test_a_mesh_of_each_naming_is_known_whole(rig: rigs.Rig) -> None:
    found = rigs.detect(naming(rig))
    assert found.rig.name == rig.name
    assert not found.missing
    assert {row.sureness for row in found.rows} == {EXACT}
    assert {row.target for row in found.rows} == {rig.prefixes[0] + link.target for link in rig.links} | (set(NAMES) if rig.arkit else set())


@pytest.mark.parametrize("rig", LINKED, ids=lambda rig: rig.name)
def test_another_case_another_separator_and_a_copy_number_are_another_spelling(rig: rigs.Rig) -> None:
    found = rigs.detect([name.upper().replace("_", "-") + ".001" for name in naming(rig)])
    assert found.rig.name == rig.name
    assert not found.missing
    assert SPELLED in {row.sureness for row in found.rows}


@pytest.mark.parametrize("names", [["A", "Arm", "E"], ["Basis", "smile"], [], ["sil", "PP", "Key 1"], ["jawOpened"], ["O", "I", "U", "E", "Eye"]])
def test_a_few_letters_are_no_face(names: list[str]) -> None:
    assert not rigs.detect(names).rows


def test_a_name_behind_a_prefix_is_known_but_a_corrective_is_not() -> None:
    cc4 = next(rig for rig in rigs.shipped() if rig.name == "cc4")
    assert {row.target for row in rigs.fitted(cc4, ["CC_Base_Body.Mouth_Smile_L", "Jaw_Open_Mouth_Close", "corrective_Brow_Drop_L"]).rows} == {
        "CC_Base_Body.Mouth_Smile_L"
    }


def test_arkit_goes_before_visemes_that_lie_beside_it() -> None:
    visemes = [f"viseme_{name}" for name in rigs.visemes()["oculus"].names]
    assert {row.target for row in rigs.detect([*visemes, *NAMES]).rows} == set(NAMES)
    assert rigs.detect([*visemes, "mouthOpen", "mouthSmile"]).rig.name == "oculus"


def test_a_guess_is_made_for_what_is_much_alike_and_on_the_same_side() -> None:
    names = ["jawOpened", "mouth_smiles_R", "mouth_smiles_L", "Fist"]
    assert guess(["jawOpen", "mouthSmileLeft"], names) == {"jawOpen": "jawOpened", "mouthSmileLeft": "mouth_smiles_L"}
    assert guess(["mouthSmileLeft"], ["mouthSmilesRight", "Fist"]) == {}


def test_a_persons_own_rig_goes_before_ours(tmp_path: Path) -> None:
    own = tmp_path / "hero.toml"
    own.write_text('title = "Hero"\n[links]\njawOpen = {"Kiefer" = 0.8, "Kinn" = 0.5}\nmouthPucker = ["Kuss_L", "Kuss_R"]\n"oculus:PP" = "zu"\n')
    found = rigs.detect(["Kiefer", "Kinn", "Kuss_L", "Kuss_R", "zu", "jawOpen"], [rigs.read(own)])
    assert found.rig.title == "Hero"
    assert found.recipes["Kiefer"] == (("jawOpen", 0.8),)
    assert found.recipes["zu"] == (("oculus:PP", 1.0),)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("title = ", "'hero.toml' cannot be read"),
        ('[links]\njawOpens = "a"', "'jawOpens', which is neither one of ARKit's 52 nor a mouth shape"),
        ("[links]\njawOpen = {a = -1}", "a weight of -1"),
        ("[links]\njawOpen = 3", "is not in the form of a rig"),
        ("links = 3", "is not in the form of a rig"),
    ],
)
def test_a_rig_that_cannot_be_is_a_sentence(tmp_path: Path, text: str, sentence: str) -> None:
    (tmp_path / "hero.toml").write_text(text)
    with pytest.raises(SettingError, match=sentence):
        rigs.read(tmp_path / "hero.toml")
