"""The command line, the same with Blender (``blender --command a2f``) and without (``python -m a2f_addon``)."""

from __future__ import annotations

import argparse
import importlib.util
import json
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from . import job as jobs
from . import presets, styling, words
from .about import version
from .batch import cluster, pool, report, run, work
from .batch import plan as plans
from .batch.task import ENGINES, FORMATS, IN_BLENDER, Result
from .errors import A2FError, BatchError, OutputError, SettingError
from .files import writing
from .settings import Option, options
from .speech import model
from .telling import Shown, say

DONE, SOME_FAILED, NOTHING_DONE, STOPPED = 0, 1, 2, 130


def main(argv: Sequence[str] | None = None, *, program: str = "python -m a2f_addon") -> int:
    """Run a command line (without the program's name; by default this process's own) and return its exit code.

    0 all done; 1 some lines of a batch failed; 2 nothing could be done; 130 stopped by the person. Messages go to stderr, one line each;
    nothing goes to stdout unless it was asked for.
    """
    try:
        arguments = _parser(program).parse_args(argv)
        return int(arguments.run(arguments))
    except A2FError as error:
        say(str(error))
        return NOTHING_DONE
    except KeyboardInterrupt:
        say("Stopped; what was not finished was not written.")
        return STOPPED
    except SystemExit as done:
        # argparse ends --help, --version and every mistake so.
        return int(done.code or 0)


def bake(arguments: argparse.Namespace) -> int:
    """Every recording to an output of its own; one that fails does not keep the others."""
    plan = _plan(arguments)
    batch = arguments.manifest is not None or any(path.is_dir() for path in arguments.speech)
    networks = [model.load(path, threads=work.THREADS) for path in arguments.model or [None]]
    shown = Shown(plan, batch=batch)
    with shown:
        outcome = run.run(
            plan,
            _in_blender(plan, _baker(arguments, shown, batch=batch)),
            keep_journal=batch,
            told=shown.told,
            in_order=lambda result: _print(result) if arguments.json else None,
        )
    for note in dict.fromkeys((*plan.notes, *outcome.notes, *(note for network in networks for note in network.notes))):
        say(note)
    _report(arguments, plan, outcome, batch=batch)
    failed = outcome.count("failed")
    return DONE if not failed else SOME_FAILED if failed < len(plan) else NOTHING_DONE


def _baker(arguments: argparse.Namespace, shown: Shown, *, batch: bool) -> run.Baker:
    """Who does the work. A list's lines get processes of their own even one at a time, so that none takes the others along when it dies."""
    if arguments.scheduler:
        return lambda tasks: cluster.run(tasks, scheduler=arguments.scheduler)
    if (batch or arguments.jobs > 1) and pool.can_start():
        return run.processes(arguments.jobs)
    return run.here(shown.progress)


def _in_blender(plan: plans.Plan, hear: run.Baker) -> run.Baker:
    """The same, with a Blender for the lines that need one. Raises BatchError where there is none."""
    if not any(task.format in IN_BLENDER for task in plan.tasks):
        return hear
    if importlib.util.find_spec("bpy") is None:
        raise BatchError("Blender writes .blend files: run 'blender --command a2f bake ...', or install Blender's Python module bpy.")
    from .blender import batch

    return batch.baker(hear)


def _report(arguments: argparse.Namespace, plan: plans.Plan, outcome: run.Outcome, *, batch: bool) -> None:
    path = arguments.report
    if path is None and batch and plan.folder is not None and not arguments.no_report:
        path = plan.folder / "report.html"
        if not plan.folder.is_dir():
            return
    if path is None:
        return
    try:
        report.write(path, outcome.results)
    except OutputError as error:
        # The faces are there, which is what was asked for.
        say(str(error))


