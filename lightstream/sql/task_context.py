"""`TaskContext`: what a data source can ask about the task in which it reads or writes."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from lightstream.errors import unsupported
from lightstream.sql.unsupported import refuses

_running = threading.local()


@refuses(
    "TaskContext",
    cpus="",
    getLocalProperty="key",
    resources="",
    stageId="",
    taskAttemptId="",
)
class TaskContext:
    """The task of one partition.

    Spark: it has as many partitions as cores and shuffles make. Here a data source's `read` has the number of its
    own partition, and `write` is called once a batch, as partition 0.
    """

    def __init__(self, partition: int) -> None:
        self._partition = partition

    @classmethod
    def get(cls) -> TaskContext:
        """Return the task that is running.

        Raises:
            UnsupportedOperationException: no data source is reading or writing.
        """
        context: TaskContext | None = getattr(_running, "task", None)
        if context is None:
            raise unsupported("TaskContext.get() outside of a data source's read and write")
        return context

    def partitionId(self) -> int:
        """Return the number of the partition."""
        return self._partition

    def attemptNumber(self) -> int:
        """Return 0: nothing is tried twice."""
        return 0


@contextmanager
def task(partition: int) -> Iterator[None]:
    """Let a program ask for its task while it reads or writes a partition."""
    before = getattr(_running, "task", None)
    _running.task = TaskContext(partition)
    try:
        yield
    finally:
        _running.task = before
