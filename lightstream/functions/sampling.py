"""Spark's random samples: the numbers of its generator, for the rows of one partition in their order."""

from __future__ import annotations

import math
import random
import struct
import threading
from array import array
from collections.abc import Sequence
from dataclasses import field
from typing import Any

from lightstream.dataclass import dataclass

_M32, _M64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF


def _murmur(data: bytes, seed: int) -> int:
    """Return Scala's `MurmurHash3.bytesHash` of bytes whose number is a multiple of four."""
    h = seed
    for (k,) in struct.iter_unpack("<I", data):
        k = (k * 0xCC9E2D51) & _M32
        k = ((k << 15) | (k >> 17)) & _M32
        h ^= (k * 0x1B873593) & _M32
        h = ((h << 13) | (h >> 19)) & _M32
        h = (h * 5 + 0xE6546B64) & _M32
    h ^= len(data)
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & _M32
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & _M32
    return h ^ (h >> 16)


class Bits:
    """Spark's `XORShiftRandom` for a seed."""

    def __init__(self, seed: int) -> None:
        data = struct.pack(">q", (seed + 2**63) % 2**64 - 2**63)
        low = _murmur(data, 0x3C074A61)
        self._state = (_murmur(data, low) << 32) | low

    def next(self, count: int) -> int:
        """Return the next bits, at most 32, as a number."""
        s = self._state
        s ^= (s << 21) & _M64
        s ^= s >> 35
        s ^= (s << 4) & _M64
        self._state = s
        return s & ((1 << count) - 1)

    def double(self) -> float:
        """Return the next number from 0 to 1."""
        return ((self.next(26) << 27) + self.next(27)) * 2.0**-53


class Randoms:
    """The doubles that `XORShiftRandom` gives for a seed, by position."""

    def __init__(self, seed: int) -> None:
        self._bits = Bits(seed)
        self._known = array("d")
        self._lock = threading.Lock()

    def at(self, position: int) -> float:
        """Return the number at a position, counted from 0."""
        if position >= len(self._known):
            with self._lock:
                while position >= len(self._known):
                    self._draw(self._bits)
        return self._known[position]

    def _draw(self, bits: Bits) -> None:
        self._known.append(bits.double())


class Gaussians(Randoms):
    """The numbers of the standard normal distribution that `XORShiftRandom` gives for a seed, by position."""

    def _draw(self, bits: Bits) -> None:
        # Java's way: a point in the circle gives two numbers.
        square = 0.0
        while not 0 < square < 1:
            one, other = 2 * bits.double() - 1, 2 * bits.double() - 1
            square = one * one + other * other
        scale = math.sqrt(-2 * math.log(square) / square)
        self._known.extend((one * scale, other * scale))


class Letters(Randoms):
    """The codes of letters and digits that `randstr` gives for a seed, by position."""

    def _draw(self, bits: Bits) -> None:
        number = bits.next(32)
        number = abs(number - 2**32) if number >= 2**31 else number
        self._known.append(number % 62)


@dataclass(slots=True, eq=False)
class InRange:
    """Tells of row numbers whether their random numbers lie in a range: a sample without replacement."""

    lower: float
    upper: float
    seed: int
    randoms: Randoms = field(init=False)

    def __post_init__(self) -> None:
        self.randoms = Randoms(self.seed)

    def __call__(self, kinds: Sequence[Any], columns: Sequence[Any], count: int) -> Any:
        """Return a boolean for each row number (from 1)."""
        import pyarrow as pa

        low, high, at = self.lower, self.upper, self.randoms.at
        return pa.array([low <= at(n - 1) < high for n in columns[0].to_pylist()], pa.bool_())


@dataclass(slots=True, eq=False)
class Fractions:
    """Tells of row numbers and keys whether the rows are in a stratified sample."""

    fractions: dict[Any, float]
    seed: int
    randoms: Randoms = field(init=False)

    def __post_init__(self) -> None:
        self.randoms = Randoms(self.seed)

    def __call__(self, kinds: Sequence[Any], columns: Sequence[Any], count: int) -> Any:
        """Return a boolean for each row number (from 1) and key."""
        import pyarrow as pa

        at, fraction = self.randoms.at, self.fractions.get
        rows = zip(columns[0].to_pylist(), columns[1].to_pylist(), strict=True)
        return pa.array([at(n - 1) < fraction(key, 0.0) for n, key in rows], pa.bool_())


@dataclass(slots=True, eq=False)
class Copies:
    """Gives how often each row is in a sample with replacement: Poisson numbers, of our own generator."""

    mean: float
    seed: int

    def __call__(self, kinds: Sequence[Any], columns: Sequence[Any], count: int) -> Any:
        """Return a number of copies for each row number."""
        import pyarrow as pa

        return pa.array([self._copies(n) for n in columns[0].to_pylist()], pa.int32())

    def _copies(self, row: int) -> int:
        source = random.Random(self.seed * 1_000_003 + row)
        # The events of a Poisson process within `mean`.
        copies, at = -1, 0.0
        while at <= self.mean:
            at += source.expovariate(1.0)
            copies += 1
        return copies
