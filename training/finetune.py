"""From the bundled model to one of a performer: the same network, taught on with captures of their face and their speech.

What the captures say goes into the mouth alone. What is heard stays bit for bit, since a few minutes of one voice must not unlearn what hours of many
taught: the phones, and with them the seals that the add-on makes of them. The mouth's own odds of a seal are held to those of before, and lips that
are heard meeting meet in the captures too before it learns from them, since a tracker is often wrong by the few millimetres that matter. It
begins with one gain and one offset for each channel, which alone are most of a performer's manner and hold for any voice; what is taught beyond is
little, and noise, music and breath give the mouth that they gave then. Some of the captures are never taught, and judged before and after; teaching
ends when they no longer gain, and what would lose a seal among them is not kept.
"""

from __future__ import annotations

import copy
import hashlib
import json
import math
import time
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from itertools import pairwise, permutations
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from a2f_addon.errors import A2FError
from a2f_addon.face import arkit, closure
from a2f_addon.face.curves import FaceCurves, Speech
from training import augment, captures, corpora, export, network, phones, quiet, train
from training.augment import LABEL_HZ
from training.captures import CaptureError, Floats, Take
from training.corpora import RATE
from training.network import CHANNELS, Network, Said, Shape

Say = Callable[[str], None]

HELD_OUT = 0.2
"""The share of the captures that is judged and not taught: whole takes where there are MANY_TAKES, else the end of each."""
MANY_TAKES = 4
APART_S = 0.5
"""Between what is taught and what is judged of one take: further than a syllable."""
PIECE_S = 20.0
HEARD_S, STREAMED_S = 60.0, 8.0
"""Long takes are cut into pieces of these lengths, to be drawn from evenly and to be heard in little memory."""
JUDGE_EVERY = 40
"""Steps between two looks at what is held out."""
PATIENCE = 8
"""Looks without a gain after which it ends."""
GAIN = 0.003
"""A smaller share of the error is no gain."""
SAY_EVERY, CHECKPOINT_EVERY_S = 40, 30.0
QUIET_SHARE = 0.15
"""Clips in which nobody speaks."""
SEALS_KEPT = 0.4
"""What a departure from the odds of a seal of before costs, beside train.MOUTH_LOSS."""
GAINS = (0.2, 3.0)
"""Between these lies the gain of a channel at the start."""
UNLIKE, ALIKE, STILL = 0.2, 0.5, 0.01
"""Correlations at which a channel tells nothing of its gain, and all; and the least spread that one is measured against."""
MET = 0.05
"""Lips that are so near, as a share of an open jaw, look closed."""
MOVING = 0.02
"""A standard deviation from which a captured shape is said to move."""


@dataclass(frozen=True)
class Recipe:
    """minutes: at the most, over every session. batch: clips a step. memory: of the average of the weights, which is what is judged and kept."""

    minutes: float = 10.0
    batch: int = 12
    rate: float = 3e-4
    weight_decay: float = 0.01
    memory: float = 0.98
    seed: int = 0


class Heard(NamedTuple):
    """mouth: float32 [frames, channels], within 0..1. seal: log-odds, float32 [frames]."""

    mouth: Floats
    seal: Floats
    speech: Speech


@dataclass(frozen=True)
class Performance:
    """A take on the network's clock, which begins where both its sound and its capture do.

    audio: float32 [samples]. captured, wanted: float32 [labels, channels] at LABEL_HZ: as it was captured, and with the seals that are heard.
    before: what the network gave when it came. judged: frames that are held out, from and to.
    """

    name: str
    audio: Floats
    captured: Floats
    wanted: Floats
    before: Heard
    judged: tuple[int, int] = (0, 0)

    @property
    def frames(self) -> int:
        """Of the network, over all of the take."""
        return len(self.before.mouth)


@dataclass
class Tuning:
    """A network being taught on: what a checkpoint holds. best: the averaged weights that were judged best, and `error` theirs.
    sealed: the share of the heard closures that must be kept."""

    network: Network
    averaged: dict[str, Tensor]
    best: dict[str, Tensor]
    error: float
    sealed: float
    optimiser: torch.optim.Optimizer
    step: int = 0
    spent_s: float = 0.0
    stale: int = 0
    over: bool = False


class Figures(NamedTuple):
    """On what is held out. error, jaw: mean difference from the capture, of all channels and of jawOpen. jaw_r: correlation of jawOpen.
    sealed: the share of closures that are heard in which the lips meet, before any stage; not a number where none is heard."""

    error: float
    jaw: float
    jaw_r: float
    sealed: float


