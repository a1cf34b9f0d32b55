"""A Delta table as a stream: the files of each commit, in the order of the commits."""

from __future__ import annotations

import itertools
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lightstream.dataclass import dataclass
from lightstream.errors import IllegalArgumentException, SparkRuntimeException, unsupported
from lightstream.plan import types as t
from lightstream.plan.required import Required
from lightstream.plan.type_texts import from_json_text
from lightstream.sources.contract import Scan
from lightstream.sources.delta.reader import load_table, scan_dataset, time_ms, whole_number
from lightstream.sources.file_options import flag

if TYPE_CHECKING:
    import duckdb
    from deltalake import DeltaTable

    from lightstream.storage.opening import StorageOptions

_DEFAULT_MAX_FILES = 1000
_LOG = "_delta_log"
# Delta's own: the files of this version are still to be read, from the first on.
_BASE_INDEX = -1


def _positive(options: Mapping[str, str], name: str) -> int | None:
    number = whole_number(options, name)
    if number == 0:
        raise IllegalArgumentException(
            None, f"Invalid value '0' for option '{name}', must be a positive integer"
        )
    return number


@dataclass(frozen=True, slots=True)
class DeltaFile:
    """A data file: its path below the table, its size in bytes, and the text of its partition values."""

    path: str
    size: int
    partition: tuple[tuple[str, str | None], ...]


@dataclass(frozen=True, slots=True)
class _Position:
    """Up to where a stream has read: all before `version`, and of it the files up to `index`.

    `snapshot`: the files are all those that are there at the version, not those that it added.
    """

    version: int
    index: int
    snapshot: bool


