"""Teaching the network, within a given number of minutes, and so that a run that was stopped goes on where it was.

The learning rate follows the clock and not a count of steps: the run ends on time on any machine, with its rate brought down as it should be.
"""

from __future__ import annotations

import json
import math
import queue
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from a2f_addon.errors import ModelError
from training import augment, corpora, network, phones, recombine, targets
from training.network import CHANNELS, Network, Said, Shape

CHECKPOINT_EVERY_S = 60.0
SAY_EVERY = 100
"""Steps between two lines of progress."""
QUEUED = 4
"""Batches made ahead."""

#: Frames in which the lips are closed, and those next to them, count more: a seal that is missed is seen at once.
CLOSED_WEIGHT, BESIDE_CLOSED_WEIGHT = 1.6, 1.3
#: A closure where there is none costs more than a missed one; most mistakes are of that kind.
FALSE_CLOSURE_WEIGHT = 1.5
#: How much each loss counts beside the phones' cross-entropy.
CLASS_LOSS, CLOSURE_LOSS, MOUTH_LOSS, VELOCITY_LOSS, SEAL_LOSS = 0.4, 0.4, 20.0, 20.0, 0.4
#: Channels that decide whether the lips meet, and those that make an O of them.
CHANNEL_WEIGHTS = {"jawOpen": 3.0, "mouthClose": 4.0, "mouthFunnel": 2.5, "mouthPucker": 2.5}

NEARER_DB = 5.0
"""Standard deviation of the level that stands before a live network's clip, about the clip's own."""
STANDING = 0.5
"""The share of its clips that begin in the middle of a recording."""

CLOSED = tuple(phones.PHONES.index(phone) for phone in phones.CLASSES["closed"])


@dataclass(frozen=True)
class Recipe:
    """How a run goes. minutes: of training in all, over every session of it. batch: clips a step. seed: of everything random."""

    minutes: float = 30.0
    batch: int = 24
    peak_rate: float = 1.5e-3
    last_rate: float = 1e-5
    warm_up: float = 0.02
    weight_decay: float = 0.02
    memory: float = 0.999
    seed: int = 0


@dataclass
class Run:
    """A network being taught: what a checkpoint holds. `averaged` is the exponential moving average of its weights, which is what is kept."""

    network: Network
    averaged: dict[str, Tensor]
    optimiser: torch.optim.Optimizer
    step: int = 0
    spent_s: float = 0.0


Say = Callable[[str], None]


# ---- losses ----------------------------------------------------------------------------------------------------------------------------------------


def losses(said: Said, ids: Tensor, curves: Tensor) -> dict[str, Tensor]:
    """What is wrong with what was said, each a scalar, already weighted.

    ids: int64 [batch, 2 * frames], the phones at twice the frame rate. curves: float32 [batch, frames, channels].
    """
    halves = ids.unflatten(1, (-1, 2))
    closed = torch.isin(halves, torch.tensor(CLOSED, device=ids.device)).float().mean(2)
    beside = functional.max_pool1d(closed[:, None], 5, 1, 2)[:, 0]
    weight = 1 + (BESIDE_CLOSED_WEIGHT - 1) * beside + (CLOSED_WEIGHT - BESIDE_CLOSED_WEIGHT) * closed
    classes = _class_logs(said.phones)
    members = _class_of(ids.device)[halves]
    channel_weights = torch.tensor([CHANNEL_WEIGHTS.get(name, 1.0) for name in CHANNELS], device=ids.device)
    wrong = said.mouth - curves
    return {
        "phones": -(said.phones.gather(2, halves).mean(2) * weight).mean(),
        "classes": -CLASS_LOSS * (classes.gather(2, members).mean(2) * weight).mean(),
        "closures": CLOSURE_LOSS * _closure_loss(classes[:, :, 0], closed),
        "mouth": MOUTH_LOSS * (wrong.square() * channel_weights).mean(),
        "velocity": VELOCITY_LOSS * (wrong.diff(dim=1).square() * channel_weights).mean(),
        "seal": SEAL_LOSS * functional.binary_cross_entropy_with_logits(said.seal, _sealed(curves), weight=1 + beside),
    }


