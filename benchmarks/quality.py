"""How well the bundled graphs move a mouth, on people, languages, noises and rooms that they were never trained on. One command, one page.

    python -m benchmarks.quality [--cache training/cache] [--corpora ../shared/speech] [--minutes 6]

It prints the page and writes benchmarks/QUALITY.md. It needs what training needs: the cache that `python -m training align` and `synthesise` made,
pocketsphinx, and beside the folder of speech the folders `heads`, `noise` and `rooms`. What the phone decoder heard is kept in the cache, so a second
run is quicker; with two idle cores the first takes a quarter of an hour.
"""

from __future__ import annotations

import argparse
import multiprocessing
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor, as_completed
from functools import partial
from pathlib import Path
from typing import Any

from a2f_addon.speech import model
from benchmarks import SHARED, conditions, judging, report
from benchmarks.judging import ALLPHONE, LIVE, LOUDNESS, OFFLINE, Places, Results, Stirred, Tally, Task
from training import corpora, synthesise

ROOT = Path(__file__).parents[1]
PAGE = Path(__file__).with_name("QUALITY.md")
GRAPHS = {OFFLINE: model.BUNDLED, LIVE: model.BUNDLED.with_name("a2f_live.onnx")}
#: The live graph is heard in steps of 20 ms, which takes a while, and the decoder is slow.
FEW = (conditions.CLEAN, conditions.NOISE, conditions.ROOM)
UNDER = {OFFLINE: tuple(conditions.CONDITIONS), LIVE: (*FEW, *conditions.HARMLESS), ALLPHONE: FEW, LOUDNESS: FEW}
SPEED_MINUTES = 10.0
PATIENCE_S = 120.0


def main() -> int:
    """Judge, print, write."""
    given = _options()
    places = Places(given.cache, given.corpora.resolve().parent, tuple((name, path) for name, path in _graphs(given) if path.is_file()))
    missing = [str(path) for path in (places.cache, places.heads) if not path.is_dir()]
    if missing or not places.graphs:
        _say(f"There is nothing to judge or to judge by in {', '.join(missing) or 'the folder of graphs'}.")
        return 2
    results = measure(places, minutes=given.minutes, workers=given.workers, speed=given.speed)
    page = report.page(results, graphs=dict(places.graphs), held_out=(corpora.held_out_text(), conditions.held_out_text()))
    sys.stdout.write(page)
    if given.out:
        given.out.write_text(page, encoding="utf-8")
    return 0


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.quality", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cache", type=Path, default=ROOT / "training" / "cache", help="labelled speech (%(default)s)")
    parser.add_argument("--corpora", type=Path, default=SHARED / "speech", help="the folder of recordings (%(default)s)")
    parser.add_argument("--minutes", type=float, default=6.0, help="how much of each corpus is judged at most (%(default)s)")
    parser.add_argument("--graph", type=Path, default=GRAPHS[OFFLINE], help="the offline graph (%(default)s)")
    parser.add_argument("--live", type=Path, default=GRAPHS[LIVE], help="the live graph, where there is one (%(default)s)")
    parser.add_argument("--workers", type=int, default=2, help="processes (%(default)s)")
    parser.add_argument("--no-speed", dest="speed", action="store_false", help="leave out the ten minutes of the bake command")
    parser.add_argument("-o", dest="out", type=Path, default=PAGE, help="the page to write (%(default)s)")
    return parser.parse_args()


def _graphs(given: argparse.Namespace) -> Iterable[tuple[str, Path]]:
    return ((OFFLINE, given.graph.resolve()), (LIVE, given.live.resolve()))


