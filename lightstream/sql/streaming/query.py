"""The handle of a running streaming query."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightstream.errors import PySparkValueError, StreamingQueryException

if TYPE_CHECKING:
    from lightstream.sql.streaming.progress import StreamingQueryProgress
    from lightstream.stream.query import StreamRun

__all__ = ["StreamingQuery"]


class StreamingQuery:
    """A query that runs in the background while data arrives. All methods can be called from any thread."""

    def __init__(self, run: StreamRun) -> None:
        self._run = run

    @property
    def id(self) -> str:
        """The query's id, the same after a restart from its checkpoint."""
        return self._run.id

    @property
    def runId(self) -> str:
        """The id of this run."""
        return self._run.run_id

    @property
    def name(self) -> str | None:
        """The query's name, None if it has none."""
        return self._run.name

    @property
    def isActive(self) -> bool:
        """Whether the query runs."""
        return self._run.is_active

    def awaitTermination(self, timeout: int | None = None) -> bool | None:
        """Wait until the query ends; with `timeout` (seconds) return whether it has.

        Raises:
            StreamingQueryException: the query failed; every call raises it.
            PySparkValueError: VALUE_NOT_POSITIVE.
        """
        if timeout is None:
            self._run.await_termination()
            return None
        if not isinstance(timeout, int | float) or timeout <= 0:
            raise not_positive("timeout", timeout)
        return self._run.await_termination(timeout)

    @property
    def status(self) -> dict[str, Any]:
        """What the query does now: `message`, `isDataAvailable`, `isTriggerActive`."""
        status = self._run.status
        return {
            "message": status.message,
            "isDataAvailable": status.data_available,
            "isTriggerActive": status.trigger_active,
        }

    @property
    def recentProgress(self) -> list[StreamingQueryProgress]:
        """The newest reports, oldest first (`spark.sql.streaming.numRecentProgressUpdates`)."""
        from lightstream.sql.streaming.progress import progress_of

        return [progress_of(record) for record in self._run.recent_progress()]

    @property
    def lastProgress(self) -> StreamingQueryProgress | None:
        """The newest report, None before the first."""
        from lightstream.sql.streaming.progress import progress_of

        records = self._run.recent_progress()
        return progress_of(records[-1]) if records else None

    def processAllAvailable(self) -> None:
        """Wait until all data that has arrived by now is processed and committed.

        Raises:
            StreamingQueryException: the query failed.
        """
        self._run.process_all_available()

    def stop(self) -> None:
        """End the query and wait until it has; a batch that is being computed is cancelled and runs again after a
        restart. Called in foreachBatch, the query ends after the batch."""
        self._run.stop()

    def explain(self, extended: bool = False) -> None:
        """Print the SQL that a batch runs."""
        print(self._run.explain(extended))

    def exception(self) -> StreamingQueryException | None:
        """Return the error that ended the query, or None."""
        return self._run.failure


def not_positive(argument: str, value: Any) -> PySparkValueError:
    """Return VALUE_NOT_POSITIVE."""
    kind = type(value).__name__
    return PySparkValueError(
        "VALUE_NOT_POSITIVE",
        f"Value for `{argument}` must be positive, got '{kind}'.",
        parameters={"arg_name": argument, "arg_value": kind},
    )
