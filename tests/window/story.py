"""A newcomer's hour in a real Blender window, told by a timer that goes one step a tick; run.py starts it and reads what it wrote.

Keys and the click on the tab come from outside, as a person's do (xdotool); what is pressed in the tab is invoked as its button invokes it.
Every step checks the file's data and takes a picture. ``result.json`` holds what was checked, what was measured, and where in a picture the tab is.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import bpy
import numpy as np

FOLDER = Path(sys.argv[sys.argv.index("--") + 1])
NAME = "bl_ext.user_default.a2f"
LIMIT_S = 180.0
"""For whatever is waited for, on a busy machine without a graphics card."""
PARTS = ("result", "motion", "eyes", "emotion", "output", "mapping", "rotations", "advanced")
LAST_FRAME = 126
"""Of the sentence, at 24 frames a second."""
TALL_PX = 2300
"""A window in which the longest part of the tab shows whole."""

Step = float | Callable[[], bool]


class Failed(Exception):
    """A check that did not hold."""


told: dict[str, Any] = {"blender": bpy.app.version_string, "checks": [], "pictures": {}, "measured": {}, "failed": ""}
"""What run.py reads at the end."""
drawn: set[str] = set()
"""The panels that were drawn."""


def check(holds: object, what: str) -> None:
    """Note what holds; raises Failed where it does not."""
    if not holds:
        raise Failed(what)
    told["checks"].append(what)


def window() -> Any:
    return bpy.context.window_manager.windows[0]


def area(kind: str = "VIEW_3D") -> Any:
    return max((each for each in window().screen.areas if each.type == kind), key=lambda each: each.width * each.height)


def region(kind: str, *, of: str = "VIEW_3D") -> Any:
    return next(each for each in area(of).regions if each.type == kind)


def in_view() -> Any:
    """The context of a person whose mouse is over the 3D view."""
    return bpy.context.temp_override(window=window(), area=area(), region=region("WINDOW"))


def press(operator: str, how: str = "INVOKE_DEFAULT", **arguments: Any) -> None:
    """As a button does it, with its own undo step."""
    room, name = operator.split(".")
    with in_view():
        getattr(getattr(bpy.ops, room), name)(how, True, **arguments)


def can(operator: str) -> bool:
    room, name = operator.split(".")
    with in_view():
        return bool(getattr(getattr(bpy.ops, room), name).poll())


def xdotool(*words: object) -> None:
    subprocess.run(["xdotool", *map(str, words)], check=True)


def point(x: float, y: float) -> None:
    """The mouse to a place in the window, counted as Blender counts, from below."""
    xdotool("mousemove", int(x), int(window().height - y))


def over_view() -> None:
    here = region("WINDOW")
    point(here.x + here.width * 0.3, here.y + here.height * 0.5)


def key(word: str) -> None:
    over_view()
    time.sleep(0.2)
    xdotool("key", word)


def redraw() -> None:
    with in_view():
        bpy.ops.wm.redraw_timer(type="DRAW_WIN_SWAP", iterations=1)


def picture(name: str) -> Iterator[Step]:
    """Everything that is on the screen, once it has been drawn."""
    yield 0.4
    for _ in range(2):
        redraw()
        yield 0.1
    here = region("UI")
    path = FOLDER / "pictures" / f"{len(told['pictures']) + 1:02}_{name}.png"
    width, height = window().width, window().height
    subprocess.run(["import", "-window", "root", "-crop", f"{width}x{height}+0+0", "+repage", "-strip", str(path)], check=True)
    told["pictures"][name] = {"file": path.name, "tab": [here.x, height - here.y - here.height, here.width, here.height]}


def module(name: str) -> Any:
    return sys.modules[f"{NAME}.a2f_addon.{name}"]


def session() -> Any:
    return bpy.context.window_manager.a2f


def settings() -> Any:
    return bpy.context.scene.a2f


def runs() -> list[Any]:
    return module("blender.runner").session.runs


def idle() -> bool:
    """Whether all that was pressed has ended: the last step of a bake puts a sentence."""
    return not runs() and bool(session().said)


def head() -> Any:
    return bpy.data.objects["Head"]


def own_actions() -> list[str]:
    """What plays of A2F's."""
    return [each.name for each in bpy.data.actions if each.name.startswith("A2F") and each.users]


