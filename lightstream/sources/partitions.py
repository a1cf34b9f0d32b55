"""Partition columns: `key=value` directories, the types of their values, and the values themselves."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from decimal import ROUND_HALF_UP, Decimal
from functools import reduce
from typing import Any

from lightstream.dataclass import dataclass
from lightstream.errors import AnalysisException, SparkRuntimeException
from lightstream.plan.types import (
    BinaryType,
    BooleanType,
    ByteType,
    DataType,
    DateType,
    DecimalType,
    DoubleType,
    FloatType,
    IntegerType,
    LongType,
    NullType,
    ShortType,
    StringType,
    TimestampNTZType,
    TimestampType,
    TimeType,
)
from lightstream.sources.java_text import (
    java_decimal,
    java_double,
    java_integer,
    spark_date,
    spark_time,
    spark_timestamp,
)
from lightstream.sources.paths import display_path

NULL_PARTITION = "__HIVE_DEFAULT_PARTITION__"

_ESCAPE = re.compile(r"%([0-9A-Fa-f]{2})")
_YEAR = r"(?:\d{4}|-\d{4,}|\+\d{5,})"
_INFERRED_DATE = re.compile(rf"{_YEAR}-\d\d-\d\d", re.ASCII)
_INFERRED_TIMESTAMP = re.compile(rf"{_YEAR}-\d\d-\d\d \d\d:\d\d:\d\d(?:\.\d)?", re.ASCII)
_INFERRED_TIME = re.compile(r"\d\d:\d\d:\d\d(?:\.\d{1,6})?", re.ASCII)


@dataclass(frozen=True, slots=True)
class PartitionDirectory:
    """What a directory's path says: its columns (name, value text as in the path), and the table's base above."""

    columns: tuple[tuple[str, str], ...]
    base: str | None


def parse_directory(directory: str, bases: Iterable[str]) -> PartitionDirectory:
    """Read the `key=value` components of a directory below one of `bases`.

    Raises:
        SparkRuntimeException: EMPTY_PARTITION_COLUMN_NAME or EMPTY_PARTITION_COLUMN_VALUE.
    """
    stops = frozenset(bases)
    columns: list[tuple[str, str]] = []
    current = directory
    while current not in stops:
        parent, name = posixpath.split(current)
        if name.lower() == "_temporary":
            return PartitionDirectory((), None)
        column = _parse_component(name)
        if column is not None:
            columns.append(column)
        elif columns:
            break
        if parent == current:
            break
        current = parent
    if not columns:
        return PartitionDirectory((), directory)
    return PartitionDirectory(tuple(reversed(columns)), current)


def partition_columns(directories: Mapping[str, PartitionDirectory]) -> tuple[str, ...]:
    """Return the names of the partition columns of directories that hold data; () when there are none.

    Raises:
        SparkRuntimeException: CONFLICTING_DIRECTORY_STRUCTURES or CONFLICTING_PARTITION_COLUMN_NAMES.
    """
    partitioned = {path: parsed for path, parsed in sorted(directories.items()) if parsed.columns}
    if not partitioned:
        return ()
    bases = {parsed.base.lower(): parsed.base for parsed in directories.values() if parsed.base is not None}
    if len(bases) > 1:
        listed = "\n".join(f"\t{display_path(base)}" for base in sorted(bases.values()))
        raise SparkRuntimeException(
            "CONFLICTING_DIRECTORY_STRUCTURES",
            f"Directories of data lie beside partition directories. Suspicious paths:\n{listed}\nIf these are "
            'partitions, set the option "basePath" to the table\'s directory; if they are several tables, read '
            "each on its own and union them.",
            sqlstate="KD009",
            parameters={"discoveredBasePaths": listed},
        )
    by_names: dict[tuple[str, ...], list[str]] = {}
    for path, parsed in partitioned.items():
        by_names.setdefault(tuple(name.lower() for name, _ in parsed.columns), []).append(path)
    if len(by_names) > 1:
        raise _conflicting_names(by_names)
    return tuple(name for name, _ in next(iter(partitioned.values())).columns)


def partition_values(directory: PartitionDirectory) -> dict[str, str | None]:
    """Return column name to value text, as in the path; None for the null partition."""
    return {name: None if text == NULL_PARTITION else text for name, text in directory.columns}


def infer_partition_types(
    directories: Mapping[str, PartitionDirectory],
    *,
    infer: bool = True,
    timestamp_type: DataType | None = None,
) -> list[tuple[str, DataType]]:
    """Return each partition column with the type that fits all its values.

    Spark: int, bigint, decimal, double, timestamp, date, time, else string; mixed values as Spark widens them.

    Raises:
        AnalysisException: COLUMN_ALREADY_EXISTS when a path names a column twice.
        SparkRuntimeException: the directories contradict each other.
    """
    names = partition_columns(directories)
    seen: set[str] = set()
    for name in names:
        if name.lower() in seen:
            raise AnalysisException(
                "COLUMN_ALREADY_EXISTS",
                f"The column `{name.lower()}` already exists: a path names it twice. Rename one of its directories.",
                sqlstate="42711",
                parameters={"columnName": f"`{name.lower()}`"},
            )
        seen.add(name.lower())
    found = []
    for index, name in enumerate(names):
        texts = {parsed.columns[index][1] for parsed in directories.values() if parsed.columns}
        types = [infer_type(text, infer=infer, timestamp_type=timestamp_type) for text in sorted(texts)]
        found.append((name, reduce(_wider, types)))
    return found


def infer_type(text: str, *, infer: bool = True, timestamp_type: DataType | None = None) -> DataType:
    """Return the type that Spark infers for one value of a partition directory."""
    if text == NULL_PARTITION:
        return NullType()
    if not infer:
        return StringType()
    integer = java_integer(text)
    if integer is not None and -(2**31) <= integer < 2**31:
        return IntegerType()
    if integer is not None and -(2**63) <= integer < 2**63:
        return LongType()
    decimal = _whole_decimal(text)
    if decimal is not None:
        return decimal
    if java_double(text) is not None:
        return DoubleType()
    plain = unescape(text)
    if _INFERRED_TIMESTAMP.fullmatch(plain) and spark_timestamp(plain, "UTC") is not None:
        return timestamp_type or TimestampType()
    if _INFERRED_DATE.fullmatch(text) and spark_date(text) is not None:
        return DateType()
    if _INFERRED_TIME.fullmatch(plain) and spark_time(plain) is not None:
        return TimeType(6)
    return StringType()


def partition_value(text: str | None, data_type: DataType, column: str, time_zone: str = "UTC") -> Any:
    """Return a partition value, as in the path, as a Python value of `data_type`; timestamps are aware, in UTC.

    Spark: only text and times are decoded; a number that does not fit tinyint or smallint wraps around; a decimal is
    rounded, and null when it is too large; the rest fails.

    Raises:
        SparkRuntimeException: INVALID_PARTITION_VALUE when the text is no such value.
    """
    if text is None or isinstance(data_type, NullType):
        return None
    if isinstance(data_type, StringType):
        return unescape(text)
    if isinstance(data_type, DecimalType):
        number = java_decimal(text)
        if number is not None:
            return _fit_decimal(number, data_type)
    value = _parse_value(text, data_type, time_zone)
    if value is None:
        raise SparkRuntimeException(
            "INVALID_PARTITION_VALUE",
            f"The value '{text}' of partition column `{column}` is no {data_type.sql()}. Give the column another "
            "type in the schema, or rename the directory.",
            sqlstate="42846",
            parameters={
                "value": f"'{text}'",
                "dataType": f'"{data_type.sql()}"',
                "columnName": f"`{column}`",
            },
        )
    return value


def unescape(text: str) -> str:
    """Decode `%XX` in a partition directory's name; what is no such escape stands for itself."""
    return _ESCAPE.sub(lambda match: chr(int(match.group(1), 16)), text) if "%" in text else text


