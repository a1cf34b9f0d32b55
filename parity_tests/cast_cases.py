"""Casts that both engines evaluate: values by kind, crossed with the types that they are cast to."""

from __future__ import annotations

_INTEGERS = ("int", "tinyint", "bigint")
_WHOLE_TEXT = (
    "12", " 12 ", "+12", "-12", "1.5", "1e2", "", "abc", "300", "99999999999", r"\t7\n", "1_0", "0x1F",
    "12L",
)  # fmt: skip
_FLOAT_TEXT = (
    "1.5", " 1.5 ", "1e3", "1E-3", ".5", "5.", "-.5e1", "1d", "1.5F", "inf", "-Infinity", "NaN", "nan",
    "+inf", "abc", "", "1e400", "1_0", "1.5.5", "e5", "infin", "1 2",
)  # fmt: skip
_DECIMAL_TEXT = (
    "1.5", " 1.55 ", "1e3", "1E-3", ".5", "5.", "-.55", "12345.6", "abc", "", "1.005", "-1.005", "+1",
    "0.05", "9999.95",
)  # fmt: skip
_BOOLEAN_TEXT = ("t", "True", " yes ", "Y", "1", "f", "FALSE", "no", "N", "0", "2", "on", "")
_DATE_TEXT = (
    "2015", "2015-3", "2015-3-8x", "2015-3-8T", "2015-3-8 x", "2015-3-8Tabc", "  2015-03-08  ",
    "0000-01-01", "2015-", "2015-3-", "20150318", "2015-003-1", "+2015-03-08", "12345678-01-01",
    "2015-03-08 12:00:00", "2015-02-29", "2015 ", "2015-03T", "201", "2016-02-29", "", "2015-13-01",
    "2015-1-1", r"2015-03-08\n", "12015-03-08", "-0001-03-08",
)  # fmt: skip
_TIMESTAMP_TEXT = (
    "2015-03-18 12", "2015-03-18T", "2015-03-18 ", "2015-03-18 12:", "2015-03-18 12:03:",
    "2015-03-18 12:03:17.", "2015-03-18 24:00:00", "20150318", "15-03-18", "2015/03/18",
    "2015-03-18 12:03:17 +05:30", "2015-03-18 12:03:17+0530", "2015-03-18 12:03:17+05",
    "2015-03-18 12:03:17PST", "2015-03-18 12:03+05:00", "2015-03-18T12:03:17.12Europe/Paris",
    "2015-03-18 123:03:17", "+2015-03-18", "2015-03-18 12:03:17.123456789123", "2015-03-18 12:03Z",
    "2015-03-18  12:03", "2015-03-18T12:03:17 Z", "2015-03-18 12:03:17UTC", "2015-03-18 12:03:17UTC+5:30",
    "2015-03-18 12:03:17 GMT-5", "2015-3-8T1:2", "2015-03-18 12:03:17+5", "2015-03-18 12:03:17+5:3",
    "0001-01-01", "0000-01-01", "2015-00-01", "2015-1-32", "1234567-01-01", "2015-03-18T12:03:17.1+00:00",
    "2015-03-18 12:03:17CET", "2015-", "2015T12:00:00", "2015-03 12:00:00", "2015-03-18 12:03:60",
    "2015-03-18 1:2:3.4", "2015", "2015-3", " 2015-03-18 12:03:17 ", "2015-03-18 12:03:17.5Z",
    "2015-03-18T12:03:17.123456Z", "2015-02-30 00:00:00", "2015-03-18 12:03:17+18:00",
    "2015-03-18 12:03:17+18:01", "2015-03-18 12:60:00", "", "-2015-03-18", "123456-01-01",
)  # fmt: skip
_NUMBERS = (
    "0", "1", "-1", "127Y", "300", "-129", "3000000000", "9223372036854775807", "1.5", "-1.5", "300.7",
    "99999999999.9", "1.5D", "-1.5D", "1e20", "-1e20", "double('nan')", "double('inf')", "0.1F", "1.005D",
    "123456789.123456789", "cast(0 as decimal(38,18))", "0.001", "true", "false", "1e-7",
    "9223372036854775808D", "-128.9D", "127.9D", "2147483647.9D", "NULL", "-0.0D",
    "12345678901234567890.12345",
)  # fmt: skip
_NUMBER_TYPES = (
    "tinyint", "smallint", "int", "bigint", "float", "double", "decimal(5,1)", "decimal(20,10)", "boolean",
    "string",
)  # fmt: skip
_DOUBLES = (
    "0.001D", "0.0009999D", "9999999D", "1e7", "12345678.9D", "1e16", "1.5e16", "1e17", "1.5e300", "1e-4",
    "1.5e-4", "1.23e-5", "100D", "-1e10", "-3.3e-7", "1e10F", "1.5e-5F", "0.1F", "16777216F", "123456.7D",
    "1e21", "123456789012D",
)  # fmt: skip
_TIMES = (
    "date'2020-02-29'", "timestamp'2020-02-29 12:34:56'", "timestamp'2020-02-29 12:34:56.789'",
    "timestamp'1969-12-31 23:59:59.5'", "timestamp_ntz'2020-02-29 12:34:56.000001'",
    "timestamp'1900-01-01'", "timestamp'9999-12-31 23:59:59.999999'", "date'0001-01-01'",
)  # fmt: skip
_TIME_TYPES = (
    "string", "date", "timestamp", "timestamp_ntz", "bigint", "int", "double", "decimal(20,6)",
    "decimal(20,3)", "boolean", "tinyint",
)  # fmt: skip
_SECONDS = (
    "5", "-5", "1.5D", "-1.5D", "1.9999999D", "1.1234567", "5Y", "1700000000", "1700000000.123456",
    "double('nan')", "true",
)  # fmt: skip
_INTERVALS = (
    "interval '1 02:03:04.5' day to second", "interval '-90' minute", "interval '1-2' year to month",
    "interval '-5' month", "interval '3' year", "interval '100' hour", "interval '36:00' hour to minute",
)  # fmt: skip
_INTERVAL_TYPES = (
    "string", "int", "bigint", "tinyint", "interval day to second", "interval day", "interval minute",
    "interval year", "interval year to month", "double",
)  # fmt: skip
_NESTED = (
    "array(1, NULL, 3)", "array('1', '2')", "array('x')", "array()", "array(1.5D, 1e10)",
    "map('a', 1, 'b', NULL)", "map()", "named_struct('a', 1, 'b', NULL, 'c', 'x')", "array(array(1), NULL)",
    "array(named_struct('a', date'2020-01-01'))", "map(1, array(map('k', 1.5)))",
    "named_struct('a', named_struct('b', timestamp'2020-01-01 01:02:03'))", "array(true, NULL)",
    "array(X'41')", "array(interval 1 day)",
)  # fmt: skip
_NESTED_TYPES = (
    "string", "array<string>", "array<int>", "map<string,string>", "struct<x:string,y:int,z:string>",
    "array<double>", "map<string,bigint>",
)  # fmt: skip


