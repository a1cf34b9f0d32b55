"""Parquet files with variants, which DuckDB writes, too: refused by name, whatever they are read as."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from lightstream.errors import UnsupportedOperationException
from lightstream.sql import SparkSession


@pytest.mark.parametrize("schema", ["id int, v variant", "id int, v struct<value: binary, metadata: binary>"])
def test_variants_are_refused(tmp_path: Path, schema: str) -> None:
    duckdb.execute(f"COPY (SELECT 1 AS id, {{'a': 1}}::VARIANT AS v) TO '{tmp_path / 'a.parquet'}'")
    session = SparkSession.builder.create()
    with pytest.raises(UnsupportedOperationException, match="variant"):
        session.read.schema(schema).parquet(str(tmp_path)).collect()
    assert [tuple(row) for row in session.read.schema("id int").parquet(str(tmp_path)).collect()] == [(1,)]
    session.stop()
