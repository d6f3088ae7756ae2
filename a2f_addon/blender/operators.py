"""The operators that hear a recording: thin, and the same for the button, the console and a script."""

from __future__ import annotations

import json
from collections.abc import Generator
from typing import Any

import bpy
from bpy.types import Context, Event, Timer

from ..errors import A2FError, Cancelled
from . import compat, parts, preferences, preview, registry, runner, source, targets
from .properties import Values, choice_properties, motion_properties, output_properties, session_of, source_properties

REASON = "a2f_reason"
"""Where a button's surroundings say why it cannot be pressed."""
ATTEMPTS = 3
"""How often keys are written anew when the scene is changed meanwhile."""


class Background:
    """What bake and preview have in common: at once from a script, beside the artist's work from a button."""

    _runs: list[runner.Run] = []
    """A run for each line, in the order in which they are heard and written."""
    _timer: Timer | None = None
    _steps: Generator[float, None, Any] | None = None
    _made: list[runner.Ready] = []
    _attempts = 0
    _skipped: tuple[str, ...] = ()

    def execute(self: Any, context: Context) -> set[Any]:
        """Do it and return when it is done: scripts, the console, background mode."""
        try:
            requests, skipped = self._requests(context)
            made = [runner.listen(request, lambda done, text: None, lambda: False) for request in requests]
            return self._tell(context, self._finish(requests, made), skipped)
        except A2FError as error:
            return self._refuse(context, error)

    def invoke(self: Any, context: Context, event: Event) -> set[Any]:
        """Do it in the background, from a button."""
        if bpy.app.background:
            return self.execute(context)
        try:
            requests, self._skipped = self._requests(context)
        except A2FError as error:
            return self._refuse(context, error)
        self._runs, self._made = [runner.Run(request) for request in requests], []
        for run in self._runs:
            run.start()
        manager: Any = context.window_manager
        self._timer = manager.event_timer_add(runner.POLL_S, window=context.window)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self: Any, context: Context, event: Event) -> set[Any]:
        """Look after the thread; everything else goes on to Blender."""
        if event.type == "ESC" and event.value == "PRESS":
            for run in list(runner.session.runs):
                run.cancel()
            return {"RUNNING_MODAL"}
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        try:
            outcome = self._look(context)
        except A2FError as error:
            self.cancel(context)
            return self._refuse(context, error)
        except BaseException:
            self.cancel(context)
            raise
        if outcome is None:
            return {"PASS_THROUGH"}
        self.cancel(context)
        return self._tell(context, outcome, self._skipped)

    def cancel(self: Any, context: Context) -> None:
        """Leave nothing running; Blender calls this too, when it takes the operator away."""
        if self._steps is not None:
            self._steps.close()
            self._steps = None
        for run in self._runs:
            run.cancel()
        for run in self._runs:
            run.close()
        if self._timer is not None:
            manager: Any = context.window_manager
            manager.event_timer_remove(self._timer)
            self._timer = None
        show(context, None)

    def _look(self: Any, context: Context) -> Any:
        """Go on for a moment; the outcome once there is one. Raises whatever the work raised."""
        if any(run.is_cancelled for run in self._runs):
            raise Cancelled
        run = self._runs[len(self._made)] if len(self._made) < len(self._runs) else self._runs[-1]
        if len(self._made) < len(self._runs):
            made = run.poll()
            if made is None:
                if runner.current() is run:
                    show(context, f"A2F: {run} (Esc cancels)")
                return None
            self._made = [*self._made, made]
            if run is not self._runs[-1]:
                run.close()
                return None
        requests = [each.request for each in self._runs]
        if self._steps is None:
            self._steps = self._writing(requests, self._made)
        try:
            run.done, outcome = runner.advance(self._steps)
        except parts.Interrupted:
            self._attempts += 1
            self._steps = None
            if self._attempts == ATTEMPTS:
                raise
            return None
        run.text = "Writing keys"
        return outcome

    def _refuse(self: Any, context: Context, error: A2FError) -> set[Any]:
        session_of(context).said = str(error)
        session_of(context).warnings = session_of(context).result = ""
        self.report({"INFO" if isinstance(error, Cancelled) else "ERROR"}, str(error))
        return {"CANCELLED"}

    def _requests(self: Any, context: Context) -> tuple[list[runner.Request], tuple[str, ...]]:
        """A request for each line, and a sentence for each that was left out."""
        scene = compat.scene_of(context)
        values = Values(self.properties, scene)
        chosen, model, output = values.chosen(context), preferences.model(context), values.output()
        lines = source.all_taken(chosen.lines)
        return [runner.prepare(context, line, values.motion(line, scene), model, output=output) for line in lines], chosen.skipped

    def _finish(self: Any, requests: list[runner.Request], made: list[runner.Ready]) -> Any:
        steps = self._writing(requests, made)
        while True:
            _, outcome = runner.advance(steps)
            if outcome is not None:
                return outcome


