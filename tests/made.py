"""Made signals, and a made graph that keeps to what the add-on expects of one."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from a2f_addon.face import arkit

Floats = NDArray[np.float32]
Arrays = dict[str, NDArray[np.float64]]
Shapes = dict[str, list[Any]]

RATE, HOP = 16_000, 320
LOOK_BACK, LOOK_AHEAD, ALIGN = 4_000, 2_400, 640
PHONES = ("sil", "p", "b", "m", "f", "aa", "iy", "uw")
CLASSES = {"silence": ["sil"], "closed": ["p", "b", "m"], "labiodental": ["f"], "open": ["aa"], "spread": ["iy"], "rounded": ["uw"]}


def vowel(seconds: float, *, pitch_hz: float = 120.0, formants_hz: tuple[float, ...] = (700, 1200, 2500), rate: int = RATE) -> Floats:
    """A held vowel: harmonics of the voice, the louder the nearer they are to a formant. Float32 [samples], peak 0.5."""
    times = np.arange(round(seconds * rate)) / rate
    sound = np.zeros(len(times))
    for harmonic in np.arange(pitch_hz, min(rate / 2, 5000), pitch_hz):
        loudness = sum(1 / (1 + ((harmonic - formant) / 100) ** 2) for formant in formants_hz)
        sound += loudness * np.sin(2 * np.pi * harmonic * times)
    return (0.5 * sound / max(np.abs(sound).max(), 1e-9)).astype(np.float32)


def noise(seconds: float, *, rate: int = RATE, seed: int = 0) -> Floats:
    """White noise, float32 [samples], peak below 0.5."""
    return np.random.default_rng(seed).uniform(-0.5, 0.5, round(seconds * rate)).astype(np.float32)


def speech(seconds: float, *, rate: int = RATE, seed: int = 0) -> Floats:
    """What rises and falls as speech does: vowels, noise and pauses of 60 to 300 ms in turn, float32 [samples]."""
    random = np.random.default_rng(seed)
    pieces, length = [], 0
    while length < seconds * rate:
        lasting = random.uniform(0.06, 0.3)
        kind = random.integers(4)
        pitch, first, second = random.uniform(80, 250), random.uniform(300, 900), random.uniform(1000, 2300)
        voiced = vowel(lasting, pitch_hz=pitch, formants_hz=(first, second, 2700), rate=rate)
        piece = (voiced, voiced, 0.3 * noise(lasting, rate=rate, seed=length), 0 * voiced)[kind]
        pieces.append(piece * np.hanning(len(piece)).astype(np.float32))
        length += len(piece)
    return np.concatenate(pieces)[: round(seconds * rate)]


METADATA = {
    "a2f_format": "1",
    "kind": "offline",
    "name": "made",
    "version": "0",
    "licence": "GPL-3.0-or-later",
    "description": "A made graph, for tests.",
    "sample_rate": str(RATE),
    "hop": str(HOP),
    "look_back": str(LOOK_BACK),
    "look_ahead": str(LOOK_AHEAD),
    "align": str(ALIGN),
    "curve_names": json.dumps(arkit.NAMES),
    "phone_names": json.dumps(PHONES),
    "phone_classes": json.dumps(CLASSES),
}


HIDDEN = 12
OUTPUTS = {"curves": [1, "frames", len(arkit.NAMES)], "phones": [1, "frames", len(PHONES)], "loudness_db": [1, "frames"]}


def graph(path: Path, **metadata: str | None) -> Path:
    """An ONNX file whose every frame really hears LOOK_BACK samples before its hop and LOOK_AHEAD after it.

    Its weights are noise and its frames come in pairs (a stride of ALIGN), so that a window with too little around it, or off the grid, gives other
    frames. Keywords replace entries of the metadata; None leaves one out.
    """
    random = np.random.default_rng(1)
    pair, kernel = ALIGN // HOP, LOOK_BACK + ALIGN + LOOK_AHEAD
    weights = {
        # Both frames of a pair have the same kernel of LOOK_BACK + HOP + LOOK_AHEAD, a hop apart, and biases of their own.
        "taps": _paired(random.normal(0, 0.05, (HIDDEN, LOOK_BACK + HOP + LOOK_AHEAD)), kernel=kernel, pair=pair),
        "bias": random.normal(0, 0.3, pair * HIDDEN),
        **_heads(random),
        "to_loudness": random.normal(0, 1, (HIDDEN, 1)),
    }
    around = [0, 0, LOOK_BACK, 0, 0, LOOK_AHEAD + ALIGN - HOP]
    whole = {"zero": [0], "one": [1], "two": [2], "hop": [HOP], "frames_of": [1, -1, HIDDEN], "around": around}
    nodes = [
        _node("Unsqueeze", "audio one", "channel"),
        _node("Pad", "channel around", "padded"),
        _node("Conv", "padded taps bias", "pairs", strides=[ALIGN]),
        _node("Transpose", "pairs", "in_time", perm=[0, 2, 1]),
        _node("Reshape", "in_time frames_of", "all_frames"),
        _node("Shape", "audio", "shape"),
        _node("Slice", "shape one two", "samples"),
        _node("Div", "samples hop", "count"),
        _node("Slice", "all_frames zero count one", "frames"),
        _node("Tanh", "frames", "heard"),
        *_said(),
        _node("MatMul", "heard to_loudness", "raw_loudness"),
        _node("Squeeze", "raw_loudness two", "loudness_db"),
    ]
    return _saved(path, nodes, weights, whole, takes={"audio": [1, "samples"]}, gives=OUTPUTS, facts={**METADATA, **metadata})


LIVE_PAST, LIVE_AHEAD = 900, 500
"""Samples before and after its hop that a frame of the made live graph hears."""


def live_graph(path: Path, **metadata: str | None) -> Path:
    """An ONNX file that goes on from call to call: every frame hears LIVE_PAST samples before its hop to LIVE_AHEAD after it.

    A second state counts hops, and the loudness is that count, so that frames that are lost or heard twice show. Keywords as for :func:`graph`.
    """
    random = np.random.default_rng(1)
    kept = LIVE_PAST + LIVE_AHEAD
    weights = {"taps": random.normal(0, 0.05, (HIDDEN, 1, kept + HOP)), "bias": random.normal(0, 0.3, HIDDEN), **_heads(random)}
    whole = {"one": [1], "two": [2], "from": [-kept], "last": [-1], "end": [2**31 - 1], "axis": 1}
    nodes = [
        _node("Concat", "state_sound audio", "joined", axis=1),
        _node("Slice", "joined from end one", "state_sound_out"),
        _node("Unsqueeze", "joined one", "channel"),
        _node("Conv", "channel taps bias", "frames", strides=[HOP]),
        _node("Transpose", "frames", "in_time", perm=[0, 2, 1]),
        _node("Tanh", "in_time", "heard"),
        *_said(),
        _node("ReduceSum", "phones two", "ones", keepdims=0),
        _node("CumSum", "ones axis", "count"),
        _node("Add", "count state_count", "loudness_db"),
        _node("Slice", "loudness_db last end one", "state_count_out"),
    ]
    states = {"state_sound": [1, kept], "state_count": [1, 1]}
    gives = {**OUTPUTS, **{f"{name}_out": shape for name, shape in states.items()}}
    known = {**METADATA, "kind": "live", "look_back": "0", "look_ahead": str(LIVE_AHEAD), "align": str(HOP), "states": json.dumps(states)}
    return _saved(path, nodes, weights, whole, takes={"audio": [1, "samples"], **states}, gives=gives, facts={**known, **metadata})


def _heads(random: np.random.Generator) -> dict[str, NDArray[np.float64]]:
    return {"to_curves": random.normal(0, 1, (HIDDEN, len(arkit.NAMES))), "to_phones": random.normal(0, 1, (HIDDEN, len(PHONES)))}


def _said() -> list[Any]:
    """From what was heard to curves and phones."""
    return [
        _node("MatMul", "heard to_curves", "raw_curves"),
        _node("Sigmoid", "raw_curves", "curves"),
        _node("MatMul", "heard to_phones", "raw_phones"),
        _node("Softmax", "raw_phones", "phones", axis=-1),
    ]


def _node(kind: str, takes: str, gives: str, **attributes: Any) -> Any:
    from onnx import helper

    return helper.make_node(kind, takes.split(), [gives], **attributes)


def _saved(
    path: Path, nodes: list[Any], weights: Arrays, whole: dict[str, Any], *, takes: Shapes, gives: Shapes, facts: dict[str, str | None]
) -> Path:
    """A graph of these nodes in a file. weights and whole: its constants, of numbers with a fraction and without."""
    import onnx
    from onnx import TensorProto, helper, numpy_helper

    constants = [numpy_helper.from_array(value.astype(np.float32), name) for name, value in weights.items()]
    constants += [numpy_helper.from_array(np.array(value, np.int64), name) for name, value in whole.items()]
    ends = ([helper.make_tensor_value_info(name, TensorProto.FLOAT, shape) for name, shape in side.items()] for side in (takes, gives))
    made = helper.make_graph(nodes, "made", *ends, constants)
    model = helper.make_model(made, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    helper.set_model_props(model, {name: value for name, value in facts.items() if value is not None})
    onnx.save(model, str(path))
    return path


def _paired(taps: Floats, *, kernel: int, pair: int) -> Floats:
    """One kernel for each frame of a pair, float [pair * hidden, 1, kernel]: the same taps, each a hop later."""
    shifted = np.zeros((pair, len(taps), kernel))
    for frame in range(pair):
        shifted[frame, :, frame * HOP : frame * HOP + taps.shape[1]] = taps
    return shifted.reshape(pair * len(taps), 1, kernel)
