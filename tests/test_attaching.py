"""Databases that are attached again right after they were detached."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from lightstream.database import creation


def test_a_database_is_attached_again_when_others_have_stopped_looking(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = str(tmp_path / "state.duckdb")
    with duckdb.connect() as cursor, cursor.cursor() as other:
        creation.attach(cursor, path, "first")
        other.execute("BEGIN")
        other.execute("SELECT count(*) FROM duckdb_tables()").fetchall()  # sees all databases
        cursor.execute("DETACH first")
        waits = []

        def ends(seconds: float) -> None:
            waits.append(seconds)
            if len(waits) == 2:
                other.execute("COMMIT")

        monkeypatch.setattr(creation.time, "sleep", ends)
        creation.attach(cursor, path, "second")
        assert len(waits) == 2
        cursor.execute("CREATE TABLE second.t AS SELECT 1")


def test_a_database_that_stays_attached_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(creation, "_DETACHING_S", 0)
    path = str(tmp_path / "state.duckdb")
    with duckdb.connect() as cursor:
        creation.attach(cursor, path, "first")
        creation.attach(cursor, path, "first")
        with pytest.raises(duckdb.Error, match="already attached"):
            creation.attach(cursor, path, "second")
