"""`pyspark.sql.observation`: metrics of a DataFrame while it runs. Not supported."""

from __future__ import annotations

from lightstream.sql.unsupported import refused_class

__all__ = ["Observation"]

Observation = refused_class("Observation", "Use an aggregation of its own.")
