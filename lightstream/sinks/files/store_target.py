"""A directory of an object store that part files go to."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from lightstream import crash
from lightstream.checkpoint.sink_log import DIRECTORY as SINK_LOG
from lightstream.checkpoint.sink_log import SinkFile
from lightstream.conf import Conf
from lightstream.sinks.files.parts import Part
from lightstream.sources.paths import to_uri
from lightstream.storage.local import make_directory
from lightstream.storage.mirror import Mirror
from lightstream.storage.objects import AT_ONCE, ObjectStore


class StoreTarget:
    """A directory of an object store; files are hidden on this machine, and appear complete."""

    def __init__(self, store: ObjectStore, path: str, conf: Conf) -> None:
        self._store = store
        self._path = path
        self._parent = conf.values.get("spark.local.dir")
        self._hidden = ""
        self._log: Mirror | None = None

    def exists(self) -> bool:
        """Return whether anything is there."""
        return self._store.is_directory(self._path) or self._store.find(self._path) is not None

    def log_directory(self) -> str:
        """Return a directory with a mirror of the log."""
        self._log = Mirror(self._store, f"{self._path}/{SINK_LOG}", below=SINK_LOG, parent=self._parent)
        return self._log.root

    def make_hidden(self, identity: str, *, replaces: bool = False) -> str:
        """Return a new local directory."""
        self._hidden = make_directory(self._parent)
        return self._hidden

    def place(self, parts: Sequence[Part], names: Sequence[str]) -> list[SinkFile]:
        """Put finished files into the store, some at a time."""
        paths = [f"{self._path}/{name}" for name in names]

        def placed(part: Part, path: str) -> SinkFile:
            self._store.put(path, part.temporary)
            found = SinkFile(to_uri(path), os.path.getsize(part.temporary), time.time_ns() // 1_000_000)
            os.unlink(part.temporary)
            if crash.at is not None:
                crash.at("part-named")
            return found

        if len(parts) < 2:
            return list(map(placed, parts, paths))
        with ThreadPoolExecutor(min(AT_ONCE, len(parts)), "lightstream-put") as pool:
            return list(pool.map(placed, parts, paths))

    def replace(self, parts: Sequence[Part], names: Sequence[str], directories: set[str] | None) -> None:
        """Put finished files, and then delete what was there: a failure between the two loses nothing."""
        old: list[str] = []
        for directory in [""] if directories is None else directories:
            whole = f"{self._path}/{directory}" if directory else self._path
            old += [found.path for found in self._store.objects(whole)]
        if directories is None and self._store.find(self._path) is not None:
            old.append(self._path)
        try:
            self.place(parts, names)
        except BaseException:
            self._store.delete([f"{self._path}/{name}" for name in names])
            raise
        self._store.delete(old)

    def mark(self) -> None:
        """Make the empty object."""
        self._store.write(f"{self._path}/_SUCCESS", b"")

    def close(self) -> None:
        """Remove what is on this machine."""
        if self._log is not None:
            self._log.close()
        if self._hidden:
            shutil.rmtree(self._hidden, ignore_errors=True)