def _parse_component(name: str) -> tuple[str, str] | None:
    column, equals, value = name.partition("=")
    if not equals:
        return None
    for part, condition, what in ((column, "NAME", "name"), (value, "VALUE", "value")):
        if not part:
            raise SparkRuntimeException(
                f"EMPTY_PARTITION_COLUMN_{condition}",
                f"The directory '{name}' has an empty partition column {what}. Rename it as column=value, or move it "
                "out of the table.",
                sqlstate="KD009",
                parameters={"columnSpec": name},
            )
    return unescape(column), value


def _conflicting_names(by_names: dict[tuple[str, ...], list[str]]) -> SparkRuntimeException:
    lists = "\n".join(
        f"\tPartition column name list #{number}: {', '.join(names)}" for number, names in enumerate(by_names)
    )
    paths = "\n".join(f"\t{display_path(path)}" for found in by_names.values() for path in found[:10])
    return SparkRuntimeException(
        "CONFLICTING_PARTITION_COLUMN_NAMES",
        f"The partition directories do not have the same columns:\n{lists}\nFiles may only lie in the innermost "
        f"directories, and directories of one level must have one column. Look at these directories:\n{paths}",
        sqlstate="KD009",
        parameters={"distinctPartColLists": lists, "suspiciousPaths": paths},
    )


