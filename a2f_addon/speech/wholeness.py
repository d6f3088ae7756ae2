"""Is a sound file all there? libsndfile plays what is left of one that was cut off, and says nothing."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO

from ..errors import SoundError
from . import mp3

UNSAID = 0x7FFF0000
"""Sizes from here on are what programs write into a header that they cannot go back to: the length is unknown."""
SLACK_BYTES = 64
"""Some recorders count their own header among the samples."""
LARGEST_OGG_PAGE = 27 + 255 + 255 * 255
"""Header, segment table, segments (RFC 3533)."""


def check(path: Path) -> None:
    """Raise SoundError for a file that is missing, a folder, locked, empty, or shorter than it says (WAV, RF64, AIFF, Ogg, MP3 with an index)."""
    if path.is_dir():
        raise SoundError(f"'{path}' is a folder; name a sound file in it.")
    try:
        with path.open("rb") as file:
            size = os.fstat(file.fileno()).st_size
            if size == 0:
                raise SoundError(f"The file '{path.name}' is empty; record or export it again.")
            whole = _promised(file, size)
            guesswork = _is_guesswork(file, size)
    except FileNotFoundError:
        raise SoundError(f"There is no file '{path}'; check its name and folder.") from None
    except OSError as error:
        raise SoundError(f"'{path}' cannot be opened ({error.strerror}); check that you may read it.") from error
    if whole > size:
        raise cut_off(path.name)
    if guesswork:
        raise SoundError(f"The MP3 '{path.name}' does not say how long it is, and part of it would be lost; export it as WAV or FLAC.")


def cut_off(name: str) -> SoundError:
    """What to say of a file that ends too soon."""
    return SoundError(f"The file '{name}' is cut off; copy or export it again.")


def _is_guesswork(file: BinaryIO, size: int) -> bool:
    file.seek(0)
    return mp3.is_mp3(file.read(4)) and mp3.is_guesswork(file, size=size)


def _promised(file: BinaryIO, size: int) -> int:
    """How long the file says that it is, bytes; its real size where it does not say."""
    head = file.read(12)
    if head[:4] in (b"RIFF", b"RF64", b"RIFX") and head[8:] == b"WAVE":
        return _chunks_end(file, size, order=">" if head[:4] == b"RIFX" else "<")
    if head[:4] == b"FORM" and head[8:] in (b"AIFF", b"AIFC"):
        return _chunks_end(file, size, order=">")
    if head[:4] == b"OggS":
        return _last_page_end(file, size)
    if mp3.is_mp3(head):
        return mp3.promised_end(file, size=size)
    return size


def _chunks_end(file: BinaryIO, size: int, *, order: str) -> int:
    """Where the chunk with the samples ends (EA's IFF 85 and its likes: four letters, the length, the content, padded to an even length)."""
    long_data = 0
    while len(header := file.read(8)) == 8:
        length = struct.unpack(order + "I", header[4:])[0]
        if header[:4] in (b"data", b"SSND"):
            length = long_data if length == 0xFFFFFFFF and long_data else length
            return size if length >= UNSAID and not long_data else file.tell() + length - SLACK_BYTES
        start = file.tell()
        if header[:4] == b"ds64":
            # RF64 (EBU Tech 3306): the sizes that do not fit in 32 bits, of the file and of the samples.
            long_data = struct.unpack("<QQ", file.read(16).ljust(16, b"\0"))[1]
        file.seek(start + length + length % 2)
    return size


def _last_page_end(file: BinaryIO, size: int) -> int:
    """Where the last page of an Ogg file ends by its own segment table (RFC 3533)."""
    start = max(size - LARGEST_OGG_PAGE, 0)
    file.seek(start)
    tail = file.read()
    page = tail.rfind(b"OggS")
    if page < 0:
        return size
    segments = tail[page + 26] if page + 26 < len(tail) else 0
    table = tail[page + 27 : page + 27 + segments]
    return start + page + 27 + segments + sum(table)
