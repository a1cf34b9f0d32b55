"""`spark.streams`: the queries of a session and their listeners."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from lightstream.errors import IllegalArgumentException
from lightstream.sql.streaming.query import StreamingQuery, not_positive
from lightstream.stream.active import ActiveQueries, queries_of

if TYPE_CHECKING:
    from lightstream.sql.session import SparkSession
    from lightstream.sql.streaming.listener import StreamingQueryListener

__all__ = ["StreamingQueryManager"]

_UUID = re.compile(r"[0-9a-fA-F]{1,8}-[0-9a-fA-F]{1,4}-[0-9a-fA-F]{1,4}-[0-9a-fA-F]{1,4}-[0-9a-fA-F]{1,12}")


class StreamingQueryManager:
    """The active queries of one session."""

    def __init__(self, session: SparkSession) -> None:
        self._session = session

    @property
    def _queries(self) -> ActiveQueries:
        return queries_of(self._session._state)

    @property
    def active(self) -> list[StreamingQuery]:
        """The queries that run, oldest first."""
        return [StreamingQuery(run) for run in self._queries.all()]

    def get(self, id: str) -> StreamingQuery | None:
        """Return the active query of an id, None when there is none.

        Raises:
            IllegalArgumentException: the text is no id.
        """
        if not isinstance(id, str) or _UUID.fullmatch(id) is None:
            raise IllegalArgumentException(None, f"Invalid UUID string: {id}")
        run = self._queries.get(id.lower())
        return None if run is None else StreamingQuery(run)

    def awaitAnyTermination(self, timeout: int | None = None) -> bool | None:
        """Wait until a query ends, or has ended since the last `resetTerminated`; with `timeout` (seconds) return
        whether one has.

        Raises:
            StreamingQueryException: one of them failed.
            PySparkValueError: VALUE_NOT_POSITIVE.
        """
        if timeout is None:
            self._queries.await_any(None)
            return None
        if not isinstance(timeout, int | float) or timeout < 0:
            raise not_positive("timeout", timeout)
        return self._queries.await_any(timeout)

    def resetTerminated(self) -> None:
        """Forget the queries that have ended, so that `awaitAnyTermination` waits for the next."""
        self._queries.reset_terminated()

    def addListener(self, listener: StreamingQueryListener) -> None:
        """Tell a listener about the queries of this session from now on.

        Raises:
            PySparkTypeError: it is no StreamingQueryListener.
        """
        from lightstream.sql.streaming.listener import StreamingQueryListener, tell

        if not isinstance(listener, StreamingQueryListener):
            from lightstream.sql.arguments import not_expected

            raise not_expected("listener", "StreamingQueryListener", listener)
        listener._set_spark_session(self._session)
        self._queries.bus.add(listener, lambda event: tell(listener, event))

    def removeListener(self, listener: StreamingQueryListener) -> None:
        """Stop telling a listener."""
        self._queries.bus.remove(listener)
