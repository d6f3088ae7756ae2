"""Write docs/settings.md anew from the settings' declarations: ``python docs/settings.py``."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from a2f_addon.job import Motion  # noqa: E402
from a2f_addon.settings import Option, options  # noqa: E402

PAGE = ROOT / "docs" / "settings.md"
HEAD = """# Every setting

Each can be given on the command line, as an argument of `bpy.ops.a2f.bake`, in the panel, as a column of a manifest, in a preset, and to `Motion`
in Python. [What each stage does to the curves](stages.md), in pictures. Written by `python docs/settings.py`.

"""


def page() -> str:
    """The whole page."""
    return HEAD + table()


def table() -> str:
    """Every setting of every stage as a Markdown table."""
    head = "| on the command line | in Python and Blender | what it does | default | range |\n|---|---|---|---|---|\n"
    return head + "".join(f"| {' | '.join(_cells(item))} |\n" for item in options(Motion))


def _cells(item: Option) -> tuple[str, ...]:
    switch = item.type is bool
    flag = f"`--no-{item.flag}`" if switch and item.default else f"`--{item.flag}`"
    default = ("on" if item.default else "off") if switch else f"{item.default}{item.unit and ' ' + item.unit}"
    bounds = ", ".join(item.choices) if item.minimum is None or item.maximum is None else f"{item.minimum:g} to {item.maximum:g}"
    return flag, f"`{item.name}`", item.description, default, bounds


if __name__ == "__main__":
    PAGE.write_text(page(), "utf-8")
