"""`spark.readStream`."""

from __future__ import annotations

from typing import Any

from lightstream.errors import PySparkValueError
from lightstream.sql.arguments import need_str, not_expected
from lightstream.sql.dataframe import DataFrame
from lightstream.sql.readers import STREAM_OPTIONS, Reader, format_method
from lightstream.sql.unsupported import refuses

__all__ = ["DataStreamReader"]


@refuses("DataStreamReader", changes="tableName", name="source_name")
class DataStreamReader(Reader):
    """Reads streams: `spark.readStream.schema(...).json(path)`."""

    _streaming = True

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
