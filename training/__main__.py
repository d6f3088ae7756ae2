"""``python -m training COMMAND``: the bundled model from scratch, a step at a time or all of it. Every step finds its work done when it is."""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from a2f_addon.errors import A2FError

ROOT = Path(__file__).parents[1]
DATA = ROOT / "a2f_addon" / "data"
FULL_MINUTES = 80.0
"""Training time of the bundled model on two cores; the rest of an hour is for the speech."""


@dataclass(frozen=True)
class Places:
    """Where things lie. Beside the folder of speech there may be `noise`, `rooms` and `heads`."""

    cache: Path
    speech: Path
    graph: Path

    @property
    def run(self) -> Path:
        """What training itself leaves: checkpoints and networks."""
        return self.cache / ".run"

    @property
    def ears(self) -> Path:
        """The graph that labels in the second pass: a copy of what stood when the cache was new, so that a better one changes no labels unasked."""
        return self.run / "ears.onnx"

    @property
    def gathered(self) -> Path:
        """Folders of recordings beside those of `speech`, from programs that are installed."""
        return self.cache / ".recordings"

    @property
    def transcripts(self) -> Path:
        """What was said in folders without a text."""
        return self.cache / ".transcripts"

    @property
    def rooms(self) -> Path:
        """Impulse responses."""
        return self.speech.parent / "rooms"

    @property
    def heads(self) -> Path:
        """The heads that lips are judged on."""
        return self.speech.parent / "heads"


def show(places: Places, arguments: argparse.Namespace) -> None:
    """What the cache holds."""
    from training import corpora

    for name in corpora.names(places.cache):
        everybody, trained_on = (corpora.read_corpus(places.cache, name, split=split) for split in (None, corpora.TRAIN))
        speakers = len({utterance.speaker for utterance in trained_on.utterances})
        _say(f"{name}: {everybody.hours:.2f} h, of which {trained_on.hours:.2f} h of {speakers} speakers are trained on")


def synthesise(places: Places, arguments: argparse.Namespace) -> None:
    """Speech by espeak-ng, flite and festival, whose phones' times are exact."""
    from training import synthesise

    synthesise.make(places.cache, scale=arguments.scale, seed=arguments.seed, workers=arguments.workers, progress=Progress("synthesise"))


def align(places: Places, arguments: argparse.Namespace) -> None:
    """Recordings with their phones' times found by pocketsphinx or given with them, and sounds without speech."""
    from training import align, russian

    dropped = align.make(places.cache, corpora_folder=places.speech, workers=arguments.workers, progress=Progress("align"))
    russian.make(places.cache, progress=Progress("align"))
    _say_dropped("align", dropped)


def _say_dropped(step: str, dropped: Mapping[str, Counter[str]]) -> None:
    for name, reasons in dropped.items():
        for reason, count in reasons.most_common():
            _say(f"{step}: {name}: {count} left out: {reason}")


def gather(places: Places, arguments: argparse.Namespace) -> None:
    """Asterisk's prompts and KLettres' letters, where they are installed, and speech by Kokoro, where it is."""
    from training import kokoro, letters, prompts

    written = prompts.make(places.gathered, progress=Progress("gather"))
    written += [letters.NAME] * letters.make(places.gathered, progress=Progress("gather"))
    if arguments.kokoro is not None:
        written += [kokoro.NAME] * kokoro.make(
            places.gathered, engine=arguments.kokoro, scale=arguments.scale, seed=arguments.seed, progress=Progress("gather")
        )
    _say(f"gather: {', '.join(written) or 'nothing new'}")


def transcribe(places: Places, arguments: argparse.Namespace) -> None:
    """The words of recordings that have no text, by Whisper."""
    from training import corpora, prompts, transcribe

    if arguments.recogniser is None:
        _say("transcribe: left out; name the folder of a Whisper model with --recogniser")
        return
    listed = {"en_librispeech_clean": places.speech, "en_coffee_orders": places.speech, **dict.fromkeys(prompts.VOICES, places.gathered)}
    for name, place in listed.items():
        if (place / name).is_dir():
            file, language = places.transcripts / f"{name}.jsonl", "en" if place == places.speech else name.split("_")[1]
            transcribe.make(
                file, corpora.clips(place / name), language=language, recogniser=arguments.recogniser, name=name, progress=Progress("transcribe")
            )


def second(places: Places, arguments: argparse.Namespace) -> None:
    """Recordings that need a taught network to be labelled: other languages, unknown words."""
    from training import second

    listener = DATA / "a2f.onnx" if arguments.live else places.graph
    if not places.ears.is_file():
        if not listener.is_file():
            _say(f"second: left out, since there is no graph at {listener} that could listen; run it again, and train, when there is one")
            return
        places.run.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(listener, places.ears)
    dropped = second.make(
        places.cache,
        corpora_folder=places.speech,
        gathered=places.gathered,
        transcripts=places.transcripts,
        graph=places.ears,
        workers=arguments.workers,
        progress=Progress("second"),
    )
    _say_dropped("second", dropped)


def train(places: Places, arguments: argparse.Namespace) -> None:
    """The network, for so many minutes."""
    from training import network, train

    minutes = FULL_MINUTES if arguments.minutes is None else arguments.minutes
    recipe = train.Recipe(minutes=minutes, seed=arguments.seed, **({} if arguments.rate is None else {"peak_rate": arguments.rate}))
    shape = network.LIVE if arguments.live else network.Shape()
    train.train(places.cache, places.run, recipe=recipe, shape=shape, begin=arguments.begin, rooms=places.rooms, say=_say)


