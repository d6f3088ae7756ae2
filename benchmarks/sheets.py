"""Contact sheets: test sentences on three heads, one row a graph, to be looked at.

    python -m benchmarks.sheets --graph OLD.onnx --graph NEW.onnx -o DIR [--cache training/cache] [--heads demo ict_facekit makehuman]

Of each sentence the first and the last frame, the middle of each P B M F V W and UW, and of each pause, up to so many. The last row of a sheet,
`rules`, is what the project's rules make of the true phones through the same stages: where it reads wrong, no hearing can help. The sentences are
spoken by espeak-ng, flite and festival, whose times are exact; recordings of people who were held out come from the cache, where there is one.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from a2f_addon.errors import ModelError
from a2f_addon.face.curves import FaceCurves
from a2f_addon.job import Motion, animate
from a2f_addon.speech import model
from benchmarks import SHARED, faces, judging, raster
from training import corpora, evaluate, phones, synthesise, targets
from training.corpora import RATE, Segment, Utterance

ROOT = Path(__file__).parents[1]
HEADS = ("demo", "ict_facekit", "makehuman")
SHOWN = ("P", "B", "M", "F", "V", "W", "UW")
PAUSE_S = 0.20
TILE, LINE = 132, 18
MOST = 13
"""Moments on a sheet."""
RULES = "rules"

#: Engine, voice or language, and what is said.
SENTENCES = (
    ("festival", "cmu_us_slt_arctic_hts", "Bob may buy my mother a big pumpkin pie, but papa prefers plums."),
    ("festival", "cmu_us_slt_arctic_hts", "Five very funny wolves love waffles for breakfast."),
    ("flite", "rms", "We knew two blue moons would move you too. Wait. What a view."),
    ("espeak", "en-us", "She sees the cheese, he thinks. Then she stops, and hums."),
    ("espeak", "de", "Papa mag frische Früchte, und wir kommen um vier."),
    ("espeak", "fr", "Beaucoup de petits bateaux vont vers la mer bleue."),
)
#: Held-out recordings: a corpus and how many of its clips.
RECORDED = (("nl_nathalie", 2), ("neural_voices", 1), ("en_wakewords", 1))
RECORDED_S = (1.0, 5.0)


@dataclass(frozen=True)
class Sentence:
    """What is looked at. samples: int16 [samples] at 16 kHz."""

    title: str
    utterance: Utterance
    samples: NDArray[np.int16]


def spoken() -> Iterator[Sentence]:
    """The test sentences, by the engines that are installed."""
    for number, (engine, voice, text) in enumerate(SENTENCES, 1):
        try:
            said = _said(engine, voice, text)
        except synthesise.EngineError as error:
            _say(f"left out: {error}")
            continue
        samples = corpora.to_int16(np.pad(0.5 * said.sound / max(float(np.abs(said.sound).max()), 1e-9), round(0.25 * RATE)))
        segments = [(start + 0.25, end + 0.25, phone) for start, end, phone in said.segments]
        yield _sentence(f"{number}_{engine}_{voice.split('_')[0]}", text, samples, corpora.tidy(segments, duration_s=len(samples) / RATE))


def _said(engine: str, voice: str, text: str) -> synthesise.Speech:
    if engine == "festival":
        return synthesise.festival_say([text], voice=voice, pitch_hz=180.0)[0]
    if engine == "flite":
        return synthesise.flite_say(text, voice=voice)
    sound, names = synthesise.espeak().say(text, voice=voice)
    return synthesise.Speech(sound, synthesise.espeak_segments(names, language=voice, duration_s=len(sound) / RATE))


def _sentence(name: str, title: str, samples: NDArray[np.int16], segments: tuple[Segment, ...]) -> Sentence:
    return Sentence(title, Utterance(name, "sheet", "", "", "", corpora.HELD_OUT, 0, len(samples), segments), samples)


def recorded(cache: Path) -> Iterator[Sentence]:
    """Recordings of people who were held out: of each corpus the clips with most of SHOWN among those of a good length."""
    for corpus, count in RECORDED:
        if corpus not in corpora.names(cache):
            continue
        held = corpora.read_corpus(cache, corpus, split=corpora.HELD_OUT)
        fitting = [utterance for utterance in held.utterances if RECORDED_S[0] <= utterance.duration_s <= RECORDED_S[1]]
        shown = {utterance.id: sum(phone in SHOWN for _, _, phone in utterance.phones) for utterance in fitting}
        for utterance in sorted(fitting, key=lambda utterance: (-shown[utterance.id], utterance.id))[:count]:
            yield Sentence(utterance.id, utterance, np.asarray(held.audio(utterance)))


def moments(segments: Iterable[Segment], *, duration_s: float) -> list[tuple[str, float]]:
    """What to look at and when, in time's order, evenly chosen where there are too many."""
    found = []
    for start, end, phone in segments:
        if phone in SHOWN:
            found.append((phone, start + 0.5 * targets.BURST.get(phone, 1.0) * (end - start)))
        elif phone == phones.SILENCE and end - start >= PAUSE_S and start > 0 and end < duration_s - 1e-3:
            found.append(("pause", (start + end) / 2))
    places = np.unique(np.linspace(0, len(found) - 1, min(len(found), MOST - 2)).round().astype(int)) if found else []
    return [("first", 0.0), *(found[place] for place in places), ("last", duration_s - 0.02)]


