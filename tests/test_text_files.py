"""Text files as a source; `parity_tests/test_files.py` compares them with Spark."""

# ruff: noqa: F811
from __future__ import annotations

import gzip
from pathlib import Path
from typing import Any

import pytest
from sql_api_fixtures import spark  # noqa: F401

from lightstream.errors import QueryExecutionException


def values(frame: Any) -> list[str]:
    return [row.value for row in frame.collect()]


def test_lines(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"\xef\xbb\xbfone\ntwo\r\nthree\rfour\n\n")
    (tmp_path / "b.gz").write_bytes(gzip.compress(b"five"))
    assert values(spark.read.text(str(tmp_path))) == ["one", "two", "three", "four", "", "five"]
    assert spark.read.text(str(tmp_path)).count() == 6
    assert values(spark.read.text(str(tmp_path), wholetext=True))[1] == "five"
    assert values(spark.read.text(str(tmp_path / "b.gz"), lineSep="v")) == ["fi", "e"]


def test_what_is_no_utf8(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "a").write_bytes(b"a\xff\n\xed\xa0\x80")
    assert values(spark.read.text(str(tmp_path))) == ["a\ufffd", "\ufffd"]


def test_a_damaged_file_is_named(spark: Any, tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(b"x" * 1000)[:15])
    with pytest.raises(QueryExecutionException, match=r"a\.gz") as caught:
        spark.read.text(str(tmp_path)).collect()
    assert caught.value.getCondition() == "FAILED_READ_FILE.NO_HINT"


def test_a_stream(spark: Any, tmp_path: Path) -> None:
    source, checkpoint = tmp_path / "in", tmp_path / "checkpoint"
    (source / "p=1").mkdir(parents=True)
    (source / "p=1" / "a").write_text("x\ny\n")
    seen: list[tuple[int, list[tuple[str, int]]]] = []

    def run() -> Any:
        lines = spark.readStream.text(str(source))
        query = (
            lines.writeStream.foreachBatch(
                lambda df, i: seen.append((i, [(r.value, r.p) for r in df.collect()]))
            )
            .option("checkpointLocation", str(checkpoint))
            .trigger(availableNow=True)
            .start()
        )
        query.awaitTermination()
        return query

    assert run().lastProgress["numInputRows"] == 2
    (source / "p=1" / "b").write_text("z")
    assert run().lastProgress["numInputRows"] == 1
    assert seen == [(0, [("x", 1), ("y", 1)]), (1, [("z", 1)])]
