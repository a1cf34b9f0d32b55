"""Spark's hash functions (Murmur3 of 32 bits, xxHash of 64) over single values, and message codes.

Each takes a value and the hash so far; a NULL leaves that as it is.
"""

from __future__ import annotations

import hmac as _hmac
import struct
from collections.abc import Callable, Sequence
from typing import Any

from lightstream.errors import SparkRuntimeException
from lightstream.execute.natives.failure import failing

_M32, _M64 = 0xFFFFFFFF, 0xFFFFFFFFFFFFFFFF


# ---- Murmur3 --------------------------------------------------------------------------------------------------


def _mixed(h: int, k: int) -> int:
    k = (k * 0xCC9E2D51) & _M32
    k = ((k << 15) | (k >> 17)) & _M32
    h ^= (k * 0x1B873593) & _M32
    h = ((h << 13) | (h >> 19)) & _M32
    return (h * 5 + 0xE6546B64) & _M32


def _finished(h: int, length: int) -> int:
    h ^= length
    h = ((h ^ (h >> 16)) * 0x85EBCA6B) & _M32
    h = ((h ^ (h >> 13)) * 0xC2B2AE35) & _M32
    h ^= h >> 16
    return h - 0x100000000 if h & 0x80000000 else h


def _murmur3_int(value: int, seed: int) -> int:
    return _finished(_mixed(seed & _M32, value & _M32), 4)


def _murmur3_long(value: int, seed: int) -> int:
    low = _mixed(seed & _M32, value & _M32)
    return _finished(_mixed(low, (value >> 32) & _M32), 8)


def murmur3_of_bytes(value: bytes, seed: int) -> int:
    """Return Murmur3 of some bytes, as a signed number of 32 bits."""
    h, whole = seed & _M32, len(value) // 4 * 4
    for (word,) in struct.iter_unpack("<I", value[:whole]):
        h = _mixed(h, word)
    for byte in value[whole:]:  # Spark: each left over, with its sign, as a word of its own
        h = _mixed(h, (byte - 256 if byte > 127 else byte) & _M32)
    return _finished(h, len(value))


# ---- xxHash64 -------------------------------------------------------------------------------------------------

_P1, _P2, _P3 = 0x9E3779B185EBCA87, 0xC2B2AE3D27D4EB4F, 0x165667B19E3779F9
_P4, _P5 = 0x85EBCA77C2B2AE63, 0x27D4EB2F165667C5


def _turned(x: int, by: int) -> int:
    return ((x << by) | (x >> (64 - by))) & _M64


def _avalanche(h: int) -> int:
    h = ((h ^ (h >> 33)) * _P2) & _M64
    h = ((h ^ (h >> 29)) * _P3) & _M64
    h ^= h >> 32
    return h - (1 << 64) if h >> 63 else h


def _with_long(h: int, word: int) -> int:
    h ^= (_turned((word * _P2) & _M64, 31) * _P1) & _M64
    return (_turned(h, 27) * _P1 + _P4) & _M64


def _with_int(h: int, word: int) -> int:
    h ^= (word * _P1) & _M64
    return (_turned(h, 23) * _P2 + _P3) & _M64


def _xxhash64_int(value: int, seed: int) -> int:
    return _avalanche(_with_int((seed + _P5 + 4) & _M64, value & _M32))


def _xxhash64_long(value: int, seed: int) -> int:
    return _avalanche(_with_long((seed + _P5 + 8) & _M64, value & _M64))


