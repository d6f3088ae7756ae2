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


def test_a_live_graph_says_what_it_carries_and_how_late_it_is() -> None:
    known = facts.read({**made.METADATA, "kind": "live", "look_ahead": "1400", "states": '{"state_a": [1, 3]}'}, file="a.onnx", kind=facts.LIVE)
    assert known.states == {"state_a": (1, 3)}
    # 1400 samples are 4.4 hops of 320: five frames late, and 200 samples of silence before the sound.
    assert (known.late, known.lead_in) == (5, 200)
    for states in ("[]", '{"state_a": 3}', '{"state_a": [0]}', '{"state_a": ["1"]}'):
        with pytest.raises(ModelError, match=r"no sense .states"):
            facts.read({**made.METADATA, "kind": "live", "states": states}, file="a.onnx", kind=facts.LIVE)
    with pytest.raises(ModelError, match="of the kind 'offline', and 'live' is needed"):
        facts.read(made.METADATA, file="a.onnx", kind=facts.LIVE)


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