class DeltaStream:
    """One query's reading of a table. Offsets are those of Delta's own source."""

    needs_polling = True

    def __init__(
        self,
        path: str,
        table: DeltaTable,
        schema: t.StructType,
        options: Mapping[str, str],
        time_zone: str,
        store: StorageOptions,
    ) -> None:
        self._store = store
        self.description = f"DeltaSource[{table.table_uri.rstrip('/')}]"
        self._path = path
        self._table = table
        self._schema = schema
        self._id = str(table.metadata().id)
        self._files = _positive(options, "maxFilesPerTrigger") or _DEFAULT_MAX_FILES
        self._bytes = _positive(options, "maxBytesPerTrigger")
        self._ignores_deletes = any(
            flag(options, name, False) for name in ("ignoreDeletes", "ignoreChanges", "skipChangeCommits")
        )
        self._ignores_changes = flag(options, "ignoreChanges", False)
        self._skips_changes = flag(options, "skipChangeCommits", False)
        self._first = self._first_position(options, time_zone)
        starting = options.get("startingversion", "")
        self._from_latest = starting.lower() == "latest"
        self._is_fixed = "startingtimestamp" in options or (starting != "" and not self._from_latest)
        self._horizon: int | None = None
        self._listed: tuple[int, list[DeltaFile]] | None = None
        from deltalake.fs import DeltaStorageHandler
        from pyarrow.fs import PyFileSystem

        self._files_of_table = PyFileSystem(DeltaStorageHandler.from_table(table._table))

    def _first_position(self, options: Mapping[str, str], time_zone: str) -> _Position:
        version = options.get("startingversion")
        if version is not None and "startingtimestamp" in options:
            raise IllegalArgumentException(None, "Give startingVersion or startingTimestamp, not both.")
        if "startingtimestamp" in options:
            at_ms = time_ms(options["startingtimestamp"], "startingTimestamp", time_zone)
            later = [e["version"] for e in self._table.history() if e["timestamp"] >= at_ms]
            return _Position(min(later, default=self._table.version() + 1), _BASE_INDEX, False)
        if version is None:
            return _Position(self._table.version(), _BASE_INDEX, True)
        if version.lower() == "latest":
            return _Position(self._table.version() + 1, _BASE_INDEX, False)
        return _Position(whole_number(options, "startingVersion") or 0, _BASE_INDEX, False)

    # ---- offsets ----------------------------------------------------------------------------------------------

    def _read(self, offset: str | None) -> _Position:
        if offset is None:
            return self._first
        try:
            value = json.loads(offset)
            found = _Position(
                int(value["reservoirVersion"]),
                max(int(value["index"]), _BASE_INDEX),
                bool(value["isStartingVersion"]),
            )
            table_id = str(value["reservoirId"])
        except (ValueError, TypeError, KeyError):
            raise SparkRuntimeException(
                "LIGHTSTREAM_CHECKPOINT_DAMAGED",
                f"The offset {offset} in the checkpoint is not one of a Delta table. Use the checkpoint of this query, "
                "or a new one.",
                sqlstate="KD002",
            ) from None
        if table_id != self._id:
            raise SparkRuntimeException(
                "DIFFERENT_DELTA_TABLE_READ_BY_STREAMING_SOURCE",
                f"The query was reading from another Delta table (id {table_id}) than the one at {self._path} "
                f"(id {self._id}): it was made anew or replaced. Use a new checkpoint directory.",
                sqlstate="55019",
                parameters={"newTableId": self._id, "oldTableId": table_id},
            )
        return found

    def _written(self, position: _Position) -> str:
        return json.dumps(
            {
                "sourceVersion": 1,
                "reservoirId": self._id,
                "reservoirVersion": position.version,
                "index": position.index,
                "isStartingVersion": position.snapshot,
            },
            separators=(",", ":"),
        )

    def latest_offset(self, start: str | None, *, ignore_limits: bool = False) -> str | None:
        """Return the end of the next batch."""
        position = self._read(start)
        taken = size = 0
        end: _Position | None = None
        for at, file in self._after(position, self._horizon):
            if start is None and self._from_latest and end is not None and at.version != end.version:
                break  # the end of the first batch says where it begins
            full = taken >= self._files or (
                self._bytes is not None and taken and size + file.size > self._bytes
            )
            if full and not ignore_limits:
                break
            taken, size, end = taken + 1, size + file.size, at
        return start if end is None else self._written(end)

    def input_of(self, start: str | None, end: str | None) -> tuple[DeltaFile, ...]:
        """Return the files of a batch."""
        if end is None or end == start:
            return ()
        last = self._read(end)
        found = []
        for at, file in self._after(self._begin(start, last), last.version):
            if (at.version, at.index) > (last.version, last.index):
                break
            found.append(file)
        return tuple(found)

    def _begin(self, start: str | None, last: _Position) -> _Position:
        """Return where a batch begins.

        The first one that is run again may find a table with more versions: where it began follows from its end. Delta
        reads it so, too: of what is there at first, and of commits after that, all but the last are one snapshot.
        """
        if start is not None or self._is_fixed:
            return self._read(start)
        if self._from_latest:
            return _Position(last.version, _BASE_INDEX, False)
        return _Position(last.version if last.snapshot else last.version - 1, _BASE_INDEX, True)

    def _after(self, position: _Position, horizon: int | None) -> Iterator[tuple[_Position, DeltaFile]]:
        """Yield the files after a position, each with the position that it ends at, up to a version."""
        version = position.version
        if position.snapshot:
            for index, file in enumerate(self._snapshot(version)):
                if index > position.index:
                    yield _Position(version, index, True), file
            version += 1
        for following in itertools.count(version):
            if horizon is not None and following > horizon:
                return
            added = self._commit(following)
            if added is None:
                return
            first = position.index + 1 if following == position.version and not position.snapshot else 0
            for index, file in enumerate(added):
                if index >= first:
                    yield _Position(following, index, False), file

    # ---- the log ----------------------------------------------------------------------------------------------

    def _snapshot(self, version: int) -> list[DeltaFile]:
        """Return the files of the table at a version, the oldest first."""
        if self._listed is None or self._listed[0] != version:
            import pyarrow as pa

            table = (
                self._table
                if self._table.version() == version
                else load_table(self._path, version, self._store)
            )
            prefix = "partition."
            names = table.metadata().partition_columns
            actions = pa.table(table.get_add_actions(flatten=True)).to_pylist()
            actions.sort(key=lambda action: (action["modification_time"], action["path"]))
            files = [
                DeltaFile(
                    action["path"],
                    action["size_bytes"],
                    tuple((name, _partition_text(action[prefix + name])) for name in names),
                )
                for action in actions
            ]
            self._listed = (version, files)
        return self._listed[1]

    def _commit(self, version: int) -> list[DeltaFile] | None:
        """Return the files that a version added; None when there is no such version yet.

        Raises:
            SparkRuntimeException: rows were changed or removed, and no option says what to do; other columns.
        """
        name = f"{_LOG}/{version:020}.json"
        try:
            with self._files_of_table.open_input_stream(name) as file:
                text = file.read().decode()
        except FileNotFoundError:
            if self._is_gone(version):
                raise SparkRuntimeException(
                    "DELTA_LOG_FILE_NOT_FOUND",
                    f"The commits of version {version} of the Delta table {self._path} were cleaned from its log "
                    "before this query had read them. Use a new checkpoint directory to read the table anew.",
                    sqlstate="42K03",
                ) from None
            return None
        added: list[DeltaFile] = []
        removes = False
        for line in text.splitlines():
            action = json.loads(line) if line.strip() else {}
            if "metaData" in action:
                self._check_columns(action["metaData"], version)
            elif "remove" in action:
                removes |= bool(action["remove"].get("dataChange", True))
            elif "add" in action and action["add"].get("dataChange", True):
                file = action["add"]
                if file.get("deletionVector"):
                    raise unsupported(f"Deletion vectors in the Delta table {self._path}")
                values = tuple(sorted((file.get("partitionValues") or {}).items()))
                added.append(DeltaFile(_unquoted(file["path"]), int(file["size"]), values))
        if removes and self._skips_changes:
            return []
        if removes and not (self._ignores_changes if added else self._ignores_deletes):
            raise _changed(self._path, version, bool(added))
        return added

    def _is_gone(self, version: int) -> bool:
        self._table.update_incremental()
        return int(self._table.version()) >= version

    def _check_columns(self, metadata: dict[str, Any], version: int) -> None:
        found = from_json_text(metadata["schemaString"])
        if found.simpleString() != self._schema.simpleString():
            raise SparkRuntimeException(
                "DELTA_SCHEMA_CHANGED_WITH_VERSION",
                f"The columns of the Delta table {self._path} changed in version {version}, from "
                f"{self._schema.simpleString()} to {found.simpleString()}. Start the query again: it then reads with "
                "the new ones.",
                sqlstate="KD007",
            )

    # ---- reading ----------------------------------------------------------------------------------------------

    def expected(self, count: int) -> Sequence[object]:
        """Nothing is read early."""
        return ()

    def scan(
        self, what: tuple[DeltaFile, ...], columns: tuple[Required, ...], cursor: duckdb.DuckDBPyConnection
    ) -> Scan:
        """Return the rows of files."""
        import pyarrow.dataset as ds
        from deltalake.schema import Schema

        schema = _arrow_schema(Schema.from_json(self._schema.json()))
        form = ds.ParquetFileFormat()
        fragments = [
            form.make_fragment(
                file.path,
                filesystem=self._files_of_table,
                partition_expression=_partition_filter(file.partition, schema),
            )
            for file in what
        ]
        return scan_dataset(ds.FileSystemDataset(fragments, schema, form, self._files_of_table), columns)

    def reported(self, end: str | None) -> tuple[str | None, Mapping[str, str]]:
        """Nothing is told."""
        return None, {}

    def prepare_available_now(self) -> bool:
        """Take the versions that are there."""
        self._table.update_incremental()
        self._horizon = int(self._table.version())
        return True

    def commit(self, end: str) -> None:
        """Nothing is kept."""

    def interrupt(self) -> None:
        """Nothing waits here."""

    def set_wakeup(self, wakeup: Callable[[], None]) -> None:
        """Nothing tells of new commits: the loop looks."""

    def stop(self) -> None:
        """Nothing is held."""


