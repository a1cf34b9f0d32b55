"""What a query can say of itself: types, checks, the session's names."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.errors import unsupported
from lightstream.functions import mismatch
from lightstream.functions.coercion import cast_to
from lightstream.functions.registry import Bound, SqlContext, bind_call, scalar
from lightstream.functions.spelling import error_sql, error_with_value_sql, text_sql
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Expression, Literal, nullable_of, type_of

NO_DATA, NO_DATA_VARIABLE = "(no_data)", "lightstream_no_data_"


def _typeof_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    return text_sql(type_of(call.args[0]).simpleString())


scalar("typeof", "any -> string!", _typeof_sql)
scalar("current_catalog", " -> string!", "'spark_catalog'")


def _bind_place(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if args:
        raise mismatch.wrong_count(name, "0", len(args))
    path = f"system.builtin,system.session,spark_catalog.{conf.schema}"
    text = path if name == "current_path" else conf.schema
    return Bound((Literal(text, t.StringType()),), t.StringType(), False)


scalar("current_schema current_database", _bind_place, "{0}", shown="current_schema()")
scalar("current_path", _bind_place, "{0}", shown="current_path()")
scalar(
    "version", " -> string!", "'4.3.0 98bc0212c94705434471627068f41e374ccab143'"
)  # Spark's, and its revision


def _bind_collation(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) != 1:
        raise mismatch.wrong_count(name, "1", len(args))
    if not isinstance(type_of(args[0]), t.StringType | t.NullType):
        raise mismatch.unexpected_input(name, args, 0, '"STRING"')
    return Bound(args, t.StringType(), False)


scalar("collation", _bind_collation, "'SYSTEM.BUILTIN.UTF8_BINARY'")


def _user_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    import getpass

    return text_sql(getpass.getuser())


scalar("current_user user session_user", " -> string!", _user_sql, shown="{name}()")


def _bind_equal_null(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) != 2:
        raise mismatch.wrong_count(name, "2", len(args))
    equal = bind_call("<=>", args, conf)
    return Bound(equal.args, t.BooleanType(), False)


scalar("equal_null", _bind_equal_null, "({0} IS NOT DISTINCT FROM {1})")

# ---- a value under another name: what a function that is written in SQL stands for


def _bind_shown(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    return Bound(args, type_of(args[0]), nullable_of(args[0]))


scalar("(shown)", _bind_shown, "{0}", shown="{1}")

# ---- which keys a row of ROLLUP, CUBE or GROUPING SETS has: the analyser puts the bits of its grouping id instead


def _not_grouped(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    return error_sql(
        "UNSUPPORTED_GROUPING_EXPRESSION",
        "grouping()/grouping_id() can only be used with GroupingSets/Cube/Rollup.",
        "42K0E",
        "AnalysisException",
    )


scalar("grouping", "any -> tinyint!", _not_grouped, foldable=False)


def _shown_grouping_id(call: Call, args: Sequence[str]) -> str:
    return call.shown if call.shown == "grouping__id" else f"grouping_id({', '.join(args)})"


scalar("grouping_id grouping__id", "any* -> bigint!", _not_grouped, shown=_shown_grouping_id, foldable=False)

# ---- places of rows: there is one partition


def _row_id(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    if not args:
        raise unsupported("monotonically_increasing_id() outside a select list")
    return args[0]


scalar("monotonically_increasing_id", " -> bigint!", _row_id, deterministic=False, foldable=False, rows=0)
scalar("spark_partition_id", " -> int!", "0", shown="SPARK_PARTITION_ID()", foldable=False)

# ---- checks that fail the query -------------------------------------------------------------------------------


def _bind_assert(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) not in (1, 2):
        raise mismatch.wrong_count(name, "[1, 2]", len(args))
    if not isinstance(type_of(args[0]), t.BooleanType | t.NullType):
        raise mismatch.unexpected_input(name, args, 0, '"BOOLEAN"')
    condition = cast_to(args[0], t.BooleanType(), conf.ansi)
    message: Expression = Literal(f"'{mismatch.text_of(args[0])}' is not true!", t.StringType())
    if len(args) == 2:
        message = cast_to(args[1], t.StringType(), conf.ansi)
    return Bound((condition, message), t.NullType(), True)


def _raised(value: str) -> str:
    """Return USER_RAISED_EXCEPTION with a message that a query computes."""
    return error_with_value_sql("USER_RAISED_EXCEPTION", "{}", value, "P0001", "SparkRuntimeException")


def _null_message() -> str:
    return error_sql("USER_RAISED_EXCEPTION", "null", "P0001", "SparkRuntimeException")


def _assert_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    failure = f"coalesce({_raised(args[1])}, {_null_message()})"
    return f"CAST(CASE WHEN {args[0]} THEN NULL ELSE {failure} END AS INTEGER)"


scalar("assert_true", _bind_assert, _assert_sql, foldable=False)


def _bind_raise(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    if len(args) != 1:
        raise mismatch.wrong_count(name, "[1, 2]", len(args))
    return Bound((cast_to(args[0], t.StringType(), conf.ansi),), t.NullType(), True)


scalar(
    "raise_error",
    _bind_raise,
    lambda call, args, ctx: f"CAST(coalesce({_raised(args[0])}, {_null_message()}) AS INTEGER)",
    shown="raise_error(USER_RAISED_EXCEPTION, map(errorMessage, {0}))",
    foldable=False,
)


def _no_data_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    [position] = call.args
    assert isinstance(position, Literal)
    return f"getvariable('{NO_DATA_VARIABLE}{position.value}')"


def _bind_input_file(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
    return Bound(args, t.StringType(), False)


def _input_file_sql(call: Call, args: Sequence[str], ctx: SqlContext) -> str:
    # Spark: `file:///a` here, `file:/a` in `_metadata`.
    return f"regexp_replace({args[0]}, '^file:/', 'file:///')" if args else "''"


# Its argument is the path in `_metadata` of the scan below, which the analyser puts there.
scalar("input_file_name", _bind_input_file, _input_file_sql, shown="input_file_name()", deterministic=False)

# Whether a source of a stream has nothing new in the batch.
scalar(NO_DATA, "int -> boolean", _no_data_sql)