def values(frame: int | None = None) -> Any:
    """The head's shapes as they are evaluated."""
    if frame is not None:
        bpy.context.scene.frame_set(frame)
    evaluated = head().evaluated_get(bpy.context.evaluated_depsgraph_get())
    return np.array([block.value for block in evaluated.data.shape_keys.key_blocks])


def motion() -> Any:
    """The shapes on every other frame of the sentence: [frames, shapes]."""
    now = bpy.context.scene.frame_current
    found = np.stack([values(frame) for frame in range(1, LAST_FRAME + 1, 2)])
    bpy.context.scene.frame_set(now)
    return found


def show_an_open_mouth() -> None:
    """For the picture, and not in the middle of a blink."""
    jaw, lid = (motion()[:, head().data.shape_keys.key_blocks.find(name)] for name in ("jawOpen", "eyeBlinkLeft"))
    bpy.context.scene.frame_set(1 + 2 * int((jaw - lid).argmax()))


def speech_strip(name: str, path: Path, channel: int) -> Any:
    editor = bpy.context.scene.sequence_editor_create()
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    made = strips.new_sound(name, str(path), channel, 1)
    editor.active_strip = made
    return made


def watch_panels() -> None:
    """Note when a panel is drawn: so it is known which are seen."""
    for name in dir(bpy.types):
        kind = getattr(bpy.types, name)
        if name.startswith("A2F_PT_"):
            kind.draw = _noting(name, kind.draw)


def _noting(name: str, draw: Any) -> Any:
    def noting(self: Any, context: Any) -> None:
        draw(self, context)
        drawn.add(name)

    return noting


def install() -> Iterator[Step]:
    """Install from Disk, by the very operator of the preferences."""
    resize(800)
    yield 0.5
    check(not hasattr(bpy.ops.a2f, "bake") or NAME not in bpy.context.preferences.addons, "nothing of the add-on is there before")
    (path,) = FOLDER.glob("*.zip")
    with in_view():
        bpy.ops.extensions.package_install_files(filepath=str(path), repo="user_default", enable_on_install=True)
    yield 0.5
    check(NAME in bpy.context.preferences.addons, "the zip installs and is switched on")
    import onnxruntime
    import soundfile

    check(all("/user/" in str(each.__file__) for each in (onnxruntime, soundfile)), "what it needs came with the zip")
    watch_panels()


def open_head() -> Iterator[Step]:
    with in_view():
        bpy.ops.wm.open_mainfile(filepath=str(FOLDER / "head.blend"), load_ui=False)
    yield 0.5
    sys.path.append(str(FOLDER / "head"))
    from demo import stage

    stage.light_workbench()
    space = area().spaces.active
    space.shading.color_type = "VERTEX"
    space.region_3d.view_perspective = "CAMERA"
    bpy.context.scene.frame_end = LAST_FRAME
    yield from picture("opened")


def open_tab() -> Iterator[Step]:
    """N, and a click on the tab, which is looked for from above."""
    key("n")
    yield lambda: area().spaces.active.show_region_ui
    yield 0.5
    here = region("UI")
    for y in range(here.y + here.height - 20, here.y + 20, -14):
        point(here.x + here.width - 10, y)
        time.sleep(0.1)
        xdotool("click", 1)
        yield 0.3
        redraw()  # a second click on a tab would fold the sidebar
        if "A2F_PT_bake" in drawn:
            break
    yield 0.3
    check("A2F_PT_bake" in drawn and region("UI").width > 200, "a click on the sidebar opens the tab")
    over_view()
    check(not can("a2f.clear") and not can("a2f.adjust"), "nothing can be cleared or adjusted before a bake")
    yield from picture("no_sound_yet")


def pick_strip() -> Iterator[Step]:
    speech_strip("line_07", FOLDER / "sentence.flac", 1)
    settings().source = "STRIP"
    yield from picture("strip_picked")
    check(can("a2f.bake"), "with a strip and a face the button can be pressed")


def bake() -> Iterator[Step]:
    actions = set(bpy.data.actions)
    press("a2f.bake")
    check(runs(), "the button returns at once")
    yield idle
    made = [each for each in bpy.data.actions if each not in actions]
    names = sorted(each.name for each in made)
    check(names and names[0] == "A2F line_07", "a bake makes an Action, named after the strip")
    check(all(name.startswith(names[0]) for name in names), "and the other meshes' are named after it")
    check(json.loads(session().result)["keys"] > 1000, "with keys")
    moved = np.ptp(motion(), axis=0)
    check((moved > 0.05).sum() > 15, "and the face moves by it")
    show_an_open_mouth()
    drawn.clear()
    yield from picture("baked")
    check("A2F_PT_result" in drawn, "and the tab has a picture of it")