def _texts(values: tuple[str, ...], *types: str) -> list[str]:
    return [
        f"{word}('{value}' as {data_type})"
        for value in values
        for data_type in types
        for word in ("cast", "try_cast")
    ]


def _casts(values: tuple[str, ...], *types: str) -> list[str]:
    return [f"cast({value} as {data_type})" for value in values for data_type in types]


CASES: dict[str, tuple[str, ...]] = {
    "text to numbers": (
        *_texts(_WHOLE_TEXT, *_INTEGERS),
        *_texts(_FLOAT_TEXT, "double", "float"),
        *_texts(_DECIMAL_TEXT, "decimal(5,1)", "decimal(3,3)", "decimal(38,18)"),
        *_texts(_BOOLEAN_TEXT, "boolean"),
        "cast('abc' as binary)", "cast(X'616263' as string)", "cast(X'' as string)",
    ),
    "text to times": (
        *_texts(_DATE_TEXT, "date"),
        *_texts(_TIMESTAMP_TEXT, "timestamp", "timestamp_ntz"),
    ),
    "numbers": (
        *_casts(_NUMBERS, *_NUMBER_TYPES),
        *(f"try_cast({v} as {data_type})" for v in _NUMBERS for data_type in ("tinyint", "int", "decimal(5,1)")),
        *_casts(_DOUBLES, "string"),
    ),
    "times": (
        *_casts(_TIMES, *_TIME_TYPES),
        *_casts(_SECONDS, "timestamp"),
        *_casts(_INTERVALS, *_INTERVAL_TYPES),
        "cast(5 as interval day)", "cast(5 as interval hour to second)", "cast(5 as interval month)",
        "cast(5L as interval year)", "cast(1.5D as interval day)", "cast(1 as binary)", "cast(1 as date)",
        "cast('a' as array<int>)",
    ),
    "nested": tuple(_casts(_NESTED, *_NESTED_TYPES)),
}  # fmt: skip
