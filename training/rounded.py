"""Layers that multiply whole numbers of eight bits in place of real ones: two to four times as fast on a CPU, and a quarter of the size.

What comes in is rounded to 256 steps of a range that was measured beforehand, so that a frame gives the same whatever stands around it; a column of
weights is rounded to 127 steps of its own largest. Weights keep to seven bits since processors without the newer instructions (AVX512-VNNI and its
like) add pairs of products in sixteen bits.

The file says so in ONNX's own way, QuantizeLinear and DequantizeLinear around a plain MatMul: on a CPU onnxruntime makes products of whole numbers of
it, and where it can't, as on a graphics card, the same numbers are multiplied as real ones.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

import torch
from torch import Tensor, nn

from training.network import Dilated, Network

STEPS = 255
WEIGHT_STEPS = 63
INSIDE = 0.9999
"""The share of what comes in that a range holds; what lies outside is taken for its end."""
SCALE_BITS = 11
"""A weight's scale has no more, so that weights that were rounded once are their own rounding: 63 times it fits into single precision."""
Ranges = Mapping[str, tuple[float, float]]
"""The least and the greatest value that comes into a layer, by the layer's name in the network."""


class _Quantised(torch.autograd.Function):
    """ONNX's QuantizeLinear."""

    @staticmethod
    def forward(ctx: Any, x: Tensor, scale: Tensor, zero: Tensor) -> Tensor:
        return (x / scale).round().add(zero).clamp(0, STEPS).to(torch.uint8)

    @staticmethod
    def symbolic(graph: Any, x: Any, scale: Any, zero: Any) -> Any:
        return graph.op("QuantizeLinear", x, scale, zero)


class _Restored(torch.autograd.Function):
    """ONNX's DequantizeLinear; scale: of all, or of each column."""

    @staticmethod
    def forward(ctx: Any, whole: Tensor, scale: Tensor, zero: Tensor) -> Tensor:
        return (whole.float() - zero.float()) * scale

    @staticmethod
    def symbolic(graph: Any, whole: Any, scale: Any, zero: Any) -> Any:
        return graph.op("DequantizeLinear", whole, scale, zero, axis_i=1)


class RoundedLinear(nn.Module):
    """A linear layer of whole numbers, [batch, frames, inputs] to [batch, frames, outputs]."""

    def __init__(self, linear: nn.Linear, low: float, high: float) -> None:
        super().__init__()
        low, high = min(low, 0.0), max(high, 0.0, low + 1e-6)
        scale = (high - low) / STEPS
        steps, weight_scale = rounded(linear.weight.detach())
        self.register_buffer("scale", torch.tensor(scale, dtype=torch.float32))
        self.register_buffer("zero", torch.tensor(round(-low / scale), dtype=torch.uint8))
        self.register_buffer("steps", steps.T.contiguous())
        self.register_buffer("column_scale", weight_scale)
        self.register_buffer("column_zero", torch.zeros_like(weight_scale, dtype=torch.int8))
        self.bias, self.in_features = linear.bias, linear.in_features

    def quantised(self, x: Tensor) -> Tensor:
        """uint8, of the same shape."""
        return _Quantised.apply(x, self.scale, self.zero)

    def product(self, x: Tensor) -> Tensor:
        """Of what was quantised."""
        weights = _Restored.apply(self.steps, self.column_scale, self.column_zero)
        return _Restored.apply(x, self.scale, self.zero) @ weights + self.bias

    def forward(self, x: Tensor) -> Tensor:
        return self.product(self.quantised(x))


class RoundedDilated(nn.Module):
    """A :class:`Dilated` of whole numbers; rounded first, so that what is copied beside each other is small."""

    def __init__(self, dilated: Dilated, low: float, high: float) -> None:
        super().__init__()
        self.dilation = dilated.dilation
        self.linear = RoundedLinear(dilated.linear, low, high)
        nothing = self.linear.zero.expand(1, self.dilation, dilated.linear.in_features // 3)
        self.register_buffer("nothing", nothing.clone())

    def forward(self, x: Tensor, before: Tensor | None = None) -> Tensor:
        """As Dilated.forward."""
        step, whole = self.dilation, self.linear.quantised(x if before is None else torch.cat((before, x), 1))
        padded = torch.cat((self.nothing, whole, self.nothing), 1) if before is None else whole
        return self.linear.product(torch.cat((padded[:, : -2 * step], padded[:, step:-step], padded[:, 2 * step :]), 2))


def rounded(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Weights [outputs, inputs] as whole numbers, int8, and each row's scale, float32 [outputs]; times each other they are the weights again."""
    largest = weight.double().abs().amax(1).clamp(min=1e-9) / WEIGHT_STEPS
    mantissa, exponent = torch.frexp(largest)
    scale = torch.ldexp((mantissa * 2**SCALE_BITS).ceil(), exponent - SCALE_BITS)
    return (weight.double() / scale[:, None]).round().to(torch.int8), scale.float()


def measured(taught: Network, spectra: Iterable[tuple[Tensor, Tensor]]) -> dict[str, tuple[float, float]]:
    """The ranges of a network's wide layers over some sound, [batch, frames, ...] of spectrum and channel as Network.say takes them.

    Each end leaves out half of what INSIDE does, of each batch; the widest of them counts.
    """
    found: dict[str, tuple[float, float]] = {}

    def watch(name: str) -> Any:
        def hook(_: nn.Module, inputs: tuple[Tensor, ...]) -> None:
            values = inputs[0].detach().flatten().float()
            outside = math.ceil(len(values) * (1 - INSIDE) / 2)
            low, high = -(-values).topk(outside).values[-1], values.topk(outside).values[-1]
            before = found.get(name, (0.0, 0.0))
            found[name] = (min(before[0], float(low)), max(before[1], float(high)))

        return hook

    hooks = [linear.register_forward_pre_hook(watch(name)) for name, linear in _wide(taught)]
    try:
        with torch.no_grad():
            for spectrum, channel in spectra:
                taught.say(spectrum, channel)
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _wide(taught: Network) -> Iterator[tuple[str, nn.Linear]]:
    """The layers that do nearly all of the work, by name."""
    for i, block in enumerate(taught.blocks):
        yield f"blocks.{i}.around", block.around.linear
        yield f"blocks.{i}.combine", block.combine


def round_off(taught: Network, ranges: Ranges) -> None:
    """Put layers of whole numbers in the place of a network's wide ones. Raises KeyError where a range is missing."""
    for i, block in enumerate(taught.blocks):
        block.around = RoundedDilated(block.around, *ranges[f"blocks.{i}.around"])
        block.combine = RoundedLinear(block.combine, *ranges[f"blocks.{i}.combine"])
