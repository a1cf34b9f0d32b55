"""Digests and checksums."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.errors import unsupported
from lightstream.functions.registry import Bound, SqlContext, refused, scalar
from lightstream.functions.signatures import parse as signature
from lightstream.functions.spelling import let
from lightstream.plan.expressions import Call, Cast, Expression, Literal

scalar("md5", "binary -> string", "md5({0})")
scalar("sha sha1", "binary -> string", "sha1({0})")


def _bind_sha2(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    bound = signature("binary, int -> string?").bind(name, args, conf)
    bits = bound.args[1]
    value = bits.child if isinstance(bits, Cast) else bits
    if not isinstance(value, Literal):
        raise unsupported("sha2 with a computed number of bits")
    if value.value is not None and int(value.value) in (224, 384, 512):
        raise unsupported(f"sha2 with {value.value} bits", "256 bits are there.")
    return bound


def _sha2(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    # Spark: 0 stands for 256; a number of bits that no digest has gives NULL.
    return f"CASE WHEN {args[1]} IN (0, 256) THEN sha256({args[0]}) END"


scalar("sha2", _bind_sha2, _sha2)

_POLYNOMIAL = 0xEDB88320


def _crc_of_nibble(nibble: int) -> int:
    for _ in range(4):
        nibble = (nibble >> 1) ^ (_POLYNOMIAL if nibble & 1 else 0)
    return nibble


_CRC_TABLE = ", ".join(f"{_crc_of_nibble(nibble)}::BIGINT" for nibble in range(16))


def _crc32(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    # DuckDB has no CRC. The digits of the hex text are taken in, in each byte the low one first.
    step = f"xor(ls_c >> 4, [{_CRC_TABLE}][(xor(ls_c, ls_n) & 15) + 1])"
    ones = "4294967295::BIGINT"

    def body(digits: str) -> str:
        numbers = (
            f"list_transform(range(length({digits})), lambda ls_i: CAST("
            f"instr('123456789ABCDEF', substr({digits}, ls_i + 2 - 2 * (ls_i % 2), 1)) AS BIGINT))"
        )
        reduced = f"list_reduce(list_prepend({ones}, {numbers}), lambda ls_c, ls_n: {step})"
        return f"CASE WHEN {digits} IS NOT NULL THEN xor({reduced}, {ones}) END"

    return let(f"hex({args[0]})", body, "hex")


scalar("crc32", "binary -> bigint", _crc32)
refused("hash xxhash64", "Its values depend on Spark's own hash function.")
