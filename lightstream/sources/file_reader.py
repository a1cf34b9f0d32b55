"""Files of one format below some paths, as a batch or as a stream: what is the same for every file format."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from lightstream.conf import Conf
from lightstream.dataclass import dataclass
from lightstream.errors import AnalysisException
from lightstream.plan import types as t
from lightstream.sources.contract import Required, Scan, Stream
from lightstream.sources.file_options import flag
from lightstream.sources.listing import FileEntry, FileListing, list_files
from lightstream.storage.paths import is_remote
from lightstream.storage.settings import settings_of

if TYPE_CHECKING:
    import duckdb

    from lightstream.database.connection import Database
    from lightstream.sources.copies import Copies


@dataclass(frozen=True, slots=True)
class FileInput:
    """What a format reads: files, the columns in them, the columns of their directories, options, settings."""

    files: Sequence[FileEntry]
    schema: t.StructType
    partitions: t.StructType
    options: Mapping[str, str]
    conf: Conf
    counted: bool = False  # the number of rows is asked for

    def ignores(self, kind: str) -> bool:
        """Return whether files that are `Missing`, or `Corrupt`, are passed over."""
        name = f"ignore{kind}Files"
        return flag(self.options, name, self.conf.boolean(f"spark.sql.files.{name}"))


class FileFormat(Protocol):
    """One file format."""

    name: str
    metadata: t.StructType  # the fields of `_metadata`
    default_schema: t.StructType | None  # what is read without a schema, whatever the files hold
    empty_schema: t.StructType | None  # what is inferred where all files are empty

    def check(self, schema: t.StructType, options: Mapping[str, str], conf: Conf) -> None:
        """Refuse options and types that cannot be read."""

    def infer(self, source: FileInput, cursor: duckdb.DuckDBPyConnection) -> t.StructType | None:
        """Return the schema of the files' data, None when there is nothing to infer from."""

    def scan(
        self, source: FileInput, columns: tuple[Required, ...], cursor: duckdb.DuckDBPyConnection
    ) -> Scan:
        """Return the rows of the files."""


def file_format(name: str) -> FileFormat:
    """Return a file format by name."""
    if name == "text":
        from lightstream.sources.text.format import TextFormat

        return TextFormat()
    if name == "parquet":
        from lightstream.sources.parquet.format import ParquetFormat

        return ParquetFormat()
    if name == "orc":
        from lightstream.sources.orc.format import OrcFormat

        return OrcFormat()
    if name == "avro":
        from lightstream.sources.avro.format import AvroFormat

        return AvroFormat()
    if name == "csv":
        from lightstream.sources.csv.format import CsvFormat

        return CsvFormat()
    from lightstream.sources.json.format import JsonFormat

    return JsonFormat()


