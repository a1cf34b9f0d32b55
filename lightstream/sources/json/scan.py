"""A read of JSON files as one relation: the fast path where it is certain, the exact reader for the other files."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import field
from functools import partial
from typing import TYPE_CHECKING, Any

from lightstream.dataclass import dataclass
from lightstream.plan import types as t
from lightstream.sources.contract import Scan
from lightstream.sources.file_bytes import codec_of
from lightstream.sources.json.fast import failure, fast_sql
from lightstream.sources.json.options import JsonOptions
from lightstream.sources.json.suspects import c_search_is_fast, find_suspects
from lightstream.sources.listing import FileEntry
from lightstream.sources.record_options import PERMISSIVE
from lightstream.sources.two_ways import Failure, PendingCheck, RecordRead, TwoWayRead, scan_records

if TYPE_CHECKING:
    import duckdb

_PEEK_BYTES = 1 << 16


@dataclass(slots=True)
class Experience:
    """What reading a source has taught: kept from batch to batch."""

    token_texts: set[str] = field(default_factory=set)
    peeked: set[str] = field(default_factory=set)


def scan_json(read: RecordRead, cursor: duckdb.DuckDBPyConnection, experience: Experience) -> Scan:
    """Return the rows of a read, whose options are `JsonOptions`.

    Raises:
        AnalysisException: the corrupt-record column is no string, or the only column that is needed.
        QueryExecutionException: `FAILED_READ_FILE`.
    """
    return scan_records(read, lambda files: _JsonScan(read, files, cursor, experience).first())


class _JsonScan(TwoWayRead):
    def __init__(
        self,
        read: RecordRead,
        files: Sequence[FileEntry],
        cursor: duckdb.DuckDBPyConnection,
        experience: Experience,
    ) -> None:
        super().__init__("json", read, files)
        self.options: JsonOptions = read.options
        self.experience = experience
        self.cursor = cursor
        self._peek()

    def first(self) -> Scan:
        """Return the scan to try first."""
        if self.fast_sql([self.files[0]]) is None:
            return self.start_exact()
        strict = self.options.mode != PERMISSIVE or self.options.corrupt_column in self.names
        find = partial(
            find_suspects,
            [file.path for file in self.files],
            # Where the C library is slow at it, DuckDB searches.
            None if c_search_is_fast() else self.cursor.cursor(),
            null_lines=strict,
            decimals=any(_has(t.DecimalType, field.dataType) for field in self.needed.fields),
        )
        return self.start(PendingCheck(find, sum(file.size for file in self.files)))

    def _peek(self) -> None:
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

    def fast_sql(self, files: Sequence[FileEntry]) -> str | None:
        return fast_sql(
            [file.path for file in files],
            self.schema,
            self.columns,
            self.options,
            token_texts=self.experience.token_texts,
            file_values=self.of_file.values(files),
        )

    def exact_rows(self, path: str) -> Any:
        from lightstream.sources.json.exact import read_exact

        return read_exact(path, self.needed, self.options)

    def failure(self, error: str) -> Failure | None:
        return failure(error, self.schema)

    def learn(self, found: Failure) -> bool:
        if found.column is None or found.column in self.experience.token_texts:
            return False
        self.experience.token_texts.add(found.column)
        return True


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
