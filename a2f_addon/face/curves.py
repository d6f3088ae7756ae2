"""What travels after the model: the face's curves and, beside them on the same clock, the speech that they came from."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float32]


def blank(frames: int, channels: int) -> Floats:
    """Zeros, float32 [frames, channels], each column in one piece: stages work on columns, and one that nobody writes takes no memory."""
    return np.zeros((channels, frames), np.float32).T


@dataclass(frozen=True)
class FaceCurves:
    """A face over time. Frame ``i`` stands at ``start + i / fps`` seconds of the recording's own clock.

    values: float32 [frames, channels], a column a name; read-only. Large ones are best made with :func:`blank`.
    Raises ValueError where the shapes do not fit each other, a name stands twice, or fps is no positive number: the program's mistake.
    """

    fps: float
    start: float
    names: tuple[str, ...]
    values: Floats

    def __post_init__(self) -> None:
        values = np.asarray(self.values, np.float32).view()
        if values.ndim != 2 or values.shape[1] != len(self.names):
            raise ValueError(f"values have the shape {values.shape} for {len(self.names)} names")
        if len(set(self.names)) != len(self.names):
            raise ValueError("a name stands twice")
        if not (np.isfinite(self.fps) and self.fps > 0 and np.isfinite(self.start)):
            raise ValueError(f"fps {self.fps} and start {self.start} are no clock")
        values.flags.writeable = False
        object.__setattr__(self, "values", values)
        object.__setattr__(self, "names", tuple(self.names))

    def __len__(self) -> int:
        return len(self.values)

    @property
    def times(self) -> NDArray[np.float64]:
        """Seconds of each frame, float64 [frames]."""
        return self.start + np.arange(len(self)) / self.fps

    def channel(self, name: str) -> Floats:
        """One curve, float32 [frames], read-only. Raises KeyError for a name that is not there."""
        return self.values[:, self._column(name)]

    def columns(self, names: Iterable[str]) -> list[int]:
        """The columns of those names that are there, in the order asked for."""
        place = {name: column for column, name in enumerate(self.names)}
        return [place[name] for name in names if name in place]

    def with_channels(self, channels: Mapping[str, Floats] | Iterable[tuple[str, Floats]]) -> FaceCurves:
        """The same curves with these in place of their own; given as pairs one after the other, they need not all exist at once.

        Raises KeyError for a name that is not there.
        """
        values = None
        for name, curve in channels.items() if isinstance(channels, Mapping) else channels:
            # Copied when there is something to change: most stages leave most recordings as they are.
            values = self._copied() if values is None else values
            values[:, self._column(name)] = curve
        return self if values is None else replace(self, values=values)

    def with_added(self, channels: Mapping[str, Floats]) -> FaceCurves:
        """The same curves with these, in place of their own where they are there and behind the others where they are not."""
        new = tuple(name for name in channels if name not in self.names)
        return replace(self, names=(*self.names, *new), values=self._copied(more=len(new))).with_channels(channels)

    def _copied(self, *, more: int = 0) -> Floats:
        """The values anew, with so many columns of zeros after them; of those that are all zero nothing is written."""
        values = blank(len(self), len(self.names) + more)
        for column, curve in enumerate(self.values.T):
            if curve.any():
                values[:, column] = curve
        return values

    def _column(self, name: str) -> int:
        if name not in self.names:
            raise KeyError(name)
        return self.names.index(name)


@dataclass(frozen=True)
class Speech:
    """What was heard, for the stages that listen. Frame ``i`` stands at ``start + i / fps`` seconds, as in FaceCurves.

    phones: float32 [frames, phone_names], probabilities that add up to 1.
    classes: which phones move the lips alike: "closed", "labiodental", "rounded", "open", "silence", and "spread", which is every other phone and not
    vowels alone: an S and a K leave the lips to their neighbours.
    loudness_db: float32 [frames], decibels, comparable within one recording only; high frequencies count more in it, so that an S is heard.
    pitch_hz: float32 [frames], the voice's pitch, 0 where nothing is voiced; left out, it is 0 everywhere.
    intensity_db: float32 [frames], decibels of all frequencies alike, which is how strong a vowel is; left out, it is 0 everywhere.
    """

    fps: float
    start: float
    phone_names: tuple[str, ...]
    phones: Floats
    loudness_db: Floats
    classes: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pitch_hz: Floats = field(default_factory=lambda: np.zeros(0, np.float32))
    intensity_db: Floats = field(default_factory=lambda: np.zeros(0, np.float32))

    def __post_init__(self) -> None:
        for name in ("pitch_hz", "intensity_db"):
            if not len(getattr(self, name)):
                object.__setattr__(self, name, np.zeros(len(self.loudness_db), np.float32))
            if len(getattr(self, name)) != len(self.loudness_db):
                raise ValueError(f"{name} has {len(getattr(self, name))} frames beside {len(self.loudness_db)} of loudness_db")
        if self.phones.shape != (len(self.loudness_db), len(self.phone_names)):
            raise ValueError(f"phones have the shape {self.phones.shape} for {len(self.loudness_db)} frames of {len(self.phone_names)} phones")

    def __len__(self) -> int:
        return len(self.phones)

    @property
    def times(self) -> NDArray[np.float64]:
        """Seconds of each frame, float64 [frames]."""
        return self.start + np.arange(len(self)) / self.fps

    def probability(self, name: str) -> Floats:
        """How likely each frame is of a class, float32 [frames]; zeros for a class that the model does not know."""
        members = [column for column, phone in enumerate(self.phone_names) if phone in self.classes.get(name, ())]
        return self.phones[:, members].sum(axis=1, dtype=np.float32)
