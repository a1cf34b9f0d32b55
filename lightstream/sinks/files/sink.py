"""The file sink: `writeStream.format("parquet" | "orc" | "avro" | "json" | "csv" | "text")`, exactly once."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from lightstream import crash
from lightstream.checkpoint.sink_log import SinkLog
from lightstream.conf import Conf
from lightstream.errors import PySparkException, UnsupportedOperationException
from lightstream.plan.types import StructType
from lightstream.sinks.contract import Batch, has_batch
from lightstream.sinks.files.formats import PartFormat, part_format
from lightstream.sinks.files.layout import make_layout, refuse_duplicates
from lightstream.sinks.files.parts import part_names, write_parts, writing_to
from lightstream.sinks.files.targets import target_of
from lightstream.sources.paths import display_path, file_path

if TYPE_CHECKING:
    import duckdb


class FileSink:
    """Writes each batch as new files of a directory, and their names into the directory's log, `_spark_metadata`.

    Readers of the directory, here and in Spark, read the files that the log names, and no others.

    Guarantee: exactly once. Files are complete before the log names them, those of a batch at once; a batch that the
    log has is skipped. What a killed process has left gets the same names when the batch is run again.

    Args:
        name: the format.
        path: the directory; it is made if need be.
        schema: the query's columns.
        options: of the format, and `retention`; keys in lower case.
        partition_by: columns that are directories.
        conf: the query's settings.
    """

    temporary_checkpoint = False

    def __init__(
        self,
        name: str,
        path: str,
        schema: StructType,
        options: Mapping[str, str],
        partition_by: Sequence[str],
        conf: Conf,
    ) -> None:
        self.path = file_path(path)
        self._target = target_of(self.path, conf, options)
        self.description = f"FileSink[{display_path(self.path)}]"
        # Spark: here directories are called as the query's columns, in df.write as the program says.
        columns = {} if conf.case_sensitive else {name.lower(): name for name in schema.names}
        partition_by = [columns.get(name.lower(), name) for name in partition_by]
        self._layout = make_layout(schema, partition_by, case_sensitive=conf.case_sensitive)
        refuse_duplicates([field_name.lower() for field_name in schema.names])
        self._conf = conf
        self._retention_ms = _retention_ms(options)
        self._format: PartFormat | None = None
        self._refusal: PySparkException | None = None
        try:
            self._format = part_format(name, self._layout, options, conf)
        except UnsupportedOperationException:
            raise
        except PySparkException as refusal:
            self._refusal = refusal  # Spark says so in the first batch
        self._log: SinkLog | None = None
        self._query_id = ""
        self._hidden = ""

    # ---- life ---------------------------------------------------------------------------------------------------

    def open(self, query_id: str, cursor: duckdb.DuckDBPyConnection) -> None:
        """Make the directory and its log, and remove what a killed process has left half-written.

        Raises:
            SparkRuntimeException: TASK_WRITE_FAILED when the directory cannot be made or written to.
        """
        conf = self._conf
        self._query_id = query_id
        deletes = conf.boolean("spark.sql.streaming.fileSink.log.deletion")
        with writing_to(self.path):
            self._log = SinkLog(
                self._target.log_directory(),
                compact_interval=conf.integer("spark.sql.streaming.fileSink.log.compactInterval"),
                cleanup_delay_ms=conf.duration_ms("spark.sql.streaming.fileSink.log.cleanupDelay")
                if deletes
                else None,
                batches_to_retain=conf.integer("spark.sql.streaming.minBatchesToRetain"),
                retention_ms=self._retention_ms,
            )
            self._hidden = self._target.make_hidden(query_id)

    def write(self, batch: Batch) -> int:
        """Write a batch, unless the log has it.

        Raises:
            AnalysisException: a column's type is none of the format.
            SparkRuntimeException: TASK_WRITE_FAILED; LIGHTSTREAM_SINK_AHEAD_OF_CHECKPOINT when the log has batches that
                the checkpoint does not know.
        """
        log, format = self._log, self._format
        if self._refusal is not None:
            raise self._refusal
        assert log is not None
        assert format is not None
        hint = (
            "Or another query has written there. Its rows would not be part of the table. Write to another directory, "
            "or restore the checkpoint."
        )
        if has_batch(batch, log.latest_id, f"The log of {self.path}", hint):
            return -1
        with writing_to(self.path):
            self._written(batch, log, format)
        return -1

    def _written(self, batch: Batch, log: SinkLog, format: PartFormat) -> None:
        cursor = batch.cursor

        def rows(before: str, behind: str) -> None:
            cursor.execute(before + batch.sql + behind).fetchall()

        parts = write_parts(rows, self._layout, format, self._hidden, self._conf.time_zone, cursor)
        if crash.at is not None:
            crash.at("parts-written", batch.batch_id)
        # The same names each time: what an earlier attempt has left is replaced.
        identity = str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self._query_id}/{batch.batch_id}"))
        names = part_names(parts, identity, format, self._layout)
        files = self._target.place(parts, names)
        if crash.at is not None:
            crash.at("parts-forced", batch.batch_id)
        log.add(batch.batch_id, files)

    def idle(self) -> None:
        """Nobody waits for anything."""

    def stop(self) -> None:
        """Remove the directory for files that are being written."""
        self._target.close()


def _retention_ms(options: Mapping[str, str]) -> int | None:
    text = options.get("retention")
    return None if text is None else Conf({"retention": text}).duration_ms("retention")