def export(places: Places, arguments: argparse.Namespace) -> None:
    """The ONNX file that the add-on runs, checked against the network."""
    from training import export, train

    taught, facts = train.load(train.weights_file(places.run, live=arguments.live))
    if arguments.mean is not None:
        taught = train.mean(taught, *(train.load(file)[0] for file in arguments.mean))
    difference = export.export(taught, places.graph, version=_version())
    size_mb = places.graph.stat().st_size / 1e6
    _say(f"export: {places.graph}, {size_mb:.1f} MB, within {difference:.1g} of the network, after {facts['steps']} steps")


def evaluate(places: Places, arguments: argparse.Namespace) -> None:
    """The table of figures on those who were never trained on."""
    from training import evaluate

    if not places.heads.is_dir():
        _say(f"evaluate: left out, since the heads that lips are judged on are not in {places.heads}")
        return
    rows = evaluate.evaluate(places.graph, places.cache, heads_folder=places.heads, live=arguments.live)
    sys.stdout.write(evaluate.table(rows) + "\n")


def finetune(places: Places, arguments: argparse.Namespace) -> None:
    """The bundled model taught on with a performer's captures."""
    from training import finetune

    if arguments.captures is None or arguments.out is None:
        raise FileNotFoundError("Name the folder of captures with --captures and the file to write with --out.")
    recipe = finetune.Recipe(seed=arguments.seed, **({} if arguments.minutes is None else {"minutes": arguments.minutes}))
    pretrained = arguments.graph_from or places.graph
    figures = finetune.finetune(arguments.captures, arguments.out, pretrained=pretrained, runs=places.run, recipe=recipe, fps=arguments.fps, say=_say)
    sys.stdout.write(finetune.table(*figures) + "\n")


STEPS: dict[str, Callable[[Places, argparse.Namespace], None]] = {
    "corpora": show,
    "synthesise": synthesise,
    "align": align,
    "gather": gather,
    "transcribe": transcribe,
    "second": second,
    "train": train,
    "export": export,
    "evaluate": evaluate,
    "finetune": finetune,
}
ALL = ("synthesise", "align", "gather", "transcribe", "second", "corpora", "train", "export", "evaluate")


class Progress:
    """Prints how far a step is and how long it will yet take, every few seconds and not more often."""

    EVERY_S = 5.0

    def __init__(self, step: str) -> None:
        self._step, self._what = step, ""
        self._said = self._begun = 0.0

    def __call__(self, done: float, what: str) -> None:
        """done: 0 to 1, of what is going on."""
        now = time.monotonic()
        if what != self._what:
            self._what, self._begun, self._said = what, now, 0.0
        if now - self._said < self.EVERY_S:
            return
        self._said = now
        left = f", {(now - self._begun) * (1 - done) / done:.0f} s left" if done > 0.02 else ""
        _say(f"{self._step}: {what} {done:.0%}{left}")


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command; 0 when it is done, 2 with a sentence when it cannot be."""
    arguments = _parser().parse_args(argv)
    places = Places(arguments.cache, arguments.corpora, arguments.graph or DATA / ("a2f_live.onnx" if arguments.live else "a2f.onnx"))
    try:
        for step in ALL if arguments.command == "all" else (arguments.command,):
            STEPS[step](places, arguments)
    except (FileNotFoundError, A2FError) as error:
        _say(str(error))
        return 2
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m training", description="Make the bundled model from scratch.")
    parser.add_argument("command", choices=(*STEPS, "all"), help="a step, or all of them")
    parser.add_argument("--cache", type=Path, default=ROOT / "training" / "cache", help="labelled speech and the run (%(default)s)")
    parser.add_argument("--corpora", type=Path, default=_shared() / "speech", help="the folders of recordings (%(default)s)")
    parser.add_argument("--graph", type=Path, help=f"the ONNX file (a2f.onnx or a2f_live.onnx in {DATA})")
    parser.add_argument("--scale", type=float, default=1.0, help="how much synthetic speech, against the bundled model's (%(default)s)")
    parser.add_argument("--kokoro", type=Path, help="gather: the folder of the neural voice Kokoro (model.onnx, vocab.json, voices/*.bin)")
    parser.add_argument("--recogniser", type=Path, help="transcribe: the folder of a Whisper model for CTranslate2")
    parser.add_argument("--minutes", type=float, help=f"how long to train at the most ({FULL_MINUTES:g}; finetune 10)")
    parser.add_argument("--begin", type=Path, help="train: the network.pt of an earlier run to go on from, with another recipe or other data")
    parser.add_argument("--mean", type=Path, nargs="+", help="export: the network.pt of other runs, for the mean of their weights and this one's")
    parser.add_argument("--rate", type=float, help="train: the highest learning rate (0.0015; less, to go on from good weights)")
    parser.add_argument("--workers", type=int, default=2, help="processes for synthesis and alignment (%(default)s)")
    parser.add_argument("--live", action="store_true", help="train, export or evaluate the live network")
    parser.add_argument("--seed", type=int, default=0, help="of everything random (%(default)s)")
    parser.add_argument("--captures", type=Path, help="finetune: a folder of speech with Live Link Face CSVs or NumPy pairs")
    parser.add_argument("--out", type=Path, help="finetune: the ONNX file to write")
    parser.add_argument("--graph-from", type=Path, help="finetune: the model to begin with, an ONNX file or a network.pt (--graph)")
    parser.add_argument("--fps", type=float, help="finetune: frames a second of the captures, where they don't tell")
    return parser


def _version() -> str:
    """The add-on's: the model is a part of it."""
    return str(tomllib.loads((ROOT / "blender_manifest.toml").read_text(encoding="utf-8"))["version"])


def _shared() -> Path:
    return Path(os.environ.get("A2F_SHARED", ROOT.parent / "shared"))


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    sys.exit(main())
