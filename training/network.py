"""The network: a mel front end that no recording level disturbs, residual dilated convolutions, a phone head, and a mouth that listens to it too.

Everything is local in time, so that a window of a recording gives the same frames as the whole of it; :func:`context_samples` says how much a
frame hears.

The front end's level is a mean of log power over about three seconds to either side in which loud 0.2 s blocks count more than quiet ones (by the
root of their power): speech sets it and not the pauses, and a factor on the samples cancels. The same mean is taken for each mel bin and given to
the network beside the spectrum, so that it can learn to see through a microphone or a room without a sustained vowel fading, as it does under mean
subtraction.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from torch.nn import functional

from a2f_addon.face import arkit
from training import phones

RATE = 16_000
HOP = 320
"""Samples a frame: 50 frames a second."""
MEL_HOP = 160
MEL_WINDOW = 400
FFT = 512
MELS = 80
MEL_RANGE_HZ = (50.0, 7600.0)
FRAMES_PER_BLOCK = 10
BLOCK = FRAMES_PER_BLOCK * HOP
"""Samples over which power is averaged for the level: 0.2 s."""
LEVEL_REACH = 15
"""Blocks to either side that the level looks at: 3 s."""
MARGIN = (MEL_WINDOW - MEL_HOP) // 2
"""Samples that a mel window reaches beyond its hop, on each side."""

TINY_POWER = 1e-20
"""Keeps logarithms finite; far below the power of a recording at -100 dBFS."""
LEAST_LEVEL = float(np.log(1e-11))
"""Log power a mel bin taken for the level of anything quieter: about that of white noise at -116 dBFS, well under the last of 16 bits. Digital
silence thus stays silence."""
FLOOR, CEILING = -12.0, 6.0
"""Natural-log power around the level that the network sees; -12 is 52 dB below."""
SPAN = 6.0
"""What one unit of the network's input is, in natural-log power."""

#: The mouth's channels that the network gives; a face shape with two sides moves both alike.
CHANNELS: dict[str, tuple[str, ...]] = {
    "jawOpen": ("jawOpen",),
    "mouthClose": ("mouthClose",),
    "mouthFunnel": ("mouthFunnel",),
    "mouthPucker": ("mouthPucker",),
    "mouthRollLower": ("mouthRollLower",),
    "mouthRollUpper": ("mouthRollUpper",),
    **{name: (f"{name}Left", f"{name}Right") for name in ("mouthUpperUp", "mouthLowerDown", "mouthStretch", "mouthSmile", "mouthPress")},
}
COLUMNS: tuple[int, ...] = tuple(arkit.NAMES.index(names[0]) for names in CHANNELS.values())
"""Where each channel stands among the 52."""
LOG_PROBABILITY_FLOOR = -8.0
"""The mouth is told no smaller log-probability: below it differences mean nothing."""


@dataclass(frozen=True)
class Shape:
    """The network's size. dilations: a residual block each, in frames."""

    width: int = 192
    dilations: tuple[int, ...] = (1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8)
    mouth_width: int = 128
    mouth_dilations: tuple[int, ...] = (1, 2)
    dropout: float = 0.1

    def as_dict(self) -> dict[str, Any]:
        return asdict(self)

    @property
    def reach_frames(self) -> int:
        """Frames to either side that an output depends on, apart from the level; the stem looks one frame to each side."""
        return 1 + sum(self.dilations) + sum(self.mouth_dilations)


