"""Local copies of objects, for readers of local files."""

from __future__ import annotations

import contextlib
import os
import shutil
import threading
import weakref
from collections.abc import Sequence

from lightstream.errors import SparkRuntimeException
from lightstream.storage.local import make_directory
from lightstream.storage.objects import ObjectStore, Stored
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
        self._copies: dict[Stored, str] = {}
        self._made = 0
        self._lock = threading.Lock()

    def copies(self, store: ObjectStore, objects: Sequence[Stored]) -> list[str]:
        """Return a local file for each object, its name at the end of its path; one that is gone has none there.

        Raises:
            SparkRuntimeException: LIGHTSTREAM_NO_ROOM_FOR_OBJECTS.
        """
        with self._lock:
            missing = [found for found in objects if found not in self._copies]
            if missing:
                self._fetch(store, missing)
            return [self._copies[found] for found in objects]

    def drop(self, objects: Sequence[Stored]) -> None:
        """Remove copies that are read."""
        with self._lock:
            for local in [self._copies.pop(found) for found in objects if found in self._copies]:
                _forget(local)

    def clear(self) -> None:
        """Remove all copies; there are none from then on."""
        with self._lock:
            if self._directory is not None:
                _clear(self._directory, self._copies)

    def _fetch(self, store: ObjectStore, missing: Sequence[Stored]) -> None:
        if self._directory is None:
            self._directory = make_directory(self._parent)
            weakref.finalize(self, _clear, self._directory, self._copies)
        needed, free = sum(found.size for found in missing), shutil.disk_usage(self._directory).free
        if needed > free:
            raise SparkRuntimeException(
                "LIGHTSTREAM_NO_ROOM_FOR_OBJECTS",
                f"{len(missing)} objects of {store.root} with {needed} bytes are to be copied to {self._directory}, "
                f"where {free} bytes are free. Make room, set spark.local.dir to another directory, or read less at a "
                "time (maxFilesPerTrigger).",
                sqlstate="53100",
                parameters={"path": store.root},
            )
        pairs = []
        for found in missing:
            self._made += 1
            name = found.path.rpartition("/")[2][-_LONGEST_NAME:]
            pairs.append((found.path, os.path.join(self._directory, f"{self._made:08}-{name}")))
        try:
            store.fetch_all(pairs)
        except BaseException:
            for _, local in pairs:
                _forget(local)
            raise
        for found, (path, local) in zip(missing, pairs, strict=True):
            self._copies[found] = local
            originals[local] = path


def _forget(local: str) -> None:
    originals.pop(local, None)
    with contextlib.suppress(FileNotFoundError):
        os.unlink(local)


def _clear(directory: str, copies: dict[Stored, str]) -> None:
    for local in copies.values():
        originals.pop(local, None)
    copies.clear()
    shutil.rmtree(directory, ignore_errors=True)
