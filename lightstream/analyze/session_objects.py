"""Session variables and functions written in SQL, where a query names them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lightstream.analyze.analyzer import Analyzer, attributes_of
from lightstream.analyze.calls import is_volatile
from lightstream.analyze.expressions import ExpressionResolver
from lightstream.analyze.naming import shown
from lightstream.analyze.scope import Scope
from lightstream.errors import AnalysisException, unsupported
from lightstream.functions import mismatch, registry
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp
from lightstream.plan import types as t
from lightstream.plan.literal_texts import literal_text
from lightstream.plan.session_objects import SESSION, SqlFunction, Variable

if TYPE_CHECKING:
    from lightstream.execute.session import SessionState

NamedValues = dict[tuple[str, ...], e.Expression]


def values_of(variable: Variable) -> NamedValues:
    """Return the value of a variable under each name that it goes by."""
    value = replace(
        variable.value,
        label=f"variablereference({'.'.join(SESSION)}.{variable.name}={_sql(variable.value)})",
    )
    lower = variable.name.lower()
    return {(lower,): value, (SESSION[1], lower): value, (*SESSION, lower): value}


def _sql(literal: e.Literal) -> str:
    """Return a constant as SQL text, as Spark prints the value of a variable."""
    value, data_type = literal.value, literal.type
    if value is None:
        return "NULL" if isinstance(data_type, t.NullType) else f"CAST(NULL AS {data_type.sql()})"

    def inner(value: object, data_type: t.DataType) -> str:
        return _sql(e.Literal(value, data_type))

    match data_type:
        case t.StringType():
            return "'" + str(value).replace("\\", "\\\\").replace("'", "\\'") + "'"
        case t.ArrayType():
            return f"ARRAY({', '.join(inner(item, data_type.elementType) for item in value)})"
        case t.MapType():
            pairs = [(inner(k, data_type.keyType), inner(v, data_type.valueType)) for k, v in value]
            return f"MAP({', '.join(text for pair in pairs for text in pair)})"
        case t.StructType():
            items = (f"'{f.name}', {inner(v, f.dataType)}" for f, v in zip(data_type, value, strict=True))
            return f"NAMED_STRUCT({', '.join(items)})"
    endings: dict[type[t.DataType], str] = {
        t.LongType: "L", t.ShortType: "S", t.ByteType: "Y", t.DoubleType: "D", t.DecimalType: "BD",
    }  # fmt: skip
    return literal_text(value, data_type) + endings.get(type(data_type), "")


# ---- functions ------------------------------------------------------------------------------------------------


def call_function(
    function: SqlFunction, call: e.UnresolvedFunction, resolver: ExpressionResolver
) -> e.Expression:
    """Return what a call of a function stands for: its body over the arguments.

    Raises:
        AnalysisException: WRONG_NUM_ARGS, UNRECOGNIZED_PARAMETER_NAME, REQUIRED_PARAMETER_NOT_FOUND.
        UnsupportedOperationException: arguments that cannot be put into the body.
    """
    if function.makes_table:
        raise AnalysisException(
            "NOT_A_SCALAR_FUNCTION",
            f"`{function.name}` is a table function: call it in the FROM clause.",
            sqlstate="42887",
            parameters={"functionName": f"`{function.name}`"},
        )
    clause = "DISTINCT" if call.distinct else "FILTER clause" if call.filter is not None else ""
    if clause:
        raise AnalysisException(
            "INVALID_SQL_SYNTAX.FUNCTION_WITH_UNSUPPORTED_SYNTAX",
            f"The function `{function.name}` does not support {clause}.",
            sqlstate="42000",
            parameters={"prettyName": f"`{function.name}`", "syntax": f'"{clause}"'},
        )
    given = _arguments(function, call.args, call.named)
    if call.named:  # Spark shows defaults only beside arguments by name
        given = [p.default if arg is None else arg for arg, p in zip(given, function.parameters, strict=True)]
    values = [None if arg is None else resolver.value(arg) for arg in given]
    title = f"{function.name}({', '.join(shown(value) for value in values if value is not None)})"
    columns, named = _parameters(function, values, resolver)
    session = _inside(resolver.session, named)
    body = Analyzer(session).resolver(Scope(columns, resolver.conf.case_sensitive)).value(_body(function))
    once = [value for value in values if value is not None and is_volatile(value)]
    if any(sum(node == value for node in body.walk()) > 1 for value in once):
        raise unsupported(
            f"An argument of {function.name} that is not deterministic, and is used more than once"
        )
    # A parameter's name is known inside only.
    own = {column.id: column for column in columns}
    body = body.transform_up(lambda node: resolver.own_column(node) if _is_one_of(node, own) else node)
    assert not isinstance(function.returns, tuple)
    if function.returns is not None and e.type_of(body) != function.returns:
        body = resolver.value(e.Cast(body, function.returns, "ansi"))
    return registry.bind_call("(shown)", (body, e.Literal(title, t.StringType())), resolver.conf)


def _inside(session: SessionState, parameters: NamedValues) -> SessionState:
    """Return the session as a function's body sees it: its parameters, and the variables below them."""
    variables = [values_of(variable) for variable in session.variables.values()]
    return session.with_values(
        {name: value for values in (*variables, parameters) for name, value in values.items()}
    )


