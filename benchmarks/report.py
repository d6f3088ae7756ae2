"""benchmarks/QUALITY.md out of what benchmarks/quality.py measured. The same measurements give the same text: nothing in it tells its date."""

from __future__ import annotations

import hashlib
import math
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from functools import reduce
from pathlib import Path

from benchmarks import conditions, vertices
from benchmarks.judging import ALLPHONE, BESIDE_S, LIVE, LOUDNESS, OFFLINE, OPENED, Results, Tally

LIVE_LOSES = 0.04
"""What the live graph may lose of each."""
#: Corpora whose phones' times were found without any network of this project.
INDEPENDENT = {"nl_nathalie": "Kaldi", **dict.fromkeys(("en_wakewords", "neural_voices", "en_kathleen"), "pocketsphinx, forced")}
SYSTEMS = (OFFLINE, LIVE, ALLPHONE, LOUDNESS)

#: What is wanted of recordings of people; the peers' best and the prototype on 83 s of English, by the same metrics.
ACCURACY, CLOSURES, ONSETS, AUC, WORSE, FOREIGN, FALSE, SPEED = 0.86, 0.90, 0.80, 0.95, 0.80, 0.80, 0.0, 600.0

KEPT_OUT = "closure F1, language kept out"

HEAD = """# How well the lips read

Made by `{command}`; nobody wrote a figure in here by hand. Every figure is about speakers, a language, noises and rooms that were never trained on.
The metrics are those of `benchmarks/lips.py`: frames at 100 a second; a closure counts when it overlaps a true one widened by 40 ms, its onset when
it lies within 40 ms; lips are closed when their gap on two real heads is. The lips are those after all of the add-on's stages with their defaults, as
a user gets them. Where a figure has a bar it stands behind it; **bold** is what reaches it.
"""
BAR = """Recordings of people, the corpora that were labelled without a network of this project taken together, and of them those in a language kept
out of training alone, which say most: new words, a new speaker, a new language. The peers' best and the prototype were measured on other speech
(83 s of English, 34 closures; the kept-out language: 18 minutes of German); the phone decoder stands beside them on the clips of this page.
"""
SPEECH = """
`closure F1, phones` scores the phone head's (or the decoder's) phones as classes; the columns after it are of the lips. The decoder's phones move the
lips by this project's own rules; loudness alone is a jaw that follows the level. Corpora whose labels are `transcript, own ears` have words that
Whisper wrote down, placed by an earlier network of this project, less the few of which it heard nothing; they count in no bar. Two corpora that do
count flatter in other ways: en_wakewords says six keywords that training hears too, and does not tell who speaks, so that a clip held out may be
of somebody who was heard (en_coffee_orders likewise); neural_voices are new voices that read the text which others read in training.
"""
FAULTS = """The true phones on which the lips closed although no P, B or M was near, and those on which they did not close, the most frequent first.
"""
MOST_FAULTS = 6
WORSE_NOTE = """
Noise: recordings of ESC-10 and of a kitchen, at a mean power 5 dB below the speech. Room: a kitchen and a hall. Both are kept from training. 8 kHz: a
file of that rate; telephone: 300 to 3400 Hz, mu-law; -30 dB: turned down and written with 24 bits, or with 16, which keeps six or so of a voice that
was recorded low; stereo: two channels of unlike strength, with 24 bits or with 16, which round the weaker one. All but the first two are read from
files by the add-on.
"""
QUIET = """
A false closure is a run of closed frames that had the lips open (a gap over {opened:g}) within {beside_s:g} s before it and within {beside_s:g} s
after it. The gap is 0 at rest and 1 with the jaw all open. Noises are recordings (ESC-10, a kitchen) that training did not hear; music, pink and
white noise, breath and silence are made by formula.
"""
MESH = """Against what the project's rules make of the true phones through the same stages, on ICT-FaceKit's head; formulas in
`benchmarks/vertices.py`.
"""


