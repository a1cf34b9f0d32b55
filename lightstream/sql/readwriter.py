"""`spark.read` and `df.write`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightstream.errors import AnalysisException, IllegalArgumentException, PySparkValueError, unsupported
from lightstream.sql.arguments import need_str, not_expected
from lightstream.sql.dataframe import DataFrame
from lightstream.sql.readers import BATCH_OPTIONS, Reader, format_method, option_text
from lightstream.sql.unsupported import refuses

if TYPE_CHECKING:
    from lightstream.sql.tables import SaveMode

__all__ = ["DataFrameReader", "DataFrameWriter", "DataFrameWriterV2"]

_MODES: dict[str, SaveMode] = {
    "append": "append", "overwrite": "overwrite", "ignore": "ignore", "error": "error", "errorifexists": "error",
    "default": "error",
}  # fmt: skip
_TABLE_FORMATS = ("duckdb", "parquet", "default")


@refuses(
    "DataFrameReader",
    changes="tableName",
    jdbc=(
        "url, table, column=None, lowerBound=None, upperBound=None, numPartitions=None, predicates=None, "
        "properties=None"
    ),
)
class DataFrameReader(Reader):
    """Reads files and tables."""

    def load(
        self,
        path: str | list[str] | None = None,
        format: str | None = None,
        schema: Any = None,
        **options: Any,
    ) -> DataFrame:
        """Read in the format that was named, by default the session's."""
        if format is not None:
            self.format(format)
        if schema is not None:
            self.schema(schema)
        self.options(**options)
        return self._read(()) if path is None else self._load_paths("path", path)

    def _load_paths(self, parameter: str, path: Any) -> DataFrame:
        if isinstance(path, str):
            return self._read((path,))
        if isinstance(path, list | tuple) and all(isinstance(p, str) for p in path):
            return self._read(tuple(path))
        if isinstance(path, DataFrame) or type(path).__name__ == "RDD":
            raise unsupported(f"Reading {self._format} from a DataFrame or an RDD of text", "Read files.")
        raise not_expected(parameter, "str or list", path)

    def parquet(self, *paths: str, **options: Any) -> DataFrame:
        """Read Parquet files."""
        self.options(**options).format("parquet")
        return self._load_paths("path", list(paths))

    def table(self, tableName: str) -> DataFrame:
        """Return a table or temporary view.

        Raises:
            AnalysisException: TABLE_OR_VIEW_NOT_FOUND.
        """
        return self._table(need_str("tableName", tableName))

    json = format_method("json", "path", BATCH_OPTIONS["json"], {})
    csv = format_method("csv", "path", BATCH_OPTIONS["csv"], {})
    xml = format_method("xml", "path", BATCH_OPTIONS["xml"], {})
    orc = format_method("orc", "path", BATCH_OPTIONS["orc"], {})
    text = format_method("text", "paths", BATCH_OPTIONS["text"], {"wholetext": False})


def refuse_stream(df: DataFrame, method: str) -> None:
    """Refuse a method that streams do not have.

    Raises:
        AnalysisException: CALL_ON_STREAMING_DATASET_UNSUPPORTED.
    """
    if df.isStreaming:
        raise AnalysisException(
            "CALL_ON_STREAMING_DATASET_UNSUPPORTED",
            f"The method `{method}` can not be called on streaming Dataset/DataFrame. Use `writeStream`.",
            sqlstate="42KDE",
            parameters={"methodName": f"`{method}`"},
        )


