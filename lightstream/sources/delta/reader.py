"""Delta tables as a source, by the library deltalake: what a table is, and a snapshot of one for a batch."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from lightstream.conf import Conf
from lightstream.errors import (
    AnalysisException,
    IllegalArgumentException,
    QueryExecutionException,
    missing_package,
    unsupported,
)
from lightstream.functions.spelling import quote
from lightstream.plan import types as t
from lightstream.plan.required import Required
from lightstream.plan.type_texts import from_json_text
from lightstream.sources.contract import Scan
from lightstream.sources.java_text import spark_timestamp
from lightstream.sources.paths import local_path, to_uri

if TYPE_CHECKING:
    import duckdb
    from deltalake import DeltaTable

    from lightstream.sources.delta.stream import DeltaStream
    from lightstream.storage.opening import StorageOptions

NAME = "delta"
READ_OPTIONS = ("path", "versionasof", "timestampasof")
STREAM_OPTIONS = (
    "path", "maxfilespertrigger", "maxbytespertrigger", "startingversion", "startingtimestamp", "ignoredeletes",
    "ignorechanges", "skipchangecommits",
)  # fmt: skip


def delta_module() -> Any:
    """Return the library.

    Raises:
        PySparkImportError: PACKAGE_NOT_INSTALLED.
    """
    try:
        import deltalake
    except ImportError:
        raise missing_package("A Delta table", "deltalake", "delta") from None
    return deltalake


def open_delta(
    paths: Sequence[str],
    schema: t.StructType | None,
    options: Mapping[str, str],
    is_streaming: bool,
    time_zone: str,
    store: StorageOptions = None,
) -> DeltaReader:
    """Return the reader of a Delta table.

    Args:
        paths: its directory, or the URI of one in an object store.
        schema: must be None, or the table's.
        options: keys in lower case.
        is_streaming: whether a stream is asked for.
        time_zone: of times in options that have none.
        store: settings of the object store.

    Raises:
        AnalysisException: DELTA_PATH_DOES_NOT_EXIST; a table that changes its columns' names or hides rows.
        PySparkImportError: deltalake is missing.
    """
    if len(paths) != 1:
        raise IllegalArgumentException("_LEGACY_ERROR_TEMP_2047", "'path' is not specified.")
    unknown = sorted(set(options) - set(STREAM_OPTIONS if is_streaming else READ_OPTIONS))
    if unknown:
        raise unsupported(f"The option {unknown[0]} of the delta source")
    version = None if is_streaming else _version(paths[0], options, time_zone, store)
    reader = DeltaReader(paths[0], load_table(paths[0], version, store), options, time_zone, store)
    if schema is not None and schema.simpleString() != reader.schema.simpleString():
        raise AnalysisException(
            "DELTA_SCHEMA_MISMATCH",
            f"The table {paths[0]} has the columns {reader.schema.simpleString()}, not {schema.simpleString()}. "
            "Leave .schema(...) out: a Delta table has its own.",
        )
    return reader


def load_table(path: str, version: int | None = None, store: StorageOptions = None) -> DeltaTable:
    """Return a table at its newest version, or another.

    Raises:
        AnalysisException: DELTA_PATH_DOES_NOT_EXIST, DELTA_VERSION_NOT_FOUND.
        UnsupportedOperationException: it needs a reader that deltalake is not.
    """
    deltalake = delta_module()
    where = table_uri(path)
    try:
        if not deltalake.DeltaTable.is_deltatable(where, store):
            raise _not_found(path)
        table = deltalake.DeltaTable(where, version=version, storage_options=store)
        if table.metadata().configuration.get("delta.columnMapping.mode", "none") != "none":
            raise unsupported(f"The column mapping of the Delta table {path}")
        table.to_pyarrow_dataset()  # refuses other features that it cannot read
    except deltalake.exceptions.TableNotFoundError:
        raise _not_found(path) from None
    except deltalake.exceptions.DeltaProtocolError as error:
        raise unsupported(f"The Delta table {path}", reason_of(error)) from None
    except (deltalake.exceptions.DeltaError, OSError) as error:
        if version is not None:
            raise AnalysisException(
                "DELTA_VERSION_NOT_FOUND",
                f"The Delta table {path} cannot be read as of version {version}: {reason_of(error)}",
                sqlstate="22003",
                parameters={"userVersion": str(version)},
            ) from None
        raise _failed(path, error) from None
    return table  # type: ignore[no-any-return]


def table_uri(path: str) -> str:
    """Return a table's path as deltalake takes it: absolute, or a URI of an object store."""
    if path.startswith("file:"):
        return local_path(path)
    return path if "://" in path else os.path.abspath(path)


