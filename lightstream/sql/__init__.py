"""`pyspark.sql`: sessions, DataFrames, columns. Names are imported when they are first asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from lightstream.sql.lazy import lazy_names

if TYPE_CHECKING:
    from lightstream.sql.catalog import Catalog as Catalog
    from lightstream.sql.column import Column as Column
    from lightstream.sql.dataframe import DataFrame as DataFrame
    from lightstream.sql.group import GroupedData as GroupedData
    from lightstream.sql.row import Row as Row
    from lightstream.sql.session import SparkSession as SparkSession
    from lightstream.sql.window import Window as Window
    from lightstream.sql.window import WindowSpec as WindowSpec

_MODULES = {
    "SparkSession": "lightstream.sql.session",
    "SQLContext": "lightstream.sql.context",
    "HiveContext": "lightstream.sql.context",
    "UDFRegistration": "lightstream.sql.udf",
    "UDTFRegistration": "lightstream.sql.udtf",
    "DataFrame": "lightstream.sql.dataframe",
    "GroupedData": "lightstream.sql.group",
    "Column": "lightstream.sql.column",
    "Catalog": "lightstream.sql.catalog",
    "Observation": "lightstream.sql.observation",
    "Row": "lightstream.sql.row",
    "DataFrameNaFunctions": "lightstream.sql.dataframe_missing",
    "DataFrameStatFunctions": "lightstream.sql.dataframe_stat",
    "VariantVal": "lightstream.sql.types",
    "Geography": "lightstream.sql.types",
    "Geometry": "lightstream.sql.types",
    "Window": "lightstream.sql.window",
    "WindowSpec": "lightstream.sql.window",
    "DataFrameReader": "lightstream.sql.readwriter",
    "DataFrameWriter": "lightstream.sql.readwriter",
    "DataFrameWriterV2": "lightstream.sql.readwriter",
    "MergeIntoWriter": "lightstream.sql.merge",
    "PandasCogroupedOps": "lightstream.sql.pandas.group_ops",
    "is_remote": "lightstream.sql.utils",
}

__all__ = list(_MODULES)


def __getattr__(name: str) -> Any:
    return lazy_names(__name__, _MODULES, name, globals())


def __dir__() -> list[str]:
    return __all__