# ---- the command -----------------------------------------------------------------------------------------------------------------------------------


def finetune(folder: Path, out: Path, *, pretrained: Path, runs: Path, recipe: Recipe, fps: float | None = None, say: Say) -> tuple[Figures, Figures]:
    """Teach the network in `pretrained` (an ONNX file of ours or train's network.pt) the captures in a folder; write `out`, whole or not at all.

    runs: where checkpoints go; a run that was stopped goes on there. Returns the figures of before and after.
    Raises CaptureError, or another A2FError of a file, for captures that cannot be learnt from or that did not help; `out` is then as it was.
    """
    if out.suffix != ".onnx" or not out.parent.is_dir():
        raise CaptureError(f"'{out}' must be an .onnx file in a folder that exists.")
    original = load(pretrained)
    takes = perform(original, folder, fps=fps, say=say)
    made_from = _fingerprint(original, takes, recipe)
    torch.manual_seed(recipe.seed)
    tuning = _begin(original, takes, recipe)
    place = runs / "finetune" / made_from
    place.mkdir(parents=True, exist_ok=True)
    _resume(tuning, place / "checkpoint.pt", say=say)
    _teach(tuning, original, takes, recipe=recipe, checkpoint=lambda: train.save(place / "checkpoint.pt", _state(tuning)), say=say)
    tuned = Network(original.shape).eval()
    tuned.load_state_dict(tuning.best)
    before, after = judge(original, takes), judge(tuned, takes)
    if not after.error < before.error:
        raise CaptureError(f"The captures did not bring the curves nearer (error {before.error:.4f} before and after); '{out}' was not written.")
    export.export(tuned, out, name=out.stem)
    return before, after


def table(before: Figures, after: Figures) -> str:
    """Both as a Markdown table."""
    rows = {
        "mean difference from the capture": "error",
        "of jawOpen": "jaw",
        "correlation of jawOpen": "jaw_r",
        "closures that are heard in which the lips meet": "sealed",
    }
    lines = [f"| {text} | {getattr(before, name):.4f} | {getattr(after, name):.4f} |" for text, name in rows.items()]
    return "\n".join(("| on what was held out | before | after |", "| --- | --- | --- |", *lines))


# ---- a network from its graph ----------------------------------------------------------------------------------------------------------------------


def load(file: Path) -> Network:
    """The network of an ONNX file of ours or of train's network.pt. Raises CaptureError for another file."""
    if file.suffix != ".pt":
        return network_from_graph(file)
    try:
        return train.load(file)[0]
    except FileNotFoundError:
        raise CaptureError(f"There is no file '{file}'; name the network to begin with.") from None


def network_from_graph(graph: Path) -> Network:
    """The network that an exported ONNX file was made of, ready to listen, its weights as the file rounds them.

    A weight has its name in the file, but for matrices, which the exporter turns and names anew: they are known by the bias added to what they give.
    Raises CaptureError for a file that is missing or not exported by this code.
    """
    import onnx
    from google.protobuf.message import DecodeError

    try:
        model = onnx.load(str(graph))
    except FileNotFoundError:
        raise CaptureError(f"There is no model file '{graph}'; name the one to begin with.") from None
    except (DecodeError, OSError, ValueError) as error:
        raise CaptureError(f"'{graph}' is no ONNX file ({error}); name the model to begin with.") from error
    facts = {entry.key: entry.value for entry in model.metadata_props}
    try:
        taught = Network(_shape(facts))
        found = _weights(model.graph, taught)
        taught.load_state_dict(found)
    except (KeyError, TypeError, ValueError, RuntimeError) as error:
        raise CaptureError(f"'{graph}' is not a model that this version's training made; name the bundled one or a network.pt.") from error
    return taught.eval()


def _shape(facts: dict[str, str]) -> Shape:
    """As the file says it; those that don't say it have the usual one."""
    told = json.loads(facts.get("shape", "{}"))
    return Shape(**{name: tuple(value) if isinstance(value, list) else value for name, value in told.items()})


