"""Watches a program from inside its process: what its queries write, and what it asks for."""

from __future__ import annotations

import functools
import json
import os
import re
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import unquote

from lightstream.parity.answers import columns_of, plain
from lightstream.parity.recording import Batch, Failure, Ordering, Query, Recording, Result, Row

_CONDITION = re.compile(r"\[([A-Z][A-Z0-9_.]+)\]")
_TABLES = ("memory", "table", "foreachBatch")  # sinks whose results a program can ask for
# The methods of frames that ask the engine for something.
_ASKING = ("collect", "show", "count", "first", "head", "take", "tail", "isEmpty", "toPandas")
_ENGINE = ("lightstream", "pyspark", "py4j")


class Observer:
    """What both engines' hooks tell.

    Args:
        recording: where it is taken down.
        directory: the program's working directory; paths in it are told relative to it.
        checkpoints: the directory for all checkpoints, whatever the program calls them.
        inspect: returns how the rows of a frame are ordered, and why other rows would be right, too.
    """

    def __init__(
        self,
        recording: Recording,
        directory: str,
        checkpoints: str,
        inspect: Callable[[Any], tuple[Ordering | None, str | None]] = lambda frame: (None, None),
    ) -> None:
        self._recording = recording
        self._directory = os.path.realpath(directory)
        self._checkpoints = checkpoints
        self._inspect = inspect
        self._lock = threading.RLock()
        self._names: dict[str, int] = {}
        self._written: dict[str, int] = {}
        self._tables: dict[str, None] = {}
        self._writing: set[str] = set()
        self._counts: dict[str, Callable[[], int | None]] = {}
        self._handles: dict[str, Any] = {}
        self._failures: dict[str, Failure] = {}
        self._local = threading.local()
        self._stopped: set[str] = set()

    # ---- queries ----------------------------------------------------------------------------------------------------

    def query(
        self,
        name: str | None,
        sink: str,
        mode: str,
        frame: Any,
        table: str | None = None,
        rows_known: bool = True,
    ) -> str:
        """Tell of a query that starts, and of its table; return the name by which it is known from now on."""
        with self._lock:
            base = name or "query"
            count = self._names[base] = self._names.get(base, 0) + 1
            told = (
                f"{base} {count}"
                if name is None
                else base
                if count == 1
                else f"{base}, started again ({count})"
            )
            if sink in _TABLES:
                self._written[told] = 0
            if table is not None:
                self._tables[table] = None
        ordering, _ = self._inspect(frame)
        query = Query(told, sink, mode, columns_of(frame), ordering, rows_known)
        self._recording.tell("query", query)
        return told

    def checkpoint(self, given: str | None, name: str) -> str:
        """Return the directory of a query's checkpoint, which is new: the same for the same one of the program's."""
        if given is None:
            return os.path.join(self._checkpoints, re.sub(r"\W+", "_", name))
        path = os.path.abspath(unquote(re.sub("^file:(//)?", "", given)))
        return os.path.join(self._checkpoints, "at_" + re.sub(r"\W", "_", path))

    def started(self, name: str, handle: Any) -> None:
        """Tell of the handle of a query that runs."""
        self._handles[name] = handle

    @contextmanager
    def batch(self, name: str, batch_id: int, checkpoint: str, rows: list[Any]) -> Iterator[None]:
        """Tell of a batch, around its writing."""
        taken = Batch(self._reads(checkpoint, batch_id), plain_rows(rows))
        with self._lock:
            self._writing.add(name)
        try:
            with self.unobserved():
                yield
        finally:
            with self._lock:
                self._writing.discard(name)
        self._recording.tell("batch", name, batch_id, taken)
        with self._lock:
            if name in self._written:
                self._written[name] = batch_id + 1

    def wrote(self, name: str, batch_id: int, checkpoint: str, rows: list[Any]) -> None:
        """Tell of a batch afterwards."""
        self._recording.tell(
            "batch", name, batch_id, Batch(self._reads(checkpoint, batch_id), plain_rows(rows))
        )

    def query_failed(self, name: str, error: BaseException) -> None:
        """Tell of the error that a batch ends with, where the engine's own report says less."""
        if name not in self._stopped:  # else it is the stop that the batch ends with
            self._failures[name] = failure_of(error)

    def stopping(self, run_id: str) -> None:
        """Learn that a query is about to be stopped."""
        self._stopped |= {name for name, handle in list(self._handles.items()) if handle.runId == run_id}

    def refused(self, name: str, error: BaseException) -> None:
        """Tell of a query that does not start."""
        self._recording.tell("query failed", name, failure_of(error))

    def _reads(self, checkpoint: str, batch_id: int) -> tuple[str, ...]:
        return tuple(self._shown(path) for path in reads(checkpoint, batch_id))

    def _shown(self, path: str) -> str:
        inside = os.path.relpath(path, self._directory)
        return path if inside.startswith(os.pardir) else inside

    # ---- results ----------------------------------------------------------------------------------------------------

    @contextmanager
    def unobserved(self) -> Iterator[None]:
        """What is asked for in this block, in this thread, is not the program's asking."""
        before = getattr(self._local, "quiet", False)
        self._local.quiet = True
        try:
            yield
        finally:
            self._local.quiet = before

    def watch(self, kind: type) -> None:
        """Tell what the program asks of frames of a class."""
        for method in _ASKING:
            setattr(kind, method, self._asking(method, getattr(kind, method)))

    def _asking(self, method: str, original: Callable[..., Any]) -> Callable[..., Any]:
        @functools.wraps(original)
        def ask(frame: Any, *args: Any, **kwargs: Any) -> Any:
            if getattr(self._local, "quiet", False):
                return original(frame, *args, **kwargs)
            with self.unobserved():
                result = Result(f"{method}() in {_caller()}", None, [])
                before = self._seen()
                try:
                    value = original(frame, *args, **kwargs)
                    _take(result, method, frame, value, args, kwargs)
                except Exception as error:
                    result.failure = failure_of(error)
                    raise
                finally:
                    result.seen = before if before == self._seen() else None
                    result.ordering, result.vague = self._inspect(frame)
                    self._recording.tell("result", result)
                return value

        return ask

    def counts(self, name: str, count: Callable[[], int | None]) -> None:
        """Learn how to count the batches in the table of a query that tells of them only afterwards."""
        self._counts[name] = count

    def _seen(self) -> dict[str, int] | None:
        with self._lock:
            if self._writing:
                return None
            seen: dict[str, int | None] = dict(self._written)
        seen.update((name, count()) for name, count in self._counts.items())
        known = {name: count for name, count in seen.items() if count is not None}
        return known if len(known) == len(seen) else None

    # ---- the end ----------------------------------------------------------------------------------------------------

    def finish(self, read_table: Callable[[str], Any]) -> None:
        """Tell how queries ended, and what is in their tables; called when the session still is there."""
        with self.unobserved():
            for handle in self._handles.values():
                if handle.isActive:
                    handle.stop()
            for name, handle in self._handles.items():
                self._tell_end(name, handle)
            for name in self._tables:
                result = Result(f"table {name} at the end", None, [], seen=self._seen())
                try:
                    frame = read_table(name)
                    result.columns, result.rows = columns_of(frame), plain_rows(frame.collect())
                except Exception as error:  # a query that did not start makes none
                    result.failure = failure_of(error)
                self._recording.tell("result", result)
        # The program may go on with another session.
        self._handles.clear()
        self._written.clear()
        self._tables.clear()
        self._counts.clear()

    def _tell_end(self, name: str, handle: Any) -> None:
        self._recording.tell("progress", name, numbers_of(handle))
        error = handle.exception()
        failure = self._failures.get(name) or (failure_of(error) if error is not None else None)
        if failure is not None:
            self._recording.tell("query failed", name, failure)


