"""Reading files: what a case is made of, and how one is read on an engine."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from lightstream.parity.answers import Answer, columns_of, failed, rows_of

# What is in a file: its bytes, or what writes it to a path.
Content = bytes | Callable[[Path], Any]


@dataclass(frozen=True, slots=True)
class FileCase:
    """Files by name, and how they are read. `columns`: what is selected, all without; () counts rows."""

    name: str
    format: str
    files: dict[str, Content]
    options: dict[str, str] = field(default_factory=dict)
    schema: str | None = None
    columns: tuple[str, ...] | None = None
    settings: dict[str, str] = field(default_factory=dict)


def case(
    name: str,
    format_name: str,
    files: Content | dict[str, Content],
    *,
    schema: str | None = None,
    columns: tuple[str, ...] | None = None,
    settings: dict[str, str] | None = None,
    **options: str,
) -> FileCase:
    """Return a case; a single file needs no name."""
    named = files if isinstance(files, dict) else {"data": files}
    return FileCase(name, format_name, named, options, schema, columns, settings or {})


def write(case: FileCase, directory: Path) -> None:
    """Write the files of a case; they are equally old."""
    for name, content in case.files.items():
        path = directory / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if isinstance(content, bytes):
            path.write_bytes(content)
        else:
            content(path)
        os.utime(path, (1_700_000_000, 1_700_000_000))


def _spoken(error: Exception) -> Answer:
    """Return the answer that is an error; one of a task reaches Python as Java's, with its condition in the text."""
    found = re.search(r"SparkException: \[(FAILED_READ_FILE[A-Z_.]*|CANNOT_MERGE_SCHEMAS)\]", str(error))
    if not hasattr(error, "getCondition") and found is not None:
        return Answer(error=("QueryExecutionException", found[1]), text=str(error)[:200])
    return failed(error)


def read(session: Any, case: FileCase, directory: Path) -> Answer:
    """Return what an engine reads."""
    kept = {key: session.conf.get(key, None) for key in case.settings}
    try:
        for key, value in case.settings.items():
            session.conf.set(key, value)
        reader = session.read.format(case.format).options(**case.options)
        frame = (reader if case.schema is None else reader.schema(case.schema)).load(str(directory))
        if case.columns == ():
            return Answer(rows=((frame.count(),),))
        if case.columns is not None:
            frame = frame.select(*case.columns)
        # Python has no dates beyond the year 9999: they are compared as text.
        shown = [
            f"cast(`{f.name}` as string)" if f.dataType.typeName() == "date" else f"`{f.name}`"
            for f in frame.schema
        ]
        return Answer(columns_of(frame), rows_of(frame.selectExpr(*shown)))
    except Exception as error:  # every engine's errors are what is compared
        return _spoken(error)
    finally:
        for key, value in kept.items():
            if value is None:
                session.conf.unset(key)
            else:
                session.conf.set(key, value)
