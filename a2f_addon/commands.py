"""The command line, the same with Blender (``blender --command a2f``) and without (``python -m a2f_addon``)."""

from __future__ import annotations

import argparse
import json
import sys
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn

from . import job as jobs
from .errors import A2FError, OutputError
from .files import livelink, writing
from .settings import Option, build, options
from .speech import model

DONE, SOME_FAILED, NOTHING_DONE, STOPPED = 0, 1, 2, 130
PROGRAM = "a2f"


@dataclass(frozen=True)
class Line:
    """One recording of a batch, and where its face goes."""

    job: jobs.Job
    output: Path


def main(argv: Sequence[str] | None = None, *, program: str = "python -m a2f_addon") -> int:
    """Run a command line (without the program's name; by default this process's own) and return its exit code.

    0 all done; 1 some lines of a batch failed; 2 nothing could be done; 130 stopped by the person. Messages go to stderr, one line each;
    nothing goes to stdout unless it was asked for.
    """
    try:
        arguments = _parser(program).parse_args(argv)
        return int(arguments.run(arguments))
    except A2FError as error:
        _say(str(error))
        return NOTHING_DONE
    except KeyboardInterrupt:
        _say("Stopped; what was not finished was not written.")
        return STOPPED
    except SystemExit as done:
        # argparse ends --help, --version and every mistake so.
        return int(done.code or 0)


def bake(arguments: argparse.Namespace) -> int:
    """Every recording to a CSV of its own; one that fails does not keep the others."""
    lines = _plan(arguments)
    network = model.load(arguments.model)
    failed = 0
    for line in lines:
        result: dict[str, Any] = {"speech": str(line.job.speech), "output": str(line.output)}
        try:
            result |= _bake(line)
        except A2FError as error:
            failed += 1
            _say(str(error))
            result |= {"output": None, "error": str(error)}
        if arguments.json:
            sys.stdout.write(json.dumps(result) + "\n")
            sys.stdout.flush()
    for note in network.notes:
        _say(note)
    return DONE if not failed else SOME_FAILED if failed < len(lines) else NOTHING_DONE


def _plan(arguments: argparse.Namespace) -> list[Line]:
    """What goes where, with every mistake of the command line found before any work. Raises A2FError."""
    names = {item.name for item in options(jobs.Motion)}
    motion = build(jobs.Motion, {name: value for name, value in vars(arguments).items() if name in names})
    shared = {"start_s": arguments.start, "end_s": arguments.end, "fps": arguments.fps, "model": arguments.model, "motion": motion}
    outputs = _outputs(arguments.speech, arguments.output)
    return [Line(jobs.Job(speech, **shared), output) for speech, output in zip(arguments.speech, outputs, strict=True)]


def _outputs(speech: list[Path], output: Path) -> list[Path]:
    """The CSV of each recording. Raises OutputError where one could not be written or two would be the same."""
    if output.suffix.lower() == ".csv" and not output.is_dir():
        if len(speech) > 1:
            raise OutputError(f"'{output}' is one file, and there are {len(speech)} recordings; name a folder after -o.")
        writing.check(output)
        return [output]
    writing.check_folder(output)
    first: dict[str, Path] = {}
    for path in speech:
        # Without regard to case, as the file systems of Windows and macOS are.
        other = first.setdefault(path.stem.casefold(), path)
        if other is not path:
            raise OutputError(f"'{other}' and '{path}' would both become '{output / path.stem}.csv'; bake them into two folders.")
    return [output / f"{path.stem}.csv" for path in speech]


def _bake(line: Line) -> dict[str, Any]:
    """Write one recording's CSV; what to report of it."""
    if line.output.parent.is_dir():
        writing.check(line.output)
    with _progress(line.job.speech.name) as progress:
        curves = jobs.run(line.job, progress)
    try:
        line.output.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise OutputError(f"The folder '{line.output.parent}' cannot be made ({error.strerror}); choose another.") from error
    livelink.write(line.output, curves)
    return {"frames": len(curves), "fps": curves.fps, "start_s": curves.start}


@contextmanager
def _progress(name: str) -> Iterator[jobs.Progress]:
    """How far a recording is, in one line of the terminal that is gone afterwards; elsewhere than on a terminal, nothing."""
    if not sys.stderr.isatty():
        yield lambda done, text: None
        return
    try:
        yield lambda done, text: _show(f"{done:4.0%}  {name}  {text}")
    finally:
        _show("")


def _show(text: str) -> None:
    sys.stderr.write(f"\r\x1b[K{text}")
    sys.stderr.flush()


def _say(sentence: str) -> None:
    """One line on stderr, whatever the sentence quotes."""
    sys.stderr.write(" ".join(sentence.split()) + "\n")


class _Parser(argparse.ArgumentParser):
    """argparse, with a mistake told in one line instead of the whole usage."""

    def error(self, message: str) -> NoReturn:
        _say(f"{message[:1].upper()}{message[1:]}; see {self.prog} --help.")
        raise SystemExit(NOTHING_DONE)


def _parser(program: str) -> argparse.ArgumentParser:
    parser = _Parser(prog=program, description="Recorded speech to facial animation.", allow_abbrev=False)
    parser.add_argument("--version", action="version", version=f"A2F {version()}")
    commands = parser.add_subparsers(required=True, metavar="COMMAND", parser_class=_Parser)
    about = "Turn recordings into Live Link Face files (CSV): ARKit's 52 shapes, frame by frame."
    _add_bake(commands.add_parser("bake", help=about, description=about, allow_abbrev=False, formatter_class=_Help))
    return parser


def _add_bake(parser: argparse.ArgumentParser) -> None:
    parser.set_defaults(run=bake)
    parser.add_argument("speech", nargs="+", type=Path, metavar="SPEECH", help="a sound file: WAV, FLAC, Ogg, Opus, MP3, AIFF")
    where = "a file ending in .csv, for one recording; or a folder, for OUT/STEM.csv"
    parser.add_argument("-o", "--output", required=True, type=Path, metavar="OUT", help=where)
    parser.add_argument("--fps", type=float, default=30.0, metavar="N", help="frames per second (default 30)")
    parser.add_argument("--start", type=float, metavar="S", help="begin here, seconds of the recording (default: its beginning)")
    parser.add_argument("--end", type=float, metavar="S", help="end here (default: its end)")
    parser.add_argument("--model", type=Path, metavar="PATH", help="another ONNX file than the bundled one")
    parser.add_argument("--json", action="store_true", help="print what became of each recording, a JSON object a line")
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
        words = f"switch off: {description[:1].lower()}{description[1:]}" if item.default else description
        group.add_argument(flag, dest=item.name, action=action, default=argparse.SUPPRESS, help=words)
        return
    words = f"{description} (default {item.default}{item.unit and ' ' + item.unit})"
    group.add_argument(f"--{item.flag}", dest=item.name, type=item.type, default=argparse.SUPPRESS, metavar=_metavar(item), help=words)


def _metavar(item: Option) -> str:
    return item.unit.upper() if item.unit.isalpha() else "TEXT" if item.type is str else "N"


class _Help(argparse.HelpFormatter):
    """Room for the longer options beside their descriptions."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=36, width=120)


def version() -> str:
    """The version in the extension's manifest, which lies beside this package in the repository and in the installed extension alike."""
    manifest = Path(__file__).parents[1] / "blender_manifest.toml"
    return str(tomllib.loads(manifest.read_text("utf-8"))["version"]) if manifest.exists() else "unpackaged"
