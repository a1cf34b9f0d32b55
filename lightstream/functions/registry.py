"""The catalogue: what a function entry is, and the look-up by name.

An entry says how a call is bound (argument count, implicit casts, result type, nullability), how it is spelled in
DuckDB SQL, and how it shows in column names. Families register their entries with `scalar(...)`, `aggregate(...)`,
`window(...)` and `generator(...)`; what every query needs is imported when the catalogue is first used, any
other family when one of its functions is (`families`).
"""

from __future__ import annotations

import importlib
import threading
from collections.abc import Callable, Iterable, Sequence
from dataclasses import field
from typing import Any

from lightstream.conf import DEFAULT_SCHEMA, Conf
from lightstream.dataclass import dataclass
from lightstream.errors import AnalysisException, internal, unsupported
from lightstream.functions.families import CORE, LATE
from lightstream.plan.expressions import (
    Alias,
    Call,
    Cast,
    Expression,
    GetField,
    Literal,
    SortOrder,
    nullable_of,
)
from lightstream.plan.types import ArrayType, BooleanType, DataType, MapType, StructType


def search_path(schema: str) -> str:
    """Return where a name is looked up, as errors tell it."""
    return f"[`system`.`builtin`, `system`.`session`, `spark_catalog`.`{schema}`]"


SEARCH_PATH = search_path(DEFAULT_SCHEMA)
"""Where Spark looks for names of tables and functions, as its messages have it."""


@dataclass(frozen=True, slots=True)
class Bound:
    """A bound call: coerced arguments, result type, nullability."""

    args: tuple[Expression, ...]
    type: DataType
    nullable: bool


@dataclass(frozen=True, slots=True)
class SqlContext:
    """What a spelling may depend on: the session's ANSI flag and time zone."""

    ansi: bool = True
    time_zone: str = "UTC"


# Marks in a spelling where OVER belongs, where that is not the end. No constant is spelled with this character.
OVER = "\0over\0"

Binder = Callable[[str, tuple[Expression, ...], Conf], Bound]
Spelling = Callable[[Call, Sequence[str], SqlContext], str]
Shown = Callable[[Call, Sequence[str]], str]


@dataclass(frozen=True, slots=True)
class AggregateParts:
    """An aggregate as mergeable parts.

    Each core is DuckDB text of one aggregate call over the argument texts (`sum({0})`), without FILTER or DISTINCT,
    which the compiler adds. `final` turns the cores' results (`{0}`, `{1}`, ...) into Spark's result. In a stream
    the core's state is kept by `EXPORT_STATE` and merged by `combine_aggr`; where `merges` gives a plain aggregate
    for a core (`sum` for a count, `max` for a max), the core's own value is kept as a column
    instead, which is cheaper. What is merged comes in order: the stored value before the batch's.
    """

    cores: tuple[str, ...]
    final: str = "{0}"
    merges: tuple[str | None, ...] = (None,)


@dataclass(frozen=True, slots=True)
class Function:
    """One catalogue entry; `kind` is scalar, aggregate, window or generator."""

    name: str
    kind: str
    bind: Binder
    sql: Spelling | None = None
    shown: Shown | None = None
    parts: Callable[[Call, SqlContext], AggregateParts] | None = None
    deterministic: bool = True
    foldable: bool = True
    lambdas: bool = False
    extra: dict[str, Any] = field(default_factory=dict)


_FAMILY_OF = {name: family for family, names in LATE.items() for name in names.split()}
_functions: dict[str, Function] = {}
_core_loaded = False
_loading = threading.RLock()


# ---- constructors for entries ---------------------------------------------------------------------------------


def scalar(
    names: str,
    signature: str | Binder,
    sql: str | Spelling,
    *,
    shown: str | Shown | None = None,
    deterministic: bool = True,
    foldable: bool = True,
    **extra: Any,
) -> None:
    """Register a function of one row.

    Args:
        names: the canonical name, then aliases, separated by spaces: `"upper ucase"`.
        signature: parameters and result (see `signatures`), or a function that binds the call.
        sql: DuckDB text with `{0}`, `{1}`, ... or `{args}` for the arguments, or a function that spells the call.
        shown: the text in column names where it is not `name(a, b)`, with the same placeholders.
    """
    spelling = _template(sql) if isinstance(sql, str) else sql
    _register(names, "scalar", signature, spelling, shown, deterministic, foldable, extra)