class A2F_OT_bake(Background, bpy.types.Operator):
    """Key the face to say the recording.

    From a script it returns when it is done: {'FINISHED'}, and what was done stands in ``bpy.context.window_manager.a2f``: ``said``, a sentence,
    ``warnings``, a sentence a line, and ``result``, JSON. What cannot be done raises RuntimeError with a sentence. Every argument that is not given
    is as the scene's panel has it.
    """

    bl_idname = "a2f.bake"
    bl_label = "Bake Speech"
    bl_description = (
        "Key the face shapes of the active object, and of the meshes that belong to it, to say the recording. "
        "Other animation is kept and goes on playing"
    )
    bl_options = {"UNDO"}

    @classmethod
    def poll(cls, context: Context) -> bool:
        """Whether the button can be pressed; where not, it says why."""
        return allowed(cls, disabled_reason(context))

    def _writing(self, requests: list[runner.Request], made: list[runner.Ready]) -> Generator[float, None, list[runner.Outcome]]:
        preview.stop()
        return (yield from runner.finishing_all(requests, made))

    def _tell(self, context: Context, outcomes: list[runner.Outcome], skipped: tuple[str, ...]) -> set[Any]:
        tell(self, context, outcomes, skipped)
        return {"FINISHED"}


class A2F_OT_preview(Background, bpy.types.Operator):
    """Show the motion on the face while the scene plays, without a key; again to end it.

    Called from a script it returns when the face shows the motion; every value is put back when it ends.
    """

    bl_idname = "a2f.preview"
    bl_label = "Preview"
    bl_description = "Let the face say the recording in the viewport, without keys, in time with playback. Press again to end it"

    @classmethod
    def poll(cls, context: Context) -> bool:
        """Whether the button can be pressed; where not, it says why."""
        return allowed(cls, "" if preview.is_running() else disabled_reason(context))

    def invoke(self, context: Context, event: Event) -> set[Any]:
        """Begin, or end what runs."""
        if preview.is_running():
            preview.stop()
            return {"FINISHED"}
        return super().invoke(context, event)

    def execute(self, context: Context) -> set[Any]:
        """Begin, or end what runs."""
        if preview.is_running():
            preview.stop()
            return {"FINISHED"}
        return super().execute(context)

    def _writing(self, requests: list[runner.Request], made: list[runner.Ready]) -> Generator[float, None, bool]:
        yield 0.0
        preview.start(requests, made)
        return True

    def _tell(self, context: Context, outcome: bool, skipped: tuple[str, ...]) -> set[Any]:
        for sentence in skipped:
            self.report({"WARNING"}, sentence)
        return {"FINISHED"}


for _each in (A2F_OT_bake, A2F_OT_preview):
    _each.__annotations__.update(source_properties() | motion_properties() | output_properties() | choice_properties())


class A2F_OT_cancel(bpy.types.Operator):
    """Stop the bake; nothing will have changed"""

    bl_idname = "a2f.cancel"
    bl_label = "Cancel Bake"

    number: bpy.props.IntProperty(name="Number", description="Which bake: 0 is at work, the others wait; -1 is all of them", default=-1, min=-1)

    @classmethod
    def poll(cls, context: Context) -> bool:
        """Whether there is something to stop."""
        return allowed(cls, "" if runner.current() else "No bake is running.")

    def execute(self, context: Context) -> set[Any]:
        """Ask it to stop."""
        runs = list(runner.session.runs)
        for run in runs if self.number < 0 else runs[self.number : self.number + 1]:
            run.cancel()
        return {"FINISHED"}


def disabled_reason(context: Context) -> str:
    """Why nothing can be baked, or empty."""
    missing = getattr(context, REASON, "")
    if missing:
        return missing
    return "" if targets.asked_for(context) else targets.NO_FACE


def allowed(operator: Any, reason: str) -> bool:
    """For a poll: no reason against it; where there is one, the button says it."""
    if reason:
        operator.poll_message_set(reason)
    return not reason


def tell(operator: Any, context: Context, outcomes: list[runner.Outcome], skipped: tuple[str, ...] = ()) -> None:
    """Say what was done: as reports, and where panel and scripts read it."""
    warnings = list(dict.fromkeys([*skipped, *(warning for outcome in outcomes for warning in outcome.warnings)]))
    for warning in warnings:
        operator.report({"WARNING"}, warning)
    for outcome in outcomes:
        operator.report({"INFO"}, str(outcome))
    told = session_of(context)
    told.said, told.warnings = " ".join(map(str, outcomes)), "\n".join(warnings)
    last = outcomes[-1]
    facts = {"actions": [name for each in outcomes for name in each.actions], "meshes": last.meshes, "keys": sum(each.keys for each in outcomes)}
    spans = {"first_frame": min(each.first_frame for each in outcomes), "last_frame": max(each.last_frame for each in outcomes)}
    told.result = json.dumps(facts | spans | {"warnings": warnings})


def show(context: Context, text: str | None) -> None:
    """In the status bar, and in every panel that is open."""
    if context.workspace is not None:
        context.workspace.status_text_set(text)
    redraw(context)


def redraw(context: Context) -> None:
    """Show every tab that is open anew."""
    manager: Any = context.window_manager
    for window in manager.windows:
        for area in window.screen.areas:
            for region in area.regions:
                # The tab alone: a heavy scene that is drawn anew for a progress bar would hold the window up.
                if area.type == "VIEW_3D" and region.type == "UI":
                    region.tag_redraw()


CLASSES: tuple[Any, ...] = (A2F_OT_bake, A2F_OT_preview, A2F_OT_cancel)

register, unregister = registry.both(CLASSES)
