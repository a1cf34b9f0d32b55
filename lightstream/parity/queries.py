"""`assert_parity`: one streaming query on both engines, file by file."""

from __future__ import annotations

import functools
import json
import os
import shutil
import tempfile
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from lightstream.dataclass import dataclass
from lightstream.errors import PySparkException

if TYPE_CHECKING:
    from lightstream.parity.recording import Query

ENGINES = ("spark", "lightstream")
OUTPUT_MODES = ("append", "update", "complete")
VIEW = "data"
"""The name under which a query in SQL reads the stream."""

_FIRST_TIME_S = 1_700_000_000


@dataclass(frozen=True, slots=True)
class Engine:
    """An engine: its session, its functions and types, its name, and a directory of its own."""

    name: str
    spark: Any
    F: Any
    T: Any
    directory: Path

    def __repr__(self) -> str:
        return f"Engine({self.name!r})"


def assert_parity(
    query: Callable[..., Any] | str,
    data: Sequence[Any] | str | os.PathLike[str],
    *,
    schema: Any = None,
    output_mode: str | Sequence[str] = OUTPUT_MODES,
    options: Mapping[str, Any] | None = None,
    files_per_batch: int = 1,
) -> None:
    """Run a streaming query on Spark and on lightstream, and compare.

    Compared are the schema, each batch's rows, its numbers of input rows and of rows in the state, and errors.

    Args:
        query: a function of the streaming DataFrame, or of it and the engine's `functions` module, that returns a
            streaming DataFrame; or a query in SQL that reads the stream as the table `data`.
        data: one item for each file, in the order of their arrival: rows as dicts, the text of a JSON lines file, or
            a Polars DataFrame; or a directory of JSON files.
        schema: the schema of the stream (DDL text). Without it both engines infer one from all files, and the two
            must be the same.
        output_mode: one or more output modes; all by default. One that Spark refuses must be refused here by the
            same error.
        options: options of the JSON reader.
        files_per_batch: how many files each batch takes.

    Raises:
        AssertionError: the engines differ; the message shows the first difference. Also if no mode runs a batch.
        PySparkImportError: pyspark is not installed.
        PySparkRuntimeError: there is no Java.

    >>> files = [[{"k": "a"}], [{"k": "b"}, {"k": "a"}]]
    >>> assert_parity("select k, count(*) from data group by k", files)  # doctest: +SKIP
    """
    from lightstream.parity.compare import compare_queries
    from lightstream.parity.report import text_of

    __tracebackhide__ = True  # what pytest shows is the message

    modes = [output_mode] if isinstance(output_mode, str) else list(output_mode)
    ran = 0
    failures = []
    with tempfile.TemporaryDirectory(prefix="lightstream-parity-") as directory:
        files = _files(data, Path(directory) / "in")
        given = {"maxFilesPerTrigger": str(files_per_batch), **(options or {})}
        try:
            engines = [engine_of(name, Path(directory) / name) for name in ENGINES]
        except PySparkException as error:
            raise error.with_traceback(None) from None
        runs = [_Run(engine, query, str(files), schema, given) for engine in engines]
        for mode in modes:
            spark, ours = (run.start(mode) for run in runs)
            _, differences = compare_queries(spark, ours)
            if differences:
                more = f"\n(and {len(differences) - 1} more)" if len(differences) > 1 else ""
                raise AssertionError(
                    f"the engines differ in output mode {mode}\n{text_of(differences[0])}{more}"
                )
            ran += len(spark.batches)
            if spark.failure is not None:
                failures.append(f"{mode}: {spark.failure.text.partition(chr(10))[0]}")
    if not ran:
        told = "\n".join(["no batch ran on either engine, so that nothing was compared", *failures])
        raise AssertionError(told)


# ---- the engines ----------------------------------------------------------------------------------------------------


def engine_of(name: str, directory: Path) -> Engine:
    """Return an engine; its session is made once for the process.

    Raises:
        PySparkImportError: pyspark is not installed.
        PySparkRuntimeError: there is no Java.
    """
    from importlib import import_module

    package = "pyspark.sql" if name == "spark" else "lightstream.sql"
    session = _session(name).newSession()
    directory.mkdir(parents=True, exist_ok=True)
    if name == "spark":
        from lightstream.parity.on_spark import SETTINGS

        # Also where the session was there already.
        for key, value in SETTINGS.items():
            if key.startswith("spark.sql."):
                session.conf.set(key, value)
    functions, types = (import_module(f"{package}.{part}") for part in ("functions", "types"))
    return Engine(name, session, functions, types, directory)