def faces_of(sentence: Sentence, graphs: Iterable[Path]) -> dict[str, FaceCurves]:
    """The face by each graph and by the rules, after all stages."""
    found = {}
    heard = None
    for graph in graphs:
        heard = evaluate.hear(_listener(graph), sentence.samples)
        # Two graphs of one name, an old one and a new, stand for their folders.
        name = graph.stem if graph.stem not in found else f"{graph.resolve().parent.name}/{graph.stem}"
        found[name] = animate(heard, Motion(), fps=evaluate.FPS)
    if heard:
        found[RULES] = animate(judging.as_spoken(heard, sentence.utterance, sentence.samples), Motion(), fps=evaluate.FPS)
    return found


def _listener(graph: Path) -> evaluate.Listener:
    """Whichever kind the graph is of."""
    try:
        return evaluate.load(graph)
    except ModelError:
        return evaluate.load(graph, live=True)


def sheet(sentence: Sentence, curves: dict[str, FaceCurves], face: faces.Face) -> raster.Picture:
    """One sentence on one head: a column a moment, a row a graph."""
    looked_at = moments(sentence.utterance.phones, duration_s=sentence.utterance.duration_s)
    picture = np.zeros((2 * LINE + (TILE + LINE) * len(curves), TILE * len(looked_at), 3), np.uint8)
    raster.write_text(picture, f"{sentence.title} - {face.name}", left=4, top=4)
    for column, (phone, time_s) in enumerate(looked_at):
        raster.write_text(picture, f"{phone} {time_s:.2f}", left=column * TILE + 4, top=LINE + 4)
        for row, animated in enumerate(curves.values()):
            top = 2 * LINE + row * (TILE + LINE)
            picture[top : top + TILE, column * TILE : (column + 1) * TILE] = face.picture(faces.weights_at(animated, time_s), size=TILE)
    for row, name in enumerate(curves):
        raster.write_text(picture, name, left=4, top=2 * LINE + row * (TILE + LINE) + TILE + 4, colour=(150, 200, 160))
    return picture


def main() -> int:
    """Draw every sheet."""
    given = _options()
    given.out.mkdir(parents=True, exist_ok=True)
    heads = [faces.load(name, given.shared / "heads") for name in given.heads]
    for sentence in (*spoken(), *recorded(given.cache)):
        if given.only and not any(piece in sentence.utterance.id for piece in given.only):
            continue
        curves = faces_of(sentence, given.graph or [model.BUNDLED])
        for face in heads:
            path = given.out / f"{sentence.utterance.id}_{face.name}.png"
            raster.write_png(path, sheet(sentence, curves, face))
            _say(str(path))
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.sheets", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--graph", type=Path, action="append", help="an ONNX file; again for another row (default: the bundled one)")
    parser.add_argument("-o", dest="out", type=Path, required=True, help="the folder to write PNG files into")
    parser.add_argument("--cache", type=Path, default=ROOT / "training" / "cache", help="labelled speech (%(default)s)")
    parser.add_argument("--shared", type=Path, default=SHARED, help="where `heads` lies (%(default)s)")
    parser.add_argument("--heads", nargs="+", choices=HEADS, default=HEADS, help="(all)")
    parser.add_argument("--only", nargs="+", metavar="NAME", help="only sentences whose name has this in it")
    return parser.parse_args()


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    raise SystemExit(main())
