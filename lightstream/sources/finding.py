"""How a stream finds its files: by events on this machine, by listing in an object store."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from lightstream.sources.discovery import FileDiscovery
from lightstream.sources.file_options import FileStreamOptions, ListingOptions
from lightstream.sources.filesystems import Trust
from lightstream.sources.logged_files import LoggedFiles
from lightstream.sources.seen import SeenFiles
from lightstream.sources.trees import LOCAL, Tree

if TYPE_CHECKING:
    from lightstream.sources.object_discovery import Looking, ObjectDiscovery
    from lightstream.sources.watching import Watching


def discovery_of(
    tree: Tree,
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
    """Return what finds the files below a path; see `FileDiscovery` and `ObjectDiscovery`."""
    if tree is LOCAL:
        return FileDiscovery(
            path,
            listing,
            seen,
            bases=bases,
            trust=trust,
            quiet_ms=quiet_ms,
            audit_interval_s=audit_interval_s,
        )
    from lightstream.sources.object_discovery import ObjectDiscovery
    from lightstream.sources.store_tree import StoreTree

    assert isinstance(tree, StoreTree)
    return ObjectDiscovery(
        tree.store,
        path,
        listing,
        seen,
        bases=bases,
        names_sort_by_time=options.names_sort_by_time,
        audit_interval_s=audit_interval_s,
    )


def logged_files_of(tree: Tree, path: str, listing: ListingOptions, seen: SeenFiles) -> LoggedFiles:
    """Return what finds the files that the log of a streaming file sink names."""
    if tree is LOCAL:
        return LoggedFiles(path, listing, seen)
    from lightstream.sources.store_tree import LoggedObjects, StoreTree

    assert isinstance(tree, StoreTree)
    return LoggedObjects(tree.store, path, listing, seen)


def watching_of(
    discovery: FileDiscovery | LoggedFiles | ObjectDiscovery,
    tree: Tree,
    path: str,
    wakeup: Callable[[], None],
    audit_interval_s: float,
) -> Watching | Looking:
    """Return the thread that calls `wakeup` when files may have arrived, not started yet."""
    if tree is LOCAL:
        from lightstream.sources.watching import Watching

        assert isinstance(discovery, FileDiscovery | LoggedFiles)
        return Watching(discovery, path, wakeup, audit_interval_s=audit_interval_s)
    from lightstream.sources.object_discovery import Looking

    return Looking(wakeup)
