"""JSON files drawn at random, read on both engines by every way there is: equal, or cut down to the line that differs.

The same cases are drawn each time. More, and others each time: `LIGHTSTREAM_EXAMPLES=2000 pytest
parity_tests/test_reader_differential.py -s`, with `--hypothesis-seed=N` to repeat a run.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from json_drawing import Drawn, draw_case, draw_inference
from reader_comparing import Tally, compare, compare_inferred, differing, read_all, ways

_ASKED = os.environ.get("LIGHTSTREAM_EXAMPLES")
_EXAMPLES = int(_ASKED or 20)

# A case is cut down by the comparison itself, line by line: that takes far fewer queries.
_DRAWN = settings(
    max_examples=_EXAMPLES,
    derandomize=_ASKED is None,
    database=None,
    deadline=None,
    phases=(Phase.generate,),
    suppress_health_check=list(HealthCheck),
)
_SEEDS = st.integers(0, 2**63)


@pytest.fixture(scope="module")
def tally() -> Iterator[Tally]:
    """What all tests here compared, printed at the end."""
    found = Tally()
    yield found
    print(f"\n{found}")


@_DRAWN
@given(seed=_SEEDS)
def test_rows(spark: Any, lightstream: Any, tally: Tally, seed: int) -> None:
    random = Random(seed)
    found = compare(spark, lightstream, draw_case(random), random, tally)
    assert not found, "\n".join(map(str, found))


@_DRAWN
@given(seed=_SEEDS)
def test_schemas(
    spark: Any, lightstream: Any, tally: Tally, monkeypatch: pytest.MonkeyPatch, seed: int
) -> None:
    from lightstream.sources.json import infer

    random = Random(seed)
    monkeypatch.setattr(infer, "_RECORDS_PER_LESSON", random.choice([2, 5, 100]))
    for _ in range(3):
        found = compare_inferred(spark, lightstream, *draw_inference(random), tally)
        assert found is None, found


def _case(ddl: str, content: bytes, **more: Any) -> Drawn:
    from lightstream.plan import types as t

    schema = t.DataType.fromDDL(ddl)
    assert isinstance(schema, t.StructType)
    return Drawn(schema.jsonValue(), {"000.json": content}, **more)


@pytest.mark.xfail(strict=True, reason="Spark does not look at the rest of a record that a filter drops")
@pytest.mark.parametrize(
    "case",
    [
        _case("a int", b'{"a":9', where="a is null"),
        _case("a int, b int", b'{"a":9,"b":"x"}', where="a is null", options={"mode": "FAILFAST"}),
    ],
)
def test_filters_and_bad_records(spark: Any, lightstream: Any, case: Drawn) -> None:
    key = "spark.sql.json.filterPushdown.enabled"
    before = spark.conf.get(key)
    spark.conf.set(key, "true")  # as it is by default
    try:
        expected = read_all(spark, case)
    finally:
        spark.conf.set(key, before)
    assert not differing(expected, ways(lightstream)["all at once"](case))


@pytest.mark.xfail(
    strict=True, reason="Spark's parser takes a name with FF before it for one that it has seen"
)
def test_names_that_begin_with_ff(spark: Any, lightstream: Any) -> None:
    case = _case("a int, b int", b'{"a":1}\n{"\xffa":2,"b":3}\n')
    assert not differing(read_all(spark, case), ways(lightstream)["all at once"](case))
