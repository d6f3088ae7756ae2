"""What the panel remembers with the scene. The settings of the motion are made from their one declaration."""
# mypy: disable-error-code="func-returns-value"

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import bpy
import numpy as np
from bpy.props import BoolProperty, EnumProperty, FloatProperty, IntProperty, PointerProperty, StringProperty
from bpy.types import Context, Scene
from numpy.typing import NDArray

from .. import presets
from ..face import keys
from ..face.emotion import POSES, Keys, Track
from ..files import styles
from ..job import Motion
from ..settings import Option, flat, options
from . import compat, live, ownstyles, registry, runner
from .source import Chosen, Source, choose

ERRORS: Mapping[str, float] = {"OFF": 0.0, "FINE": keys.FINE, "COARSE": keys.COARSE}
FELT = tuple(name for name, pose in POSES.items() if pose)
"""The emotions that move a face."""
FELT_WORDS: Mapping[str, str] = {"outofbreath": "Out of Breath"}
CHOICES = ("preset", "emotion", "style", "seed")
"""Arguments that stand for many settings at once."""


class A2F_PG_emotions(bpy.types.PropertyGroup):
    """How much the face feels of each emotion; keys over time are followed."""


def _has_scene_rate(own: Any) -> bool:
    return bool(own.fps == 0)


def _choose_rate(own: Any, chosen: bool) -> None:
    render = own.id_data.render
    own.fps = 0.0 if chosen else render.fps / render.fps_base


class A2F_PG_scene(bpy.types.PropertyGroup):
    """Everything that is chosen in the panel."""

    at_scene_rate: BoolProperty(
        name="Scene Frame Rate",
        description="Key the motion at the scene's frames; off, so many keys a second as you say",
        get=_has_scene_rate,
        set=_choose_rate,
    )
    emotions: PointerProperty(type=A2F_PG_emotions)
    live: BoolProperty(
        name="Adjust Live",
        description="Make the keys of the last bake anew while a setting is changed; the recording is not heard again",
        update=live.touched,
    )


class A2F_PG_session(bpy.types.PropertyGroup):
    """What the last bake said, for the panel and for scripts; it is not saved."""

    said: StringProperty(name="Result", description="The last bake in a sentence")
    warnings: StringProperty(name="Warnings", description="What the artist should know of it, a sentence a line")
    result: StringProperty(name="Result as JSON", description="The last bake for scripts: actions, meshes, first_frame, last_frame, keys, warnings")


def panel_settings(scene: Scene) -> Any:
    """What is chosen in the panel: an A2F_PG_scene."""
    return scene.a2f  # type: ignore[attr-defined]


def session_of(context: Context) -> Any:
    """What the last bake said: an A2F_PG_session."""
    return context.window_manager.a2f  # type: ignore[union-attr]


def motion_properties() -> dict[str, Any]:
    """A Blender property for every setting of the motion, under its flat name."""
    return {item.name: _property(item) for item in options(Motion)}


def source_properties() -> dict[str, Any]:
    """What says where the speech comes from: see source.choose."""
    return {
        "source": EnumProperty(
            name="Source",
            description="Where the speech comes from",
            items=[
                ("STRIP", "Strip", "The active sound strip of the sequencer, or one by name, trimmed and placed as it is there"),
                ("CHANNEL", "Channel", "Every sound strip of a channel of the sequencer, each at its place"),
                ("MIX", "Mix", "All that the scene lets be heard, mixed down"),
                ("SPEAKER", "Speaker", "A speaker object"),
                ("FILE", "File", "A sound file, from a frame of your choice"),
            ],
        ),
        "filepath": StringProperty(name="Sound", description="A recording of speech: wav, flac, ogg, mp3, a film and others", subtype="FILE_PATH"),
        "frame_start": FloatProperty(name="Start Frame", description="The frame at which a file begins", default=1.0, step=100, precision=2),
        "channel": IntProperty(name="Channel", description="Of the sequencer; 0 is the active strip's", default=0, min=0, max=128),
        "name": StringProperty(name="Name", description="Of a strip or of a speaker object; empty for the active one"),
    }


