"""`pyspark.testing` without pyspark."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

PROGRAM = """
from pyspark.sql import SparkSession
from pyspark.testing import assertDataFrameEqual
from pyspark.testing.utils import assertSchemaEqual

spark = SparkSession.builder.getOrCreate()
df = spark.createDataFrame([(1, "a"), (2, "b")], "id int, s string")
assertDataFrameEqual(df, df.orderBy("id", ascending=False))
assertSchemaEqual(df.schema, df.schema)
assertDataFrameEqual(df, df.where("id = 2"))
"""


def test_the_assertions_have_their_names_in_pyspark(tmp_path: Path) -> None:
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    command = [sys.executable, "-m", "lightstream.cli", "run", str(program)]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1
    assert "[DIFFERENT_ROWS] Results do not match: ( 50.00000 % )" in done.stderr
    assert "- Row(id=1, s='a')" in done.stderr


def test_pandas_frames_are_compared_with_each_other() -> None:
    pandas = pytest.importorskip("pandas")
    from lightstream.testing import assertDataFrameEqual

    left = pandas.DataFrame({"a": [1.0, 2.0]})
    assertDataFrameEqual(left, pandas.DataFrame({"a": [1.0, 2.0000001]}))
    with pytest.raises(AssertionError, match="DIFFERENT_PANDAS_DATAFRAME"):
        assertDataFrameEqual(left, pandas.DataFrame({"a": [1.0, 3.0]}))
    with pytest.raises(AssertionError, match="INVALID_TYPE_DF_EQUALITY_ARG"):
        assertDataFrameEqual(left, [1])