def measure(places: Places, *, minutes: float, workers: int = 2, speed: bool = True) -> Results:
    """Judge every system on every corpus that has somebody held out."""
    names = held_out(places.cache)
    results = Results(minutes, tuple(names), tuple(name for name in names if is_foreign(places.cache, name)))
    # Children that are spawned, since a process must not be split in two once onnxruntime has begun its threads.
    with ProcessPoolExecutor(workers, mp_context=multiprocessing.get_context("spawn")) as pool:
        waiting = {_send(pool, judging.judged, task): partial(_keep_speech, results, task) for task in tasks(places, minutes=minutes)}
        for name, _ in places.graphs:
            task = Task(places, name, "no speech", conditions.CLEAN, min(minutes, 1.0))
            waiting[_send(pool, judging.stirred, task)] = partial(_keep_quiet, results, task)
        for future in _with_progress(waiting):
            waiting[future](future.result())
    for name, graph in places.graphs if speed else ():
        if name == OFFLINE:
            _say("ten minutes through the bake command")
            try:
                results.speed[name] = bake_speed(graph, places)
            except subprocess.TimeoutExpired:
                _say("left out: the core is too busy with other work for a speed to be told")
    return results


def _send(pool: ProcessPoolExecutor, work: Callable[[Task], Any], task: Task) -> Future[Any]:
    return pool.submit(work, task)


def _keep_speech(results: Results, task: Task, tally: Tally) -> None:
    results.speech[task.system, task.corpus, task.condition] = tally


def _keep_quiet(results: Results, task: Task, found: dict[str, Stirred]) -> None:
    results.quiet[task.system] = found


def tasks(places: Places, *, minutes: float) -> Iterator[Task]:
    """The decoder's first, since they last longest: graphs under every condition, peers under some, made voices only as they are."""
    names = held_out(places.cache)
    for system in (ALLPHONE, LOUDNESS, *(name for name, _ in places.graphs)):
        for corpus in names:
            for condition in (conditions.CLEAN,) if is_made(corpus) else UNDER[system]:
                yield Task(places, system, corpus, condition, minutes)


def held_out(cache: Path) -> list[str]:
    """The cached corpora of speech that have somebody held out, recordings of people first."""
    found = [name for name in corpora.names(cache) if corpora.read_corpus(cache, name, split=corpora.HELD_OUT).utterances]
    return sorted(found, key=lambda name: (is_made(name), name))


def is_foreign(cache: Path, corpus: str) -> bool:
    """Whether all of a corpus is in a language that training never hears."""
    languages = {utterance.language for utterance in corpora.read_corpus(cache, corpus, split=None).utterances}
    return not is_made(corpus) and all(corpora.is_held_out("", speaker="", language=language) for language in languages)


def is_made(corpus: str) -> bool:
    """Whether a corpus is spoken by a program of rules."""
    return corpus in synthesise.FULL_S


def _with_progress(waiting: dict[Future[Any], Any]) -> Iterator[Future[Any]]:
    begun = time.monotonic()
    for done, future in enumerate(as_completed(waiting), 1):
        task = waiting[future].args[1]
        _say(f"[{time.monotonic() - begun:4.0f} s] {done} of {len(waiting)}: {task.system}, {task.corpus}, {task.condition}")
        yield future


def bake_speed(graph: Path, places: Places) -> float:
    """Seconds of speech to one CPU second (user and system) of ``python -m a2f_addon bake``, held to one core; the start of Python counts."""
    from benchmarks import speed

    with tempfile.TemporaryDirectory() as folder:
        speech, out = Path(folder) / "speech.wav", Path(folder) / "curves.csv"
        speed.write_speech(speech, minutes=SPEED_MINUTES, shared=places.shared)
        command = [sys.executable, "-m", "a2f_addon", "bake", str(speech), "-o", str(out), "--model", str(graph)]
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True, timeout=PATIENCE_S, cwd=ROOT, env=os.environ | {"OMP_NUM_THREADS": "1"}, preexec_fn=_one_core)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 60 * SPEED_MINUTES / (after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime)


def _one_core() -> None:
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})


def _say(line: str) -> None:
    sys.stderr.write(line + "\n")
    sys.stderr.flush()


if __name__ == "__main__":
    raise SystemExit(main())
