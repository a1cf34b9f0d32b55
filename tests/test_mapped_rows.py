"""Rows taken out of a mapped copy of a table are those of the table."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from lightstream.operators import key_index, mapped_rows
from lightstream.operators.key_index import Wanted
from lightstream.operators.mapped_rows import MappedRows, copy_of

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
def connection(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    import duckdb

    monkeypatch.setattr(key_index, "_FRACTION", 1)
    with duckdb.connect() as found:
        found.execute("SET TimeZone = 'America/New_York'")
        yield found


def near(connection: Any, copy: MappedRows, keys: str) -> str:
    """The rows of a copy with the keys `k` that a SELECT gives."""
    wanted = Wanted.of(connection, f"({keys})", "hash(k)", copy.rows)
    assert wanted is not None
    return copy.near(wanted)


@pytest.mark.parametrize("kind", list(VALUES))
def test_values_come_back_as_they_were(connection: Any, tmp_path: Path, kind: str) -> None:
    values = VALUES[kind]
    connection.execute(f"CREATE TABLE t (k BIGINT, v {kind})")
    for key, value in enumerate(values):
        connection.execute(f"INSERT INTO t VALUES ({key}, CAST({value} AS {kind}))")
    copy = copy_of(connection, "t", "hash(k)", [("k", "BIGINT"), ("v", kind)], "near", str(tmp_path))
    assert copy is not None
    assert not list(tmp_path.iterdir()), "the file has no name"
    taken = near(connection, copy, "SELECT k FROM t")
    assert connection.execute(f"DESCRIBE FROM {taken}").fetchall()[1][1] == kind
    read = "SELECT k, CAST(v AS VARCHAR), v IS NULL FROM {} ORDER BY k"
    assert (
        connection.execute(read.format(taken)).fetchall() == connection.execute(read.format("t")).fetchall()
    )
    same = f"SELECT count(*) FROM t JOIN {taken} s USING (k) WHERE t.v IS NOT DISTINCT FROM s.v"
    assert connection.execute(same).fetchone() == (len(values),)


def test_keys_over_many_batches(connection: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(mapped_rows, "_BATCH_ROWS", 2048)
    connection.execute("CREATE TABLE t AS SELECT 'k' || i % 9_000 AS k, i AS n FROM range(10_000) t(i)")
    connection.execute("DELETE FROM t WHERE n % 3_000 = 17")  # gaps do not matter
    copy = copy_of(connection, "t", "hash(k)", [("k", "VARCHAR"), ("n", "BIGINT")], "near", None)
    assert copy is not None
    for keys in (["k8999", "k0", "k2047", "k2048", "k17", "missing"], [], ["missing"], ["k4096", "k4096"]):
        taken = near(connection, copy, f"SELECT unnest({keys}::VARCHAR[]) AS k")
        found = connection.execute(f"SELECT k, n FROM {taken} ORDER BY n").fetchall()
        expected = connection.execute(
            f"SELECT k, n FROM t WHERE k IN (SELECT unnest({keys}::VARCHAR[])) ORDER BY n"
        )
        assert found == expected.fetchall()


def test_no_rows(connection: Any) -> None:
    connection.execute("CREATE TABLE t (k BIGINT)")
    copy = copy_of(connection, "t", "hash(k)", [("k", "BIGINT")], "near", None)
    assert copy is not None
    connection.execute("CREATE TABLE wanted AS SELECT 1 AS k WHERE false")
    assert connection.execute(f"SELECT * FROM {near(connection, copy, 'FROM wanted')}").fetchall() == []


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
    assert copy_of(connection, "t", "hash(v)", [("v", kind)], "near", None) is None
    assert connection.execute("SELECT count(*) FROM t").fetchone() == (1,), "the connection goes on"


def test_no_room_for_the_copy(connection: Any, tmp_path: Path) -> None:
    connection.execute("CREATE TABLE t AS SELECT 1 AS v")
    assert copy_of(connection, "t", "hash(v)", [("v", "INTEGER")], "near", str(tmp_path / "missing")) is None
