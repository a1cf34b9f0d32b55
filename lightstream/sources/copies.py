"""Objects as local files, for formats to read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace

from lightstream.conf import Conf
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
        by_store: dict[str, list[FileEntry]] = {}
        for file in (file for file in files if is_remote(file.path)):
            by_store.setdefault(split(file.path)[0], []).append(file)
        local: dict[str, str] = {}
        for root, entries in by_store.items():
            if root not in self._stores:
                self._stores[root] = open_store(root, self._settings)
            copies = self._spool.copies(self._stores[root], [_stored(entry) for entry in entries])
            local.update(zip((entry.path for entry in entries), copies, strict=True))
        return [replace(file, path=local.get(file.path, file.path)) for file in files]

    def drop(self, files: Sequence[FileEntry]) -> None:
        """Remove copies that are read."""
        self._spool.drop([_stored(file) for file in files])

    def clear(self) -> None:
        """Remove all copies."""
        self._spool.clear()


def _stored(file: FileEntry) -> Stored:
    return Stored(file.path, file.size, file.mtime_ms)