def cancel_another() -> Iterator[Step]:
    before, actions = motion(), set(bpy.data.actions)
    speech_strip("long_take", FOLDER / "ten_minutes.wav", 2)
    yield 0.5
    press("a2f.bake")
    yield lambda: bool(runs()) and runs()[0].done > 0.03
    yield from picture("baking")
    key("Escape")
    yield idle
    check(set(bpy.data.actions) == actions and np.array_equal(before, motion()), "Esc cancels a bake, which leaves nothing")
    yield from picture("cancelled")
    editor = bpy.context.scene.sequence_editor
    strips = editor.strips if hasattr(editor, "strips") else editor.sequences
    strips.remove(strips["long_take"])
    editor.active_strip = strips["line_07"]
    with in_view():
        bpy.ops.ed.undo_push(message="Remove a strip")


def adjust_and_undo() -> Iterator[Step]:
    first = motion()
    settings().articulation_jaw = 1.6
    press("a2f.adjust")
    yield 0.3
    louder, jaw = motion(), head().data.shape_keys.key_blocks.find("jawOpen")
    check(louder[:, jaw].max() > first[:, jaw].max() * 1.1, "Adjust opens the jaw further, without hearing again")
    yield from picture("adjusted")
    key("ctrl+z")
    yield lambda: np.allclose(motion(), first, atol=1e-6)
    check(bpy.data.actions.get("A2F line_07") is not None, "one undo takes the adjusting back, and leaves the bake")


def adjust_live() -> Iterator[Step]:
    first, jaw = motion(), head().data.shape_keys.key_blocks.find("jawOpen")
    settings().live = True
    settings().articulation_jaw = 0.4
    yield lambda: motion()[:, jaw].max() < first[:, jaw].max() * 0.9
    check(True, "with Adjust Live, a setting that changes makes the keys anew by itself")
    settings().live = False
    key("ctrl+z")
    yield lambda: np.allclose(motion(), first, atol=1e-6)
    check(bpy.data.actions.get("A2F line_07") is not None, "and one undo takes that back")


def look_beforehand() -> Iterator[Step]:
    """Clear, then preview without keys, then bake again."""
    press("a2f.clear")
    yield 0.3
    check(not own_actions(), "Clear takes the keys away")
    check(np.ptp(motion(), axis=0).max() < 1e-6, "and the face is still")
    yield from picture("cleared")
    still = values(1)
    press("a2f.preview")
    yield module("blender.preview").is_running
    check((np.ptp(motion(), axis=0) > 0.05).sum() > 15 and not own_actions(), "Preview moves the face without a key")
    show_an_open_mouth()
    yield from picture("preview")
    key("space")
    yield 1.5
    check(window().screen.is_animation_playing, "and playback goes on meanwhile")
    key("space")
    yield lambda: not window().screen.is_animation_playing
    press("a2f.preview")
    yield 0.3
    check(np.allclose(values(1), still), "and at its end every value is what it was")


def bake_and_undo() -> Iterator[Step]:
    session().said = ""
    press("a2f.bake")
    yield idle
    baked = motion()
    check(np.ptp(baked, axis=0).max() > 0.2, "a second bake keys the face again")
    key("ctrl+z")
    yield lambda: bool(np.ptp(motion(), axis=0).max() < 1e-6)
    check(True, "one undo takes a whole bake back")
    key("ctrl+shift+z")
    yield lambda: np.allclose(motion(), baked, atol=1e-6)
    check(True, "and redo brings it again")


def map_by_hand() -> Iterator[Step]:
    press("a2f.map")
    yield 0.3
    rows = head().data.shape_keys.a2f_mapping.rows
    check(len(rows) >= 52 and sum(bool(row.target) for row in rows) == 52, "the mapping list finds every shape of the head")


