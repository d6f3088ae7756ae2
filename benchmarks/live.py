"""How late, and how much work, is a live stream? One command, one table.

    python -m benchmarks.live [--seconds 60] [--rate 48000] [--model PATH]

A stream is fed in pieces of 20 ms, as a sound card would, by one thread. The real-time factor is seconds of speech to a second of the CPU's work;
"slowest of a hundred" is the time on the clock that all but one step in a hundred keep to.
"""

from __future__ import annotations

import argparse
import time
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from a2f_addon.speech.live import Live

PIECE_S = 0.02
WARM_UP = 25
"""Steps that are not counted: a runtime makes its plans in the first ones."""


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=60.0, help="of sound (%(default)s)")
    parser.add_argument("--rate", type=int, default=48_000, help="hertz of the sound (%(default)s)")
    parser.add_argument("--model", type=Path, help="a live graph; the bundled one by default")
    options = parser.parse_args()
    live = Live(options.rate, model=options.model)
    worked_s, took_s = steps(live, _sound(options.seconds, options.rate))
    frame_s = 1 / live.facts.fps
    print(f"| a step of {PIECE_S * 1000:g} ms at {options.rate / 1000:g} kHz, one thread | |\n|---|---|")
    print(f"| look-ahead after a frame's hop | {live.look_ahead_s * 1000:.1f} ms |")
    print(f"| a frame is certain after the moment that it stands for | {(live.look_ahead_s + frame_s / 2) * 1000:.1f} ms |")
    print(f"| work of the CPU | {worked_s.mean() * 1000:.2f} ms |")
    print(f"| on the clock: median, slowest of a hundred | {np.median(took_s) * 1000:.2f} ms, {np.quantile(took_s, 0.99) * 1000:.2f} ms |")
    print(f"| real-time factor | {PIECE_S / worked_s.mean():.1f} |")


def steps(live: Live, sound: NDArray[np.float32]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Seconds of the CPU's work, and seconds on the clock, of each step that counts."""
    size = round(PIECE_S * live.sample_rate)
    worked_s, took_s = [], []
    for piece in np.split(sound, range(size, len(sound), size)):
        began_cpu, began = time.process_time(), time.perf_counter()
        live.feed(piece)
        worked_s.append(time.process_time() - began_cpu)
        took_s.append(time.perf_counter() - began)
    return np.array(worked_s[WARM_UP:]), np.array(took_s[WARM_UP:])


def _sound(seconds: float, rate: int) -> NDArray[np.float32]:
    """Noise in bursts, as syllables come; what is heard makes no difference to the work."""
    times = np.arange(round(seconds * rate)) / rate
    return (0.1 * np.sin(np.pi * 3 * times) ** 2 * np.random.default_rng(0).standard_normal(len(times))).astype(np.float32)


if __name__ == "__main__":
    main()