@functools.cache
def _session(name: str) -> Any:
    if name == "lightstream":
        from lightstream.sql import SparkSession as Ours

        return Ours.builder.create()
    from lightstream import real_spark
    from lightstream.parity.on_spark import SETTINGS

    real_spark.prepare()
    import atexit
    import logging

    from pyspark.sql import SparkSession

    logging.getLogger("SQLQueryContextLogger").disabled = True  # each error with its Java stack
    warehouse = tempfile.mkdtemp(prefix="lightstream-parity-warehouse-")
    builder = SparkSession.builder.master("local[2]").config("spark.sql.warehouse.dir", warehouse)
    for key, value in SETTINGS.items():
        builder = builder.config(key, value)
    session = builder.getOrCreate()
    atexit.register(shutil.rmtree, warehouse, ignore_errors=True)
    atexit.register(session.stop)
    return session


# ---- one query on one engine ----------------------------------------------------------------------------------------


class _Run:
    """A query on one engine."""

    def __init__(
        self, engine: Engine, query: Any, files: str, schema: Any, options: Mapping[str, Any]
    ) -> None:
        self._engine = engine
        self._query = query
        self._files = files
        self._schema = schema
        self._options = options

    def start(self, mode: str) -> Query:
        """Run the query over all files and return what it did."""
        from lightstream.parity.observer import failure_of, numbers_of, plain_rows, reads
        from lightstream.parity.recording import Batch
        from lightstream.parity.recording import Query as Recorded

        recorded = Recorded("query", "foreachBatch", mode)
        checkpoint = str(self._engine.directory / f"checkpoint-{mode}")
        failures: list[Exception] = []

        def batch(rows: Any, batch_id: int) -> None:
            try:
                collected = plain_rows(rows.collect())
            except Exception as error:
                failures.append(error)
                raise
            recorded.batches[batch_id] = Batch(tuple(reads(checkpoint, batch_id)), collected)

        try:
            frame = self._frame()
            self._describe(recorded, frame)
            writer = frame.writeStream.outputMode(mode).option("checkpointLocation", checkpoint)
            running = writer.foreachBatch(batch).trigger(availableNow=True).start()
            running.awaitTermination()
        except Exception as error:
            if getattr(error, "getCondition", None) is None:
                raise  # the query function itself is wrong, or the test
            recorded.failure = failure_of(failures[0] if failures else error)
            return recorded
        recorded.numbers = numbers_of(running)
        return recorded

    def _frame(self) -> Any:
        spark = self._engine.spark
        schema = self._schema
        if schema is None:
            schema = spark.read.options(**self._read_options()).json(self._files).schema
        stream = spark.readStream.schema(schema).options(**self._options).json(self._files)
        if isinstance(self._query, str):
            stream.createOrReplaceTempView(VIEW)
            return spark.sql(self._query)
        if _takes_functions(self._query):
            return self._query(stream, self._engine.F)
        return self._query(stream)

    def _read_options(self) -> dict[str, Any]:
        return {key: value for key, value in self._options.items() if key != "maxFilesPerTrigger"}

    def _describe(self, recorded: Query, frame: Any) -> None:
        from lightstream.parity.answers import columns_of

        recorded.columns = columns_of(frame)
        if self._engine.name == "lightstream":
            from lightstream.parity.on_lightstream import ordering_of

            recorded.ordering = ordering_of(frame._plan)


def _takes_functions(query: Callable[..., Any]) -> bool:
    import inspect

    kinds = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
    taken = [
        p for p in inspect.signature(query).parameters.values() if p.kind in kinds and p.default is p.empty
    ]
    return len(taken) > 1


# ---- the files ------------------------------------------------------------------------------------------------------


def _files(data: Sequence[Any] | str | os.PathLike[str], directory: Path) -> Path:
    """Return a directory with the files; each has a time of its own, by which both engines order them."""
    directory.mkdir()
    if isinstance(data, str | os.PathLike):
        found = [path for path in Path(data).iterdir() if path.is_file() and path.name[0] not in "._"]
        found.sort(key=lambda path: (path.stat().st_mtime_ns, path.name))
        contents = [(path.name, path.read_bytes()) for path in found]
    else:
        contents = [(f"{number:05}.json", _text(item).encode()) for number, item in enumerate(data)]
    if not contents:
        raise ValueError("there are no files to compare with: data is empty")
    for number, (name, content) in enumerate(contents):
        (directory / name).write_bytes(content)
        os.utime(directory / name, (_FIRST_TIME_S + number,) * 2)
    return directory


def _text(item: Any) -> str:
    if isinstance(item, str):
        return item
    if hasattr(item, "write_ndjson"):
        written: str = item.write_ndjson()
        return written
    return "".join(json.dumps(row, default=_written) + "\n" for row in item)


def _written(value: Any) -> str:
    return str(value.isoformat()) if hasattr(value, "isoformat") else str(value)
