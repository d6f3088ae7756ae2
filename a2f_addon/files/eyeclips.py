"""A library of eye clips: every Live Link Face CSV in a folder."""

from __future__ import annotations

from pathlib import Path

from ..errors import OutputError
from ..face import arkit
from ..face.curves import FaceCurves
from . import livelink


def read(folder: Path) -> tuple[FaceCurves, ...]:
    """The clips of a folder in the order of their names.

    Raises OutputError for a folder that is not there or holds no CSV, and for a file in it that is no Live Link Face CSV or whose eyes do not move.
    """
    if not folder.is_dir():
        raise OutputError(f"There is no folder '{folder}' of eye clips; check its name.")
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix.lower() == ".csv" and not path.name.startswith("."))
    except OSError as error:
        raise OutputError(f"The folder '{folder}' of eye clips cannot be read ({error.strerror}); check that you may read it.") from error
    if not paths:
        raise OutputError(f"The folder '{folder}' holds no eye clips; put CSVs of Live Link Face into it.")
    return tuple(_clip(path) for path in paths)


def _clip(path: Path) -> FaceCurves:
    clip = livelink.read(path)
    columns = clip.columns(arkit.EYES)
    if not columns or not (clip.values[:, columns] != clip.values[:1, columns]).any():
        raise OutputError(f"The eyes in '{path}' do not move; take it out of the folder of eye clips.")
    return clip
