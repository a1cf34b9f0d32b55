"""`pyspark.sql.tvf`: table functions as methods. Not supported; SQL has them."""

from __future__ import annotations

from lightstream.sql.unsupported import refused_class

__all__ = ["TableValuedFunction"]

TableValuedFunction = refused_class("TableValuedFunction", "Use spark.sql or spark.range.")