def _class_logs(logs: Tensor) -> Tensor:
    """Log-probabilities of the mouth classes, [batch, frames, classes]; "closed" is the first."""
    return torch.stack([logs[:, :, list(rows)].logsumexp(2) for rows in _class_rows()], 2)


def _class_rows() -> Iterator[tuple[int, ...]]:
    for members in phones.CLASSES.values():
        yield tuple(phones.PHONES.index(phone) for phone in members)


def _class_of(device: torch.device) -> Tensor:
    """The class of each phone, int64 [phones]."""
    return torch.tensor([list(phones.CLASSES).index(phones.CLASS_OF[phone]) for phone in phones.PHONES], device=device)


def _closure_loss(log_closed: Tensor, closed: Tensor) -> Tensor:
    """Cross-entropy of "the lips are closed", with invented closures counted FALSE_CLOSURE_WEIGHT times."""
    log_open = torch.log1p(-log_closed.exp().clamp(max=1 - 1e-5))
    return -(closed * log_closed + FALSE_CLOSURE_WEIGHT * (1 - closed) * log_open).mean()


def _sealed(curves: Tensor) -> Tensor:
    """How far the lips are sealed, 0 to 1: mouthPress belongs to the seal alone."""
    return (curves[:, :, list(CHANNELS).index("mouthPress")] / targets.SEALED_PRESS).clamp(0, 1)


# ---- a run -----------------------------------------------------------------------------------------------------------------------------------------


def train(
    cache: Path, folder: Path, *, recipe: Recipe, shape: Shape | None = None, begin: Path | None = None, rooms: Path | None = None, say: Say = print
) -> Path:
    """Teach a network on everything in the cache; returns the file of its weights, FOLDER/network.pt, or FOLDER/live.pt of a live one.

    begin: the file of a network of the same sizes, or of a narrower one, whose weights are the beginning in place of random ones. Without it a live
    network begins as what the offline one in that folder would be without its future, where that one fits: it saves it most of an hour's learning.

    A run that was stopped goes on from its last checkpoint, at most a minute old; one that has ended, of the same recipe on the same data by the same
    code, is not done again. rooms: a folder of impulse responses, if there is one. Raises FileNotFoundError for an empty cache or no network at
    `begin`, ModelError for one of other sizes.
    """
    shape = shape or Shape()
    begun_from = _begun_from(begin or weights_file(folder, live=False), shape, asked=begin is not None)
    made_from = fingerprint(cache, recipe=recipe, shape=shape, begun_from=begun_from)
    done, checkpoint = weights_file(folder, live=shape.live), folder / ("live-checkpoint.pt" if shape.live else "checkpoint.pt")
    if done.is_file() and torch.load(done, weights_only=True)["made_from"] == made_from:
        say(f"train: {done} stands already")
        return done
    folder.mkdir(parents=True, exist_ok=True)
    source = augment.Source(labels(cache, say=say), rooms=rooms, seed=recipe.seed)
    torch.manual_seed(recipe.seed)
    run = _begin(shape, recipe, weights=_beginning(begun_from, shape) if begun_from else None)
    _resume(run, checkpoint, made_from=made_from, say=say)
    _teach(run, source, recipe=recipe, checkpoint=lambda: save(checkpoint, _state(run, made_from)), say=say)
    facts = {"made_from": made_from, "shape": shape.as_dict(), "recipe": asdict(recipe), "steps": run.step, "seconds": run.spent_s}
    save(done, {**facts, "weights": balanced(run.averaged)})
    return done


def weights_file(folder: Path, *, live: bool) -> Path:
    """Where a run in this folder leaves its network."""
    return folder / ("live.pt" if live else "network.pt")