def page(results: Results, *, graphs: Mapping[str, Path], held_out: Sequence[str]) -> str:
    """The whole page, Markdown."""
    command = "python -m benchmarks.quality" + ("" if results.minutes == 6 else f" --minutes {results.minutes:g}")
    parts = (
        HEAD.format(command=command),
        "## What was judged\n" + _table(("graph", "file", "sha256", "MB"), _files(graphs)),
        "## The bar\n" + BAR + _bar(results),
        "## Speech as it was recorded\n" + _speech(results),
        "## What goes wrong\n" + FAULTS + _faults(results),
        "## Noise, rooms, bands and levels\n" + _worse(results),
        "## The same voice, the same closures\n" + _harmless(results),
        "## Nobody speaks\n" + _quiet(results),
        "## On the vertices of a head\n" + _mesh(results),
        "## Who and what was held out\n" + "\n".join(f"```toml\n{text.strip()}\n```" for text in held_out),
    )
    return "\n\n".join(part.strip() for part in parts) + "\n"


def _files(graphs: Mapping[str, Path]) -> Iterable[tuple[str, ...]]:
    sizes = [path.stat().st_size / 1e6 for path in graphs.values()]
    for (name, path), size_mb in zip(graphs.items(), sizes, strict=True):
        yield name, f"`{path.name}`", f"`{hashlib.sha256(path.read_bytes()).hexdigest()}`", f"{size_mb:.2f}"
    yield "together", "", "", f"{sum(sizes):.2f} (≤ 12)"


# ---- the bar ---------------------------------------------------------------------------------------------------------------------------------------


def _bar(results: Results) -> str:
    graphs = [name for name in (OFFLINE, LIVE) if name in _systems(results)]
    rows = [
        ("frame accuracy, 6 classes (phone head)", ".75", ".80", ACCURACY, conditions.CLEAN, "accuracy"),
        ("closure F1, lips", ".73", ".66", CLOSURES, conditions.CLEAN, "seen.f1"),
        ("closure onset F1, lips", ".64", ".62", ONSETS, conditions.CLEAN, "seen.onset_f1"),
        ("lip-gap AUC, lips", ".78", ".86", AUC, conditions.CLEAN, "auc"),
        ("closure F1, 5 dB noise", "-", ".60", WORSE, conditions.NOISE, "seen.f1"),
        ("closure F1, in a room", "-", ".60", WORSE, conditions.ROOM, "seen.f1"),
        (KEPT_OUT, "-", ".64", FOREIGN, conditions.CLEAN, "seen.f1"),
    ]
    lines = [_barred(results, graphs, row) for row in rows]
    lines.append(("false closures a minute, music and noise", "-", "-", "-", "0", *(cell for name in graphs for cell in (_none(results, name), "-"))))
    speed = (cell for name in graphs for cell in (_fast(results, name), "-"))
    lines.append(("audio s per CPU s, one thread, `bake` of 10 minutes", "156, 37", "-", "390", f"{SPEED:.0f}", *speed))
    headings = (heading for name in graphs for heading in (name, f"{name}, {' '.join(_foreign(results)) or 'no other language'} alone"))
    return _table(("", "peers' best", "allphone here", "prototype", "wanted", *headings), lines)


def _foreign(results: Results) -> list[str]:
    return [name for name in results.foreign if name in INDEPENDENT]


def _barred(results: Results, graphs: Sequence[str], row: tuple[str, str, str, float, str, str]) -> tuple[str, ...]:
    """A row of the bar. row: its name, the peers' and the prototype's figures, what is wanted, under which condition, and where a Tally has it."""
    label, peers, prototype, bar, under, what = row
    here = _foreign(results) if label == KEPT_OUT else ()
    cells = [_figure(_of(_pooled(results, ALLPHONE, under, here), what))]
    for name in graphs:
        everybody, abroad = (
            _of(_pooled(results, name, under, names), what) if names else math.nan for names in (tuple(INDEPENDENT), _foreign(results))
        )
        everybody, bars = (math.nan, (None, bar)) if label == KEPT_OUT else (everybody, (bar, None))
        cells += [_against(figure, wanted, live=name == LIVE) for figure, wanted in zip((everybody, abroad), bars, strict=True)]
    return label, peers, cells[0], prototype, _points(bar), *cells[1:]


def _pooled(results: Results, system: str, under: str, names: Iterable[str] = ()) -> Tally | None:
    """All recordings of people that others labelled, or only some corpora of them."""
    wanted = set(names) or set(INDEPENDENT)
    found = [tally for (who, corpus, condition), tally in results.speech.items() if who == system and condition == under and corpus in wanted]
    return reduce(lambda a, b: a + b, found) if found else None


