"""Objects as local files, for formats to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace

from lightstream.conf import Conf
from lightstream.errors import PySparkException
from lightstream.sources.listing import FileEntry
from lightstream.storage.objects import ObjectStore, Stored
from lightstream.storage.opening import open_store
from lightstream.storage.paths import is_remote, split
from lightstream.storage.settings import settings_of
from lightstream.storage.spool import Spool


class Copies:
    """The copies that one reader reads, of objects in whatever buckets."""

    def __init__(self, conf: Conf, options: Mapping[str, str]) -> None:
        self._settings = settings_of(conf.values, options)
        self._stores: dict[str, ObjectStore] = {}
        self._spool = Spool(conf.values.get("spark.local.dir"))

    def of(self, files: Sequence[FileEntry]) -> list[FileEntry]:
        """Return the files with paths that can be opened; one that is gone cannot."""
        local: dict[str, str] = {}
        for store, entries in self._by_store(files):
            copies = self._spool.copies(store, [_stored(entry) for entry in entries])
            local.update(zip((entry.path for entry in entries), copies, strict=True))
        return [replace(file, path=local.get(file.path, file.path)) for file in files]

    def begin(self, files: Sequence[FileEntry]) -> None:
        """Begin to copy files that will be asked for; what goes wrong is told when they are."""
        for store, entries in self._by_store(files):
            with suppress(PySparkException):
                self._spool.begin(store, [_stored(entry) for entry in entries])

    def drop(self, files: Sequence[FileEntry]) -> None:
        """Remove copies that are read."""
        self._spool.drop([_stored(file) for file in files])

    def clear(self) -> None:
        """Remove all copies."""
        self._spool.clear()

    def _by_store(self, files: Sequence[FileEntry]) -> list[tuple[ObjectStore, list[FileEntry]]]:
        by_root: dict[str, list[FileEntry]] = {}
        for file in files:
            if is_remote(file.path):
                by_root.setdefault(split(file.path)[0], []).append(file)
        for root in by_root:
            if root not in self._stores:
                self._stores[root] = open_store(root, self._settings)
        return [(self._stores[root], entries) for root, entries in by_root.items()]


def _stored(file: FileEntry) -> Stored:
    return Stored(file.path, file.size, file.mtime_ms)