def _weights(graph: Any, taught: Network) -> dict[str, Tensor]:
    """By the names of the network's own state. Raises KeyError for one that is not there."""
    from onnx import numpy_helper

    arrays = {tensor.name: numpy_helper.to_array(tensor) for tensor in graph.initializer}
    # Halved arrays are cast; of equal ones, as of norms that were never taught, the file holds one and names it again.
    for node in graph.node:
        if node.op_type in ("Cast", "Identity") and node.input[0] in arrays:
            arrays[node.output[0]] = arrays[node.input[0]]
    products = {node.output[0]: node.input[1] for node in graph.node if node.op_type == "MatMul"}
    biased = {bias: products[value] for node in graph.node if node.op_type == "Add" for bias, value in permutations(node.input) if value in products}
    found = {}
    for name in taught.state_dict():
        own = arrays.get(f"network.{name}")
        if own is None:
            own = arrays[biased[f"network.{name.removesuffix('weight')}bias"]].T
        found[name] = torch.from_numpy(np.array(own, np.float32))
    return found


# ---- what is learnt from ---------------------------------------------------------------------------------------------------------------------------


def perform(original: Network, folder: Path, *, fps: float | None, say: Say) -> list[Performance]:
    """Every take in a folder that can be learnt from, on the network's clock, with its seals, some of it held out; says what was left out and why.

    Raises CaptureError where nothing is left.
    """
    takes, left_out = captures.find(folder)
    read: list[tuple[Take, Floats, FaceCurves, Heard]] = []
    for take in takes:
        try:
            audio = captures.sound_of(take, rate=RATE)
            face = captures.face_of(take, duration_s=len(audio) / RATE, fps=fps)
            read.append((take, audio, face, hear(original, audio)))
        except A2FError as error:
            left_out.append(str(error))
    for sentence in left_out:
        say(f"finetune: left out: {sentence}")
    if not read:
        raise CaptureError(f"None of the captures in '{folder}' can be read; each was named above with its reason.")
    lags = captures.lags([(_face(heard), face) for _, _, face, heard in read])
    performed = []
    for (take, audio, face, heard), lag in zip(read, lags, strict=True):
        if lag.likeness < captures.LEAST_LIKENESS:
            say(f"finetune: left out: '{take.name}' does not follow its sound (correlation {lag.likeness:.2f}).")
            continue
        late = f"{lag.seconds * 1000:+.0f} ms after its sound, correlation {lag.likeness:.2f}"
        say(f"finetune: {take.name}: {face.fps:g} frames a second, the face {late}")
        performed.append(_performance(take.name, audio, face, heard, lag_s=lag.seconds))
    _say_unspoken([face for _, _, face, _ in read], say)
    return hold_out([one for one in performed if one is not None], folder)


def _say_unspoken(faces: list[FaceCurves], say: Say) -> None:
    spoken = {name for names in CHANNELS.values() for name in names}
    moving = {name for face in faces for name, spread in zip(face.names, face.values.std(axis=0), strict=True) if spread > MOVING}
    unspoken = [name for name in arkit.NAMES if name in moving - spoken]
    if unspoken:
        say(f"finetune: the model does not speak {', '.join(unspoken)}: they are left to the stages after it. Both sides move alike, by their mean.")


def _performance(name: str, audio: Floats, face: FaceCurves, heard: Heard, *, lag_s: float) -> Performance | None:
    """None where sound and face have too little in common."""
    blocks = len(heard.mouth) // network.FRAMES_PER_BLOCK
    first, past = max(0, math.ceil(-lag_s * RATE / network.BLOCK)), min(blocks, math.floor((face.times[-1] - lag_s) * RATE / network.BLOCK))
    if (past - first) * network.BLOCK / RATE < captures.SHORTEST_S:
        return None
    frames = slice(first * network.FRAMES_PER_BLOCK, past * network.FRAMES_PER_BLOCK)
    labels = round(LABEL_HZ * network.HOP / RATE)
    times = (np.arange(frames.start * labels, frames.stop * labels) + 0.5) / LABEL_HZ
    before = Heard(heard.mouth[frames], heard.seal[frames], _part(heard.speech, frames))
    own = np.repeat(before.mouth, labels, axis=0)
    captured = own.copy()
    for column, names in enumerate(CHANNELS.values()):
        present = [side for side in names if side in face.names]
        if present:
            captured[:, column] = np.clip(captures.at(face, present, times + lag_s), 0, 1)
    wanted = _with_seals(captured, before.speech)
    return Performance(name, audio[first * network.BLOCK : past * network.BLOCK], captured, wanted, before)


