"""The catalogue: look-up, binding errors, names in columns, and what loading it costs."""

from __future__ import annotations

import subprocess
import sys

import pytest

from lightstream.conf import Conf
from lightstream.errors import AnalysisException, PySparkException, UnsupportedOperationException
from lightstream.functions import registry
from lightstream.functions.errors import translate
from lightstream.functions.signatures import parse
from lightstream.functions.spark_names import SPARK_NAMES
from lightstream.functions.spelling import error_sql, error_with_value_sql
from lightstream.plan import types as t
from lightstream.plan.expressions import Attribute, Call, Expression, Literal

A = Attribute("a", t.IntegerType(), True, 1)
S = Attribute("s", t.StringType(), True, 2)
ARRAY = Attribute("xs", t.ArrayType(t.IntegerType(), True), True, 3)


def bind(name: str, *args: Expression, **options: bool) -> Call:
    return registry.bind_call(name, args, Conf(), **options)  # type: ignore[arg-type]


def test_names_are_found_in_any_case_and_by_alias() -> None:
    assert registry.lookup("UPPER") is registry.lookup("ucase")
    assert registry.lookup("no_such_function") is None
    assert bind("MEAN", A).name == "avg"
    assert bind("MEAN", A).shown == "MEAN"


def test_the_catalogue_is_sparks() -> None:
    # What the API and the parser call by names that SQL's SHOW FUNCTIONS has not.
    own = {name for name in registry.names() if name[0].isalpha()} - SPARK_NAMES
    assert own <= {"timestampadd", "timestampdiff"}
    assert len(SPARK_NAMES) == 591
    assert len(set(registry.names()) & SPARK_NAMES) >= 300


@pytest.mark.parametrize(
    ("name", "args", "condition", "sqlstate"),
    (
        ("no_such_function", (A,), "UNRESOLVED_ROUTINE", "42883"),
        ("upper", (), "WRONG_NUM_ARGS.WITHOUT_SUGGESTION", "42605"),
        ("upper", (ARRAY,), "DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE", "42K09"),
        ("==", (A, ARRAY), "DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES", "42K09"),
        ("+", (ARRAY, ARRAY), "DATATYPE_MISMATCH.BINARY_OP_WRONG_TYPE", "42K09"),
        ("coalesce", (A, ARRAY), "DATATYPE_MISMATCH.DATA_DIFF_TYPES", "42K09"),
    ),
)
def test_binding_errors(name: str, args: tuple[Expression, ...], condition: str, sqlstate: str) -> None:
    with pytest.raises(AnalysisException) as caught:
        bind(name, *args)
    assert (caught.value.getCondition(), caught.value.getSqlState()) == (condition, sqlstate)


def test_what_spark_has_and_we_lack_is_refused_by_name() -> None:
    missing = sorted(SPARK_NAMES - set(registry.names()))
    assert missing
    with pytest.raises(UnsupportedOperationException, match=missing[0]):
        bind(missing[0], A)


def test_distinct_and_filter_belong_to_aggregates() -> None:
    with pytest.raises(AnalysisException) as caught:
        bind("upper", S, distinct=True)
    assert caught.value.getCondition() == "INVALID_SQL_SYNTAX.FUNCTION_WITH_UNSUPPORTED_SYNTAX"
    assert bind("count", S, distinct=True).distinct


@pytest.mark.parametrize(
    ("name", "args", "shown"),
    (
        ("+", ("a", "1"), "(a + 1)"),
        ("!=", ("a", "1"), "(NOT (a = 1))"),
        ("negative", ("a",), "negative(a)"),
        ("(-)", ("a",), "(- a)"),
        ("isnull", ("a",), "(a IS NULL)"),
        ("in", ("a", "1", "2"), "(a IN (1, 2))"),
        ("when", ("c", "1", "2"), "CASE WHEN c THEN 1 ELSE 2 END"),
        ("count", ("1",), "count(1)"),
        ("sqrt", ("a",), "SQRT(a)"),
    ),
)
def test_column_names(name: str, args: tuple[str, ...], shown: str) -> None:
    entry = registry.lookup(name)
    assert entry is not None
    call = Call(entry.name, tuple(A for _ in args), t.IntegerType(), True, shown=name)
    assert registry.shown(call, args) == shown


def test_distinct_shows() -> None:
    assert registry.shown(bind("count", A, distinct=True), ["a"]) == "count(DISTINCT a)"


def test_a_default_becomes_an_argument() -> None:
    call = bind("substring", S, Literal(2, t.IntegerType()))
    assert call.args[2] == Literal(2**31 - 1, t.IntegerType())


def test_signatures_read_what_they_say() -> None:
    signature = parse("string|binary, array<T>, T, int=5, string? -> array<T>!")
    assert (len(signature.specs), signature.least, signature.nullability) == (5, 3, "!")
    assert signature.specs[0].shown() == '("STRING" or "BINARY")'
    assert parse("string, string=',' -> int").defaults[0][1] == Literal(",", t.StringType())
    assert parse("T+ -> T").repeats


def test_errors_travel_through_duckdb() -> None:
    import duckdb

    kind = "SparkRuntimeException"
    for sql, message in (
        (error_sql("X.Y", 'it\'s "here"', "12345", kind), 'it\'s "here"'),
        (error_with_value_sql("X.Y", "got {}.", "'a''{}'", "12345", kind), "got a'{}."),
    ):
        with pytest.raises(duckdb.Error) as caught:
            duckdb.execute(f"SELECT {sql}").fetchall()
        found = translate(str(caught.value))
        assert isinstance(found, PySparkException)
        assert (type(found).__name__, found.getCondition(), found.getSqlState()) == (kind, "X.Y", "12345")
        assert found.message == message


def test_loading_the_catalogue_loads_nothing_heavy() -> None:
    code = (
        "import sys; import lightstream.functions.registry as r; r.names(); "
        "print('duckdb' in sys.modules, 'polars' in sys.modules, 'pyarrow' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == ["False"] * 3
