"""Speech as it is spoken: a graph that carries its state from one piece of sound to the next.

How late it is: the frame of a hop of 20 ms needs the sound up to 87.5 ms after that hop (the bundled graph's look-ahead, which is in its metadata),
so it is certain 97.5 ms after the moment that it stands for, 98.5 ms where the sound has another rate than the graph. To that come the length of the
pieces that one feeds it with and the time that a step takes, a few milliseconds, which ``python -m benchmarks.live`` measures.

The frames are the model's own: of the stages in face/ those that look ahead, as most do, have no place here. Nor is the pitch measured, since what
is a slip of an octave only a second of surroundings tells; it is 0.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..errors import ModelError, SettingError, SoundError
from ..face import arkit
from ..face.curves import FaceCurves, Speech
from . import facts as metadata
from . import session
from .resampling import Resampler

Floats = NDArray[np.float32]

BUNDLED = Path(__file__).parents[1] / "data" / "a2f_live.onnx"
LONGEST_CALL = 50
"""Hops that the graph is given at once, at the most: its work for a call grows faster than the call."""
RATES = (4_000, 768_000)
"""Hertz that sound can have."""
CPU = session.PROVIDERS[-1:]


class Live:
    """Hears one stream of sound and gives the face's frames as soon as they are certain.

    >>> live = Live(48_000)
    >>> for block in microphone:
    ...     curves, speech = live.feed(block)  # perhaps no frame yet, perhaps several
    >>> curves, speech = live.finish()  # what was still owed

    What comes out, put together, is the same however the sound was cut. A stream has its state to itself; any number may run beside each other.

    sample_rate: hertz of the sound that it is fed.
    facts: what the graph says about itself.
    """

    def __init__(self, sample_rate: int, *, model: Path | None = None, providers: Sequence[str] = CPU, threads: int = 1) -> None:
        """model: an ONNX file of the kind "live", the bundled one by default. providers: onnxruntime's names for what does the work, by preference.

        Raises SettingError for a rate that no sound has, and ModelError for a file that is missing, damaged or of another kind, and where
        onnxruntime does not load.
        """
        if not (RATES[0] <= sample_rate <= RATES[1] and sample_rate == int(sample_rate)):
            raise SettingError(f"A live stream needs a whole sample rate between {RATES[0]} and {RATES[1]} Hz, not {sample_rate}.")
        self.sample_rate = int(sample_rate)
        path = BUNDLED if model is None else Path(model)
        self._file = path.name
        self._session = self._start(path, providers, threads)
        self.facts = self._read_facts()
        self._columns = [arkit.NAMES.index(name) for name in self.facts.curve_names]
        self._begin()

    @property
    def look_ahead_s(self) -> float:
        """Seconds after the end of its own hop that a frame waits for."""
        return self.facts.look_ahead / self.facts.sample_rate

    def feed(self, samples: Floats) -> tuple[FaceCurves, Speech]:
        """The frames that these samples complete, with the 52 curves; perhaps none. Frame i of a stream stands at ``(i + 0.5) / fps`` seconds.

        samples: float [samples], mono, full scale at 1, any number of them.
        Raises SoundError for samples that are no such thing, of which nothing was heard then, and ModelError where the graph fails, after which
        the stream begins anew.
        """
        return self._heard(self._at_the_graphs_rate(_checked(samples)))

    def finish(self) -> tuple[FaceCurves, Speech]:
        """The frames that are still owed, as if silence followed; what is fed after that begins a new stream. Raises ModelError as :meth:`feed`."""
        rest = self._resampler.finish() if self._resampler else np.zeros(0, np.float32)
        samples = self._samples + len(rest)
        # The last hop is filled up, and then comes as much silence as its frame waits for.
        silence = np.zeros(-samples % self.facts.hop + self.facts.look_ahead, np.float32)
        owed = self._heard(np.concatenate((rest, silence)))
        self._begin()
        return owed

    def _begin(self) -> None:
        facts = self.facts
        self._resampler = Resampler(self.sample_rate, facts.sample_rate) if self.sample_rate != facts.sample_rate else None
        self._states = {name: np.zeros(shape, np.float32) for name, shape in facts.states.items()}
        self._waiting = np.zeros(facts.lead_in, np.float32)
        self._owed = facts.late
        self._samples = self._frames = 0

    def _at_the_graphs_rate(self, samples: Floats) -> Floats:
        sound = self._resampler.push(samples) if self._resampler else samples
        self._samples += len(sound)
        return sound

    def _heard(self, sound: Floats) -> tuple[FaceCurves, Speech]:
        """The next frames, from sound at the graph's rate."""
        self._waiting = np.concatenate((self._waiting, sound))
        hop, given = self.facts.hop, [self._nothing()]
        while hops := min(len(self._waiting) // hop, LONGEST_CALL):
            given.append(self._step(self._waiting[: hops * hop]))
            self._waiting = self._waiting[hops * hop :].copy()
        return self._as_frames([np.concatenate(parts) for parts in zip(*given, strict=True)])

    def _step(self, sound: Floats) -> list[Floats]:
        """What a whole number of hops completes, less the frames of before the stream."""
        frames, names = len(sound) // self.facts.hop, [f"{name}_out" for name in self._states]
        try:
            outputs = self._session.run([*metadata.OUTPUTS, *names], {"audio": sound[None], **self._states})
        except Exception as error:  # What a provider raises has no class in common.
            self._begin()
            raise ModelError(f"The model file '{self._file}' fails while it runs ({session.first_line(error)}); {metadata.REMEDY}.") from error
        given, after = outputs[: len(metadata.OUTPUTS)], dict(zip(self._states, outputs[len(metadata.OUTPUTS) :], strict=True))
        for name, output, empty in zip(metadata.OUTPUTS, given, self._nothing(), strict=True):
            if output.shape != (1, frames, *empty.shape[1:]) or not np.isfinite(output).all():
                self._begin()
                raise ModelError(f"The model file '{self._file}' gives '{name}' that are no numbers or of a wrong shape; {metadata.REMEDY}.")
        self._states = after
        skipped = min(self._owed, frames)
        self._owed -= skipped
        return [output[0, skipped:] for output in given]

    def _nothing(self) -> list[Floats]:
        facts = self.facts
        return [np.zeros((0, *width), np.float32) for width in ((len(facts.curve_names),), (len(facts.phone_names),), ())]

    def _as_frames(self, outputs: list[Floats]) -> tuple[FaceCurves, Speech]:
        facts, (curves, phones, loudness_db) = self.facts, outputs
        start = (self._frames + 0.5) / facts.fps
        self._frames += len(curves)
        face = np.zeros((len(curves), len(arkit.NAMES)), np.float32)
        face[:, self._columns] = curves
        return (
            FaceCurves(facts.fps, start, arkit.NAMES, face),
            Speech(facts.fps, start, facts.phone_names, phones, loudness_db, facts.phone_classes),
        )

    def _start(self, path: Path, providers: Sequence[str], threads: int) -> Any:
        if not path.is_file():
            raise session.missing(path, bundled=BUNDLED)
        runtime = session.runtime()
        available = [name for name in providers if name in runtime.get_available_providers()]
        if not available:
            raise ModelError(f"None of {', '.join(providers) or 'no providers'} is there to run the model; leave out 'providers' to use the CPU.")
        try:
            return session.start(runtime, session.contents(path), available[0], threads=threads)
        except ModelError:
            raise
        except Exception as error:  # As in _step.
            raise ModelError(f"The model file '{self._file}' is damaged ({session.first_line(error)}); {metadata.REMEDY}.") from error

    def _read_facts(self) -> metadata.Facts:
        facts = metadata.read(self._session.get_modelmeta().custom_metadata_map, file=self._file, kind=metadata.LIVE)
        inputs = {node.name for node in self._session.get_inputs()}
        outputs = {node.name for node in self._session.get_outputs()}
        if inputs != {"audio", *facts.states} or not outputs >= {*metadata.OUTPUTS, *(f"{name}_out" for name in facts.states)}:
            raise ModelError(f"The model file '{self._file}' does not take and give what its metadata say; {metadata.REMEDY}.")
        return facts


def _checked(samples: Floats) -> Floats:
    """The samples as float32. Raises SoundError."""
    sound = np.asarray(samples)
    if sound.ndim != 1 or sound.dtype.kind != "f":
        raise SoundError(f"A live stream takes mono samples as decimal numbers in one row, not {sound.dtype} in the shape {sound.shape}.")
    if not np.isfinite(sound).all():
        raise SoundError("A live stream was fed samples that are no numbers; check the source of the sound.")
    return sound.astype(np.float32, copy=False)
