"""Hooks into real Spark: the observer is given each batch by foreachBatch, and passes it on."""

from __future__ import annotations

import os
import pickle
import re
import uuid
from collections.abc import Callable
from typing import Any

from lightstream.parity.observer import Observer, plain_rows
from lightstream.parity.on_lightstream import watch_handles

_REPLACED = ("memory", "console", "noop", "foreachBatch")
_FILES = ("parquet", "json", "csv", "text", "orc")
_KNOWN = (*_REPLACED, *_FILES, "foreach", "table")

SETTINGS = {
    "spark.ui.enabled": "false",
    "spark.ui.showConsoleProgress": "false",
    "spark.log.level": "OFF",
    "spark.sql.shuffle.partitions": "2",
    "spark.sql.streaming.numRecentProgressUpdates": "1000000",
    "spark.sql.streaming.metricsEnabled": "false",
    # Spark's JSON reader drops rows by simple filters before they are counted as input; here all rows are read.
    "spark.sql.json.filterPushdown.enabled": "false",
}
"""Settings of Spark in comparisons, where a program says nothing else; none of them changes a row."""


def install(observer: Observer) -> None:
    """Let the observer see all queries and all that the program asks for."""
    import logging

    from pyspark.sql.classic.dataframe import DataFrame
    from pyspark.sql.session import SparkSession
    from pyspark.sql.streaming.query import StreamingQuery, StreamingQueryManager
    from pyspark.sql.streaming.readwriter import DataStreamWriter

    logging.getLogger("SQLQueryContextLogger").disabled = True  # each error with its Java stack
    once: set[str] = set()  # ids of runs that end by themselves
    tables: list[Callable[[], None]] = []
    _remember_settings(DataStreamWriter)
    start, to_table, stop = DataStreamWriter.start, DataStreamWriter.toTable, SparkSession.stop

    def observed(
        writer: Any, kind: str, begin: Callable[[], Any], table: str | None, path: str | None
    ) -> Any:
        said = _said(writer)
        mode, name = str(said.get("outputMode") or "append").lower(), said.get("queryName")
        frame = writer._parity_frame
        told = observer.query(name, kind, mode, frame, name if kind == "memory" else table, kind in _KNOWN)
        given = said["options"].get("checkpointlocation") or _of_session(writer._spark, name)
        location = observer.checkpoint(given, told)
        if given is not None or kind in (*_REPLACED, "foreach"):
            writer.option("checkpointLocation", location)
        after = None
        if kind in _REPLACED and (kind != "memory" or name):
            after = _replace(writer, observer, told, kind, mode, location)
        elif kind == "foreach" and "foreach" in said:
            tables.append(_observe_foreach(writer, observer, told, location))
        try:
            query = begin()
        except Exception as error:
            observer.refused(told, error)
            raise
        if after is not None:
            after()
        if table is not None:
            observer.counts(told, lambda: _committed(location))
        if table is not None or (kind in _FILES and path is not None):
            tables.append(
                lambda: _tell_files(
                    observer,
                    told,
                    frame,
                    (kind, path) if path is not None else _table_place(writer._spark, str(table)),
                    location,
                )
            )
        if {"once", "availableNow"} & set(said.get("trigger", {})):
            once.add(str(query.runId))
        observer.started(told, query)
        return query

    def observed_start(writer: Any, path: Any = None, format: Any = None, outputMode: Any = None,
                       partitionBy: Any = None, queryName: Any = None, **options: Any) -> Any:  # fmt: skip
        _take(writer, format, outputMode, partitionBy, queryName, options)
        said = _said(writer)
        kind = said.get("format") or writer._spark.conf.get("spark.sql.sources.default")
        return observed(writer, kind, lambda: start(writer, path), None, path or said["options"].get("path"))

    def observed_table(writer: Any, tableName: str, format: Any = None, outputMode: Any = None,
                       partitionBy: Any = None, queryName: Any = None, **options: Any) -> Any:  # fmt: skip
        _take(writer, format, outputMode, partitionBy, queryName, options)
        return observed(writer, "table", lambda: to_table(writer, tableName), tableName, None)

    def observed_stop(session: Any) -> None:
        finish(session)
        stop(session)

    def finish(session: Any) -> None:
        for query in session.streams.active:
            query.stop()
        with observer.unobserved():
            for tell in tables:
                tell()
        tables.clear()
        observer.finish(session.table)

    changed: Any = DataStreamWriter
    changed.start, changed.toTable = observed_start, observed_table
    changed = SparkSession
    changed.stop = observed_stop
    observer.watch(DataFrame)
    watch_handles(observer, StreamingQuery, StreamingQueryManager, lambda query: str(query.runId) in once)


