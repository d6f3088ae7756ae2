from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import onnxruntime
import pytest

from a2f_addon.errors import Cancelled, ModelError
from a2f_addon.face import arkit
from a2f_addon.speech import facts, model, session
from a2f_addon.speech.audio import Recording
from tests import made


def recording(sound: made.Floats, *, start_s: float = 0.0, says_its_length: bool = True) -> Recording:
    """Sound in blocks of a third of a second, as from a file."""
    blocks = iter(np.split(sound, range(5333, len(sound), 5333)))
    return Recording("line.wav", made.RATE, start_s, len(sound) if says_its_length else None, blocks)


def at_once(path: Path, sound: made.Floats) -> list[made.Floats]:
    """All outputs of a graph for a whole sound, without windows."""
    session = onnxruntime.InferenceSession(path, providers=["CPUExecutionProvider"])
    padded = np.pad(sound, (0, -len(sound) % made.HOP))
    return [output[0] for output in session.run(facts.OUTPUTS, {"audio": padded[None]})]


@pytest.fixture(params=["made", "bundled"])
def any_graph(request: pytest.FixtureRequest, graph: Path) -> Path:
    return graph if request.param == "made" else model.BUNDLED


def test_ten_minutes_in_windows_are_the_ten_minutes_at_once(any_graph: Path) -> None:
    sound = made.speech(611.23)
    curves, speech = model.load(any_graph).listen(recording(sound))
    whole = at_once(any_graph, sound)
    names = model.load(any_graph).facts.curve_names
    np.testing.assert_allclose(curves.values[:, curves.columns(names)], whole[0], atol=1e-4)
    np.testing.assert_allclose(speech.phones, whole[1], atol=1e-4)
    np.testing.assert_allclose(speech.loudness_db, whole[2], atol=1e-3)
    assert curves.names == arkit.NAMES


