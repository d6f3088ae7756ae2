"""The operators: thin, and the same for the button, the console and a script."""

from __future__ import annotations

from typing import Any

import bpy
from bpy.props import FloatProperty, StringProperty
from bpy.types import Context, Event, Timer

from ..errors import A2FError, Cancelled
from ..job import Motion
from ..settings import options
from . import compat, preferences, runner, source, targets
from .properties import motion_of, motion_properties, panel_settings

REASON = "a2f_reason"
"""Where a button's surroundings say why it cannot be pressed."""


class A2F_OT_bake(bpy.types.Operator):
    """Key the face to say the recording"""

    bl_idname = "a2f.bake"
    bl_label = "Bake Speech"
    bl_description = (
        "Key the face shapes of the active object, and of the meshes that belong to it, to say the recording. "
        "The keys go into a new Action; other animation is kept"
    )
    bl_options = {"UNDO"}

    filepath: StringProperty(name="Sound", description="A recording of speech; empty for the active sound strip", subtype="FILE_PATH")
    frame_start: FloatProperty(name="Start Frame", description="The frame at which the file begins; a strip has a place of its own", default=1.0)

    _run: runner.Run | None = None
    _timer: Timer | None = None

    @classmethod
    def poll(cls, context: Context) -> bool:
        """Whether the button can be pressed; where not, it says why."""
        reason = _disabled_reason(context)
        if reason:
            cls.poll_message_set(reason)
        return not reason

    def execute(self, context: Context) -> set[Any]:
        """Bake and return when it is done: scripts, the console, background mode."""
        try:
            outcome = runner.bake_now(self._request(context))
        except A2FError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        return self._tell(outcome)

    def invoke(self, context: Context, event: Event) -> set[Any]:
        """Bake in the background, from a button."""
        if bpy.app.background:
            return self.execute(context)
        try:
            self._run = runner.Run(self._request(context))
            self._run.start()
        except A2FError as error:
            self.report({"ERROR"}, str(error))
            return {"CANCELLED"}
        manager: Any = context.window_manager
        self._timer = manager.event_timer_add(runner.POLL_S, window=context.window)
        manager.modal_handler_add(self)
        return {"RUNNING_MODAL"}

    def modal(self, context: Context, event: Event) -> set[Any]:
        """Look after the thread; everything else goes on to Blender."""
        assert self._run is not None
        if event.type == "ESC" and event.value == "PRESS":
            self._run.cancel()
            return {"RUNNING_MODAL"}
        if event.type != "TIMER":
            return {"PASS_THROUGH"}
        try:
            curves = self._run.poll()
            if curves is None:
                _show(context, f"A2F: {self._run.text}, {self._run.done:.0%} (Esc cancels)")
                return {"PASS_THROUGH"}
            outcome = runner.finish(self._run.request, curves)
        except A2FError as error:
            self.report({"INFO" if isinstance(error, Cancelled) else "ERROR"}, str(error))
            self.cancel(context)
            return {"CANCELLED"}
        except BaseException:
            self.cancel(context)
            raise
        self.cancel(context)
        return self._tell(outcome)

    def cancel(self, context: Context) -> None:
        """Leave nothing running; Blender calls this too, when it takes the operator away."""
        if self._run is not None:
            self._run.close()
        if self._timer is not None:
            manager: Any = context.window_manager
            manager.event_timer_remove(self._timer)
            self._timer = None
        _show(context, None)

    def _request(self, context: Context) -> runner.Request:
        if self.filepath:
            speech = source.from_file(self.filepath, compat.scene_of(context), frame_start=self.frame_start)
        else:
            speech = source.from_strip(source.active_strip(context), compat.sequencer_scene(context))
        return runner.prepare(context, speech, self._motion(context), preferences.model(context))

    def _motion(self, context: Context) -> Motion:
        """The settings that were given, and the scene's for the rest."""
        given, chosen = self.properties, panel_settings(compat.scene_of(context))
        return motion_of({item.name: getattr(given if given.is_property_set(item.name) else chosen, item.name) for item in options(Motion)})

    def _tell(self, outcome: runner.Outcome) -> set[Any]:
        for warning in outcome.warnings:
            self.report({"WARNING"}, warning)
        self.report({"INFO"}, str(outcome))
        return {"FINISHED"}


A2F_OT_bake.__annotations__.update(motion_properties())


class A2F_OT_cancel(bpy.types.Operator):
    """Stop the bake; nothing will have changed"""

    bl_idname = "a2f.cancel"
    bl_label = "Cancel Bake"

    @classmethod
    def poll(cls, context: Context) -> bool:
        """Whether there is something to stop."""
        if runner.current() is None:
            cls.poll_message_set("No bake is running.")
            return False
        return True

    def execute(self, context: Context) -> set[Any]:
        """Ask the bake to stop."""
        run = runner.current()
        if run is not None:
            run.cancel()
        return {"FINISHED"}


def _disabled_reason(context: Context) -> str:
    missing = getattr(context, REASON, "")
    if missing:
        return missing
    if runner.current() is not None:
        return runner.BUSY
    if not targets.asked_for(context):
        return targets.NO_FACE
    return ""


def _show(context: Context, text: str | None) -> None:
    """In the status bar, and in every panel that is open."""
    if context.workspace is not None:
        context.workspace.status_text_set(text)
    manager: Any = context.window_manager
    for window in manager.windows:
        for area in window.screen.areas:
            if area.type == "VIEW_3D":
                area.tag_redraw()


CLASSES: tuple[Any, ...] = (A2F_OT_bake, A2F_OT_cancel)


def register() -> None:
    """Make them known to Blender."""
    for each in CLASSES:
        bpy.utils.register_class(each)


def unregister() -> None:
    """And unknown again."""
    for each in reversed(CLASSES):
        bpy.utils.unregister_class(each)
