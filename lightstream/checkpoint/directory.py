"""One query's checkpoint directory: its layout, the query's id, and the lock that keeps other writers out."""

from __future__ import annotations

import contextlib
import errno
import json
import os
import socket
import uuid
from typing import TYPE_CHECKING, Self

from lightstream import crash
from lightstream.atomic import create_once, remove, shown, temporary_path
from lightstream.checkpoint.damage import concurrent_update, damaged
from lightstream.checkpoint.logs import CommitLog, OffsetLog
from lightstream.checkpoint.restart import RestartPoint, check_source_count, decide_restart
from lightstream.errors import SparkRuntimeException
from lightstream.storage.paths import is_remote

if TYPE_CHECKING:
    from lightstream.storage.mirror import Mirror
    from lightstream.storage.settings import Settings

try:
    import fcntl
except ImportError:  # Windows: the logs' create-if-absent still stops a second writer, at its first batch
    fcntl = None  # type: ignore[assignment]

LOCK_FILE = ".lightstream.lock"


class CheckpointDirectory:
    """The checkpoint of one running query, created on first use and locked until `close`.

    Args:
        path: a directory, local or in an object store.
        durable: force log entries to disk; False for temporary checkpoints.
        settings: those of object stores.

    Raises:
        SparkRuntimeException: LIGHTSTREAM_CHECKPOINT_LOCKED when a query is running on it;
            STREAMING_CHECKPOINT_MISSING_METADATA_FILE when batches were run but the query's id is gone.
    """

    def __init__(self, path: str, *, durable: bool = True, settings: Settings | None = None) -> None:
        self._mirror: Mirror | None = None
        if is_remote(path):
            from lightstream.checkpoint.remote import mirror_of

            self._mirror = mirror_of(path, settings or {})
            path, durable = self._mirror.directory, False  # the store is what lasts
        self.path = os.path.abspath(path)
        self.durable = durable
        self._lock: int | None = None
        try:
            os.makedirs(self.path, exist_ok=True)
            self._lock = _lock(self.path)
        except OSError as error:
            self.close()
            raise _unusable(self.path, error) from error
        try:
            self.offsets = OffsetLog(os.path.join(self.path, "offsets"), durable=durable)
            # Losing the newest commits in a power failure means to run one batch again, as after any crash: not
            # worth forcing each to disk.
            self.commits = CommitLog(os.path.join(self.path, "commits"), durable=False)
            self.query_id = self._read_query_id() or self._create_query_id()
            self.commits.discard_unfinished()
            if self.offsets.latest_id() not in self.commits.ids():
                self.offsets.discard_unfinished()
        except BaseException:
            self.close()
            raise

    @property
    def location(self) -> str:
        """The directory as the user knows it."""
        return shown(self.path)

    def source_directory(self, index: int) -> str:
        """Return the directory of the source at `index` in plan order, `sources/<index>`."""
        return os.path.join(self.path, "sources", str(index))

    @property
    def state_directory(self) -> str:
        """The directory of the state database."""
        return os.path.join(self.path, "state")

    def plan_restart(self, source_count: int) -> RestartPoint:
        """Return the batch to run first.

        Raises:
            SparkRuntimeException: the logs are damaged, contradict each other, or belong to a query with another
                number of sources.
        """
        point = decide_restart(self.offsets.latest(), self.commits.latest(), self.offsets.get, self.location)
        check_source_count(point, source_count)
        return point

    def purge(self, batch_id: int, min_batches_to_retain: int) -> None:
        """Remove log entries that are older than the last `min_batches_to_retain` batches before `batch_id`."""
        before = batch_id - min_batches_to_retain
        if before > 0:
            self.offsets.purge(before)
            self.commits.purge(before)

    def close(self) -> None:
        """Give the checkpoint free. Safe to call twice."""
        if self._lock is not None:
            _locks.discard(self._lock)
            # Freed by name: a process forked this very moment may still share the descriptor.
            fcntl.flock(self._lock, fcntl.LOCK_UN)
            os.close(self._lock)
            self._lock = None
        if self._mirror is not None:
            self._mirror.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _read_query_id(self) -> str | None:
        path = os.path.join(self.path, "metadata")
        try:
            with open(path, "rb") as file:
                data = file.read()
        except FileNotFoundError:
            return None
        with contextlib.suppress(FileNotFoundError):  # left by a process that was killed as it had written it
            os.unlink(temporary_path(self.path, "metadata"))
        if not data and self.offsets.latest_id() is None and self.commits.latest_id() is None:
            # A power failure cut the very first start short.
            remove(self.path, "metadata")
            return None
        try:
            query_id = json.loads(data)["id"]
            if not isinstance(query_id, str) or not query_id:
                raise TypeError(f"its id is {query_id!r}")
        except (ValueError, TypeError, KeyError) as error:
            raise damaged(path, f'it should hold {{"id":"..."}} ({error or "no id"})') from None
        return query_id

    def _create_query_id(self) -> str:
        if self.offsets.latest_id() is not None or self.commits.latest_id() is not None:
            raise SparkRuntimeException(
                "STREAMING_CHECKPOINT_MISSING_METADATA_FILE",
                f"The checkpoint location {self.location} holds batches, but its metadata file with the query's id is "
                "missing. Restore the metadata file or use a new checkpoint directory.",
                sqlstate="42K03",
                parameters={"checkpointLocation": self.location},
            )
        query_id = str(uuid.uuid4())
        try:
            data = f'{{"id":"{query_id}"}}'.encode()
            create_once(self.path, "metadata", data, durable=self.durable, label="metadata")
        except FileExistsError:
            raise concurrent_update(os.path.join(self.path, "metadata"), 0) from None
        except OSError as error:
            raise _unusable(self.path, error) from error
        return query_id


# The descriptors of all locks that this process holds.
_locks: set[int] = set()


def _lock(directory: str) -> int | None:
    """Lock a directory for this process; the kernel frees the lock when the process ends, however it ends."""
    if fcntl is None:
        return None
    descriptor = os.open(os.path.join(directory, LOCK_FILE), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            if error.errno not in (errno.EWOULDBLOCK, errno.EACCES):
                raise
            raise _locked(directory, os.pread(descriptor, 200, 0).decode(errors="replace").strip()) from None
        if crash.at is not None:
            crash.at("lock-taken")
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, f"process {os.getpid()} on {socket.gethostname()}\n".encode(), 0)
        if crash.at is not None:
            crash.at("lock-signed")
    except BaseException:
        os.close(descriptor)
        raise
    _locks.add(descriptor)
    return descriptor


def _locked(directory: str, holder: str) -> SparkRuntimeException:
    return SparkRuntimeException(
        "LIGHTSTREAM_CHECKPOINT_LOCKED",
        f"The checkpoint location {directory} is in use by {holder or 'another process'}. "
        "Stop the query that runs there, or use another checkpoint directory.",
        sqlstate="40000",
        parameters={"checkpointLocation": directory, "holder": holder},
    )


def _unusable(directory: str, error: OSError) -> SparkRuntimeException:
    return SparkRuntimeException(
        "LIGHTSTREAM_CHECKPOINT_UNUSABLE",
        f"The checkpoint location {directory} cannot be used: {error}. Name a local directory that can be written.",
        sqlstate="58030",
        parameters={"checkpointLocation": directory},
    )


def _drop_locks_in_child() -> None:
    # A forked child shares the lock: without this, the lock would outlive its owner in a worker process.
    for descriptor in _locks:
        with contextlib.suppress(OSError):
            os.close(descriptor)
    _locks.clear()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_drop_locks_in_child)
