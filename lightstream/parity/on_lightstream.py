"""Hooks into lightstream: the observer sees what its real sinks get."""

from __future__ import annotations

import os
import threading
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from lightstream.parity.observer import Observer
from lightstream.parity.recording import Ordering

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from lightstream.plan.logical import LogicalPlan
    from lightstream.sinks.contract import Batch, Sink
    from lightstream.stream.start import QueryRequest

_NO_CHECKPOINT = ("memory", "console", "noop", "foreach", "foreachBatch")
_MOMENTS = ("current_timestamp", "current_date", "localtimestamp", "unix_timestamp")


class ObservedSink:
    """A sink, and the observer who is told of its batches."""

    def __init__(self, sink: Sink, observer: Observer, name: str, checkpoint: str, rows_of: Any) -> None:
        self.description = sink.description
        self.temporary_checkpoint = sink.temporary_checkpoint
        self._sink = sink
        self._observer = observer
        self._name = name
        self._checkpoint = checkpoint
        self._rows_of = rows_of

    def open(self, query_id: str, cursor: Any) -> None:
        """Open the sink."""
        from lightstream.sinks.frames import attach_catalog

        attach_catalog(cursor)
        self._sink.open(query_id, cursor)

    def write(self, batch: Batch) -> int:
        """Tell of the batch, and write it."""
        from lightstream.sinks.frames import batch_table

        with self._observer.unobserved(), batch_table(batch) as (plan, _):
            rows = list(self._rows_of(plan))
        with self._observer.batch(self._name, batch.batch_id, self._checkpoint, rows):
            try:
                return self._sink.write(batch)
            except Exception as error:
                self._observer.query_failed(self._name, error.__cause__ or error)
                raise

    def idle(self) -> None:
        """Tell the sink."""
        self._sink.idle()

    def stop(self) -> None:
        """Stop the sink."""
        self._sink.stop()


def install(observer: Observer) -> None:
    """Let the observer see all queries and all that the program asks for."""
    from importlib import import_module

    from lightstream.sql.dataframe import DataFrame
    from lightstream.sql.session import SparkSession
    from lightstream.sql.streaming.manager import StreamingQueryManager
    from lightstream.sql.streaming.query import StreamingQuery
    from lightstream.stream import triggers

    start: Any = import_module("lightstream.stream.start")
    session: Any = SparkSession

    starting = threading.local()
    start_query, find_sink, stop = start.start_query, start.find_sink, session.stop

    def observed_start(request: QueryRequest) -> Any:
        sink = request.sink
        kind = "table" if sink.table is not None else sink.format
        table = (
            sink.query_name if kind == "memory" else ".".join(sink.table) if sink.table is not None else None
        )
        name = observer.query(sink.query_name, kind, sink.output_mode, _Planned(request.plan), table)
        given = sink.options.get("checkpointlocation") or _of_session(request)
        if given is not None or kind in _NO_CHECKPOINT:
            location = observer.checkpoint(given, name)
            sink = replace(sink, options={**sink.options, "checkpointlocation": location})
            starting.query = (name, location)
        else:
            starting.query = None  # it will be refused
        try:
            run = start_query(replace(request, sink=sink))
        except Exception as error:
            observer.refused(name, error)
            raise
        observer.started(name, StreamingQuery(run))
        return run

    def observed_sink(request: Any, session: Any) -> Any:
        found = find_sink(request, session)
        if starting.query is None:
            return found
        name, location = starting.query
        return ObservedSink(found, observer, name, location, request.rows_of)

    start.start_query = observed_start
    start.find_sink = observed_sink
    observer.watch(DataFrame)
    watch_handles(
        observer,
        StreamingQuery,
        StreamingQueryManager,
        lambda query: query._run.trigger.kind in (triggers.ONCE, triggers.AVAILABLE_NOW),
    )

    def observed_stop(session: SparkSession) -> None:
        observer.finish(session.table)
        stop(session)

    session.stop = observed_stop


