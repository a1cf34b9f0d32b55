"""Part files: rows written into a hidden directory first, then moved to their names."""

from __future__ import annotations

import hashlib
import io
import json
import os
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any, cast

from lightstream.dataclass import dataclass
from lightstream.errors import SparkRuntimeException
from lightstream.execute.natives import make_known
from lightstream.functions.cast_text import to_text
from lightstream.functions.registry import SqlContext
from lightstream.functions.spelling import quote, text_sql
from lightstream.sinks.files.formats import Lines, PartFormat
from lightstream.sinks.files.layout import Layout
from lightstream.sources.partitions import NULL_PARTITION
from lightstream.sources.paths import display_path

if TYPE_CHECKING:
    import duckdb

Rows = Callable[[str, str], None]
"""Runs a statement that takes all rows: its text before the SELECT, and behind it."""

TEMPORARY = "_temporary"
_TABLE = "temp.main.lightstream_parts"
_NOTHING = "[]"  # where no row says which file it is for
_ROWS_AT_ONCE = 10_000
_ROWS_IN_BATCH = 122_880
# What Hive does not leave in a directory's name.
_ESCAPED = re.compile("[\x01-\x1f\"#%'*/:=?\\\\\x7f{\\[\\]^]")


@dataclass(frozen=True, slots=True)
class Part:
    """One finished file: where it lies for now, and the directory that it belongs into, below the table's."""

    temporary: str
    directory: str


def write_parts(
    rows: Rows,
    layout: Layout,
    format: PartFormat,
    temporary: str,
    time_zone: str,
    cursor: duckdb.DuckDBPyConnection,
) -> list[Part]:
    """Write rows to new files in a directory, one a partition; without partitions there is one, also without rows.

    Of more rows than a file may have there are several files.

    Args:
        rows: gives the rows, with the columns of `layout`.
        layout: which columns are in files and directories.
        format: what a file holds.
        temporary: an empty directory.
        time_zone: the session's, for partition values.
        cursor: where statements run.
    """
    make_known(cursor, format.columns)
    names = ", ".join(f"c{position}" for position in range(len(layout.data) + len(layout.partitions)))
    behind = f") AS ls_rows({names})"
    if not layout.partitions and not format.max_records and format.lines is None and format.write is None:
        target = os.path.join(temporary, "part")
        copy = _content(format, cursor, f"(SELECT {format.columns} FROM (\0{behind})")
        before, _, after = f"COPY ({copy}) TO {text_sql(target)} ({format.copy})".partition("\0")
        rows(before, after)
        return [Part(target, "")]
    context = SqlContext(time_zone=time_zone)
    texts = [
        f"nullif({to_text(name, field.dataType, 'ansi', context)}, '')" for field, name in layout.partitions
    ]
    number = "''"
    if format.max_records:
        within = f"PARTITION BY {', '.join(texts)}" if texts else ""
        number = f"lpad(CAST((row_number() OVER ({within}) - 1) // {format.max_records} AS VARCHAR), 19, '0')"
    values = f"CAST(to_json([{', '.join([number, *texts])}]) AS VARCHAR)"
    before = f"CREATE OR REPLACE TEMP TABLE lightstream_parts AS SELECT {format.columns}, {values} AS ls_values FROM ("
    rows(before, behind)
    try:
        write = _written_by_duckdb
        if format.write is not None:
            write = _written_from_arrow
        elif format.lines is not None:
            write = _written_here
        return list(write(_directories(layout, cursor), format, temporary, cursor))
    finally:
        cursor.execute(f"DROP TABLE {_TABLE}")


def _content(format: PartFormat, cursor: duckdb.DuckDBPyConnection, source: str, more: str = "") -> str:
    """Return the SELECT of what is in files, from rows of `format.columns`; the first line is a column's name."""
    selected = format.names
    if format.header is not None:
        selected = f"line AS {quote(_header(format, cursor))}"
    return f"SELECT {selected}{more} FROM {source}{_kept(format)}"


def _header(format: PartFormat, cursor: duckdb.DuckDBPyConnection) -> str:
    ((header,),) = cursor.execute(f"SELECT {format.header}").fetchall()
    return str(header)


def _kept(format: PartFormat) -> str:
    return " WHERE line <> ''" if format.skips_empty else ""


def _directories(layout: Layout, cursor: duckdb.DuckDBPyConnection) -> dict[str, str]:
    """Return the directory of each file, by the file's number in it and the values of partition columns, as JSON.

    Without partitions there is a file also where no row is.
    """
    found = cursor.execute(f"SELECT DISTINCT ls_values FROM {_TABLE} ORDER BY 1").fetchall()
    names = [field.name for field, _ in layout.partitions]
    if not found and not names:
        return {_NOTHING: ""}
    return {
        values: "/".join(
            f"{escaped(name)}={NULL_PARTITION if value is None else escaped(value)}"
            for name, value in zip(names, json.loads(values)[1:], strict=True)
        )
        for (values,) in found
    }


def escaped(text: str) -> str:
    """Return a name or a value as it stands in a directory's name.

    >>> escaped("a/b c")
    'a%2Fb c'
    """
    return _ESCAPED.sub(lambda match: f"%{ord(match[0]):02X}", text)