def _of(tally: Tally | None, path: str) -> float:
    value: object = tally
    for name in path.split("."):
        value = getattr(value, name, math.nan)
    return float(value) if isinstance(value, float) else math.nan


def _none(results: Results, system: str) -> str:
    loud = [found for kind, found in results.quiet.get(system, {}).items() if kind.startswith(("music", "noise"))]
    if not loud:
        return "-"
    rate = 60 * sum(found.false_closures for found in loud) / sum(found.seconds for found in loud)
    return f"**{rate:.1f}**" if rate == FALSE else f"{rate:.1f}"


def _fast(results: Results, system: str) -> str:
    speed = results.speed.get(system)
    if speed is None:
        return "-"
    return f"**{speed:.0f}**" if speed >= SPEED else f"{speed:.0f}"


# ---- tables ----------------------------------------------------------------------------------------------------------------------------------------


def _speech(results: Results) -> str:
    """Every system on every corpus."""
    columns = ("corpus", "labels", "system", "minutes", "closures", "accuracy", "closure F1, phones", "closure F1", "precision", "recall", "onset F1")
    rows = [
        (corpus, _labels(corpus), system, *_figures(results, results.speech[system, corpus, conditions.CLEAN], system, corpus))
        for corpus in _corpora(results)
        for system in SYSTEMS
        if (system, corpus, conditions.CLEAN) in results.speech
    ]
    return _table((*columns, "median onset, ms", "lip-gap AUC", "gap correlation"), rows) + "\n" + SPEECH


def _figures(results: Results, tally: Tally, system: str, corpus: str) -> tuple[str, ...]:
    barred, live, foreign = system in (OFFLINE, LIVE) and corpus in INDEPENDENT, system == LIVE, corpus in results.foreign
    bars = (ACCURACY, FOREIGN if foreign else CLOSURES, ONSETS, AUC) if barred else (None,) * 4
    seen = tally.seen
    phones = _figure(tally.heard.f1 if tally.classes else math.nan)
    return (
        *(f"{tally.seconds / 60:.1f}", str(seen.true), _against(tally.accuracy, bars[0], live=live), phones),
        *(_against(seen.f1, bars[1], live=live), _figure(_share(seen.matched, seen.predicted)), _figure(_share(seen.matched, seen.true))),
        *(_against(seen.onset_f1, bars[2], live=live), _milliseconds(seen.median_onset_s)),
        *(_against(tally.auc, bars[3], live=live), _figure(tally.correlation)),
    )


def _faults(results: Results) -> str:
    rows = [
        (corpus, system, _counts(tally.invented), _counts(tally.missed))
        for corpus in _corpora(results)
        for system in (OFFLINE, LIVE)
        if (tally := results.speech.get((system, corpus, conditions.CLEAN))) is not None
    ]
    return _table(("corpus", "system", "closed without reason", "not closed"), rows)


def _counts(phones: Counter[str]) -> str:
    ordered = sorted(phones.items(), key=lambda item: (-item[1], item[0]))
    return ", ".join(f"{phone} {count}" for phone, count in ordered[:MOST_FAULTS]) or "-"


def _worse(results: Results) -> str:
    """Closure F1 of the lips, and the accuracy, under each condition."""
    measured = {condition for _, _, condition in results.speech}
    found = [condition for condition in conditions.CONDITIONS if condition in measured]
    rows = []
    for corpus in _corpora(results):
        for system in SYSTEMS:
            row = [results.speech.get((system, corpus, condition)) for condition in found]
            if sum(tally is not None for tally in row) > 1:
                barred = system in (OFFLINE, LIVE) and corpus in INDEPENDENT
                bars = [WORSE if barred and condition in (conditions.NOISE, conditions.ROOM) else None for condition in found]
                cells = zip(row, bars, strict=True)
                rows.append((corpus, system, *(_both(tally, bar, live=system == LIVE) if tally else "-" for tally, bar in cells)))
    return (
        "Closure F1 of the lips, and after the stroke the accuracy of the six classes.\n"
        + _table(("corpus", "system", *found), rows)
        + "\n"
        + WORSE_NOTE
    )