@refuses(
    "DataFrameWriter",
    jdbc="url, table, mode=None, properties=None",
    xml=(
        "path, rowTag=None, mode=None, attributePrefix=None, valueTag=None, rootTag=None, declaration=None, "
        "arrayElementName=None, nullValue=None, dateFormat=None, timestampFormat=None, compression=None, "
        "encoding=None, validateName=None"
    ),
)
class DataFrameWriter:
    """Writes a DataFrame into files, or into a table of the session's database."""

    def __init__(self, df: DataFrame) -> None:
        refuse_stream(df, "write")
        self._df = df
        self._spark = df.sparkSession
        self._format: str | None = None
        self._mode: SaveMode = "error"
        self._options: dict[str, str] = {}
        self._partition_by: tuple[str, ...] = ()
        self._buckets = self._sorted = self._clustered = False

    def mode(self, saveMode: str | None) -> DataFrameWriter:
        """Say what to do when files or the table exist: append, overwrite, ignore, or error (the default)."""
        if saveMode is None:
            return self
        found = _MODES.get(need_str("saveMode", saveMode).lower())
        if found is None:
            raise AnalysisException(
                "INVALID_SAVE_MODE",
                f'The specified save mode "{saveMode}" is invalid. Valid save modes include "append", "overwrite", '
                '"ignore", "error", "errorifexists", and "default".',
                sqlstate="42000",
                parameters={"mode": f'"{saveMode}"'},
            )
        self._mode = found
        return self

    def format(self, source: str) -> DataFrameWriter:
        """Name the format: `parquet`, `orc`, `json`, `csv`, `text`; `noop`; `duckdb`, the session's database."""
        self._format = need_str("source", source)
        return self

    def option(self, key: str, value: Any) -> DataFrameWriter:
        """Set an option."""
        if value is not None:
            self._options[key.lower()] = option_text(value)
        return self

    def options(self, **options: Any) -> DataFrameWriter:
        """Set several options."""
        for key, value in options.items():
            self.option(key, value)
        return self

    def partitionBy(self, *cols: Any) -> DataFrameWriter:
        """Lay files out in a directory for each value of some columns; tables of DuckDB need none."""
        given = cols[0] if len(cols) == 1 and isinstance(cols[0], list | tuple) else cols
        self._partition_by = tuple(given)
        return self

    def bucketBy(self, numBuckets: int, col: Any, *cols: Any) -> DataFrameWriter:
        """Accept columns to lay a table out by; DuckDB needs none, and files have none."""
        if not isinstance(numBuckets, int):
            raise not_expected("numBuckets", "int", numBuckets)
        self._buckets = bool(_column_names(col, cols))
        return self

    def sortBy(self, col: Any, *cols: Any) -> DataFrameWriter:
        """Accept columns to lay a table out by; DuckDB needs none, and files have none."""
        self._sorted = bool(_column_names(col, cols))
        return self

    def clusterBy(self, *cols: Any) -> DataFrameWriter:
        """Accept columns to lay a table out by; DuckDB needs none."""
        assert cols, "clusterBy needs one or more clustering columns."
        self._clustered = True
        return self

    def _check_layout(self) -> None:
        """Raise Spark's errors for ways to lay a table out that do not go together.

        Raises:
            AnalysisException: SORT_BY_WITHOUT_BUCKETING, SPECIFY_CLUSTER_BY_...
        """
        if self._sorted and not self._buckets:
            raise AnalysisException(
                "SORT_BY_WITHOUT_BUCKETING", "sortBy must be used together with bucketBy.", sqlstate="42601"
            )
        for other, given in (("PARTITIONED_BY", self._partition_by), ("BUCKETING", self._buckets)):
            if self._clustered and given:
                raise AnalysisException(
                    f"SPECIFY_CLUSTER_BY_WITH_{other}_IS_NOT_ALLOWED",
                    "clusterBy does not go together with partitionBy or bucketBy: leave one of them out.",
                    sqlstate="42908",
                )

    def _refuse_layout(self, method: str) -> None:
        """Refuse buckets where a method has none.

        Raises:
            AnalysisException: _LEGACY_ERROR_TEMP_1312, _LEGACY_ERROR_TEMP_1313.
        """
        self._check_layout()
        if self._buckets:
            condition, what = ("1313", "bucketBy and sortBy") if self._sorted else ("1312", "bucketBy")
            raise AnalysisException(
                f"_LEGACY_ERROR_TEMP_{condition}",
                f"'{method}' does not support {what} right now.",
                parameters={"operation": method},
            )

    def saveAsTable(
        self,
        name: str,
        format: str | None = None,
        mode: str | None = None,
        partitionBy: Any = None,
        **options: Any,
    ) -> None:
        """Write a table of the session's database. Appending goes by column name.

        Raises:
            AnalysisException: TABLE_OR_VIEW_ALREADY_EXISTS; columns or types that do not fit.
        """
        from lightstream.sql.tables import save_table

        self._take(format, mode, partitionBy, options)
        self._check_layout()
        chosen = (self._format or "duckdb").lower()
        if chosen not in _TABLE_FORMATS:
            raise unsupported(
                f"A table in the format {chosen}", "Tables live in the session's DuckDB database."
            )
        save_table(self._spark, need_str("name", name), self._df, self._mode)

    def insertInto(self, tableName: str, overwrite: bool | None = None) -> None:
        """Append to a table of the session's database by column position, or replace its rows.

        Raises:
            AnalysisException: TABLE_OR_VIEW_NOT_FOUND; columns or types that do not fit.
        """
        from lightstream.sql.tables import insert_into

        self._refuse_layout("insertInto")
        if self._partition_by:
            raise AnalysisException(
                "PARTITION_BY_NOT_ALLOWED_WITH_INSERT_INTO",
                f"partitionBy cannot be used with insertInto: the table {tableName} has its layout.",
                sqlstate="42601",
                parameters={"tableName": tableName},
            )
        replace = self._mode == "overwrite" if overwrite is None else overwrite
        insert_into(self._spark, need_str("tableName", tableName), self._df, overwrite=replace)

    def save(
        self,
        path: str | None = None,
        format: str | None = None,
        mode: str | None = None,
        partitionBy: Any = None,
        **options: Any,
    ) -> None:
        """Write files in the format that was named, by default Parquet; `duckdb` asks for the option `dbtable`.

        Raises:
            AnalysisException: PATH_ALREADY_EXISTS; columns, types or options that Spark refuses.
            SparkRuntimeException: TASK_WRITE_FAILED.
        """
        self._take(format, mode, partitionBy, options)
        chosen = (
            self._format or self._spark._state.conf.get("spark.sql.sources.default") or "parquet"
        ).lower()
        if chosen == "noop":
            return self._run_only()
        if chosen == "kafka":
            return self._to_kafka()
        if chosen == "delta":
            return self._to_delta(path)
        connector = self._spark._state.connector(chosen)
        if connector is not None:
            return self._through(connector, path)
        if chosen == "duckdb":
            name = self._options.get("dbtable") or self._options.get("table") or path
            if name is None:
                raise AnalysisException(
                    "LIGHTSTREAM_OPTION_REQUIRED",
                    'Name the table: df.write.format("duckdb").option("dbtable", ...).',
                )
            self._format = "duckdb"
            return self.saveAsTable(name)
        self._write_files(chosen, path)

    def _to_delta(self, path: str | None) -> None:
        from lightstream.sinks.delta import DeltaWriter
        from lightstream.storage.opening import storage_options
        from lightstream.storage.settings import settings_of

        target = self._options.get("path") if path is None else path
        if target is None:
            raise IllegalArgumentException("_LEGACY_ERROR_TEMP_2047", "'path' is not specified.")
        store = storage_options(target, settings_of(self._spark._state.conf.values))
        table = DeltaWriter(target, self._df.schema, self._partition_by, self._options, store)
        if self._mode in ("error", "ignore") and table.exists():
            if self._mode == "error":
                raise AnalysisException(
                    "DELTA_PATH_EXISTS",
                    f"There is a Delta table in {target}. Choose the mode append, overwrite or ignore.",
                    sqlstate="42K04",
                    parameters={"path": target},
                )
            return
        table.write(
            self._df._run().arrow().to_reader(), "overwrite" if self._mode == "overwrite" else "append"
        )

    def parquet(
        self, path: str, mode: str | None = None, partitionBy: Any = None, compression: str | None = None
    ) -> None:
        """Write Parquet files."""
        self._take("parquet", mode, partitionBy, {"compression": compression}).save(path)

    def orc(
        self, path: str, mode: str | None = None, partitionBy: Any = None, compression: str | None = None
    ) -> None:
        """Write ORC files."""
        self._take("orc", mode, partitionBy, {"compression": compression}).save(path)

    def json(
        self,
        path: str,
        mode: str | None = None,
        compression: str | None = None,
        dateFormat: str | None = None,
        timestampFormat: str | None = None,
        lineSep: str | None = None,
        encoding: str | None = None,
        ignoreNullFields: bool | str | None = None,
    ) -> None:
        """Write files of JSON, a record a line."""
        self._save_as("json", locals())

    def csv(
        self,
        path: str,
        mode: str | None = None,
        compression: str | None = None,
        sep: str | None = None,
        quote: str | None = None,
        escape: str | None = None,
        header: bool | str | None = None,
        nullValue: str | None = None,
        escapeQuotes: bool | str | None = None,
        quoteAll: bool | str | None = None,
        dateFormat: str | None = None,
        timestampFormat: str | None = None,
        ignoreLeadingWhiteSpace: bool | str | None = None,
        ignoreTrailingWhiteSpace: bool | str | None = None,
        charToEscapeQuoteEscaping: str | None = None,
        encoding: str | None = None,
        emptyValue: str | None = None,
        lineSep: str | None = None,
    ) -> None:
        """Write CSV files."""
        self._save_as("csv", locals())

    def text(self, path: str, compression: str | None = None, lineSep: str | None = None) -> None:
        """Write a column of strings as lines of text."""
        self._save_as("text", locals())

    def _save_as(self, format: str, given: dict[str, Any]) -> None:
        path, mode = given["path"], given.get("mode")
        options = {name: value for name, value in given.items() if name not in ("self", "path", "mode")}
        self._take(format, mode, None, options).save(path)

    def _write_files(self, format: str, path: str | None) -> None:
        from lightstream.sinks.files.batch import FileWrite, write_files
        from lightstream.sinks.registry import FILE_FORMATS

        self._refuse_layout("save")
        if format not in FILE_FORMATS:
            raise unsupported(
                f"Writing {format} files", f"Choose {', '.join(FILE_FORMATS)}, or write a table."
            )
        if path is not None and "path" in self._options:
            raise AnalysisException(
                "_LEGACY_ERROR_TEMP_1307",
                "There is a 'path' option set and save() is called with a path parameter. Either remove the path "
                "option, or call save() without the parameter.",
            )
        target = self._options.get("path") if path is None else path
        if target is None:
            raise IllegalArgumentException("_LEGACY_ERROR_TEMP_2047", "'path' is not specified.")
        write = FileWrite(format, target, self._mode, self._options, self._partition_by)
        write_files(self._df._plan, write, self._spark._state)

    def _run_only(self) -> None:
        """Compute all rows and columns and write nothing.

        Raises:
            AnalysisException: the mode is neither append nor overwrite.
        """
        self._append_or_overwrite("noop")
        self._df._run().discard()

    def _to_kafka(self) -> None:
        """Send the rows as records.

        Raises:
            AnalysisException: the mode is neither append nor error.
        """
        from lightstream.sinks.kafka import write_rows

        if self._mode not in ("append", "error"):
            raise AnalysisException(
                None,
                f"Save mode {self._mode.title()} not allowed for Kafka. Allowed save modes are Append and "
                "ErrorIfExists (default).",
            )
        write_rows(lambda: self._df._run().arrow(), self._df.schema, self._options)

    def _through(self, connector: Any, path: str | None) -> None:
        """Write through a connector.

        Raises:
            AnalysisException: the mode is neither append nor overwrite; there is no writer.
            PythonException: writing failed.
        """
        name = self._format or ""
        self._append_or_overwrite(name)
        if self._partition_by:
            raise IllegalArgumentException(
                None,
                "requirement failed: The provided partitioning or clustering columns do not match the existing "
                f"table's: the format {name} has none. Leave partitionBy out.",
            )
        options = dict(self._options) if path is None else {**self._options, "path": path}
        connector.write(self._df, name, options, self._mode == "overwrite")

    def _append_or_overwrite(self, name: str) -> None:
        if self._mode not in ("append", "overwrite"):
            shown = {"error": "ErrorIfExists", "ignore": "Ignore"}[self._mode]
            raise AnalysisException(
                "UNSUPPORTED_DATA_SOURCE_SAVE_MODE",
                f'The data source "{name}" cannot be written in the "{shown}" mode. Use "Append" or "Overwrite".',
                sqlstate="0A000",
                parameters={"source": name, "createMode": f'"{shown}"'},
            )

    def _take(
        self, format: str | None, mode: str | None, partition_by: Any, options: dict[str, Any]
    ) -> DataFrameWriter:
        if format is not None:
            self.format(format)
        if partition_by is not None:
            self.partitionBy(partition_by)
        return self.mode(mode).options(**options)


