"""Options of the JSON source, and the pieces that read single values."""

from __future__ import annotations

import pytest

from lightstream.conf import Conf
from lightstream.errors import IllegalArgumentException, UnsupportedOperationException
from lightstream.plan import types as t
from lightstream.sources.json.characters import to_text
from lightstream.sources.json.datetimes import find_zone, parse_date, parse_timestamp
from lightstream.sources.json.format import JsonFormat
from lightstream.sources.json.numbers import parse_float32
from lightstream.sources.json.options import parse_options
from lightstream.sources.json.patterns import compile_pattern
from lightstream.sources.json.rewritten import java_double
from lightstream.sources.record_options import DROPMALFORMED, PERMISSIVE


def test_names_in_any_case_and_unknown_options() -> None:
    options = parse_options({"MULTILINE": "TRUE", "Mode": "dropMalformed", "noSuchOption": "x"})
    assert options.multi_line
    assert options.mode == DROPMALFORMED
    # Spark warns about a mode it does not know, and goes on.
    assert parse_options({"mode": "weird"}).mode == PERMISSIVE


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"multiLine": "x"}, 'For input string: "x"'),
        ({"lineSep": ""}, "requirement failed: 'lineSep' cannot be an empty string."),
        (
            {"encoding": "UTF-16LE"},
            "requirement failed: The lineSep option must be specified for the UTF-16LE encoding",
        ),
    ],
)
def test_bad_values_in_sparks_words(options: dict[str, str], message: str) -> None:
    with pytest.raises(IllegalArgumentException) as caught:
        parse_options(options)
    assert str(caught.value) == message


def test_unknown_encoding() -> None:
    with pytest.raises(IllegalArgumentException) as caught:
        parse_options({"encoding": "nope"})
    assert caught.value.getCondition() == "INVALID_PARAMETER_VALUE.CHARSET"


@pytest.mark.parametrize("options", [{"explodeEmbeddedArray": "true"}, {"locale": "de-DE"}])
def test_what_is_not_supported_is_refused_by_name(options: dict[str, str]) -> None:
    with pytest.raises(UnsupportedOperationException, match=next(iter(options))):
        parse_options(options)


@pytest.mark.parametrize("kind", ["map<int,int>", "map<int,variant>", "interval day"])
def test_types_that_are_not_supported(kind: str) -> None:
    schema = t.StructType([t.StructField("v", t.DataType.fromDDL(kind))])
    with pytest.raises(UnsupportedOperationException):
        JsonFormat().check(schema, {}, Conf())


@pytest.mark.parametrize("pattern", ["YYYY-MM-dd", "yyyy-MM-dd E", "yyyy-MM-dd'", "{"])
def test_patterns_that_spark_refuses(pattern: str) -> None:
    with pytest.raises(IllegalArgumentException):
        compile_pattern(pattern)


@pytest.mark.parametrize("pattern", ["yyyy-MM-dd z", "yyyy-MM-dd VV", "yyyy G"])
def test_patterns_that_are_not_supported(pattern: str) -> None:
    with pytest.raises(UnsupportedOperationException, match="pattern"):
        compile_pattern(pattern)


@pytest.mark.parametrize(
    ("pattern", "text", "seconds"),
    [
        ("yyyy-MM-dd HH:mm:ss", "2025-01-02 03:04:05", 1735787045),
        ("yyyyMMddHHmmss", "20250102030405", 1735787045),
        ("d/M/yyyy H:m:s", "2/1/2025 3:4:5", 1735787045),
        ("MMM d, yyyy hh:mm:ss a", "jan 2, 2025 03:04:05 AM", 1735787045),
        ("yyyy-DDD", "2025-002", 1735776000),
        ("yy-MM-dd", "25-01-02", 1735776000),
        ("[yyyy-MM-dd][dd/MM/yyyy]", "02/01/2025", 1735776000),
        ("HH:mm", "00:01", 60),
        ("hh:mm a", "12:00 AM", 0),
        ("yyyy-MM-dd HH:mm:ssXXX", "2025-01-02 05:04:05+02:00", 1735787045),
        ("yyyy-MM-dd HH:mm:ssXXX", "2025-01-02 05:04:05", None),
        ("yyyy-MM-dd", "2025-02-30", None),
        ("yyyy-MM-dd", "2025-1-2", None),
        ("yyyy-MM-dd", "12025-01-02", None),
        ("yyyy-MM-dd HH:mm a", "2025-01-02 13:04 AM", None),
    ],
)
def test_patterns(pattern: str, text: str, seconds: int | None) -> None:
    zone = find_zone("UTC")
    assert zone is not None
    micros = compile_pattern(pattern).timestamp(text, zone)
    assert micros == (None if seconds is None else seconds * 1_000_000)


@pytest.mark.parametrize(
    ("name", "offset"),
    [
        ("Z", 0), ("UTC", 0), ("GMT+2", 7200), ("UTC-02:30", -9000), ("+1:00", 3600), ("+01:5", 3900),
        ("+0130", 5400), ("+01:30:15", 5415), ("PST", -28800), ("EST", -18000), ("Asia/Tokyo", 32400),
        ("+19:00", None), ("+1:000", None), ("Nowhere/Town", None), ("posix/UTC", None), ("", None), ("pst", None),
    ],
)  # fmt: skip
def test_time_zones(name: str, offset: int | None) -> None:
    zone = find_zone(name)
    assert (None if zone is None else zone(2025, 1, 1, 0)) == offset


def test_local_times_that_a_clock_shows_twice_or_never() -> None:
    zone = find_zone("America/New_York")
    assert zone is not None
    # Never: moved forward by the gap. Twice: the earlier.
    assert parse_timestamp("2025-03-09 02:30:00", zone) == parse_timestamp("2025-03-09 03:30:00", zone)
    assert parse_timestamp("2025-11-02 01:30:00", zone) == parse_timestamp("2025-11-02 01:30:00-04:00", zone)
    # Years that Python's own dates do not have.
    assert parse_timestamp("12025-07-01 00:00:00", zone) == parse_timestamp("12025-07-01 04:00:00Z", zone)
    assert parse_date("-0001-01-01") == -719893


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e10, "1.0E10"), (0.0001, "1.0E-4"), (0.001, "0.001"), (1234567.0, "1234567.0"), (1e7, "1.0E7"),
        (-0.0, "-0.0"), (1.5, "1.5"), (123456789.125, "1.23456789125E8"),
    ],
)  # fmt: skip
def test_doubles_as_java_writes_them(value: float, text: str) -> None:
    assert java_double(value) == text


def test_floats_are_rounded_once() -> None:
    # Half-way between two floats after rounding to a double, and a little more before.
    assert parse_float32("1.00000017881393432617187499") == 1.0000001192092896
    assert parse_float32("1.00000017881393432617187500") == 1.000000238418579
    assert parse_float32("3.4028235677973366e38") == 3.4028234663852886e38
    assert parse_float32("1e39") == float("inf")


def test_lone_surrogates_become_question_marks() -> None:
    assert to_text("a\ud83d\ude00b") == "a\U0001f600b"
    assert to_text("a\ud83db") == "a?b"
