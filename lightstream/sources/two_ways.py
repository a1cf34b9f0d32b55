"""A read of files as one relation: by DuckDB where that is certain, by an exact reader for the other files."""

from __future__ import annotations

import itertools
import os
import threading
from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from lightstream.dataclass import dataclass
from lightstream.functions.spelling import quote, text_sql
from lightstream.plan import types as t
from lightstream.plan.required import Required
from lightstream.sources.contract import Scan
from lightstream.sources.corrupt_records import check_corrupt_use
from lightstream.sources.file_bytes import missing_file
from lightstream.sources.file_columns import FileColumns, frame_sql, no_rows, with_file_numbers
from lightstream.sources.listing import FileEntry

if TYPE_CHECKING:
    import duckdb

_INLINE_BYTES = 1 << 19
_frame_numbers = itertools.count()


class NotFastError(Exception):
    """The read cannot be expressed in DuckDB's SQL."""


@dataclass(frozen=True, slots=True)
class Failure:
    """What a failed statement says: the file (None when it cannot be told), and the column to read otherwise."""

    path: str | None
    column: str | None = None


@dataclass(frozen=True, slots=True)
class RecordRead:
    """One read: files with their partition values, the columns in them, the columns that are needed.

    `options` are those of the format, of which `corrupt_column`, `time_zone` and `ignore_missing_files` matter here.
    """

    files: Sequence[FileEntry]
    schema: t.StructType
    partitions: t.StructType
    columns: tuple[Required, ...]
    options: Any
    case_sensitive: bool = False


def scan_records(read: RecordRead, first: Callable[[Sequence[FileEntry]], Scan]) -> Scan:
    """Return the rows of a read; `first` returns the scan to try first, of files that are there.

    Raises:
        AnalysisException: the corrupt-record column is no string, or the only column that is needed.
    """
    check_corrupt_use(read.options.corrupt_column, read.schema, read.partitions, read.columns)
    files = read.files
    if read.options.ignore_missing_files:
        files = [file for file in files if os.path.exists(file.path)]
    return first(files) if files else Scan(no_rows(read.columns, read.schema, read.partitions))


class PendingCheck:
    """A search that runs beside the query; its outcome is needed before the query's rows are used.

    Args:
        find: returns the files to be read exactly.
        total_bytes: their size; a small search is not worth a thread, and runs when it is asked for.
    """

    def __init__(self, find: Callable[[], list[str]], total_bytes: int) -> None:
        self._find = find
        self._found: list[str] | None = None
        self._error: BaseException | None = None
        self._thread: threading.Thread | None = None
        if total_bytes > _INLINE_BYTES:
            self._thread = threading.Thread(target=self._run, name="lightstream-check", daemon=True)
            self._thread.start()

    def suspects(self) -> list[str]:
        """Return the files to be read exactly.

        Raises:
            OSError: a file cannot be read.
        """
        if self._thread is not None:
            self._thread.join()
        elif self._found is None:
            self._run()
        if self._error is not None:
            raise self._error
        return self._found or []

    def _run(self) -> None:
        try:
            self._found = self._find()
        except BaseException as error:
            self._error = error


