"""Statements about session variables and about functions written in SQL, and EXECUTE IMMEDIATE."""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

from lightstream.analyze.naming import shown
from lightstream.errors import AnalysisException, SparkRuntimeException, unsupported
from lightstream.plan import expressions as e
from lightstream.plan import relations as r
from lightstream.plan import types as t
from lightstream.plan.session_objects import SESSION, SqlFunction, Variable, session_name

if TYPE_CHECKING:
    from lightstream.execute.session import SessionState
    from lightstream.sql.dataframe import DataFrame
    from lightstream.sql.session import SparkSession

_PATH = "[`system`.`builtin`, `system`.`session`, `spark_catalog`.`default`]"


def _quoted(parts: Sequence[str]) -> str:
    return ".".join(f"`{part}`" for part in parts)


# ---- values ---------------------------------------------------------------------------------------------------


def _row(state: SessionState, relation: r.Relation) -> tuple[tuple[Any, ...] | None, t.StructType]:
    """Return the one row of a query, or None, and its columns.

    Raises:
        SparkRuntimeException: ROW_SUBQUERY_TOO_MANY_ROWS.
    """
    result = state.run(state.analyze(r.Limit(relation, e.Literal(2, t.IntegerType()))))
    rows = result.tuples()
    if len(rows) > 1:
        raise SparkRuntimeException(
            "ROW_SUBQUERY_TOO_MANY_ROWS",
            "More than one row returned by a subquery used as a row.",
            sqlstate="21000",
        )
    return (rows[0] if rows else None), result.schema


def _value(state: SessionState, expression: e.Expression, data_type: t.DataType | None) -> e.Literal:
    """Return what an expression without columns comes to, as a constant of a type or of its own."""
    if data_type is not None:
        expression = e.Cast(expression, data_type, "ansi")
    row, schema = _row(state, r.Project(r.OneRow(), (e.Alias(expression, ("value",)),)))
    assert row is not None
    return _constant(row[0], schema.fields[0].dataType)


def _constant(value: Any, data_type: t.DataType) -> e.Literal:
    return e.Literal(_encoded(value, data_type), data_type)


def _encoded(value: Any, data_type: t.DataType) -> Any:
    """Return a value of a result as constants hold it."""
    if value is None:
        return None
    match data_type:
        case t.TimestampNTZType():
            return (value - dt.datetime(1970, 1, 1)) // dt.timedelta(microseconds=1)
        case t.ArrayType():
            return tuple(_encoded(item, data_type.elementType) for item in value)
        case t.MapType():
            pairs = value.items()
            return tuple((_encoded(k, data_type.keyType), _encoded(v, data_type.valueType)) for k, v in pairs)
        case t.StructType():
            items = value.values() if isinstance(value, dict) else value
            return tuple(_encoded(v, f.dataType) for f, v in zip(data_type, items, strict=True))
        case t.AnsiIntervalType() | t.TimeType():
            raise unsupported(f"A session variable of type {data_type.simpleString()}")
    return value


# ---- variables ------------------------------------------------------------------------------------------------


def _declare(session: SparkSession, command: r.Command) -> None:
    state, args = session._state, command.args
    for parts in args["names"]:
        name = session_name(parts)
        if name is None:
            raise _no_variable(parts, f"[`{SESSION[0]}`.`{SESSION[1]}`]")
        path = _quoted((*SESSION, parts[-1]))
        if name in state.variables and not args["replace"]:
            raise AnalysisException(
                "VARIABLE_ALREADY_EXISTS",
                f"Cannot create the variable {path} because it already exists. Choose a different name, or drop or "
                "replace the existing variable.",
                sqlstate="42723",
                parameters={"variableName": path},
            )
        default = args["default"]
        if default is not None and any(isinstance(node, e.SubqueryExpression) for node in default.walk()):
            raise AnalysisException(
                "INVALID_DEFAULT_VALUE.SUBQUERY_EXPRESSION",
                f"Failed to execute DECLARE VARIABLE because the default of {path} has a subquery.",
                sqlstate="42623",
                parameters={"statement": "DECLARE VARIABLE", "colName": path},
            )
        kind = args["type"]
        value = e.Literal(None, kind) if default is None else _value(state, default, kind)
        state.variables[name] = Variable(parts[-1], value, default)


def _no_variable(parts: Sequence[str], path: str = _PATH) -> AnalysisException:
    return AnalysisException(
        "UNRESOLVED_VARIABLE",
        f"Cannot resolve variable {_quoted(parts)} on search path {path}.",
        sqlstate="42883",
        parameters={"variableName": _quoted(parts), "searchPath": path},
    )


