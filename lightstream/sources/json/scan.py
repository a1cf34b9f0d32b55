"""A read of JSON files as one relation: the fast path where it is certain, the exact reader for the other files."""

from __future__ import annotations

import itertools
import json
import os
from collections.abc import Sequence
from dataclasses import field
from typing import TYPE_CHECKING, Any

from lightstream.dataclass import dataclass
from lightstream.errors import AnalysisException
from lightstream.functions.spelling import duck_type, quote, text_sql
from lightstream.plan import types as t
from lightstream.sources.contract import Required, Scan
from lightstream.sources.json.fast import FileValues, failure, fast_sql
from lightstream.sources.json.options import PERMISSIVE, JsonOptions, check_corrupt_column
from lightstream.sources.json.records import codec_of, read_failed
from lightstream.sources.json.suspects import PendingCheck, c_search_is_fast
from lightstream.sources.listing import FileEntry

if TYPE_CHECKING:
    import duckdb

_PEEK_BYTES = 1 << 16
_frame_numbers = itertools.count()


@dataclass(slots=True)
class Experience:
    """What reading a source has taught: kept from batch to batch."""

    token_texts: set[str] = field(default_factory=set)
    peeked: set[str] = field(default_factory=set)


@dataclass(frozen=True, slots=True)
class JsonRead:
    """One read: files with their partition values, the columns in them, the columns that are needed."""

    files: Sequence[FileEntry]
    schema: t.StructType
    partitions: t.StructType
    columns: tuple[Required, ...]
    options: JsonOptions


def scan_json(read: JsonRead, cursor: duckdb.DuckDBPyConnection, experience: Experience) -> Scan:
    """Return the rows of a read.

    Raises:
        AnalysisException: the corrupt-record column is no string, or the only column that is needed.
        QueryExecutionException: `FAILED_READ_FILE`.
    """
    _check_corrupt_column(read)
    files = read.files
    if read.options.ignore_missing_files:
        files = [file for file in files if os.path.exists(file.path)]
    if not files:
        return Scan(_no_rows(read))
    return _Attempt(read, files, cursor, experience).first()


def _check_corrupt_column(read: JsonRead) -> None:
    name = read.options.corrupt_column
    for column in read.schema.fields:
        if column.name == name:
            check_corrupt_column(column.dataType.simpleString(), name)
    partitions = set(read.partitions.names)
    needed = {c.path[0] for c in read.columns if c.path[0] not in partitions and len(c.path) == 1}
    if needed == {name}:
        raise AnalysisException(
            "UNSUPPORTED_FEATURE.QUERY_ONLY_CORRUPT_RECORD_COLUMN",
            f"A query of raw JSON files cannot use the column {name} alone: whether a record is corrupt depends on "
            "the other columns it is read for. Select another column too, or write the rows somewhere first.",
            sqlstate="0A000",
        )


def _no_rows(read: JsonRead) -> str:
    types = {f.name: f.dataType for f in (*read.schema.fields, *read.partitions.fields)}
    items = []
    for column in read.columns:
        data_type = _METADATA_TYPES[column.path[1]] if len(column.path) > 1 else types[column.path[0]]
        items.append(f"CAST(NULL AS {duck_type(data_type)}) AS {quote(column.output)}")
    return f"(SELECT {', '.join(items) or '1 AS one'} WHERE false)"


_METADATA_TYPES: dict[str, t.DataType] = {
    "file_path": t.StringType(), "file_name": t.StringType(), "file_size": t.LongType(),
    "file_block_start": t.LongType(), "file_block_length": t.LongType(),
    "file_modification_time": t.TimestampType(),
}  # fmt: skip


