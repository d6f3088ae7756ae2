"""Curves as a NumPy archive: ``fps`` and ``start`` (seconds, float64), ``names`` [channels] and ``values`` float32 [frames, channels]."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import numpy as np

from ..errors import OutputError
from ..face.curves import FaceCurves
from .writing import whole_binary

MEMBERS = ("fps", "start", "names", "values")


def write(path: Path, curves: FaceCurves) -> None:
    """Write curves, every channel of them and to the last bit, whole or not at all; the same curves give the same bytes.

    Raises OutputError where the file cannot be written.
    """
    held = io.BytesIO()  # an archive that a full disk cut short would complain once more when it is forgotten
    names, values = np.array(curves.names, np.str_), np.ascontiguousarray(curves.values)
    np.savez_compressed(held, fps=np.float64(curves.fps), start=np.float64(curves.start), names=names, values=values)
    with whole_binary(path) as file:
        file.write(held.getvalue())


def read(path: Path) -> FaceCurves:
    """The curves in such an archive. Raises OutputError for a file that is none, and for values that are no numbers."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            fps, start, names, values = (archive[name] for name in MEMBERS)
        if not np.isfinite(values).all():
            raise OutputError(f"'{path}' holds values that are no numbers; export it again.")
        return FaceCurves(float(fps), float(start), tuple(map(str, names.tolist())), values)
    except FileNotFoundError:
        raise OutputError(f"There is no file '{path}'; check its name and folder.") from None
    except (OSError, ValueError, TypeError, KeyError, AttributeError, EOFError, zipfile.BadZipFile) as error:
        raise OutputError(f"'{path}' cannot be read as curves ({error}); it must be an archive with {', '.join(MEMBERS)}.") from error