def _variables(session: SparkSession, names: Sequence[tuple[str, ...]]) -> list[str]:
    """Return the keys of variables that are to be set.

    Raises:
        AnalysisException: UNRESOLVED_VARIABLE, DUPLICATE_ASSIGNMENTS.
    """
    known = session._state.variables
    keys: list[str] = []
    for parts in names:
        name = session_name(parts)
        if name is None or name not in known:
            raise _no_variable(parts)
        if name in keys:
            raise AnalysisException(
                "DUPLICATE_ASSIGNMENTS",
                f"The columns or variables `{name}` appear more than once as assignment targets.",
                sqlstate="42701",
                parameters={"nameList": f"`{name}`"},
            )
        keys.append(name)
    return keys


def _set(session: SparkSession, command: r.Command) -> None:
    state = session._state
    assignments = command.args["assignments"]
    keys = _variables(session, [name for name, _ in assignments])
    found: dict[str, e.Literal] = {}
    for key, (_, expression) in zip(keys, assignments, strict=True):
        variable = state.variables[key]
        new = variable.default if expression is None else expression
        kind = variable.value.type
        found[key] = e.Literal(None, kind) if new is None else _value(state, new, kind)
    _assign(state, found)


def _assign(state: SessionState, values: dict[str, e.Literal]) -> None:
    for key, value in values.items():
        variable = state.variables[key]
        state.variables[key] = Variable(variable.name, value, variable.default)


def _set_row(session: SparkSession, command: r.Command) -> None:
    assert command.query is not None
    _set_from(session, command.args["names"], command.query)


def _set_from(session: SparkSession, names: Sequence[tuple[str, ...]], query: r.Relation) -> None:
    """Set variables to the values of a query's one row; to NULL where it has none."""
    state = session._state
    keys = _variables(session, names)
    plan = state.analyze(query)
    if len(plan.output) != len(keys):
        raise AnalysisException(
            "ASSIGNMENT_ARITY_MISMATCH",
            f"The number of columns or variables assigned or aliased: {len(keys)} does not match the number of source "
            f"expressions: {len(plan.output)}.",
            sqlstate="42802",
            parameters={"numTarget": str(len(keys)), "numExpr": str(len(plan.output))},
        )
    kinds = [state.variables[key].value.type for key in keys]
    items = tuple(
        e.Alias(e.Cast(column, kind, "ansi"), (f"c{i}",))
        for i, (column, kind) in enumerate(zip(plan.output, kinds, strict=True))
    )
    row, _ = _row(state, r.Project(plan, items))
    values = row or (None,) * len(keys)
    _assign(
        state,
        {key: _constant(value, kind) for key, value, kind in zip(keys, values, kinds, strict=True)},
    )


def _drop_variable(session: SparkSession, command: r.Command) -> None:
    parts = command.args["name"]
    name = session_name(parts)
    if name is None:
        raise _no_variable(parts, f"[`{SESSION[0]}`.`{SESSION[1]}`]")
    if session._state.variables.pop(name, None) is None and not command.args["if_exists"]:
        path = _quoted((*SESSION, parts[-1]))
        raise AnalysisException(
            "VARIABLE_NOT_FOUND",
            f"The variable {path} cannot be found. Verify the spelling and correctness of the schema and catalog. To "
            "tolerate the error on drop use DROP VARIABLE IF EXISTS.",
            sqlstate="42883",
            parameters={"variableName": path},
        )


# ---- functions ------------------------------------------------------------------------------------------------


def _create_function(session: SparkSession, command: r.Command) -> None:
    from lightstream.analyze.calls import is_builtin
    from lightstream.analyze.session_objects import check_function

    state, args = session._state, command.args
    name = session_name(args["name"])
    if name is None:
        raise unsupported("A temporary function in a schema")
    if is_builtin(name):
        raise unsupported(f"A function with the name of a built-in one, {name}", "Spark calls its own.")
    given = [parameter.name.lower() for parameter in args["parameters"]]
    twice = sorted({f"`{each}`" for each in given if given.count(each) > 1})
    if twice:
        raise AnalysisException(
            "DUPLICATE_ROUTINE_PARAMETER_NAMES",
            f"Found duplicate name(s) in the parameter list of the user-defined routine {name}: {', '.join(twice)}.",
            sqlstate="42734",
            parameters={"routineName": name, "names": ", ".join(twice)},
        )
    if not args["replace"] and (name in state.sql_functions or name in state.functions):
        raise AnalysisException(
            "ROUTINE_ALREADY_EXISTS",
            f"Cannot create the routine `{name}` because a routine of that name already exists. Choose a different "
            "name, or drop or replace the existing routine.",
            sqlstate="42723",
            parameters={
                "routineName": f"`{name}`", "newRoutineType": "routine", "existingRoutineType": "routine",
            },
        )  # fmt: skip
    function = SqlFunction(args["name"][-1], args["parameters"], args["body"], args["returns"])
    before = state.sql_functions.pop(name, None)  # it does not call itself
    try:
        check_function(function, state)
    except BaseException:
        if before is not None:
            state.sql_functions[name] = before
        raise
    state.functions.pop(name, None)
    state.sql_functions[name] = function