# ---- what is taken down ---------------------------------------------------------------------------------------------


def plain_rows(rows: list[Any]) -> list[Row]:
    """Return rows without the classes of their engine."""
    return [tuple(map(plain, row)) for row in rows]


def numbers_of(handle: Any) -> dict[int, tuple[int, tuple[int, ...]]]:
    """Return for each batch of a query the rows that it read, and the rows of each state after it."""
    numbers = {}
    for report in handle.recentProgress:
        told = json.loads(report.json)
        # Reports of idle triggers depend on the time that passes.
        if "addBatch" in told["durationMs"]:
            states = tuple(state["numRowsTotal"] for state in told["stateOperators"])
            numbers[told["batchId"]] = (sum(s["numInputRows"] for s in told["sources"]), states)
    return numbers


def failure_of(error: BaseException) -> Failure:
    """Return what is compared of an error; of one that ended a query, that of its cause."""
    from lightstream.errors import StreamingQueryException

    cause = error.__cause__
    if isinstance(error, StreamingQueryException) and cause is not None:
        error = cause
    if type(error).__name__ == "StreamingQueryException":
        # Spark's own have no cause in Python, but its text.
        found = [c for c in _CONDITION.findall(str(error)) if c != "STREAM_FAILED"]
        return Failure(None, found[0] if found else None, str(error)[:500])
    condition = error.getCondition() if hasattr(error, "getCondition") else None
    return Failure(type(error).__name__, condition, str(error)[:500])