def _part(speech: Speech, frames: slice) -> Speech:
    """Some frames of a speech, on a clock that begins with them."""
    return Speech(speech.fps, speech.start, speech.phone_names, speech.phones[frames], speech.loudness_db[frames], speech.classes)


def _with_seals(captured: Floats, speech: Speech) -> Floats:
    """The captured mouth with its lips together where P, B and M are heard: what the add-on's own stage would make of it."""
    mouth = np.repeat(captured, [len(names) for names in CHANNELS.values()], axis=1)
    curves = FaceCurves(LABEL_HZ, 0.5 / LABEL_HZ, tuple(name for names in CHANNELS.values() for name in names), mouth)
    sealed = closure.seal(curves, speech, closure.Closure(bite=0.0, parting=0.0))
    return np.stack([sealed.channel(names[0]) for names in CHANNELS.values()], axis=1)


def hold_out(takes: list[Performance], folder: Path) -> list[Performance]:
    """The same with some of it marked for judging. Raises CaptureError where there is nothing."""
    if not takes:
        raise CaptureError(f"None of the captures in '{folder}' follows its sound for {captures.SHORTEST_S:g} seconds.")
    if len(takes) < MANY_TAKES:
        return [replace(take, judged=(round(take.frames * (1 - HELD_OUT)), take.frames)) for take in takes]
    every = max(round(1 / HELD_OUT), 2)
    chosen = set(range(every // 2, len(takes), every)) or {len(takes) - 1}
    return [replace(take, judged=(0, take.frames)) if row in chosen else take for row, take in enumerate(takes)]


def labelled(takes: list[Performance]) -> augment.Labelled:
    """What is taught, as the trainer takes it: pieces of the takes without what is held out."""
    labels = round(LABEL_HZ * network.HOP / RATE)
    sounds, ids, curves, utterances = [], [], [], []
    at = 0
    for take in takes:
        end = _taught(take).stop
        pieces = max(1, round(end * network.HOP / RATE / PIECE_S))
        bounds = np.linspace(0, end, pieces + 1).astype(int)
        for start, stop in pairwise(bounds):
            if (stop - start) * network.HOP < RATE:
                continue
            sounds.append(corpora.to_int16(take.audio[start * network.HOP : stop * network.HOP]))
            ids.append(np.repeat(take.before.speech.phones[start:stop].argmax(axis=1), labels))
            curves.append(take.wanted[start * labels : stop * labels])
            utterances.append(corpora.Utterance(f"{take.name}-{start}", "captures", "performer", "", "", corpora.TRAIN, at, len(sounds[-1]), ()))
            at += len(sounds[-1])
    if not utterances:
        raise CaptureError("What is left to teach after some was held out is under a second; capture more.")
    corpus = corpora.Corpus("captures", tuple(utterances), np.concatenate(sounds))
    first_labels = np.concatenate(([0], np.cumsum([len(one) for one in ids])))
    return augment.Labelled(corpus, np.concatenate(ids).astype(np.uint8), np.concatenate(curves).astype(np.float16), first_labels)


# ---- listening and judging -------------------------------------------------------------------------------------------------------------------------


def hear(listener: Network, audio: Floats) -> Heard:
    """What a network gives for a sound of any length, in pieces with as much around each as it needs."""
    padded = np.pad(audio, (0, -len(audio) % network.HOP))
    pieces = _streamed(listener, padded) if listener.shape.live else _windowed(listener, padded)
    mouth, seal, logs, loudness_db = (np.concatenate(parts) for parts in zip(*pieces, strict=True))
    fps = RATE / network.HOP
    return Heard(np.clip(mouth, 0, 1), seal, Speech(fps, 0.5 / fps, phones.PHONES, np.exp(logs), loudness_db, phones.CLASSES))


Piece = tuple[Floats, Floats, Floats, Floats]
"""Mouth, log-odds of a seal, log-probabilities of phones and loudness, each [frames, ...]."""


def _windowed(listener: Network, audio: Floats) -> Iterator[Piece]:
    """Of an offline network."""
    around = -(-network.context_samples(listener.shape) // network.BLOCK) * network.BLOCK
    step = round(HEARD_S * RATE) // network.BLOCK * network.BLOCK
    for start in range(0, len(audio), step):
        first = max(0, start - around)
        with torch.no_grad():
            said, loudness_db = listener(torch.from_numpy(audio[first : start + step + around])[None])
        kept = slice((start - first) // network.HOP, (min(start + step, len(audio)) - first) // network.HOP)
        yield _piece(said, loudness_db, kept)


def _streamed(listener: Network, audio: Floats) -> Iterator[Piece]:
    """Of a live network, which hears what came before in its states, and owes its first frames."""
    sound = listener.whole(torch.from_numpy(audio)[None])
    states, owed, due = listener.beginning(), listener.shape.late, len(audio) // network.HOP
    for part in sound.split(round(STREAMED_S * RATE), 1):
        with torch.no_grad():
            said, loudness_db, states = listener.stream(part, states)
        count = said.mouth.shape[1]
        kept = slice(min(owed, count), min(count, owed + due))
        owed, due = owed - kept.start, due - (kept.stop - kept.start)
        yield _piece(said, loudness_db, kept)


def _piece(said: Said, loudness_db: Tensor, kept: slice) -> Piece:
    mouth, seal, logs, loudness = (part[0, kept].float().numpy() for part in (said.mouth, said.seal, said.phones, loudness_db))
    return mouth, seal, logs, loudness


def _face(heard: Heard) -> FaceCurves:
    names = tuple(name for sides in CHANNELS.values() for name in sides)
    return FaceCurves(heard.speech.fps, heard.speech.start, names, np.repeat(heard.mouth, [len(sides) for sides in CHANNELS.values()], axis=1))


def judge(listener: Network, takes: list[Performance]) -> Figures:
    """A network's figures on what is held out."""
    given, captured, met = [], [], list[bool]()
    for take in _judged(takes):
        heard, speech = _hear_judged(listener, take), _part(take.before.speech, slice(*take.judged))
        given.append(heard.mouth)
        captured.append(_framed(take.captured)[slice(*take.judged)])
        gaps = captures.lip_gap(_face(heard))
        for start, end in closure.seals(speech, closure.Closure(), fps=speech.fps) * speech.fps:
            met.append(bool(gaps[max(int(start), 0) : int(np.ceil(end)) + 1].min(initial=1.0) < MET))
    ours, theirs = np.concatenate(given), np.concatenate(captured)
    jaw = list(CHANNELS).index("jawOpen")
    together = np.corrcoef(ours[:, jaw], theirs[:, jaw])[0, 1] if ours[:, jaw].std() * theirs[:, jaw].std() > 0 else 0.0
    error = np.abs(ours - theirs)
    sealed = float(np.mean(met)) if met else math.nan
    return Figures(float(error.mean()), float(error[:, jaw].mean()), float(together), sealed)


def _judged(takes: list[Performance]) -> Iterator[Performance]:
    return (take for take in takes if take.judged[0] < take.judged[1])


def _hear_judged(listener: Network, take: Performance) -> Heard:
    """What is held out of a take, heard with as much around it as matters."""
    around = -(-network.context_samples(listener.shape) // network.BLOCK) * network.FRAMES_PER_BLOCK
    first = 0 if listener.shape.live else max(0, take.judged[0] - around) // network.FRAMES_PER_BLOCK * network.FRAMES_PER_BLOCK
    heard = hear(listener, take.audio[first * network.HOP : (take.judged[1] + around) * network.HOP])
    frames = slice(take.judged[0] - first, take.judged[1] - first)
    return Heard(heard.mouth[frames], heard.seal[frames], _part(heard.speech, frames))


def _framed(labels: Floats) -> Floats:
    """From labels to the network's frames."""
    return labels.reshape(-1, round(LABEL_HZ * network.HOP / RATE), labels.shape[1]).mean(axis=1)


def _held_out_error(listener: Network, takes: list[Performance]) -> float:
    """The loss of the mouth on what is held out, with the seals that are heard."""
    weights = np.array([train.CHANNEL_WEIGHTS.get(name, 1.0) for name in CHANNELS])
    squares = [np.square(_hear_judged(listener, take).mouth - _framed(take.wanted)[slice(*take.judged)]) for take in _judged(takes)]
    return float((np.concatenate(squares) * weights).mean())


# ---- teaching --------------------------------------------------------------------------------------------------------------------------------------


def losses(said: Said, before: Said, curves: Tensor) -> dict[str, Tensor]:
    """What is wrong with what was said, each a scalar, already weighted. before: what the network that it began as says to the same sounds."""
    channel_weights = torch.tensor([train.CHANNEL_WEIGHTS.get(name, 1.0) for name in CHANNELS], device=curves.device)
    wrong = said.mouth - curves
    return {
        "mouth": train.MOUTH_LOSS * (wrong.square() * channel_weights).mean(),
        "velocity": train.VELOCITY_LOSS * (wrong.diff(dim=1).square() * channel_weights).mean(),
        "seal": SEALS_KEPT * functional.binary_cross_entropy_with_logits(said.seal, torch.sigmoid(before.seal)),
    }


def calibrated(original: Network, takes: list[Performance]) -> Network:
    """The same network with a gain and an offset for each channel of the mouth, which bring what is taught nearer to the captures.

    The gain is the ratio of the two spreads, drawn to 1 where the two don't move together: least squares would take what the network mishears for a
    mouth that moves less. The offset is the median of what then differs, so that it is that of the face and not of some sounds.
    Both of its poses, parted and sealed, take them, and so does any mixture of the two.
    """
    parts = [(take.before.mouth[rows], _framed(take.wanted)[rows]) for take in takes for rows in (_taught(take),)]
    ours, theirs = (np.concatenate(side).astype(np.float64) for side in zip(*parts, strict=True))
    spread, wanted = ours.std(axis=0), theirs.std(axis=0)
    together = ((ours - ours.mean(axis=0)) * (theirs - theirs.mean(axis=0))).mean(axis=0) / np.maximum(spread * wanted, 1e-9)
    sure = np.clip((together - UNLIKE) / (ALIKE - UNLIKE), 0, 1)
    gain = np.clip((wanted / np.maximum(spread, STILL)) ** sure, *GAINS)
    offset = np.median(theirs - gain * ours, axis=0)
    gains, offsets = (torch.from_numpy(np.concatenate((part, part, [last])).astype(np.float32)) for part, last in ((gain, 1.0), (offset, 0.0)))
    made = copy.deepcopy(original)
    with torch.no_grad():
        made.poses.weight.mul_(gains[:, None])
        made.poses.bias.mul_(gains).add_(offsets)
    return made


def _taught(take: Performance) -> slice:
    """The frames of a take that are not held out, nor next to those that are."""
    first, past = take.judged
    return slice(0, take.frames if first == past else max(0, first - round(APART_S * RATE / network.HOP)))


def _begin(original: Network, takes: list[Performance], recipe: Recipe) -> Tuning:
    start = calibrated(original, takes)
    error, first_error = _held_out_error(original, takes), _held_out_error(start, takes)
    sealed = judge(original, takes).sealed
    taught = copy.deepcopy(start).to("cuda" if torch.cuda.is_available() else "cpu").requires_grad_(False)
    mouth = [*taught.mouth.parameters(), *taught.poses.parameters()]
    for weight in mouth:
        weight.requires_grad_(True)
    optimiser = torch.optim.AdamW(mouth, lr=recipe.rate, weight_decay=recipe.weight_decay)
    better = start if first_error < error and not judge(start, takes).sealed < sealed else original
    averaged, best = ({name: value.detach().clone() for name, value in one.state_dict().items()} for one in (start, better))
    return Tuning(taught, averaged, best, first_error if better is start else error, sealed, optimiser)


def _teach(tuning: Tuning, original: Network, takes: list[Performance], *, recipe: Recipe, checkpoint: Callable[[], None], say: Say) -> None:
    source = augment.Source({"captures": labelled(takes)}, rooms=None, seed=recipe.seed + tuning.step)
    noises = _noises(np.random.default_rng(recipe.seed + tuning.step))
    before = calibrated(original, takes).to(next(tuning.network.parameters()).device).eval()
    last = saved = time.monotonic()
    while not tuning.over:
        parts = _step(tuning, before, source.batch(recipe.batch), noises, recipe)
        now = time.monotonic()
        tuning.spent_s, last = tuning.spent_s + now - last, now
        out_of_time = tuning.spent_s >= 60 * recipe.minutes
        if tuning.step % JUDGE_EVERY == 0 or out_of_time:
            _look(tuning, original.shape, takes)
            told = ", ".join(f"{name} {value:.3f}" for name, value in parts.items())
            say(f"finetune: step {tuning.step}, {tuning.spent_s / 60:.1f} minutes, {told}; held out {tuning.error:.5f} at best")
        tuning.over = out_of_time or tuning.stale >= PATIENCE
        if now - saved > CHECKPOINT_EVERY_S or tuning.over:
            checkpoint()
            saved = now


def _step(tuning: Tuning, before: Network, batch: augment.Batch, noises: Iterator[Floats], recipe: Recipe) -> dict[str, float]:
    """One step on the batch, some of whose clips are noises."""
    device = next(tuning.network.parameters()).device
    noisy = max(1, round(QUIET_SHARE * len(batch.audio)))
    audio = torch.from_numpy(np.concatenate((batch.audio[noisy:], np.stack([next(noises) for _ in range(noisy)])))).to(device)
    mel = torch.from_numpy(augment.mel_table()[np.roll(batch.warp, -noisy)]).to(device)
    with torch.no_grad():
        heard = before.front_end(before.whole(audio), mel)
    with torch.autocast(device.type, torch.bfloat16, enabled=train.half_is_fast(device)):
        with torch.no_grad():
            kept = before.say(heard.spectrum, heard.channel)
        said = tuning.network.say(heard.spectrum, heard.channel)
    curves = torch.cat((torch.from_numpy(batch.curves[noisy:]).to(device), kept.mouth[-noisy:].clamp(0, 1)))
    parts = losses(said, kept, curves)
    tuning.optimiser.zero_grad()
    torch.stack(list(parts.values())).sum().backward()
    torch.nn.utils.clip_grad_norm_(tuning.network.parameters(), 1.0)
    for group in tuning.optimiser.param_groups:
        group["lr"] = _rate(tuning, recipe)
    tuning.optimiser.step()
    tuning.step += 1
    memory = min(recipe.memory, tuning.step / (tuning.step + 10))
    with torch.no_grad():
        for name, value in tuning.network.state_dict().items():
            tuning.averaged[name].lerp_(value.cpu(), 1 - memory)
    return {name: value.item() for name, value in parts.items()}


def _rate(tuning: Tuning, recipe: Recipe) -> float:
    """A short rise, then a fall along a cosine by the clock."""
    done = min(tuning.spent_s / (60 * recipe.minutes), 1.0)
    return recipe.rate * min(1.0, (tuning.step + 1) / 20) * (0.525 + 0.475 * math.cos(math.pi * done))


def _noises(rng: np.random.Generator) -> Iterator[Floats]:
    """Clips in which nobody speaks, float32 [CLIP] of unit power: the trainer's own."""
    times_s = np.arange(augment.CLIP) / RATE
    kinds = (quiet.hum, quiet.coloured, quiet.breath, quiet.music)
    while True:
        sound = kinds[int(rng.integers(len(kinds)))](rng, times_s)
        yield (sound / max(float(np.sqrt(np.mean(np.square(sound)))), 1e-9)).astype(np.float32)


def _look(tuning: Tuning, shape: Shape, takes: list[Performance]) -> None:
    """Judge the averaged weights, and keep them where they are the best yet."""
    averaged = Network(shape).eval()
    averaged.load_state_dict(tuning.averaged)
    error = _held_out_error(averaged, takes)
    if error < tuning.error * (1 - GAIN) and not judge(averaged, takes).sealed < tuning.sealed:
        tuning.error, tuning.stale = error, 0
        tuning.best = {name: value.clone() for name, value in tuning.averaged.items()}
    else:
        tuning.stale += 1


def _state(tuning: Tuning) -> dict[str, Any]:
    kept = {name: getattr(tuning, name) for name in ("averaged", "best", "error", "sealed", "step", "spent_s", "stale", "over")}
    return {**kept, "weights": tuning.network.state_dict(), "optimiser": tuning.optimiser.state_dict()}


def _resume(tuning: Tuning, file: Path, *, say: Say) -> None:
    if not file.is_file():
        return
    state = torch.load(file, map_location="cpu", weights_only=True)
    tuning.network.load_state_dict(state.pop("weights"))
    tuning.optimiser.load_state_dict(state.pop("optimiser"))
    for name, value in state.items():
        setattr(tuning, name, value)
    say(f"finetune: going on after {tuning.spent_s / 60:.1f} minutes, {tuning.step} steps")


def _fingerprint(original: Network, takes: list[Performance], recipe: Recipe) -> str:
    """A short name for all that a run depends on."""
    digest = hashlib.sha256()
    for value in original.state_dict().values():
        digest.update(value.numpy().tobytes())
    for take in takes:
        digest.update(np.array(take.judged).tobytes() + take.audio.tobytes() + take.wanted.tobytes())
    code = corpora.source_of(__file__, train.__file__, network.__file__, augment.__file__)
    return corpora.fingerprint(digest.hexdigest(), json.dumps(asdict(recipe)), code)