def test_a_recording_need_not_say_how_long_it_is(graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(model, "UNSAID_S", 10.0)
    sound = made.speech(95.0)
    curves, speech = model.load(graph).listen(recording(sound, says_its_length=False))
    np.testing.assert_allclose(curves.values, at_once(graph, sound)[0], atol=1e-4)
    assert len(speech) == len(curves)


def test_too_little_around_a_window_would_be_seen(graph: Path, tmp_path: Path) -> None:
    # What the test above would not find if the made graph had no memory.
    forgetful = made.graph(tmp_path / "forgetful.onnx", look_back="0", look_ahead="0")
    sound = made.speech(70.0)
    curves, _ = model.load(forgetful).listen(recording(sound))
    assert np.abs(curves.values - at_once(graph, sound)[0]).max() > 0.01


def test_a_graph_that_says_it_leaves_margins_out_has_to_take_them(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"does not turn 'audio' into 'curves'"):
        model.load(made.graph(tmp_path / "boasting.onnx", reach="320"))


@pytest.mark.parametrize("samples", [1, 80, 319, 320, 321, 16_001])
def test_a_frame_stands_in_the_middle_of_its_hop_on_the_recordings_clock(any_graph: Path, samples: int) -> None:
    curves, speech = model.load(any_graph).listen(recording(made.noise(samples / made.RATE), start_s=12.5))
    assert len(curves) == len(speech) == -(-samples // made.HOP)
    assert curves.start == speech.start == 12.5 + 0.01
    assert curves.fps == speech.fps == 50.0
    assert np.isfinite(curves.values).all()


def test_curves_that_a_graph_does_not_give_rest(tmp_path: Path) -> None:
    # The made graph gives 52 columns; named the other way round they must come out under their names.
    turned = made.graph(tmp_path / "turned.onnx", curve_names=json.dumps(arkit.NAMES[::-1]))
    sound = made.speech(1.0)
    curves, _ = model.load(turned).listen(recording(sound))
    np.testing.assert_allclose(curves.channel("tongueOut"), at_once(turned, sound)[0][:, 0], atol=1e-6)


def test_progress_rises_to_the_end(graph: Path) -> None:
    told: list[tuple[float, str]] = []
    model.load(graph).listen(recording(made.speech(160.0)), progress=lambda done, text: told.append((done, text)))
    done = [step for step, _ in told]
    assert len(done) >= 3 and done == sorted(done) and done[-1] == 1.0
    assert "line.wav" in told[-1][1]


def test_a_person_who_stops_is_heard_between_windows(graph: Path) -> None:
    reached: list[float] = []
    with pytest.raises(Cancelled):
        model.load(graph).listen(recording(made.speech(160.0)), progress=lambda done, text: reached.append(done), cancelled=lambda: bool(reached))
    assert len(reached) == 1


def test_a_file_is_read_once_until_it_changes(graph: Path, tmp_path: Path) -> None:
    path = tmp_path / "copy.onnx"
    path.write_bytes(graph.read_bytes())
    first = model.load(path)
    assert model.load(path) is first
    os.utime(path, ns=(1, 1))
    assert model.load(path) is not first


class Runtime(SimpleNamespace):
    """onnxruntime with a graphics card, which is broken: at the start or at the first run."""

    SessionOptions = onnxruntime.SessionOptions

    def __init__(self, broken_at: str) -> None:
        super().__init__(broken_at=broken_at, started=[])

    def get_available_providers(self) -> list[str]:
        return ["CPUExecutionProvider", "CUDAExecutionProvider"]

    def InferenceSession(self, content: bytes, options: Any, *, providers: list[str], **more: Any) -> Any:
        self.started.append(providers[0])
        if providers[0] == "CUDAExecutionProvider" and self.broken_at == "start":
            raise RuntimeError("CUDA driver is too old\nand a trace that nobody reads")
        session = onnxruntime.InferenceSession(content, options, providers=["CPUExecutionProvider"])
        if providers[0] == "CPUExecutionProvider" or self.broken_at == "silently":
            return session

        def run(*_: Any) -> None:
            raise RuntimeError("out of memory")

        same = {name: getattr(session, name) for name in ("get_inputs", "get_overridable_initializers", "get_outputs", "get_modelmeta")}
        return SimpleNamespace(run=run, get_providers=lambda: providers, **same)


@pytest.mark.parametrize(("broken_at", "why"), [("start", "CUDA driver is too old"), ("silently", "did not start"), ("run", "out of memory")])
def test_a_card_that_fails_leaves_the_work_to_the_next_and_says_so(graph: Path, monkeypatch: pytest.MonkeyPatch, broken_at: str, why: str) -> None:
    runtime, told = Runtime(broken_at), []
    monkeypatch.setattr(session, "runtime", lambda notes: runtime)
    network = model.Network(graph)
    sound = made.speech(40.0)
    curves, _ = network.listen(recording(sound), progress=lambda done, text: told.append(text))
    np.testing.assert_allclose(curves.values, at_once(graph, sound)[0], atol=1e-5)
    assert runtime.started == ["CUDAExecutionProvider", "CPUExecutionProvider"]
    assert network.provider == "CPUExecutionProvider"
    (note,) = network.notes
    assert why in note and "CUDA" in note and "\n" not in note and note in told


def test_a_model_that_is_missing_or_damaged_is_refused(graph: Path, tmp_path: Path) -> None:
    damaged = tmp_path / "damaged.onnx"
    damaged.write_bytes(graph.read_bytes()[:5000])
    with pytest.raises(ModelError, match=r"'damaged\.onnx' is damaged"):
        model.load(damaged)
    with pytest.raises(ModelError, match="no model file"):
        model.load(tmp_path / "gone.onnx")


def test_a_model_of_somebody_elses_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="lacks the metadata hop, align"):
        model.load(made.graph(tmp_path / "other.onnx", hop=None, align=None))


def test_a_graph_that_gives_no_numbers_is_refused(graph: Path) -> None:
    sound = made.speech(1.0)
    sound[100] = np.nan
    with pytest.raises(ModelError, match="no numbers"):
        model.load(graph).listen(recording(sound))


def test_a_graph_of_another_shape_than_it_says_is_refused(tmp_path: Path) -> None:
    lying = made.graph(tmp_path / "lying.onnx", phone_names='["sil"]', phone_classes="{}")
    with pytest.raises(ModelError, match="'phones' in a shape"):
        model.load(lying).listen(recording(made.speech(1.0)))


@pytest.mark.parametrize(("platform", "remedy"), [("win32", r"Visual C\+\+"), ("linux", "install the extension again")])
def test_a_runtime_that_does_not_load_is_told_with_its_remedy(graph: Path, monkeypatch: pytest.MonkeyPatch, platform: str, remedy: str) -> None:
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    monkeypatch.setattr(session.sys, "platform", platform)
    with pytest.raises(ModelError, match=f"onnxruntime does not load.*{remedy}"):
        model.Network(graph)