def _both(tally: Tally, bar: float | None, *, live: bool) -> str:
    accuracy = f" / {_figure(tally.accuracy)}" if tally.classes else ""
    return _against(tally.seen.f1, bar, live=live) + accuracy


def _harmless(results: Results) -> str:
    rows = [
        (system, condition, str(same.true), str(same.true + same.predicted - 2 * same.matched), _figure(same.f1), f"{tally.moved:.3f}")
        for system in (OFFLINE, LIVE)
        for condition in conditions.HARMLESS
        if (tally := _summed(results, system, condition)) is not None and (same := tally.same)
    ]
    columns = ("system", "condition", "closures without", "closures that differ", "F1 of the one against the other", "largest change of the gap")
    before = "The lips' closures under a condition against those of the same system without it, all recordings of people.\n"
    return before + _table(columns, rows) + "\n\nThe gap is 1 with the jaw all open."


def _summed(results: Results, system: str, under: str) -> Tally | None:
    found = [tally for (who, _, condition), tally in results.speech.items() if who == system and condition == under]
    return reduce(lambda a, b: a + b, found) if found else None


def _quiet(results: Results) -> str:
    graphs = [name for name in (OFFLINE, LIVE) if name in results.quiet]
    kinds = list(next(iter(results.quiet.values()), {}))
    rows = [
        (kind, f"{results.quiet[graphs[0]][kind].seconds / 60:.1f}", *(
            cell for name in graphs for cell in (f"{results.quiet[name][kind].a_minute:.1f}", _plain(results.quiet[name][kind].gap_95))
        ))
        for kind in kinds
    ]  # fmt: skip
    headings = (heading for name in graphs for heading in (f"false closures a minute, {name}", f"gap, 95th percentile, {name}"))
    return _table(("sound", "minutes", *headings), rows) + "\n" + QUIET.format(opened=OPENED, beside_s=BESIDE_S)


def _mesh(results: Results) -> str:
    rows = [
        (corpus, system, f"{score.lve_mm2:.2f}", f"{score.fdd_mm:.3f}", f"{score.mtm_frames:.2f}", f"{100 * score.turns_matched:.0f} %")
        for corpus in _corpora(results)
        for system in (OFFLINE, LIVE)
        if (tally := results.speech.get((system, corpus, conditions.CLEAN))) is not None and (score := tally.mesh).frames
    ]
    columns = ("corpus", "system", "LVE, mm²", "FDD, mm", f"MTM, frames at {vertices.RATE_HZ:g} fps", "turns of the lip gap that are there")
    return MESH + _table(columns, rows)


def _corpora(results: Results) -> list[str]:
    return list(dict.fromkeys(corpus for _, corpus, _ in sorted(results.speech, key=lambda key: results.order.index(key[1]))))


def _labels(corpus: str) -> str:
    if corpus in INDEPENDENT:
        return INDEPENDENT[corpus]
    return "exact" if corpus.startswith(("espeak", "flite", "festival")) else "transcript, own ears"


def _systems(results: Results) -> set[str]:
    return {system for system, _, _ in results.speech}


def _share(part: int, whole: int) -> float:
    return part / whole if whole else math.nan


def _against(figure: float, bar: float | None, *, live: bool) -> str:
    """A figure with its bar, bold where it is reached as printed."""
    if bar is None or math.isnan(figure):
        return _figure(figure)
    bar = bar - LIVE_LOSES if live else bar
    text = f"**{figure:.3f}**" if round(figure, 3) >= bar - 1e-9 else f"{figure:.3f}"
    return f"{text} (≥ {_points(bar)})"


def _figure(figure: float) -> str:
    return "-" if math.isnan(figure) else f"{figure:.3f}"


def _plain(figure: float) -> str:
    """Without the sign that a hair below 0 would have."""
    return f"{round(figure, 3) + 0.0:.3f}"


def _milliseconds(seconds: float) -> str:
    return "-" if math.isnan(seconds) else f"{1000 * seconds:.0f}"


def _points(bar: float) -> str:
    return f"{bar:.2f}".lstrip("0")


def _table(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [columns, ["---"] * len(columns), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