def _is_one_of(node: e.Expression, columns: dict[int, e.Attribute]) -> bool:
    return isinstance(node, e.Attribute) and node.id in columns


def _body(function: SqlFunction) -> e.Expression:
    assert isinstance(function.body, e.Expression)
    return function.body


def _arguments(
    function: SqlFunction,
    args: Sequence[e.Expression],
    named: Sequence[tuple[str, e.Expression]],
) -> list[e.Expression | None]:
    """Return the argument of each parameter; None where its default stands."""
    parameters = function.parameters
    if len(args) > len(parameters):
        raise mismatch.wrong_count(function.name, str(len(parameters)), len(args))
    found: list[e.Expression | None] = [*args, *[None] * (len(parameters) - len(args))]
    for name, value in named:
        place = next((i for i, p in enumerate(parameters) if p.name.lower() == name.lower()), None)
        if place is None:
            proposal = ", ".join(f"`{p.name}`" for p in parameters)
            raise AnalysisException(
                "UNRECOGNIZED_PARAMETER_NAME",
                f"Cannot invoke routine `{function.name}` because the routine call included a named argument "
                f"reference for the argument named `{name}`, which it does not have. Did you mean one of {proposal}?",
                sqlstate="4274K",
                parameters={
                    "routineName": f"`{function.name}`", "argumentName": f"`{name}`", "proposal": proposal,
                },
            )  # fmt: skip
        if found[place] is not None:
            raise AnalysisException(
                "DUPLICATE_ROUTINE_PARAMETER_ASSIGNMENT.BOTH_POSITIONAL_AND_NAMED",
                f"The argument `{name}` of `{function.name}` is given twice.",
                sqlstate="4274K",
                parameters={"routineName": f"`{function.name}`", "parameterName": f"`{name}`"},
            )
        found[place] = value
    for place, parameter in enumerate(parameters):
        if found[place] is None and parameter.default is None:
            if not named:
                raise mismatch.wrong_count(function.name, str(len(parameters)), len(args))
            raise AnalysisException(
                "REQUIRED_PARAMETER_NOT_FOUND",
                f"Cannot invoke routine `{function.name}` because its parameter `{parameter.name}` is required: the "
                "call gives no value for it.",
                sqlstate="4274K",
                parameters={
                    "routineName": f"`{function.name}`", "parameterName": f"`{parameter.name}`", "index": str(place),
                },
            )  # fmt: skip
    return found


def _parameters(
    function: SqlFunction, values: Sequence[e.Expression | None], resolver: ExpressionResolver
) -> tuple[list[e.Attribute], NamedValues]:
    """Return the parameters as columns where an argument is a column of their type, and else as values.

    A column may be named in a query of the body, too: it is one of the enclosing query's there.
    """
    columns: list[e.Attribute] = []
    named: NamedValues = {}
    for parameter, given in zip(function.parameters, values, strict=True):
        chosen = given if given is not None else parameter.default
        assert chosen is not None
        value = chosen if given is not None else resolver.value(chosen)
        if isinstance(value, e.Attribute) and value.type == parameter.type:
            columns.append(replace(value, name=parameter.name, qualifier=(function.name,)))
            continue
        if e.type_of(value) != parameter.type:
            value = resolver.value(e.Cast(value, parameter.type, "ansi"))
        named[parameter.name.lower(),] = named[function.name.lower(), parameter.name.lower()] = value
    return columns, named


