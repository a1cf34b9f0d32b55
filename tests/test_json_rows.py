"""JSON files read by schema: the rows that Spark 4.3.0 was seen to give, from both readers."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from json_reading import JsonQuery, rows_of, schema_of

from lightstream.plan import types as t
from lightstream.sources.json.exact import read_exact
from lightstream.sources.json.options import parse_options
from lightstream.sources.json.scan import Experience

from json_cases import CASES, JsonCase  # isort: skip

EXPECTED = json.loads((Path(__file__).parent / "golden" / "json_rows.json").read_text())["rows"]


@pytest.fixture(scope="module")
def query() -> JsonQuery:
    return JsonQuery()


def _expected(case: JsonCase) -> Any:
    return EXPECTED[case.name]


def _needed(case: JsonCase, schema: t.StructType) -> t.StructType:
    return schema if case.columns is None else t.StructType([schema[name] for name in case.columns])


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_exact_reader_gives_sparks_rows(case: JsonCase, tmp_path: Path) -> None:
    path = tmp_path / case.file_name
    path.write_bytes(case.content)
    needed = _needed(case, schema_of(case.schema))
    table = read_exact(str(path), needed, parse_options(case.options, time_zone=case.time_zone))
    if not needed.fields:
        assert table.num_rows == _expected(case)
        return
    assert rows_of(table, needed) == _expected(case)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_query_gives_sparks_rows(case: JsonCase, tmp_path: Path, query: JsonQuery) -> None:
    path = tmp_path / case.file_name
    path.write_bytes(case.content)
    schema = schema_of(case.schema)
    needed = _needed(case, schema)
    table = query.read([path], schema, parse_options(case.options, time_zone=case.time_zone), needed.names)
    if not needed.fields:
        assert table.num_rows == _expected(case)
        return
    assert rows_of(table, needed) == _expected(case)


LINE_BY_LINE = [
    case
    for case in CASES
    if parse_options(case.options).is_plain and b"\r" not in case.content and case.columns != ()
]


@pytest.mark.parametrize("case", LINE_BY_LINE, ids=lambda case: case.name)
def test_each_record_alone_gives_the_same_rows(case: JsonCase, tmp_path: Path, query: JsonQuery) -> None:
    # Alone a good record goes the fast way, which one bad record closes for its whole file.
    options = parse_options(case.options, time_zone=case.time_zone)
    schema = schema_of(case.schema)
    needed = _needed(case, schema)
    found: list[list[Any]] = []
    for index, line in enumerate(case.content.split(b"\n")[:15]):
        path = tmp_path / f"{index}.json"
        path.write_bytes(line + b"\n")
        found += rows_of(query.read([path], schema, options, needed.names), needed)
    assert found == _expected(case)[: len(found)]


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("boolean", "true"), ("tinyint", "200"), ("smallint", "1"), ("int", "1"), ("bigint", "-5"), ("float", "1.5"),
        ("double", "1e3"), ("string", '"x"'), ("string", '"7up"'), ("struct<p:int,q:string>", '{"p":1}'),
        ("array<int>", "[1,null]"), ("array<struct<p:int>>", '[{"p":"x"}]'), ("map<string,int>", '{"k":1}'),
        ("map<string,struct<p:int>>", '{"k":{"p":1}}'), ("decimal(10,2)", "12"), ("decimal(10,2)", "12.345"),
        ("decimal(10,2)", '"1.005"'),
        ("date", '"2025-01-02"'), ("timestamp", '"2025-01-02T03:04:05.5+02:00"'), ("timestamp", "1735787045"),
        ("timestamp", '"2025-01-02 03:04:05"'), ("timestamp", '"N/A"'), ("timestamp_ntz", '"2025-01-02 03:04:05"'),
        ("int", '"x"'), ("double", '"1.5"'), ("bigint", "1.5"), ("boolean", "[]"),
    ],
)  # fmt: skip
@pytest.mark.parametrize("zone", ["UTC", "America/New_York"])
def test_ordinary_values_are_left_to_duckdb(
    kind: str, value: str, zone: str, tmp_path: Path, query: JsonQuery
) -> None:
    path = tmp_path / "data.json"
    path.write_text(f'{{"v":{value}}}\n')
    schema = schema_of(f"v {kind}")
    options = parse_options({}, time_zone=zone)
    query.experience, query.replaced = Experience(), 0
    table = query.read([path], schema, options, ["v"])
    assert query.used_duckdb
    assert query.replaced == 0
    assert rows_of(table, schema) == rows_of(read_exact(str(path), schema, options), schema)
