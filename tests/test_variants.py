"""Variants without Spark: their bytes, what Python has of them, and what is broken."""

from __future__ import annotations

import datetime
import subprocess
import sys
from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest
from sql_api_fixtures import condition_of

from lightstream.errors import PySparkException, SparkRuntimeException
from lightstream.plan import variants as v
from lightstream.sql import SparkSession
from lightstream.sql import functions as F
from lightstream.sql.types import StructType, VariantType, VariantVal

TREES: list[Any] = [
    v.NULL, v.TRUE, v.from_int(-129), v.from_int(2**63 - 1), v.from_decimal(-150, 2), v.from_decimal(10**37, 38),
    v.from_double(1e300), v.from_float(1.5), v.from_text("x" * 64), v.from_text("é"), v.from_bytes(b"\0"),
    v.from_date(-1), v.from_instant(1, local=True), v.from_instant(-1, local=False), [], {},
    [[v.NULL], {"b": v.TRUE, "a": []}], {str(i): v.from_int(i) for i in range(300)},
    [v.from_int(70000)] * 300, {"k" * 70000: [v.from_text("v" * 70000)]},
]  # fmt: skip


@pytest.fixture(scope="module")
def spark() -> Iterator[SparkSession]:
    session = SparkSession.builder.config("spark.sql.session.timeZone", "UTC").create()
    yield session
    session.stop()


@pytest.mark.parametrize("tree", TREES, ids=range(len(TREES)))
def test_a_tree_comes_back_from_its_bytes(tree: Any) -> None:
    assert v.Reader(*v.encode(tree)).tree() == tree


@pytest.mark.parametrize("tree", TREES, ids=range(len(TREES)))
def test_bytes_that_end_early_are_malformed(tree: Any) -> None:
    value, metadata = v.encode(tree)
    for size in range(0, len(value), max(1, len(value) // 50)):
        with pytest.raises(SparkRuntimeException, match="MALFORMED_VARIANT"):
            v.Reader(value[:size], metadata).tree()


def test_metadata_that_ends_early_is_malformed() -> None:
    value, metadata = v.encode({"name": v.NULL})
    for size in range(len(metadata)):
        with pytest.raises(SparkRuntimeException, match="MALFORMED_VARIANT"):
            v.Reader(value, metadata[:size]).tree()


def test_what_python_has_of_a_variant() -> None:
    found = VariantVal.parseJson('{"b": [1, 2.50, 1e3, null, true, "é"], "a": {}}')
    assert found.toPython() == {"a": {}, "b": [1, Decimal("2.50"), 1000.0, None, True, "é"]}
    assert found.toJson() == '{"a":{},"b":[1,2.50,1000.0,null,true,"\\u00e9"]}' == str(found)
    moment = VariantVal(*v.encode(v.from_instant(1_500_000, local=False)))
    assert moment.toPython() == datetime.datetime(1970, 1, 1, 0, 0, 1, 500000, datetime.UTC)
    assert moment.toJson("America/New_York") == '"1969-12-31 19:00:01.500000-05:00"'
    with pytest.raises(PySparkException, match="MALFORMED_VARIANT"):
        VariantVal(b"\x0c", b"\x01\x00\x00").toPython()


def test_a_variant_goes_in_and_out(spark: SparkSession) -> None:
    given = VariantVal.parseJson('{"a": [1, "x"]}')
    frame = spark.createDataFrame([(1, given), (2, None)], "id int, v variant")
    assert frame.schema["v"].dataType == VariantType()
    first, second = frame.orderBy("id").collect()
    assert (bytes(first.v.value), bytes(first.v.metadata)) == (given.value, given.metadata)
    assert second.v is None
    assert spark.createDataFrame([(given,)], ["v"]).schema["v"].dataType == VariantType()
    assert StructType.fromDDL("v variant").json() == frame.select("v").schema.json()
    again = spark.createDataFrame(frame.toArrow())
    assert again.schema["v"].dataType == VariantType()
    assert [str(row.v) for row in again.orderBy("id").collect()] == ['{"a":[1,"x"]}', "None"]
    assert [str(value) for value in frame.orderBy("id").toPandas()["v"]] == ['{"a":[1,"x"]}', "None"]


def test_what_is_no_variant_does_not_go_in(spark: SparkSession) -> None:
    for value in (1, "x", {"a": 1}):
        with pytest.raises(AssertionError):
            spark.createDataFrame([(value,)], "v variant")


def test_broken_bytes_are_told(spark: SparkSession) -> None:
    frame = spark.createDataFrame([(VariantVal(b"\x0c", b"\x01\x00\x00"),)], "v variant")
    assert (
        condition_of(lambda: frame.select(F.to_json("v")).collect())
        == "SparkRuntimeException MALFORMED_VARIANT"
    )
    assert frame.select(F.is_valid_variant("v")).first()[0] is False


def test_functions_by_columns(spark: SparkSession) -> None:
    frame = spark.createDataFrame([('{"a": [1, 2]}',)], ["j"]).select(F.parse_json("j").alias("v"))
    row = frame.select(
        F.variant_get("v", "$.a[1]", "int").alias("a"),
        F.try_variant_get("v", "$.a", "int").alias("b"),
        F.schema_of_variant("v").alias("c"),
        frame.v.cast("string").alias("d"),
    ).first()
    assert tuple(row) == (2, None, "OBJECT<a: ARRAY<BIGINT>>", '{"a":[1,2]}')
    exploded = spark.tvf.variant_explode(F.parse_json(F.lit('{"a": true}'))).collect()
    assert [(r.pos, r.key, str(r.value)) for r in exploded] == [(0, "a", "true")]


def test_a_program_without_variants_does_not_import_them() -> None:
    program = (
        "import sys; from lightstream.sql import SparkSession, functions\n"
        "SparkSession.builder.getOrCreate().range(3).collect()\n"
        "print([name for name in sys.modules if name.startswith('lightstream') and 'variants' in name])"
    )
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=True
    )
    assert done.stdout.strip() == "[]"
