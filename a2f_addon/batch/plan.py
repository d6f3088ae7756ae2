"""What a batch will do, with every mistake in it found before any work."""

from __future__ import annotations

import math
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from difflib import get_close_matches
from functools import lru_cache
from pathlib import Path
from typing import Any

from .. import job as jobs
from .. import presets
from ..errors import A2FError, ManifestError, ModelError, OutputError, SettingError, SoundError
from ..files import writing
from ..settings import flat, options
from ..speech import wholeness
from . import manifest, work
from .task import FORMATS, IN_BLENDER, Result, Task, Terms

SOUNDS = frozenset(f".{name}" for name in "wav wave flac ogg oga opus mp3 aiff aif aifc caf w64 rf64 au snd".split())
"""Endings of the files that are taken from a folder."""
SWITCH = {"on": True, "yes": True, "true": True, "1": True, "off": False, "no": False, "false": False, "0": False}
SEVERAL = "|"
"""Between the models of a line: no file of Windows can have it in its name, and no spreadsheet takes it for the end of a cell."""
NUMBERS = {"start": ("start_s", "seconds"), "end": ("end_s", "seconds"), "frame_start": ("frame_start", "frames")}
"""By column, what the number is of a line's terms, and what it counts."""


@dataclass(frozen=True)
class Wishes(Terms):
    """What was asked for once, for all lines.

    output: the file or folder after -o, None where each line has its own.
    values: single settings under their flat names; preset, emotion, style, seed: as presets.motion takes them.
    """

    output: Path | None = None
    values: Mapping[str, Any] = field(default_factory=dict)
    preset: str = ""
    emotion: str = ""
    style: str = ""
    seed: int | None = None

    @property
    def terms(self) -> dict[str, Any]:
        """What each line takes over unless it says otherwise."""
        return {each.name: getattr(self, each.name) for each in fields(Terms)}


@dataclass(frozen=True)
class Plan:
    """The lines that can start, those that cannot, and the folder that keeps the journal and the report: None for a single file.

    notes: sentences for whoever asked.
    """

    tasks: tuple[Task, ...]
    problems: tuple[Result, ...]
    folder: Path | None
    notes: tuple[str, ...] = ()

    def __len__(self) -> int:
        return len(self.tasks) + len(self.problems)

    def folders(self) -> set[Path]:
        """Where the outputs go, and only folders that are there."""
        places = {Path(task.output) if task.format == "bs" else Path(task.output).parent for task in self.tasks}
        return {place for place in places if place.is_dir()}


def of_recordings(speech: Sequence[Path], wishes: Wishes) -> Plan:
    """A batch of files, and of folders with files in them. Raises A2FError for what would stop all of it."""
    if wishes.output is None:
        raise OutputError("Say after -o where the faces go: a file, or a folder.")
    if twice := [path for number, path in enumerate(speech) if path in speech[:number]]:
        raise OutputError(f"'{twice[0]}' is named twice; name it once.")
    recordings = [pair for path in speech for pair in _recordings(path)]
    if not recordings:
        raise SoundError(f"There is no sound file in '{speech[0]}'; name the recordings, or another folder.")
    motion = flat(_motion(wishes, {}))
    _check_ending(wishes.output, wishes.format, single=len(speech) == 1 and not speech[0].is_dir())
    form = wishes.format or _format(wishes.output) or ("blend" if wishes.blend else "csv")
    outputs = _outputs(recordings, wishes.output, form)
    single = outputs == [wishes.output] and form != "actions"
    folder = wishes.output.parent if form == "actions" and _is_file(wishes.output, form) else wishes.output
    pairs = enumerate(zip(recordings, outputs, strict=True), 1)
    terms = wishes.terms | {"format": form}
    tasks = tuple(_checked(Task(number, str(path), str(output), motion, **terms)) for number, ((path, _), output) in pairs)
    return Plan(tasks, (), None if single else folder)


