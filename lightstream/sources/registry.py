"""Formats by name: opening a reader for `spark.read` and `spark.readStream`."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from lightstream.conf import Conf
from lightstream.errors import (
    AnalysisException,
    IllegalArgumentException,
    UnsupportedOperationException,
    unsupported,
)
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp
from lightstream.plan import relations as r
from lightstream.storage.settings import settings_of

if TYPE_CHECKING:
    from lightstream.database.connection import Database
    from lightstream.sources.contract import Reader

FILE_FORMATS = ("json", "csv", "text", "parquet", "orc", "avro")
# What Spark has and lightstream has not yet.
_LATER = ("xml", "binaryfile", "image", "libsvm")
_NOT_STREAMING = ("jdbc",)
_SINKS = ("memory", "console", "noop", "duckdb")
# Streams that are no files, and the names that Spark's errors have for them.
_PROVIDERS = {
    "rate": "RateStreamProvider",
    "rate-micro-batch": "RatePerMicroBatchProvider",
    "socket": "TextSocketSourceProvider",
}


def is_built_in(name: str) -> bool:
    """Return whether a format is one of Spark's or ours: connectors cannot take its name."""
    known = (
        *FILE_FORMATS,
        "delta",
        "iceberg",
        "kafka",
        *_LATER,
        *_NOT_STREAMING,
        *_PROVIDERS,
        *_SINKS,
        "statestore",
        "state-metadata",
    )
    return name.lower() in known


def open_reader(relation: r.DataSourceRead, conf: Conf, database: Database) -> lp.DataSourceScan:
    """Return the scan of a format: its files found, its schema taken or inferred.

    Raises:
        AnalysisException: DATA_SOURCE_NOT_FOUND, PATH_NOT_FOUND, UNABLE_TO_INFER_SCHEMA, ...
        IllegalArgumentException: no schema for a stream, no path.
    """
    name = (relation.format or conf.get("spark.sql.sources.default") or "parquet").lower()
    if name in _NOT_STREAMING:
        if relation.is_streaming:
            raise UnsupportedOperationException(
                "_LEGACY_ERROR_TEMP_2049", f"Data source {name} does not support streamed reading."
            )
        raise unsupported(f"The data source {name}")
    if name in _PROVIDERS:
        return scan_of(_open_stream_only(name, relation), relation.is_streaming)
    if name in ("statestore", "state-metadata"):
        from lightstream.sources.state_store import open_state_store

        given = {key.lower(): value for key, value in relation.options.items()}
        state = open_state_store(
            name, relation.paths, relation.schema, given, relation.is_streaming, database
        )
        return scan_of(state, streaming=False)
    if name == "delta":
        from lightstream.sources.delta.reader import open_delta
        from lightstream.storage.opening import storage_options

        given = {key.lower(): value for key, value in relation.options.items()}
        paths = relation.paths or ((given["path"],) if "path" in given else ())
        store = storage_options(paths[0], settings_of(conf.values)) if paths else None
        delta = open_delta(paths, relation.schema, given, relation.is_streaming, conf.time_zone, store)
        return scan_of(delta, relation.is_streaming)
    if name == "iceberg":
        from lightstream.sources.iceberg import open_iceberg

        given = {key.lower(): value for key, value in relation.options.items()}
        paths = relation.paths or ((given["path"],) if "path" in given else ())
        iceberg = open_iceberg(paths, relation.schema, given, relation.is_streaming)
        return scan_of(iceberg, relation.is_streaming)
    if name == "kafka":
        from lightstream.sources.kafka.source import open_kafka

        kafka = open_kafka(relation.options, relation.schema, relation.is_streaming)
        return scan_of(kafka, relation.is_streaming)
    if name in _LATER:
        raise unsupported(f"The data source {name}", f"Formats that can be read: {', '.join(FILE_FORMATS)}.")
    if name not in FILE_FORMATS:
        provider = relation.format or name
        raise AnalysisException(
            "DATA_SOURCE_NOT_FOUND",
            f"Failed to find the data source: {provider}. Make sure the name is right. Formats that can be "
            f"read: {', '.join(FILE_FORMATS)}.",
            sqlstate="42K02",
            parameters={"provider": provider},
        )
    from lightstream.sources.file_reader import FileReader

    options = {key.lower(): value for key, value in relation.options.items()}
    paths = relation.paths or ((options["path"],) if "path" in options else ())
    if not paths and relation.is_streaming:
        raise IllegalArgumentException("_LEGACY_ERROR_TEMP_2047", "'path' is not specified.")
    reader = FileReader(name, paths, relation.schema, options, conf, database, relation.is_streaming)
    return scan_of(reader, relation.is_streaming)


def _open_stream_only(name: str, relation: r.DataSourceRead) -> Reader:
    if not relation.is_streaming:
        raise AnalysisException("_LEGACY_ERROR_TEMP_1135", f"{name} is not a valid Spark SQL Data Source.")
    if relation.schema is not None:
        raise UnsupportedOperationException(
            "_LEGACY_ERROR_TEMP_2242", f"{_PROVIDERS[name]} source does not support user-specified schema."
        )
    options = {key.lower(): value for key, value in relation.options.items()}
    if name == "socket":
        from lightstream.sources.socket import open_socket

        return open_socket(options)
    from lightstream.sources.rate import open_rate, open_rate_per_micro_batch

    parallelism = os.cpu_count() or 1
    return (
        open_rate(options, parallelism) if name == "rate" else open_rate_per_micro_batch(options, parallelism)
    )


def scan_of(reader: Reader, streaming: bool) -> lp.DataSourceScan:
    """Return the plan that reads a reader, with fresh columns."""
    columns = tuple(
        e.Attribute(f.name, f.dataType, f.nullable, e.fresh_id(), (), f.metadata) for f in reader.schema
    )
    metadata = None
    if reader.metadata is not None and all(f.name != "_metadata" for f in reader.schema):
        metadata = e.Attribute("_metadata", reader.metadata, False, e.fresh_id())
    return lp.DataSourceScan(columns, reader, streaming, metadata)


def schema_required() -> IllegalArgumentException:
    """Return the error for a file stream without a schema."""
    return IllegalArgumentException(
        "_LEGACY_ERROR_TEMP_2048",
        "Schema must be specified when creating a streaming source DataFrame. If some files already exist in the "
        "directory, then depending on the file format you may be able to create a static DataFrame on that directory "
        "with 'spark.read.load(directory)' and infer schema from it.",
    )


__all__ = ["FILE_FORMATS", "is_built_in", "open_reader", "scan_of", "schema_required"]
