"""`pyspark.sql.pandas.functions`."""

from __future__ import annotations

from lightstream.sql.functions.special import arrow_udf, pandas_udf
from lightstream.sql.udf import ArrowUDFType, PandasUDFType

__all__ = ["ArrowUDFType", "PandasUDFType", "arrow_udf", "pandas_udf"]
