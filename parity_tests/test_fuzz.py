"""Queries drawn at random on both engines (`scripts/fuzz`): the same ones each time, a few hundred of them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from answers import ask
from fuzz import Fuzzer, settled
from fuzz_catalogue import AGGREGATES, SCALAR_FAMILIES, WINDOW_CALLS
from fuzz_drawing import Drawer, draw_table, simpler

from lightstream.parity.answers import difference

SEEDS = (1, 2, 3, 4)
_KEYS = (
    "spark.sql.shuffle.partitions", "spark.sql.leafNodeDefaultParallelism", "spark.sql.session.timeZone",
    "spark.sql.ansi.enabled", "spark.sql.optimizer.excludedRules",
)  # fmt: skip


@pytest.fixture
def fuzzer(spark: Any, lightstream: Any) -> Iterator[Fuzzer]:
    """Both sessions as the fuzzer wants them; they are left as they were."""
    before = {key: spark.conf.get(key, None) for key in _KEYS}
    yield Fuzzer(settled(spark), lightstream)
    for key, value in before.items():
        spark.conf.unset(key) if value is None else spark.conf.set(key, value)
    lightstream.conf.set("spark.sql.session.timeZone", "UTC")
    lightstream.conf.set("spark.sql.ansi.enabled", "true")


@pytest.mark.parametrize("seed", SEEDS)
def test_drawn_queries(fuzzer: Fuzzer, seed: int) -> None:
    found = list(fuzzer.run(seed))
    assert not found, "\n".join(map(str, found))
    assert fuzzer.tally.same > 50, str(fuzzer.tally)


@pytest.mark.xfail(strict=True, reason="docs/parity.md")
@pytest.mark.parametrize(
    "query",
    [
        "select timestamp_micros(9223372036854775807L)",
        "select ceil(cast('99999999999999999999999999999999999999' as decimal(38,0)), -2)",
        "select element_at(array(1), k) - cast(null as int) from values (5) t(k)",
        "select array(1), 8 >> 1",
        "select a = b from values (cast(null as int), '') t(a, b)",
        "select case when cast(concat('x', id) as int) = 1 then 2 else 2 end from range(1)",
        "select levenshtein('', 'abc', a) from values (cast(null as int)) t(a)",
    ],
)
def test_known_differences(spark: Any, lightstream: Any, query: str) -> None:
    found = difference(ask(spark, query), ask(lightstream, query))
    assert found is None, found


def test_the_catalogue_is_drawn_from() -> None:
    """Each function of the catalogue stands in some template, but for those that have reasons."""
    from lightstream.functions import registry

    text = " ".join((*SCALAR_FAMILIES.values(), AGGREGATES, WINDOW_CALLS))
    drawn = set(re.findall(r"\w+", text))
    missing = [n for n in registry.names() if n not in drawn and n not in NOT_DRAWN and re.match(r"[a-z]", n)]
    assert not missing, f"{missing} stand in no template: parity_tests/fuzz_catalogue.py"


def test_parts_of_an_expression_are_simpler() -> None:
    random = Random(5)
    node = Drawer(random, draw_table(random, "t").scope).any(3)
    assert all(len(other) <= len(node) for other in simpler(node))
    assert len(list(simpler(node))) > 2


# Of chance, of the clock, of the session, with time of day (which Spark has switched off), in queries only, what only
# DataFrames have, and variants, which are no type of the drawn tables (variant_cases.py has them).
_NOT_DRAWN = """
    rand random randn uniform randstr shuffle uuid version collation current_path
    vector_sum vector_avg monotonically_increasing_id spark_partition_id input_file_name assert_true raise_error
    current_date curdate current_timestamp now localtimestamp current_time localtime current_timezone current_catalog
    current_schema current_database current_user user session_user grouping grouping_id
    make_time time time_diff time_from_micros time_from_millis time_from_seconds time_to_micros time_to_millis
    time_to_seconds time_trunc to_time try_to_time
    explode explode_outer posexplode posexplode_outer inline inline_outer stack json_tuple
    window window_time session_window
    is_valid_variant is_variant_null parse_json try_parse_json schema_of_variant schema_of_variant_agg to_variant_object
    variant_array_append variant_delete variant_explode variant_explode_outer variant_get variant_insert variant_set
    variant_strip_nulls try_variant_array_append try_variant_get try_variant_insert try_variant_set
"""
NOT_DRAWN = frozenset(_NOT_DRAWN.split())
