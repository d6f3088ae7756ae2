"""The network: a mel front end that no recording level disturbs, residual dilated convolutions, a phone head, and a mouth that listens to it too.

Everything is local in time, so that a window of a recording gives the same frames as the whole of it; :func:`context_samples` says how much a
frame hears.

The front end's level is a mean of log power over about three seconds to either side in which loud 0.2 s blocks count more than quiet ones (by the
root of their power): speech sets it and not the pauses, and a factor on the samples cancels. The same mean is taken for each mel bin and given to
the network beside the spectrum, so that it can learn to see through a microphone or a room without a sustained vowel fading, as it does under mean
subtraction.

A *live* network (:attr:`Shape.ahead`) hears hop after hop and carries its state from one call to the next. It is the same network with every
convolution turned to the past; what little it may look ahead is spent in the stem and in the first block of each round of dilations, so that what
comes next is understood as deeply as what was. Its level is a running mean, see :class:`LiveFrontEnd`. The whole of a recording is to it one long
call: there is no second way of computing that could differ.
"""

from __future__ import annotations

from collections.abc import Mapping
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

LEVEL_MEMORY_S = 3.0
"""Time constant of the live level: the reach of the other one to a side."""
USUAL_MEMORY_S = 60.0
"""Time constant of what the live level takes for usual in a recording."""
PRIOR_BELOW = 2.5 * float(np.log(10))
"""How far below the usual its prior lies, in natural-log power: 25 dB."""
PRIOR_FRAMES = 5.0
"""How many frames at that level the prior is worth. A frame of speech, 25 dB louder, outweighs it threefold at once."""
LIVE_TINY_POWER = 1e-26
LIVE_LEAST_LEVEL = float(np.log(1e-20))
"""The same two for the live level. What a recording begins with is its level at first, be it the last bit of 16, so that at -30 dB too that bit must
lie above the least level, and digital silence far enough below."""
LEAST_WEIGHT = 1e-12
"""What LIVE_LEAST_LEVEL counts where nothing was heard yet; a frame of noise at that level counts a hundred times as much."""

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
WIDENING_NOISE = 0.02
"""Of the weights' standard deviation."""


@dataclass(frozen=True)
class Shape:
    """The network's size. dilations: a residual block each, in frames.

    ahead: how many frames the stem and each block look ahead in a live network; empty for the offline one, which looks ahead as far as back.
    """

    width: int = 224
    dilations: tuple[int, ...] = (1, 2, 4, 8, 1, 2, 4, 8, 1, 2, 4, 8)
    mouth_width: int = 128
    mouth_dilations: tuple[int, ...] = (1, 2)
    dropout: float = 0.0
    ahead: tuple[int, ...] = ()

    def __post_init__(self) -> None:
        if self.ahead and not (sum(self.ahead) and self._can_look(self.ahead)):
            raise ValueError(f"a stem and blocks of the dilations {self.dilations} cannot look {self.ahead} frames ahead")

    def _can_look(self, ahead: tuple[int, ...]) -> bool:
        return len(ahead) == 1 + len(self.dilations) and all(0 <= a <= 2 * d for a, d in zip(ahead, (1, *self.dilations), strict=True))

    @property
    def live(self) -> bool:
        """Whether it hears hop after hop."""
        return bool(self.ahead)

    @property
    def look_ahead(self) -> int:
        """Samples after its hop that a frame of a live network hears, the mel window's included."""
        return sum(self.ahead) * HOP + MARGIN

    @property
    def late(self) -> int:
        """Frames that come out of a live network before the first that counts; the first of them is of the lead-in."""
        return sum(self.ahead) + 1

    def as_dict(self) -> dict[str, Any]:
        """What JSON can hold of it, and `Shape(**...)` takes back once lists are tuples again."""
        return asdict(self)

    @property
    def reach_frames(self) -> int:
        """Frames to either side that an output depends on, apart from the level; the stem looks one frame to each side."""
        return 1 + sum(self.dilations) + sum(self.mouth_dilations)


LIVE = Shape(ahead=(1, 1, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0))
"""The live network: 87.5 ms after the end of a frame's hop, 97.5 ms after the moment that it stands for."""


