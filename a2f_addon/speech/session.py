"""Starting onnxruntime, whose troubles become sentences."""

from __future__ import annotations

import contextlib
import importlib.util
import io
import os
import sys
from pathlib import Path
from types import ModuleType
from typing import Any

from ..errors import ModelError

PROVIDERS = ("CUDAExecutionProvider", "CoreMLExecutionProvider", "CPUExecutionProvider")
"""Onnxruntime's names for what can do the work, the best first."""
FOLDER = "A2F_ONNXRUNTIME"
"""The environment's variable that names a folder with another onnxruntime, such as one for a graphics card. The processes of a batch inherit it."""


def missing(path: Path, *, bundled: Path) -> ModelError:
    """What to say of a model file that is not there; the bundled one is not the user's to look for."""
    remedy = "install the extension again" if path == bundled else "check its name and folder"
    return ModelError(f"There is no model file '{path}'; {remedy}.")


def contents(path: Path) -> bytes:
    """The file's bytes, since onnxruntime itself does not open every path that Windows allows."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise ModelError(f"The model file '{path}' cannot be opened ({error.strerror}); check that you may read it.") from error


def runtime(notes: list[str] | None = None) -> ModuleType:
    """The package onnxruntime: the one in the folder that the environment names, or else the one that came with A2F.

    notes: gets a sentence where the one in the folder cannot be used. Raises ModelError with the remedy where none loads.
    """
    folder = os.environ.get(FOLDER, "")
    if folder:
        try:
            return _loaded_from(Path(folder))
        except Exception as error:  # Whatever a stranger's package does as it loads.
            if notes is not None:
                notes.append(f"The onnxruntime in '{folder}' could not be used ({first_line(error)}); another does the work instead.")
    try:
        import onnxruntime
    except (ImportError, OSError) as error:
        remedy = "install the extension again"
        if sys.platform == "win32":
            remedy = "install Microsoft's Visual C++ runtime (search for 'Visual C++ Redistributable x64') and start Blender again"
        raise ModelError(f"The package onnxruntime does not load ({first_line(error)}); {remedy}.") from error
    return onnxruntime


def _loaded_from(folder: Path) -> ModuleType:
    """The package in a folder, which Python's own path does not know. Raises what the package raises."""
    start = folder / "onnxruntime" / "__init__.py"
    loaded = sys.modules.get("onnxruntime")
    if loaded is not None:
        if Path(str(loaded.__file__)).resolve() == start.resolve():
            return loaded
        raise ImportError("another one was loaded before; start Blender again")
    spec = importlib.util.spec_from_file_location("onnxruntime", start, submodule_search_locations=[str(start.parent)])
    if not start.is_file() or spec is None or spec.loader is None:
        raise ImportError("there is none in the folder")
    package = importlib.util.module_from_spec(spec)
    sys.modules["onnxruntime"] = package
    try:
        spec.loader.exec_module(package)
        if PROVIDERS[0] in package.get_available_providers() and hasattr(package, "preload_dlls"):
            # NVIDIA's libraries beside it in the folder; what is not found there it tells by printing.
            with contextlib.redirect_stdout(io.StringIO()), contextlib.suppress(OSError, RuntimeError):
                package.preload_dlls()
    except BaseException:
        for name in [name for name in sys.modules if name.partition(".")[0] == "onnxruntime"]:
            del sys.modules[name]
        raise
    return package


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
