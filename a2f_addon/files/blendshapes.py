"""The pair of NumPy files in which earlier speech-to-face systems keep a take: ``BS_name.npy``, the shapes' names, and ``BS_value.npy``, their
weights, float [frames, names]. A pair has no clock: frame 0 stands at the start of the sound, and the frame rate must be known."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import OutputError
from ..face import arkit
from ..face.curves import FaceCurves
from ..face.matching import match
from .writing import make_folder, whole_binary

NAMES, VALUES = "BS_name.npy", "BS_value.npy"
USUAL_FPS = 30.0
LARGEST = 2.0
"""A tracker may put a shape a little above 1; beyond this the weights were counted in another unit."""
MAGIC = b"\x93NUMPY"


def write(folder: Path, curves: FaceCurves) -> None:
    """Write a pair into a folder, which is made where it is missing. Each file is whole or not there; the names are written last.

    The shapes alone are written, in the order of the curves: rotations are no blend shapes. Raises OutputError where it cannot be written.
    """
    names = [name for name in curves.names if name in arkit.NAMES]
    make_folder(folder)
    with whole_binary(folder / VALUES) as file:
        file.write(_saved(curves.values[:, curves.columns(names)]))
    with whole_binary(folder / NAMES) as file:
        file.write(_saved(np.array(names, np.str_)))


def read(folder: Path, *, fps: float = USUAL_FPS) -> FaceCurves:
    """The curves in a folder's pair, those of ARKit's shapes, however the names are spelt; a shape that stands there as two halves is their mean.

    Raises OutputError where either file is missing or is no such array, where they do not belong together, where no name is of a shape of ARKit's,
    and where a weight is no number or beyond 0 to 1 by far.
    """
    if not (np.isfinite(fps) and fps > 0):
        raise OutputError(f"The frame rate of '{folder}' must be above 0, not {fps:g}.")
    names, values = _array(folder / NAMES), _array(folder / VALUES)
    if names.dtype.kind not in "US" or names.ndim != 1:
        raise OutputError(f"'{folder / NAMES}' holds no list of names; save it as an array of texts.")
    if values.dtype.kind not in "fiu" or values.ndim != 2 or values.shape[1] != len(names) or not len(values):
        raise OutputError(f"'{folder / VALUES}' must hold a row a frame and a column for each of the {len(names)} names, not {values.shape}.")
    if not np.isfinite(values).all():
        raise OutputError(f"'{folder / VALUES}' holds values that are no numbers; export it again.")
    if np.abs(values).max(initial=0) > LARGEST:
        raise OutputError(f"The weights in '{folder / VALUES}' reach {np.abs(values).max():g}; bring them into 0 to 1.")
    spelt = [name.decode("utf-8", "replace") if isinstance(name, bytes) else str(name) for name in names.tolist()]
    found = match(spelt).found
    if not found:
        raise OutputError(f"'{folder / NAMES}' names none of ARKit's shapes, such as jawOpen; rename them and save it again.")
    columns = [values[:, [spelt.index(name) for name in chosen]].mean(axis=1) for chosen in found.values()]
    return FaceCurves(fps, 0.0, tuple(found), np.stack(columns, axis=1).astype(np.float32))


def _saved(array: NDArray[Any]) -> bytes:
    """An array as its file holds it. Into a real file NumPy would write past Python, and tell of a full disk in words of its own."""
    held = io.BytesIO()
    np.save(held, np.ascontiguousarray(array))
    return held.getvalue()


def _array(path: Path) -> NDArray[np.generic]:
    """An array that is a plain one: no file is given the chance to run what it brings."""
    try:
        with path.open("rb") as file:
            if file.read(len(MAGIC)) != MAGIC:
                raise ValueError("it is no NumPy array")
        return np.asarray(np.load(path, allow_pickle=False))
    except FileNotFoundError:
        raise OutputError(f"There is no file '{path}'; a take is a folder with {NAMES} and {VALUES} in it.") from None
    except (OSError, ValueError, EOFError) as error:
        raise OutputError(f"'{path}' cannot be read ({error}); save it as a plain NumPy array.") from error
