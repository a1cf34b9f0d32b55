"""Files of each format but JSON, read on both engines."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from csv_cases import CSV_CASES
from file_cases import FileCase, read, write
from known import known
from orc_cases import ORC_CASES
from parquet_cases import PARQUET_CASES
from text_cases import TEXT_CASES

from lightstream.parity.answers import difference

CASES = [*TEXT_CASES, *PARQUET_CASES, *ORC_CASES, *CSV_CASES]


@pytest.mark.parametrize("case", [known(f"{case.format}: {case.name}", case) for case in CASES])
def test_rows(spark: Any, lightstream: Any, tmp_path: Path, case: FileCase) -> None:
    directory = tmp_path / "in"
    directory.mkdir()
    write(case, directory)
    found = difference(read(spark, case, directory), read(lightstream, case, directory))
    assert found is None, found
