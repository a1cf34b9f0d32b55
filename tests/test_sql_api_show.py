"""`show`: every table here was printed by Spark 4.3.0."""

from __future__ import annotations

import datetime

import pytest

from lightstream.execute.show import float_text, render_table, show_rows, text_of
from lightstream.plan.ddl import parse_schema, parse_type

SCHEMA = parse_schema("id int, name string, v double")
ROWS = [(1, "a", 1.5), (2, "bb", None), (None, "c" * 30, 3.0)]

DEFAULT = """\
+----+--------------------+----+
|  id|                name|   v|
+----+--------------------+----+
|   1|                   a| 1.5|
|   2|                  bb|NULL|
|NULL|ccccccccccccccccc...| 3.0|
+----+--------------------+----+
"""
TWO = """\
+---+----+----+
| id|name|   v|
+---+----+----+
|  1|   a| 1.5|
|  2|  bb|NULL|
+---+----+----+
only showing top 2 rows"""
WHOLE = """\
+----+------------------------------+----+
|id  |name                          |v   |
+----+------------------------------+----+
|1   |a                             |1.5 |
|2   |bb                            |NULL|
|NULL|cccccccccccccccccccccccccccccc|3.0 |
+----+------------------------------+----+
"""
THREE = """\
+---+----+---+
| id|name|  v|
+---+----+---+
|  1|   a|1.5|
|  2|  bb|NUL|
|NUL| ccc|3.0|
+---+----+---+
"""
VERTICAL = """\
-RECORD 0--------------------
 id   | 1                    
 name | a                    
 v    | 1.5                  
-RECORD 1--------------------
 id   | 2                    
 name | bb                   
 v    | NULL                 
-RECORD 2--------------------
 id   | NULL                 
 name | ccccccccccccccccc... 
 v    | 3.0                  
"""  # noqa: W291
VERTICAL_CUT = """\
-RECORD 0----
 id   | 1    
 name | a    
 v    | 1.5  
-RECORD 1----
 id   | 2    
 name | bb   
 v    | NULL 
only showing top 2 rows"""  # noqa: W291
NONE_SHOWN = """\
+---+----+---+
| id|name|  v|
+---+----+---+
+---+----+---+
only showing top 0 rows"""
EMPTY = """\
+---+----+---+
| id|name|  v|
+---+----+---+
+---+----+---+
"""


@pytest.mark.parametrize(
    ("rows", "limit", "truncate", "vertical", "expected"),
    [
        (ROWS, 20, 20, False, DEFAULT),
        (ROWS, 2, 20, False, TWO),
        (ROWS, 20, 0, False, WHOLE),
        (ROWS, 20, 3, False, THREE),
        (ROWS, 20, 20, True, VERTICAL),
        (ROWS, 2, 5, True, VERTICAL_CUT),
        (ROWS[:1], 0, 20, False, NONE_SHOWN),
        ([], 20, 20, False, EMPTY),
        ([], 20, 20, True, "(0 rows)"),
    ],
)
def test_tables_are_those_of_spark(
    rows: list[tuple[object, ...]], limit: int, truncate: int, vertical: bool, expected: str
) -> None:
    assert show_rows(rows, SCHEMA, limit, truncate, vertical) == expected


def test_one_more_row_is_a_row() -> None:
    assert show_rows(ROWS, SCHEMA, 1).endswith("only showing top 1 row")


def test_full_width_characters_take_two_columns() -> None:
    rows = [("日本語", "é"), ("ｱ", "한국어"), ("a\nb\tc\rd", "x\\y"), ("🙂🙂", "e\u0301")]
    expected = (
        "+----------+------+\n"
        "|      全角|     b|\n"
        "+----------+------+\n"
        "|    日本語|     é|\n"
        "|         ｱ|한국어|\n"
        "|a\\nb\\tc\\rd|   x\\y|\n"
        "|      🙂🙂|    e\u0301|\n"
        "+----------+------+\n"
    )
    assert render_table(rows, ["全角", "b"]) == expected


