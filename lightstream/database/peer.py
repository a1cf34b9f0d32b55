"""Questions to a database that another process has open: DuckDB lets nobody else in, so that process answers.

The process that opened a database file listens on a Unix socket that only the same user can reach: its directory is
0700 and owned by the user, the socket 0600, and both sides compare user ids where the system tells them. Frames are
four bytes of length, big-endian, and JSON. The server speaks first (`{"lightstream": 1, "database": path}`), the client
sends `{"sql": ..., "style": ..., "time_zone": ...}`, and the server answers with the messages of
`lightstream.database.reading.answer`, then `{"end": true}` or `{"error": {"condition": ..., "message": ...}}`.
"""

from __future__ import annotations

import atexit
import contextlib
import hashlib
import json
import os
import socket
import stat
import struct
import sys
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING

from lightstream.errors import PySparkException

if TYPE_CHECKING:
    import duckdb

    from lightstream.database.connection import Database
    from lightstream.database.reading import Message, Style

_GREETING_SECONDS = 5.0
_CONNECTIONS = 4  # answered at once; further ones wait in the socket's queue
_PATH_BYTES = 100  # a socket's path may have 104 to 108 bytes, and the name is made before it is renamed
_FRAME_BYTES = 1 << 30
_INTERRUPT_SECONDS = 0.02

_servers: dict[str, _Server] = {}
_servers_lock = threading.Lock()


class Unanswered(Exception):
    """No process answers for a database."""


# --- the process that has the file open ------------------------------------------------------------------------


def serve(database: Database) -> None:
    """Answer other processes' questions to a database file, from a daemon thread, until `stop`.

    Costs the caller one thread start. Does nothing where there are no Unix sockets or no safe place for one; then
    `ask` finds nobody.
    """
    if database.path is None or sys.platform == "win32":
        return
    path = os.path.realpath(database.path)
    with _servers_lock:
        server = _servers.get(path)
        if server is None:
            server = _servers[path] = _Server(path)
            threading.Thread(target=server.run, name="lightstream-sql-door", daemon=True).start()
        server.databases.append(database)


def stop(database: Database) -> None:
    """Answer no more for a database; called before it is closed, so that its file and its socket go together."""
    if database.path is None:
        return
    path = os.path.realpath(database.path)
    with _servers_lock:
        server = _servers.get(path)
        if server is None or database not in server.databases:
            return
        server.databases.remove(database)
        if not server.databases:
            del _servers[path]
            server.close()


