"""`pyspark.sql.merge`: MERGE INTO. Not supported."""

from __future__ import annotations

from lightstream.sql.unsupported import refused_class

__all__ = ["MergeIntoWriter"]

MergeIntoWriter = refused_class("MergeIntoWriter")
