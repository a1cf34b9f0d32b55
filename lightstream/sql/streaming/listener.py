"""Listeners of streaming queries, and the events that they are told."""

from __future__ import annotations

import uuid
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Any

from lightstream.sql.streaming.progress import (
    SinkProgress,
    SourceProgress,
    StateOperatorProgress,
    StreamingQueryProgress,
    progress_of,
)
from lightstream.stream.listeners import Event, Idle, Progressed, Started, Terminated

if TYPE_CHECKING:
    from lightstream.sql.session import SparkSession

__all__ = ["StreamingQueryListener"]

# The reports' parts, which programs import from here.
_UNLISTED = (SinkProgress, SourceProgress, StateOperatorProgress)


class StreamingQueryListener(ABC):
    """What is told about the queries of a session: subclass it and pass it to `spark.streams.addListener`.

    `onQueryStarted` is called before `start()` returns, everything else a little later, in another thread.
    """

    def _set_spark_session(self, session: SparkSession) -> None:
        if self.spark is None:
            self.spark = session

    @property
    def spark(self) -> SparkSession | None:
        """The session that the listener was added to."""
        return getattr(self, "_sparkSession", None)

    @spark.setter
    def spark(self, session: SparkSession) -> None:
        self._sparkSession = session

    def _init_listener_id(self) -> None:
        self._id = str(uuid.uuid4())

    @abstractmethod
    def onQueryStarted(self, event: QueryStartedEvent) -> None:
        """Hear that a query was started."""

    @abstractmethod
    def onQueryProgress(self, event: QueryProgressEvent) -> None:
        """Hear that a query ran a batch."""

    def onQueryIdle(self, event: QueryIdleEvent) -> None:
        """Hear that a query has had no data for a while."""
        return None

    @abstractmethod
    def onQueryTerminated(self, event: QueryTerminatedEvent) -> None:
        """Hear that a query has ended, with or without an error."""


class QueryStartedEvent:
    """A query was started."""

    def __init__(
        self, id: uuid.UUID, runId: uuid.UUID, name: str | None, timestamp: str, jobTags: set[str]
    ) -> None:
        self._id = id
        self._runId = runId
        self._name = name
        self._timestamp = timestamp
        self._jobTags = jobTags

    @classmethod
    def fromJson(cls, j: dict[str, Any]) -> QueryStartedEvent:
        """Return the event of a JSON object."""
        return cls(
            uuid.UUID(j["id"]), uuid.UUID(j["runId"]), j["name"], j["timestamp"], set(j.get("jobTags", ()))
        )

    @property
    def id(self) -> uuid.UUID:
        """The query's id, the same after a restart from its checkpoint."""
        return self._id

    @property
    def runId(self) -> uuid.UUID:
        """The id of this run."""
        return self._runId

    @property
    def name(self) -> str | None:
        """The query's name, None if it has none."""
        return self._name

    @property
    def timestamp(self) -> str:
        """When the query was started."""
        return self._timestamp

    @property
    def jobTags(self) -> set[str]:
        """Always empty (Spark: tags of its jobs)."""
        return self._jobTags


class QueryProgressEvent:
    """A query ran a batch."""

    def __init__(self, progress: StreamingQueryProgress) -> None:
        self._progress = progress

    @classmethod
    def fromJson(cls, j: dict[str, Any]) -> QueryProgressEvent:
        """Return the event of a JSON object."""
        return cls(StreamingQueryProgress.fromJson(j["progress"]))

    @property
    def progress(self) -> StreamingQueryProgress:
        """The report about the batch."""
        return self._progress


class QueryIdleEvent:
    """A query has had no data for a while."""

    def __init__(self, id: uuid.UUID, runId: uuid.UUID, timestamp: str) -> None:
        self._id = id
        self._runId = runId
        self._timestamp = timestamp

    @classmethod
    def fromJson(cls, j: dict[str, Any]) -> QueryIdleEvent:
        """Return the event of a JSON object."""
        return cls(uuid.UUID(j["id"]), uuid.UUID(j["runId"]), j["timestamp"])

    @property
    def id(self) -> uuid.UUID:
        """The query's id, the same after a restart from its checkpoint."""
        return self._id

    @property
    def runId(self) -> uuid.UUID:
        """The id of this run."""
        return self._runId

    @property
    def timestamp(self) -> str:
        """When the newest trigger without a batch was."""
        return self._timestamp


class QueryTerminatedEvent:
    """A query has ended."""

    def __init__(
        self, id: uuid.UUID, runId: uuid.UUID, exception: str | None, errorClassOnException: str | None
    ) -> None:
        self._id = id
        self._runId = runId
        self._exception = exception
        self._errorClassOnException = errorClassOnException

    @classmethod
    def fromJson(cls, j: dict[str, Any]) -> QueryTerminatedEvent:
        """Return the event of a JSON object."""
        return cls(uuid.UUID(j["id"]), uuid.UUID(j["runId"]), j["exception"], j["errorClassOnException"])

    @property
    def id(self) -> uuid.UUID:
        """The query's id, the same after a restart from its checkpoint."""
        return self._id

    @property
    def runId(self) -> uuid.UUID:
        """The id of this run."""
        return self._runId

    @property
    def exception(self) -> str | None:
        """The error with its traceback, None after a clean end."""
        return self._exception

    @property
    def errorClassOnException(self) -> str | None:
        """The error's condition, None after a clean end or for an error without one."""
        return self._errorClassOnException


def tell(listener: StreamingQueryListener, event: Event) -> None:
    """Tell a listener what the engine says of a query."""
    match event:
        case Progressed(record):
            listener.onQueryProgress(QueryProgressEvent(progress_of(record, exact=True)))
        case Idle(id, run_id, timestamp):
            listener.onQueryIdle(QueryIdleEvent(uuid.UUID(id), uuid.UUID(run_id), timestamp))
        case Started(id, run_id, name, timestamp):
            started: Any = QueryStartedEvent(uuid.UUID(id), uuid.UUID(run_id), name, timestamp, set())
            listener.onQueryStarted(started)
        case Terminated(id, run_id, exception, error_class):
            listener.onQueryTerminated(
                QueryTerminatedEvent(uuid.UUID(id), uuid.UUID(run_id), exception, error_class)
            )
