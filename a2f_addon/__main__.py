"""``python -m a2f_addon``: the command line without Blender."""

from __future__ import annotations

import sys

from .commands import main

sys.exit(main())