class _Attempt:
    """One read on its way to a relation that holds: which files are read exactly is learnt from failures."""

    def __init__(
        self,
        read: JsonRead,
        files: Sequence[FileEntry],
        cursor: duckdb.DuckDBPyConnection,
        experience: Experience,
    ) -> None:
        self.read = read
        self.files = files
        self.experience = experience
        self.dirty: set[str] = set()
        self.failures = 0
        self.failed_with = ""
        self.tables: dict[str, Any] = {}
        partitions = set(read.partitions.names)
        self.of_file = [c for c in read.columns if len(c.path) > 1 or c.path[0] in partitions]
        names = {c.path[0] for c in read.columns if c not in self.of_file}
        # Spark judges a record by the columns that are needed, in the order of the schema.
        self.needed = t.StructType([f for f in read.schema.fields if f.name in names])
        self._peek(names)
        self.check: PendingCheck | None = None
        if self._fast_sql([files[0]]) is None:
            self.dirty = {file.path for file in files}
            return
        options = read.options
        strict = options.mode != PERMISSIVE or options.corrupt_column in names
        # Runs beside the statement; asked for by `verified`.
        self.check = PendingCheck(
            [file.path for file in files],
            sum(file.size for file in files),
            None if c_search_is_fast() else cursor.cursor(),
            null_lines=strict,
            decimals=any(_has(t.DecimalType, field.dataType) for field in self.needed.fields),
        )

    def _peek(self, names: set[str]) -> None:
        """Look at the first record for string columns with values that look like numbers or objects."""
        strings = {f.name for f in self.needed.fields if _has(t.StringType, f.dataType)}
        new = strings - self.experience.peeked
        if not new:
            return
        self.experience.peeked |= new
        file = next((f for f in self.files if codec_of(f.path) is None and f.size), None)
        if file is None:
            return
        try:
            with open(file.path, "rb", buffering=0) as stream:
                record = json.loads(stream.read(_PEEK_BYTES).split(b"\n", 1)[0])
        except (OSError, ValueError, RecursionError):
            return
        if isinstance(record, dict):
            self.experience.token_texts |= {name for name in new if _looks_like_token(record.get(name))}

    def first(self) -> Scan:
        """Return the scan to try first."""
        return self._scan()

    def verified(self) -> bool:
        """Return whether no file that was read the fast way has bytes that DuckDB reads otherwise than Spark."""
        return self._suspects() <= self.dirty

    def _suspects(self) -> set[str]:
        try:
            return set() if self.check is None else set(self.check.suspects())
        except OSError:
            return {file.path for file in self.files if not os.access(file.path, os.R_OK)}

    def after(self, cursor: duckdb.DuckDBPyConnection, error: Exception | None) -> Scan:
        """Return the scan to try after a statement that failed, or whose rows were not verified.

        Raises:
            Exception: `error` itself, when it is not about reading the files; Spark's error for a file.
        """
        self._refuse_missing()
        suspects = self._suspects() - self.dirty
        self.dirty |= suspects
        found = None if error is None else failure(str(error), self.read.schema)
        if error is None or (found is None and suspects):
            return self._scan()
        if found is None:
            raise error
        if found.token_text is not None and found.token_text not in self.experience.token_texts:
            self.experience.token_texts.add(found.token_text)
            return self._scan()
        before = len(self.dirty)
        if found.path in {file.path for file in self.files}:
            self.dirty.add(found.path)
        repeated = self.failed_with == str(error)
        self.failed_with = str(error)
        self.failures += len(self.dirty) > before
        if self.failures > 1 or found.path is None or repeated:
            # Several files fail: try each one, rather than all of them again for each.
            self._probe_all(cursor)
            if len(self.dirty) == before and repeated:
                raise error
        # An error about files that are none of these is another scan's to deal with.
        return self._scan()

    def _refuse_missing(self) -> None:
        missing = [file.path for file in self.files if not os.path.exists(file.path)]
        if missing and self.read.options.ignore_missing_files:
            self.files = [file for file in self.files if file.path not in missing]
        elif missing:
            raise read_failed(missing[0], "The file does not exist: it may have been deleted.", missing=True)

    def _probe_all(self, cursor: duckdb.DuckDBPyConnection) -> None:
        import duckdb

        probe = cursor.cursor()
        outputs = ", ".join(quote(c.output) for c in self.read.columns) or "one"
        for file in self.files:
            while file.path not in self.dirty:
                sql = self._fast_sql([file])
                try:
                    probe.execute(f"SELECT count(*) FROM {sql} WHERE hash({outputs}) IS NOT NULL").fetchall()
                    break
                except (duckdb.Error, UnicodeDecodeError) as error:
                    found = failure(str(error), self.read.schema)
                    text = None if found is None else found.token_text
                    if text is None or text in self.experience.token_texts:
                        self.dirty.add(file.path)
                    else:
                        self.experience.token_texts.add(text)

    def _scan(self) -> Scan:
        clean = [file for file in self.files if file.path not in self.dirty]
        dirty = [file for file in self.files if file.path in self.dirty]
        sql = self._fast_sql(clean) if clean else None
        if sql is None:
            # What holds for one file need not for several, when the data hide the names of DuckDB's own columns.
            clean, dirty = [], list(self.files)
            self.dirty = {file.path for file in dirty}
        parts = [] if sql is None else [sql]
        frames: dict[str, Any] = {}
        if dirty:
            name = f"lightstream_json_{next(_frame_numbers)}"
            frames[name] = self._exact_rows(dirty)
            parts.append(self._exact_sql(name, dirty))
        if not parts:
            return Scan(_no_rows(self.read))
        sql = (
            parts[0]
            if len(parts) == 1
            else f"({' UNION ALL '.join(f'SELECT * FROM {part}' for part in parts)})"
        )
        return Scan(sql, frames, self.after, self.verified) if clean else Scan(sql, frames)

    def _fast_sql(self, files: Sequence[FileEntry]) -> str | None:
        return fast_sql(
            [file.path for file in files],
            self.read.schema,
            self.read.columns,
            self.read.options,
            token_texts=self.experience.token_texts,
            file_values=FileValues(
                {c.output: [self._file_value(c, file) for file in files] for c in self.of_file}
            ),
        )

    def _file_value(self, column: Required, file: FileEntry) -> str:
        if len(column.path) > 1:
            return _metadata_value(column.path[1], file)
        from lightstream.functions.spelling import literal_sql
        from lightstream.plan.expressions import Literal
        from lightstream.sources.partitions import partition_value

        data_type = self.read.partitions[column.path[0]].dataType
        text = next(
            (
                value
                for name, value in file.partition_values.items()
                if name.lower() == column.path[0].lower()
            ),
            None,
        )
        value = partition_value(text, data_type, column.path[0], self.read.options.time_zone)
        return f"CAST({literal_sql(Literal(value, data_type))} AS {duck_type(data_type)})"

    def _exact_rows(self, files: Sequence[FileEntry]) -> Any:
        import pyarrow as pa

        from lightstream.sources.json.exact import read_exact

        tables = []
        for index, file in enumerate(files):
            table = self.tables.get(file.path)
            if table is None:
                table = read_exact(file.path, self.needed, self.read.options)
                table = table.rename_columns([f"c{i}" for i in range(table.num_columns)])
                self.tables[file.path] = table
            tables.append(table.append_column("file", pa.array([index] * table.num_rows, pa.int32())))
        return pa.concat_tables(tables)

    def _exact_sql(self, frame: str, files: Sequence[FileEntry]) -> str:
        positions = {name: index for index, name in enumerate(self.needed.names)}
        items = []
        for column in self.read.columns:
            output = quote(column.output)
            if column in self.of_file:
                values = [self._file_value(column, file) for file in files]
                value = values[0] if len(set(values)) == 1 else f"([{', '.join(values)}])[file + 1]"
            else:
                data_type = self.needed.fields[positions[column.path[0]]].dataType
                value = f"c{positions[column.path[0]]}"
                if isinstance(data_type, t.NullType):
                    value = f"CAST({value} AS {duck_type(data_type)})"
            items.append(f"{value} AS {output}")
        return f"(SELECT {', '.join(items) or '1 AS one'} FROM {frame})"