def _plan(arguments: argparse.Namespace) -> plans.Plan:
    """What goes where, with every mistake of the command line found before any work. Raises A2FError."""
    if bool(arguments.speech) is bool(arguments.manifest):
        raise BatchError("Name recordings or a --manifest, one of the two.")
    if arguments.jobs < 1:
        raise BatchError(f"--jobs must be 1 or more, not {arguments.jobs}.")
    if arguments.report is not None:
        writing.check_folder(arguments.report.parent)
    names = {item.name for item in options(jobs.Motion)}
    given = vars(arguments)
    models = [str(path) for path in arguments.model or ()]
    wishes = plans.Wishes(
        arguments.output,
        {name: value for name, value in given.items() if name in names},
        **{name: given[name] for name in ("preset", "emotion", "style", "seed") if name in given},
        **{name: given[name] for name in ("format", "start_s", "end_s", "fps", "object", "frame_start", "thumbnails", "force")},
        model=models[0] if models else None,
        also=tuple(models[1:]),
        weights=_weights(arguments.weights),
        blend=str(arguments.blend or ""),
        render=arguments.engine if arguments.render else "",
    )
    return plans.of_manifest(arguments.manifest, wishes) if arguments.manifest else plans.of_recordings(arguments.speech, wishes)


def _weights(text: str) -> tuple[float, ...]:
    """How much each model counts. Raises SettingError for what is no list of numbers."""
    try:
        return tuple(float(part) for part in text.split(",")) if text else ()
    except ValueError:
        raise SettingError(f"--weights must be numbers with commas between them, such as 2,1, not '{text}'.") from None


def _print(result: Result) -> None:
    """A line of --json."""
    facts: dict[str, Any] = {"line": result.number, "speech": result.speech, "output": result.output, "status": result.status}
    facts |= {"output": None} if result.status == "failed" else {}
    facts |= {"message": result.message, "seconds": round(result.seconds, 3), **result.facts}
    sys.stdout.write(json.dumps(facts) + "\n")
    sys.stdout.flush()


class _Parser(argparse.ArgumentParser):
    """argparse, with a mistake told in one line instead of the whole usage."""

    def error(self, message: str) -> NoReturn:
        say(f"{message[:1].upper()}{message[1:]}; see {self.prog} --help.")
        raise SystemExit(NOTHING_DONE)


