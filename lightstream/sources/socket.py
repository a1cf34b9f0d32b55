"""`socket`: lines of text from a server, for trying things out. What was read is not kept: no recovery."""

from __future__ import annotations

import contextlib
import socket
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING

from lightstream.conf import Conf
from lightstream.errors import AnalysisException, NumberFormatException, SparkRuntimeException, internal
from lightstream.functions.spelling import quote
from lightstream.plan.required import Required
from lightstream.plan.types import StringType, StructField, StructType, TimestampType
from lightstream.sources.contract import Scan

if TYPE_CHECKING:
    import duckdb

_CONNECT_S = 30


class SocketReader:
    """A server whose lines are read."""

    metadata: StructType | None = None

    def __init__(self, host: str, port: int, with_time: bool) -> None:
        self.name = f"socket {host}:{port}"
        self._host, self._port = host, port
        fields = [StructField("value", StringType())]
        self.schema = StructType(
            [*fields, StructField("timestamp", TimestampType())] if with_time else fields
        )

    def scan(self, columns: tuple[Required, ...], cursor: duckdb.DuckDBPyConnection) -> Scan:
        """Refuse: there are no rows without a stream."""
        raise internal(f"a batch read of {self.name}")

    def open_stream(self, source_directory: str | None, durable: bool, conf: Conf) -> SocketStream:
        """Connect to the server.

        Raises:
            SparkRuntimeException: nobody answers.
        """
        try:
            connection = socket.create_connection((self._host, self._port), timeout=_CONNECT_S)
        except OSError as error:
            raise SparkRuntimeException(
                "LIGHTSTREAM_SOCKET_UNREACHABLE",
                f"The socket source cannot connect to {self._host}:{self._port}: {error.strerror or error}. Start "
                "the server first (for example: nc -lk PORT), and look at host and port.",
            ) from None
        connection.settimeout(None)
        return SocketStream(connection, f"TextSocketV2[host: {self._host}, port: {self._port}]")


class SocketStream:
    """One connection. Offsets are the numbers of lines, from 0; -1 before the first."""

    needs_polling = False

    def __init__(self, connection: socket.socket, description: str) -> None:
        self.description = description
        self._connection = connection
        self._lines: list[tuple[str, int]] = []  # with the time of arrival in microseconds
        self._first = 0  # the number of the first line that is kept
        self._lock = threading.Lock()
        self._wakeup: Callable[[], None] = lambda: None
        self._horizon: int | None = None
        self._thread = threading.Thread(target=self._receive, name="lightstream-socket", daemon=True)
        self._thread.start()

    def _receive(self) -> None:
        # Universal newlines, and no error about bytes that are no UTF-8, as in Java.
        with self._connection.makefile("r", encoding="utf-8", errors="replace", newline=None) as text:
            try:
                for line in text:
                    with self._lock:
                        self._lines.append((line.removesuffix("\n"), time.time_ns() // 1000))
                    self._wakeup()
            except OSError:
                return  # closed at either end: there are no more lines

    def _latest(self) -> int:
        with self._lock:
            return self._first + len(self._lines) - 1

    def latest_offset(self, start: str | None, *, ignore_limits: bool = False) -> str | None:
        """Return the number of the last line."""
        return str(self._latest() if self._horizon is None else self._horizon)

    def input_of(self, start: str | None, end: str | None) -> tuple[int, int]:
        """Return the numbers of a batch's first line and of the one after its last.

        Raises:
            SparkRuntimeException: the lines were read by an earlier run.
        """
        first, end_line = (-1 if offset is None else int(offset) for offset in (start, end))
        if first > end_line or end_line > self._latest():
            raise SparkRuntimeException(
                "LIGHTSTREAM_SOCKET_NOT_RECOVERABLE",
                f"Offsets committed out of order: {first} followed by {end_line}. The socket source does not keep "
                "what it has read, and cannot go on where an earlier run has stopped: use a new checkpoint directory.",
            )
        return first + 1, end_line + 1

    def expected(self, count: int) -> Sequence[object]:
        """Nothing is read early."""
        return ()

    def scan(
        self, what: tuple[int, int], columns: tuple[Required, ...], cursor: duckdb.DuckDBPyConnection
    ) -> Scan:
        """Return the lines of a batch."""
        import pyarrow as pa

        first, end = what
        with self._lock:
            lines = self._lines[first - self._first : end - self._first]
        texts, times_us = [line for line, _ in lines], [at for _, at in lines]
        rows = pa.table(
            {
                "value": pa.array(texts, pa.string()),
                "timestamp": pa.array(times_us, pa.int64()).cast(pa.timestamp("us", tz="UTC")),
            }
        )
        items = ", ".join(f"{quote(column.path[0])} AS {quote(column.output)}" for column in columns)
        frame = f"lightstream_lines_{id(self)}"
        return Scan(f"(SELECT {items or '1 AS one'} FROM {frame})", {frame: rows}, rows=len(lines))

    def reported(self, end: str | None) -> tuple[str | None, Mapping[str, str]]:
        """Return the end of the batch, which is all there is."""
        return end, {}

    def prepare_available_now(self) -> bool:
        """Fix what is there now."""
        self._horizon = self._latest()
        return True

    def commit(self, end: str) -> None:
        """Let go of the lines of a batch that is done."""
        with self._lock:
            done = int(end) + 1 - self._first
            if done > 0:
                del self._lines[:done]
                self._first += done

    def interrupt(self) -> None:
        """Nothing waits here."""

    def set_wakeup(self, wakeup: Callable[[], None]) -> None:
        """Take the function to call when a line arrives."""
        self._wakeup = wakeup

    def stop(self) -> None:
        """Close the connection."""
        with contextlib.suppress(OSError):  # the server was quicker
            self._connection.shutdown(socket.SHUT_RDWR)
        self._thread.join()
        self._connection.close()


def open_socket(options: Mapping[str, str]) -> SocketReader:
    """Return the reader of `socket`.

    Raises:
        AnalysisException: host or port is missing, or `includeTimestamp` is neither true nor false.
        NumberFormatException: the port is no number.
    """
    for name, condition in (("host", "_LEGACY_ERROR_TEMP_1295"), ("port", "_LEGACY_ERROR_TEMP_1296")):
        if name not in options:
            raise AnalysisException(condition, f'Set a {name} to read from with option("{name}", ...).')
    with_time = options.get("includetimestamp", "false").lower()
    if with_time not in ("true", "false"):
        raise AnalysisException(
            "_LEGACY_ERROR_TEMP_1297", 'IncludeTimestamp must be set to either "true" or "false".'
        )
    try:
        port = int(options["port"])
    except ValueError:
        raise NumberFormatException(None, f'For input string: "{options["port"]}"') from None
    return SocketReader(options["host"], port, with_time == "true")
