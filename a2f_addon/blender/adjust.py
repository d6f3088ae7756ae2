"""Other settings on the last bake: the stages alone, on what was heard already."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from bpy.types import Context

from ..errors import A2FError, TargetError
from . import compat, runner, targets
from .properties import Values

NOTHING = "Bake first: what was heard is kept until Blender closes, and adjusted from there."


def adjustable(context: Context) -> list[runner.Request]:
    """The bakes of this session on the face that is selected, the newest first."""
    family = {each.session_uid for each in targets.family(targets.asked_for(context), compat.scene_of(context))}
    return [request for request in runner.session.memory.bakes() if family & set(request.objects)]


def adjust(context: Context, given: Any = None) -> list[runner.Outcome]:
    """Make the keys of every recording on the selected face anew. given: an operator whose arguments overrule the panel.

    Raises TargetError where nothing was baked in this session, and whatever a bake raises.
    """
    outcomes, refused = [], None
    for request in reversed(adjustable(context)):
        heard = runner.session.memory.heard(runner.memory.fingerprint(request.source, request.model))
        if heard is None:
            continue
        scene = compat.scene_of(context)
        values = Values(given, scene)
        again = replace(request, motion=values.motion(request.source, scene), output=replace(values.output(), place=request.output.place))
        try:
            outcomes.append(runner.finish(again, runner.ready(again, heard)))
        except A2FError as error:
            refused = error
    if not outcomes:
        raise refused or TargetError(NOTHING)
    return outcomes