def _whole_decimal(text: str) -> DecimalType | None:
    number = java_decimal(text)
    if number is None:
        return None
    _, digits, exponent = number.as_tuple()
    if not isinstance(exponent, int) or exponent < 0:
        return None
    significant = len(str(int("".join(map(str, digits)) or "0")))
    precision = 1 if not number else significant + exponent
    return DecimalType(precision, 0) if precision <= 38 else None


def _fit_decimal(number: Decimal, data_type: DecimalType) -> Decimal | None:
    from decimal import Context

    if number and number.adjusted() >= data_type.precision - data_type.scale + 1:
        return None
    scaled = number.quantize(Decimal(1).scaleb(-data_type.scale), ROUND_HALF_UP, Context(prec=80))
    digits = len(scaled.as_tuple().digits)
    return scaled if digits <= data_type.precision or not scaled else None


def _parse_value(text: str, data_type: DataType, time_zone: str) -> Any:
    match data_type:
        case ByteType() | ShortType() | IntegerType() | LongType():
            bits = 64 if isinstance(data_type, LongType) else 32
            value = java_integer(text)
            if value is None or not -(2 ** (bits - 1)) <= value < 2 ** (bits - 1):
                return None
            width = 8 if isinstance(data_type, ByteType) else 16 if isinstance(data_type, ShortType) else bits
            return (value + 2 ** (width - 1)) % 2**width - 2 ** (width - 1)
        case FloatType() | DoubleType():
            return java_double(text)
        case BooleanType():
            return {"true": True, "false": False}.get(text.lower())
        case BinaryType():
            return text.encode("utf-8", "surrogateescape")
        case DateType():
            return spark_date(text)
        case TimestampType():
            return spark_timestamp(unescape(text), time_zone)
        case TimestampNTZType():
            local = spark_timestamp(unescape(text), "UTC")
            return None if local is None else local.replace(tzinfo=None)
        case TimeType():
            return spark_time(unescape(text))
        case _:
            return None


def _wider(left: DataType, right: DataType) -> DataType:
    """Return the type for a column with values of both types."""
    if left == right or isinstance(right, NullType):
        return left
    if isinstance(left, NullType):
        return right
    kinds = {type(left), type(right)}
    if kinds in ({DoubleType, LongType}, {DoubleType, DecimalType}):
        return StringType()
    if kinds == {IntegerType, LongType}:
        return LongType()
    if kinds == {IntegerType, DoubleType}:
        return DoubleType()
    if kinds <= {IntegerType, LongType, DecimalType}:
        return DecimalType(min(38, max(_whole_digits(left), _whole_digits(right))), 0)
    if DateType in kinds and kinds & {TimestampType, TimestampNTZType}:
        return right if isinstance(left, DateType) else left
    return StringType()


def _whole_digits(data_type: DataType) -> int:
    if isinstance(data_type, DecimalType):
        return data_type.precision
    return 20 if isinstance(data_type, LongType) else 10
