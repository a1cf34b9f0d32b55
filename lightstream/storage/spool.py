"""Local copies of objects, for readers of local files."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import weakref
from collections.abc import Sequence
from concurrent.futures import Future, ThreadPoolExecutor

from lightstream.errors import SparkRuntimeException
from lightstream.storage.local import make_directory
from lightstream.storage.objects import AT_ONCE, ObjectStore, Stored
from lightstream.storage.paths import originals

_LONGEST_NAME = 60  # characters, of four bytes at most: file systems take 255


class Spool:
    """The copies that one reader has made, until they are dropped or the reader is gone.

    Args:
        parent: where copies are to be, the system's temporary directory otherwise.
    """

    def __init__(self, parent: str | None = None) -> None:
        self._parent = parent
        self._directory: str | None = None
        self._pool: ThreadPoolExecutor | None = None
        self._copies: dict[Stored, Future[str]] = {}
        self._made = 0
        self._lock = threading.Lock()

    def begin(self, store: ObjectStore, objects: Sequence[Stored]) -> list[Future[str]]:
        """Begin to copy what is not copied yet; return what will be the local files.

        Raises:
            SparkRuntimeException: LIGHTSTREAM_NO_ROOM_FOR_OBJECTS.
        """
        with self._lock:
            if self._directory is None:
                self._directory = make_directory(self._parent)
                weakref.finalize(self, _clear, self._directory)
            if self._pool is None:
                self._pool = ThreadPoolExecutor(AT_ONCE, "lightstream-fetch")
            os.makedirs(
                self._directory, exist_ok=True
            )  # what cleans temporary directories may have been there
            missing = [found for found in objects if not self._has(found)]
            self._check_room(store, self._directory, missing)
            for found in dict.fromkeys(missing):
                self._made += 1
                name = found.path.rpartition("/")[2][-_LONGEST_NAME:]
                local = os.path.join(self._directory, f"{self._made:08}-{name}")
                self._copies[found] = self._pool.submit(_copied, store, found.path, local)
            return [self._copies[found] for found in objects]

    def copies(self, store: ObjectStore, objects: Sequence[Stored]) -> list[str]:
        """Return a local file for each object, its name at the end of its path; one that is gone has none there.

        Raises:
            SparkRuntimeException: LIGHTSTREAM_NO_ROOM_FOR_OBJECTS; what the store has said.
        """
        return [copy.result() for copy in self.begin(store, objects)]

    def _has(self, found: Stored) -> bool:
        copy = self._copies.get(found)
        if copy is None or not copy.done():
            return copy is not None
        return copy.exception() is None and os.path.exists(copy.result())

    def drop(self, objects: Sequence[Stored]) -> None:
        """Remove copies that are read."""
        with self._lock:
            dropped = [self._copies.pop(found) for found in objects if found in self._copies]
        for copy in dropped:
            if not copy.cancel() and copy.exception() is None:
                _forget(copy.result())

    def clear(self) -> None:
        """Remove all copies; there are none from then on."""
        with self._lock:
            pool, self._pool = self._pool, None
            self._copies.clear()
        if pool is not None:
            pool.shutdown(cancel_futures=True)
        if self._directory is not None:
            _clear(self._directory)

    def _check_room(self, store: ObjectStore, directory: str, missing: Sequence[Stored]) -> None:
        needed = sum(found.size for found in missing)
        if needed and needed > (free := shutil.disk_usage(directory).free):
            raise SparkRuntimeException(
                "LIGHTSTREAM_NO_ROOM_FOR_OBJECTS",
                f"{len(missing)} objects of {store.root} with {needed} bytes are to be copied to {directory}, where "
                f"{free} bytes are free. Make room, set spark.local.dir to another directory, or read less at a time "
                "(maxFilesPerTrigger).",
                sqlstate="53100",
                parameters={"path": store.root},
            )


def _copied(store: ObjectStore, path: str, local: str) -> str:
    originals[local] = path
    try:
        with contextlib.suppress(FileNotFoundError):  # the reader of the local file says so
            store.fetch(path, local)
    except BaseException:
        _forget(local)
        raise
    return local


def _forget(local: str) -> None:
    with contextlib.suppress(FileNotFoundError):
        os.unlink(local)
    originals.pop(local, None)


def _clear(directory: str) -> None:
    for local in [local for local in list(originals) if os.path.dirname(local) == directory]:
        originals.pop(local, None)
    shutil.rmtree(directory, ignore_errors=True)
