"""Do lips still meet, whatever is felt, in whose style and however smooth? One command, one table.

    python -m benchmarks.seals [--shared ../shared] [--cache training/cache] [--minutes 2]

Closure F1 by the metric of benchmarks/lips.py, on two heads, with every setting as it is, and how much of it each emotion at full intensity, each
style and each smoothing costs. First on made sentences whose phones are known, then, where there is a cache of labelled speech, on recordings of
people who were held out, heard by the bundled model.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from a2f_addon import presets
from a2f_addon.face import arkit, emotion
from a2f_addon.face.curves import FaceCurves, Speech
from a2f_addon.face.smoothing import KINDS
from a2f_addon.files import styles
from a2f_addon.job import Heard, Motion, animate
from benchmarks import SHARED, lips
from training import phones, targets

FPS = 60.0
MADE, LASTING_S = 12, (0.05, 0.18)
MODEL_FPS = 50.0
ALLOWED = 0.02

Clip = tuple[Heard, lips.Phones, float]


def main() -> int:
    """Print the tables. Returns 1 where a setting costs more than is allowed."""
    given = _options()
    heads = lips.load_heads(given.shared / "heads")
    worst = [_print("made sentences", [made(seed) for seed in range(MADE)], heads)]
    if given.cache.is_dir():
        worst.append(_print("recordings of people who were held out", list(recorded(given.cache, minutes=given.minutes)), heads))
    return int(max(worst) >= ALLOWED)


def settings() -> Iterator[tuple[str, Motion]]:
    """Everything that could part the lips, by name; the first is what the others are compared with."""
    yield "as it is", Motion()
    for name in emotion.POSES:
        if name != "neutral":
            yield f"emotion {name}", presets.motion(emotion=name)
    for name in styles.names():
        yield f"style {name}", presets.motion(style=name)
    for kind in KINDS:
        for seconds in (0.0, 0.03, 0.2):
            yield f"smoothing {kind} {seconds:g} s", presets.motion({"smoothing_kind": kind, "smoothing_mouth_s": seconds})
    for name in presets.names():
        yield f"preset {name}", presets.motion(preset=name)


def made(seed: int) -> Clip:
    """A sentence of chance phones, half of them vowels, between two pauses: the curves that its labels make and the phones as certain as can be."""
    random = np.random.default_rng(seed)
    vowels = sorted(phones.VOWELS)
    others = [phone for phone in phones.PHONES if phone not in vowels and phone != phones.SILENCE]
    said = [str(random.choice(vowels if place % 2 else others)) for place in range(60)]
    lasting = [0.4, *random.uniform(*LASTING_S, len(said)), 0.4]
    ends = np.cumsum(lasting)
    names = [phones.SILENCE, *said, phones.SILENCE]
    segments = [(float(end - length), float(end), phone) for end, length, phone in zip(ends, lasting, names, strict=True)]
    frames = round(ends[-1] * MODEL_FPS)
    curves = FaceCurves(MODEL_FPS, 0.5 / MODEL_FPS, arkit.NAMES, targets.curves(segments, frames=frames, fps=MODEL_FPS))
    return Heard(curves, _speech(segments, frames)), segments, float(ends[-1])


def _speech(segments: targets.Segments, frames: int) -> Speech:
    edges = np.arange(frames + 1) / MODEL_FPS
    probable = np.zeros((frames, len(phones.PHONES)), np.float32)
    for start, end, phone in segments:
        share = np.clip(np.minimum(edges[1:], end) - np.maximum(edges[:-1], start), 0, None)
        probable[:, phones.PHONES.index(phone)] += share.astype(np.float32)
    probable /= probable.sum(axis=1, keepdims=True)
    silent = probable[:, phones.PHONES.index(phones.SILENCE)]
    return Speech(MODEL_FPS, 0.5 / MODEL_FPS, phones.PHONES, probable, (-20 - 50 * silent).astype(np.float32), phones.CLASSES)


def hour() -> Heard:
    """A made sentence again and again for an hour, for whoever asks how long the stages take."""
    (curves, speech), _, seconds = made(0)
    times = round(3600 / seconds)
    phones_again, loudness = np.tile(speech.phones, (times, 1)), np.tile(speech.loudness_db, times)
    pitch = np.where(phones_again[:, 0] < 0.5, 120, 0).astype(np.float32)
    again = replace(speech, phones=phones_again, loudness_db=loudness, pitch_hz=pitch, intensity_db=loudness)
    return Heard(replace(curves, values=np.tile(curves.values, (times, 1))), again)


def recorded(cache: Path, *, minutes: float) -> Iterator[Clip]:
    """Held-out speech of people, as the bundled model hears it."""
    from a2f_addon.speech import model
    from training import evaluate

    network = model.load(None)
    for _, utterances in evaluate.held_out(cache, minutes=minutes):
        for utterance, audio in utterances:
            yield evaluate.hear(network, audio), utterance.phones, utterance.duration_s


def _print(title: str, clips: Sequence[Clip], heads: Sequence[lips.Head]) -> float:
    """A table, and the largest drop in it."""
    print(f"\n{title}: {len(clips)}, {sum(seconds for _, _, seconds in clips) / 60:.1f} minutes\n\n{'':32}closure F1    drop", flush=True)
    usual, worst = 0.0, 0.0
    for name, motion in settings():
        f1 = _f1(clips, motion, heads)
        usual = usual or f1
        worst = max(worst, usual - f1)
        print(f"{name:32}{f1:10.3f}{usual - f1:8.3f}{'  too much' if usual - f1 >= ALLOWED else ''}", flush=True)
    return worst


def _f1(clips: Sequence[Clip], motion: Motion, heads: Sequence[lips.Head]) -> float:
    events = lips.Events()
    for heard, said, seconds in clips:
        gap = lips.lip_gap(animate(heard, motion, fps=FPS), heads, duration_s=seconds)
        events += lips.score_closures(lips.closed_lips(gap), lips.classes(said, duration_s=seconds))
    return events.f1


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.seals", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    root = Path(__file__).parents[1]
    parser.add_argument("--shared", type=Path, default=SHARED, help="where `heads` lies (%(default)s)")
    parser.add_argument("--cache", type=Path, default=root / "training" / "cache", help="labelled speech, made by python -m training (%(default)s)")
    parser.add_argument("--minutes", type=float, default=2.0, help="of each corpus (%(default)s)")
    return parser.parse_args()


if __name__ == "__main__":
    raise SystemExit(main())