def _parser(program: str) -> argparse.ArgumentParser:
    parser = _Parser(prog=program, description="Recorded speech to facial animation.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"A2F {version()}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    about = "Turn recordings into face curves: ARKit's 52 shapes, frame by frame, as Live Link Face files (CSV) or others."
    _add_bake(commands.add_parser("bake", help=about, description=about, allow_abbrev=False, formatter_class=_Help))
    styling.add(commands)
    return parser


def _add_bake(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=bake)
    recordings = "a sound file (WAV, FLAC, Ogg, Opus, MP3, AIFF), or a folder for all in it"
    parser.add_argument("speech", nargs="*", type=words.path, metavar="SPEECH", help=recordings)
    lines = "a list of recordings instead: .csv or .toml with the column speech and, where wanted, output, start, end, emotion, style, preset, "
    lines += "seed, blend, object, frame_start, model, weights or any setting; paths are relative to the list, outputs to -o"
    parser.add_argument("--manifest", type=words.path, metavar="LIST", help=lines)
    where = "a file (.csv, .npz), for one recording; or a folder, for OUT/STEM.csv and the like"
    parser.add_argument("-o", "--output", type=words.path, metavar="OUT", help=where)
    kinds = "csv: Live Link Face; npz: NumPy archive; bs: a folder with BS_name.npy and BS_value.npy; blend: the character, keyed; actions: the "
    kinds += "Actions of all lines in one .blend file (default: by the ending of OUT, else blend with a character and csv without)"
    parser.add_argument("--format", choices=list(FORMATS), default="", help=kinds)
    _add_character(parser)
    parser.add_argument("--fps", type=words.number, default=30.0, metavar="N", help="frames per second (default 30)")
    parser.add_argument("--start", dest="start_s", type=words.number, metavar="S", help="begin here, seconds of the recording (default: its start)")
    parser.add_argument("--end", dest="end_s", type=words.number, metavar="S", help="end here (default: its end)")
    networks = "another ONNX file than the bundled one; given several times, the mean of what all of them make of the recording"
    parser.add_argument("--model", type=words.path, action="append", metavar="PATH", help=networks)
    parser.add_argument("--weights", default="", metavar="N,N", help="how much each --model counts (default: all alike)")
    _add_work(parser)
    _add_settings(parser)


def _add_character(parser: argparse.ArgumentParser) -> None:
    """What only outputs that Blender writes have."""
    parser.add_argument("--blend", type=words.path, metavar="FILE", help="the character for outputs that Blender writes: a .blend file")
    parser.add_argument("--object", default="", metavar="NAME", help="its object with the face shapes (default: the active one, or the only one)")
    parser.add_argument("--frame-start", type=words.number, default=1.0, metavar="N", help="the frame at which it begins to speak (default 1)")
    parser.add_argument("--render", choices=["mp4"], help="film each line with its sound, beside its output")
    engines = "what films it: Workbench and Cycles need no graphics card, scene is as the file has it (default workbench)"
    parser.add_argument("--engine", choices=ENGINES, default="workbench", help=engines)
    parser.add_argument("--no-thumbnails", dest="thumbnails", action="store_false", help="no pictures of the character in the report")


def _add_work(parser: argparse.ArgumentParser) -> None:
    """Who does it, and what is told of it."""
    parser.add_argument("--jobs", type=words.whole, default=1, metavar="N", help="processes that work side by side (default 1)")
    parser.add_argument("--force", action="store_true", help="bake also what is up to date, which a list or a folder otherwise skips")
    parser.add_argument("--scheduler", metavar="ADDRESS", help="let the workers of a Dask cluster do it, such as tcp://host:8786")
    parser.add_argument("--report", type=words.path, metavar="PAGE", help="where report.html goes (default, for a list or a folder: into OUT)")
    parser.add_argument("--no-report", action="store_true", help="write no report")
    parser.add_argument("--json", action="store_true", help="print what became of each recording, a JSON object a line")


def _add_settings(parser: argparse.ArgumentParser) -> None:
    """Whole sets of settings, and each by itself."""
    known = ", ".join(presets.names())
    parser.add_argument("--preset", default=argparse.SUPPRESS, metavar="NAME", help=f"a whole set of settings: {known}, or a .toml file of your own")
    seed = "one number for everything that draws lots: another gives another natural take, the same number the same"
    parser.add_argument("--seed", type=words.whole, default=argparse.SUPPRESS, metavar="N", help=seed)
    groups: dict[str, Any] = {}
    for item in options(jobs.Motion):
        stage = item.path[0]
        if stage not in groups:
            groups[stage] = parser.add_argument_group(stage.replace("_", " "))
        _add(groups[stage], item)


def _add(group: Any, item: Option) -> None:
    """One setting as an option; what is on by default is switched off by ``--no-``."""
    description = item.description.replace("%", "%%")
    if item.type is bool:
        flag, action = (f"--no-{item.flag}", "store_false") if item.default else (f"--{item.flag}", "store_true")
        about = f"switch off: {description[:1].lower()}{description[1:]}" if item.default else description
        group.add_argument(flag, dest=item.name, action=action, default=argparse.SUPPRESS, help=about)
        return
    if item.choices:
        description += f": {', '.join(item.choices)}"
    about = f"{description} (default {'none' if item.default == '' else item.default}{item.unit and ' ' + item.unit})"
    # What a list of recordings may say of each line stays apart from the single settings, which override it.
    dest = {"emotion_mix": "emotion", "style_name": "style"}.get(item.name, item.name)
    group.add_argument(f"--{item.flag}", dest=dest, type=words.KINDS[item.type], default=argparse.SUPPRESS, metavar=_metavar(item), help=about)


def _metavar(item: Option) -> str:
    return item.unit.upper() if item.unit.isalpha() else "TEXT" if item.type is str else "N"


class _Help(argparse.HelpFormatter):
    """Room for the longer options beside their descriptions."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=36, width=120)
