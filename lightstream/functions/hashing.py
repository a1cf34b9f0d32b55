"""Digests and checksums."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.errors import unsupported
from lightstream.functions import mismatch
from lightstream.functions.registry import Bound, SqlContext, scalar
from lightstream.functions.signatures import parse as signature
from lightstream.functions.spelling import let, native_sql, text_sql
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Cast, Expression, Literal, type_of

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


# ---- Spark's own hashes ---------------------------------------------------------------------------------------


def _bind_hash(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if not args:
        raise mismatch.wrong_count(name, "> 0", 0)
    for argument in args:
        _check_hashable(name, args, type_of(argument))
    return Bound(args, t.LongType() if name == "xxhash64" else t.IntegerType(), False)


def _check_hashable(name: str, args: tuple[Expression, ...], data_type: t.DataType) -> None:
    match data_type:
        case t.MapType():
            message = f'Input to the function `{name}` cannot contain elements of the "MAP" type.'
            raise mismatch.data_mismatch("HASH_MAP_TYPE", name, args, message, functionName=f"`{name}`")
        case t.VariantType():
            message = f'Input to the function `{name}` cannot contain elements of the "VARIANT" type yet.'
            raise mismatch.data_mismatch("HASH_VARIANT_TYPE", name, args, message, functionName=f"`{name}`")
        case t.ArrayType():
            _check_hashable(name, args, data_type.elementType)
            if isinstance(data_type.elementType, t.ArrayType | t.StructType):
                raise unsupported(f"{name} of {data_type.simpleString()}")
        case t.StructType():
            for field in data_type:
                _check_hashable(name, args, field.dataType)
        case _:
            _carried("", data_type)


def _carried(v: str, data_type: t.DataType) -> tuple[str, str]:
    """Return as what a value is hashed, and its text."""
    match data_type:
        case (
            t.ByteType()
            | t.ShortType()
            | t.IntegerType()
            | t.BooleanType()
            | t.YearMonthIntervalType()
            | t.NullType()
        ):
            return "int", f"CAST({v} AS INTEGER)"
        case t.LongType() | t.DayTimeIntervalType():
            return "long", v
        case t.FloatType():
            return "float", v
        case t.DoubleType():
            return "double", v
        case t.DecimalType():
            digits = f"replace(CAST({v} AS VARCHAR), '.', '')"
            return ("long", f"CAST({digits} AS BIGINT)") if data_type.precision <= 18 else ("big", digits)
        case t.DateType():
            return "int", f"CAST({v} - DATE '1970-01-01' AS INTEGER)"
        case t.TimestampType() | t.TimestampNTZType():
            return "long", f"epoch_us({v})"
        case t.StringType():
            return "bytes", f"encode({v})"
        case t.BinaryType():
            return "bytes", v
    raise unsupported(f"A hash of {data_type.simpleString()}")


def _hashed(name: str, v: str, data_type: t.DataType, seed: str) -> str:
    """Return the hash of a value after a hash so far."""
    if isinstance(data_type, t.StructType):
        for field in data_type:
            seed = _hashed(name, f"struct_extract({v}, {text_sql(field.name)})", field.dataType, seed)
        return seed
    if isinstance(data_type, t.ArrayType):
        kind, item = _carried("ls_h", data_type.elementType)
        return native_sql(f"{name}_{kind}s", f"list_transform({v}, lambda ls_h: {item})", seed)
    kind, value = _carried(v, data_type)
    return native_sql(f"{name}_{kind}", value, seed)


def _hash_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    name, seed = ("xxhash64", "CAST(42 AS BIGINT)") if call.name == "xxhash64" else ("murmur3", "42")
    for argument, text in zip(call.args, args, strict=True):
        seed = _hashed(name, text, type_of(argument), seed)
    return seed


scalar("hash", _bind_hash, _hash_sql)
scalar("xxhash64", _bind_hash, _hash_sql)
scalar("hmac", "binary, binary, string='SHA-256' -> binary?", native_sql("hmac", "{0}", "{1}", "{2}"))
