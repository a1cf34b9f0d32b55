"""An in-memory source and small plans over it, for tests of the engine."""

from __future__ import annotations

import json
import queue
import threading
from dataclasses import dataclass, field
from typing import Any

from lightstream.clock import SYSTEM_CLOCK, Clock, ManualClock
from lightstream.conf import Conf
from lightstream.database.connection import Database
from lightstream.execute.session import SessionState
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp
from lightstream.plan import types as t
from lightstream.sinks.registry import SinkRequest
from lightstream.sources.contract import Scan
from lightstream.stream.query import StreamRun
from lightstream.stream.start import QueryRequest, start_query
from lightstream.stream.triggers import Trigger

SCHEMA = t.StructType([t.StructField("k", t.StringType()), t.StructField("v", t.LongType())])


class Rows:
    """Rows that a test adds while a query reads them; offsets are counts of rows."""

    def __init__(
        self, *rows: tuple[str | None, int | None], limit: int | None = None, fixes: bool = True
    ) -> None:
        self.rows = list(rows)
        self.limit = limit
        self.fixes = fixes
        self.schema = SCHEMA
        self.metadata = None
        self.name = "rows"
        self.streams: list[RowsStream] = []
        self.fail_scan: Exception | None = None
        self.before_scan: Any = None
        self.plan = lp.DataSourceScan(attributes(SCHEMA), self, streaming=True)

    def add(self, *rows: tuple[str | None, int | None]) -> None:
        """Add rows and wake the queries that read them."""
        self.rows.extend(rows)
        for stream in self.streams:
            stream.wakeup()

    def open_stream(self, source_directory: str | None, durable: bool, conf: Conf) -> RowsStream:
        stream = RowsStream(self)
        self.streams.append(stream)
        return stream

    @property
    def stream(self) -> RowsStream:
        """The newest stream."""
        return self.streams[-1]


class RowsStream:
    """One query's reading of `Rows`."""

    needs_polling = False

    def __init__(self, source: Rows) -> None:
        self.source = source
        self.description = "Rows[]"
        self.commits: list[str] = []
        self.asked = 0
        self.stopped = False
        self.horizon: int | None = None
        self.wakeup: Any = lambda: None

    def latest_offset(self, start: str | None, *, ignore_limits: bool = False) -> str | None:
        self.asked += 1
        begin = count_of(start)
        end = len(self.source.rows) if self.horizon is None else self.horizon
        if self.source.limit is not None and not ignore_limits:
            end = min(end, begin + self.source.limit)
        return start if end <= begin else json.dumps({"rows": end}, separators=(",", ":"))

    def input_of(self, start: str | None, end: str | None) -> tuple[int, int]:
        return count_of(start), count_of(end)

    def expected(self, count: int) -> list[tuple[int, int]]:
        return []

    def reported(self, end: str | None) -> tuple[str | None, dict[str, str]]:
        return None, {}

    def scan(self, what: tuple[int, int], columns: Any, cursor: Any) -> Scan:
        if self.source.before_scan is not None:
            self.source.before_scan()
        if self.source.fail_scan is not None:
            raise self.source.fail_scan
        rows = self.source.rows[what[0] : what[1]]
        import pyarrow

        frame = f"rows_{id(self)}"
        table = pyarrow.table(
            {
                "c0": pyarrow.array([k for k, _ in rows], pyarrow.string()),
                "c1": pyarrow.array([v for _, v in rows], pyarrow.int64()),
            }
        )
        positions = {"k": 0, "v": 1}
        items = ", ".join(f'c{positions[c.path[0]]} AS "{c.output}"' for c in columns) or "1 AS one"
        return Scan(f"(SELECT {items} FROM {frame})", {frame: table})

    def prepare_available_now(self) -> bool:
        if self.source.fixes:
            self.horizon = len(self.source.rows)
        return self.source.fixes

    def commit(self, end: str) -> None:
        self.commits.append(end)

    def interrupt(self) -> None:
        pass

    def set_wakeup(self, wakeup: Any) -> None:
        self.wakeup = wakeup

    def stop(self) -> None:
        self.stopped = True


def count_of(offset: str | None) -> int:
    return 0 if offset is None else int(json.loads(offset)["rows"])


def attributes(schema: t.StructType) -> tuple[e.Attribute, ...]:
    return tuple(e.Attribute(f.name, f.dataType, f.nullable, e.fresh_id()) for f in schema)


@dataclass
class Rig:
    """A session and a way to start queries over `Rows`."""

    session: SessionState = field(default_factory=lambda: new_session())
    clock: Clock = SYSTEM_CLOCK
    started: list[StreamRun] = field(default_factory=list)

    def start(
        self,
        source: Rows | lp.LogicalPlan,
        format: str = "memory",
        *,
        mode: str = "append",
        name: str | None = None,
        trigger: Trigger | None = None,
        checkpoint: Any = None,
        table: tuple[str, ...] | None = None,
        conf: dict[str, str] | None = None,
        foreach_batch: Any = None,
        foreach: Any = None,
        options: dict[str, str] | None = None,
    ) -> StreamRun:
        plan = source.plan if isinstance(source, Rows) else source
        settings = self.session.conf.copy()
        settings.values.update(conf or {})
        given = dict(options or {})
        if checkpoint is not None:
            given["checkpointlocation"] = str(checkpoint)
        sink = SinkRequest(
            format=format,
            schema=plan.schema,
            output_mode=mode,
            options=given,
            query_name=name,
            table=table,
            foreach_batch=foreach_batch,
            foreach=foreach,
            frame_of=lambda p: self.session.run(p),
            rows_of=lambda p: self.session.run(p).tuples(),
        )
        run = start_query(QueryRequest(plan, self.session, settings, sink, trigger or Trigger(), self.clock))
        self.started.append(run)
        return run

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        return self.session.database.cursor().execute(text).fetchall()

    def close(self) -> None:
        for run in self.started:
            run.stop()
        self.session.database.close()


def new_session(path: str | None = None) -> SessionState:
    return SessionState(Conf({"spark.sql.session.timeZone": "UTC"}), Database(path))


def grouped(source: Rows) -> lp.LogicalPlan:
    """Return `SELECT k, count(1) AS n, sum(v) AS s GROUP BY k`."""
    from lightstream.plan import relations as r

    session = new_session()
    return session.analyze(
        r.Aggregate(
            source.plan,
            (e.UnresolvedAttribute(("k",)),),
            (
                e.Alias(e.UnresolvedFunction("count", (e.Literal(1, t.IntegerType()),)), ("n",)),
                e.Alias(e.UnresolvedFunction("sum", (e.UnresolvedAttribute(("v",)),)), ("s",)),
            ),
            keys_first=True,
        )
    )


class Gate:
    """A place where one thread waits until a test lets it through."""

    def __init__(self) -> None:
        self.reached = threading.Event()
        self.open = threading.Event()

    def __call__(self, *_: Any) -> None:
        self.reached.set()
        assert self.open.wait(10), "nobody opened the gate"


class WatchedClock(ManualClock):
    """A clock set by the test, which also learns when a thread begins to wait, and for how long."""

    def __init__(self, start_ms: int = 0) -> None:
        super().__init__(start_ms)
        self.waits: queue.SimpleQueue[int | None] = queue.SimpleQueue()

    def wait(self, event: threading.Event, timeout_ms: int | None) -> bool:
        with self._changed:  # the clock does not move before the wait has begun
            self.waits.put(timeout_ms)
            return super().wait(event, timeout_ms)

    def next_wait(self) -> int | None:
        """Return the timeout of the next wait of a thread."""
        return self.waits.get(timeout=10)
