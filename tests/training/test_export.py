"""What the ONNX file promises: the add-on can run it, it says what it is, and it gives what the network gives."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch; see training/requirements.txt")
pytest.importorskip("onnx", reason="training needs onnx; see training/requirements.txt")

from a2f_addon.face import arkit  # noqa: E402
from a2f_addon.speech import live, model  # noqa: E402
from a2f_addon.speech.audio import Recording  # noqa: E402
from training import export, network, phones  # noqa: E402

SMALL = network.Shape(width=16, dilations=(1, 4), mouth_width=8)


@pytest.fixture(scope="module")
def taught() -> network.Network:
    torch.manual_seed(0)
    return network.Network(SMALL).eval()


@pytest.fixture(scope="module")
def graph(taught: network.Network, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("graph") / "small.onnx"
    assert export.export(taught, path, name="small", version="7") < export.PARITY
    return path


def speech(seconds: float) -> np.ndarray:
    random = np.random.default_rng(0)
    times = np.arange(round(seconds * network.RATE)) / network.RATE
    return (0.1 * np.sin(2 * np.pi * 3 * times) * random.standard_normal(len(times))).astype(np.float32)


def listened(graph: Path, audio: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    curves, heard = model.load(graph).listen(Recording("made", network.RATE, 0.0, len(audio), iter([audio])))
    return curves.values, heard.phones


def test_the_file_says_what_the_add_on_asks(graph: Path) -> None:
    facts = model.load(graph).facts
    assert (facts.name, facts.version, facts.licence) == ("small", "7", "GPL-3.0-or-later")
    assert facts.fps == 50
    assert facts.look_back == facts.look_ahead == network.context_samples(SMALL)
    assert facts.phone_names == phones.PHONES and set(facts.curve_names) == set(arkit.NAMES)
    assert sorted(sum(facts.phone_classes.values(), ())) == sorted(phones.PHONES)


def test_windows_give_what_one_window_gives(graph: Path, taught: network.Network) -> None:
    """A recording of several windows, against the network hearing all of it at once."""
    audio = speech(75)
    values, phones_heard = listened(graph, audio)
    with torch.no_grad():
        curves, probabilities, _ = export.Graph(taught).eval()(torch.from_numpy(audio)[None])
    np.testing.assert_allclose(values, curves[0], atol=1e-4)
    np.testing.assert_allclose(phones_heard, probabilities[0], atol=1e-4)


def test_what_is_heard_for_the_level_alone_is_not_worked_out(graph: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A window with the level's seconds around it, and curves for no more than the convolutions need."""
    listener, frames = model.load(graph), []
    whole = listener._run

    def counted(given: dict[str, np.ndarray], progress: object) -> list[np.ndarray]:
        outputs = whole(given, progress)  # type: ignore[arg-type]
        frames.append(outputs[0].shape[1])
        return outputs

    monkeypatch.setattr(listener, "_run", counted)
    values, _ = listened(graph, speech(95))
    assert len(values) == 95 * 50
    # Four windows have three inner ends on either side; windows begin at whole blocks of the level.
    assert len(values) < sum(frames) <= len(values) + 6 * SMALL.reach_frames


def test_both_sides_of_the_face_move_alike_and_within_bounds(graph: Path) -> None:
    values, phones_heard = listened(graph, speech(3))
    assert values.min() >= 0 and values.max() <= 1
    np.testing.assert_allclose(phones_heard.sum(1), 1, atol=1e-5)
    for left, name in enumerate(arkit.NAMES):
        if name.endswith("Left") and f"{name[:-4]}Right" in arkit.NAMES:
            np.testing.assert_array_equal(values[:, left], values[:, arkit.NAMES.index(f"{name[:-4]}Right")])


def test_a_live_file_streams_what_its_network_gives(tmp_path: Path) -> None:
    """Fed in pieces and at another rate than a hop's, through the add-on's own streaming."""
    torch.manual_seed(0)
    shape = network.Shape(width=16, dilations=(1, 4), mouth_width=8, ahead=(1, 1, 2))
    taught = network.Network(shape).eval()
    assert export.export(taught, tmp_path / "live.onnx") < export.PARITY
    stream, audio = live.Live(network.RATE, model=tmp_path / "live.onnx"), speech(3)
    assert stream.look_ahead_s == pytest.approx(4 / 50 + 0.0075)
    parts = [*(stream.feed(piece) for piece in np.array_split(audio, 37)), stream.finish()]
    with torch.no_grad():
        curves, probabilities, loudness_db = export.Graph(taught).eval()(torch.from_numpy(audio)[None])
    np.testing.assert_allclose(np.concatenate([part.values for part, _ in parts]), curves[0], atol=1e-4)
    np.testing.assert_allclose(np.concatenate([heard.phones for _, heard in parts]), probabilities[0], atol=1e-4)
    np.testing.assert_allclose(np.concatenate([heard.loudness_db for _, heard in parts]), loudness_db[0], atol=1e-3)


def test_a_file_that_would_differ_does_not_replace_the_old_one(taught: network.Network, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "kept.onnx"
    path.write_bytes(b"old")
    monkeypatch.setattr(export, "PARITY", -1.0)
    with pytest.raises(ValueError, match="differs"):
        export.export(taught, path)
    assert [file.name for file in tmp_path.iterdir()] == ["kept.onnx"]
    assert path.read_bytes() == b"old"