def of_manifest(path: Path, wishes: Wishes) -> Plan:
    """A batch of a manifest's lines. Raises A2FError for what would stop all of it; a line that cannot be is one of the plan's problems."""
    if wishes.output is not None:
        _check_folder(wishes.output, wishes.format)
    rows = manifest.read(path)
    tasks: list[Task] = []
    problems: list[Result] = []
    motions = lru_cache(maxsize=256)(lambda chosen: flat(_motion(wishes, dict(chosen))))
    for row in rows:
        try:
            tasks.append(_line(row, path, wishes, motions))
        except A2FError as error:
            speech = str(row.cells.get("speech", ""))
            problems.append(Result(row.number, speech and str(path.parent / speech), "", "failed", str(error)))
    _check_apart(tasks, path)
    unknown = {name for row in rows for name in row.cells} - set(manifest.COLUMNS) - _settings()
    folder = path.parent if wishes.output is None else wishes.output.parent if _is_file(wishes.output, wishes.format) else wishes.output
    return Plan(tuple(tasks), tuple(problems), folder, tuple(_left_out(unknown)))


def _line(row: manifest.Row, path: Path, wishes: Wishes, motions: Any) -> Task:
    """A line of a manifest. Raises A2FError for whatever is wrong with it."""
    cells = row.cells
    if row.problem:
        raise ManifestError(row.problem)
    texts = {name: _text(cells, name) for name in ("speech", "output", "emotion", "style", "preset", "blend", "object")}
    if not texts["speech"]:
        raise ManifestError("It has no 'speech'; name a recording.")
    speech = path.parent / texts["speech"]
    if not speech.is_file():
        wholeness.check(speech)
    named = _format(Path(texts["output"])) or (_format(wishes.output) if wishes.output else "")
    form = wishes.format or named or ("blend" if texts["blend"] or wishes.blend else "csv")
    output = _place(texts["output"], speech, path, wishes, form)
    chosen, values = _words(cells, texts, path)
    motion = motions((*chosen.items(), ("values", tuple(values.items()))))
    own: dict[str, Any] = {term: _number(cells, column) for column, (term, _) in NUMBERS.items() if column in cells}
    own |= {"format": form, **({"object": texts["object"]} if texts["object"] else {})}
    own |= {"blend": str(path.parent / texts["blend"])} if texts["blend"] else {}
    terms = wishes.terms | own
    if terms["blend"] and not Path(terms["blend"]).is_file():
        raise OutputError(f"There is no .blend file '{terms['blend']}'; check its name and folder.")
    return _checked(Task(row.number, str(speech), str(output), motion, **(terms | _models(cells, path))))


def _models(cells: Mapping[str, Any], path: Path) -> dict[str, Any]:
    """The models of a line that names its own, and how much each counts."""
    names, weights = _list(cells, "model"), _list(cells, "weights")
    own: dict[str, Any] = {}
    if names:
        if not all(isinstance(name, str) for name in names):
            raise ManifestError("'model' must name ONNX files, parted by '|'.")
        first, *others = (str(path.parent / name) for name in names)
        own |= {"model": first, "also": tuple(others), "weights": ()}
        for name in (first, *others):
            if not Path(name).is_file():
                raise ModelError(f"There is no model file '{name}'; check its name and folder.")
    if weights:
        try:
            own["weights"] = tuple(map(float, weights))
        except (TypeError, ValueError):
            raise ManifestError("'weights' must be numbers, one for each model, parted by '|'.") from None
    return own


def _list(cells: Mapping[str, Any], name: str) -> list[Any]:
    """What stands in a cell that may hold several: TOML has lists for it, CSV parts them by SEVERAL."""
    value = cells.get(name, [])
    if isinstance(value, str):
        return [part.strip() for part in value.split(SEVERAL)]
    return list(value) if isinstance(value, list) else [value]


