"""The fast path of JSON reading: the exact reader's rows, or a failure that leads to them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from json_reading import JsonQuery, rows_of, schema_of

from lightstream.plan import types as t
from lightstream.plan.required import Required
from lightstream.sources.json.exact import read_exact
from lightstream.sources.json.fast import Failure, failure, fast_sql
from lightstream.sources.json.options import JsonOptions, parse_options

SCHEMA = schema_of(
    "a bigint, b string, c double, n struct<p:int,q:string>, l array<int>, m map<string,double>, ts timestamp, "
    "d date, dec decimal(10,2), f float, o boolean, y tinyint, u timestamp_ntz, ls array<struct<p:int>>, "
    "_corrupt_record string"
)
QUERY = JsonQuery()

_TOKENS = {
    "a": ["1", "-5", "0", "9223372036854775807", "9223372036854775808", "1.0", "1e3", '"5"', "true", "[1]", "{}"],
    "b": ['"walk"', '""', '"7up"', '"-x"', '"[x"', '"\\u00e9"', '"é"', '"a\\\\b"', "5", "0", "1.50", "true",
          "{}", "[1]"],
    "c": ["1.5", "-0.0", "1", "1e300", "1e400", "NaN", "-Infinity", '"NaN"', '"+INF"', '"1.5"', "false", "nan"],
    "n": ['{"p":1,"q":"x"}', '{"p":"x"}', "{}", '{"p":1,"p":2}', '{"q":"5"}', "5", "[]", '{"z":1}'],
    "l": ["[1,2]", "[]", "[null]", '["x"]', "[1.5]", "[1,]", "5", "{}", "[[1]]"],
    "m": ['{"x":1.5}', "{}", '{"x":1,"x":2}', '{"x":"y"}', "[]", '{"x":{}}'],
    "ts": ['"2025-01-02T03:04:05Z"', '"2025-01-02 03:04:05.5"', '"2025-11-02 01:30:00"', '"2025-01-02"', '"N/A"',
           '"2025-02-30T00:00:00Z"', '"2025-01-02T24:00:00Z"', '"2025-01-02T00:00:00+19:00"', "1735787045", "1.5",
           '""'],
    "d": ['"2025-01-02"', '"2025-02-30"', '"2025-1-2"', '"unknown"', '"123"', "5", '""'],
    "dec": ["1", "12.34", "123456789", "1.5", "1.005", "0.1000000000000000055", "99999999.995",
            "1e5", "-0.0", '"1.005"', '"1,000"', '"x"', "true"],
    "f": ["1.5", "16777217", "0.1", "3.4028235677973366e38", '"NaN"', "1e39", '"x"'],
    "o": ["true", "false", '"true"', "1"],
    "y": ["1", "127", "128", "255", "256", "-129", "1.0"],
    "u": ['"2025-01-02T03:04:05"', '"2025-01-02 03:04:05.123456"', '"2025-01-02T03:04:05Z"', '"x"', "5"],
    "ls": ['[{"p":1}]', '[{"p":"x"},{"p":2}]', "[1]", "[]", "[{}]"],
    "z": ["1", '"x"', "nan", "-inf", "NaN", "[1,]", '{"a":5}', '"\\ud800"', "1e5", "\r1", "\x0c1", '"a,}"', '", ]"'],
}  # fmt: skip


_INSERTED = [b",", b"}", b"{", b'"', b"\\", b" ", b"\r", b"x", b"\x0b", b"\0", b"[", b"//"]


@st.composite
def _records(draw: st.DrawFn) -> bytes:
    names = draw(st.lists(st.sampled_from(sorted(_TOKENS)), max_size=6))
    comma, colon = draw(st.sampled_from([(",", ":"), (", ", ": "), (",", ":")]))
    members = []
    for name in names:
        # Mostly what fits, so that whole files go the fast way.
        tokens = _TOKENS[name]
        token = tokens[0] if draw(st.booleans()) else draw(st.sampled_from([*tokens, "null"]))
        members.append(f'"{name}"{colon}{token}')
    text = bytearray(f"{{{comma.join(members)}}}".encode())
    for _ in range(draw(st.sampled_from([0, 0, 0, 1, 2]))):
        at = draw(st.integers(0, len(text)))
        if draw(st.booleans()):
            text[at:at] = draw(
                st.sampled_from(
                    [b",", b"}", b"{", b'"', b"\\", b" ", b"\r", b"x", b"\x0b", b"\0", b"[", b"//"]
                )
            )
        else:
            del text[at : at + draw(st.integers(1, 4))]
    return bytes(text).replace(b"\n", b"")


_COLUMNS = st.lists(st.sampled_from(SCHEMA.names), unique=True, max_size=5).filter(
    lambda names: names != ["_corrupt_record"]
)
_OPTIONS = st.sampled_from(
    [{}, {}, {"mode": "DROPMALFORMED"}, {"timestampFormat": "yyyy-MM-dd HH:mm:ss[.SSS]"}]
)
_ZONES = st.sampled_from(["UTC", "America/New_York", "+05:30"])


@settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(_records(), min_size=1, max_size=3), _COLUMNS, _OPTIONS, _ZONES)
@example([b'{"a":1,}'], ["a"], {}, "UTC")
@example([b'[{"a":1},{"a":2}]'], [], {}, "UTC")
@example([b'{"a":\r1}'], ["a"], {}, "UTC")
@example([b'{"z":nan,"a":1}'], ["a"], {}, "UTC")
@example([b"null"], ["a", "_corrupt_record"], {}, "UTC")
@example([b"\x0b"], ["a"], {}, "UTC")
def test_query_gives_the_exact_readers_rows(
    tmp_path: Path, records: list[bytes], columns: list[str], options: dict[str, str], zone: str
) -> None:
    path = tmp_path / "data.json"
    path.write_bytes(b"\n".join(records) + b"\n")
    parsed = parse_options(options, time_zone=zone)
    needed = t.StructType([field for field in SCHEMA.fields if field.name in columns])
    try:
        exact = read_exact(str(path), needed, parsed)
    except Exception as error:
        assert "key twice" in str(error)
        return
    table = QUERY.read([path], SCHEMA, parsed, needed.names)
    if needed.fields:
        assert rows_of(table, needed) == rows_of(exact, needed)
    else:
        assert table.num_rows == exact.num_rows


def _fast(columns: list[str], options: JsonOptions | None = None, **more: object) -> str | None:
    required = tuple(Required((name,), name) for name in columns)
    return fast_sql(["/x.json"], SCHEMA, required, options or JsonOptions(), **more)  # type: ignore[arg-type]


def _read_all(sql: str, tmp_path: Path, content: str) -> list[tuple[object, ...]]:
    path = tmp_path / "x.json"
    path.write_text(content)
    return QUERY.connection.execute(f"SELECT * FROM {sql.replace('/x.json', str(path))}").fetchall()


@pytest.mark.parametrize(
    "options", [{"multiLine": "true"}, {"encoding": "UTF-8"}, {"lineSep": "|"}, {"allowComments": "true"}]
)
def test_options_that_duckdb_cannot_follow_leave_the_fast_path(options: dict[str, str]) -> None:
    assert _fast(["a"], parse_options(options)) is None


def test_columns_that_duckdb_cannot_check_leave_the_fast_path() -> None:
    schema = schema_of("a binary, b struct<x:int,X:int>, c map<string,int>")
    for name in ("a", "b"):
        assert fast_sql(["/x.json"], schema, [Required((name,), name)], JsonOptions()) is None
    assert fast_sql(["/x.json"], schema, [Required(("c",), "c")], JsonOptions()) is not None


def test_wrong_scalars_become_null_without_leaving_the_fast_path(tmp_path: Path) -> None:
    sql = _fast(["a", "c", "o", "n"])
    assert sql is not None
    rows = _read_all(sql, tmp_path, '{"a":"5","c":true,"o":1,"n":{"p":1.5,"q":"x"}}\n')
    assert rows == [(None, None, None, {"p": None, "q": "x"})]


def test_a_string_that_may_be_a_number_names_its_column(tmp_path: Path) -> None:
    sql = _fast(["b"])
    assert sql is not None
    with pytest.raises(Exception) as caught:
        _read_all(sql, tmp_path, '{"b":"7up"}\n')
    path = str(tmp_path / "x.json")
    assert failure(str(caught.value), SCHEMA) == Failure(path, "b")
    as_tokens = _fast(["b"], token_texts={"b"})
    assert as_tokens is not None
    assert _read_all(as_tokens, tmp_path, '{"b":"7up"}\n{"b":5}\n{"b":true}\n') == [
        ("7up",),
        ("5",),
        ("true",),
    ]
    for ambiguous in ("1.5", "0", "{}", "[]"):
        with pytest.raises(Exception, match=r"lightstream-json\|exact"):
            _read_all(as_tokens, tmp_path, f'{{"b":{ambiguous}}}\n')


def test_a_filter_on_the_corrupt_column_does_not_save_the_reading(tmp_path: Path) -> None:
    path = tmp_path / "data.json"
    path.write_text('{"a":1}\n{"a":"x"}\n')
    table = QUERY.read([path], SCHEMA, JsonOptions(), ["a", "_corrupt_record"], where="c1 IS NOT NULL")
    assert table.to_pylist() == [{"c0": None, "c1": '{"a":"x"}'}]
    table = QUERY.read([path], SCHEMA, JsonOptions(), ["a", "_corrupt_record"], where="c1 > 'a'")
    assert table.num_rows == 1


@pytest.mark.parametrize(
    "name", ["a[1].json", "a*.json", "a?.json", "it's.json", "a b%20.json", "k=v.json", "ü.json"]
)
def test_names_are_not_patterns(tmp_path: Path, name: str) -> None:
    (tmp_path / "a1.json").write_text('{"a":2}\n')
    path = tmp_path / name
    path.write_text('{"a":1}\n')
    assert QUERY.read([path], SCHEMA, JsonOptions(), ["a"]).to_pylist() == [{"c0": 1}]
    assert QUERY.used_duckdb


@pytest.mark.parametrize("name", ['we"ird', "it's", "sp ace", "filename", "file_index", "select", "ü.x"])
def test_names_of_columns(tmp_path: Path, name: str) -> None:
    schema = t.StructType([t.StructField(name, t.LongType())])
    paths = []
    for number in (1, 2):
        path = tmp_path / f"{number}.json"
        path.write_text(json.dumps({name: number}) + "\n")
        paths.append(path)
    table = QUERY.read(paths, schema, JsonOptions(), [name])
    assert sorted(row["c0"] for row in table.to_pylist()) == [1, 2]
    with_file = QUERY.read(paths, schema, JsonOptions(), [name, "_metadata.file_name"])
    assert sorted((row["c0"], row["c1"]) for row in with_file.to_pylist()) == [(1, "1.json"), (2, "2.json")]


def test_errors_about_something_else_are_not_ours() -> None:
    assert failure("Conversion Error: Could not convert string 'x' to INT64", SCHEMA) is None
    assert failure('Malformed JSON in file "/a "b".json", at byte 8 in line 2', SCHEMA) == Failure(
        '/a "b".json'
    )
