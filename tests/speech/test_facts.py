from __future__ import annotations

import json

import pytest

from a2f_addon.errors import ModelError
from a2f_addon.speech import facts
from tests import made


def test_a_graph_says_all_about_itself() -> None:
    known = facts.read(made.METADATA, file="a.onnx")
    assert (known.sample_rate, known.hop, known.fps, known.align) == (16_000, 320, 50.0, made.ALIGN)
    assert known.phone_classes["closed"] == ("p", "b", "m")


@pytest.mark.parametrize("name", sorted(set(made.METADATA) - {"description"}))
def test_what_is_missing_is_named(name: str) -> None:
    rest = {key: value for key, value in made.METADATA.items() if key != name}
    with pytest.raises(ModelError, match=f"lacks the metadata {name};"):
        facts.read(rest, file="a.onnx")


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("a2f_format", "2", "has the format 2.*update A2F"),
        ("kind", "online", "of the kind 'online'"),
        ("hop", "twenty", "no sense .hop is 'twenty'"),
        ("hop", "0", "no sense .hop"),
        ("look_back", "-1", "no sense .look_back"),
        ("phone_names", "not json", "no sense .phone_names"),
        ("phone_names", '["p", "p"]', "no sense .phone_names"),
        ("phone_classes", '{"closed": ["q"]}', "no sense .phone_classes"),
        ("curve_names", json.dumps(["jawOpen", "earWiggle"]), "does not know .earWiggle"),
    ],
)
def test_what_makes_no_sense_is_named(name: str, value: str, sentence: str) -> None:
    with pytest.raises(ModelError, match=sentence):
        facts.read({**made.METADATA, name: value}, file="a.onnx")
