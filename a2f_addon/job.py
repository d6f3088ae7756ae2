"""What to do, and the one way of doing it: every button, operator, command and script ends here."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import NamedTuple

from .errors import SettingError
from .face import arkit, articulation, brows, clips, closure, emotion, ensemble, eyes, head, rescale, silence, smoothing, style
from .face.curves import FaceCurves, Speech
from .files import eyeclips, styles
from .settings import group
from .speech import audio, model

Progress = Callable[[float, str], None]
"""Told how much is done, 0 to 1, and what is being done."""
IsCancelled = Callable[[], bool]
"""Asked often; True ends the work with Cancelled."""


@dataclass(frozen=True)
class Motion:
    """Every setting of every stage."""

    smoothing: smoothing.Smoothing = group(smoothing.Smoothing)
    articulation: articulation.Articulation = group(articulation.Articulation)
    silence: silence.Silence = group(silence.Silence)
    style: style.Styling = group(style.Styling)
    emotion: emotion.Emotion = group(emotion.Emotion)
    rescale: rescale.Rescale = group(rescale.Rescale)
    closure: closure.Closure = group(closure.Closure)
    eyes: eyes.Eyes = group(eyes.Eyes)
    eye_clips: clips.EyeClips = group(clips.EyeClips)
    brows: brows.Brows = group(brows.Brows)
    head: head.Head = group(head.Head)


@dataclass(frozen=True)
class Job:
    """One recording, or a span of it, to one face.

    speech: any sound file that libsndfile reads.
    start_s, end_s: the span in seconds of the file; what lies outside of it is not heard.
    fps: frames per second of the result.
    model: an ONNX file that carries its own description; None is the bundled one.
    also: other models that hear the recording too; what they make of it is averaged with the first one's, on its clock.
    weights: how much each model counts, the first one's first; without them all count alike.
    threads: of the CPU that the model runs on; None for all cores. More than one may differ in a last bit from one.

    Raises SettingError for a frame rate that cannot be, and SoundError for such a span.
    """

    speech: Path
    start_s: float | None = None
    end_s: float | None = None
    fps: float = 30.0
    model: Path | None = None
    motion: Motion = field(default_factory=Motion)
    threads: int | None = None
    also: tuple[Path, ...] = ()
    weights: tuple[float, ...] = ()

    def __post_init__(self) -> None:
        object.__setattr__(self, "speech", Path(self.speech))
        if self.model is not None:
            object.__setattr__(self, "model", Path(self.model))
        if not (math.isfinite(self.fps) and 1 <= self.fps <= 1000):
            raise SettingError(f"The frame rate must lie between 1 and 1000 frames a second, not at {self.fps}.")
        object.__setattr__(self, "also", tuple(Path(other) for other in self.also))
        ensemble.shares(1 + len(self.also), self.weights)
        audio.check_span(self.start_s, self.end_s)


class Heard(NamedTuple):
    """What the model made of a recording, before any stage: kept, so that a setting can be tried without hearing it again."""

    curves: FaceCurves
    speech: Speech


def run(job: Job, progress: Progress = lambda done, text: None, cancelled: IsCancelled = lambda: False) -> FaceCurves:
    """From a recording to the face's 52 curves, and the rotations of its head, at the job's frame rate; frame 0 stands at the start of the span.

    Raises SoundError, ModelError, SettingError, and Cancelled.
    """
    return animate(listen(job, progress, cancelled), job.motion, fps=job.fps)


def listen(
    job: Job,
    progress: Progress = lambda done, text: None,
    cancelled: IsCancelled = lambda: False,
    *,
    overhear: audio.Overhear | None = None,
) -> Heard:
    """The slow half: decode the recording and run the model, or models, over it. Raises as :func:`run`.

    overhear: as of :func:`audio.open_speech`.
    """
    if job.also:
        return _together(job, progress, cancelled, overhear)
    network = model.load(job.model, threads=job.threads)
    with audio.open_speech(job.speech, job.start_s, job.end_s, rate=network.sample_rate, overhear=overhear) as speech:
        return Heard(*network.listen(speech, progress=progress, cancelled=cancelled))


def _together(job: Job, progress: Progress, cancelled: IsCancelled, overhear: audio.Overhear | None) -> Heard:
    """Each model in turn, and the mean of what they made of the recording."""
    paths = (job.model, *job.also)

    def part(number: int) -> Progress:
        return lambda done, text: progress((number + done) / len(paths), text)

    alone = [replace(job, model=path, also=(), weights=()) for path in paths]
    heard = [listen(each, part(number), cancelled, overhear=overhear if number == 0 else None) for number, each in enumerate(alone)]
    curves, speech = zip(*heard, strict=True)
    return Heard(ensemble.average(curves, job.weights), ensemble.average_speech(speech, job.weights))


def animate(heard: Heard, motion: Motion, *, fps: float) -> FaceCurves:
    """The quick half: the stages, in their order.

    What filters runs at the model's own rate, where it also keeps a slower fps from aliasing;
    what places events (seals, blinks) runs on the frames that will be keyed, so that none falls between two of them.
    """
    curves, speech = heard
    # Unless somebody keeps them to try other settings, the model's own curves of an hour need not lie there for as long as the stages take.
    del heard
    curves = smoothing.smooth(curves, speech, motion.smoothing)
    curves = articulation.articulate(curves, speech, beside_style(motion))
    curves = silence.rest(curves, speech, motion.silence)
    curves = smoothing.resampled(curves, speech, fps=fps)
    # Brows and head hear the speech alone; they come here so that the style that follows finds them moving.
    curves = brows.lift(curves, speech, motion.brows)
    curves = head.turn(curves, speech, motion.head)
    curves, motion = in_style(curves, speech, motion)
    curves = emotion.feel(curves, speech, motion.emotion)
    curves = rescale.rescale(curves, speech, motion.rescale, names=arkit.MOUTH)
    # After everything that moves the lips, so that they meet whatever is felt and however large it is.
    curves = closure.seal(curves, speech, motion.closure)
    if motion.eye_clips.folder:
        # Recorded eyes stand in for made ones, since no channel has two owners.
        curves = clips.donate(curves, speech, motion.eye_clips, eyeclips.read(Path(motion.eye_clips.folder)))
    else:
        curves = eyes.look(curves, speech, motion.eyes)
    # The rest of the face at the end, once everything that moves it has.
    others = [name for name in curves.names if name not in arkit.MOUTH]
    return rescale.rescale(curves, speech, motion.rescale, names=others)


def beside_style(motion: Motion) -> articulation.Articulation:
    """How the mouth moves before a style comes: that says itself how far the jaw goes, so no syllable's stress is added to it."""
    asked = motion.style
    share = min(asked.strength, 1.0) if asked.target or asked.name else 0.0
    return replace(motion.articulation, dynamics=motion.articulation.dynamics * (1 - share))


def in_style(curves: FaceCurves, speech: Speech, motion: Motion) -> tuple[FaceCurves, Motion]:
    """The curves in the style that was asked for, and settings by which the eyes go with it, where nobody moved these from their defaults."""
    asked = motion.style
    target = asked.target or (styles.read(asked.name) if asked.name else None)
    if target is None or not asked.strength:
        return curves, motion
    # What a style promises is promised of what is seen, so it counts with the seals that come later.
    curves = style.imitate(curves, target, strength=asked.strength, finish=lambda tried: closure.seal(tried, speech, motion.closure))
    usual = eyes.Eyes().blinks_per_minute
    if target.blinks_per_minute is None or motion.eyes.blinks_per_minute != usual:
        return curves, motion
    rate = usual + asked.strength * (min(target.blinks_per_minute, 60.0) - usual)
    return curves, replace(motion, eyes=replace(motion.eyes, blinks_per_minute=rate))
