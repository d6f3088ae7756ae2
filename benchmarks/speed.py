"""How fast, and in how much memory? One command, two tables.

    python -m benchmarks.speed [--shared ../shared] [--minutes 10] [--no-memory] [--model PATH]

Speed: ten minutes of speech, stage by stage, and where Blender's Python module is installed from the file to baked keys on a mesh with all 52 shapes.
The real-time factor is seconds of speech to a second of work.

Memory: one hour of 96 kHz stereo, in a process of its own. "Above the start" counts from when A2F is imported, and so includes the packages that
it loads on the way (soundfile, onnxruntime) and the model; "above one second" counts from the end of a first job, when all of that is there.
"""

from __future__ import annotations

import argparse
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

from a2f_addon import Job, presets
from a2f_addon.files import livelink
from a2f_addon.job import Heard, animate
from a2f_addon.speech import audio, model
from benchmarks import SHARED

Floats = NDArray[np.float32]
T = TypeVar("T")

RATE = 48_000
"""Hertz: what a recorder gives, so that resampling is in the figure."""
CLIPS = "speech/en_librispeech_clean/clips"
TEXT = "The quick brown fox jumps over the lazy dog, and nobody in the whole wide village remembers why it should. "
MEGABYTE = 1e6


@dataclass(frozen=True)
class Stage:
    """One row of the table."""

    name: str
    seconds: float