def choose_style() -> Iterator[Step]:
    """A style of one's own from what the face does, and the menu that offers it."""
    press("a2f.measure_style", "EXEC_DEFAULT", name="My Maria")
    check(settings().style_name == "My Maria", "a style is measured from the face's own Action, and chosen")
    press("a2f.adjust")
    yield 0.3
    check("Baked" in session().said, "and the next adjusting talks in it")
    over_view()
    with in_view():
        bpy.ops.wm.call_menu(name="A2F_MT_styles")
    yield from picture("styles")
    key("Escape")
    yield 0.3
    settings().style_name = ""


@contextmanager
def in_sequencer() -> Iterator[None]:
    """The context of a person whose mouse is over the sequencer."""
    place = area("DOPESHEET_EDITOR")
    before, place.type = place.type, "SEQUENCE_EDITOR"
    if hasattr(bpy.context.workspace, "sequencer_scene"):
        bpy.context.workspace.sequencer_scene = bpy.context.scene
    with bpy.context.temp_override(window=window(), area=place, region=next(each for each in place.regions if each.type == "WINDOW")):
        yield
    place.type = before


def speed_up() -> Iterator[Step]:
    """A strip that is played at double speed, baked twice."""
    strip = speech_strip("quick_take", FOLDER / "sentence.flac", 6)
    with in_sequencer():
        bpy.ops.sequencer.select_all(action="DESELECT")
        strip.select = True
        bpy.ops.sequencer.retiming_segment_speed_set(speed=200.0)
    for _ in range(2):
        session().said = ""
        key("Escape")  # which stops mixdowns in 5.2, unless they are begun with care
        yield 1.0
        press("a2f.bake")
        yield idle
        check(session().result, f"a retimed strip is heard: {session().said}")
        facts = json.loads(session().result)
        check(abs(facts["last_frame"] - LAST_FRAME / 2) < 3, "and ends where it plays out at double speed")
    press("a2f.clear")
    editor = bpy.context.scene.sequence_editor
    (editor.strips if hasattr(editor, "strips") else editor.sequences).remove(strip)


def parts() -> Iterator[Step]:
    """A picture of each part of the tab, open among its closed neighbours, in a window that is tall enough."""
    resize(TALL_PX)
    yield lambda: window().height > TALL_PX * 0.9
    yield 1.0
    own: list[Any] = [getattr(bpy.types, f"A2F_PT_{name}") for name in PARTS]
    shown = own
    for number, name in enumerate(PARTS):
        # Which parts are folded is nowhere to be set: a panel of another name begins as its class says.
        for each in shown:
            bpy.utils.unregister_class(each)
        shown = [_named(each, f"{each.__name__}_{number}", folded=part != name) for part, each in zip(PARTS, own, strict=True)]
        for each in shown:
            bpy.utils.register_class(each)
        drawn.clear()
        yield from picture(f"part_{name}")
        check(f"A2F_PT_{name}" in drawn, f"the part {name} draws")
    for each in shown:
        bpy.utils.unregister_class(each)
    for each in own:
        bpy.utils.register_class(each)
    resize(800)
    yield 1.0


def _named(panel: Any, name: str, *, folded: bool) -> Any:
    return type(name, (panel,), {"bl_idname": name, "bl_options": {"DEFAULT_CLOSED"} if folded else set()})


def resize(height: int) -> None:
    """The window at the screen's upper left: without a window manager nobody else puts it there."""
    xdotool("search", "--class", "blender", "windowmove", 0, 0, "windowsize", window().width, height)


def measure() -> Iterator[Step]:
    """Adjust on a minute of speech, and how long a bake of ten minutes holds the window."""
    speech_strip("one_minute", FOLDER / "one_minute.wav", 3)
    session().said = ""
    press("a2f.bake")
    yield idle
    took = []
    for number in range(4):
        settings().articulation_jaw = 1.0 + 0.1 * number
        begun, worked = time.perf_counter(), time.process_time()
        press("a2f.adjust")
        took.append((time.perf_counter() - begun, time.process_time() - worked))
        yield 0.2
    measured = told["measured"]
    measured["adjust_one_minute_s"], measured["adjust_one_minute_processor_s"] = (round(min(each), 3) for each in zip(*took, strict=True))
    speech_strip("ten_minutes", FOLDER / "ten_minutes.wav", 4)
    gaps, held = [], []
    ticks = _ticking(gaps)
    bpy.app.timers.register(ticks)
    yield 10.0
    measured["longest_gap_before_bake_s"] = round(max(gaps), 3)
    gaps.clear()
    operator = bpy.types.A2F_OT_bake
    operator.modal = _timed(operator.modal, held)
    session().said = ""
    begun = time.monotonic()
    press("a2f.bake")
    yield idle
    measured["bake_ten_minutes_s"] = round(time.monotonic() - begun, 1)
    bpy.app.timers.unregister(ticks)
    measured["longest_gap_during_bake_s"] = round(max(gaps), 3)
    measured["gaps_over_50_ms"] = sum(gap > 0.05 for gap in gaps)
    measured["longest_hold_by_a2f_s"] = round(max(wall for wall, _ in held), 3)
    measured["longest_hold_by_a2f_processor_s"] = round(max(worked for _, worked in held), 3)