class _Server:
    """The socket of one database file of this process."""

    def __init__(self, path: str) -> None:
        self.path = path
        self.databases: list[Database] = []
        self._lock = threading.Lock()
        self._closed = False
        self._listener: socket.socket | None = None
        self._address = ""
        self._inode = 0
        self._pid = 0
        self._slots = threading.Semaphore(_CONNECTIONS)
        self.listening = threading.Event()
        self._answering: set[_Patience] = set()

    def run(self) -> None:
        """Listen, and answer each connection in a thread of its own."""
        with self._lock:
            if self._closed or not self._listen():
                return
            listener = self._listener
        assert listener is not None
        self.listening.set()
        atexit.register(self.close)
        sweep(os.path.dirname(self._address))
        while True:
            self._slots.acquire()
            try:
                connection, _ = listener.accept()
            except OSError:  # closed
                return
            threading.Thread(target=self._serve_one, args=(connection,), daemon=True).start()

    def close(self) -> None:
        """Close the socket, take its file away and end the statements that run.

        At exit too: a thread that is still inside DuckDB then would end the process with an abort.
        """
        with self._lock:
            self._closed = True
            listener, self._listener = self._listener, None
        if listener is None or os.getpid() != self._pid:  # a forked child has no part in it
            return
        _unlink(self._address, self._inode)
        _shut(listener)  # wakes accept()
        answering = list(self._answering)
        for patience in answering:
            patience.exhaust()
        for patience in answering:
            patience.ended.wait(_GREETING_SECONDS)

    def _listen(self) -> bool:
        for directory in directories():
            address = os.path.join(directory, name_of(self.path))
            if len(os.fsencode(address)) > _PATH_BYTES or not _private(directory, create=True):
                continue
            # Bound under another name and then renamed: a name that exists answers, unless its process died.
            temporary = os.path.join(directory, f".{os.getpid()}.new")
            listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                _unlink(temporary)
                listener.bind(temporary)
                os.chmod(temporary, 0o600)
                listener.listen(16)
                self._inode = os.stat(temporary).st_ino
                os.rename(temporary, address)
            except OSError:
                listener.close()
                continue
            self._pid = os.getpid()
            self._listener, self._address = listener, address
            return True
        return False

    def _serve_one(self, connection: socket.socket) -> None:
        try:
            if _same_user(connection):
                self._converse(connection)
        except (OSError, ValueError):  # gone, or not speaking this language
            pass
        finally:
            _shut(connection)
            self._slots.release()

    def _converse(self, connection: socket.socket) -> None:
        from lightstream.database.reading import answer

        connection.settimeout(_GREETING_SECONDS)
        _send(connection, {"lightstream": 1, "database": self.path})
        request = _receive(connection)
        connection.settimeout(None)
        if request is None:
            return
        cursor = next((c for d in list(self.databases) if (c := d.cursor_if_open()) is not None), None)
        if cursor is None:  # closed just now
            return
        patience = _Patience(connection, cursor)
        self._answering.add(patience)
        if self._closed:
            patience.exhaust()
        try:
            messages = answer(cursor, request["sql"], request["style"], request["time_zone"])
            with contextlib.closing(messages):
                for message in messages:
                    _send(connection, message)
            _send(connection, {"end": True})
        except PySparkException as error:
            _send(connection, {"error": {"condition": error.condition, "message": error.message}})
        finally:
            patience.end()
            self._answering.discard(patience)


class _Patience:
    """Interrupts a statement when the client that waits for it goes away."""

    def __init__(self, connection: socket.socket, cursor: duckdb.DuckDBPyConnection) -> None:
        self._connection, self._cursor = connection, cursor
        self._lock = threading.Lock()
        self.ended = threading.Event()
        threading.Thread(target=self._watch, daemon=True).start()

    def _watch(self) -> None:
        # The client sends nothing more: whatever ends its silence, it no longer wants the answer.
        with contextlib.suppress(OSError):
            self._connection.recv(1)
        # Again and again, because DuckDB forgets an interrupt that comes between two statements.
        while not self.ended.wait(_INTERRUPT_SECONDS):
            with self._lock:
                if not self.ended.is_set():
                    self._cursor.interrupt()

    def exhaust(self) -> None:
        """Behave as if the client had gone."""
        with contextlib.suppress(OSError):
            self._connection.shutdown(socket.SHUT_RDWR)

    def end(self) -> None:
        """Close the cursor; from here on there is nothing to interrupt."""
        with self._lock:
            self.ended.set()
            self._cursor.close()


# --- the process that asks --------------------------------------------------------------------------------------


def ask(path: str, sql: str, style: Style = "text", time_zone: str | None = None) -> Iterator[Message]:
    """Put statements that only read to the process that has a database open; give `answer`'s messages.

    Raises:
        Unanswered: no process of this user answers for the file.
        PySparkException: the statement failed there, or is not one that only reads.
    """
    path = os.path.realpath(path)
    connection = _connect(path)
    with connection:
        _send(connection, {"sql": sql, "style": style, "time_zone": time_zone})
        while True:
            message = _receive(connection)
            if message is None:
                raise PySparkException(
                    "LIGHTSTREAM_SQL_FAILED",
                    f"The process that has {path} open ended before it had answered.",
                )
            if "error" in message:
                raise PySparkException(message["error"]["condition"], message["error"]["message"])
            if "end" in message:
                return
            yield message


