"""A read of JSON files as one relation: several files, their columns, files that go wrong."""

from __future__ import annotations

import gzip
import os
from pathlib import Path

import pytest
from json_reading import JsonQuery, entry, schema_of

from lightstream.errors import AnalysisException, QueryExecutionException
from lightstream.plan import types as t
from lightstream.sources.json.options import JsonOptions, parse_options

SCHEMA = schema_of("a bigint, b string, _corrupt_record string")
PLAIN = JsonOptions()


@pytest.fixture
def query() -> JsonQuery:
    return JsonQuery()


def _files(directory: Path, *contents: str) -> list[Path]:
    paths = []
    for index, content in enumerate(contents):
        path = directory / f"f{index}.json"
        path.write_text(content)
        paths.append(path)
    return paths


def _rows(
    query: JsonQuery, paths: list[Path], columns: list[str], options: JsonOptions = PLAIN
) -> list[tuple]:
    table = query.read(paths, SCHEMA, options, columns)
    return sorted((tuple(row.values()) for row in table.to_pylist()), key=repr)


def test_only_the_odd_file_is_read_exactly(tmp_path: Path, query: JsonQuery) -> None:
    paths = _files(tmp_path, '{"a":1}\n', '{"a":2}\n{bad\n', '{"a":3}\n')
    assert _rows(query, paths, ["a"]) == [(1,), (2,), (3,), (None,)]
    assert query.used_duckdb
    assert query.scan is not None
    assert "f1.json" not in query.scan.sql
    assert query.replaced == 1


def test_bytes_that_duckdb_reads_otherwise_are_found_after_the_statement(
    tmp_path: Path, query: JsonQuery
) -> None:
    paths = _files(tmp_path, '{"a":1}\n', '{"a":2,}\n', '{"a":3,"z":nan}\n')
    assert _rows(query, paths, ["a"]) == [(1,), (None,), (None,)]
    assert query.replaced == 1


def test_many_odd_files_take_few_attempts(tmp_path: Path, query: JsonQuery) -> None:
    paths = _files(tmp_path, *(f'{{"a":{i}}}\n{{bad\n' for i in range(30)), '{"a":99}\n')
    assert len(_rows(query, paths, ["a"])) == 61
    assert query.replaced <= 3


def test_a_column_of_strings_with_digits_is_learnt_from_the_first_record(
    tmp_path: Path, query: JsonQuery
) -> None:
    paths = _files(tmp_path, '{"b":"2025-01-01"}\n')
    assert _rows(query, paths, ["b"]) == [("2025-01-01",)]
    assert query.replaced == 0


def test_what_a_batch_taught_is_kept(tmp_path: Path, query: JsonQuery) -> None:
    paths = _files(tmp_path, '{"b":"x"}\n{"b":"7up"}\n')
    assert _rows(query, paths, ["b"]) == [("7up",), ("x",)]
    assert query.replaced == 1
    assert _rows(query, paths, ["b"]) == [("7up",), ("x",)]
    assert query.replaced == 1
    assert query.used_duckdb


def test_columns_of_files(tmp_path: Path, query: JsonQuery) -> None:
    paths = _files(tmp_path, '{"a":1}\n', '{"a":2}\n{bad\n')
    os.utime(paths[1], ns=(0, 1_700_000_000_123_456_789))
    entries = [entry(paths[0], {"k": "1"}), entry(paths[1], {"k": None})]
    partitions = t.StructType([t.StructField("k", t.IntegerType())])
    names = ["a", "k", "_metadata.file_name", "_metadata.file_size", "_metadata.file_modification_time"]
    table = query.read(entries, SCHEMA, PLAIN, names, partitions=partitions)
    rows = sorted((tuple(row.values()) for row in table.to_pylist()), key=repr)
    assert [row[:4] for row in rows] == [
        (1, 1, "f0.json", 8),
        (2, None, "f1.json", 13),
        (None, None, "f1.json", 13),
    ]
    # Spark: milliseconds.
    assert rows[1][4].timestamp() == 1_700_000_000.123


def test_file_path_is_written_as_spark_writes_it(tmp_path: Path, query: JsonQuery) -> None:
    path = tmp_path / "we ird+ü%41[x].json"
    path.write_text('{"a":1}\n')
    table = query.read([path], SCHEMA, PLAIN, ["_metadata.file_path", "_metadata.file_name"])
    assert table.to_pylist() == [
        {"c0": f"file:{tmp_path}/we%20ird+ü%2541%5Bx%5D.json", "c1": "we%20ird+ü%2541%5Bx%5D.json"}
    ]


def test_no_column_counts_rows_as_spark_does(tmp_path: Path, query: JsonQuery) -> None:
    paths = _files(tmp_path, '[{"a":1},{"a":2}]\n', '{"a":1}\n\n5\n')
    assert query.read(paths, SCHEMA, PLAIN, []).num_rows == 4


def test_compressed_files(tmp_path: Path, query: JsonQuery) -> None:
    path = tmp_path / "a.json.gz"
    path.write_bytes(gzip.compress(b'{"a":1}\n') + gzip.compress(b'{"a":2,}\n'))
    assert _rows(query, [path], ["a"]) == [(1,), (None,)]
    path.write_bytes(gzip.compress(b'{"a":1}\n' * 9999)[:-10])
    with pytest.raises(QueryExecutionException) as caught:
        _rows(query, [path], ["a"])
    assert caught.value.getCondition() == "FAILED_READ_FILE.NO_HINT"
    ignoring = parse_options({"ignoreCorruptFiles": "true"})
    assert len(_rows(query, [path], ["a"], ignoring)) <= 9999