@pytest.mark.parametrize(
    ("character", "wide"),
    [
        ("\u10ff", False), ("\u1100", True), ("\u115f", True), ("\u1160", False), ("\u2e7f", False),
        ("\u2e80", True), ("\u303f", True), ("\ua4cf", True), ("\ua4d0", False), ("\uabff", False),
        ("\uac00", True), ("\ud7a3", True), ("\ud7a4", False), ("\uf900", True), ("\ufaff", True),
        ("\ufb00", False), ("\ufe2f", False), ("\ufe30", True), ("\ufe6f", True), ("\ufe70", False),
        ("\uff00", True), ("\uff60", True), ("\uff61", False), ("\uffe0", True), ("\uffe6", True),
        ("\uffe7", False),
    ],
)  # fmt: skip
def test_width_of_characters(character: str, wide: bool) -> None:
    line = render_table([(character,)], ["a"]).splitlines()[3]
    assert line == ("| " if wide else "|  ") + character + "|"


def test_cells_are_cut_between_utf_16_units() -> None:
    assert render_table([("🙂🙂🙂🙂🙂",)], ["e"], truncate=4).splitlines()[3] == "|?...|"
    assert render_table([("日本語日本語",)], ["e"], truncate=5).splitlines()[3] == "|日本...|"


def test_rows_without_columns() -> None:
    assert render_table([(), ()], []) == "++\n||\n++\n||\n||\n++\n"


@pytest.mark.parametrize(
    ("kind", "value", "text"),
    [
        ("array<int>", [1, None], "[1, NULL]"),
        ("map<string,double>", {"k": 1.5, "j": None}, "{k -> 1.5, j -> NULL}"),
        ("struct<a:int,b:int>", {"a": 1, "b": None}, "{1, NULL}"),
        ("array<struct<z:timestamp>>", [{"z": 0}], "[{1970-01-01 00:00:00}]"),
        ("binary", b"\x01\xff", "[01 FF]"),
        ("boolean", True, "true"),
        ("date", datetime.date(1, 2, 3), "0001-02-03"),
        ("timestamp", 1577840523500000, "2020-01-01 01:02:03.5"),
        ("timestamp", 253402300799999999, "9999-12-31 23:59:59.999999"),
        ("timestamp", 316516204800000000, "+12000-01-01 00:00:00"),
        ("timestamp_ntz", datetime.datetime(2020, 1, 1, 0, 0, 0, 120), "2020-01-01 00:00:00.00012"),
        ("double", 1e10, "1.0E10"),
        ("double", 0.001, "0.001"),
        ("double", 1234567.0, "1234567.0"),
        ("double", 12345678.0, "1.2345678E7"),
        ("double", float("nan"), "NaN"),
        ("double", float("-inf"), "-Infinity"),
        ("double", -0.0, "-0.0"),
        ("interval day", 86_400_000_000, "INTERVAL '1' DAY"),
        ("interval day to second", -93_784_500_000, "INTERVAL '-1 02:03:04.5' DAY TO SECOND"),
        ("interval year to month", 14, "INTERVAL '1-2' YEAR TO MONTH"),
    ],
)
def test_values_as_text(kind: str, value: object, text: str) -> None:
    assert text_of(parse_type(kind), "UTC")(value) == text


def test_timestamps_are_shown_in_the_session_time_zone() -> None:
    assert text_of(parse_type("timestamp"), "Asia/Tokyo")(0) == "1970-01-01 09:00:00"
    assert text_of(parse_type("timestamp"), "+05:30")(0) == "1970-01-01 05:30:00"


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1.100000023841858, "1.1"), (16777216.0, "1.6777216E7"), (1.000000013351432e-10, "1.0E-10"),
        (1e7, "1.0E7"), (3.4028234663852886e38, "3.4028235E38"), (0.10000000149011612, "0.1"),
    ],
)  # fmt: skip
def test_floats_have_the_fewest_digits(value: float, text: str) -> None:
    assert float_text(value) == text
