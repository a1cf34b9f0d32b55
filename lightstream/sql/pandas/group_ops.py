"""`pyspark.sql.pandas.group_ops`."""

from __future__ import annotations

from lightstream.sql.unsupported import refused_class

__all__ = ["PandasCogroupedOps"]

PandasCogroupedOps = refused_class("PandasCogroupedOps")
