"""The network: an ONNX graph that says everything about itself, run over a recording of any length.

It is heard in windows with as much sound around each as its frames can depend on, so that where one ends and the next begins cannot be seen.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import Cancelled, ModelError
from ..face import arkit
from ..face.curves import FaceCurves, Speech, blank
from . import facts as metadata
from . import intensity, pitch, session
from .audio import Recording
from .windows import Window, windows

Floats = NDArray[np.float32]

BUNDLED = Path(__file__).parents[1] / "data" / "a2f.onnx"
WINDOW_S = 30.0
"""Long enough that the sound heard twice around it costs little, short enough that progress is seen and an hour fits into 200 MB."""
UNSAID_S = 600.0
"""Room for a recording that does not say how long it is; there is more when it needs more."""


def load(path: Path | None = None, *, threads: int | None = None) -> Network:
    """The network in an ONNX file, the bundled one by default; read once for as long as the file does not change.

    threads: of the CPU that work on one window; None for all cores that this process may use.

    Raises ModelError for a file that is missing, damaged, not made for A2F or made for a newer one, and where onnxruntime does not load.
    """
    path = BUNDLED if path is None else Path(path)
    try:
        state = path.stat()
    except OSError:
        raise session.missing(path, bundled=BUNDLED) from None
    return _cached(path.resolve(), state.st_mtime_ns, state.st_size, threads)


@lru_cache(maxsize=4)  # as many as one would let listen together
def _cached(path: Path, mtime_ns: int, size: int, threads: int | None) -> Network:
    return Network(path, threads=threads)


class Network:
    """A graph that is ready to listen.

    facts: what it says about itself.
    notes: sentences about what did not go as it should have: a graphics card that could not be used.
    """

    def __init__(self, path: Path, *, threads: int | None = None) -> None:
        """Raises ModelError as :func:`load`."""
        self._path = path
        self._threads = threads
        self._file = path.name
        self.notes: list[str] = []
        self._runtime = session.runtime(self.notes)
        available = self._runtime.get_available_providers()
        self._providers = [provider for provider in session.PROVIDERS if provider in available]
        self._session = self._start()
        self.facts = self._read_facts()

    @property
    def sample_rate(self) -> int:
        """Samples per second that it hears."""
        return self.facts.sample_rate

    @property
    def provider(self) -> str:
        """What does the work, by onnxruntime's name."""
        return self._providers[0]

    def listen(
        self,
        speech: Recording,
        *,
        progress: Callable[[float, str], None] = lambda done, text: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> tuple[FaceCurves, Speech]:
        """The face's 52 curves and what was heard, on the recording's own clock, at the network's frame rate.

        Frame i stands in the middle of hop i: at ``speech.start_s + (i + 0.5) / fps`` seconds.
        Raises ModelError where the graph fails or gives what is no number, SoundError as the recording's blocks do, and Cancelled.
        """
        facts = self.facts
        samples = speech.samples or round(UNSAID_S * facts.sample_rate)
        track = _Track(facts, frames=-(-samples // facts.hop))
        for note in self.notes:
            progress(0.0, note)
        for window in self._windows(_until(cancelled, speech.blocks)):
            outputs = self._frames(window, progress=lambda text: progress(min(track.frames * facts.hop / samples, 1.0), text))
            hops = {"hop": facts.hop, "first": window.skip, "count": window.keep}
            voice = pitch.measured(window.audio, rate=facts.sample_rate, **hops)
            track.add([*outputs, voice, intensity.measured(window.audio, **hops)])
            progress(min(track.frames * facts.hop / samples, 1.0), f"Listening to {speech.name}")
        return track.finished(start=speech.start_s + 0.5 / facts.fps)

    def _windows(self, blocks: Iterator[Floats]) -> Iterator[Window]:
        facts = self.facts
        length = round(WINDOW_S * facts.sample_rate)
        return windows(blocks, hop=facts.hop, look_back=facts.look_back, look_ahead=facts.look_ahead, align=facts.align, length=length)

    def _frames(self, window: Window, *, progress: Callable[[str], None]) -> list[Floats]:
        """What counts of each output, float32 [frames, channels] or [frames]."""
        margins = self._margins(window)
        outputs = self._run({"audio": window.audio[None], **margins}, progress)
        before, after = margins.get(metadata.MARGINS, (0, 0))
        count, first = len(window.audio) // self.facts.hop - before - after, window.skip - before
        widths = ((len(self.facts.curve_names),), (len(self.facts.phone_names),), ())
        for name, output, width in zip(metadata.OUTPUTS, outputs, widths, strict=True):
            if output.shape != (1, count, *width):
                raise ModelError(f"The model file '{self._file}' gives '{name}' in a shape that its metadata do not say; {metadata.REMEDY}.")
            if not np.isfinite(output).all():
                raise ModelError(f"The model file '{self._file}' gave '{name}' that are no numbers; {metadata.REMEDY}.")
        return [output[0, first : first + window.keep] for output in outputs]

    def _margins(self, window: Window) -> dict[str, NDArray[np.int64]]:
        """How much of the window the graph need not work out, where it can leave something out."""
        facts = self.facts
        if not facts.reach:
            return {}
        reach = -(-facts.reach // facts.hop)
        around = np.array([window.skip, len(window.audio) // facts.hop - window.skip - window.keep])
        return {metadata.MARGINS: np.maximum(around - reach, 0)}

    def _run(self, given: dict[str, NDArray[Any]], progress: Callable[[str], None]) -> list[Any]:
        while True:
            try:
                return self._session.run(metadata.OUTPUTS, given)
            except Exception as error:  # What a provider raises has no class in common.
                if len(self._providers) == 1:
                    why = session.first_line(error)
                    raise ModelError(f"The model file '{self._file}' fails while it runs ({why}); {metadata.REMEDY}.") from error
                self._give_up(error)
                progress(self.notes[-1])
                self._session = self._start()

    def _start(self) -> Any:
        """A session on the best provider that is left."""
        while True:
            try:
                return session.start(self._runtime, session.contents(self._path), self._providers[0], threads=self._threads)
            except ModelError:
                raise
            except Exception as error:  # As in _run.
                if len(self._providers) == 1:
                    raise ModelError(f"The model file '{self._file}' is damaged ({session.first_line(error)}); {metadata.REMEDY}.") from error
                self._give_up(error)

    def _give_up(self, error: Exception) -> None:
        lost, left = session.short(self._providers.pop(0)), session.short(self._providers[0])
        self.notes.append(f"{lost} could not be used ({session.first_line(error)}); {left} does the work instead.")

    def _read_facts(self) -> metadata.Facts:
        facts = metadata.read(self._session.get_modelmeta().custom_metadata_map, file=self._file)
        inputs = {node.name for node in self._session.get_inputs()}
        outputs = {node.name for node in self._session.get_outputs()}
        optional = {node.name for node in self._session.get_overridable_initializers()}
        if inputs != {"audio"} or not outputs >= set(metadata.OUTPUTS) or (facts.reach and metadata.MARGINS not in optional):
            raise ModelError(f"The model file '{self._file}' does not turn 'audio' into '{metadata.OUTPUTS[0]}' and the rest; {metadata.REMEDY}.")
        return facts


class _Track:
    """The frames so far, in arrays that are made once where the length is known."""

    def __init__(self, facts: metadata.Facts, *, frames: int) -> None:
        self._facts = facts
        self._columns = [arkit.NAMES.index(name) for name in facts.curve_names]
        widths = (len(arkit.NAMES), len(facts.phone_names), 1, 2, 1)
        self._arrays = [blank(frames, width) for width in widths]
        self.frames = 0

    def add(self, outputs: list[Floats]) -> None:
        """Frames of curves, phones and loudness, in the order and with the channels of the graph, and of what was measured of pitch and intensity."""
        end = self.frames + len(outputs[0])
        self._arrays = [_room(array, end) for array in self._arrays]
        curves, phones, loudness, voice, strength = (array[self.frames : end] for array in self._arrays)
        for column, curve in zip(self._columns, outputs[0].T, strict=True):
            if curve.any():
                curves[:, column] = curve
        phones[:], loudness[:, 0], voice[:], strength[:, 0] = outputs[1:]
        self.frames = end

    def finished(self, *, start: float) -> tuple[FaceCurves, Speech]:
        """All of it; ``start`` is where the first frame stands, seconds."""
        facts = self._facts
        curves, phones, loudness, voice, strength = (array[: self.frames] for array in self._arrays)
        loudness = loudness[:, 0]
        pitch_hz = pitch.voiced(voice, loudness, fps=facts.fps)
        return (
            FaceCurves(facts.fps, start, arkit.NAMES, curves),
            Speech(facts.fps, start, facts.phone_names, phones, loudness, facts.phone_classes, pitch_hz, strength[:, 0]),
        )


def _room(array: Floats, frames: int) -> Floats:
    """The array, or a longer copy where it is too short."""
    if frames <= len(array):
        return array
    longer = blank(max(frames, 2 * len(array)), array.shape[1])
    longer[: len(array)] = array
    return longer


def _until(cancelled: Callable[[], bool], blocks: Iterator[Floats]) -> Iterator[Floats]:
    for block in blocks:
        if cancelled():
            raise Cancelled
        yield block
