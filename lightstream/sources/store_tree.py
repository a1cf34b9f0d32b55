"""An object store as listings see it: names with slashes are directories."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING

from lightstream.checkpoint.sink_log import DIRECTORY as SINK_LOG
from lightstream.sources.file_options import ListingOptions
from lightstream.sources.globs import expand_glob
from lightstream.sources.logged_files import LoggedFiles
from lightstream.sources.seen import SeenFiles
from lightstream.sources.trees import Found, is_listed
from lightstream.storage.mirror import Mirror
from lightstream.storage.objects import AT_ONCE, ObjectStore, Stored
from lightstream.storage.paths import split

if TYPE_CHECKING:
    from lightstream.sources.file_options import FileStreamOptions
    from lightstream.sources.filesystems import Trust
    from lightstream.sources.object_discovery import Looking, ObjectDiscovery


class StoreTree:
    """The objects of a bucket. A directory is there when an object lies below it.

    What the expansion of a pattern has found is not asked for again.
    """

    def __init__(self, store: ObjectStore) -> None:
        self.store = store
        self._objects: dict[str, Stored] = {}
        self._directories: set[str] = set()

    def exists(self, path: str) -> bool:
        """Return whether a path is one of a file or a directory."""
        return path in self._objects or self.is_directory(path) or self.is_file(path)

    def is_file(self, path: str) -> bool:
        """Return whether a path is a file's."""
        if path in self._objects or path in self._directories:
            return path in self._objects
        return self.store.find(path) is not None

    def is_directory(self, path: str) -> bool:
        """Return whether a path is a directory's."""
        return path in self._directories or self.store.is_directory(path)

    def sizes(self, paths: Sequence[str]) -> list[int | None]:
        """Return the files' sizes in bytes, None for those that are gone."""

        def size(path: str) -> int | None:
            found = self.store.find(path)
            return None if found is None else found.size

        if len(paths) < 2:
            return list(map(size, paths))
        with ThreadPoolExecutor(min(AT_ONCE, len(paths)), "lightstream-head") as pool:
            return list(pool.map(size, paths))

    def expand(self, pattern: str) -> list[str]:
        """Return the existing paths that match a pattern, sorted, each once."""
        root, key = split(pattern)

        def names(directory: str) -> list[str]:
            directories, objects = self.store.entries(root + directory)
            self._directories.update(directories)
            self._objects.update((found.path, found) for found in objects)
            paths = {*directories, *(found.path for found in objects)}
            return sorted(path.rpartition("/")[2] for path in paths)

        found = expand_glob(f"/{key}", names=names, exists=lambda path: self.exists(root + path))
        return [root + path for path in found]

    def walk(self, root: str) -> Iterator[Found]:
        """Yield the files of a root and of all directories below it, each directory in the order of names."""
        itself = self._objects.get(root)
        found: list[tuple[list[str], Found]] = []
        for each in self.store.objects(root) if itself is None else ():
            names = each.path[len(root) + 1 :].split("/")
            if all(map(is_listed, names)):
                found.append((names, Found(*each)))
        if not found:
            itself = itself or self.store.find(root)
            name = root.rpartition("/")[2]
            if itself is not None and is_listed(name):
                yield Found(*itself)
        for _, file in sorted(found):
            yield file

    def is_sink_output(self, path: str) -> bool:
        """Return whether a directory was written by a streaming file sink."""
        return self.store.is_directory(f"{path}/{SINK_LOG}")

    @contextmanager
    def sink_log(self, path: str) -> Iterator[str]:
        """Give a local directory that holds the log of a sink's directory, as it is now."""
        log = Mirror(self.store, f"{path}/{SINK_LOG}", below=SINK_LOG)
        try:
            yield log.root
        finally:
            log.close()

    def discovery(
        self,
        path: str,
        listing: ListingOptions,
        options: FileStreamOptions,
        seen: SeenFiles,
        *,
        bases: frozenset[str] | None,
        trust: Trust | None,
        quiet_ms: int,
        audit_interval_s: float,
    ) -> ObjectDiscovery:
        """Return what finds the files of a stream below a path."""
        from lightstream.sources.object_discovery import ObjectDiscovery

        return ObjectDiscovery(
            self.store,
            path,
            listing,
            seen,
            bases=bases,
            names_sort_by_time=options.names_sort_by_time,
            audit_interval_s=audit_interval_s,
        )

    def logged_files(self, path: str, listing: ListingOptions, seen: SeenFiles) -> LoggedFiles:
        """Return what finds the files that the log of a streaming file sink names."""
        return LoggedObjects(self.store, path, listing, seen)


class LoggedObjects(LoggedFiles):
    """The objects that a streaming file sink writes, as a stream finds them: by the sink's log."""

    def __init__(self, store: ObjectStore, path: str, listing: ListingOptions, seen: SeenFiles) -> None:
        self._mirror = Mirror(store, f"{path}/{SINK_LOG}", below=SINK_LOG)
        super().__init__(self._mirror.root, listing, seen)

    def look(self) -> None:
        """Learn of the entries that are new."""
        self._mirror.refresh()
        super().look()

    def watching(self, wakeup: Callable[[], None], audit_interval_s: float) -> Looking:
        """Return the thread that calls `wakeup` when objects may have arrived, not started yet."""
        from lightstream.sources.object_discovery import Looking

        return Looking(wakeup)

    def close(self) -> None:
        """Remove the copy of the log."""
        self._mirror.close()
