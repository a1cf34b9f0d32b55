"""`pyspark.sql.udf` and `pyspark.sql.udtf`: Python functions in queries. Not supported yet."""

from __future__ import annotations

from typing import ClassVar

from lightstream.sql.context import UDFRegistration, UDTFRegistration
from lightstream.sql.unsupported import refused_class

__all__ = ["UDFRegistration", "UDTFRegistration", "UserDefinedFunction", "UserDefinedTableFunction"]

UserDefinedFunction = refused_class("UserDefinedFunction")
UserDefinedTableFunction = refused_class("UserDefinedTableFunction")
AnalyzeArgument = refused_class("AnalyzeArgument")
AnalyzeResult = refused_class("AnalyzeResult")
OrderingColumn = refused_class("OrderingColumn")
PartitioningColumn = refused_class("PartitioningColumn")
SelectedColumn = refused_class("SelectedColumn")


class SkipRestOfInputTableException(Exception):
    """Raised by table functions, which are refused."""


class PandasUDFType:
    """Kinds of pandas functions; kept for programs that name them."""

    SCALAR: ClassVar[int] = 200
    GROUPED_MAP: ClassVar[int] = 201
    GROUPED_AGG: ClassVar[int] = 202
    SCALAR_ITER: ClassVar[int] = 204


class ArrowUDFType:
    """Kinds of Arrow functions; kept for programs that name them."""

    SCALAR: ClassVar[int] = 250
    SCALAR_ITER: ClassVar[int] = 251
    GROUPED_AGG: ClassVar[int] = 252
