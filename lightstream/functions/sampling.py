"""Spark's random samples: the numbers of its generator, for the rows of one partition in their order."""

from __future__ import annotations

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


class Randoms:
    """The doubles that Spark's `XORShiftRandom` gives for a seed, by position."""

    def __init__(self, seed: int) -> None:
        data = struct.pack(">q", (seed + 2**63) % 2**64 - 2**63)
        low = _murmur(data, 0x3C074A61)
        self._state = (_murmur(data, low) << 32) | low
        self._known = array("d")
        self._lock = threading.Lock()

    def at(self, position: int) -> float:
        """Return the number at a position, counted from 0."""
        if position >= len(self._known):
            with self._lock:
                while position >= len(self._known):
                    self._known.append(((self._bits(26) << 27) + self._bits(27)) * 2.0**-53)
        return self._known[position]

    def _bits(self, count: int) -> int:
        s = self._state
        s ^= (s << 21) & _M64
        s ^= s >> 35
        s ^= (s << 4) & _M64
        self._state = s
        return s & ((1 << count) - 1)


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