def _take(result: Result, method: str, frame: Any, value: Any, args: tuple[Any, ...], kwargs: Any) -> None:
    if method in ("count", "isEmpty"):
        result.rows = [(value,)]
        return
    if method == "toPandas":
        result.columns = tuple((str(name), str(kind), None) for name, kind in value.dtypes.items())
        known = value.astype(object).where(value.notna(), None)
        result.rows = plain_rows(list(known.itertuples(index=False, name=None)))
        return
    result.columns = columns_of(frame)
    if method == "show":
        result.limit = max(int(args[0] if args else kwargs.get("n", 20)), 0)
        result.rows = plain_rows(frame.limit(result.limit + 1).collect())
        return
    if method != "collect":
        wanted = [*args, *kwargs.values()]
        result.limit = wanted[0] if wanted and wanted[0] is not None else 1
    rows = value if isinstance(value, list) else [] if value is None else [value]
    result.rows = plain_rows(rows)


def _caller() -> str:
    """Return file and line of the program that asks."""
    frame = sys._getframe(2)
    inside = tuple(
        os.path.join(os.path.dirname(sys.modules[name].__file__ or ""), "")
        for name in _ENGINE
        if name in sys.modules
    )
    while frame.f_back is not None and frame.f_code.co_filename.startswith((*inside, "<")):
        frame = frame.f_back
    return f"{os.path.basename(frame.f_code.co_filename)}:{frame.f_lineno}"


# ---- checkpoints ----------------------------------------------------------------------------------------------------


def reads(checkpoint: str, batch_id: int) -> list[str]:
    """Return what a batch reads, from the logs that both engines write: its files, or where its sources have got to."""
    found: list[str] = []
    before = _offsets(checkpoint, batch_id - 1)
    for position, text in enumerate(_offsets(checkpoint, batch_id)):
        if text == (before[position] if position < len(before) else None):
            continue
        offset = _json(text)
        if not isinstance(offset, dict) or "logOffset" not in offset:
            found.append(f"source {position} up to {text}")
            continue
        start = _json(before[position]) if position < len(before) else None
        first = start["logOffset"] + 1 if isinstance(start, dict) else 0
        for log_id in range(first, offset["logOffset"] + 1):
            found += _files(os.path.join(checkpoint, "sources", str(position)), log_id)
    return found


def _json(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        return None


def _offsets(checkpoint: str, batch_id: int) -> list[str]:
    path = os.path.join(checkpoint, "offsets", str(batch_id))
    try:
        with open(path, encoding="utf-8") as file:
            return file.read().split("\n")[2:]
    except FileNotFoundError:  # the first, or so old that it was removed
        return []


def _files(directory: str, log_id: int) -> list[str]:
    try:
        ids = [name.removesuffix(".compact") for name in os.listdir(directory)]
    except FileNotFoundError:
        return []
    later = sorted(int(text) for text in ids if text.isdecimal() and int(text) >= log_id)
    for found in later:
        for name in (str(found), f"{found}.compact"):
            path = os.path.join(directory, name)
            if not os.path.exists(path):
                continue
            with open(path, encoding="utf-8") as file:
                entries = [json.loads(line) for line in file.read().split("\n")[1:] if line]
            files = [entry["path"] for entry in entries if entry["batchId"] == log_id]
            if files:
                return [unquote(re.sub("^file:(//)?", "", path)) for path in files]
    return []