class FileReader:
    """A file format bound to paths, schema and options."""

    def __init__(
        self,
        name: str,
        paths: Sequence[str],
        schema: t.StructType | None,
        options: Mapping[str, str],
        conf: Conf,
        database: Database,
        streaming: bool,
    ) -> None:
        self.format = file_format(name)
        self.metadata: t.StructType | None = self.format.metadata
        self.paths = tuple(paths)
        self.options = dict(options)
        self.conf = conf.copy()
        self._copies = self.copies()
        self.database = database
        if schema is None:
            schema = self.format.default_schema
        if streaming and schema is None and not conf.boolean("spark.sql.streaming.schemaInference"):
            from lightstream.sources.registry import schema_required

            # Spark: the missing path is found first.
            settings = settings_of(conf.values, self.options)
            list_files(self.paths, self.options, time_zone=conf.time_zone, streaming=True, settings=settings)
            raise schema_required()
        self._listing = list_files(
            self.paths,
            self.options,
            time_zone=conf.time_zone,
            streaming=streaming,
            ignore_sink_log=conf.boolean("spark.sql.streaming.fileStreamSink.ignoreMetadata"),
            settings=settings_of(conf.values, self.options),
        )
        self.partitions = self._partition_schema(self._listing, schema)
        self.data_schema = self._data_schema(schema)
        self.schema = t.StructType([*self.data_schema, *self.partitions])
        if schema is None:
            self.schema = self._in_order_of_files()
        self._refuse_duplicates()
        self._check_partition_values()
        self.format.check(self.data_schema, self.options, conf)
        self.name = f"{name} {', '.join(self.paths)}"

    def _partition_schema(self, listing: FileListing, schema: t.StructType | None) -> t.StructType:
        infer = self.conf.boolean("spark.sql.sources.partitionColumnTypeInference.enabled")
        fields = []
        for name, data_type in listing.partition_types(infer=infer):
            own = None if schema is None else next((f for f in schema if self._same(f.name, name)), None)
            found = data_type if own is None else own.dataType
            fields.append(t.StructField(own.name if own is not None else name, found, True))
        return t.StructType(fields)

    def _data_schema(self, schema: t.StructType | None) -> t.StructType:
        if schema is None:
            files = self._local([file for file in self._listing.named if file.size])
            source = FileInput(files, t.StructType(), t.StructType(), self.options, self.conf)
            inferred = self.format.infer(source, self.database.cursor(self.conf.time_zone))
            if inferred is None and self._listing.named:
                inferred = self.format.empty_schema
            if inferred is None:
                shown = "Parquet" if self.format.name == "parquet" else self.format.name.upper()
                raise AnalysisException(
                    "UNABLE_TO_INFER_SCHEMA",
                    f"Unable to infer schema for {shown}: there are no files with data below "
                    f"{', '.join(self.paths) or 'no path at all'}. Give the schema with .schema(...).",
                    sqlstate="42KD9",
                    parameters={"format": shown},
                )
            schema = inferred
            self._inferred = inferred.toNullable()
        partitions = [field.name for field in self.partitions]
        kept = [f for f in schema.toNullable() if not any(self._same(f.name, name) for name in partitions)]
        return t.StructType(kept)

    def _in_order_of_files(self) -> t.StructType:
        """Return the schema with partition columns that the files have too in the place that they have there."""
        taken = [next((p for p in self.partitions if self._same(p.name, f.name)), f) for f in self._inferred]
        rest = [p for p in self.partitions if p not in taken]
        return t.StructType([*taken, *rest])

    def _same(self, left: str, right: str) -> bool:
        return left == right or (not self.conf.case_sensitive and left.lower() == right.lower())

    def _check_partition_values(self) -> None:
        """Refuse a schema that the values in the directories' names do not fit, as Spark does at once."""
        from lightstream.sources.partitions import partition_value

        for field in self.partitions:
            texts = {
                value for file in self._listing.files for name, value in file.partition_values.items()
                if self._same(name, field.name)
            }  # fmt: skip
            for text in texts:
                partition_value(text, field.dataType, field.name, self.conf.time_zone)

    def _refuse_duplicates(self) -> None:
        names = self.schema.names
        for position, name in enumerate(names):
            if any(self._same(name, other) for other in names[:position]):
                raise AnalysisException(
                    "COLUMN_ALREADY_EXISTS",
                    f"The column `{name.lower()}` already exists. Choose another name or rename the existing column.",
                    sqlstate="42711",
                    parameters={"columnName": f"`{name.lower()}`"},
                )

    @property
    def input_files(self) -> tuple[str, ...]:
        """The URIs of the files that were there when the reader was opened."""
        return tuple(file.uri for file in self._listing.files)

    def scan_files(
        self,
        files: Sequence[FileEntry],
        columns: tuple[Required, ...],
        cursor: duckdb.DuckDBPyConnection,
    ) -> Scan:
        """Return the rows of some of the files, for a stream."""
        return self._scan(files, columns, cursor, counted=True)

    def _scan(
        self,
        files: Sequence[FileEntry],
        columns: tuple[Required, ...],
        cursor: duckdb.DuckDBPyConnection,
        *,
        counted: bool,
    ) -> Scan:
        source = FileInput(
            self._local(files), self.data_schema, self.partitions, self.options, self.conf, counted
        )
        return self.format.scan(source, columns, cursor)

    def copies(self) -> Copies | None:
        """Return where new copies of objects can be kept; None where there are no objects."""
        if not any(map(is_remote, self.paths)):
            return None
        from lightstream.sources.copies import Copies

        return Copies(self.conf, self.options)

    def _local(self, files: Sequence[FileEntry]) -> Sequence[FileEntry]:
        """Return files that can be opened: of objects, copies that stay until the reader goes."""
        return files if self._copies is None else self._copies.of(files)

    def scan(self, columns: tuple[Required, ...], cursor: duckdb.DuckDBPyConnection) -> Scan:
        """Return the rows of the files that were there when the reader was opened."""
        return self._scan(self._listing.files, columns, cursor, counted=False)

    def open_stream(self, source_directory: str | None, durable: bool, conf: Conf) -> Stream:
        """Start watching the path for files."""
        from lightstream.sources.file_source import FileSource

        return FileSource(self, source_directory, durable, conf)