def balanced(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Weights whose phone head gives true odds: a loss that counts closed frames CLOSED_WEIGHT times raises the odds of a closure by that factor."""
    corrected = {name: value.detach().cpu().clone() for name, value in weights.items()}
    corrected["phones.bias"][list(CLOSED)] -= math.log(CLOSED_WEIGHT)
    return corrected


def load(file: Path) -> tuple[Network, dict[str, Any]]:
    """A taught network, ready to listen, and the facts about its run. Raises FileNotFoundError."""
    if not file.is_file():
        raise FileNotFoundError(f"There is no trained network at {file}; run the command train first.")
    facts = torch.load(file, weights_only=True)
    taught = Network(Shape(**_shape(facts)))
    taught.load_state_dict(facts.pop("weights"))
    return taught.eval(), facts


def mean(*networks: Network) -> Network:
    """The network whose weights are the means of theirs, for a run and those that it went on from at a low rate (Izmailov et al., "Averaging Weights
    Leads to Wider Optima", 2018). Raises ModelError for networks of different sizes."""
    shape = networks[0].shape
    if any(one.shape != shape for one in networks):
        raise ModelError("These networks are of different sizes, which have no mean.")
    together = Network(shape)
    weights = [one.state_dict() for one in networks]
    together.load_state_dict({name: sum(one[name] for one in weights) / len(weights) for name in weights[0]})
    return together.eval()


def _shape(facts: Mapping[str, Any]) -> dict[str, Any]:
    """What a Shape takes, from what a file keeps of it."""
    return {name: tuple(value) if isinstance(value, list) else value for name, value in facts["shape"].items()}


def _begun_from(file: Path, shape: Shape, *, asked: bool) -> dict[str, Any] | None:
    """The run whose weights a new one begins with: the one that was asked for, or for a live network the offline one of the same sizes, if any."""
    if asked and not file.is_file():
        raise FileNotFoundError(f"There is no trained network at {file} to begin with.")
    if not file.is_file() or not (asked or shape.live):
        return None
    begun = torch.load(file, weights_only=True)
    before = Shape(**_shape(begun))
    fits = replace(before, width=shape.width, ahead=shape.ahead, dropout=shape.dropout) == shape and before.width <= shape.width
    if asked and not fits:
        raise ModelError(f"{file} is a network of other sizes, which this one cannot begin with.")
    return begun if fits else None


def _beginning(begun: Mapping[str, Any], shape: Shape) -> Mapping[str, Tensor]:
    """Its weights, for more channels where it is narrower, and turned to the past where only the new network is live."""
    weights = begun["weights"] if begun["shape"]["width"] == shape.width else network.widened(begun["weights"], shape)
    return network.turned(weights, shape) if shape.live and not begun["shape"]["ahead"] else weights


def fingerprint(cache: Path, *, recipe: Recipe, shape: Shape, begun_from: Mapping[str, Any] | None = None) -> str:
    """A short name for all that a run depends on. begun_from: the facts of the run whose weights it begins with."""
    data = [f"{name} {(cache / name / 'made_from.txt').read_text(encoding='utf-8').strip()}" for name in corpora.names(cache)]
    code = corpora.source_of(__file__, network.__file__, augment.__file__, recombine.__file__, targets.__file__)
    begun = [begun_from["made_from"]] if begun_from else []
    return corpora.fingerprint(*data, json.dumps(asdict(recipe)), json.dumps(shape.as_dict()), code, *begun)


def labels(cache: Path, *, say: Say = print) -> dict[str, augment.Labelled]:
    """The training part of each corpus in the cache with its labels, which are kept beside it. Raises FileNotFoundError for an empty cache."""
    found = {}
    for name in corpora.names(cache):
        corpus = corpora.read_corpus(cache, name)
        if corpus.utterances:
            say(f"train: labels of {name}, {corpus.hours:.2f} h")
            found[name] = _kept_labels(cache, corpus)
    if not found:
        raise FileNotFoundError(f"There is no speech to train on in {cache}; run the commands synthesise and align first.")
    return found


def _kept_labels(cache: Path, corpus: corpora.Corpus) -> augment.Labelled:
    """From CACHE/.labels where they stand, made of the same utterances by the same code; else worked out and kept there."""
    code = corpora.source_of(targets.__file__, phones.__file__, augment.__file__)
    index = (cache / corpus.name / "index.jsonl").read_bytes()
    file = cache / ".labels" / f"{corpus.name}-{corpora.fingerprint(code, index)}.npz"
    if file.is_file():
        with np.load(file) as kept:
            return augment.Labelled(corpus, kept["phones"], kept["curves"], kept["first"])
    made = augment.label(corpus)
    file.parent.mkdir(exist_ok=True)
    with whole(file) as part, part.open("wb") as out:
        np.savez(out, phones=made.phones, curves=made.curves, first=made.first)
    return made


def _begin(shape: Shape, recipe: Recipe, *, weights: Mapping[str, Tensor] | None = None) -> Run:
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    taught = Network(shape).to(device)
    if weights is not None:
        taught.load_state_dict(weights)
    optimiser = torch.optim.AdamW(taught.parameters(), lr=recipe.peak_rate, weight_decay=recipe.weight_decay, betas=(0.9, 0.98))
    return Run(taught, {name: value.detach().clone() for name, value in taught.state_dict().items()}, optimiser)


def _state(run: Run, made_from: str) -> dict[str, Any]:
    weights, memory = run.network.state_dict(), run.optimiser.state_dict()
    return {"made_from": made_from, "weights": weights, "averaged": run.averaged, "optimiser": memory, "step": run.step, "spent_s": run.spent_s}


def _resume(run: Run, file: Path, *, made_from: str, say: Say) -> None:
    if not file.is_file():
        return
    state = torch.load(file, weights_only=True)
    if state["made_from"] != made_from:
        say("train: the checkpoint is of another run; starting anew")
        return
    run.network.load_state_dict(state["weights"])
    run.optimiser.load_state_dict(state["optimiser"])
    run.averaged = {name: value.to(run.averaged[name].device) for name, value in state["averaged"].items()}
    run.step, run.spent_s = state["step"], state["spent_s"]
    say(f"train: going on after {run.spent_s / 60:.1f} minutes, {run.step} steps")


def _teach(run: Run, source: augment.Source, *, recipe: Recipe, checkpoint: Callable[[], None], say: Say) -> None:
    total_s = recipe.minutes * 60
    last = saved = time.monotonic()
    history: list[dict[str, float]] = []
    run.network.train()
    with _ahead(lambda: source.batch(recipe.batch)) as batches:
        while run.spent_s < total_s:
            history.append(_step(run, next(batches), rate=_rate(run.spent_s / total_s, recipe), memory=recipe.memory))
            now = time.monotonic()
            run.spent_s, last = run.spent_s + now - last, now
            if run.step % SAY_EVERY == 0:
                say(_progress(run, history, left_s=total_s - run.spent_s))
                history = []
            if now - saved > CHECKPOINT_EVERY_S:
                checkpoint()
                saved = now
    checkpoint()


def _rate(done: float, recipe: Recipe) -> float:
    """The learning rate when a share `done` of the time is over: a short rise, then a cosine."""
    if done < recipe.warm_up:
        return recipe.peak_rate * max(done / recipe.warm_up, 0.01)
    fall = 0.5 + 0.5 * math.cos(math.pi * min(1.0, (done - recipe.warm_up) / (1 - recipe.warm_up)))
    return recipe.last_rate + (recipe.peak_rate - recipe.last_rate) * fall


def _step(run: Run, batch: augment.Batch, *, rate: float, memory: float) -> dict[str, float]:
    device = next(run.network.parameters()).device
    parts_of = (batch.audio, batch.phones, batch.curves, augment.mel_table()[batch.warp])
    audio, ids, curves, mel = (torch.from_numpy(part).to(device) for part in parts_of)
    with torch.no_grad():
        heard = _heard(run.network, audio, mel)
        spectrum = masked(heard.spectrum)
    with torch.autocast(device.type, torch.bfloat16, enabled=half_is_fast(device)):
        said = run.network.say(spectrum, heard.channel)
    parts = losses(said, ids, curves)
    run.optimiser.zero_grad()
    torch.stack(list(parts.values())).sum().backward()
    torch.nn.utils.clip_grad_norm_(run.network.parameters(), 1.0)
    for group in run.optimiser.param_groups:
        group["lr"] = rate
    run.optimiser.step()
    run.step += 1
    _average(run, min(memory, (1 + run.step) / (10 + run.step)))
    right = (said.phones.argmax(2, keepdim=True) == ids.unflatten(1, (-1, 2))).float().mean()
    return {**{name: value.item() for name, value in parts.items()}, "right": right.item()}


def half_is_fast(device: torch.device) -> bool:
    """Whether bfloat16 saves time there; on a CPU without instructions for it, it takes ten times as long."""
    return device.type != "cpu" or bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def _heard(taught: Network, audio: Tensor, mel: Tensor) -> network.Heard:
    """What the front end gives. A live one does not know the level at once: half of its clips get a level that stands already, as if the speaker had
    gone on like this for some time, a little nearer or farther, and half of them none."""
    front_end, count = taught.front_end, len(audio)
    if not isinstance(front_end, network.LiveFrontEnd):
        return front_end(audio, mel)
    column = {"device": audio.device, "dtype": audio.dtype}
    whole = taught.whole(audio)
    nearer = NEARER_DB / 10 * math.log(10) * torch.randn(count, 1, 1, **column)
    standing = torch.rand(count, 1, 1, **column) < STANDING
    return front_end(whole, mel, sums=front_end.louder(front_end.settled(whole, mel), nearer) * standing)


def masked(spectrum: Tensor) -> Tensor:
    """Spectra [batch, frames, 2 * MELS] with some bands and moments taken out (Park et al., "SpecAugment", 2019)."""
    masked = spectrum.clone().unflatten(2, (2, network.MELS))
    for row in masked:
        width, start = int(torch.randint(0, 14, ())), int(torch.randint(0, network.MELS - 14, ()))
        row[:, :, start : start + width] = 0
        length, first = int(torch.randint(0, 7, ())), int(torch.randint(0, max(1, len(row) - 7), ()))
        row[first : first + length] = 0
    return masked.flatten(2)


def _average(run: Run, memory: float) -> None:
    with torch.no_grad():
        for name, value in run.network.state_dict().items():
            run.averaged[name].lerp_(value, 1 - memory)


def _progress(run: Run, history: list[dict[str, float]], *, left_s: float) -> str:
    means = {name: sum(entry[name] for entry in history) / len(history) for name in history[0]}
    return f"train: step {run.step}, {run.spent_s / run.step:.3f} s each, {left_s / 60:.1f} minutes left, " + ", ".join(
        f"{name} {value:.3f}" for name, value in means.items()
    )


@contextmanager
def _ahead(make: Callable[[], augment.Batch]) -> Iterator[Iterator[augment.Batch]]:
    """Batches made by a thread while the network is busy with those before. What `make` raises is raised where the batch is asked for."""
    ready: queue.Queue[augment.Batch | Exception] = queue.Queue(QUEUED)
    over = threading.Event()

    def work() -> None:
        while not over.is_set():
            try:
                made: augment.Batch | Exception = make()
            except Exception as error:  # Handed on, whatever it is.
                made = error
            while not over.is_set():
                try:
                    ready.put(made, timeout=0.2)
                    break
                except queue.Full:
                    continue

    def batches() -> Iterator[augment.Batch]:
        while True:
            made = ready.get()
            if isinstance(made, Exception):
                raise made
            yield made

    worker = threading.Thread(target=work, daemon=True)
    worker.start()
    try:
        yield batches()
    finally:
        over.set()
        worker.join()


# ---- files -----------------------------------------------------------------------------------------------------------------------------------------


@contextmanager
def whole(file: Path) -> Iterator[Path]:
    """A file beside `file` to write to, which takes its place when all went well and is gone when it did not."""
    part = file.with_name(f".{file.name}.part")
    try:
        yield part
        part.replace(file)
    finally:
        part.unlink(missing_ok=True)


def save(file: Path, state: dict[str, Any]) -> None:
    """Write a state with torch, whole or not at all."""
    with whole(file) as part:
        torch.save(state, part)