def _drop_function(session: SparkSession, command: r.Command) -> None:
    parts, state = command.args["name"], session._state
    name = session_name(parts) or ""
    kinds: tuple[dict[str, Any], ...] = (state.sql_functions, state.functions, state.table_functions)
    gone = [kind.pop(name, None) for kind in kinds]
    if not any(gone) and not command.args["if_exists"]:
        raise AnalysisException(
            "ROUTINE_NOT_FOUND",
            f"The routine {_quoted(parts)} cannot be found. Verify the spelling and correctness of the schema and "
            "catalog. To tolerate the error on drop use DROP ... IF EXISTS.",
            sqlstate="42883",
            parameters={"routineName": _quoted(parts)},
        )


# ---- EXECUTE IMMEDIATE ----------------------------------------------------------------------------------------


def _execute_immediate(session: SparkSession, command: r.Command) -> DataFrame | None:
    from lightstream.parse import parse_statement
    from lightstream.sql.statements import run

    state, args = session._state, command.args
    text = _value(state, args["text"], None)
    if not isinstance(text.type, t.StringType):
        raise AnalysisException(
            "INVALID_EXPR_TYPE_FOR_QUERY_EXECUTE_IMMEDIATE",
            f'Expression type must be string type but got "{text.type.sql()}".',
            sqlstate="42K09",
            parameters={"exprType": f'"{text.type.sql()}"'},
        )
    if text.value is None:
        raise AnalysisException(
            "NULL_QUERY_STRING_EXECUTE_IMMEDIATE",
            f"Execute immediate requires a non-null variable as the query string, but {shown(args['text'])} is null.",
            sqlstate="22004",
            parameters={"varName": f"`{shown(args['text'])}`"},
        )
    given = _using(state, args["using"], text.value)
    if not args["into"]:
        return run(session, text.value, given, {})
    query = parse_statement(text.value, given, as_written=state.conf.escaped_string_literals)
    if isinstance(query, r.Command):
        raise AnalysisException(
            "INVALID_STATEMENT_FOR_EXECUTE_INTO",
            "The INTO clause of EXECUTE IMMEDIATE is only valid for queries, but the given statement is not a query.",
            sqlstate="07501",
            parameters={"sqlString": text.value.upper()},
        )
    _set_from(session, args["into"], query)
    return None


def _using(state: SessionState, items: Sequence[e.Expression], text: str) -> Any:
    """Return the values of USING: by their places for a text with `?`, else by name.

    A variable goes by its own name where it is given no other.
    """
    from lightstream.parse.tokens import tokenize

    if not items:
        return None
    if any(isinstance(node, e.SubqueryExpression) for item in items for node in item.walk()):
        raise AnalysisException(
            "UNSUPPORTED_EXPR_FOR_PARAMETER",
            "A query parameter must be an expression without a subquery.",
            sqlstate="42K0E",
        )
    values = [_value(state, item.child if isinstance(item, e.Alias) else item, None) for item in items]
    marks = [token.key for token in tokenize(text)]
    if "?" in marks:
        return values
    names = [_name(item) for item in items]
    if ":" in marks and None in names:
        unnamed = ", ".join(
            f'"{shown(item)}"' for item, name in zip(items, names, strict=True) if name is None
        )
        raise AnalysisException(
            "ALL_PARAMETERS_MUST_BE_NAMED",
            f"A query with parameters by name needs a name for each: these have none: {unnamed}.",
            sqlstate="07001",
            parameters={"exprs": unnamed},
        )
    return {name: value for name, value in zip(names, values, strict=True) if name is not None}


def _name(item: e.Expression) -> str | None:
    if isinstance(item, e.UnresolvedAttribute):
        return item.parts[-1]
    return item.name if isinstance(item, e.Alias) else None


COMMANDS: dict[str, Callable[[SparkSession, r.Command], DataFrame | None]] = {
    "declare_variable": _declare,
    "set_variable": _set,
    "set_variables": _set_row,
    "drop_variable": _drop_variable,
    "create_function": _create_function,
    "drop_function": _drop_function,
    "execute_immediate": _execute_immediate,
}
