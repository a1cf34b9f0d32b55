"""JSON files read on both engines: each record of each case, and the schemas that are inferred."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from json_cases import CASES, INFER_CASES, InferCase, JsonCase
from known import known

from lightstream.parity.answers import Answer, columns_of, difference, failed, rows_of


def compare(spark: Answer, ours: Answer) -> None:
    found = difference(spark, ours)
    assert found is None, found


def read(session: Any, case: JsonCase, path: Path) -> Answer:
    session.conf.set("spark.sql.session.timeZone", case.time_zone)
    try:
        frame = session.read.schema(case.schema).options(**case.options).json(str(path))
        if case.columns == ():
            return Answer(rows=((frame.count(),),))
        if case.columns is not None:
            frame = frame.select(*case.columns)
        # Python has no dates beyond the year 9999: they are compared as text.
        shown = [
            f"cast(`{f.name}` as string)" if f.dataType.typeName() == "date" else f"`{f.name}`"
            for f in frame.schema
        ]
        return Answer(columns_of(frame), rows_of(frame.selectExpr(*shown)))
    except Exception as error:  # every engine's errors are what is compared
        return failed(error)
    finally:
        session.conf.set("spark.sql.session.timeZone", "UTC")


def infer(session: Any, case: InferCase, directory: Path) -> Answer:
    try:
        return Answer(columns_of(session.read.options(**case.options).json(str(directory))))
    except Exception as error:  # every engine's errors are what is compared
        return failed(error)


@pytest.mark.parametrize("case", [known(f"json: {case.name}", case, id=case.name) for case in CASES])
def test_rows(spark: Any, lightstream: Any, tmp_path: Path, case: JsonCase) -> None:
    path = tmp_path / case.file_name
    path.write_bytes(case.content)
    compare(read(spark, case, path), read(lightstream, case, path))


@pytest.mark.parametrize(
    "case", [known(f"inferred: {case.name}", case, id=case.name) for case in INFER_CASES]
)
def test_inferred_schema(spark: Any, lightstream: Any, tmp_path: Path, case: InferCase) -> None:
    for position, content in enumerate(case.contents):
        (tmp_path / f"{position}.json").write_bytes(content)
    compare(infer(spark, case, tmp_path), infer(lightstream, case, tmp_path))