def _column_names(col: Any, cols: tuple[Any, ...]) -> list[str]:
    """Return names of columns that are given one by one or as a list."""
    given = [col, *cols]
    if isinstance(col, list | tuple):
        if cols:
            kind = type(col).__name__
            raise PySparkValueError(
                "CANNOT_SET_TOGETHER",
                f"`col` of type {kind} and `cols` should not be set together.",
                parameters={"arg_list": f"`col` of type {kind} and `cols`"},
            )
        given = list(col)
    for name in given:
        if not isinstance(name, str):
            raise not_expected("col" if isinstance(col, list | tuple) else "cols", "list[str]", name)
    return given


@refuses(
    "DataFrameWriterV2",
    clusterBy="col, *cols",
    option="key, value",
    options="**options",
    overwrite="condition",
    overwritePartitions="",
    partitionedBy="col, *cols",
    tableProperty="property, value",
)
class DataFrameWriterV2:
    """Writes a DataFrame to a table: `df.writeTo(table)`."""

    def __init__(self, df: DataFrame, table: str) -> None:
        self._df = df
        self._table = table

    def using(self, provider: str) -> DataFrameWriterV2:
        """Name the table's format; tables live in the session's DuckDB database."""
        if provider.lower() not in _TABLE_FORMATS:
            raise unsupported(
                f"A table in the format {provider}", "Tables live in the session's DuckDB database."
            )
        return self

    def create(self) -> None:
        """Create the table from the rows.

        Raises:
            AnalysisException: TABLE_OR_VIEW_ALREADY_EXISTS.
        """
        self._save("error")

    def append(self) -> None:
        """Add the rows to the table.

        Raises:
            AnalysisException: TABLE_OR_VIEW_NOT_FOUND.
        """
        self._need()
        self._save("append")

    def replace(self) -> None:
        """Put the rows in place of the table and its columns.

        Raises:
            AnalysisException: TABLE_OR_VIEW_NOT_FOUND.
        """
        self._need()
        self._save("overwrite")

    def createOrReplace(self) -> None:
        """Create the table from the rows, in place of one that is there."""
        self._save("overwrite")

    def _need(self) -> None:
        from lightstream.sql import tables

        tables.need(self._df.sparkSession._state, tables.table_name(self._table))

    def _save(self, mode: SaveMode) -> None:
        from lightstream.sql import tables

        tables.save_table(self._df.sparkSession, self._table, self._df, mode)
