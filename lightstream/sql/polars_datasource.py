"""Connectors as one function over Polars frames: the short form of `lightstream.sql.datasource`, which Spark has not.

from lightstream.sql.polars_datasource import polars_sink, polars_source, polars_stream

@polars_source("prices", "id bigint, price double")
def prices(options): return pl.read_database(..., options["url"])

@polars_stream("ticks", "n bigint", start={"n": 0})
def ticks(options, start, end): ...

@polars_sink("warehouse")
def warehouse(options, rows, batch_id): ...

spark.dataSource.register(prices)
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

from lightstream.plan.types import StructType
from lightstream.sql import datasource as ds

if TYPE_CHECKING:
    import polars as pl

    Options = Mapping[str, str]
    Offset = dict[str, Any]
    Rows = pl.DataFrame | Iterable[pl.DataFrame]

__all__ = ["polars_sink", "polars_source", "polars_stream"]


def polars_source(
    name: str, schema: StructType | str
) -> Callable[[Callable[[Options], Rows]], type[ds.DataSource]]:
    """Return a decorator that makes a connector of a function from options to a frame, or to several one by one."""

    def decorate(function: Callable[[Options], Rows]) -> type[ds.DataSource]:
        class Reader(ds.DataSourceReader):
            def __init__(self, options: Options) -> None:
                self._options = options

            def read(self, partition: ds.InputPartition) -> Iterator[Any]:
                return _frames(function(self._options))

        class Source(_named(name)):  # type: ignore[misc]
            def schema(self) -> StructType | str:
                return schema

            def reader(self, schema: StructType) -> ds.DataSourceReader:
                return Reader(self.options)

        return Source

    return decorate


def polars_stream(
    name: str, schema: StructType | str, start: Offset
) -> Callable[[Callable[[Options, Offset, Offset | None], tuple[Rows, Offset]]], type[ds.DataSource]]:
    """Return a decorator that makes a stream of a function `(options, start, end) -> (rows, end)`.

    With `end` None it returns what there is after `start`, as much as a batch is to have, and where that ends; with
    an `end` that it has returned before, the same rows again (a batch is run again after a crash). `start` is where a
    new query begins. Offsets are dicts that JSON can hold.
    """

    def decorate(
        function: Callable[[Options, Offset, Offset | None], tuple[Rows, Offset]],
    ) -> type[ds.DataSource]:
        class Reader(ds.SimpleDataSourceStreamReader):
            def __init__(self, options: Options) -> None:
                self._options = options

            def initialOffset(self) -> Offset:
                return dict(start)

            def read(self, start: Offset) -> tuple[Iterator[Any], Offset]:
                rows, end = function(self._options, start, None)
                return _frames(rows), end

            def readBetweenOffsets(self, start: Offset, end: Offset) -> Iterator[Any]:
                return _frames(function(self._options, start, end)[0])

        class Source(_named(name)):  # type: ignore[misc]
            def schema(self) -> StructType | str:
                return schema

            def simpleStreamReader(self, schema: StructType) -> ds.SimpleDataSourceStreamReader:
                return Reader(self.options)

        return Source

    return decorate


def polars_sink(
    name: str,
) -> Callable[[Callable[[Options, pl.DataFrame, int | None], Any]], type[ds.DataSource]]:
    """Return a decorator that makes a sink of a function `(options, rows, batch_id)`; a batch query has no batch id.

    Guarantee: at least once; a batch that is given again has the same id and the same rows.
    """

    def decorate(function: Callable[[Options, pl.DataFrame, int | None], Any]) -> type[ds.DataSource]:
        class Writer(ds.DataSourceArrowWriter):
            def __init__(self, options: Options, schema: StructType) -> None:
                self._options, self._schema = options, schema

            def write(self, iterator: Iterator[Any]) -> ds.WriterCommitMessage:
                return _Rows(iterator, self._schema)

            def commit(self, messages: list[Any]) -> None:
                function(self._options, messages[0].frame, None)

        class StreamWriter(ds.DataSourceStreamArrowWriter):
            def __init__(self, options: Options, schema: StructType) -> None:
                self._options, self._schema = options, schema

            def write(self, iterator: Iterator[Any]) -> ds.WriterCommitMessage:
                return _Rows(iterator, self._schema)

            def commit(self, messages: list[Any], batchId: int) -> None:
                function(self._options, messages[0].frame, batchId)

        class Source(_named(name)):  # type: ignore[misc]
            def writer(self, schema: StructType, overwrite: bool) -> ds.DataSourceWriter:
                return Writer(self.options, schema)

            def streamWriter(self, schema: StructType, overwrite: bool) -> ds.DataSourceStreamWriter:
                return StreamWriter(self.options, schema)

        return Source

    return decorate


class _Rows(ds.WriterCommitMessage):
    """The rows of a batch: the function gets them when they are all there."""

    def __init__(self, batches: Iterator[Any], schema: StructType) -> None:
        import polars
        import pyarrow as pa

        from lightstream.sql.rows import arrow_type

        found = list(batches)
        empty = pa.schema([pa.field(f.name, arrow_type(f.dataType), f.nullable) for f in schema])
        table = pa.Table.from_batches(found) if found else empty.empty_table()
        frame = polars.from_arrow(table)
        assert isinstance(frame, polars.DataFrame)
        self.frame = frame


def _named(given: str) -> type[ds.DataSource]:
    class Named(ds.DataSource):
        @classmethod
        def name(cls) -> str:
            return given

    return Named


def _frames(rows: Rows) -> Iterator[Any]:
    import polars

    return iter([rows]) if isinstance(rows, polars.DataFrame) else iter(rows)