def output_properties() -> dict[str, Any]:
    """What decides how the motion becomes keys."""
    return {
        "place": EnumProperty(
            name="Keys Go Into",
            description="Whatever is chosen, other animation is kept and goes on playing",
            items=[
                ("NEW", "New Action", "A new Action; what played before is laid below it in the NLA"),
                ("STRIP", "New NLA Strip", "A new strip above all others; the Action that plays stays, where it would not hide the strip"),
                ("INTO", "Current Action", "The Action that plays, within the recording's span; its other keys are kept"),
            ],
        ),
        "reduction": EnumProperty(
            name="Keys",
            description="How many keys there will be; where the lips meet, every frame is kept exactly",
            items=[
                ("OFF", "Every Frame", "A key on every frame"),
                ("FINE", "Few, Fine", f"Bezier keys; no frame is off by more than {keys.FINE:g} of a shape's way"),
                ("COARSE", "Few, Coarse", f"Bezier keys; no frame is off by more than {keys.COARSE:g} of a shape's way"),
                ("CUSTOM", "Few, by Error", "Bezier keys; no frame is off by more than the error below"),
            ],
        ),
        "reduction_error": FloatProperty(
            name="Error", description="How far a frame may be off, as a share of a shape's whole way", default=0.01, min=0.0005, max=0.2, precision=4
        ),
        "fps": FloatProperty(
            name="Keys per Second", description="How densely the motion is keyed, in keys/s; 0 is the scene's frame rate", min=0.0, max=240.0
        ),
        "markers": BoolProperty(name="Mark Sounds", description="Mark every sound of the speech in the new Action (pose markers)"),
        "region_mouth": BoolProperty(name="Mouth", description="Key the mouth, jaw and tongue", default=True),
        "region_brows": BoolProperty(name="Brows", description="Key brows, cheeks and nose", default=True),
        "region_eyes": BoolProperty(name="Eyes", description="Key lids and eyes", default=True),
    }


def choice_properties() -> dict[str, Any]:
    """Words that stand for many settings at once: arguments of the operators."""
    return {
        "preset": StringProperty(name="Preset", description=f"A set of settings: {', '.join(presets.names())}, or a .toml file of one's own"),
        "emotion": StringProperty(name="Emotion", description="Emotions with their intensity, and when: joy:0.8,anger:0.5@2-4.5 (seconds)"),
        "style": StringProperty(name="Style", description="NAME or NAME:STRENGTH"),
        "seed": IntProperty(name="Seed", description="One number for everything that draws lots; -1 leaves what is set", default=-1, min=-1),
    }


class Values:
    """What an operator was given, and for the rest what the scene has chosen."""

    def __init__(self, given: Any, scene: Scene) -> None:
        self._given, self._scene = given, panel_settings(scene)

    def __getitem__(self, name: str) -> Any:
        given = self._given
        return getattr(given if given is not None and given.is_property_set(name) else self._scene, name)

    def motion(self, source: Source, scene: Scene) -> Motion:
        """The settings of the motion, with the scene's emotions. Raises SettingError."""
        chosen = {name: getattr(self._given, name) for name in CHOICES} if self._given is not None else {}
        chosen = {name: value for name, value in chosen.items() if value not in ("", -1)}
        # Beside a preset only what was given counts, since the panel's own settings would overrule all of it.
        names = [item.name for item in options(Motion) if "preset" not in chosen or self._given.is_property_set(item.name)]
        values = {name: _exact(self[name]) for name in names}
        own = {"emotion": "emotion_mix", "style": "style_name"}
        for name in chosen.keys() & own.keys():
            values.pop(own[name], None)
        for known, name in ((values, "style_name"), (chosen, "style")):
            if name in known:
                known[name] = ownstyles.found(known[name])
        if "seed" in chosen:
            values = {name: value for name, value in values.items() if not name.endswith("_seed")}
        motion = presets.motion(values, **chosen)
        track = motion.emotion.track
        felt = Track(track.spans, (*track.keys, *emotions_over_time(scene, source)))
        return replace(motion, emotion=replace(motion.emotion, track=felt)) if felt.keys else motion

    def chosen(self, context: Context) -> Chosen:
        """The speech that is meant. Raises SoundError."""
        given = self._given
        kind = "FILE" if given is not None and given.filepath and not given.is_property_set("source") else self["source"]
        # A name or a channel beside another kind of source is left from before.
        return choose(context, kind, name=self["name"], channel=self["channel"], filepath=self["filepath"], frame_start=_exact(self["frame_start"]))

    def output(self) -> runner.Output:
        """How the motion becomes keys. Raises SettingError."""
        kind = self["reduction"]
        error = ERRORS.get(kind, _exact(self["reduction_error"]))
        regions = tuple(region for region in runner.REGIONS if self[f"region_{region}"])
        return runner.Output(self["place"], error, regions, _exact(self["fps"]), self["markers"])


def put(scene: Scene, motion: Motion) -> None:
    """Let the panel show these settings."""
    chosen = panel_settings(scene)
    for name, value in flat(motion).items():
        setattr(chosen, name, value)


