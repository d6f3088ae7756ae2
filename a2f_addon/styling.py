"""The command ``style``: measure a talking style, blend two, say what there is."""

from __future__ import annotations

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

from . import words
from .errors import SettingError
from .face.style import blend
from .files import styles, writing

HOW = "a .toml file for the style: --style takes its path"


def add(commands: Any) -> None:
    """Add the command to a command line's others."""
    about = "Measure somebody's talking style, and blend two."
    parser = commands.add_parser("style", help=about, description=about, allow_abbrev=False)
    ways = parser.add_subparsers(required=True, metavar="WHAT")
    about = "Measure the style of a performance: 5 s of talking or more, 20 s tell it well."
    measuring = ways.add_parser("measure", help=about, description=about, allow_abbrev=False)
    measuring.add_argument("capture", type=words.path, metavar="CAPTURE.csv", help="a performance as Live Link Face records it")
    measuring.set_defaults(run=_measure)
    about = "Make a style that lies between two."
    blending = ways.add_parser("blend", help=about, description=about, allow_abbrev=False)
    for which in ("first", "second"):
        blending.add_argument(which, metavar="STYLE", help="a style's name or its .toml file")
    blending.add_argument("--share", type=words.number, default=0.5, metavar="N", help="how much of the second, 0 to 1 (default 0.5)")
    blending.set_defaults(run=_blend)
    for way in (measuring, blending):
        way.add_argument("-o", "--output", required=True, type=words.path, metavar="NAME.toml", help=HOW)
    about = "Print the styles that come with the add-on, and what each is like."
    ways.add_parser("list", help=about, description=about, allow_abbrev=False).set_defaults(run=_list)


def _measure(arguments: argparse.Namespace) -> int:
    writing.check(arguments.output)
    styles.write(arguments.output, styles.of_capture(arguments.capture))
    return 0


def _blend(arguments: argparse.Namespace) -> int:
    if not 0 <= arguments.share <= 1:
        raise SettingError(f"--share must lie between 0 and 1, not at {arguments.share:g}.")
    writing.check(arguments.output)
    both = blend(styles.read(arguments.first), styles.read(arguments.second), arguments.share)
    description = f"{1 - arguments.share:.0%} {Path(arguments.first).stem}, {arguments.share:.0%} {Path(arguments.second).stem}"
    styles.write(arguments.output, replace(both, description=description))
    return 0


def _list(arguments: argparse.Namespace) -> int:
    for name in styles.names():
        sys.stdout.write(f"{name}: {styles.read(name).description}\n")
    return 0