def _ticking(gaps: list[float]) -> Callable[[], float]:
    last = [time.perf_counter()]

    def tick() -> float:
        now = time.perf_counter()
        gaps.append(now - last[0])
        last[0] = now
        return 0.002

    return tick


def _timed(modal: Any, held: list[tuple[float, float]]) -> Any:
    def timed(self: Any, context: Any, event: Any) -> Any:
        begun, worked = time.perf_counter(), time.thread_time()
        try:
            return modal(self, context, event)
        finally:
            held.append((time.perf_counter() - begun, time.thread_time() - worked))

    return timed


def dangers() -> Iterator[Step]:
    """Another file, the add-on switched off, and the end of Blender, each in the middle of a bake."""
    speech_strip("ten_minutes_again", FOLDER / "ten_minutes_louder.wav", 5)
    press("a2f.bake")
    yield lambda: bool(runs()) and runs()[0].done > 0.01
    with in_view():
        bpy.ops.wm.open_mainfile(filepath=str(FOLDER / "head.blend"), load_ui=False)
    yield 0.5
    check(not runs() and not own_actions(), "opening another file ends a bake")
    speech_strip("ten_minutes_again", FOLDER / "ten_minutes_louder.wav", 5)
    press("a2f.bake")
    yield lambda: bool(runs()) and runs()[0].done > 0.01
    bpy.ops.preferences.addon_disable(module=NAME)
    yield 1.0
    check(NAME not in bpy.context.preferences.addons and not bpy.data.actions, "switching the add-on off ends a bake")
    bpy.ops.preferences.addon_enable(module=NAME)
    press("a2f.bake")
    yield lambda: bool(runs()) and runs()[0].done > 0.01


def story() -> Iterator[Step]:
    chapters = (
        *(install, open_head, open_tab, pick_strip, bake, cancel_another, adjust_and_undo, adjust_live),
        *(look_beforehand, bake_and_undo, map_by_hand, choose_style, parts, speed_up, measure, dangers),
    )
    for chapter in chapters:
        sys.stderr.write(f"{chapter.__name__}\n")
        try:
            yield from chapter()
        except BaseException:
            told["failed"] = chapter.__name__
            raise


class Teller:
    """Takes a step of the story whenever the one before is done."""

    def __init__(self) -> None:
        self.steps = story()
        self.waits_for: Callable[[], bool] | None = None
        self.since = 0.0

    def __call__(self) -> float | None:
        try:
            return self._go_on()
        except StopIteration:
            pass
        except BaseException as error:
            told["failed"] = f"{told['failed']}: {type(error).__name__}: {error}"
            traceback.print_exc()
            # The screen as it is when a check fails.
            subprocess.run(["import", "-window", "root", str(FOLDER / "pictures" / "failed.png")], check=False)
        (FOLDER / "result.json").write_text(json.dumps(told, indent=1), "utf-8")
        with in_view():
            bpy.ops.wm.quit_blender()
        return None

    def _go_on(self) -> float:
        if self.waits_for is not None and not self.waits_for():
            if time.monotonic() - self.since > LIMIT_S:
                self.waits_for = None
                told["failed"] = "waited too long"
                self.steps.throw(Failed(f"waited {LIMIT_S:.0f} s for nothing; A2F says: {session().said!r}"))
            return 0.05
        step = next(self.steps)
        self.waits_for, self.since = (step if callable(step) else None), time.monotonic()
        return 0.05 if callable(step) else float(step)


bpy.context.preferences.view.show_splash = False
bpy.app.timers.register(Teller(), first_interval=2.0, persistent=True)