def _arrow_schema(schema: Any) -> Any:
    import pyarrow as pa

    return pa.schema(schema.to_arrow(as_large_types=False))


def _partition_text(value: Any) -> str | None:
    """Return a partition's value as the log has it."""
    if value is None:
        return None
    if isinstance(value, bool):
        return str(value).lower()
    return value.decode() if isinstance(value, bytes) else str(value)


def _partition_filter(partition: tuple[tuple[str, str | None], ...], schema: Any) -> Any:
    import pyarrow as pa
    import pyarrow.dataset as ds

    found = None
    for name, text in partition:
        kind = schema.field(name).type
        # The log: an empty text is NULL.
        is_null = text is None or text == ""
        one = ds.field(name).is_null() if is_null else ds.field(name) == pa.scalar(text).cast(kind)
        found = one if found is None else found & one
    return found


def _unquoted(path: str) -> str:
    from urllib.parse import unquote

    return unquote(path)


def _changed(path: str, version: int, updates: bool) -> SparkRuntimeException:
    if updates:
        return SparkRuntimeException(
            "DELTA_SOURCE_TABLE_IGNORE_CHANGES",
            f"Rows of the Delta table {path} were changed in version {version}, which a stream cannot follow. To skip "
            "such commits, set the option skipChangeCommits to true; to be given the rewritten files again, unchanged "
            "rows included, ignoreChanges.",
            sqlstate="0A000",
            parameters={"version": str(version), "dataPath": path},
        )
    return SparkRuntimeException(
        "DELTA_SOURCE_IGNORE_DELETE",
        f"Rows of the Delta table {path} were deleted in version {version}, which a stream cannot follow. To ignore "
        "deletes, set the option ignoreDeletes to true.",
        sqlstate="0A000",
        parameters={"version": str(version), "dataPath": path},
    )
