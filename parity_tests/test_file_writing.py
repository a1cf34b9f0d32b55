"""Files that both engines write: their names and what is in them; Parquet files as Spark reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from known import known
from write_cases import WRITE_CASES, WriteCase, write

from lightstream.parity.answers import columns_of, rows_of


@pytest.mark.parametrize("case", [known(f"write {c.writes[0][1]}: {c.name}", c) for c in WRITE_CASES])
def test_files(spark: Any, lightstream: Any, tmp_path: Path, case: WriteCase) -> None:
    wanted, ours = tmp_path / "spark", tmp_path / "ours"
    wanted.mkdir()
    ours.mkdir()
    by_spark, here = write(spark, case, wanted), write(lightstream, case, ours)
    if by_spark and isinstance(by_spark[-1], Path) and here and isinstance(here[-1], Path):
        by_spark[-1], here[-1] = (_rows(spark, case.writes[0][1], said[-1]) for said in (by_spark, here))
    assert here == by_spark


def test_partitions_are_read_back(spark: Any, lightstream: Any, tmp_path: Path) -> None:
    values = (
        "1.5D", "date'2020-01-02'", "timestamp'2020-01-02 03:04:05.1'", "true", "'x/y z'", "1.50BD",
        "cast(null as int)",
        "12345678901", "'007'", "'1e3'", "'2020-01-02 03:04:05'",
        "cast('1234567890123456789012' as decimal(23))",
    )  # fmt: skip
    columns = {f"p{number}": value for number, value in enumerate(values)}
    query = "select 1 x, " + ", ".join(f"{value} {name}" for name, value in columns.items())
    other = "select 2 x, " + ", ".join(f"if(true, 'zz', '') {name}" for name in columns)
    lightstream.sql(query).write.partitionBy(*columns).json(str(tmp_path / "one"))
    for text in (query, other):
        lightstream.sql(text).write.mode("append").partitionBy(*columns).parquet(str(tmp_path / "two"))
    for read in (
        lambda session: session.read.json(str(tmp_path / "one")),
        lambda session: session.read.parquet(str(tmp_path / "two")),
        lambda session: session.read.option("basePath", str(tmp_path / "one")).json(
            str(tmp_path / "one" / "p0=1.5")
        ),
        lambda session: session.read.json(str(tmp_path / "one" / "p0=1.5")),
    ):
        said = [(columns_of(frame), rows_of(frame)) for frame in map(read, (spark, lightstream))]
        assert said[0] == said[1]


def _rows(spark: Any, format: str, path: Path) -> Any:
    try:
        frame = spark.read.format(format).load(str(path))
        return [frame.schema.json(), sorted(map(str, frame.selectExpr("*").collect()))]
    except Exception as error:
        return str(error).split("\n")[0][:60]