def main() -> None:
    """Print both tables."""
    options = _options()
    if options.measure:
        _print_memory_of(options.measure, options.model)
        return
    if options.bake:
        _print_bake_of(options.bake)
        return
    with tempfile.TemporaryDirectory() as folder:
        source = write_speech(Path(folder) / "speech.wav", minutes=options.minutes, shared=options.shared)
        job = Job(Path(folder) / "speech.wav", model=options.model)
        print(f"{options.minutes:g} minutes of {source}, {RATE / 1000:g} kHz mono WAV")
        print(f"{os.cpu_count()} cores, {model.load(options.model).provider}\n")
        _print_speed(_stages(job), minutes=options.minutes)
        _print_hour()
        if importlib.util.find_spec("bpy") is not None and options.model is None:
            # Blender's module ends its process in its own way, so it gets one.
            subprocess.run([sys.executable, "-m", "benchmarks.speed", "--bake", str(job.speech)], check=True)
        if options.memory:
            print("\nOne hour of 96 kHz stereo\n", flush=True)
            hour = _write_hour(Path(folder) / "hour.wav")
            here = [sys.executable, "-m", "benchmarks.speed", "--measure", str(hour)]
            subprocess.run([*here, *(["--model", str(options.model)] if options.model else [])], check=True)


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--shared", type=Path, default=SHARED, help="a folder with recordings; without it the speech is made")
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--model", type=Path, help="another ONNX file than the bundled one")
    parser.add_argument("--no-memory", dest="memory", action="store_false", help="leave out the hour, which takes 1.4 GB of disk for a while")
    parser.add_argument("--measure", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--bake", type=Path, help=argparse.SUPPRESS)
    return parser.parse_args()


def _stages(job: Job) -> list[Stage]:
    """Each stage alone, on what the one before gave."""
    network = model.load(job.model)
    _listen(job, _decode(job, network.sample_rate))
    seconds, decoded = _timed(lambda: _decode(job, network.sample_rate))
    stages = [Stage("decode, mix, resample", seconds)]
    seconds, heard = _timed(lambda: _listen(job, decoded))
    stages.append(Stage("model", seconds))
    seconds, curves = _timed(lambda: animate(heard, job.motion, fps=job.fps))
    stages.append(Stage("stages of the face", seconds))
    seconds, _ = _timed(lambda: livelink.write(job.speech.with_suffix(".csv"), curves))
    stages.append(Stage("Live Link Face CSV", seconds))
    return stages


def _print_hour() -> None:
    """An hour of made speech through every stage, as seconds of one core, for the busiest of settings."""
    from benchmarks import seals

    heard = seals.hour()
    chosen = {"as it is": {}, "joy and anger": {"emotion": "joy:0.5,anger:0.3@600-1200"}, "style exuberant": {"style": "exuberant"}}
    print(f"\n{'an hour through all stages':32}{'seconds of one core':>20}")
    for name, words in chosen.items():
        begin = time.process_time()
        animate(heard, presets.motion(**words), fps=30.0)
        print(f"{name:32}{time.process_time() - begin:20.2f}", flush=True)


def _decode(job: Job, rate: int) -> audio.Recording:
    """A recording whose blocks lie ready in memory."""
    with audio.open_speech(job.speech, rate=rate) as speech:
        return replace(speech, blocks=list(speech.blocks))  # type: ignore[arg-type]


def _listen(job: Job, decoded: audio.Recording) -> Heard:
    return Heard(*model.load(job.model).listen(replace(decoded, blocks=iter(decoded.blocks))))


def _timed(work: Callable[[], T]) -> tuple[float, T]:
    begin = time.perf_counter()
    result = work()
    return time.perf_counter() - begin, result


def _print_speed(stages: list[Stage], *, minutes: float) -> None:
    print(f"{'stage':24}{'seconds':>10}{'real-time factor':>20}")
    for stage in [*stages, Stage("all", sum(stage.seconds for stage in stages))]:
        print(f"{stage.name:24}{stage.seconds:10.2f}{60 * minutes / stage.seconds:20,.0f}")


def _print_bake_of(recording: Path) -> None:
    """From the file to keys with the operator, in a process that has not heard anything yet."""
    import bpy

    import a2f_addon
    from a2f_addon.face import arkit

    a2f_addon.register()
    head = bpy.data.objects.new("Head", bpy.data.meshes.new("Head"))
    head.data.from_pydata([(0, 0, 0), (1, 0, 0), (0, 1, 0)], [], [(0, 1, 2)])
    bpy.context.scene.collection.objects.link(head)
    bpy.context.view_layer.objects.active = head
    for name in ("Basis", *arkit.NAMES):
        head.shape_key_add(name=name)
    seconds, _ = _timed(lambda: bpy.ops.a2f.bake(filepath=str(recording)))
    keys = sum(len(curve.keyframe_points) for curve in _fcurves(head.data.shape_keys))
    print(f"\nFile to keys in Blender {bpy.app.version_string}: {seconds:.2f} s, {keys:,} keys, everything loaded on the way")
    a2f_addon.unregister()


def _fcurves(key: Any) -> list[Any]:
    """The curves that play on a Key."""
    from a2f_addon.blender import compat

    return compat.fcurves(key.animation_data.action, compat.slot_of(key.animation_data))


def write_speech(path: Path, *, minutes: float, shared: Path) -> str:
    """Speech of that length in a WAV file, and what it is."""
    import soundfile

    source, pieces = _speech(shared)
    left = round(minutes * 60 * RATE)
    with closing(pieces), soundfile.SoundFile(path, "w", RATE, 1, "PCM_16") as file:
        for piece in pieces:
            file.write(piece[:left])
            left -= len(piece)
            if left <= 0:
                break
    return source


def _speech(shared: Path) -> tuple[str, Iterator[Floats]]:
    """What there is to listen to, without end: real recordings, else a synthetic voice, else made vowels."""
    clips = sorted((shared / CLIPS).glob("*.opus"))
    if clips:
        return "real speech", _recorded(clips)
    if shutil.which("espeak-ng"):
        return "espeak-ng's speech", _spoken()
    return "made vowels", _made()


def _recorded(clips: list[Path]) -> Iterator[Floats]:
    import soundfile

    while True:
        for clip in clips:
            yield soundfile.read(clip, dtype="float32")[0]


def _spoken() -> Iterator[Floats]:
    import io

    import soundfile

    done = subprocess.run(["espeak-ng", "--stdout", 20 * TEXT], capture_output=True, check=True)
    sound, rate = soundfile.read(io.BytesIO(done.stdout), dtype="float32")
    times = np.arange(0, len(sound), rate / RATE)
    while True:
        yield np.interp(times, np.arange(len(sound)), sound).astype(np.float32)


def _made() -> Iterator[Floats]:
    from tests import made

    while True:
        yield made.speech(60.0, rate=RATE)


def _write_hour(path: Path) -> Path:
    """An hour of 96 kHz stereo: ten seconds of made speech, again and again."""
    import soundfile

    from tests import made

    both = np.stack([made.speech(10.0, rate=96_000, seed=seed) for seed in (1, 2)], axis=1)
    whole = (32767 * both).astype(np.int16)
    with soundfile.SoundFile(path, "w", 96_000, 2, "PCM_16") as file:
        for _ in range(360):
            file.write(whole)
    return path


def _print_memory_of(recording: Path, graph: Path | None) -> None:
    """Run in a process of its own: its peak is the job's."""
    from a2f_addon import run

    start = _memory("VmRSS")
    run(Job(recording, end_s=1.0, model=graph))
    warm = _memory("VmRSS")
    seconds, _ = _timed(lambda: run(Job(recording, model=graph)))
    peak = _memory("VmHWM")
    for name, megabytes in {"at the start": start, "after one second of it": warm, "peak": peak}.items():
        print(f"{name:32}{megabytes:8.0f} MB")
    print(f"{'peak above the start':32}{peak - start:8.0f} MB\n{'peak above one second':32}{peak - warm:8.0f} MB")
    print(f"{'seconds':32}{seconds:8.1f}   real-time factor {3600 / seconds:,.0f}")


def _memory(name: str) -> float:
    """Of this process, in megabytes: what it holds now (VmRSS) or held at most (VmHWM)."""
    status = Path("/proc/self/status")
    if status.exists():
        return float(next(line for line in status.read_text("ascii").splitlines() if line.startswith(name)).split()[1]) * 1024 / MEGABYTE
    # Elsewhere than on Linux only the peak is known: bytes on macOS.
    import resource

    usage: Any = resource.getrusage(resource.RUSAGE_SELF)
    return float(usage.ru_maxrss) / MEGABYTE


if __name__ == "__main__":
    main()