def emotions_over_time(scene: Scene, source: Source) -> list[Keys]:
    """The panel's emotions on the recording's own clock, those that are keyed as their keys go, frame by frame."""
    animation = scene.animation_data
    action = None if animation is None else animation.action
    curves = {} if action is None else {curve.data_path: curve for curve in compat.fcurves(action, compat.slot_of(animation))}  # type: ignore[arg-type]
    found: list[Keys] = []
    frames: NDArray[np.float64]
    for name in FELT:
        curve = curves.get(f"a2f.emotions.{name}")
        if curve is None or curve.is_empty:
            frames, levels = np.zeros(1), np.array([getattr(panel_settings(scene).emotions, name)])
        else:
            span: Any = curve.range()
            frames = np.arange(np.floor(span[0]), np.ceil(span[1]) + 1)
            levels = np.array([curve.evaluate(frame) for frame in frames])
        if levels.any():
            times = (frames - source.zero_frame) / source.curve_fps
            found.append(Keys(name, tuple(times), tuple(np.clip(levels, 0, 1))))
    return found


def label(item: Option) -> str:
    """Words for a setting within its group, short enough for the sidebar; the unit stands in the tooltip."""
    words = WORDS.get(item.name) or item.path[-1].removesuffix(f"_{item.unit.lower()}").replace("_per_minute", "/min").replace("_", " ")
    return words[0].upper() + words[1:]


WORDS: Mapping[str, str] = {
    "smoothing_mouth_s": "Smoothing",
    "smoothing_upper_s": "Brows, eyes",
    "smoothing_kind": "Filter",
    "closure_strength": "Close lips",
    "rescale_upper": "Upper face",
    "closure_on": "Closes from",
    "closure_off": "Opens below",
    "closure_bite": "Lip under teeth",
    "closure_parting": "Least gap",
    "silence_enabled": "Rest in pauses",
    "silence_floor_db": "Quiet by",
    "silence_pause_s": "Shortest pause",
    "silence_open_s": "Opens before",
    "silence_close_s": "Closes within",
    "silence_linger_s": "Lingers",
    "eyes_enabled": "Move eyes",
    "eyes_look": "Look around",
    "eyes_yaw_deg": "Look left",
    "eyes_pitch_deg": "Look up",
    "eyes_lids": "Lids follow",
    "brows_enabled": "Move brows",
    "brows_raises": "Brow raises",
    "brows_frowns": "Brow frowns",
    "head_enabled": "Turn head",
    "emotion_mix": "As text",
    "emotion_ease_s": "Come and go",
    "style_name": "Style",
    "emotion_mouth": "On the mouth",
    "emotion_auto": "From the voice",
    "rescale_gains": "Single shapes",
}
"""Words of a person for names that are the program's."""


def _property(item: Option) -> Any:
    facts: dict[str, Any] = {"name": label(item), "description": f"{item.description}, {item.unit}" if item.unit else item.description}
    facts["update"] = live.touched
    if item.type is bool:
        return BoolProperty(default=item.default, **facts)
    if item.choices:
        return EnumProperty(default=item.default, items=[(name, name[0].upper() + name[1:], "") for name in item.choices], **facts)
    if item.name == "style_name":
        return StringProperty(default=item.default, search=_style_names, search_options={"SUGGESTION"}, **facts)
    if item.type is str:
        return StringProperty(default=item.default, subtype="DIR_PATH" if item.name.endswith("_folder") else "NONE", **facts)
    if item.minimum is not None:
        facts["min"] = item.minimum if item.type is float else int(item.minimum)
    if item.maximum is not None:
        facts["max"] = item.maximum if item.type is float else int(item.maximum)
    if item.type is int:
        return IntProperty(default=item.default, **facts)
    return FloatProperty(default=item.default, precision=3 if item.unit == "s" else 2, **facts)


def _style_names(owner: Any, context: Context | None, typed: str) -> list[str]:
    """What the field offers while somebody types."""
    return [name for name in (*ownstyles.names(), *styles.names()) if typed.casefold() in name.casefold()]


def _exact(value: Any) -> Any:
    return float(f"{value:.7g}") if isinstance(value, float) else value


A2F_PG_scene.__annotations__.update(source_properties() | motion_properties() | output_properties())
A2F_PG_emotions.__annotations__.update(
    {
        name: FloatProperty(
            name=FELT_WORDS.get(name, name.title()), description=f"How much {name} the face shows, 0 to 1; can be keyed", min=0.0, max=1.0
        )
        for name in FELT
    }
)
CLASSES: tuple[Any, ...] = (A2F_PG_emotions, A2F_PG_scene, A2F_PG_session)
_register_classes, _unregister_classes = registry.both(CLASSES)


def register() -> None:
    """Give every scene the panel's memory."""
    _register_classes()
    bpy.types.Scene.a2f = PointerProperty(type=A2F_PG_scene)  # type: ignore[attr-defined, func-returns-value]
    bpy.types.WindowManager.a2f = PointerProperty(type=A2F_PG_session)  # type: ignore[attr-defined, func-returns-value]


def unregister() -> None:
    """Take it away again."""
    del bpy.types.WindowManager.a2f  # type: ignore[attr-defined]
    del bpy.types.Scene.a2f  # type: ignore[attr-defined]
    _unregister_classes()
