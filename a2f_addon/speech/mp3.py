"""What an MP3 says of its own length, which libsndfile believes or guesses.

An index in the first frame ("Xing", or "Info" where the bit rate is constant) gives it. Without one, libsndfile takes the first frame's bit rate
for that of all, and stops where the sound would then end: right where the rate is constant, but half of the sound can be lost where it varies.
"""

from __future__ import annotations

import mmap
import struct
from collections.abc import Iterator
from typing import BinaryIO

KBPS = {
    True: (32, 40, 48, 56, 64, 80, 96, 112, 128, 160, 192, 224, 256, 320),
    False: (8, 16, 24, 32, 40, 48, 56, 64, 80, 96, 112, 128, 144, 160),
}
"""Bit rates of layer III by their number from 1 on, in MPEG-1 and in MPEG-2 (ISO 11172-3 and 13818-3)."""
RATES = {3: (44_100, 48_000, 32_000), 2: (22_050, 24_000, 16_000), 0: (11_025, 12_000, 8_000)}
"""Sample rates by the number of the version: MPEG-1, MPEG-2 and, an extension of it, 2.5."""
FORGIVEN = 0.01
"""The part of the stream that an index may count and a file lack: some encoders count their own tags."""


def is_mp3(head: bytes) -> bool:
    """Whether a file that begins so is an MP3: a tag before it, or a frame of layer III."""
    return head[:3] == b"ID3" or _length_and_rate(head) is not None


def promised_end(file: BinaryIO, *, size: int) -> int:
    """Where the sound ends by the index, bytes from the file's beginning, less what is forgiven; the file's size where there is no index."""
    first = _first_frame(file)
    file.seek(first)
    frame = file.read(256)
    index = max(frame.find(b"Xing"), frame.find(b"Info"))
    if index < 0 or len(frame) < index + 16:
        return size
    # Flags, then what they announce: 1 the number of frames, 2 the number of bytes.
    flags, number, other = struct.unpack(">III", frame[index + 4 : index + 16])
    length = other if flags & 3 == 3 else number if flags & 3 == 2 else 0
    return first + int(length * (1 - FORGIVEN)) if length else size


def is_guesswork(file: BinaryIO, *, size: int) -> bool:
    """Whether there is no index although the bit rate varies."""
    first = _first_frame(file)
    file.seek(first)
    frame = file.read(256)
    if size <= first or b"Xing" in frame or b"Info" in frame or b"VBRI" in frame:
        return False
    with mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content:
        rates = _bit_rates(content, first)
        usual = next(rates, None)
        return any(rate != usual for rate in rates)


def _first_frame(file: BinaryIO) -> int:
    """Where the sound begins: after an ID3v2 tag, whose length has seven bits a byte (id3.org)."""
    file.seek(0)
    head = file.read(10)
    if head[:3] != b"ID3" or len(head) < 10:
        return 0
    return 10 + sum(byte << shift for byte, shift in zip(head[6:], (21, 14, 7, 0), strict=True))


def _bit_rates(content: mmap.mmap, start: int) -> Iterator[int]:
    """Of one frame after the other, kilobits per second, up to what is no frame."""
    while (found := _length_and_rate(content[start : start + 4])) is not None:
        yield found[1]
        start += found[0]


def _length_and_rate(header: bytes) -> tuple[int, int] | None:
    """Bytes of a frame of layer III, and its bit rate in kilobits per second, by its header; None for what is none."""
    if len(header) < 3 or header[0] != 0xFF or header[1] & 0xE6 != 0xE2:
        return None
    version, kbps_number, rate_number = header[1] >> 3 & 3, header[2] >> 4, header[2] >> 2 & 3
    if version not in RATES or not 1 <= kbps_number <= 14 or rate_number == 3:
        return None
    kbps = KBPS[version == 3][kbps_number - 1]
    samples = 1152 if version == 3 else 576
    return samples // 8 * 1000 * kbps // RATES[version][rate_number] + (header[2] >> 1 & 1), kbps