def context_samples(shape: Shape) -> int:
    """Samples before, and as many after, its own hop that a frame can depend on, for a window that begins at a multiple of BLOCK.

    Of the offline network: the live one has its states.

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

    tiny, least = TINY_POWER, LEAST_LEVEL

    def __init__(self) -> None:
        super().__init__()
        for name, value in (("window", mel_window()), ("mel", mel_weights()), ("kernel", level_kernel()), ("line", between_blocks())):
            self.register_buffer(name, torch.from_numpy(value), persistent=False)

    def forward(self, audio: Tensor, mel: Tensor | None = None) -> Heard:
        """audio: [batch, samples], a whole number of hops.

        mel: weights [batch, FFT // 2 + 1, MELS] in place of its own, where vocal tracts are warped.
        """
        power = self.power(functional.pad(audio, (MARGIN, MARGIN)), mel)
        level, channel = self._levels(power)
        return self._relative(power, level, channel)

    def _relative(self, power: Tensor, level: Tensor, channel: Tensor) -> Heard:
        log_power = (power + self.tiny).log().unflatten(1, (-1, 2))
        spectrum = _scaled(log_power - level[:, :, None]).flatten(2)
        pair = power.sum(2).unflatten(1, (-1, 2)).mean(2)
        return Heard(spectrum, _scaled(channel), 10 * torch.log10(pair + TINY_POWER))

    def power(self, audio: Tensor, mel: Tensor | None = None) -> Tensor:
        """Power of each mel frame and bin, [batch, 2 * frames, MELS], of sound with a MARGIN on each side."""
        framed = audio.unfold(1, MEL_WINDOW, MEL_HOP)
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
        level = means[:, :, :1].clamp(min=self.least)
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


States = dict[str, Tensor]
"""What a live network carries from call to call, by name, each [batch, ...]; zeros at the beginning."""


class LiveFrontEnd(FrontEnd):
    """The same without a future: the level is a running mean of each frame's log power, in which loud frames count more (by the root of their power).

    A prior of a little weight takes part in it, well below what is usual in the recording, which is the same mean with a memory of a minute: the
    noise of a long pause never becomes as loud as speech. Both begin with the first sound, so that a factor on the samples cancels here too.
    """

    tiny, least = LIVE_TINY_POWER, LIVE_LEAST_LEVEL

    def forward(self, audio: Tensor, mel: Tensor | None = None, *, sums: Tensor | None = None) -> Heard:
        """audio: [batch, samples], as :meth:`Network.whole` gives it, so that the first frame is of the lead-in.

        sums: [batch, 1, MELS + 4], running sums that stand already.
        """
        states = self.beginning(len(audio), audio.device)
        if sums is not None:
            states["level"] = sums
        return self.stream(audio, states, mel)[0]

    def settled(self, audio: Tensor, mel: Tensor | None = None) -> Tensor:
        """The running sums after a sound, [batch, 1, MELS + 4]."""
        states = self.beginning(len(audio), audio.device)
        return self.running(self.power(torch.cat((states["audio"], audio), 1), mel), states["level"])[:, -1:]

    @staticmethod
    def louder(sums: Tensor, by: Tensor) -> Tensor:
        """The running sums of the same sound at another level. by: [batch, 1, 1], in natural-log power."""
        weights = torch.cat((sums[:, :, :1], sums[:, :, :1], sums[:, :, 2:3].expand(-1, -1, MELS + 2)), 2)
        logs = torch.ones_like(sums)
        logs[:, :, [0, 2]] = 0
        return (sums + by * weights * logs) * torch.exp(by / 2)

    def beginning(self, batch: int, device: torch.device) -> States:
        """The states before any sound."""
        return {"audio": torch.zeros(batch, 2 * MARGIN, device=device), "level": torch.zeros(batch, 1, MELS + 4, device=device)}

    def stream(self, audio: Tensor, states: States, mel: Tensor | None = None) -> tuple[Heard, States]:
        """The frames that these hops complete, and the states after them."""
        joined = torch.cat((states["audio"], audio), 1)
        power = self.power(joined, mel)
        sums = self.running(power, states["level"])
        usual = (sums[:, :, 1:2] + LEAST_WEIGHT * self.least) / (sums[:, :, :1] + LEAST_WEIGHT)
        prior = usual - PRIOR_BELOW
        worth = PRIOR_FRAMES * torch.exp(0.5 * prior)
        means = (sums[:, :, 3:] + worth * prior) / (sums[:, :, 2:3] + worth)
        level = means[:, :, :1].clamp(min=self.least)
        return self._relative(power, level, means[:, :, 1:] - level), {"audio": joined[:, -2 * MARGIN :], "level": sums[:, -1:]}

    def running(self, power: Tensor, before: Tensor) -> Tensor:
        """Running sums of each frame's weight and of its log power so weighted, over USUAL_MEMORY_S; of the same over LEVEL_MEMORY_S; and of the log
        power of its bins. [batch, frames, MELS + 4].

        Written as matrices of decays, which is quick for the few seconds that a call may be long.
        """
        frame = power.unflatten(1, (-1, 2)).mean(2)
        loud = frame.mean(2, keepdim=True)
        weight = loud.sqrt()
        new = torch.cat((weight, weight * torch.cat((loud, frame), 2).add(self.tiny).log()), 2)
        # Counted off the frames themselves: the exporter of ONNX would keep an arange, and ones_like too, at the length that it traced.
        place = (0 * weight[0, :, 0] + 1).cumsum(0)
        usual = _decayed(new[:, :, :2], before[:, :, :2], place, memory_s=USUAL_MEMORY_S)
        return torch.cat((usual, _decayed(new, before[:, :, 2:], place, memory_s=LEVEL_MEMORY_S)), 2)


def _decayed(new: Tensor, before: Tensor, place: Tensor, *, memory_s: float) -> Tensor:
    """Sums up to each frame of what is new, [batch, frames, values], in which what is older fades. place: float [frames], their numbers from 1."""
    apart = place[:, None] - place
    decay = torch.exp(-HOP / RATE / memory_s * apart.clamp(min=0)) * (apart >= 0).to(new.dtype)
    fading = torch.exp(-HOP / RATE / memory_s * place)
    return decay @ new + fading[:, None] * before


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

    def forward(self, x: Tensor, before: Tensor | None = None) -> Tensor:
        """before: [batch, 2 * dilation, channels], what came before x in a live network, which then hears nothing later; else there is nothing
        beyond the ends."""
        step = self.dilation
        padded = functional.pad(x, (0, 0, step, step)) if before is None else torch.cat((before, x), 1)
        return self.linear(torch.cat((padded[:, : -2 * step], padded[:, step:-step], padded[:, 2 * step :]), 2))


class Block(nn.Module):
    """A residual block: normalise, look around, combine."""

    def __init__(self, width: int, dilation: int, dropout: float) -> None:
        super().__init__()
        self.norm = nn.LayerNorm(width)
        self.around = Dilated(width, width, dilation)
        self.drop = nn.Dropout(dropout)
        self.combine = nn.Linear(width, width)

    def forward(self, x: Tensor) -> Tensor:
        return x + self._added(self.norm(x))

    def stream(self, x: Tensor, before: Tensor, *, ahead: int) -> tuple[Tensor, Tensor]:
        """As forward, of frames that come `ahead` frames later than x's; and the frames that the next call needs.

        before: [batch, 2 * dilation, width].
        """
        length = 2 * self.around.dilation
        joined = torch.cat((before.to(x.dtype), x), 1)
        normed = self.norm(joined)
        late = joined[:, length - ahead : -ahead] if ahead else joined[:, length:]
        return late + self._added(normed[:, length:], normed[:, :length]), joined[:, -length:]

    def _added(self, x: Tensor, before: Tensor | None = None) -> Tensor:
        return self.combine(self.drop(functional.relu(self.around(x, before))))


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
        self.front_end = LiveFrontEnd() if shape.live else FrontEnd()
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

    def forward(self, audio: Tensor, margins: Tensor | None = None) -> tuple[Said, Tensor]:
        """audio: [batch, samples], a whole number of hops. Returns what is said and the loudness in dB, [batch, frames].

        margins: int64 [2], of an offline network: so many frames at the beginning and at the end are heard for the level alone, and not given.
        """
        heard = self.front_end(self.whole(audio))
        if margins is not None:
            # Counted off the audio: the exporter of ONNX would keep a part's own length as that which it traced.
            heard = Heard(*(part[:, margins[0] : audio.shape[1] // HOP - margins[1]] for part in heard))
        return self.say(heard.spectrum, heard.channel), heard.loudness_db[:, self._lead : self._lead + audio.shape[1] // HOP]

    @property
    def _lead(self) -> int:
        return int(self.shape.live)

    def whole(self, audio: Tensor) -> Tensor:
        """Sound with the silence around it that a live network needs to hear all of it: a lead-in, and what it looks ahead."""
        return functional.pad(audio, (HOP - MARGIN, self.shape.look_ahead)) if self.shape.live else audio

    def say(self, spectrum: Tensor, channel: Tensor) -> Said:
        """spectrum and channel as in :class:`Heard`, of :meth:`whole` sound."""
        if self.shape.live:
            said, _ = self.say_on(spectrum, channel, self.beginning(len(spectrum), spectrum.device))
            return Said(*(part[:, self.shape.late :] for part in said))
        x = self.stem(spectrum) + self.channel(channel)
        for block in self.blocks:
            x = block(x)
        x, logs = self._phones(x)
        for layer in self.mouth:
            x = functional.relu(layer(x))
        return self._pose(x, logs)

    def _phones(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """What the mouth hears, and the phones' log-probabilities."""
        x = self.norm(x)
        logs = self.phones(x).float().log_softmax(2)
        told = logs.clamp(min=LOG_PROBABILITY_FLOOR) / -LOG_PROBABILITY_FLOOR
        return torch.cat((x, told.to(x.dtype)), 2), logs

    def _pose(self, x: Tensor, logs: Tensor) -> Said:
        parted, sealed, seal = self.poses(x).float().split((len(CHANNELS), len(CHANNELS), 1), 2)
        return Said(logs, parted + torch.sigmoid(seal) * (sealed - parted), seal[:, :, 0])

    # ---- live --------------------------------------------------------------------------------------------------------------------------------------

    def beginning(self, batch: int = 1, device: torch.device | None = None) -> States:
        """The states of a live network before any sound."""
        device = device or self.poses.weight.device
        wide = {"stem": self.stem, **{f"block_{i}": block.around for i, block in enumerate(self.blocks)}}
        wide |= {f"mouth_{i}": layer for i, layer in enumerate(self.mouth)}
        convolved = {name: torch.zeros(batch, 2 * layer.dilation, layer.linear.in_features // 3, device=device) for name, layer in wide.items()}
        return self.front_end.beginning(batch, device) | convolved | {"loudness": torch.zeros(batch, sum(self.shape.ahead), device=device)}

    def stream(self, audio: Tensor, states: States) -> tuple[Said, Tensor, States]:
        """What a live network makes of the next hops: as many frames, `late` of which it owes at the beginning, and the states after them.

        audio: [batch, samples], a whole number of hops, of a recording that begins with HOP - MARGIN zeros.
        """
        heard, after = self.front_end.stream(audio, states)
        said, convolved = self.say_on(heard.spectrum, heard.channel, states)
        loudness, ahead = torch.cat((states["loudness"], heard.loudness_db), 1), sum(self.shape.ahead)
        return said, loudness[:, :-ahead], after | convolved | {"loudness": loudness[:, -ahead:]}

    def say_on(self, spectrum: Tensor, channel: Tensor, states: States) -> tuple[Said, States]:
        """As say, going on from states."""
        after: States = {}
        x = self._on("stem", self.stem, spectrum, states, after) + self.channel(channel)
        for i, block in enumerate(self.blocks):
            x, after[f"block_{i}"] = block.stream(x, states[f"block_{i}"], ahead=self.shape.ahead[1 + i])
        x, logs = self._phones(x)
        for i, layer in enumerate(self.mouth):
            x = functional.relu(self._on(f"mouth_{i}", layer, x, states, after))
        return self._pose(x, logs), after

    @staticmethod
    def _on(name: str, layer: Dilated, x: Tensor, states: States, after: States) -> Tensor:
        before = states[name].to(x.dtype)
        after[name] = torch.cat((before, x), 1)[:, -2 * layer.dilation :]
        return layer(x, before)


def turned(weights: Mapping[str, Tensor], shape: Shape) -> dict[str, Tensor]:
    """An offline network's weights as a beginning for a live one of the same sizes: what it will not hear is taken to be as the last that it hears.

    A tap that lies where the live network has none gives its weight to the nearest.
    """
    begun = {name: value.clone() for name, value in weights.items()}
    ahead = {"stem.linear": (1, shape.ahead[0])}
    ahead |= {f"blocks.{i}.around.linear": (dilation, shape.ahead[1 + i]) for i, dilation in enumerate(shape.dilations)}
    ahead |= {f"mouth.{i}.linear": (dilation, 0) for i, dilation in enumerate(shape.mouth_dilations)}
    for name, (dilation, frames) in ahead.items():
        taps = weights[f"{name}.weight"].chunk(3, 1)
        places = [frames - 2 * dilation, frames - dilation, frames]
        moved = [torch.zeros_like(tap) for tap in taps]
        for tap, wanted in zip(taps, (-dilation, 0, dilation), strict=True):
            moved[min(range(3), key=lambda i: abs(places[i] - wanted))] += tap
        begun[f"{name}.weight"] = torch.cat(moved, 1)
    return begun


def widened(weights: Mapping[str, Tensor], shape: Shape, *, seed: int = 0) -> dict[str, Tensor]:
    """A narrower network's weights as a beginning for one of this shape that differs in nothing but its width.

    Each further channel is a copy of one that there is, and what listens to the two hears each by half (Chen et al., "Net2Net", 2016); a little noise
    lets them part ways. Only the norms, which now count some channels twice, make it say something slightly else.
    """
    random = torch.Generator().manual_seed(seed)
    narrow = weights["norm.weight"].shape[0]

    def copies() -> Tensor:
        return torch.cat((torch.arange(narrow), torch.randint(narrow, (shape.width - narrow,), generator=random)))

    stream = copies()
    begun = {name: value.clone() for name, value in weights.items()}
    for name in ("stem.linear", "channel"):
        _copy_outputs(begun, name, stream)
    for i in range(len(shape.dilations)):
        inner = copies()
        _copy_outputs(begun, f"blocks.{i}.norm", stream)
        _share_inputs(begun, f"blocks.{i}.around.linear", stream, taps=3)
        _copy_outputs(begun, f"blocks.{i}.around.linear", inner)
        _share_inputs(begun, f"blocks.{i}.combine", inner)
        _copy_outputs(begun, f"blocks.{i}.combine", stream)
    _copy_outputs(begun, "norm", stream)
    _share_inputs(begun, "phones", stream)
    _share_inputs(begun, "mouth.0.linear", stream, taps=3)
    for name, value in begun.items():
        if value.shape != weights[name].shape and value.ndim == 2:
            value += WIDENING_NOISE * value.std() * torch.randn(value.shape, generator=random)
    return begun


def _copy_outputs(weights: dict[str, Tensor], name: str, rows: Tensor) -> None:
    for part in (f"{name}.weight", f"{name}.bias"):
        weights[part] = weights[part][rows]


def _share_inputs(weights: dict[str, Tensor], name: str, rows: Tensor, *, taps: int = 1) -> None:
    """Inputs beyond the stream's, which are the same for every tap, stay as they are."""
    split = weights[f"{name}.weight"].unflatten(1, (taps, -1))
    narrow = int(rows.max()) + 1
    shared = split[:, :, rows] / torch.bincount(rows)[rows]
    weights[f"{name}.weight"] = torch.cat((shared, split[:, :, narrow:]), 2).flatten(1)
