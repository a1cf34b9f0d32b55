"""Which files a path stands for: Spark's rules for names, directories, patterns and times."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import field
from functools import cached_property

from lightstream.checkpoint.sink_log import DIRECTORY as SINK_LOG
from lightstream.checkpoint.sink_log import logged_files
from lightstream.dataclass import dataclass
from lightstream.errors import AnalysisException, IllegalArgumentException
from lightstream.plan.types import DataType
from lightstream.sources.file_options import ListingOptions, read_listing_options
from lightstream.sources.globs import name_pattern
from lightstream.sources.java_text import spark_timestamp
from lightstream.sources.partitions import (
    PartitionDirectory,
    infer_partition_types,
    parse_directory,
    partition_columns,
    partition_values,
)
from lightstream.sources.paths import display_path, file_path, from_uri, is_below, is_glob, to_uri
from lightstream.sources.trees import Found, Tree, Trees, is_data
from lightstream.storage.settings import Settings


@dataclass(frozen=True, slots=True)
class FileEntry:
    """One input file: its path, its URI as Spark writes it, and the values of its partition columns."""

    path: str
    uri: str
    size: int  # bytes
    mtime_ms: int
    partition_values: dict[str, str | None] = field(default_factory=dict)


@dataclass(frozen=True)
class FileListing:
    """The files that a batch read takes, and the directories that say what its partition columns are.

    `named` are all files that count, also those that are empty, and those beside partitions, which have no place in the
    table: a schema is inferred from them too.
    """

    files: tuple[FileEntry, ...]
    named: tuple[FileEntry, ...]
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
    settings: Settings | None = None,
) -> FileListing:
    """Return the files that `paths` (directories, files, patterns) stand for.

    Of a directory that a streaming file sink wrote, these are the files that its log names; not so below a pattern, and
    among several paths. With `streaming`, patterns may match nothing yet. `time_zone` is the session's, for
    `modifiedBefore/After`. `ignore_sink_log` is `spark.sql.streaming.fileStreamSink.ignoreMetadata`. `settings` are
    those of object stores.

    Raises:
        AnalysisException: PATH_NOT_FOUND.
        SparkRuntimeException: CONFLICTING_DIRECTORY_STRUCTURES or CONFLICTING_PARTITION_COLUMN_NAMES.
    """
    listing = read_listing_options(options or {})
    trees = Trees(settings or {})
    roots: list[str] = []
    for text in paths:
        roots += [root for root in _existing(text, trees, streaming) if SINK_LOG not in root.split("/")]
    bases = partition_bases(roots, listing, trees)
    keep = _file_filter(listing, time_zone)
    logged = not ignore_sink_log and has_sink_log(paths, trees)
    found: list[Found] = []
    directories: dict[str, PartitionDirectory] = {}
    in_roots: list[Found] = []
    for root in roots:
        tree = trees.at(root)
        for file in _logged(root, tree) if logged else tree.walk(root):
            found.append(file)
            directory, name = os.path.split(file.path)
            if directory == root or file.path == root:
                in_roots.append(file)
            if not listing.recursive and is_data(name) and directory not in directories:
                directories[directory] = parse_directory(directory, bases)
    partitioned = bool(partition_columns(directories))
    if not partitioned and not listing.recursive:
        found = in_roots
    named = []
    for file in found:
        directory, name = os.path.split(file.path)
        # Spark: files that do not count say what the partition columns are, as do empty ones.
        if is_data(name) and keep(name, file.mtime_ms):
            values = partition_values(directories[directory]) if partitioned else {}
            named.append(FileEntry(file.path, to_uri(file.path), file.size, file.mtime_ms, values))
    files = (file for file in named if file.size and bool(file.partition_values) == partitioned)
    return FileListing(tuple(files), tuple(named), directories)


def partition_bases(roots: Sequence[str], listing: ListingOptions, trees: Trees) -> frozenset[str]:
    """Return the directories above which no partition column is looked for.

    Raises:
        IllegalArgumentException: the option `basePath` is no directory, or not above the paths.
    """
    if listing.base_path is None:
        return frozenset(os.path.dirname(root) if trees.at(root).is_file(root) else root for root in roots)
    base = file_path(listing.base_path)
    if not trees.at(base).is_directory(base):
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


def has_sink_log(paths: Sequence[str], trees: Trees) -> bool:
    """Return whether paths are one directory that a streaming file sink wrote."""
    path = file_path(paths[0]) if len(paths) == 1 else ""
    return bool(path) and not is_glob(path) and trees.at(path).is_sink_output(path)


def _logged(root: str, tree: Tree) -> Iterator[Found]:
    """Yield the files that a sink's log names."""
    with tree.sink_log(root) as log:
        _, files = logged_files(log)
    for file in files:
        yield Found(from_uri(file.uri), file.size, file.mtime_ms)


def _existing(text: str, trees: Trees, streaming: bool) -> list[str]:
    path = file_path(text)
    tree = trees.at(path)
    if is_glob(path):
        found = tree.expand(path)
        if not found and not streaming:
            raise path_not_found(display_path(path))
        return found
    if not tree.exists(path):
        raise path_not_found(text if streaming else display_path(path))
    return [path]


def _file_filter(listing: ListingOptions, time_zone: str) -> Callable[[str, int], bool]:
    """Return what says whether a file counts, by its name and modification time."""
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