def reason_of(error: Exception) -> str:
    """Return what deltalake says, on one line and without colours."""
    return " ".join(re.sub(r"\x1b\[[0-9;]*m", "", str(error)).replace("\u21b3", " ").split())


def _not_found(path: str) -> AnalysisException:
    return AnalysisException(
        "DELTA_PATH_DOES_NOT_EXIST",
        f"{path} doesn't exist, or is not a Delta table.",
        sqlstate="42K03",
        parameters={"path": path},
    )


def _failed(path: str, error: Exception) -> QueryExecutionException:
    return QueryExecutionException(
        "FAILED_READ_FILE.NO_HINT",
        f"The Delta table {path} cannot be read: {reason_of(error)}",
        sqlstate="KD001",
        parameters={"path": path},
    )


def _version(path: str, options: Mapping[str, str], time_zone: str, store: StorageOptions) -> int | None:
    if "timestampasof" not in options:
        return whole_number(options, "versionAsOf")
    if "versionasof" in options:
        raise IllegalArgumentException(None, "Give versionAsOf or timestampAsOf, not both.")
    table = load_table(path, store=store)
    at_ms = time_ms(options["timestampasof"], "timestampAsOf", time_zone)
    found = [entry["version"] for entry in table.history() if entry["timestamp"] <= at_ms]
    if not found:
        raise AnalysisException(
            "DELTA_TIMESTAMP_EARLIER_THAN_COMMIT_RETENTION",
            f"The Delta table {path} has no version at {options['timestampasof']}: its first one is later.",
            sqlstate="42816",
        )
    return int(max(found))


def time_ms(text: str, name: str, time_zone: str) -> float:
    """Return an option that is a timestamp, in milliseconds since 1970.

    Raises:
        IllegalArgumentException: it is none.
    """
    found = spark_timestamp(text, time_zone)
    if found is None:
        raise IllegalArgumentException(None, f"The option {name} is a timestamp, not {text!r}.")
    return found.timestamp() * 1000


def whole_number(options: Mapping[str, str], name: str) -> int | None:
    """Return an option that is a whole number, None where it is not given.

    Raises:
        IllegalArgumentException: it is none.
    """
    text = options.get(name.lower())
    if text is None:
        return None
    if not text.strip().isdecimal():
        raise IllegalArgumentException(
            None, f"Invalid value '{text}' for option '{name}', must be a whole number."
        )
    return int(text)


class DeltaReader:
    """A table at one version."""

    name = NAME
    metadata: t.StructType | None = None

    def __init__(
        self, path: str, table: DeltaTable, options: Mapping[str, str], time_zone: str, store: StorageOptions
    ) -> None:
        self.path = path
        self._store = store
        self._table = table
        self._options = options
        self._time_zone = time_zone
        schema = from_json_text(table.schema().to_json())
        assert isinstance(schema, t.StructType)
        self.schema = schema

    @property
    def input_files(self) -> tuple[str, ...]:
        """The URIs of the files of this version."""
        return tuple(uri if "://" in uri else to_uri(uri) for uri in self._table.file_uris())

    def scan(self, columns: tuple[Required, ...], cursor: duckdb.DuckDBPyConnection) -> Scan:
        """Return all rows."""
        return scan_dataset(self._table.to_pyarrow_dataset(), columns)

    def open_stream(self, source_directory: str | None, durable: bool, conf: Conf) -> DeltaStream:
        """Begin to read the rows that are there, and those that are added."""
        from lightstream.sources.delta.stream import DeltaStream

        return DeltaStream(self.path, self._table, self.schema, self._options, self._time_zone, self._store)


def scan_dataset(dataset: Any, columns: tuple[Required, ...]) -> Scan:
    """Return the rows of an Arrow dataset with a table's columns."""
    frame = f"lightstream_delta_{id(dataset)}"
    items = ", ".join(f"{quote(column.path[0])} AS {quote(column.output)}" for column in columns)
    return Scan(f"(SELECT {items or '1 AS one'} FROM {frame})", {frame: dataset})