def _take(writer: Any, format: Any, mode: Any, partition_by: Any, name: Any, options: dict[str, Any]) -> None:
    writer.options(**options)
    if mode is not None:
        writer.outputMode(mode)
    if partition_by is not None:
        writer.partitionBy(partition_by)
    if format is not None:
        writer.format(format)
    if name is not None:
        writer.queryName(name)


def _said(writer: Any) -> dict[str, Any]:
    said: dict[str, Any] = writer.__dict__.setdefault("_parity_said", {"options": {}})
    return said


def _remember_settings(kind: Any) -> None:
    """Let writers remember what is said to them: Spark keeps it in Java."""
    made = kind.__init__

    def init(writer: Any, df: Any) -> None:
        made(writer, df)
        writer._parity_frame = df

    kind.__init__ = init

    def remember(method: str, note: Callable[..., None]) -> None:
        original = getattr(kind, method)

        def said(writer: Any, *args: Any, **kwargs: Any) -> Any:
            result = original(writer, *args, **kwargs)
            note(_said(writer), *args, **kwargs)
            return result

        setattr(kind, method, said)

    def option(said: dict[str, Any], key: str, value: Any) -> None:
        if value is not None:
            said["options"][str(key).lower()] = str(value)

    def options(said: dict[str, Any], **given: Any) -> None:
        for key, value in given.items():
            option(said, key, value)

    remember("option", option)
    remember("options", options)
    remember("outputMode", lambda said, outputMode: said.update(outputMode=outputMode))
    remember("format", lambda said, source: said.update(format=source))
    remember("queryName", lambda said, queryName: said.update(queryName=queryName))
    remember("trigger", lambda said, **trigger: said.update(trigger=trigger))
    remember("foreach", lambda said, f: said.update(format="foreach", foreach=f))
    remember("foreachBatch", lambda said, func: said.update(format="foreachBatch", foreachBatch=func))


def _of_session(session: Any, name: str | None) -> str | None:
    base = session.conf.get("spark.sql.streaming.checkpointLocation", None)
    return None if base is None or name is None else os.path.join(base, name)


# ---- sinks ----------------------------------------------------------------------------------------------------------


def _replace(
    writer: Any, observer: Observer, told: str, kind: str, mode: str, location: str
) -> Callable[[], None] | None:
    """Give the batches to the observer and then to where they should go; return what is to be done after the start."""
    said = dict(_said(writer))
    function = said.get("foreachBatch") if kind == "foreachBatch" else None
    sink = after = None
    if kind == "memory":
        sink, after = _memory_sink(writer)

    def batch(frame: Any, batch_id: int) -> None:
        try:
            if function is not None:
                # What a batch reads counts as input each time that it is computed.
                frame.persist()
            with observer.unobserved():
                given = frame if sink is None else _local(frame)
                rows = given.collect()
            with observer.batch(told, batch_id, location, rows):
                if sink is not None:
                    sink.write(batch_id, mode == "complete", given._jdf.collect())
                elif function is not None:
                    function(frame, batch_id)
        except Exception as error:
            observer.query_failed(told, error)
            raise
        finally:
            if function is not None:
                frame.unpersist()

    type(writer).foreachBatch(writer, batch)
    _said(writer).update(
        format=said.get("format"), foreachBatch=said.get("foreachBatch")
    )  # it may start another query
    return after


