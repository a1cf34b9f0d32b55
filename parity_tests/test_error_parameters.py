"""What `getMessageParameters` says of errors that are met while a query runs."""

from __future__ import annotations

from typing import Any

import pytest

VALUES = "(1, 'a', array(1)), (2, 'b', array(2)) as t(id, g, a)"
EXPRESSIONS = (
    "cast(g as int)", "cast(g as date)", "cast(g as timestamp)", "cast(g as double)", "cast(g as boolean)",
    "cast(g as decimal(5,2))", "g + 1", "g = 1", "to_date(g)", "id / 0", "id % 0", "id + 2147483647",
    "2147483647 * (id + 1)", "-2147483647 - (id + 1)", "(id + 9223372036854775800) + 100L", "cast(id + 300 as tinyint)",
    "cast(id + 3000000000L as int)", "cast(id * 1000.55 as decimal(4,2))", "cast(id as tinyint) + 127Y", "a[5]",
    "element_at(a, -5)", "elt(id + 5, 'a', 'b')", "next_day(date'2020-01-01', g)", "raise_error(g)",
    "assert_true(id > 5)", "to_number(g, '999')", "url_decode('%zz' || g)", "bit_get(id, 99)", "slice(a, 0, 1)",
)  # fmt: skip


def _parameters(session: Any, text: str) -> tuple[str, dict[str, str]]:
    session.sql(f"create or replace temporary view t as select * from values {VALUES}")
    try:
        session.sql(f"select {text} from t where id = 1").collect()
    except Exception as error:  # every engine's errors are what is compared
        asked: Any = error
        return asked.getCondition(), dict(asked.getMessageParameters())
    raise AssertionError(f"{text} does not fail")


@pytest.mark.parametrize("text", EXPRESSIONS)
def test_parameters(spark: Any, lightstream: Any, text: str) -> None:
    assert _parameters(lightstream, text) == _parameters(spark, text)


@pytest.mark.parametrize("value", ["0", "-1", "x"])
def test_number_of_partitions(spark: Any, lightstream: Any, value: str) -> None:
    said = []
    for session in (lightstream, spark):
        with pytest.raises(Exception) as caught:  # the classes are of two packages
            session.conf.set("spark.sql.shuffle.partitions", value)
        error: Any = caught.value
        said.append((type(error).__name__, error.getCondition(), error.getMessageParameters()))
    assert said[0] == said[1]
