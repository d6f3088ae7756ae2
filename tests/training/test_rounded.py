"""Layers of whole numbers: they say what the real ones say, the same of a window as of the whole, and survive being read back and taught on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

torch = pytest.importorskip("torch", reason="training needs torch; see training/requirements.txt")
pytest.importorskip("onnx", reason="training needs onnx; see training/requirements.txt")

from a2f_addon.speech import model  # noqa: E402
from a2f_addon.speech.audio import Recording  # noqa: E402
from training import export, finetune, rounded  # noqa: E402
from training.network import HOP, RATE, Network, Shape  # noqa: E402

SHAPE = Shape(width=96, dilations=(1, 4, 2), mouth_width=16)


def sound(seconds: float, *, seed: int = 0) -> torch.Tensor:
    """Noise that swells as syllables do, [1, samples]."""
    random = torch.Generator().manual_seed(seed)
    times = torch.arange(round(seconds * RATE) // HOP * HOP) / RATE
    return 0.1 * torch.sin(2 * torch.pi * 3 * times) * torch.randn(1, len(times), generator=random)


def spectra(taught: Network) -> list[tuple[torch.Tensor, torch.Tensor]]:
    return [taught.front_end(taught.whole(sound(8.0, seed=seed)))[:2] for seed in range(2)]


@pytest.fixture(scope="module")
def taught() -> Network:
    torch.manual_seed(3)
    return Network(SHAPE).eval()


@pytest.fixture(scope="module")
def ranges(taught: Network) -> dict[str, tuple[float, float]]:
    return rounded.measured(taught, spectra(taught))


def listened(graph: Path, audio: torch.Tensor) -> tuple[np.ndarray, np.ndarray]:
    curves, heard = model.load(graph).listen(Recording("made", RATE, 0.0, audio.shape[1], iter([audio[0].numpy()])))
    return curves.values, heard.phones


@given(seed=st.integers(0, 1000), size=st.floats(1e-4, 30))
def test_weights_that_were_rounded_are_their_own_rounding(seed: int, size: float) -> None:
    weight = size * torch.randn(5, 40, generator=torch.Generator().manual_seed(seed))
    steps, scale = rounded.rounded(weight)
    again = steps.float() * scale[:, None]
    # Half a step, and a little for the scale's few bits.
    assert ((again - weight).abs() <= 0.51 * scale[:, None]).all()
    assert steps.abs().max() <= rounded.WEIGHT_STEPS
    assert all(torch.equal(one, other) for one, other in zip(rounded.rounded(again), (steps, scale), strict=True))


def test_what_comes_in_beyond_a_range_counts_as_its_end_and_nothing_as_nothing() -> None:
    layer = rounded.RoundedLinear(torch.nn.Linear(1, 1), -1.0, 3.0)
    with torch.no_grad():
        said = (layer(torch.tensor([[0.0], [3.0], [30.0], [-1.0], [-30.0]])) - layer.bias)[:, 0]
    assert said[0] == 0 and said[1] == said[2] and said[3] == said[4] and said[1] != said[3]


@pytest.mark.parametrize("ahead", [(), (1, 1, 2, 0)], ids=["offline", "live"])
def test_a_file_of_whole_numbers_is_smaller_and_says_nearly_the_same(ahead: tuple[int, ...], tmp_path: Path) -> None:
    torch.manual_seed(3)
    taught = Network(Shape(width=96, dilations=(1, 4, 2), mouth_width=16, ahead=ahead)).eval()
    found = rounded.measured(taught, spectra(taught))
    assert export.export(taught, tmp_path / "real.onnx") < export.PARITY
    assert export.export(taught, tmp_path / "whole.onnx", ranges=found) < export.ROUNDED_PARITY
    assert (tmp_path / "whole.onnx").stat().st_size < (tmp_path / "real.onnx").stat().st_size - 50_000
    with torch.no_grad():
        real, whole = (export.Graph(taught, kind).eval()(sound(4.0, seed=9)) for kind in (None, found))
    assert 0 < (real[1] - whole[1]).abs().mean() < 0.05 * real[1].std()


def test_a_window_gives_what_the_whole_gives_to_the_last_bit(taught: Network, ranges: rounded.Ranges, tmp_path: Path) -> None:
    export.export(taught, tmp_path / "whole.onnx", ranges=ranges)
    audio = sound(90.0)
    values, phones = listened(tmp_path / "whole.onnx", audio)
    import onnxruntime

    at_once = onnxruntime.InferenceSession(str(tmp_path / "whole.onnx"), providers=["CPUExecutionProvider"]).run(None, {"audio": audio.numpy()})
    np.testing.assert_allclose(values, at_once[0][0], atol=1e-4)
    np.testing.assert_allclose(phones, at_once[1][0], atol=1e-4)


def test_what_hears_stays_bit_for_bit_when_a_file_is_read_back_and_written_again(taught: Network, ranges: rounded.Ranges, tmp_path: Path) -> None:
    first, second = tmp_path / "first.onnx", tmp_path / "second.onnx"
    export.export(taught, first, ranges=ranges)
    again = finetune.network_from_graph(first)
    for name, value in again.state_dict().items():
        torch.testing.assert_close(value, taught.state_dict()[name], atol=0.02, rtol=0.01)
    export.export(again, second, ranges=finetune._ranges(first))
    np.testing.assert_array_equal(listened(first, sound(5.0))[1], listened(second, sound(5.0))[1])
