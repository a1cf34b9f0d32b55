"""The loop that a good engineer would write by hand: one file, one transaction, no engine."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

READ = "read_json([{files}], format='newline_delimited', records=true, columns={{{columns}}})"


def read_json(files: list[str], **columns: str) -> str:
    """Return the scan of files with these columns, as DuckDB reads them fastest."""
    names = ", ".join(f"'{name}': '{kind}'" for name, kind in columns.items())
    return READ.format(files=", ".join(f"'{file}'" for file in files), columns=names)


def open_database(path: str) -> Any:
    """Return a database with a table of the files that were read."""
    import duckdb

    db = duckdb.connect(path)
    db.execute("CREATE TABLE IF NOT EXISTS files (name VARCHAR)")
    return db


def count_into(db: Any) -> Callable[[str], None]:
    """Return the step that adds one file to the table of counts."""
    db.execute("CREATE TABLE IF NOT EXISTS counts (gt VARCHAR PRIMARY KEY, count BIGINT)")

    def step(file: str) -> None:
        db.execute("BEGIN")
        db.execute(
            f"INSERT INTO counts SELECT gt, count(*) FROM {read_json([file], gt='VARCHAR')} GROUP BY gt "
            "ON CONFLICT DO UPDATE SET count = count + excluded.count"
        )
        db.execute("INSERT INTO files VALUES (?)", [file])
        db.execute("COMMIT")

    return step


def new_files(directory: str, seen: set[str]) -> list[str]:
    """List a directory; return, and remember, the files that were not there before."""
    with os.scandir(directory) as entries:
        found = sorted(e.path for e in entries if e.name.endswith(".json") and e.path not in seen)
    seen.update(found)
    return found