def call_table_function(
    function: SqlFunction,
    args: Sequence[e.Expression],
    named: Sequence[tuple[str, e.Expression]],
    analyzer: Analyzer,
) -> lp.LogicalPlan:
    """Return the rows of a table function.

    Raises:
        AnalysisException: NOT_A_TABLE_FUNCTION; arguments that do not fit.
        UnsupportedOperationException: an argument that is not constant.
    """
    if not function.makes_table:
        raise AnalysisException(
            "NOT_A_TABLE_FUNCTION",
            f"`{function.name}` is a scalar function: call it in an expression.",
            sqlstate="42887",
            parameters={"functionName": f"`{function.name}`"},
        )
    resolver = analyzer.resolver(Scope((), analyzer.conf.case_sensitive, outer=analyzer.outer))
    given = [None if arg is None else resolver.value(arg) for arg in _arguments(function, args, named)]
    if any(
        isinstance(node, e.OuterReference) for value in given if value is not None for node in value.walk()
    ):
        raise unsupported(
            f"A column as an argument of the table function {function.name}", "Join with a query."
        )
    columns, values = _parameters(function, given, resolver)
    assert not columns and not isinstance(function.body, e.Expression)
    plan = Analyzer(_inside(analyzer.session, values)).plan(function.body)
    if isinstance(function.returns, tuple):
        plan = _returned(plan, function.returns, function)
    return lp.SubqueryAlias(plan, function.name)


def _returned(plan: lp.LogicalPlan, fields: Sequence[t.StructField], function: SqlFunction) -> lp.LogicalPlan:
    if len(fields) != len(plan.output):
        raise AnalysisException(
            "USER_DEFINED_FUNCTIONS.RETURN_COLUMN_COUNT_MISMATCH",
            f"The function {function.name} returns {len(fields)} columns, and its query has {len(plan.output)}.",
            sqlstate="42601",
            parameters={"outputSize": str(len(plan.output)), "returnParamSize": str(len(fields)),
                        "name": function.name},
        )  # fmt: skip
    items = []
    for field, column in zip(fields, plan.output, strict=True):
        same = column.type == field.dataType
        value = column if same else e.Cast(column, field.dataType, "ansi", implicit=True)
        items.append(e.Alias(value, (field.name,), id=e.fresh_id()))
    return lp.Project(plan, tuple(items))


def check_function(function: SqlFunction, session: SessionState) -> None:
    """Resolve a function's body over its parameters.

    Raises:
        AnalysisException: what is wrong in it.
    """
    fields = t.StructType([t.StructField(p.name, p.type) for p in function.parameters])
    columns = [replace(column, qualifier=(function.name,)) for column in attributes_of(fields)]
    scope = Scope(columns, session.conf.case_sensitive)
    if isinstance(function.body, e.Expression):
        resolver = Analyzer(_inside(session, {})).resolver(scope)
        body = resolver.value(function.body)
        if any(_is_complex(node) for node in body.walk()):
            raise AnalysisException(
                "USER_DEFINED_FUNCTIONS.CANNOT_CONTAIN_COMPLEX_FUNCTIONS",
                f"The SQL function {function.name} holds an aggregate, window or generator function outside a query.",
                sqlstate="42601",
                parameters={"queryText": shown(body)},
            )
        if isinstance(function.returns, t.DataType) and e.type_of(body) != function.returns:
            resolver.value(e.Cast(body, function.returns, "ansi"))
        return
    given: NamedValues = {}
    for parameter in function.parameters:
        value = e.Cast(e.Literal(None, t.NullType()), parameter.type, "ansi")
        given[parameter.name.lower(),] = given[function.name.lower(), parameter.name.lower()] = value
    plan = Analyzer(_inside(session, given)).plan(function.body)
    if isinstance(function.returns, tuple):
        _returned(plan, function.returns, function)


def _is_complex(node: e.Expression) -> bool:
    if isinstance(node, e.WindowExpression):
        return True
    return isinstance(node, e.Call) and registry.entry_of(node).kind in ("aggregate", "window", "generator")