def _xxhash64_bytes(value: bytes, seed: int) -> int:
    seed &= _M64
    at, size = 0, len(value)
    if size >= 32:
        lanes = [(seed + _P1 + _P2) & _M64, (seed + _P2) & _M64, seed, (seed - _P1) & _M64]
        while at <= size - 32:
            for i, word in enumerate(struct.unpack_from("<4Q", value, at)):
                lanes[i] = (_turned((lanes[i] + word * _P2) & _M64, 31) * _P1) & _M64
            at += 32
        h = sum(_turned(lane, by) for lane, by in zip(lanes, (1, 7, 12, 18), strict=True)) & _M64
        for lane in lanes:
            h ^= (_turned((lane * _P2) & _M64, 31) * _P1) & _M64
            h = (h * _P1 + _P4) & _M64
    else:
        h = (seed + _P5) & _M64
    h = (h + size) & _M64
    while at <= size - 8:
        h = _with_long(h, struct.unpack_from("<Q", value, at)[0])
        at += 8
    if at <= size - 4:
        h = _with_int(h, struct.unpack_from("<I", value, at)[0])
        at += 4
    for byte in value[at:]:
        h ^= (byte * _P5) & _M64
        h = (_turned(h, 11) * _P1) & _M64
    return _avalanche(h)


# ---- values ---------------------------------------------------------------------------------------------------


def _of_float(value: float) -> int:
    number = float("nan") if value != value else value + 0.0  # one NaN, one zero
    return int(struct.unpack("<i", struct.pack("<f", number))[0])


def _of_double(value: float) -> int:
    number = float("nan") if value != value else value + 0.0
    return int(struct.unpack("<q", struct.pack("<d", number))[0])


def _of_big(digits: str) -> bytes:
    number = int(digits.replace(".", ""))
    size = (number if number >= 0 else ~number).bit_length() // 8 + 1
    return number.to_bytes(size, "big", signed=True)


_Hash = Callable[[Any, int], int]


def _or_seed(function: _Hash, prepare: Callable[[Any], Any] | None = None) -> _Hash:
    if prepare is None:
        return lambda value, seed: seed if value is None else function(value, seed)
    return lambda value, seed: seed if value is None else function(prepare(value), seed)


def _all(one: _Hash) -> Callable[[Sequence[Any] | None, int], int]:
    def fold(values: Sequence[Any] | None, seed: int) -> int:
        for value in values or ():
            seed = one(value, seed)
        return seed

    return fold


def _family(name: str, int_: _Hash, long: _Hash, bytes_: _Hash) -> dict[str, Callable[..., Any]]:
    ones = {
        "int": _or_seed(int_),
        "long": _or_seed(long),
        "float": _or_seed(int_, _of_float),
        "double": _or_seed(long, _of_double),
        "bytes": _or_seed(bytes_),
        "big": _or_seed(bytes_, _of_big),
    }
    found: dict[str, Callable[..., Any]] = {f"{name}_{kind}": one for kind, one in ones.items()}
    return found | {f"{name}_{kind}s": _all(one) for kind, one in ones.items()}


globals().update(_family("murmur3", _murmur3_int, _murmur3_long, murmur3_of_bytes))
globals().update(_family("xxhash64", _xxhash64_int, _xxhash64_long, _xxhash64_bytes))


# ---- hmac -----------------------------------------------------------------------------------------------------

_DIGESTS = {
    "MD5": "md5", "SHA1": "sha1", "SHA-1": "sha1", "SHA224": "sha224", "SHA-224": "sha224", "SHA256": "sha256",
    "SHA-256": "sha256", "SHA384": "sha384", "SHA-384": "sha384", "SHA512": "sha512", "SHA-512": "sha512",
}  # fmt: skip


@failing
def hmac(key: bytes, message: bytes, algorithm: str) -> bytes:
    """Return the code of a message by a key."""
    digest = _DIGESTS.get(algorithm.upper())
    if digest is None:
        raise SparkRuntimeException(
            "INVALID_PARAMETER_VALUE.HMAC_ALGORITHM",
            f"The value of parameter(s) `algorithm` in `hmac` is invalid: there is no algorithm {algorithm}.",
            sqlstate="22023",
        )
    if not key:
        raise SparkRuntimeException(
            "INVALID_PARAMETER_VALUE.HMAC_CRYPTO_ERROR",
            "The value of parameter(s) `key` in `hmac` is invalid: it is empty.",
            sqlstate="22023",
        )
    return _hmac.digest(key, message, digest)