def _memory_sink(writer: Any) -> tuple[Any, Callable[[], None]]:
    """Return Spark's own memory sink, and what makes its table."""
    session, frame = writer._spark, writer._parity_frame
    jvm = session.sparkContext._jvm
    sources = jvm.org.apache.spark.sql.execution.streaming.sources
    sink = sources.MemorySink()

    def make_table() -> None:
        plan = sources.MemoryPlan(sink, frame._jdf.queryExecution().analyzed().output())
        table = jvm.org.apache.spark.sql.classic.Dataset.ofRows(session._jsparkSession, plan)
        table.createOrReplaceTempView(_said(writer)["queryName"])

    return sink, make_table


def _local(frame: Any) -> Any:
    """Return a batch, computed, as a frame that needs no job."""
    session, made = frame.sparkSession, frame._jdf
    return type(frame)(session._jsparkSession.createDataFrame(made.collectAsList(), made.schema()), session)


class ObservedWriter:
    """What `foreach` gives rows to, in a worker of Spark: the program's own writer, and a file of the observer's."""

    def __init__(self, writer: Any, directory: str) -> None:
        self._writer = writer
        self._directory = directory

    def open(self, partition_id: int, batch_id: int) -> bool:
        """Begin a partition of a batch."""
        os.makedirs(self._directory, exist_ok=True)
        path = os.path.join(self._directory, f"{batch_id}-{partition_id}-{uuid.uuid4()}")
        self._file = open(path, "wb")  # noqa: SIM115  closed in close()
        begin = getattr(self._writer, "open", None)
        return bool(begin(partition_id, batch_id)) if begin is not None else True

    def process(self, row: Any) -> None:
        """Take a row."""
        pickle.dump(plain_rows([row])[0], self._file)
        (self._writer if callable(self._writer) else self._writer.process)(row)

    def close(self, error: Any) -> None:
        """End a partition."""
        self._file.close()
        end = getattr(self._writer, "close", None)
        if end is not None:
            end(error)


def _observe_foreach(writer: Any, observer: Observer, told: str, location: str) -> Callable[[], None]:
    """Let the rows be written down where they are given to the program; return what tells of them."""
    directory = location + "-rows"
    function = _said(writer)["foreach"]
    type(writer).foreach(writer, ObservedWriter(function, directory))

    def tell() -> None:
        batches: dict[int, list[Any]] = {}
        for name in sorted(os.listdir(directory)) if os.path.isdir(directory) else ():
            rows = batches.setdefault(int(name.partition("-")[0]), [])
            with open(os.path.join(directory, name), "rb") as file:
                while file.peek(1):
                    rows.append(pickle.load(file))
        for batch_id, rows in sorted(batches.items()):
            observer.wrote(told, batch_id, location, rows)

    return tell


def _committed(checkpoint: str) -> int | None:
    """Return how many batches were committed, None when one is being written."""
    planned, done = (
        [int(name) for name in os.listdir(path) if name.isdecimal()] if os.path.isdir(path) else []
        for path in (os.path.join(checkpoint, log) for log in ("offsets", "commits"))
    )
    return max(done, default=-1) + 1 if max(planned, default=-1) == max(done, default=-1) else None


def _tell_files(observer: Observer, told: str, frame: Any, place: tuple[str, str], checkpoint: str) -> None:
    """Tell of the batches that Spark's file sink wrote, by its own log; `place` is their format and directory."""
    import json

    kind, directory = place
    log = os.path.join(re.sub("^file:(//)?", "", directory), "_spark_metadata")
    for name in sorted((n for n in os.listdir(log) if n.isdecimal()), key=int) if os.path.isdir(log) else ():
        with open(os.path.join(log, name), encoding="utf-8") as file:
            entries = [json.loads(line) for line in file.read().split("\n")[1:] if line]
        files = [entry["path"] for entry in entries if entry["action"] == "add"]
        reader = frame.sparkSession.read.format(kind).schema(frame.schema)
        observer.wrote(told, int(name), checkpoint, reader.load(files).collect() if files else [])


def _table_place(session: Any, table: str) -> tuple[str, str]:
    """Return format and directory of a table."""
    facts = {row[0]: row[1] for row in session.sql(f"describe formatted {table}").collect()}
    return facts["Provider"].lower(), facts["Location"]
