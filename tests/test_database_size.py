"""A database file and its log stay small, however many small transactions there are."""

from __future__ import annotations

from pathlib import Path

from lightstream.database.connection import Database


def test_the_log_is_folded_into_the_file(tmp_path: Path) -> None:
    path, log = tmp_path / "results.duckdb", tmp_path / "results.duckdb.wal"
    database = Database(str(path))
    cursor = database.cursor()
    cursor.execute("CREATE TABLE t AS SELECT range AS n, repeat('x', 100) AS text FROM range(100)")
    cursor.execute("ATTACH ? AS other", [str(tmp_path / "other.duckdb")])
    cursor.execute("CREATE TABLE other.t AS FROM t")
    largest = 0
    for _ in range(200):
        for table in ("t", "other.t"):
            cursor.execute("BEGIN")
            cursor.execute(f"DELETE FROM {table}")
            cursor.execute(f"INSERT INTO {table} SELECT range, repeat('x', 100) FROM range(100)")
            cursor.execute("COMMIT")
        for name in ("results", "other"):
            for file in tmp_path.glob(f"{name}.duckdb*"):
                largest = max(largest, file.stat().st_size)
    database.close()
    assert 500_000 < largest < 2_500_000
    assert not log.exists()
