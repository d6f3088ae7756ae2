"""From trained weights to one ONNX file that says everything about itself: what a2f_addon/speech/model.py runs, or of a live network live.py.

The file is checked before it takes the place of an older one: onnxruntime must give what the network gives, for sounds of several lengths.
"""

from __future__ import annotations

import json
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from torch.nn import functional

from a2f_addon.face import arkit
from a2f_addon.speech.facts import MARGINS, OUTPUTS
from training import network, phones

OPSET = 17
PARITY = 1e-4
"""The largest difference between the file's outputs and the network's; loudness is in decibels, the rest within 0 to 1."""
HALVED_FROM = 1024
"""Numbers in an array that is worth keeping in half precision."""
LICENCE = "GPL-3.0-or-later"
DESCRIPTION = "Speech at any level, 16 kHz mono, to ARKit face curves and phone probabilities. Data and limits: MODEL_CARD.md."


class FoldedFrontEnd(network.FrontEnd):
    """The same front end with its Fourier transform written as products of matrices, which every ONNX runtime has and does fast.

    Window and cosines are even around a frame's middle and sines are odd, so each half of the frame needs half of the products: of the sum of the two
    halves, one of them backwards, and of their difference. Bins that no mel weight takes in are left out. The file keeps neither cosines and sines
    nor their angles: the runtime works them out when it loads it, as bins times samples, in parts of a turn, less whole turns.
    """

    def __init__(self) -> None:
        super().__init__()
        half = network.MEL_WINDOW // 2
        self.bins = slice(int(np.flatnonzero(network.mel_weights().any(1))[0]), int(np.flatnonzero(network.mel_weights().any(1))[-1]) + 1)
        self.register_buffer("samples", torch.arange(float(half))[:, None])
        self.register_buffer("turns", torch.arange(network.FFT // 2 + 1.0)[self.bins][None] / network.FFT)
        # The middle is in both halves.
        falling = network.mel_window()[half:, None] / np.where(np.arange(half) == 0, 2, 1)[:, None]
        self.register_buffer("falling", torch.from_numpy(falling.astype(np.float32)))

    def power(self, audio: Tensor, mel: Tensor | None = None) -> Tensor:
        """As FrontEnd.power."""
        hop, half = network.MEL_HOP, network.MEL_WINDOW // 2
        hops = functional.pad(audio, (0, 3 * hop - network.MEL_WINDOW)).reshape(audio.shape[0], -1, hop)
        framed = torch.cat((hops[:, :-2], hops[:, 1:-1], hops[:, 2:, : network.MEL_WINDOW - 2 * hop]), 2)
        later, earlier = framed[:, :, half:], framed[:, :, 1 : half + 1].flip(2)
        turns = self.samples @ self.turns
        angles = (turns - turns.floor()) * (2 * np.pi)
        real, imaginary = (later + earlier) @ (angles.cos() * self.falling), (later - earlier) @ (angles.sin() * self.falling)
        weights = self.mel if mel is None else mel
        return (real.square() + imaginary.square()) @ weights[..., self.bins, :]


class FoldedLiveFrontEnd(FoldedFrontEnd, network.LiveFrontEnd):
    """The same for the live one."""


class Graph(nn.Module):
    """What is exported: [1, samples] to curves [1, frames, 52] within 0..1, phone probabilities [1, frames, phones], and loudness [1, frames].

    Its weights are rounded to half precision, in which the file keeps them; it computes with single precision.
    """

    def __init__(self, trained: network.Network) -> None:
        super().__init__()
        self.network = network.Network(trained.shape)
        self.network.load_state_dict({name: value.half().float() for name, value in trained.state_dict().items()})
        self.network.front_end = FoldedLiveFrontEnd() if trained.shape.live else FoldedFrontEnd()
        spread = torch.zeros(len(network.CHANNELS), len(arkit.NAMES))
        for row, names in enumerate(network.CHANNELS.values()):
            spread[row, [arkit.NAMES.index(name) for name in names]] = 1
        self.register_buffer("spread", spread)

    def forward(self, audio: Tensor, margins: Tensor | None = None) -> tuple[Tensor, Tensor, Tensor]:
        """Of a live network too: all of a recording at once. margins: as of Network."""
        said, loudness_db = self.network(audio, margins)
        return *self._face(said), loudness_db

    def _face(self, said: network.Said) -> tuple[Tensor, Tensor]:
        return (said.mouth @ self.spread).clamp(0, 1), said.phones.exp()


class LiveGraph(Graph):
    """What is exported of a live network: the next hops and the states to the frames that they complete and the states after them."""

    def __init__(self, trained: network.Network) -> None:
        super().__init__(trained)
        self.beginning = {f"state_{name}": state for name, state in self.network.beginning().items()}

    def forward(self, audio: Tensor, *states: Tensor) -> tuple[Tensor, ...]:
        named = {name.removeprefix("state_"): state for name, state in zip(self.beginning, states, strict=True)}
        said, loudness_db, after = self.network.stream(audio, named)
        return *self._face(said), loudness_db, *(after[name] for name in named)


def export(trained: network.Network, path: Path, *, name: str = "A2F", version: str = "1") -> float:
    """Write the file, whole or not at all, and return the largest difference from the network that was found.

    Raises ValueError where the file does not give what the network gives: a defect of this module.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    graph = (LiveGraph if trained.shape.live else Graph)(trained).eval()
    try:
        _write(graph, part)
        _describe(part, metadata(trained.shape, name=name, version=version) | _states(graph))
        difference = _stream_difference(Graph(trained).eval(), graph, part) if isinstance(graph, LiveGraph) else _difference(graph, part)
        if not difference < PARITY:
            raise ValueError(f"the ONNX file differs from the network by {difference:.2g}")
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return difference


def _write(graph: Graph, path: Path) -> None:
    lengths = {"audio": {1: "samples"}, **{name: {1: "frames"} for name in OUTPUTS}}
    states = graph.beginning if isinstance(graph, LiveGraph) else {MARGINS: torch.zeros(2, dtype=torch.int64)}
    with warnings.catch_warnings(), torch.no_grad():
        # The tracer warns of every shape that it keeps as a number; the parity check over several lengths says whether one was wrong.
        warnings.simplefilter("ignore")
        torch.onnx.export(
            graph,
            (0.1 * torch.randn(1, 4 * network.RATE + network.HOP), *states.values()),
            str(path),
            input_names=["audio", *states],
            output_names=[*OUTPUTS, *(f"{name}_out" for name in states if name != MARGINS)],
            dynamic_axes=lengths,
            opset_version=OPSET,
            dynamo=False,
        )


def _describe(path: Path, props: dict[str, str]) -> None:
    import onnx

    model = onnx.load(str(path))
    _halve(model)
    if any(given.name == MARGINS for given in model.graph.input):
        # An input with a value of its own need not be given.
        model.graph.initializer.append(onnx.numpy_helper.from_array(np.zeros(2, np.int64), MARGINS))
    onnx.helper.set_model_props(model, props)
    onnx.save(model, str(path))


def _halve(model: Any) -> None:
    """Keep every large array that half precision holds exactly in it: half the size, and the runtime widens it again when it loads the file."""
    from onnx import helper, numpy_helper

    graph, casts = model.graph, []
    for tensor in graph.initializer:
        single = numpy_helper.to_array(tensor)
        half = single.astype(np.float16) if single.dtype == np.float32 and single.size >= HALVED_FROM else None
        if half is not None and np.array_equal(half.astype(np.float32), single):
            casts.append(helper.make_node("Cast", [f"{tensor.name}.half"], [tensor.name], to=helper.TensorProto.FLOAT))
            tensor.CopyFrom(numpy_helper.from_array(half, f"{tensor.name}.half"))
    nodes = [*casts, *graph.node]
    del graph.node[:]
    graph.node.extend(nodes)


def metadata(shape: network.Shape, *, name: str, version: str) -> dict[str, str]:
    """What the file says about itself; a2f_addon/speech/facts.py reads it and says what each means."""
    context = str(network.context_samples(shape))
    reach = {"reach": str(shape.reach_frames * network.HOP)}
    live = {"kind": "live", "look_back": "0", "look_ahead": str(shape.look_ahead), "align": str(network.HOP)}
    return {
        "a2f_format": "1",
        "name": name,
        "version": version,
        "licence": LICENCE,
        "description": DESCRIPTION,
        "kind": "offline",
        "sample_rate": str(network.RATE),
        "hop": str(network.HOP),
        "look_back": context,
        "look_ahead": context,
        "align": str(network.BLOCK),
        "curve_names": json.dumps(arkit.NAMES),
        "phone_names": json.dumps(phones.PHONES),
        "phone_classes": json.dumps(phones.CLASSES),
        "shape": json.dumps(shape.as_dict()),
        **(live if shape.live else reach),
    }


def _states(graph: Graph) -> dict[str, str]:
    """What a live graph says of its states besides."""
    return {"states": json.dumps({name: tuple(state.shape) for name, state in graph.beginning.items()})} if isinstance(graph, LiveGraph) else {}


def _difference(graph: Graph, path: Path) -> float:
    """The largest difference over sounds of one hop, of odd lengths, and longer than the sound that was traced."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3  # It warns of inputs that need not be given.
    session = onnxruntime.InferenceSession(str(path), options, providers=["CPUExecutionProvider"])
    random = torch.Generator().manual_seed(0)
    worst = 0.0
    for hops in (1, 10, 23, 251, 333):
        audio = 0.1 * torch.randn(1, hops * network.HOP, generator=random)
        with torch.no_grad():
            wanted = graph(audio)
        given = session.run(list(OUTPUTS), {"audio": audio.numpy()})
        worst = max([worst, *(float(np.abs(a.numpy() - b).max()) for a, b in zip(wanted, given, strict=True))])
    margins = torch.tensor([17, 40])
    with torch.no_grad():
        wanted = graph(audio, margins)
    given = session.run(list(OUTPUTS), {"audio": audio.numpy(), MARGINS: margins.numpy()})
    return max([worst, *(float(np.abs(a.numpy() - b).max()) for a, b in zip(wanted, given, strict=True))])


def _stream_difference(whole: Graph, graph: LiveGraph, path: Path) -> float:
    """The largest difference between the file, fed in pieces of several lengths, and the network that hears all at once."""
    import onnxruntime

    session = onnxruntime.InferenceSession(str(path), providers=["CPUExecutionProvider"])
    audio = 0.1 * torch.randn(1, 333 * network.HOP, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        wanted = whole(audio)
    sound, late, worst = whole.network.whole(audio).numpy(), whole.network.shape.late, 0.0
    for hops in (1, 7, 50):
        states, pieces = {name: state.numpy() for name, state in graph.beginning.items()}, []
        for start in range(0, sound.shape[1], hops * network.HOP):
            given = session.run(None, {"audio": sound[:, start : start + hops * network.HOP], **states})
            states = dict(zip(states, given[len(OUTPUTS) :], strict=True))
            pieces.append(given[: len(OUTPUTS)])
        streamed = [np.concatenate(parts, 1)[:, late:] for parts in zip(*pieces, strict=True)]
        worst = max([worst, *(float(np.abs(a.numpy() - b).max()) for a, b in zip(wanted, streamed, strict=True))])
    return worst
