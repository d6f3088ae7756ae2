"""What the model is compared with on the same clips: pocketsphinx's phone decoder, the best of the peers, and loudness alone, the floor.

The decoder runs with its English model, the only one that comes with it, in every language. It is slow, so what it found of a clip is kept by the
clip's own samples.
"""

from __future__ import annotations

import hashlib
import json
import os
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from a2f_addon.face import arkit
from a2f_addon.face.curves import FaceCurves
from benchmarks import lips
from training import align, corpora, phones, targets
from training.corpora import RATE, Segment

FPS = 60.0
SETTINGS = {"lw": 2.0, "beam": 1e-20, "pbeam": 1e-20}
"""Those of pocketsphinx's own page on phoneme recognition."""
LOUDNESS_PERCENTILES = (10.0, 95.0)


def allphone(samples: NDArray[np.int16], cache: Path) -> tuple[Segment, ...]:
    """The phones that pocketsphinx hears in int16 [samples] at 16 kHz, over all of the clip; read from the cache when it heard them before."""
    key = hashlib.sha256(repr(sorted(SETTINGS.items())).encode() + samples.tobytes()).hexdigest()[:24]
    kept = cache / f"{key}.json"
    if not kept.is_file():
        cache.mkdir(parents=True, exist_ok=True)
        part = kept.with_suffix(f".{os.getpid()}.part")
        part.write_text(json.dumps(_decoded(samples)), encoding="utf-8")
        part.replace(kept)
    return tuple((start, end, phone) for start, end, phone in json.loads(kept.read_text(encoding="utf-8")))


def _decoded(samples: NDArray[np.int16]) -> tuple[Segment, ...]:
    decoder = _decoder()
    decoder.start_utt()
    decoder.process_raw(samples.tobytes(), full_utt=True)
    decoder.end_utt()
    found: list[Segment] = []
    for segment in decoder.seg() or ():
        label = phones.SILENCE if segment.word.startswith(("<", "+", "[", "SIL", "(")) else segment.word
        start_s, end_s = segment.start_frame * align.FRAME_S, (segment.end_frame + 1) * align.FRAME_S
        found += phones.spread_over(phones.from_arpabet(label), start_s=start_s, end_s=end_s)
    return corpora.tidy(found, duration_s=len(samples) / RATE)


@lru_cache(maxsize=1)
def _decoder() -> Any:
    """One decoder a process."""
    from pocketsphinx import Decoder, get_model_path

    return Decoder(lm=None, allphone=get_model_path("en-us/en-us-phone.lm.bin"), loglevel="FATAL", **SETTINGS)


def face_of(segments: tuple[Segment, ...], *, duration_s: float) -> FaceCurves:
    """Phones as this project's own rules move the mouth for them: a decoder with no face of its own gets the best that could be made of it."""
    frames = max(1, int(duration_s * FPS))
    return FaceCurves(FPS, 0.5 / FPS, arkit.NAMES, targets.curves(segments, frames=frames, fps=FPS))


def loudness_gap(samples: NDArray[np.int16], *, duration_s: float) -> NDArray[np.float64]:
    """A jaw that follows the level: 0 at the clip's 10th percentile in decibels, 1 at its 95th, float64 [metric frames]."""
    level = align.level_db(samples)
    low, high = np.percentile(level, LOUDNESS_PERCENTILES)
    smooth = np.convolve(np.pad(level, 2, mode="edge"), np.ones(5) / 5, mode="valid")
    jaw = np.clip((smooth - low) / max(high - low, 1e-9), 0, 1)
    return np.interp(lips.metric_times(duration_s), (np.arange(len(jaw)) + 0.5) * align.FRAME_S, jaw)
