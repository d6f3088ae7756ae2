"""The one family of errors that a person is meant to read.

Each message is a sentence that names what is wrong and, where it can, what to do. The panel shows it, the command line prints it and exits with 2.
"""

from __future__ import annotations


class A2FError(Exception):
    """Something that a person can act on; ``str(error)`` is one whole sentence."""


class SoundError(A2FError):
    """The recording cannot be used."""


class ModelError(A2FError):
    """The model file, or the runtime that it needs, cannot be used."""


class TargetError(A2FError):
    """The face cannot take the keys."""


class OutputError(A2FError):
    """The result cannot be written, or a file of curves cannot be read."""


class SettingError(A2FError):
    """A setting lies outside what it may be."""


class ManifestError(A2FError):
    """The list of lines of a batch cannot be used."""


class BatchError(A2FError):
    """The batch cannot run as it was asked for."""


class Cancelled(A2FError):
    """The person asked to stop. Nothing was written."""

    def __init__(self) -> None:
        super().__init__("Cancelled; nothing was changed.")
