"""CSV files drawn at random, read on both engines: equal, or cut down to the bytes that differ; and written on both.

The same cases are drawn each time. More, and others each time: `LIGHTSTREAM_EXAMPLES=1000 pytest
parity_tests/test_csv_differential.py`, with `--hypothesis-seed=N` to repeat a run.
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path
from random import Random
from typing import Any

from csv_drawing import draw_csv, draw_writing
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from reader_comparing import cut_down, differing, read_all
from write_cases import files_of

_ASKED = os.environ.get("LIGHTSTREAM_EXAMPLES")
# A case is cut down by the comparison itself: that takes far fewer queries.
_DRAWN = settings(
    max_examples=int(_ASKED or 20),
    derandomize=_ASKED is None,
    database=None,
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)


@_DRAWN
@given(seed=st.integers(0, 2**63))
def test_rows(spark: Any, lightstream: Any, seed: int) -> None:
    case = draw_csv(Random(seed))
    wanted = read_all(spark, case)
    bad = differing(wanted, read_all(lightstream, case))
    if bad:
        found = cut_down(spark, lambda smaller: read_all(lightstream, smaller), "at once", case, bad)
        raise AssertionError(str(found))


@_DRAWN
@given(seed=st.integers(0, 2**63))
def test_files(spark: Any, lightstream: Any, tmp_path_factory: Any, seed: int) -> None:
    rows, columns, options, by = draw_writing(Random(seed))
    path = Path(tmp_path_factory.getbasetemp()) / "written"
    found = []
    for session in (spark, lightstream):
        shutil.rmtree(path, ignore_errors=True)
        writer = session.createDataFrame(rows, columns).coalesce(1).write.options(**options)
        (writer.partitionBy(*by) if by else writer).csv(str(path))
        # One row comes to another task than the first in Spark, and its file is called so.
        found.append(
            [(name.replace("part-00001", "part-00000"), data) for name, data in sorted(files_of(path, "csv"))]
        )
    assert found[0] == found[1], (rows, options, by)