def aggregate(
    names: str,
    signature: str | Binder,
    parts: str | AggregateParts | Callable[[Call, SqlContext], AggregateParts],
    *,
    merge: str | None = None,
    shown: str | Shown | None = None,
    deterministic: bool = True,
    **extra: Any,
) -> None:
    """Register an aggregate.

    Args:
        parts: the one DuckDB core (`"max({0})"`), or parts, or a function that gives them for a call.
        merge: for a single core, the plain aggregate that merges its values.
    """
    if isinstance(parts, str):
        parts = AggregateParts((parts,), "{0}", (merge,))
    fixed = parts
    give = (lambda call, ctx: fixed) if isinstance(fixed, AggregateParts) else fixed
    _register(names, "aggregate", signature, None, shown, deterministic, False, extra, give)


def window(
    names: str,
    signature: str | Binder,
    sql: str | Spelling,
    *,
    shown: str | Shown | None = None,
    **extra: Any,
) -> None:
    """Register a function that needs OVER; `sql` is the call before OVER."""
    spelling = _template(sql) if isinstance(sql, str) else sql
    _register(names, "window", signature, spelling, shown, True, False, extra)


def generator(
    names: str,
    signature: str | Binder,
    sql: Spelling,
    *,
    outer: bool = False,
    positions: bool = False,
    **extra: Any,
) -> None:
    """Register a function that makes rows; its type is a struct of the columns that it makes.

    `sql` is a list of structs, one a row.
    """
    extra |= {"outer": outer, "positions": positions}
    _register(names, "generator", signature, sql, None, True, False, extra)


