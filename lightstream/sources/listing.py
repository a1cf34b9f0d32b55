"""Which files a path stands for: Spark's rules for names, directories, patterns and times."""

from __future__ import annotations

import os
import stat
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from functools import cached_property

from lightstream.dataclass import dataclass
from lightstream.errors import AnalysisException, IllegalArgumentException, SparkRuntimeException, unsupported
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
from lightstream.sources.paths import display_path, is_below, is_glob, local_path, to_uri

SINK_LOG = "_spark_metadata"


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
) -> FileListing:
    """Return the files that `paths` (directories, files, patterns) stand for.

    With `streaming`, patterns may match nothing yet. `time_zone` is the session's, for `modifiedBefore/After`.

    Raises:
        AnalysisException: PATH_NOT_FOUND.
        SparkRuntimeException: CONFLICTING_DIRECTORY_STRUCTURES or CONFLICTING_PARTITION_COLUMN_NAMES.
        UnsupportedOperationException: the directory was written by a streaming file sink.
    """
    listing = read_listing_options(options or {})
    roots: list[str] = []
    for text in paths:
        roots += _existing(text, streaming)
    bases = partition_bases(roots, listing)
    keep = _file_filter(listing, time_zone)
    found: list[tuple[str, os.stat_result]] = []
    directories: dict[str, PartitionDirectory] = {}
    in_roots: list[tuple[str, os.stat_result]] = []
    for root in roots:
        for path, status in _walk(root, keep):
            found.append((path, status))
            directory, name = os.path.split(path)
            if directory == root or path == root:
                in_roots.append((path, status))
            if not listing.recursive and is_data(name) and directory not in directories:
                directories[directory] = parse_directory(directory, bases)
    partitioned = bool(partition_columns(directories))
    if not partitioned and not listing.recursive:
        found = in_roots
    entries = []
    for path, status in found:
        directory, name = os.path.split(path)
        if status.st_size == 0 or not is_data(name):
            continue
        parsed = directories.get(directory)
        if partitioned and (parsed is None or not parsed.columns):
            # As in Spark, a file beside the partitions has no place in the table.
            continue
        values = partition_values(parsed) if parsed is not None and partitioned else {}
        mtime_ms = status.st_mtime_ns // 1_000_000
        entries.append(FileEntry(path, to_uri(path), status.st_size, mtime_ms, values))
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


def refuse_sink_output(directory: str) -> None:
    """Refuse a directory whose valid files are named in a streaming file sink's own log.

    Raises:
        UnsupportedOperationException: it holds `_spark_metadata`.
    """
    if os.path.isdir(os.path.join(directory, SINK_LOG)):
        raise unsupported(
            f"Reading {directory}, which a streaming file sink wrote ({SINK_LOG}),",
            f"Files that the sink did not finish may lie there; remove {SINK_LOG} to read every file.",
        )


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


def _file_filter(listing: ListingOptions, time_zone: str) -> Callable[[str, os.stat_result], bool]:
    glob = name_pattern(listing.name_glob) if listing.name_glob is not None else None
    zone = listing.time_zone or time_zone
    before_ms = _threshold_ms("modifiedbefore", listing.modified_before, zone)
    after_ms = _threshold_ms("modifiedafter", listing.modified_after, zone)

    def keep(name: str, status: os.stat_result) -> bool:
        mtime_ms = status.st_mtime_ns // 1_000_000
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


def _walk(
    path: str, keep: Callable[[str, os.stat_result], bool], above: frozenset[tuple[int, int]] | None = None
) -> Iterator[tuple[str, os.stat_result]]:
    """Yield the files of a root and of all directories below it, each directory in the order of names."""
    try:
        status = os.stat(path)
    except FileNotFoundError:
        return  # a link to nothing, or gone since it was listed
    name = os.path.basename(path)
    if not stat.S_ISDIR(status.st_mode):
        if stat.S_ISREG(status.st_mode) and is_listed(name) and keep(name, status):
            yield path, status
        return
    identity = (status.st_dev, status.st_ino)
    if above is None:
        refuse_sink_output(path)
        above = frozenset()
    elif identity in above:
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
