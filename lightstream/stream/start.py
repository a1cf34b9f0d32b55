"""Starting a query: everything that can be refused is refused before a thread or a file exists."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
import uuid
from dataclasses import field
from typing import TYPE_CHECKING

from lightstream.checkpoint.directory import CheckpointDirectory
from lightstream.clock import SYSTEM_CLOCK, Clock
from lightstream.dataclass import dataclass
from lightstream.errors import AnalysisException, PySparkException, unsupported
from lightstream.execute.errors import translated
from lightstream.operators.incremental import IncrementalPlan
from lightstream.sinks.registry import SinkRequest, find_sink
from lightstream.storage.paths import is_remote, normal
from lightstream.storage.settings import settings_of
from lightstream.stream import triggers
from lightstream.stream.active import ActiveQueries, occupy, on_checkpoint, queries_of, vacate
from lightstream.stream.failure import plan_text
from lightstream.stream.microbatch import MicroBatchRunner
from lightstream.stream.query import StreamRun

if TYPE_CHECKING:
    from lightstream.conf import Conf
    from lightstream.execute.session import SessionState
    from lightstream.plan.logical import LogicalPlan
    from lightstream.sinks.contract import Sink
    from lightstream.storage.settings import Settings

_NO_CHECKPOINT = (
    'checkpointLocation must be specified either through option("checkpointLocation", ...) or '
    'SparkSession.conf.set("spark.sql.streaming.checkpointLocation", ...).'
)


@dataclass(frozen=True, slots=True)
class QueryRequest:
    """A streaming plan and where its output goes. `session` is that of the caller; `conf` is the query's own copy.

    `stepped`: triggers run when the run's `step` is called, in the caller's thread.
    """

    plan: LogicalPlan
    session: SessionState
    conf: Conf
    sink: SinkRequest
    trigger: triggers.Trigger = field(default_factory=triggers.Trigger)
    clock: Clock = SYSTEM_CLOCK
    stepped: bool = False


@dataclass(frozen=True, slots=True)
class _Location:
    """Where a query's checkpoint is; `temporary` ones go when the query ends."""

    path: str
    temporary: bool


def start_query(request: QueryRequest) -> StreamRun:
    """Start a query and return it, running.

    A query of this process that runs on the same checkpoint is stopped first (Spark's `stopActiveRunOnRestart`).

    Raises:
        AnalysisException: Spark refuses the plan, the output mode, the trigger or the sink.
        IllegalArgumentException: an option cannot be, or an active query has the name.
        SparkRuntimeException: the checkpoint cannot be used.
    """
    sink_request = request.sink
    sink = find_sink(sink_request, request.session)
    kind = "foreachBatch" if sink_request.foreach_batch is not None else sink_request.format
    refused = triggers.refuse(request.trigger, sink_request.output_mode, kind)
    if refused is not None:
        raise refused
    location = _checkpoint_location(sink_request, sink, request.conf)
    plan = IncrementalPlan.of(request.plan, sink_request.output_mode, request.conf)
    if plan.is_stateful and is_remote(location.path):
        raise unsupported(
            f"A checkpoint in an object store ({location.path}) for a query with state ({plan.operator_names})",
            "Name a local directory: state is changed in place, which objects cannot be.",
        )
    settings = settings_of(request.conf.values, sink_request.options)
    _check_recovery(sink_request, location, settings)
    queries = queries_of(request.session)
    queries.reserve(sink_request.query_name)
    try:
        return _start(request, queries, sink, plan, location, settings)
    except BaseException:
        queries.release(sink_request.query_name)
        if location.temporary:
            shutil.rmtree(location.path, ignore_errors=True)
        raise


