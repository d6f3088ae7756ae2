"""Starting onnxruntime, whose troubles become sentences."""

from __future__ import annotations

import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import ModelError

PROVIDERS = ("CUDAExecutionProvider", "CoreMLExecutionProvider", "CPUExecutionProvider")
"""Onnxruntime's names for what can do the work, the best first."""


def contents(path: Path) -> bytes:
    """The file's bytes, since onnxruntime itself does not open every path that Windows allows."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"The model file '{path}' cannot be opened ({error.strerror}); check that you may read it.") from error


def runtime() -> ModuleType:
    """The package onnxruntime. Raises ModelError with the remedy where it does not load."""
    try:
        import onnxruntime
    except (ImportError, OSError) as error:
        remedy = "install the extension again"
        if sys.platform == "win32":
            remedy = "install Microsoft's Visual C++ runtime (search for 'Visual C++ Redistributable x64') and start Blender again"
        raise ModelError(f"The package onnxruntime does not load ({first_line(error)}); {remedy}.") from error
    return onnxruntime


def start(runtime: ModuleType, graph: bytes, provider: str, *, threads: int | None = None) -> Any:
    """A session on one provider, with the CPU for what that one cannot do. threads: of the CPU's, all by default. Raises what onnxruntime raises."""
    options = runtime.SessionOptions()
    options.intra_op_num_threads = threads or _cores()
    # Threads that wait busily would take the time that Blender needs to draw.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    # Fatal only: what went wrong is raised as well, and is said in a sentence.
    options.log_severity_level = 4
    # Plans of the memory, one for each length of window, cost more of it than they save.
    options.enable_mem_pattern = False
    providers = [provider] if provider == PROVIDERS[-1] else [provider, PROVIDERS[-1]]
    # Onnxruntime's own fallback would print; Network has its own.
    session = runtime.InferenceSession(graph, options, providers=providers, enable_fallback=0)
    if provider not in session.get_providers():
        raise RuntimeError("onnxruntime did not start it")
    return session


def _cores() -> int:
    """How many this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def short(provider: str) -> str:
    """A provider's name without what all of them end in."""
    return provider.removesuffix("ExecutionProvider")


def first_line(error: BaseException) -> str:
    """What went wrong, as far as it fits into a sentence."""
    return str(error).strip().partition("\n")[0][:160] or type(error).__name__
