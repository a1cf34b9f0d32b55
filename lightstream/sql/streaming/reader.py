"""`spark.readStream`."""

from __future__ import annotations

import re
from typing import Any

from lightstream.errors import AnalysisException, PySparkValueError
from lightstream.sql.arguments import need_str, not_expected
from lightstream.sql.dataframe import DataFrame
from lightstream.sql.readers import STREAM_OPTIONS, Reader, format_method
from lightstream.sql.unsupported import refuses

__all__ = ["DataStreamReader"]


@refuses("DataStreamReader", changes="tableName")
class DataStreamReader(Reader):
    """Reads streams: `spark.readStream.schema(...).json(path)`."""

    _streaming = True
    _source_name: str | None = None

    def name(self, source_name: str) -> DataStreamReader:
        """Name the source. Spark: reading it then needs the setting `enableSourceEvolution`, which is refused here."""
        if not re.fullmatch(r"[a-zA-Z0-9_]+", need_str("source_name", source_name)):
            raise PySparkValueError(
                "INVALID_STREAMING_SOURCE_NAME",
                f"Invalid name of a source: '{source_name}'. Use ASCII letters, digits and underscores.",
                parameters={"source_name": source_name},
            )
        self._source_name = source_name
        return self

    def _read(self, paths: tuple[str, ...]) -> DataFrame:
        self._refuse_name()
        return super()._read(paths)

    def _table(self, name: str) -> DataFrame:
        self._refuse_name()
        return super()._table(name)

    def _refuse_name(self) -> None:
        if self._source_name is not None:
            raise AnalysisException(
                "STREAMING_QUERY_EVOLUTION_ERROR.SOURCE_NAMING_NOT_SUPPORTED",
                f"The source has the name '{self._source_name}', but "
                "spark.sql.streaming.queryEvolution.enableSourceEvolution is not set, and cannot be. Leave name() out.",
                sqlstate="42KDE",
                parameters={"name": self._source_name},
            )

    def load(
        self, path: str | None = None, format: str | None = None, schema: Any = None, **options: Any
    ) -> DataFrame:
        """Read in the format that was named, by default the session's."""
        if format is not None:
            self.format(format)
        if schema is not None:
            self.schema(schema)
        self.options(**options)
        if path is None:
            return self._read(())
        if not isinstance(path, str) or not path.strip():
            raise PySparkValueError(
                "VALUE_NOT_NON_EMPTY_STR",
                f"Value for `path` must be a non-empty string, got '{path}'.",
                parameters={"arg_name": "path", "arg_value": str(path)},
            )
        return self._read((path,))

    def _load_paths(self, parameter: str, path: Any) -> DataFrame:
        if not isinstance(path, str):
            raise not_expected(parameter, "str", path)
        return self._read((path,))

    def table(self, tableName: str) -> DataFrame:
        """Return a streaming table."""
        return self._table(need_str("tableName", tableName))

    json = format_method("json", "path", STREAM_OPTIONS["json"], {})
    csv = format_method("csv", "path", STREAM_OPTIONS["csv"], {})
    xml = format_method("xml", "path", STREAM_OPTIONS["xml"], {})
    orc = format_method("orc", "path", STREAM_OPTIONS["orc"], {})
    parquet = format_method("parquet", "path", STREAM_OPTIONS["parquet"], {})
    text = format_method("text", "path", STREAM_OPTIONS["text"], {"wholetext": False})
