"""Write the README's table of settings anew from their declarations: ``python docs/settings.py``."""

from __future__ import annotations

import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))

from a2f_addon.job import Motion  # noqa: E402
from a2f_addon.settings import Option, options  # noqa: E402

README = ROOT / "README.md"
BEGIN, END = "<!-- settings: written by docs/settings.py -->", "<!-- end of settings -->"


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


def with_table(text: str) -> str:
    """The README with its table brought up to date."""
    before, _, rest = text.partition(BEGIN)
    _, _, after = rest.partition(END)
    return f"{before}{BEGIN}\n{table()}{END}{after}"


if __name__ == "__main__":
    README.write_text(with_table(README.read_text("utf-8")), "utf-8")