def _connect(path: str) -> socket.socket:
    if sys.platform == "win32":
        raise Unanswered(path)
    for directory in directories():
        if not _private(directory, create=False):
            continue
        connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            connection.settimeout(_GREETING_SECONDS)
            connection.connect(os.path.join(directory, name_of(path)))
            greeting = _receive(connection) if _same_user(connection) else None
            if greeting is not None and greeting.get("database") == path:
                connection.settimeout(None)
                return connection
        except (OSError, ValueError):  # none there, a dead one, or one that is not ours
            pass
        connection.close()
    raise Unanswered(path)


# --- both ---------------------------------------------------------------------------------------------------------


def directories() -> list[str]:
    """Return where sockets may be, best first."""
    user = os.getuid()
    runtime = [os.environ.get("XDG_RUNTIME_DIR", ""), f"/run/user/{user}"]
    found = [os.path.join(d, "lightstream") for d in runtime if os.path.isabs(d) and os.path.isdir(d)]
    temporary = [os.environ.get("TMPDIR", ""), "/tmp"]
    found += [os.path.join(d, f"lightstream-{user}") for d in temporary if os.path.isabs(d)]
    return list(dict.fromkeys(found))


def name_of(path: str) -> str:
    """Return the socket's name for a database's real path."""
    return hashlib.sha256(os.fsencode(path)).hexdigest()[:24] + ".sock"


def sweep(directory: str) -> None:
    """Remove the sockets of processes that died."""
    for name in os.listdir(directory):
        address = os.path.join(directory, name)
        if not name.endswith(".sock"):
            continue
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
            try:
                inode = os.stat(address).st_ino
                probe.settimeout(_GREETING_SECONDS)
                probe.connect(address)
            except ConnectionRefusedError:
                _unlink(address, inode)
            except OSError:
                pass


def _private(directory: str, create: bool) -> bool:
    try:
        if create:
            os.makedirs(directory, mode=0o700, exist_ok=True)
        found = os.lstat(directory)
    except OSError:
        return False
    return stat.S_ISDIR(found.st_mode) and found.st_uid == os.getuid() and not found.st_mode & 0o077


def _same_user(connection: socket.socket) -> bool:
    option = getattr(socket, "SO_PEERCRED", None)
    if option is None:  # not told here; the directory and the socket's mode keep others out
        return True
    layout = struct.Struct("3i")
    _, user, _ = layout.unpack(connection.getsockopt(socket.SOL_SOCKET, option, layout.size))
    return bool(user == os.getuid())


def _unlink(address: str, inode: int | None = None) -> None:
    """Remove a socket file, unless another has taken its name since."""
    with contextlib.suppress(OSError):
        if inode is None or os.stat(address).st_ino == inode:
            os.unlink(address)


def _shut(connection: socket.socket) -> None:
    """Close a socket, also for a thread that waits on it."""
    with contextlib.suppress(OSError):
        connection.shutdown(socket.SHUT_RDWR)
    connection.close()


def _send(connection: socket.socket, message: Message) -> None:
    # Values are text already; EXPLAIN's are text too.
    data = json.dumps(message, ensure_ascii=False, separators=(",", ":")).encode("utf-8", "surrogatepass")
    connection.sendall(len(data).to_bytes(4, "big") + data)


def _receive(connection: socket.socket) -> Message | None:
    head = _exactly(connection, 4)
    if head is None:
        return None
    size = int.from_bytes(head, "big")
    if size > _FRAME_BYTES:
        raise ValueError("frame too long")
    data = _exactly(connection, size)
    if data is None:
        return None
    message = json.loads(data.decode("utf-8", "surrogatepass"))
    if not isinstance(message, dict):
        raise ValueError("not a message")
    return message


def _exactly(connection: socket.socket, size: int) -> bytes | None:
    parts = bytearray()
    while len(parts) < size:
        part = connection.recv(min(size - len(parts), 1 << 20))
        if not part:
            return None
        parts += part
    return bytes(parts)
