"""A judge hears with either graph what its user would."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from a2f_addon.errors import ModelError
from a2f_addon.speech.live import Live
from tests import made
from training import evaluate


def test_a_live_graph_is_heard_from_a_fresh_start_each_time(tmp_path: Path) -> None:
    graph, sound = made.live_graph(tmp_path / "live.onnx"), made.speech(1.23)
    at_once = Live(made.RATE, model=graph)
    audio = np.round(32767 * sound).astype(np.int16)
    wanted = [*(part.values for part, _ in (at_once.feed(audio.astype(np.float32) / 32768), at_once.finish()))]
    for _ in range(2):
        curves, speech = evaluate.hear(evaluate.load(graph, live=True), audio)
        np.testing.assert_allclose(curves.values, np.concatenate(wanted), atol=1e-6)
        assert len(speech) == len(curves) == -(-len(audio) // made.HOP)
        assert curves.start == 0.01


def test_an_offline_graph_is_heard_whole_and_no_kind_is_taken_for_the_other(tmp_path: Path, graph: Path) -> None:
    audio = np.round(32767 * made.speech(0.5)).astype(np.int16)
    assert len(evaluate.hear(evaluate.load(graph), audio).curves) == 25
    with pytest.raises(ModelError, match="of the kind 'offline'"):
        evaluate.load(graph, live=True)
    with pytest.raises(ModelError, match="of the kind 'live'"):
        evaluate.load(made.live_graph(tmp_path / "live.onnx"))