def test_a_file_that_vanished(tmp_path: Path, query: JsonQuery) -> None:
    paths = _files(tmp_path, '{"a":1}\n', '{"a":2}\n')
    entries = [entry(path) for path in paths]
    paths[0].unlink()
    with pytest.raises(QueryExecutionException) as caught:
        query.read(entries, SCHEMA, PLAIN, ["a"])
    assert caught.value.getCondition() == "FAILED_READ_FILE.FILE_NOT_EXIST"
    assert caught.value.getSqlState() == "KD001"
    assert f"file://{paths[0]}" in str(caught.value)
    ignoring = parse_options({"ignoreMissingFiles": "true"})
    assert query.read(entries, SCHEMA, ignoring, ["a"]).to_pylist() == [{"c0": 2}]
    paths[1].unlink()
    assert query.read(entries, SCHEMA, ignoring, ["a", "b"]).num_rows == 0


def test_failfast(tmp_path: Path, query: JsonQuery) -> None:
    options = parse_options({"mode": "FAILFAST"})
    good, bad = _files(tmp_path, '{"a":1,"b":"x"}\n', '{"a":"x","b":"y"}\n')
    assert _rows(query, [good], ["a"], options) == [(1,)]
    assert query.used_duckdb
    # Spark judges a record by the columns that are read.
    assert _rows(query, [bad], ["b"], options) == [("y",)]
    with pytest.raises(QueryExecutionException) as caught:
        _rows(query, [good, bad], ["a"], options)
    assert caught.value.getCondition() == "FAILED_READ_FILE.NO_HINT"
    assert caught.value.getSqlState() == "KD001"
    cause = caught.value.__cause__
    assert cause is not None
    assert cause.getCondition() == "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION"  # type: ignore[attr-defined]


def test_a_null_line_is_malformed(tmp_path: Path, query: JsonQuery) -> None:
    (path,) = _files(tmp_path, '{"a":1}\n null\n')
    assert _rows(query, [path], ["a"], parse_options({"mode": "DROPMALFORMED"})) == [(1,)]
    assert _rows(query, [path], ["a", "_corrupt_record"]) == [(1, None), (None, " null")]


def test_misuse_of_the_corrupt_column(tmp_path: Path, query: JsonQuery) -> None:
    paths = _files(tmp_path, '{"a":1}\n')
    for columns in (["_corrupt_record"], ["_corrupt_record", "_metadata.file_name"]):
        with pytest.raises(AnalysisException) as caught:
            query.read(paths, SCHEMA, PLAIN, columns)
        assert caught.value.getCondition() == "UNSUPPORTED_FEATURE.QUERY_ONLY_CORRUPT_RECORD_COLUMN"
    with pytest.raises(AnalysisException) as caught:
        query.read(paths, schema_of("a int, _corrupt_record int"), PLAIN, ["a"])
    assert caught.value.getCondition() == "INVALID_CORRUPT_RECORD_TYPE"


def test_an_error_of_the_query_is_left_alone(tmp_path: Path, query: JsonQuery) -> None:
    paths = _files(tmp_path, '{"a":1}\n')
    with pytest.raises(Exception, match="of the query"):
        query.read(
            paths, SCHEMA, PLAIN, ["a"], where="CASE WHEN c0 = 1 THEN error('of the query') ELSE true END"
        )
    assert query.replaced == 0


def test_no_files(query: JsonQuery) -> None:
    table = query.read([], SCHEMA, PLAIN, ["a", "b", "_metadata.file_size"])
    assert table.num_rows == 0
    assert [str(field.type) for field in table.schema] == ["int64", "string", "int64"]


def test_records_longer_than_duckdb_takes(tmp_path: Path, query: JsonQuery) -> None:
    paths = _files(tmp_path, '{"a":1,"z":"' + "x" * (40 << 20) + '"}\n{"a":2}\n')
    # Spark's parser refuses strings beyond 20 million characters, in fields that are not needed it does not look.
    assert [row[0] for row in _rows(query, paths, ["a"])] == [1, 2]


def test_a_query_runs_again_when_its_rows_are_not_verified(tmp_path: Path) -> None:
    from lightstream.sql import SparkSession

    (tmp_path / "a.json").write_text('{"a":1,}\n')  # which DuckDB reads without an error
    session = SparkSession.builder.create()
    try:
        frame = session.read.schema("a int, _corrupt_record string").json(str(tmp_path))
        assert [tuple(row) for row in frame.collect()] == [(None, '{"a":1,}')]
        assert frame.toArrow().num_rows == 1
    finally:
        session.stop()


def test_values_that_are_not_certain_may_come_late_and_into_tables(tmp_path: Path) -> None:
    from lightstream.sql import SparkSession

    (tmp_path / "late.json").write_text('{"a":1}\n' * 200_000 + '{"a":"x"}\n')
    (tmp_path / "odd.json").write_text('{"a":1}\n{"a":2,}\n')
    session = SparkSession.builder.create()
    try:
        late = session.read.schema("a int, _corrupt_record string").json(str(tmp_path / "late.json"))
        assert late.collect()[-1]._corrupt_record == '{"a":"x"}'
        late.write.saveAsTable("late")
        assert session.table("late").count() == 200_001
        odd = session.read.schema("a int").json(str(tmp_path / "odd.json"))
        odd.write.saveAsTable("odd")
        odd.write.insertInto("odd")
        assert [row.a for row in session.table("odd").collect()] == [1, None, 1, None]
    finally:
        session.stop()
