"""Rows taken out of a mapped copy of a table are those of the table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lightstream.operators import mapped_rows
from lightstream.operators.mapped_rows import copy_of

VALUES = {
    "BOOLEAN": ["true", "false", "NULL"],
    "TINYINT": ["-128", "127", "NULL"],
    "BIGINT": ["-9223372036854775808", "9223372036854775807", "NULL"],
    "HUGEINT": ["-99999999999999999999999999999999999999", "9223372036854775808", "NULL"],
    "FLOAT": ["'-0.0'", "'nan'", "1.1"],
    "DOUBLE": ["'-0.0'", "'nan'", "'inf'", "0.1", "NULL"],
    "VARCHAR": ["''", "'a longer text than twelve bytes, with ü and 🙂'", "chr(0)", "NULL"],
    "BLOB": ["'\\x00\\xFF'", "''", "NULL"],
    "DATE": ["'0001-01-01'", "'9999-12-31'", "'-4712-01-01'", "NULL"],
    "TIMESTAMP": ["'0001-01-01 00:00:00.000001'", "'9999-12-31 23:59:59.999999'", "NULL"],
    "TIMESTAMP WITH TIME ZONE": [
        "'1900-01-01 00:00:00.000001+00'",
        "'9999-12-31 23:59:59.999999+00'",
        "NULL",
    ],
    "DECIMAL(38,10)": ["'1234567890123456789012345678.0123456789'", "-0.0000000001", "NULL"],
    "DECIMAL(4,2)": ["99.99", "-99.99", "NULL"],
}


@pytest.fixture
def connection() -> Iterator[Any]:
    import duckdb

    with duckdb.connect() as found:
        found.execute("SET TimeZone = 'America/New_York'")
        yield found


@pytest.mark.parametrize("kind", list(VALUES))
def test_values_come_back_as_they_were(connection: Any, tmp_path: Path, kind: str) -> None:
    import polars

    values = VALUES[kind]
    connection.execute(f"CREATE TABLE t (place BIGINT, v {kind})")
    for place, value in enumerate(values):
        connection.execute(f"INSERT INTO t VALUES ({place}, CAST({value} AS {kind}))")
    copy = copy_of(connection, "t", [("place", "BIGINT"), ("v", kind)], str(tmp_path))
    assert copy is not None
    assert not list(tmp_path.iterdir()), "the file has no name"
    taken = copy.take(polars.Series(range(len(values))), "taken")
    assert connection.execute(f"DESCRIBE FROM {taken}").fetchall()[1][1] == kind
    read = "SELECT place, CAST(v AS VARCHAR), v IS NULL FROM {} ORDER BY place"
    assert (
        connection.execute(read.format(taken)).fetchall() == connection.execute(read.format("t")).fetchall()
    )
    same = f"SELECT count(*) FROM t JOIN {taken} s USING (place) WHERE t.v IS NOT DISTINCT FROM s.v"
    assert connection.execute(same).fetchone() == (len(values),)


def test_places_in_any_order_over_many_batches(connection: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    import polars

    monkeypatch.setattr(mapped_rows, "_BATCH_ROWS", 2048)
    connection.execute("CREATE TABLE t AS SELECT 'k' || i AS k FROM range(10_000) t(i)")
    copy = copy_of(connection, "t", [("k", "VARCHAR")], None)
    assert copy is not None
    for places in ([9_999, 0, 2_047, 2_048, 5_000], [], [4_096]):
        taken = copy.take(polars.Series(places, dtype=polars.Int64), "taken")
        found = connection.execute(f"SELECT k FROM {taken}").fetchall()
        assert sorted(k for (k,) in found) == sorted(f"k{place}" for place in places)


@pytest.mark.parametrize(
    ("kind", "value"),
    [
        ("INTERVAL", "INTERVAL 1 month"),
        ("STRUCT(a INTEGER)", "{'a': 1}"),
        ("HUGEINT", "100000000000000000000000000000000000000"),
    ],
)
def test_what_cannot_be_copied_is_left_where_it_is(connection: Any, kind: str, value: str) -> None:
    connection.execute(f"CREATE TABLE t AS SELECT CAST({value} AS {kind}) AS v")
    assert copy_of(connection, "t", [("v", kind)], None) is None
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (1,), "the connection goes on"


def test_no_room_for_the_copy(connection: Any, tmp_path: Path) -> None:
    connection.execute("CREATE TABLE t AS SELECT 1 AS v")
    assert copy_of(connection, "t", [("v", "INTEGER")], str(tmp_path / "missing")) is None


def test_a_table_with_gaps_is_not_copied(connection: Any) -> None:
    connection.execute("CREATE TABLE t AS SELECT i AS v FROM range(10) t(i)")
    connection.execute("DELETE FROM t WHERE v = 5")
    assert copy_of(connection, "t", [("v", "BIGINT")], None) is None
