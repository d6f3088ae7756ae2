"""What a word of the command line may be, as argparse takes a type: argparse would tell a ValueError in the words of Python."""

from __future__ import annotations

import argparse
from pathlib import Path


def path(text: str) -> Path:
    """A path. Raises ArgumentTypeError for an empty one: what was left out by mistake, as a variable that is not set, would be the current folder."""
    if not text:
        raise argparse.ArgumentTypeError("must not be empty")
    return Path(text)


def number(text: str) -> float:
    """A number. Raises ArgumentTypeError for what is none."""
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a number, not {text!r}") from None


def whole(text: str) -> int:
    """A whole number. Raises ArgumentTypeError for what is none."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"must be a whole number, not {text!r}") from None


KINDS = {float: number, int: whole, str: str}
"""By the type of a setting."""
