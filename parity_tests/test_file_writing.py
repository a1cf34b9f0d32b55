"""Files that both engines write: their names and what is in them; Parquet files as Spark reads them."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from known import known
from write_cases import WRITE_CASES, WriteCase, write


@pytest.mark.parametrize("case", [known(f"write {c.writes[0][1]}: {c.name}", c) for c in WRITE_CASES])
def test_files(spark: Any, lightstream: Any, tmp_path: Path, case: WriteCase) -> None:
    wanted, ours = tmp_path / "spark", tmp_path / "ours"
    wanted.mkdir()
    ours.mkdir()
    by_spark, here = write(spark, case, wanted), write(lightstream, case, ours)
    if by_spark and isinstance(by_spark[-1], Path) and here and isinstance(here[-1], Path):
        by_spark[-1], here[-1] = (_rows(spark, said[-1]) for said in (by_spark, here))
    assert here == by_spark


def _rows(spark: Any, path: Path) -> Any:
    try:
        frame = spark.read.parquet(str(path))
        return [frame.schema.json(), sorted(map(str, frame.selectExpr("*").collect()))]
    except Exception as error:
        return str(error).split("\n")[0][:60]