def _words(cells: Mapping[str, Any], texts: Mapping[str, str], path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What a line says of its motion, as :func:`presets.motion` takes it, and its single settings; files that they name lie beside the manifest."""
    preset = texts["preset"]
    chosen: dict[str, Any] = {"emotion": texts["emotion"]} if texts["emotion"] else {}
    if texts["style"]:
        chosen["style"] = presets.beside(path.parent, {"style_name": texts["style"]})["style_name"]
    if preset:
        chosen["preset"] = str(path.parent / preset) if preset.endswith(".toml") else preset
    if "seed" in cells:
        chosen["seed"] = _whole(cells, "seed")
    return chosen, presets.beside(path.parent, {name: _setting(cells, name) for name in sorted(_settings() & cells.keys())})


def _checked(task: Task) -> Task:
    """The same, if a job can be made of it."""
    work.job_of(task)
    if not math.isfinite(task.frame_start):
        raise OutputError(f"The first frame must be a number, not {task.frame_start}.")
    if task.format in IN_BLENDER and not task.blend:
        raise OutputError("A .blend file as output needs a character; name its .blend file with --blend, or in the manifest's column 'blend'.")
    if task.format in IN_BLENDER and os.path.realpath(task.output) == os.path.realpath(task.blend):
        raise OutputError(f"'{task.output}' is the character itself; name another output, so that it stays as it is.")
    if task.render and task.format not in IN_BLENDER:
        raise OutputError("A film needs a character; name its .blend file with --blend, or in the manifest's column 'blend'.")
    return task


def _motion(wishes: Wishes, own: Mapping[str, Any]) -> jobs.Motion:
    """The settings of a line: its own words before those that were said for all."""
    words = {name: getattr(wishes, name) for name in ("preset", "emotion", "style", "seed")} | {
        name: value for name, value in own.items() if name != "values"
    }
    return presets.motion({**wishes.values, **dict(own.get("values", ()))}, **words)


def _recordings(path: Path) -> list[tuple[Path, Path]]:
    """A file, or the sound files of a folder in their order; beside each, its place below what was named."""
    if not path.is_dir():
        return [(path, Path(path.name))]
    found = sorted(each for each in path.rglob("*") if each.suffix.lower() in SOUNDS and not _is_hidden(each, path) and each.is_file())
    return [(each, each.relative_to(path)) for each in found]


def _is_hidden(path: Path, folder: Path) -> bool:
    return any(part.startswith(".") for part in path.relative_to(folder).parts)


def _outputs(recordings: Sequence[tuple[Path, Path]], output: Path, form: str) -> list[Path]:
    """Where each recording's face goes. Raises OutputError where one could not be written or two would be the same."""
    if _is_file(output, form):
        if form == "actions":
            writing.check(output)
            return [output] * len(recordings)
        if len(recordings) > 1:
            raise OutputError(f"'{output}' is one file, and there are {len(recordings)} recordings; name a folder after -o.")
        writing.check(output)
        return [output]
    writing.check_folder(output)
    first: dict[str, Path] = {}
    outputs = []
    for path, below in recordings:
        made = output / below.parent / f"{below.stem}{FORMATS[form]}"
        # Without regard to case, as the file systems of Windows and macOS are.
        other = first.setdefault(str(made).casefold(), path)
        if other is not path:
            raise OutputError(f"'{other}' and '{path}' would both become '{made}'; bake them into two folders.")
        outputs.append(made)
    return outputs


def _place(output: str, speech: Path, path: Path, wishes: Wishes, form: str) -> Path:
    """Where a line of a manifest goes: below -o where that is given, else below the manifest's folder."""
    if form == "actions" and wishes.output is not None and not output:
        return wishes.output
    if not output and wishes.output is None:
        raise OutputError("It has no 'output', and no folder was named after -o.")
    below = path.parent if wishes.output is None else wishes.output
    if not output:
        return below / f"{speech.stem}{FORMATS[form]}"
    ending = FORMATS[form]
    place = Path(os.path.normpath(below / output))
    return place if place.suffix.lower() == ending or not ending else place.with_name(place.name + ending)


def _check_folder(output: Path, form: str) -> None:
    if not _is_file(output, form):
        writing.check_folder(output)
    elif form != "actions" and _format(output) != "blend":
        raise OutputError(f"'{output}' is one file, and a manifest has many lines; name a folder after -o.")
    else:
        writing.check(output)


def _check_ending(output: Path, form: str, *, single: bool) -> None:
    """Raise OutputError where a name's ending says another kind than is written, or one that is not known. A folder may be called anything."""
    if output.is_dir():
        return
    ending = output.suffix
    if form and _format(output) and ending.lower() != FORMATS[form]:
        raise OutputError(f"'{output}' ends in {ending}, which is not what --format {form} writes; name it otherwise, or leave --format out.")
    # Nobody calls a new folder face.txt; takes.v2 may be one.
    if single and not form and not _format(output) and ending[1:].isalpha() and not output.exists():
        raise OutputError(f"'{output}' ends in {ending}, which A2F does not write; end it in .csv, .npz or .blend, or make the folder first.")


def _check_apart(tasks: Iterable[Task], manifest: Path) -> None:
    """Raise ManifestError where two lines would write the same file, or one the manifest."""
    first: dict[str, Task] = {}
    for task in tasks:
        if os.path.realpath(task.output) == os.path.realpath(manifest):
            raise ManifestError(f"Line {task.number} would be written over the manifest '{manifest}' itself; give it another 'output'.")
        if task.format == "actions":
            continue
        other = first.setdefault(os.path.normpath(Path(task.output).absolute()).casefold(), task)
        if other is not task:
            raise ManifestError(f"Lines {other.number} and {task.number} would both become '{task.output}'; give each an 'output' of its own.")


def _is_file(output: Path, form: str) -> bool:
    """Whether a path after -o names a file and no folder."""
    return bool(_format(output)) and form != "bs" and not output.is_dir()


def _format(output: Path) -> str:
    """The kind that a name's ending says, "" for none."""
    return {".csv": "csv", ".npz": "npz", ".blend": "blend"}.get(output.suffix.lower(), "")


def _settings() -> set[str]:
    return {item.name for item in options(jobs.Motion)}


def _text(cells: Mapping[str, Any], name: str) -> str:
    value = cells.get(name, "")
    if not isinstance(value, str):
        raise ManifestError(f"'{name}' must be a text, not {value!r}.")
    return value


def _number(cells: Mapping[str, Any], name: str) -> float:
    value = cells[name]
    try:
        if isinstance(value, bool):
            raise ValueError
        return float(value)
    except (TypeError, ValueError):
        raise ManifestError(f"'{name}' must be a number of {NUMBERS[name][1]}, not '{value}'.") from None


def _whole(cells: Mapping[str, Any], name: str) -> int:
    value = cells[name]
    try:
        if isinstance(value, (bool, float)):
            raise ValueError
        return int(value)
    except (TypeError, ValueError):
        raise ManifestError(f"'{name}' must be a whole number, not '{value}'.") from None


def _setting(cells: Mapping[str, Any], name: str) -> Any:
    """A setting in a column of its own name."""
    item = next(item for item in options(jobs.Motion) if item.name == name)
    value = cells[name]
    if not isinstance(value, str) or item.type is str:
        return value
    try:
        return SWITCH[value.casefold()] if item.type is bool else item.type(value)
    except (KeyError, ValueError):
        raise SettingError(f"'{name}' must be {'on or off' if item.type is bool else 'a number'}, not '{value}'.") from None


def _left_out(unknown: set[str]) -> list[str]:
    if not unknown:
        return []
    names = sorted(unknown)
    close = [(name, near[0]) for name in names if (near := get_close_matches(name, manifest.COLUMNS, 1, 0.8))]
    hint = f"; '{close[0][0]}' may be meant to be '{close[0][1]}'" if close else ""
    said = ", ".join(f"'{name}'" for name in names)
    return [f"The manifest's column{'s' if len(names) > 1 else ''} {said} {'are' if len(names) > 1 else 'is'} not used{hint}."]