class TwoWayRead(ABC):
    """One read on its way to a relation that holds: which files are read exactly is learnt from failures.

    Args:
        name: of the format.
        read: what is read.
        files: those of its files that are there, not empty.
    """

    def __init__(self, name: str, read: RecordRead, files: Sequence[FileEntry]) -> None:
        self.name = name
        self.files = files
        self.schema = read.schema
        self.partitions = read.partitions
        self.columns = read.columns
        self.ignore_missing = read.options.ignore_missing_files
        self.of_file = FileColumns(read.columns, read.partitions, read.options.time_zone)
        self.names = {c.path[0] for c in read.columns if c not in self.of_file.columns}
        # Spark judges a record by the columns that are needed, in the order of the schema.
        self.needed = t.StructType([f for f in read.schema.fields if f.name in self.names])
        self.check: PendingCheck | None = None
        self.dirty: set[str] = set()
        self.failures = 0
        self.failed_with = ""
        self.tables: dict[str, Any] = {}

    # ---- what a format says

    @abstractmethod
    def fast_sql(self, files: Sequence[FileEntry]) -> str | None:
        """Return the rows of some files as SQL for FROM; None when it cannot be said. It fails rather than differ."""

    @abstractmethod
    def exact_rows(self, path: str) -> Any:
        """Return the rows of a file as an Arrow table with the columns `needed`."""

    @abstractmethod
    def failure(self, error: str) -> Failure | None:
        """Return what an error says about the fast way; None when it is about something else."""

    def learn(self, found: Failure) -> bool:
        """Take note of a column to be read otherwise; return whether that is new."""
        return False

    # ---- scans

    def start(self, check: PendingCheck) -> Scan:
        """Return the scan to try first. `check` runs beside the statement."""
        self.check = check
        return self._scan()

    def start_exact(self) -> Scan:
        """Return the scan of all files by the exact reader."""
        self.dirty = {file.path for file in self.files}
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
        found = None if error is None else self.failure(str(error))
        if error is None or (found is None and suspects):
            return self._scan()
        if found is None:
            raise error
        if self.learn(found):
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
        if missing and self.ignore_missing:
            self.files = [file for file in self.files if file.path not in missing]
        elif missing:
            raise missing_file(missing[0])

    def _probe_all(self, cursor: duckdb.DuckDBPyConnection) -> None:
        import duckdb

        probe = cursor.cursor()
        outputs = ", ".join(quote(c.output) for c in self.columns) or "one"
        for file in self.files:
            while file.path not in self.dirty:
                sql = self.fast_sql([file])
                try:
                    probe.execute(f"SELECT count(*) FROM {sql} WHERE hash({outputs}) IS NOT NULL").fetchall()
                    break
                except (duckdb.Error, UnicodeDecodeError) as error:
                    found = self.failure(str(error))
                    if found is None or not self.learn(found):
                        self.dirty.add(file.path)

    def _scan(self) -> Scan:
        clean = [file for file in self.files if file.path not in self.dirty]
        dirty = [file for file in self.files if file.path in self.dirty]
        sql = self.fast_sql(clean) if clean else None
        if sql is None:
            # What holds for one file need not for several, when the data hide the names of DuckDB's own columns.
            clean, dirty = [], list(self.files)
            self.dirty = {file.path for file in dirty}
        parts = [] if sql is None else [sql]
        frames: dict[str, Any] = {}
        if dirty:
            frame = f"lightstream_{self.name}_{next(_frame_numbers)}"
            for file in dirty:
                if file.path not in self.tables:
                    self.tables[file.path] = self.exact_rows(file.path)
            frames[frame] = with_file_numbers([self.tables[file.path] for file in dirty])
            parts.append(frame_sql(frame, self.needed, self.columns, self.of_file.values(dirty)))
        if not parts:
            return Scan(no_rows(self.columns, self.schema, self.partitions))
        sql = (
            parts[0]
            if len(parts) == 1
            else f"({' UNION ALL '.join(f'SELECT * FROM {part}' for part in parts)})"
        )
        return Scan(sql, frames, self.after, self.verified) if clean else Scan(sql, frames)


class Marked:
    """Errors that the SQL of a fast read raises itself: a mark, what is wrong, a column's number, the file."""

    def __init__(self, mark: str, paths: Sequence[str], *, names_file: bool) -> None:
        self._mark = mark
        self._paths = paths
        self._names_file = names_file

    def sql(self, kind: str, column: int) -> str:
        """Return the SQL that fails the statement."""
        begin = f"{self._mark}{kind}|{column}|"
        if len(self._paths) == 1:
            return f"error({text_sql(begin + self._paths[0])})"
        return f"error({text_sql(begin)} || filename)" if self._names_file else f"error({text_sql(begin)})"


def read_marked(mark: str, error: str) -> tuple[str, int, str | None] | None:
    """Return what, which column and which file a marked error is about; None for other errors."""
    start = error.find(mark)
    if start < 0:
        return None
    _, kind, index, path = error[start:].split("|", 3)
    path = path.splitlines()[0] if path else ""
    return kind, int(index), path or None
