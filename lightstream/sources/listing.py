"""Which files a path stands for: Spark's rules for names, directories, patterns and times."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from functools import cached_property
from typing import NamedTuple

from lightstream.checkpoint.sink_log import DIRECTORY as SINK_LOG
from lightstream.checkpoint.sink_log import is_sink_output, logged_files
from lightstream.dataclass import dataclass
from lightstream.errors import AnalysisException, IllegalArgumentException, SparkRuntimeException
from lightstream.plan.types import DataType
from lightstream.sources.file_options import ListingOptions, read_listing_options
from lightstream.sources.globs import expand_glob, name_pattern
from lightstream.sources.java_text import spark_timestamp
from lightstream.sources.partitions import (
    PartitionDirectory,
    infer_partition_types,
    parse_directory,
    partition_columns,
    partition_values,
)
from lightstream.sources.paths import display_path, from_uri, is_below, is_glob, local_path, to_uri

_Keep = Callable[[str, int], bool]  # by name and modification time


class _Found(NamedTuple):
    path: str
    size: int
    mtime_ms: int


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One input file: its local path, its URI as Spark writes it, and the values of its partition columns."""

    path: str
    uri: str
    size: int  # bytes
    mtime_ms: int
    partition_values: dict[str, str | None] = field(default_factory=dict)


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


@dataclass(frozen=True)
class FileListing:
    """The files that a batch read takes, and the directories that say what its partition columns are."""

    files: tuple[FileEntry, ...]
    directories: Mapping[str, PartitionDirectory]

    @cached_property
    def partition_columns(self) -> tuple[str, ...]:
        """The names of the partition columns."""
        return partition_columns(self.directories)

    def partition_types(
        self, *, infer: bool = True, timestamp_type: DataType | None = None
    ) -> list[tuple[str, DataType]]:
        """Return the partition columns with the types that Spark infers."""
        return infer_partition_types(self.directories, infer=infer, timestamp_type=timestamp_type)


def list_files(
    paths: Sequence[str],
    options: Mapping[str, str] | None = None,
    *,
    time_zone: str = "UTC",
    streaming: bool = False,
    ignore_sink_log: bool = False,
) -> FileListing:
    """Return the files that `paths` (directories, files, patterns) stand for.

    Of a directory that a streaming file sink wrote, these are the files that its log names; not so below a pattern, and
    among several paths. With `streaming`, patterns may match nothing yet. `time_zone` is the session's, for
    `modifiedBefore/After`. `ignore_sink_log` is `spark.sql.streaming.fileStreamSink.ignoreMetadata`.

    Raises:
        AnalysisException: PATH_NOT_FOUND.
        SparkRuntimeException: CONFLICTING_DIRECTORY_STRUCTURES or CONFLICTING_PARTITION_COLUMN_NAMES.
    """
    listing = read_listing_options(options or {})
    roots: list[str] = []
    for text in paths:
        roots += [root for root in _existing(text, streaming) if SINK_LOG not in root.split("/")]
    bases = partition_bases(roots, listing)
    keep = _file_filter(listing, time_zone)
    logged = not ignore_sink_log and has_sink_log(paths)
    found: list[_Found] = []
    directories: dict[str, PartitionDirectory] = {}
    in_roots: list[_Found] = []
    for root in roots:
        for file in _logged(root, keep) if logged else _walk(root, keep):
            found.append(file)
            directory, name = os.path.split(file.path)
            if directory == root or file.path == root:
                in_roots.append(file)
            if not listing.recursive and is_data(name) and directory not in directories:
                directories[directory] = parse_directory(directory, bases)
    partitioned = bool(partition_columns(directories))
    if not partitioned and not listing.recursive:
        found = in_roots
    entries = []
    for file in found:
        directory, name = os.path.split(file.path)
        if file.size == 0 or not is_data(name):
            continue
        parsed = directories.get(directory)
        if partitioned and (parsed is None or not parsed.columns):
            # As in Spark, a file beside the partitions has no place in the table.
            continue
        values = partition_values(parsed) if parsed is not None and partitioned else {}
        entries.append(FileEntry(file.path, to_uri(file.path), file.size, file.mtime_ms, values))
    return FileListing(tuple(entries), directories)