def _start(
    request: QueryRequest,
    queries: ActiveQueries,
    sink: Sink,
    plan: IncrementalPlan,
    location: _Location,
    settings: Settings,
) -> StreamRun:
    conf, name = request.conf, request.sink.query_name
    _stop_active_run(location.path, conf)
    checkpoint = CheckpointDirectory(location.path, durable=not location.temporary, settings=settings)
    try:
        cursor = request.session.database.cursor(conf.time_zone)

        def on_end(clean: bool) -> None:
            checkpoint.close()
            vacate(location.path, run)
            delete = clean or conf.boolean("spark.sql.streaming.forceDeleteTempCheckpointLocation")
            if location.temporary and delete:
                shutil.rmtree(location.path, ignore_errors=True)

        run = StreamRun(
            query_id=checkpoint.query_id,
            name=name,
            trigger=request.trigger,
            conf=conf,
            clock=request.clock,
            queries=queries,
            cursor=cursor,
            plan_text=lambda: plan_text(sink.description, request.plan),
            on_end=on_end,
        )
        runner = MicroBatchRunner(
            plan=plan,
            sink=sink,
            output_mode=request.sink.output_mode,
            checkpoint=checkpoint,
            cursor=cursor,
            conf=conf,
            clock=request.clock,
            reporter=run.reporter,
            status=run.status,
            stopping=run.stopping,
            computing=run.computing,
        )
        try:
            sink.open(checkpoint.query_id, cursor)
        except BaseException as error:
            with contextlib.suppress(Exception):  # what went wrong first is what is told
                sink.stop()
            known = translated(error) if isinstance(error, Exception) else error
            if known is error:
                raise
            raise known from error
    except BaseException:
        checkpoint.close()
        raise
    occupy(location.path, run)
    queries.add(run)
    run.start(runner, request.stepped)
    return run


def _checkpoint_location(request: SinkRequest, sink: Sink, conf: Conf) -> _Location:
    """Return where the checkpoint is: as the query says, as the session says, or temporary.

    Raises:
        AnalysisException: nobody says, and the sink cannot do without.
    """
    path = request.options.get("checkpointlocation")
    if path is not None:
        return _Location(_local(path), temporary=False)
    base = conf.get("spark.sql.streaming.checkpointLocation")
    if base is not None:
        return _Location(os.path.join(_local(base), request.query_name or str(uuid.uuid4())), temporary=False)
    if not sink.temporary_checkpoint:
        raise AnalysisException("_LEGACY_ERROR_TEMP_1298", _NO_CHECKPOINT)
    return _Location(os.path.join(tempfile.gettempdir(), f"temporary-{uuid.uuid4()}"), temporary=True)


def _local(path: str) -> str:
    if path.startswith("file:"):
        from urllib.parse import unquote, urlsplit

        return unquote(urlsplit(path).path)
    if is_remote(path):
        return normal(path)
    if "://" in path:
        raise unsupported(f"The checkpoint location {path}", "Name a local directory.")
    return path


def _check_recovery(request: SinkRequest, location: _Location, settings: Settings) -> None:
    """Refuse to continue a memory query whose earlier rows are gone."""
    if request.format != "memory" or request.output_mode == "complete" or location.temporary:
        return
    from lightstream.sources.trees import Trees

    offsets = os.path.join(location.path, "offsets")
    if Trees(settings).at(offsets).exists(offsets):
        raise AnalysisException(
            "_LEGACY_ERROR_TEMP_1299",
            f"This query does not support recovering from checkpoint location. Delete {offsets} to start over.",
            parameters={"checkpointPath": offsets},
        )


def _stop_active_run(path: str, conf: Conf) -> None:
    active = on_checkpoint(path)
    if active is None:
        return
    if not conf.boolean("spark.sql.streaming.stopActiveRunOnRestart"):
        raise PySparkException(
            None,
            f"Cannot start query with id {active.id} as another query with same id is already active. Perhaps you "
            "are attempting to restart a query from checkpoint that is already active. You may stop the old query by "
            'setting the SQL configuration: spark.conf.set("spark.sql.streaming.stopActiveRunOnRestart", true) and '
            "retry.",
        )
    active.stop()
