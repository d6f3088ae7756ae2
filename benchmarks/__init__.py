"""Commands that print figures: speed, memory and quality. None of them is a test."""

from __future__ import annotations

import os
from pathlib import Path

SHARED = Path(os.environ.get("A2F_SHARED", Path(__file__).parents[2] / "shared"))
"""Where recordings, noises, rooms and heads of others lie: folders `speech`, `noise`, `rooms` and `heads`."""