def _metadata_value(name: str, file: FileEntry) -> str:
    # Spark writes `file:/dir` here, where it writes `file:///dir` to its logs.
    path = "file:" + file.uri.removeprefix("file://")
    values = {
        "file_path": text_sql(path),
        "file_name": text_sql(path.rsplit("/", 1)[-1]),
        "file_size": f"CAST({file.size} AS BIGINT)",
        # Spark: depends on how it splits the file among its cores; here a file is never split.
        "file_block_start": "CAST(0 AS BIGINT)",
        "file_block_length": f"CAST({file.size} AS BIGINT)",
        "file_modification_time": f"make_timestamptz(CAST({file.mtime_ms * 1000} AS BIGINT))",
    }
    return values[name]


def _has(kind: type[t.DataType], data_type: t.DataType) -> bool:
    if isinstance(data_type, t.StructType):
        return any(_has(kind, field.dataType) for field in data_type.fields)
    if isinstance(data_type, t.ArrayType):
        return _has(kind, data_type.elementType)
    if isinstance(data_type, t.MapType):
        return _has(kind, data_type.valueType)
    return isinstance(data_type, kind)


def _looks_like_token(value: Any) -> bool:
    if isinstance(value, dict):
        return any(map(_looks_like_token, value.values()))
    if isinstance(value, list):
        return any(map(_looks_like_token, value))
    return isinstance(value, str) and value[:1] in tuple("-./0123456789:[{")
