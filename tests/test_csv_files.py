"""CSV files as a source; `parity_tests/test_files.py` compares them with Spark."""

# ruff: noqa: F811
from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sql_api_fixtures import spark  # noqa: F401

from lightstream.errors import QueryExecutionException
from lightstream.sources.csv import exact
from lightstream.sources.csv.options import CsvOptions, parse_options
from lightstream.sources.csv.tokenizer import TokenError, make_tokenizer


@pytest.fixture
def read_exactly(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The names of the files that the exact reader is asked for."""
    asked: list[str] = []
    read = exact.read_exact

    def counting(path: str, *args: Any, **options: Any) -> Any:
        asked.append(path.rsplit("/", 1)[-1])
        return read(path, *args, **options)

    monkeypatch.setattr(exact, "read_exact", counting)
    return asked


def rows(frame: Any) -> list[tuple[Any, ...]]:
    return sorted((tuple(row) for row in frame.collect()), key=repr)


def test_plain_files_are_read_by_duckdb(spark: Any, tmp_path: Path, read_exactly: list[str]) -> None:
    (tmp_path / "a").write_text('1,x,2.5\n2,"y, z",\n\n3\n4,,1e3,more\n')
    frame = spark.read.schema("a int, b string, c double").csv(str(tmp_path))
    expected = [(1, "x", 2.5), (2, "y, z", None), (3, None, None), (4, None, 1000.0)]
    assert rows(frame) == expected
    assert frame.count() == 4
    assert read_exactly == []


@pytest.mark.parametrize(
    "content",
    [
        '1,"a""b"\n', '1,"a\\"b"\n', '1,a\n \n', '1,"a\nb"\n', "1,a\r2,b\n", "1,a\0\n", '1," "x\n', '1,"a" \n',
        " 1,a\n", '"a\n",1\n', '1,"a\n',
    ],
)  # fmt: skip
def test_what_is_odd_is_read_exactly(
    spark: Any, tmp_path: Path, read_exactly: list[str], content: str
) -> None:
    (tmp_path / "odd").write_bytes(content.encode())
    (tmp_path / "plain").write_text("5,x\n")
    found = rows(spark.read.schema("a string, b string").csv(str(tmp_path)))
    assert ("5", "x") in found
    assert read_exactly == ["odd"]


def test_a_header_behind_blank_lines(spark: Any, tmp_path: Path, read_exactly: list[str]) -> None:
    (tmp_path / "a").write_text("a,b\n1,2\n")
    for name, blank in (("b", "\n"), ("c", "  \n"), ("d", "\t\n\n")):
        (tmp_path / name).write_text(f"{blank}a,b\n1,2\n")
    assert rows(spark.read.schema("a int, b int").csv(str(tmp_path), header=True)) == [(1, 2)] * 4
    assert read_exactly == ["b", "c", "d"]


def test_bad_records(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("1,2\nx,3\n4\n5,6,7\n8,\n")
    read = spark.read.schema("a int, b int, _corrupt_record string")
    assert rows(read.csv(str(tmp_path))) == [
        (1, 2, None), (4, None, "4"), (5, 6, "5,6,7"), (8, None, None), (None, 3, "x,3"),
    ]  # fmt: skip
    assert rows(read.csv(str(tmp_path), mode="DROPMALFORMED")) == [(1, 2, None), (8, None, None)]
    with pytest.raises(QueryExecutionException, match="x,3") as caught:
        read.csv(str(tmp_path), mode="FAILFAST").collect()
    assert caught.value.getCondition() == "FAILED_READ_FILE.NO_HINT"


def test_schemas_are_inferred(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "a").write_text("k,n,n,\na,1,2.5,2025-01-02\n")
    assert spark.read.csv(str(tmp_path)).columns == ["_c0", "_c1", "_c2", "_c3"]
    found = spark.read.csv(str(tmp_path), header=True, inferSchema=True)
    assert found.dtypes == [("k", "string"), ("n1", "int"), ("n2", "double"), ("_c3", "date")]


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("a,b", ["a", "b"]), ('"a,b",c', ["a,b", "c"]), ('"a""b",c', ['"a""b"', "c"]), ('"a\\"b",c', ['a"b', "c"]),
        ('"a"b,c', ['"a"b', "c"]), ('"a" ,c', ["a", "c"]), ('"a,c', ["a,c"]), ('a"b,c', ['a"b', "c"]),
        ("a,", ["a", ""]), (",", ["", ""]), ('""', [""]), ('"', ['"']),
    ],
)  # fmt: skip
def test_cells(text: str, cells: list[str]) -> None:
    assert make_tokenizer(CsvOptions())(text) == cells


def test_limits_of_the_parser() -> None:
    assert make_tokenizer(CsvOptions(max_columns=2))("a,b") == ["a", "b"]
    with pytest.raises(TokenError):
        make_tokenizer(CsvOptions(max_columns=2))("a,b,c")
    with pytest.raises(TokenError):
        make_tokenizer(CsvOptions(max_chars=2))("abc,d")


@pytest.mark.parametrize(
    "options",
    [{"locale": "de-DE"}, {"singleVariantColumn": "v"}],
)
def test_what_is_refused(options: dict[str, str]) -> None:
    with pytest.raises(Exception, match="not supported by lightstream"):
        parse_options(options)


def test_strings_of_csv(spark: Any) -> None:
    (row,) = spark.sql(
        "select from_csv('1,x,z', 'a int, b string, _corrupt_record string') r, schema_of_csv('1,abc') s, "
        "to_csv(named_struct('a', 'x,y', 'b', cast(null as int), 'c', '')) t"
    ).collect()
    assert tuple(row.r) == (1, "x", "1,x,z")
    assert row.s == "STRUCT<_c0: INT, _c1: STRING>"
    assert row.t == '"x,y",,""'


def test_cells_of_white_space_are_written_as_empty_ones(spark: Any) -> None:
    (row,) = spark.sql(
        "select to_csv(named_struct('a', ' ', 'b', '#', 'c', '#'), map('ignoreLeadingWhiteSpace', 'false')) s, "
        "to_csv(named_struct('a', '#', 'b', '#')) t"
    ).collect()
    assert tuple(row) == ('"",#,#', '"#",#')
