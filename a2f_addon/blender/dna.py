"""Numbers of Blender's own, by the enums of its DNA_curve_types.h: bytes, which foreach_set takes as they are and names one by one."""

from __future__ import annotations

LINEAR, BEZIER = 1, 2
"""How a key leads to the next: BEZT_IPO_LIN and BEZT_IPO_BEZ."""
FREE, ALIGNED, AUTO_CLAMPED = 0, 3, 4
"""Of which kind a handle is: HD_FREE, HD_ALIGN and HD_AUTO_ANIM."""