def refused(names: str, what: str = "") -> None:
    """Register names that Spark has and that are refused for a reason worth telling."""

    def bind(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
        raise unsupported(f"The function {name}", what)

    _register(names, "scalar", bind, None, None, True, False, {"refused": True})


def _register(
    names: str,
    kind: str,
    signature: str | Binder,
    sql: Spelling | None,
    shown: str | Shown | None,
    deterministic: bool,
    foldable: bool,
    extra: dict[str, Any],
    parts: Callable[[Call, SqlContext], AggregateParts] | None = None,
) -> None:
    if isinstance(signature, str):
        extra["signature"] = signature
        binder = _signature_binder(signature)
    else:
        binder = signature
    show = _shown_template(shown) if isinstance(shown, str) else shown
    lambdas = "lambda_types" in extra
    words = names.split()
    entry = Function(words[0], kind, binder, sql, show, parts, deterministic, foldable, lambdas, extra)
    for word in words:
        if word in _functions:
            raise internal(f"the function {word} is registered twice")
        _functions[word] = entry


def _signature_binder(text: str) -> Binder:
    def bind(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound:
        from lightstream.functions.signatures import parse

        return parse(text).bind(name, args, conf)

    return bind


def _template(text: str) -> Spelling:
    if "{args}" in text:
        return lambda call, args, ctx: text.format(*args, args=", ".join(args))
    return lambda call, args, ctx: text.format(*args)


def _shown_template(text: str) -> Shown:
    return lambda call, args: text.format(*args, args=", ".join(args), name=call.shown or call.name)


# ---- look-up --------------------------------------------------------------------------------------------------


def _load(families: Iterable[str]) -> None:
    # Queries are analysed in several threads: none may see half a family.
    with _loading:
        for family in families:
            importlib.import_module(f"lightstream.functions.{family}")


def lookup(name: str) -> Function | None:
    """Return the entry of a name (any case, aliases too), or None."""
    global _core_loaded
    if not _core_loaded:
        _load(CORE)
        _core_loaded = True
    lower = name.lower()
    found = _functions.get(lower)
    if found is None and lower in _FAMILY_OF:
        _load((_FAMILY_OF[lower],))
        found = _functions.get(lower)
    return found


# Entries that SQL text has a notation for, or none: they are no functions of Spark's.
_UNNAMED = (
    "(-)", "(,)", "(extract)", "(list)", "(no_data)", "(product)", "(shown)", "grouping__id", "update_fields",
    "likeany", "notlikeany", "likeall", "notlikeall", "(variant_explode)", "(variant_explode_outer)",
)  # fmt: skip


def names() -> list[str]:
    """Return every name of the catalogue, aliases included, sorted."""
    _load((*CORE, *LATE))
    return sorted(
        name for name, entry in _functions.items() if not entry.extra.get("refused") and name not in _UNNAMED
    )


def bind_call(
    name: str,
    args: tuple[Expression, ...],
    conf: Conf,
    *,
    distinct: bool = False,
    filter: Expression | None = None,
    order_by: tuple[SortOrder, ...] = (),
    ignore_nulls: bool | None = None,
) -> Call:
    """Return the resolved call of a function by name.

    Raises:
        AnalysisException: UNRESOLVED_ROUTINE, WRONG_NUM_ARGS..., DATATYPE_MISMATCH... as Spark raises them.
        UnsupportedOperationException: a function that Spark has and lightstream does not.
    """
    entry = lookup(name)
    if entry is None:
        raise _unknown(name)
    if entry.kind != "aggregate":
        _check_modifiers(entry, name, distinct, filter)
    _check_orders(entry, name, args, distinct, order_by)
    if ignore_nulls and not entry.extra.get("ignore_nulls"):
        raise _unsupported_syntax(entry, name, "IGNORE NULLS")
    if entry.extra.get("respect_nulls"):
        if len(args) != 1:
            raise _wrong_count(name, "1", len(args))
        if ignore_nulls is False:
            args = (*args, Literal(True, BooleanType()))
    if entry.extra.get("within_group") and order_by:
        # The value to order is the first argument; the direction is kept in the call.
        args = (order_by[0].child, *args)
    bound = entry.bind(name.lower(), args, conf)
    _check_field_names(bound.type)
    if distinct and order_by and not entry.extra.get("within_group"):
        _check_distinct_order(bound.args[0], order_by)
    return Call(
        entry.name,
        bound.args,
        bound.type,
        bound.nullable,
        shown=name,
        distinct=distinct,
        filter=filter,
        order_by=order_by,
        ignore_nulls=bool(ignore_nulls),
    )


def _check_field_names(found: DataType) -> None:
    """Refuse structs that DuckDB does not have."""
    match found:
        case StructType():
            names = [name.lower() for name in found.names]
            if len(set(names)) < len(names):
                raise unsupported(f"A struct with two fields of one name ({', '.join(found.names)})")
            for field in found:
                _check_field_names(field.dataType)
        case ArrayType():
            _check_field_names(found.elementType)
        case MapType():
            _check_field_names(found.keyType)
            _check_field_names(found.valueType)


def _unknown(name: str) -> Exception:
    from lightstream.functions.spark_names import SPARK_NAMES

    if name.lower() in SPARK_NAMES:
        return unsupported(f"The function {name.lower()}")
    return AnalysisException(
        "UNRESOLVED_ROUTINE",
        f"Cannot resolve routine `{name}` on search path {SEARCH_PATH}. Check the spelling, or register the function "
        "first.",
        sqlstate="42883",
        parameters={"routineName": f"`{name}`", "searchPath": SEARCH_PATH},
    )


def _check_distinct_order(value: Expression, order_by: tuple[SortOrder, ...]) -> None:
    if len(order_by) == 1 and order_by[0].child == value:
        return
    if len(order_by) == 1 and isinstance(value, Cast) and value.implicit and order_by[0].child == value.child:
        raise unsupported("A list of distinct texts in the order of what they were cast from")
    raise AnalysisException(
        "INVALID_WITHIN_GROUP_EXPRESSION.MISMATCH_WITH_DISTINCT_INPUT",
        "Invalid function `listagg` with WITHIN GROUP. The function is invoked with DISTINCT and WITHIN GROUP, but not "
        "with the same expression.",
        sqlstate="42K0K",
    )


def _check_modifiers(entry: Function, name: str, distinct: bool, filter: Expression | None) -> None:
    if distinct or filter is not None:
        raise _unsupported_syntax(entry, name, "DISTINCT" if distinct else "FILTER CLAUSE")


def _unsupported_syntax(entry: Function, name: str, syntax: str) -> AnalysisException:
    pretty = entry.name if entry.kind == "aggregate" and entry.name == "collect_list" else name.lower()
    return AnalysisException(
        "INVALID_SQL_SYNTAX.FUNCTION_WITH_UNSUPPORTED_SYNTAX",
        f"The function `{pretty}` does not support {syntax}.",
        sqlstate="42000",
        parameters={"prettyName": f"`{pretty}`", "syntax": syntax},
    )


def _wrong_count(name: str, expected: str, actual: int) -> AnalysisException:
    from lightstream.functions.mismatch import wrong_count

    return wrong_count(name, expected, actual)


def _check_orders(
    entry: Function, name: str, args: tuple[Expression, ...], distinct: bool, orders: tuple[SortOrder, ...]
) -> None:
    """Raise where a call lacks WITHIN GROUP, or has one that the function does not take."""
    if orders and not entry.extra.get("within_group") and entry.name != "listagg":
        raise _unsupported_syntax(entry, name, "WITHIN GROUP (ORDER BY ...)")
    if not entry.extra.get("within_group"):
        return
    expected = 0 if entry.name == "mode" and args else 1
    if entry.name != "mode" and orders and len(args) != 1:
        raise _wrong_count(name, "1", len(args))
    if distinct:
        kind, why = "DISTINCT_UNSUPPORTED", "it does not take DISTINCT"
    elif expected and not orders:
        kind, why = "WITHIN_GROUP_MISSING", "WITHIN GROUP is required"
    elif len(orders) != expected:
        kind, why = "WRONG_NUM_ORDERINGS", f"it takes {expected} orderings, but got {len(orders)}"
    else:
        return
    counts = {"expectedNum": str(expected), "actualNum": str(len(orders))}
    raise AnalysisException(
        f"INVALID_WITHIN_GROUP_EXPRESSION.{kind}",
        f"Invalid function `{name.lower()}` with WITHIN GROUP: {why}.",
        sqlstate="42K0K",
        parameters={"funcName": f"`{name.lower()}`", **(counts if kind == "WRONG_NUM_ORDERINGS" else {})},
    )


# ---- what the compiler asks -----------------------------------------------------------------------------------


def entry_of(call: Call) -> Function:
    """Return the entry of a resolved call."""
    entry = lookup(call.name)
    if entry is None:
        raise internal(f"the resolved function {call.name} is not in the catalogue")
    return entry


def wants_row(node: Expression) -> bool:
    """Return whether an expression is a call that has still to be given the number of its row."""
    return isinstance(node, Call) and entry_of(node).extra.get("rows") == len(node.args)


def is_seeded(node: Expression) -> bool:
    """Return whether an expression is a random call with a seed that has still to be given the number of its row."""
    return isinstance(node, Call) and bool(node.args) and wants_row(node)


def scalar_sql(call: Call, arg_sqls: Sequence[str], ctx: SqlContext) -> str:
    """Return a scalar (or window) function's call in DuckDB SQL."""
    entry = entry_of(call)
    if entry.sql is None:
        raise internal(f"the {entry.kind} function {call.name} has no scalar spelling")
    return entry.sql(call, arg_sqls, ctx)


def aggregate_parts(call: Call, ctx: SqlContext) -> AggregateParts:
    """Return an aggregate's mergeable parts."""
    entry = entry_of(call)
    if entry.parts is None:
        raise internal(f"{call.name} is no aggregate")
    return entry.parts(call, ctx)


def shown(call: Call, shown_args: Sequence[str]) -> str:
    """Return a call as Spark prints it in column names, given its arguments' texts."""
    entry = lookup(call.name)
    if entry is not None and entry.shown is not None:
        return entry.shown(call, shown_args)
    name = (call.shown or call.name).lower()
    return f"{name}({'DISTINCT ' if call.distinct else ''}{', '.join(shown_args)})"


def is_constant(expression: Expression) -> bool:
    """Return whether an expression has one value for a whole statement (Spark calls it foldable)."""
    return all(
        isinstance(node, Literal | Cast | Alias | GetField) or (isinstance(node, Call) and _is_foldable(node))
        for node in expression.walk()
    )


def _is_foldable(call: Call) -> bool:
    entry = lookup(call.name)
    return entry is not None and entry.kind == "scalar" and entry.foldable


def constant(expression: Expression) -> Any:
    """Return the value of a literal argument, or the `NOT_CONSTANT` mark."""
    return expression.value if isinstance(expression, Literal) else NOT_CONSTANT


NOT_CONSTANT = object()


def any_nullable(args: Sequence[Expression]) -> bool:
    """Return whether some argument can be NULL."""
    return any(nullable_of(argument) for argument in args)
