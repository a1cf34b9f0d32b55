"""Where files are: on this machine, or in an object store. What listings ask of either."""

from __future__ import annotations

import contextlib
import os
import stat
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, NamedTuple, Protocol

from lightstream.checkpoint.sink_log import is_sink_output
from lightstream.errors import SparkRuntimeException
from lightstream.sources.globs import expand_glob
from lightstream.storage.paths import is_remote, split

if TYPE_CHECKING:
    from lightstream.sources.discovery import FileDiscovery
    from lightstream.sources.file_options import FileStreamOptions, ListingOptions
    from lightstream.sources.filesystems import Trust
    from lightstream.sources.logged_files import LoggedFiles
    from lightstream.sources.object_discovery import ObjectDiscovery
    from lightstream.sources.seen import SeenFiles
    from lightstream.storage.settings import Settings


class Found(NamedTuple):
    """A file, with its size in bytes and its modification time."""

    path: str
    size: int
    mtime_ms: int


class Tree(Protocol):
    """Files below directories."""

    def exists(self, path: str) -> bool:
        """Return whether a path is one of a file or a directory."""

    def is_file(self, path: str) -> bool:
        """Return whether a path is a file's."""

    def is_directory(self, path: str) -> bool:
        """Return whether a path is a directory's."""

    def sizes(self, paths: Sequence[str]) -> list[int | None]:
        """Return the files' sizes in bytes, None for those that are gone."""

    def expand(self, pattern: str) -> list[str]:
        """Return the existing paths that match a pattern, sorted, each once."""

    def walk(self, root: str) -> Iterator[Found]:
        """Yield the files of a root and of all directories below it, each directory in the order of names."""

    def is_sink_output(self, path: str) -> bool:
        """Return whether a directory was written by a streaming file sink."""

    def sink_log(self, path: str) -> AbstractContextManager[str]:
        """Give the local directory that holds the log of a sink's directory."""

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
    ) -> FileDiscovery | ObjectDiscovery:
        """Return what finds the files of a stream below a path."""

    def logged_files(self, path: str, listing: ListingOptions, seen: SeenFiles) -> LoggedFiles:
        """Return what finds the files that the log of a streaming file sink names."""


class Trees:
    """The trees of some paths; each store is opened once."""

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._stores: dict[str, Tree] = {}

    def at(self, path: str) -> Tree:
        """Return the tree that a path is in."""
        if not is_remote(path):
            return LOCAL
        root, _ = split(path)
        if root not in self._stores:
            from lightstream.sources.store_tree import StoreTree
            from lightstream.storage.opening import open_store

            self._stores[root] = StoreTree(open_store(path, self._settings))
        return self._stores[root]


def is_listed(name: str) -> bool:
    """Return whether Spark looks at a file or directory of this name at all."""
    if name.startswith(("_metadata", "_common_metadata")):
        return True
    return not (
        name.startswith(".") or (name.startswith("_") and "=" not in name) or name.endswith("._COPYING_")
    )


def is_data(name: str) -> bool:
    """Return whether Spark reads rows from a listed file of this name."""
    return not (name.startswith(".") or (name.startswith("_") and "=" not in name))


def cannot_list(path: str, error: OSError) -> SparkRuntimeException:
    """Return the error for a directory that cannot be listed."""
    return SparkRuntimeException(
        "LIGHTSTREAM_CANNOT_LIST",
        f"The directory {path} cannot be listed: {error}. Give this user read and execute permission.",
        sqlstate="58030",
        parameters={"path": path},
    )


class LocalTree:
    """The files of this machine."""

    def exists(self, path: str) -> bool:
        """Return whether a path is one of a file or a directory."""
        return os.path.exists(path)

    def is_file(self, path: str) -> bool:
        """Return whether a path is a file's."""
        return os.path.isfile(path)

    def is_directory(self, path: str) -> bool:
        """Return whether a path is a directory's."""
        return os.path.isdir(path)

    def sizes(self, paths: Sequence[str]) -> list[int | None]:
        """Return the files' sizes in bytes, None for those that are gone."""
        return list(map(_size, paths))

    def expand(self, pattern: str) -> list[str]:
        """Return the existing paths that match a pattern, sorted, each once."""
        return expand_glob(pattern)

    def walk(self, root: str) -> Iterator[Found]:
        """Yield the files of a root and of all directories below it, each directory in the order of names."""
        return _walk(root)

    def is_sink_output(self, path: str) -> bool:
        """Return whether a directory was written by a streaming file sink."""
        return is_sink_output(path)

    def sink_log(self, path: str) -> AbstractContextManager[str]:
        """Give the local directory that holds the log of a sink's directory."""
        return contextlib.nullcontext(path)

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
    ) -> FileDiscovery:
        """Return what finds the files of a stream below a path."""
        from lightstream.sources.discovery import FileDiscovery

        return FileDiscovery(
            path,
            listing,
            seen,
            bases=bases,
            trust=trust,
            quiet_ms=quiet_ms,
            audit_interval_s=audit_interval_s,
        )

    def logged_files(self, path: str, listing: ListingOptions, seen: SeenFiles) -> LoggedFiles:
        """Return what finds the files that the log of a streaming file sink names."""
        from lightstream.sources.logged_files import LoggedFiles

        return LoggedFiles(path, listing, seen)


LOCAL: Tree = LocalTree()


def _size(path: str) -> int | None:
    try:
        return os.stat(path).st_size
    except FileNotFoundError:
        return None


def _walk(path: str, above: frozenset[tuple[int, int]] = frozenset()) -> Iterator[Found]:
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return  # a link to nothing, or gone since it was listed
    name = os.path.basename(path)
    if not stat.S_ISDIR(status.st_mode):
        if stat.S_ISREG(status.st_mode) and is_listed(name):
            yield Found(path, status.st_size, status.st_mtime_ns // 1_000_000)
        return
    identity = (status.st_dev, status.st_ino)
    if identity in above:
        return  # a link to a directory above
    try:
        names = sorted(os.listdir(path))
    except FileNotFoundError:
        return
    except OSError as error:
        raise cannot_list(path, error) from error
    above |= {identity}
    for child in names:
        if is_listed(child):
            yield from _walk(os.path.join(path, child), above)
