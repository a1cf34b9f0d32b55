"""A running file stream: discovers files, and reads those of a batch through its reader."""

from __future__ import annotations

from typing import TYPE_CHECKING

from lightstream.conf import Conf
from lightstream.sources.contract import Required, Scan
from lightstream.sources.files import FileStream
from lightstream.sources.listing import FileEntry

if TYPE_CHECKING:
    import duckdb

    from lightstream.sources.file_reader import FileReader


# Objects that are copied while a batch is read: those of the next batches.
_OBJECTS_AHEAD = 64
_BYTES_AHEAD = 64_000_000


class FileSource(FileStream):
    """The files of one reader as a stream."""

    def __init__(self, reader: FileReader, source_directory: str | None, durable: bool, conf: Conf) -> None:
        super().__init__(
            reader.paths[0],
            reader.options,
            source_directory,
            durable=durable,
            conf=conf,
            columns=reader.schema.names,
            partition_columns=reader.partitions.names,
        )
        self._reader = reader
        self._copies = reader.copies()  # two queries on one reader do not end together

    def input_of(self, start: str | None, end: str | None) -> list[FileEntry]:
        """Return the files after `start` up to and including `end`."""
        return [] if end is None or end == start else self.files_between(start, end)

    def stop(self) -> None:
        """End the threads, and remove copies of objects."""
        super().stop()
        if self._copies is not None:
            self._copies.clear()

    def _was_read(self, entries: list[FileEntry]) -> None:
        if self._copies is not None:
            self._copies.drop(entries)

    def scan(
        self, what: list[FileEntry], columns: tuple[Required, ...], cursor: duckdb.DuckDBPyConnection
    ) -> Scan:
        """Return the rows of some files."""
        if self._copies is None:
            return self._reader.scan_files(what, columns, cursor)
        files = self._copies.of(what)
        self._copies.begin(self._waiting(_OBJECTS_AHEAD, _BYTES_AHEAD))
        return self._reader.scan_files(files, columns, cursor)