def partition_bases(roots: Sequence[str], listing: ListingOptions) -> frozenset[str]:
    """Return the directories above which no partition column is looked for.

    Raises:
        IllegalArgumentException: the option `basePath` is no directory, or not above the paths.
    """
    if listing.base_path is None:
        return frozenset(os.path.dirname(root) if os.path.isfile(root) else root for root in roots)
    base = local_path(listing.base_path)
    if not os.path.isdir(base):
        raise IllegalArgumentException(None, "Option 'basePath' must be a directory")
    for root in roots:
        if not is_below(root, base):
            raise IllegalArgumentException(
                None, f"Wrong basePath {listing.base_path} for the root path: {display_path(root)}"
            )
    return frozenset([base])


def path_not_found(path: str) -> AnalysisException:
    """Return the error for a path that does not exist."""
    return AnalysisException(
        "PATH_NOT_FOUND",
        f"Path does not exist: {path}. Check the name, or create the directory first.",
        sqlstate="42K03",
        parameters={"path": path},
    )


def cannot_list(path: str, error: OSError) -> SparkRuntimeException:
    """Return the error for a directory that cannot be listed."""
    return SparkRuntimeException(
        "LIGHTSTREAM_CANNOT_LIST",
        f"The directory {path} cannot be listed: {error}. Give this user read and execute permission.",
        sqlstate="58030",
        parameters={"path": path},
    )


def has_sink_log(paths: Sequence[str]) -> bool:
    """Return whether paths are one directory that a streaming file sink wrote."""
    path = local_path(paths[0]) if len(paths) == 1 else ""
    return bool(path) and not is_glob(path) and is_sink_output(path)


def _existing(text: str, streaming: bool) -> list[str]:
    path = local_path(text)
    if is_glob(path):
        found = expand_glob(path)
        if not found and not streaming:
            raise path_not_found(display_path(path))
        return found
    if not os.path.exists(path):
        raise path_not_found(text if streaming else display_path(path))
    return [path]


def _file_filter(listing: ListingOptions, time_zone: str) -> _Keep:
    glob = name_pattern(listing.name_glob) if listing.name_glob is not None else None
    zone = listing.time_zone or time_zone
    before_ms = _threshold_ms("modifiedbefore", listing.modified_before, zone)
    after_ms = _threshold_ms("modifiedafter", listing.modified_after, zone)

    def keep(name: str, mtime_ms: int) -> bool:
        return (
            (glob is None or glob.fullmatch(name) is not None)
            and (before_ms is None or mtime_ms < before_ms)
            and (after_ms is None or mtime_ms > after_ms)
        )

    return keep


def _threshold_ms(option: str, text: str | None, time_zone: str) -> float | None:
    if text is None:
        return None
    time = spark_timestamp(text, time_zone)
    if time is None:
        raise AnalysisException(
            "_LEGACY_ERROR_TEMP_1294",
            f"The timestamp provided for the '{option}' option is invalid. The expected format is "
            f"'YYYY-MM-DDTHH:mm:ss', but the provided timestamp: {text}.",
        )
    return time.timestamp() * 1000


def _logged(root: str, keep: _Keep) -> Iterator[_Found]:
    """Yield the files that a sink's log names."""
    _, files = logged_files(root)
    for file in files:
        path = from_uri(file.uri)
        if keep(os.path.basename(path), file.mtime_ms):
            yield _Found(path, file.size, file.mtime_ms)


def _walk(path: str, keep: _Keep, above: frozenset[tuple[int, int]] = frozenset()) -> Iterator[_Found]:
    """Yield the files of a root and of all directories below it, each directory in the order of names."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return  # a link to nothing, or gone since it was listed
    name = os.path.basename(path)
    if not stat.S_ISDIR(status.st_mode):
        mtime_ms = status.st_mtime_ns // 1_000_000
        if stat.S_ISREG(status.st_mode) and is_listed(name) and keep(name, mtime_ms):
            yield _Found(path, status.st_size, mtime_ms)
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
            yield from _walk(os.path.join(path, child), keep, above)
