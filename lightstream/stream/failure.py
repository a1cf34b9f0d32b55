"""What a query that failed tells: `StreamingQueryException` in Spark's layout, and the cause's own words."""

from __future__ import annotations

import traceback
from collections.abc import Sequence
from typing import TYPE_CHECKING

from lightstream import errors
from lightstream.errors import PySparkException

if TYPE_CHECKING:
    from lightstream.plan.logical import LogicalPlan


class StreamingQueryException(errors.StreamingQueryException):
    """The error that terminated a streaming query; its cause is `__cause__`."""

    def __init__(self, query_id: str, run_id: str, reason: str, details: str) -> None:
        self._details = details
        super().__init__(
            "STREAM_FAILED",
            f"Query [id = {query_id}, runId = {run_id}] terminated with exception: {reason}",
            sqlstate="XXKST",
            parameters={"id": query_id, "runId": run_id, "message": reason},
        )

    def _text(self) -> str:
        return f"{super()._text()}\n{self._details}"

    def again(self) -> StreamingQueryException:
        """Return a copy to raise: the same exception is raised to several callers, each with its own traceback."""
        copy = StreamingQueryException(
            self.parameters["id"], self.parameters["runId"], self.parameters["message"], self._details
        )
        copy.__cause__ = self.__cause__
        return copy


def failed(
    query_id: str,
    run_id: str,
    name: str | None,
    cause: BaseException,
    committed: Sequence[tuple[str, str | None]],
    available: Sequence[tuple[str, str | None]],
    plan: str,
) -> StreamingQueryException:
    """Return the error of a query; offsets are (source, JSON text) pairs."""
    identity = f"[id = {query_id}, runId = {run_id}]"
    details = "\n".join(
        [
            "=== Streaming Query ===",
            f"Identifier: {name} {identity}" if name is not None else f"Identifier: {identity}",
            f"Current Committed Offsets: {_offsets(committed)}",
            f"Current Available Offsets: {_offsets(available)}",
            "",
            "Current State: ACTIVE",
            "Thread State: RUNNABLE",
            "",
            "Logical Plan:",
            plan,
        ]
    )
    error = StreamingQueryException(query_id, run_id, reason_of(cause), details)
    error.__cause__ = cause
    return error


def reason_of(cause: BaseException) -> str:
    """Return a cause in words: a PySparkException's text, any other exception with its class."""
    if isinstance(cause, PySparkException):
        return str(cause)
    text = str(cause)
    return f"{type(cause).__name__}: {text}" if text else type(cause).__name__


def full_text(cause: BaseException) -> str:
    """Return a cause with class and traceback, as listeners are told it."""
    return "".join(traceback.format_exception(cause)).rstrip("\n")


def plan_text(sink: str, plan: LogicalPlan) -> str:
    """Return the plan as a tree of its nodes under the sink."""
    lines = [f"WriteToMicroBatchDataSource {sink}"]

    def add(node: LogicalPlan, depth: int) -> None:
        columns = ", ".join(attribute.name for attribute in node.output)
        lines.append(f"{'   ' * depth}+- {'~' if node.is_streaming else ''}{type(node).__name__} [{columns}]")
        for child in node.children:
            add(child, depth + 1)

    add(plan, 0)
    return "\n".join(lines)


def _offsets(pairs: Sequence[tuple[str, str | None]]) -> str:
    return "{" + ", ".join(f"{source}: {text}" for source, text in pairs if text is not None) + "}"