def context_samples(shape: Shape) -> int:
    """Samples before, and as many after, its own hop that a frame can depend on, for a window that begins at a multiple of BLOCK.

    The furthest frame that the convolutions see takes its level from its own block of 0.2 s and from the next one if it lies in the half towards it;
    each of them looks LEVEL_REACH blocks further. At worst that frame is the last of that half, seen from the block's far end.
    """
    frames = shape.reach_frames + (FRAMES_PER_BLOCK // 2 - 1) + (1 + LEVEL_REACH) * FRAMES_PER_BLOCK
    return frames * HOP + MARGIN


# ---- the front end ---------------------------------------------------------------------------------------------------------------------------------


def mel_scale(hertz: NDArray[np.float64] | float) -> NDArray[np.float64]:
    """Mel of a frequency by O'Shaughnessy's formula ("Speech Communication: Human and Machine", 1987)."""
    return np.asarray(2595.0 * np.log10(1.0 + np.asarray(hertz) / 700.0))


def mel_weights(warp: float = 1.0) -> NDArray[np.float32]:
    """Weights from power spectrum to mel bins, float32 [FFT // 2 + 1, MELS]: triangles, times the power response of a pre-emphasis of 0.97.

    warp: factor on the centre frequencies; above 1 the spectrum looks like that of a longer vocal tract. Triangles are never narrower than the
    spectrum's own bins, so that none is empty.
    """
    edges_mel = np.linspace(*mel_scale(np.array(MEL_RANGE_HZ)), MELS + 2)
    edges_hz = 700.0 * (10.0 ** (edges_mel / 2595.0) - 1.0) * warp
    hertz = np.arange(FFT // 2 + 1) * RATE / FFT
    centre = edges_hz[1:-1]
    below, above = (np.maximum(width, RATE / FFT) for width in (centre - edges_hz[:-2], edges_hz[2:] - centre))
    offset = hertz[:, None] - centre
    triangles = np.maximum(0.0, 1.0 - np.where(offset < 0, -offset / below, offset / above))
    emphasis = np.abs(1.0 - 0.97 * np.exp(-2j * np.pi * hertz / RATE)) ** 2
    return (triangles * emphasis[:, None] / FFT).astype(np.float32)


def mel_window() -> NDArray[np.float32]:
    """Hann window, float32 [MEL_WINDOW], of unit mean square."""
    window = np.hanning(MEL_WINDOW + 1)[:-1]
    return (window / np.sqrt(np.mean(window**2))).astype(np.float32)


def level_kernel() -> NDArray[np.float32]:
    """How much each block counts for the level by its distance, float32 [2 * LEVEL_REACH + 1]: a Hann shape without its zeros."""
    return np.hanning(2 * LEVEL_REACH + 3)[1:-1].astype(np.float32)


def between_blocks() -> NDArray[np.float32]:
    """Weights that draw a straight line between the middles of blocks, float32 [3, FRAMES_PER_BLOCK]: of the block before, its own, the one after."""
    offset = (np.arange(FRAMES_PER_BLOCK) + 0.5) / FRAMES_PER_BLOCK - 0.5
    return np.stack((np.maximum(-offset, 0), 1 - np.abs(offset), np.maximum(offset, 0))).astype(np.float32)


class Heard(NamedTuple):
    """What the front end gives.

    spectrum: [batch, frames, 2 * MELS], two mel frames a frame. channel: [batch, frames, MELS]. Both are 0 at FLOOR and 1 at SPAN above it.
    loudness_db: [batch, frames], 0 for a pre-emphasised power of 1.
    """

    spectrum: Tensor
    channel: Tensor
    loudness_db: Tensor


class FrontEnd(nn.Module):
    """From samples to the level-independent spectrum. It has nothing to learn."""

    def __init__(self) -> None:
        super().__init__()
        for name, value in (("window", mel_window()), ("mel", mel_weights()), ("kernel", level_kernel()), ("line", between_blocks())):
            self.register_buffer(name, torch.from_numpy(value), persistent=False)

    def forward(self, audio: Tensor, mel: Tensor | None = None) -> Heard:
        """audio: [batch, samples], a whole number of hops.

        mel: weights [batch, FFT // 2 + 1, MELS] in place of its own, where vocal tracts are warped.
        """
        power = self.power(audio, mel)
        level, channel = self._levels(power)
        log_power = (power + TINY_POWER).log().unflatten(1, (-1, 2))
        spectrum = _scaled(log_power - level[:, :, None]).flatten(2)
        pair = power.sum(2).unflatten(1, (-1, 2)).mean(2)
        return Heard(spectrum, _scaled(channel), 10 * torch.log10(pair + TINY_POWER))

    def power(self, audio: Tensor, mel: Tensor | None = None) -> Tensor:
        """Power of each mel frame and bin, [batch, 2 * frames, MELS]."""
        framed = functional.pad(audio, (MARGIN, MARGIN)).unfold(1, MEL_WINDOW, MEL_HOP)
        bins = torch.fft.rfft(framed * self.window, FFT)
        return (bins.real.square() + bins.imag.square()) @ (self.mel if mel is None else mel)

    def _levels(self, power: Tensor) -> tuple[Tensor, Tensor]:
        """The level, log power a mel bin, [batch, frames, 1], and each bin's mean relative to it, [batch, frames, MELS]."""
        frames = power.shape[1] // 2
        missing = -frames % FRAMES_PER_BLOCK
        blocks = functional.pad(power, (0, 0, 0, 2 * missing)).unflatten(1, (-1, 2 * FRAMES_PER_BLOCK)).mean(2)
        loud = blocks.mean(2, keepdim=True)
        weight = loud.sqrt() + TINY_POWER
        logs = torch.cat((loud, blocks), 2).add(TINY_POWER).log()
        sums = self._spread(torch.cat((weight, weight * logs), 2))
        means = sums[:, :, 1:] / sums[:, :, :1]
        level = means[:, :, :1].clamp(min=LEAST_LEVEL)
        lined = self._lined(torch.cat((level, means[:, :, 1:] - level), 2))[:, :frames]
        return lined[:, :, :1], lined[:, :, 1:]

    def _spread(self, blocks: Tensor) -> Tensor:
        """Sums over the neighbouring blocks by the kernel; there is nothing beyond the ends."""
        flat = blocks.transpose(1, 2).flatten(0, 1)[:, None]
        spread = functional.conv1d(flat, self.kernel[None, None], padding=LEVEL_REACH)
        return spread.view(blocks.shape[0], blocks.shape[2], -1).transpose(1, 2)

    def _lined(self, blocks: Tensor) -> Tensor:
        """From blocks to frames along straight lines; beyond the first and last block they go on level."""
        before = torch.cat((blocks[:, :1], blocks[:, :-1]), 1)
        after = torch.cat((blocks[:, 1:], blocks[:, -1:]), 1)
        return torch.einsum("kbnc,kf->bnfc", torch.stack((before, blocks, after)), self.line).flatten(1, 2)


def _scaled(log_power: Tensor) -> Tensor:
    return (log_power.clamp(FLOOR, CEILING) - FLOOR) / SPAN


# ---- the learned part ------------------------------------------------------------------------------------------------------------------------------


class Dilated(nn.Module):
    """A convolution over three frames `dilation` apart, [batch, frames, channels] in and out.

    Written as one matrix product: on CPUs with bfloat16 that is several times faster than a convolution layer.
    """

    def __init__(self, inputs: int, outputs: int, dilation: int) -> None:
        super().__init__()
        self.dilation = dilation
        self.linear = nn.Linear(3 * inputs, outputs)

    def forward(self, x: Tensor) -> Tensor:
        frames, step = x.shape[1], self.dilation
        padded = functional.pad(x, (0, 0, step, step))
        return self.linear(torch.cat((padded[:, :frames], x, padded[:, 2 * step :]), 2))


class Block(nn.Module):
    """A residual block: normalise, look around, combine."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.around = Dilated(width, width, dilation)
        self.drop = nn.Dropout(dropout)
        self.combine = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self.combine(self.drop(functional.relu(self.around(self.norm(x)))))


class Said(NamedTuple):
    """What the network gives, each [batch, frames, ...].

    phones: log-probabilities in the order of phones.PHONES. mouth: curves in the order of CHANNELS, not yet limited to 0..1. seal: log-odds that the
    lips are sealed.
    """

    phones: Tensor
    mouth: Tensor
    seal: Tensor


class Network(nn.Module):
    """From samples to phones and the mouth.

    The mouth is a mixture of two poses, parted and sealed, by the odds of a seal: a seal comes or doesn't, and the mean of both is neither.
    """

    def __init__(self, shape: Shape | None = None) -> None:
        super().__init__()
        self.shape = shape = shape or Shape()
        self.front_end = FrontEnd()
        self.stem = Dilated(2 * MELS, shape.width, 1)
        self.channel = nn.Linear(MELS, shape.width)
        self.blocks = nn.ModuleList(Block(shape.width, dilation, shape.dropout) for dilation in shape.dilations)
        self.norm = nn.LayerNorm(shape.width)
        self.phones = nn.Linear(shape.width, len(phones.PHONES))
        widths = (shape.width + len(phones.PHONES), *(shape.mouth_width for _ in shape.mouth_dilations))
        self.mouth = nn.ModuleList(
            Dilated(before, after, dilation) for before, after, dilation in zip(widths, widths[1:], shape.mouth_dilations, strict=False)
        )
        self.poses = nn.Linear(shape.mouth_width, 2 * len(CHANNELS) + 1)

    def forward(self, audio: Tensor) -> tuple[Said, Tensor]:
        """audio: [batch, samples], a whole number of hops. Returns what is said and the loudness in dB, [batch, frames]."""
        heard = self.front_end(audio)
        return self.say(heard.spectrum, heard.channel), heard.loudness_db

    def say(self, spectrum: Tensor, channel: Tensor) -> Said:
        """spectrum and channel as in :class:`Heard`."""
        x = self.stem(spectrum) + self.channel(channel)
        for block in self.blocks:
            x = block(x)
        x = self.norm(x)
        logs = self.phones(x).float().log_softmax(2)
        told = logs.clamp(min=LOG_PROBABILITY_FLOOR) / -LOG_PROBABILITY_FLOOR
        x = torch.cat((x, told.to(x.dtype)), 2)
        for layer in self.mouth:
            x = functional.relu(layer(x))
        parted, sealed, seal = self.poses(x).float().split((len(CHANNELS), len(CHANNELS), 1), 2)
        return Said(logs, parted + torch.sigmoid(seal) * (sealed - parted), seal[:, :, 0])
