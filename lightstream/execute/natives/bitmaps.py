"""Bitmaps of 4096 bytes; a position's bit is counted from the low end of its byte."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.errors import ArrayIndexOutOfBoundsException
from lightstream.execute.natives.failure import failing

_BYTES = 4096


@failing
def bitmap_construct(positions: Sequence[int]) -> bytes:
    """Return the bitmap that has the bits of some positions."""
    found = bytearray(_BYTES)
    for position in positions:
        if not 0 <= position < 8 * _BYTES:
            raise ArrayIndexOutOfBoundsException(
                "INVALID_BITMAP_POSITION",
                f"The bitmap position {position} is out of bounds: a bitmap has {_BYTES} bytes.",
                sqlstate="22003",
            )
        found[position // 8] |= 1 << position % 8
    return bytes(found)


def _number(bitmap: bytes) -> int:
    return int.from_bytes(bitmap[:_BYTES].ljust(_BYTES, b"\0"), "little")


def bitmap_or(bitmaps: Sequence[bytes]) -> bytes:
    """Return the bits that some bitmap has."""
    found = 0
    for bitmap in bitmaps:
        found |= _number(bitmap)
    return found.to_bytes(_BYTES, "little")


def bitmap_and(bitmaps: Sequence[bytes]) -> bytes:
    """Return the bits that all bitmaps have."""
    found = (1 << 8 * _BYTES) - 1
    for bitmap in bitmaps:
        found &= _number(bitmap)
    return found.to_bytes(_BYTES, "little")


def bitmap_count(bitmap: bytes) -> int:
    """Return how many bits are set."""
    return int.from_bytes(bitmap, "little").bit_count()