def _written_by_duckdb(
    directories: dict[str, str], format: PartFormat, temporary: str, cursor: duckdb.DuckDBPyConnection
) -> Iterator[Part]:
    if _NOTHING in directories:
        path = os.path.join(temporary, "part")
        cursor.execute(
            f"COPY ({_content(format, cursor, _TABLE)}) TO {text_sql(path)} ({format.copy})"
        ).fetchall()
        yield Part(path, "")
        return
    # Names of directories are short here, whatever the values are.
    copy = _content(format, cursor, _TABLE, ", md5(ls_values) AS ls_key")
    target = text_sql(temporary)
    cursor.execute(
        f"COPY ({copy}) TO {target} ({format.copy}, PARTITION_BY (ls_key), OVERWRITE_OR_IGNORE)"
    ).fetchall()
    for values, directory in directories.items():
        path = os.path.join(temporary, f"ls_key={hashlib.md5(values.encode()).hexdigest()}")
        if os.path.isdir(path):
            for name in sorted(os.listdir(path)):
                yield Part(os.path.join(path, name), directory)


def _written_from_arrow(
    directories: dict[str, str], format: PartFormat, temporary: str, cursor: duckdb.DuckDBPyConnection
) -> Iterator[Part]:
    assert format.write is not None
    for number, (values, directory) in enumerate(directories.items()):
        path = os.path.join(temporary, str(number))
        found = cursor.query(f"SELECT {format.names} FROM {_TABLE} WHERE ls_values = ?", params=[values])
        # Closed whatever happens: a connection with an open result takes no other statement.
        with found.to_arrow_reader(_ROWS_IN_BATCH) as rows:
            format.write(rows, path)
        yield Part(path, directory)


def _written_here(
    directories: dict[str, str], format: PartFormat, temporary: str, cursor: duckdb.DuckDBPyConnection
) -> Iterator[Part]:
    lines = format.lines
    assert lines is not None
    header = None if format.header is None else _header(format, cursor)
    for number, (values, directory) in enumerate(directories.items()):
        where = f"{_kept(format) or ' WHERE true'} AND ls_values = ?"
        cursor.execute(f"SELECT line FROM {_TABLE}{where}", [values])
        path = os.path.join(temporary, str(number))
        with _opened(path, lines.codec) as file:
            file.write(lines.mark)
            if header is not None:
                file.write(_encoded([header], lines))
            while found := cursor.fetchmany(_ROWS_AT_ONCE):
                file.write(_encoded([line for (line,) in found], lines))
        yield Part(path, directory)


def _opened(path: str, codec: str | None) -> IO[bytes]:
    if codec == "gzip":
        import gzip

        return cast("IO[bytes]", gzip.open(path, "wb"))
    if codec == "bzip2":
        import bz2

        return cast("IO[bytes]", bz2.open(path, "wb"))
    return _Deflated(path) if codec == "deflate" else open(path, "wb")


class _Deflated(io.FileIO):
    """A file in the format of zlib."""

    def __init__(self, path: str) -> None:
        super().__init__(path, "w")
        self._compressor = zlib.compressobj()

    def write(self, data: Any) -> int:
        super().write(self._compressor.compress(data))
        return len(data)

    def close(self) -> None:
        if not self.closed:
            super().write(self._compressor.flush())
        super().close()


def _encoded(texts: list[str], lines: Lines) -> bytes:
    # As Java does, what the encoding does not have is a question mark.
    return "".join(text + lines.separator for text in texts).encode(lines.encoding, "replace")


# ---- into place -------------------------------------------------------------------------------------------------


def part_names(parts: Sequence[Part], identity: str, format: PartFormat, layout: Layout) -> list[str]:
    """Return the names that Spark gives to files, below the table's directory: numbered in each directory.

    Spark: the first number is the task's, the second that of a file that another has no room for.
    """
    mark = "." if layout.partitions else "-"
    names: list[str] = []
    counts: Counter[str] = Counter()
    for part in parts:
        number = counts[part.directory]
        task, file = (0, number) if format.max_records else (number, 0)
        name = f"part-{task:05}-{identity}{mark}c{file:03}{format.extension}"
        counts[part.directory] += 1
        names.append(os.path.join(part.directory, name))
    return names


def put(part: Part, path: str) -> None:
    """Give a finished file its name; one that has it already is replaced."""
    try:
        os.rename(part.temporary, path)
    except FileNotFoundError:
        os.makedirs(os.path.dirname(path), exist_ok=True)
        os.rename(part.temporary, path)


@contextmanager
def writing_to(path: str) -> Iterator[None]:
    """Give what goes wrong with a directory of files one clear error.

    Raises:
        SparkRuntimeException: TASK_WRITE_FAILED.
    """
    import duckdb

    try:
        yield
    except (OSError, ValueError, duckdb.IOException) as error:  # a value: a name that no file can have
        raise SparkRuntimeException(
            "TASK_WRITE_FAILED",
            f"Task failed while writing rows to {display_path(path)}: {error}. Make room, give write access, or name "
            "another directory.",
            sqlstate="58030",
            parameters={"path": display_path(path)},
        ) from error