def _of_session(request: Any) -> str | None:
    base = request.conf.get("spark.sql.streaming.checkpointLocation")
    return (
        None
        if base is None or request.sink.query_name is None
        else os.path.join(base, request.sink.query_name)
    )


def take_ties_in_order(files: Sequence[str], directory: str) -> None:
    """Take files of one modification time in this order, which is Spark's: there it is that of the directory listing,
    here that of their paths."""
    from lightstream.sources.files import FileStream

    stream: Any = FileStream

    ranks = {os.path.join(directory, path): rank for rank, path in enumerate(files)}
    original = stream._order

    def order(stream: FileStream, file: Any) -> Any:
        time, path = original(stream, file)
        return time, ranks.get(path, len(ranks)), path

    stream._order = order


def watch_handles(observer: Observer, query: Any, manager: Any, ends: Callable[[Any], bool]) -> None:
    """Let the observer see when queries are stopped, and let waiting end when all data is processed.

    That is waiting without a timeout for a query that never ends by itself; `ends` tells which do.
    """
    await_one, await_any, stop = query.awaitTermination, manager.awaitAnyTermination, query.stop

    def observed_stop(one: Any) -> None:
        observer.stopping(one.runId)
        stop(one)

    def finish(one: Any) -> None:
        if ends(one):
            await_one(one)
            return
        try:
            one.processAllAvailable()
        except Exception:
            await_one(one)  # raises what the program expects
            raise
        one.stop()

    def observed_await(one: Any, timeout: int | None = None) -> Any:
        if timeout is not None:
            return await_one(one, timeout)
        finish(one)
        return await_one(one)

    def observed_await_any(all_queries: Any, timeout: int | None = None) -> Any:
        if timeout is None:
            for one in all_queries.active:
                finish(one)
        return await_any(all_queries, timeout)

    query.awaitTermination, manager.awaitAnyTermination = observed_await, observed_await_any
    query.stop = observed_stop


class _Planned:
    """A plan where a frame is looked at."""

    def __init__(self, plan: LogicalPlan) -> None:
        self._plan = plan

    @property
    def schema(self) -> Any:
        return self._plan.schema


def inspect(frame: Any) -> tuple[Ordering | None, str | None]:
    """Return how the rows of a frame are ordered, and why other rows would be right, too."""
    plan = frame._plan
    return ordering_of(plan), _vague(plan)


def ordering_of(plan: LogicalPlan) -> Ordering | None:
    """Return how the rows of a plan are ordered; None when they are not."""
    from lightstream.plan import logical as lp

    node = plan
    while isinstance(node, lp.Project | lp.Limit | lp.Tail | lp.SubqueryAlias | lp.Filter):
        node = node.child
    if not isinstance(node, lp.Sort) or not node.is_global:
        return None
    ids = [column.id for column in plan.output]
    keys = [getattr(order.child, "id", -1) for order in node.orders]
    return Ordering(tuple(map(ids.index, keys)) if set(keys) <= set(ids) else None)


def _vague(plan: LogicalPlan) -> str | None:
    from lightstream.compile.compiler import is_volatile
    from lightstream.plan import expressions as e
    from lightstream.plan import logical as lp

    for node in plan.walk():
        if isinstance(node, lp.Sample):
            return "a sample is random"
        if isinstance(node, lp.Limit | lp.Tail) and ordering_of(node) is None:
            return "without ORDER BY, any rows are right"
        for item in _expressions(node):
            if is_volatile(item):
                return "it is random"
            if any(isinstance(part, e.Call) and part.name in _MOMENTS for part in item.walk()):
                return "it depends on the time"
    return None


def _expressions(node: LogicalPlan) -> list[Any]:
    from dataclasses import fields

    from lightstream.plan.expressions import Expression

    found: list[Any] = []
    for item in fields(node):
        value = getattr(node, item.name)
        found += [
            part for part in (value if isinstance(value, tuple) else (value,)) if isinstance(part, Expression)
        ]
    return found
