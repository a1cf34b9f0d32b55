"""`spark.sql`: queries to DataFrames, and the statements that do something."""

from __future__ import annotations

import copy
import os
import re
import string
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from lightstream.analyze.analyzer import table_not_found
from lightstream.errors import AnalysisException, PySparkValueError, SparkNoSuchElementException, unsupported
from lightstream.execute.tables import KINDS_OF_TABLES
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp
from lightstream.plan import relations as r
from lightstream.plan import types as t
from lightstream.sql import tables
from lightstream.sql.conf import check_modifiable
from lightstream.sql.dataframe_views import create_view
from lightstream.sql.tables import table_name

if TYPE_CHECKING:
    from lightstream.sql.dataframe import DataFrame
    from lightstream.sql.session import SparkSession

__all__ = ["run", "table_name"]

Args = dict[str, Any]
Fields = list[tuple[str, t.DataType, bool]]
_STRING, _BOOLEAN = t.StringType(), t.BooleanType()
_VARIABLE = re.compile(r"\$\{(?:(\w+?):)?(\S+?)\}")


def run(
    session: SparkSession, text: str, args: dict[str, Any] | list[Any] | tuple[Any, ...] | None, named: Args
) -> DataFrame:
    """Return the DataFrame of a query, or run a statement and return its answer."""
    from lightstream.parse import parse_statement
    from lightstream.sql.dataframe import DataFrame

    if named:
        return _run_formatted(session, text, args, named)
    if "${" in text and session._state.conf.boolean("spark.sql.variable.substitute"):
        text = _VARIABLE.sub(lambda match: _variable(match, session), text)
    relation = parse_statement(
        text, _parameters(args), as_written=session._state.conf.escaped_string_literals
    )
    if isinstance(relation, r.Command):
        return _run_command(session, relation)
    return DataFrame(session._state.analyze(relation), session)


def _variable(match: re.Match[str], session: SparkSession) -> str:
    """Return the value of `${name}`, `${spark:name}` or `${env:NAME}`; what has no value stays as it is."""
    prefix, name = match.groups()
    if prefix == "env":
        return os.environ.get(name, match.group())
    if prefix == "system":
        raise unsupported("A JVM system property in SQL text (${system:...})")
    try:
        return session._state.conf.get(name) or match.group()
    except SparkNoSuchElementException:
        return match.group()


def _parameters(args: Any) -> Any:
    if args is None:
        return None
    from lightstream.sql.column import to_expression

    def given(value: Any) -> e.Expression:
        return value if isinstance(value, e.Literal) else to_expression(value)

    if isinstance(args, dict):
        return {name: given(value) for name, value in args.items()}
    return [given(value) for value in args]


def _run_formatted(session: SparkSession, text: str, args: Any, named: Args) -> DataFrame:
    """Run a statement with `{name}` in it: DataFrames stand as temporary views, other values as constants."""
    views = session._state.views
    made: list[str] = []

    def view_of(frame: DataFrame) -> str:
        made.append(f"_lightstream_view_{e.fresh_id()}")
        views[made[-1]] = frame._plan
        return made[-1]

    try:
        return run(session, _Formatter(view_of).vformat(text, (), named), args, {})
    finally:
        for view in made:
            del views[view]


class _Formatter(string.Formatter):
    """Puts text for `{frame}`, `{frame.column}`, `{frame[column]}` and `{value}`."""

    def __init__(self, view_of: Callable[[DataFrame], str]) -> None:
        self._view_of = view_of

    def convert_field(self, value: Any, conversion: str | None) -> Any:
        return value

    def format_field(self, value: Any, format_spec: str) -> str:
        from lightstream.sql.dataframe import DataFrame

        return self._view_of(value) if isinstance(value, DataFrame) else _text(value)


def _text(value: Any) -> str:
    from lightstream.sql.column import Column

    if isinstance(value, Column):
        expression = value._expression
        if isinstance(expression, e.UnresolvedAttribute):
            return ".".join(f"`{part.replace('`', '``')}`" for part in expression.parts)
        if isinstance(expression, e.Attribute):
            return f"`{expression.name.replace('`', '``')}`"
        raise PySparkValueError(
            "VALUE_NOT_PLAIN_COLUMN_REFERENCE",
            "Value of a parameter of spark.sql should be a plain column reference such as `df.col` or `col('column')`.",
        )
    if value is None:  # Spark: the word, which names a column
        return "None"
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return repr(value)
    if isinstance(value, str):
        escaped = value.replace("\\", "\\\\").replace("'", "\\'")
        return f"'{escaped}'"
    raise unsupported(f"A {type(value).__name__} as a parameter of spark.sql", "Use args= with a marker.")


# ---- statements -----------------------------------------------------------------------------------------------

_commands: dict[str, Callable[[SparkSession, Args, r.Command], DataFrame | None]] = {}


def _command(
    kind: str,
) -> Callable[
    [Callable[[SparkSession, Args, r.Command], DataFrame | None]],
    Callable[[SparkSession, Args, r.Command], DataFrame | None],
]:
    def register(
        function: Callable[[SparkSession, Args, r.Command], DataFrame | None],
    ) -> Callable[[SparkSession, Args, r.Command], DataFrame | None]:
        _commands[kind] = function
        return function

    return register


def _run_command(session: SparkSession, command: r.Command) -> DataFrame:
    from lightstream.sql.session_objects import COMMANDS

    if command.kind in COMMANDS:
        return COMMANDS[command.kind](session, command) or answer(session, [], [])
    function = _commands.get(command.kind)
    if function is None:
        raise unsupported(f"The statement {command.kind.replace('_', ' ').upper()}")
    return function(session, command.args, command) or answer(session, [], [])


def answer(session: SparkSession, fields: Fields, rows: list[tuple[Any, ...]]) -> DataFrame:
    """Return a statement's answer as a DataFrame."""
    from lightstream.sql.local_data import local_rows

    schema = t.StructType([t.StructField(name, kind, nullable) for name, kind, nullable in fields])
    return local_rows(rows, schema, session)


def _plan(session: SparkSession, command: r.Command) -> lp.LogicalPlan:
    if command.query is None:
        raise unsupported(f"The statement {command.kind.replace('_', ' ').upper()} without a query")
    return session._state.analyze(command.query)


# ---- views and tables


@_command("create_view")
def _create_view(session: SparkSession, args: Args, command: r.Command) -> None:
    if not args["temporary"]:
        raise unsupported("CREATE VIEW", "Use CREATE TEMPORARY VIEW.")
    plan = _view_plan(session, command)
    if args["columns"]:
        names = tuple(name for name, _ in args["columns"])
        if len(names) != len(plan.output):
            raise AnalysisException(
                f"CREATE_VIEW_COLUMN_ARITY_MISMATCH.{'NOT_ENOUGH' if len(plan.output) < len(names) else 'TOO_MANY'}"
                "_DATA_COLUMNS",
                f"Cannot create the view {args['name'][-1]}: it names {len(names)} columns, and the query has "
                f"{len(plan.output)}.",
                sqlstate="21S01",
            )
        items = tuple(
            e.Alias(
                column, (name,), None if comment is None else {**(column.metadata or {}), "comment": comment}
            )
            for column, (name, comment) in zip(plan.output, args["columns"], strict=True)
        )
        plan = session._state.analyze(r.Project(plan, items))
    create_view(session, args["name"][-1], plan, replace=args["replace"], is_global=args["is_global"])


def _view_plan(session: SparkSession, command: r.Command) -> lp.LogicalPlan:
    """Return the plan of a view's query. Spark analyses it anew with each use, here it is kept.

    Raises:
        UnsupportedOperationException: what it means may change with the session's variables and functions.
    """
    state = session._state
    if not (state.variables or state.sql_functions):
        return _plan(session, command)
    alone = copy.copy(state)
    alone.variables, alone.sql_functions = {}, {}
    assert command.query is not None
    try:
        return alone.analyze(command.query)
    except AnalysisException:
        _plan(session, command)
        raise unsupported("A view over session variables or functions written in SQL") from None


@_command("create_view_using")
def _create_view_using(session: SparkSession, args: Args, command: r.Command) -> None:
    relation = r.DataSourceRead(args["format"], args["schema"], args["options"])
    plan = session._state.analyze(relation)
    create_view(session, args["name"][-1], plan, replace=args["replace"], is_global=args["is_global"])


@_command("drop_view")
def _drop_view(session: SparkSession, args: Args, command: r.Command) -> None:
    _drop(session, args, command)


@_command("drop_table")
def _drop_table(session: SparkSession, args: Args, command: r.Command) -> None:
    _drop(session, args, command)


def _drop(session: SparkSession, args: Args, command: r.Command) -> None:
    name, state = args["name"], session._state
    if len(name) == 2 and name[0].lower() == "global_temp":
        if state.database.global_views.pop(name[1].lower(), None) is None and not args.get("if_exists"):
            raise table_not_found(name)
        return
    if len(name) == 1 and state.views.pop(name[0].lower(), None) is not None:
        return
    path = tables.path_of(state, name)
    is_view = command.kind == "drop_view"
    kind = next((x.kind for x in _in_schema(session, path) if x.name.lower() == path.name.lower()), None)
    if kind is None:
        if args.get("if_exists"):
            return
        raise table_not_found(
            ("spark_catalog", "default" if path.schema == "main" else path.schema, path.name)
        )
    if is_view and kind != "VIEW":
        raise AnalysisException(
            "WRONG_COMMAND_FOR_OBJECT_TYPE",
            f"The operation DROP VIEW requires a VIEW. But {path.shown} is a {kind}. Use DROP TABLE instead.",
            sqlstate="42809",
        )
    cursor = state.database.cursor()
    with tables.transaction(cursor):
        cursor.execute(f"DROP {'VIEW' if kind == 'VIEW' else 'TABLE'} {path.sql()}")


def _in_schema(session: SparkSession, path: tables.TablePath) -> list[tables.TableEntry]:
    try:
        return [x for x in tables.entries(session._state, path.schema) if not x.is_temporary]
    except AnalysisException as error:
        if error.getCondition() != "SCHEMA_NOT_FOUND":
            raise
        return []


@_command("create_database")
def _create_database(session: SparkSession, args: Args, command: r.Command) -> None:
    from lightstream.sql.schemas import create_schema

    create_schema(session._state, args["name"], args["if_not_exists"])


@_command("drop_database")
def _drop_database(session: SparkSession, args: Args, command: r.Command) -> None:
    from lightstream.sql.schemas import drop_schema

    drop_schema(session._state, args["name"], args["if_exists"], args["cascade"])


@_command("create_table")
def _create_table(session: SparkSession, args: Args, command: r.Command) -> None:
    state, path = session._state, tables.path_of(session._state, args["name"])
    if args["format"] is not None and args["format"].lower() not in KINDS_OF_TABLES:
        raise unsupported(f"CREATE TABLE ... USING {args['format']}", "Tables live in the DuckDB database.")
    if args["location"] is not None:
        raise unsupported("CREATE TABLE ... LOCATION", "Tables live in the DuckDB database.")
    if tables.find(state, args["name"]) is not None:
        if args["if_not_exists"]:
            return
        raise tables.exists_already(path)
    if command.query is not None:
        plan = _plan(session, command)
        tables.create_table(state, path, plan.schema, plan)
    else:
        tables.create_table(state, path, args["schema"] or t.StructType([]))


@_command("insert")
def _insert(session: SparkSession, args: Args, command: r.Command) -> None:
    name = args["name"]
    if len(name) == 1 and name[0].lower() in session._state.views:
        raise AnalysisException(
            "EXPECT_TABLE_NOT_VIEW.NO_ALTERNATIVE",
            f"'INSERT' expects a table but `{name[0]}` is a view.",
            sqlstate="42809",
            parameters={"viewName": f"`{name[0]}`", "operation": "INSERT"},
        )
    plan = _plan(session, command)
    tables.insert(
        session._state,
        args["name"],
        plan,
        overwrite=args["overwrite"],
        columns=args["columns"],
        by_name=args["by_name"],
    )


@_command("truncate_table")
def _truncate(session: SparkSession, args: Args, command: r.Command) -> None:
    tables.need(session._state, args["name"])
    cursor = session._state.database.cursor()
    with tables.transaction(cursor):
        cursor.execute(f"DELETE FROM {tables.path_of(session._state, args['name']).sql()}")


@_command("refresh_table")
def _refresh(session: SparkSession, args: Args, command: r.Command) -> None:
    session._state.analyze(r.UnresolvedTable(args["name"]))


@_command("cache_table")
def _cache(session: SparkSession, args: Args, command: r.Command) -> None:
    if command.query is not None:
        create_view(session, args["name"][-1], _plan(session, command), replace=False)
    session._state.analyze(r.UnresolvedTable(args["name"]))


@_command("uncache_table")
def _uncache(session: SparkSession, args: Args, command: r.Command) -> None:
    if not args["if_exists"]:
        session._state.analyze(r.UnresolvedTable(args["name"]))


@_command("clear_cache")
def _clear_cache(session: SparkSession, args: Args, command: r.Command) -> None:
    return None


# ---- SHOW and DESCRIBE


def _entries(session: SparkSession, args: Args) -> list[tables.TableEntry]:
    database = args.get("database")
    return tables.entries(session._state, database[-1] if database else None, args.get("pattern"))


@_command("show_tables")
def _show_tables(session: SparkSession, args: Args, command: r.Command) -> DataFrame:
    fields: Fields = [
        ("namespace", _STRING, False),
        ("tableName", _STRING, False),
        ("isTemporary", _BOOLEAN, False),
    ]
    rows = [(x.schema or "", x.name, x.is_temporary) for x in _entries(session, args)]
    return answer(session, fields, rows)


@_command("show_views")
def _show_views(session: SparkSession, args: Args, command: r.Command) -> DataFrame:
    fields: Fields = [
        ("namespace", _STRING, False),
        ("viewName", _STRING, False),
        ("isTemporary", _BOOLEAN, False),
    ]
    rows = [(x.schema or "", x.name, x.is_temporary) for x in _entries(session, args) if x.kind != "MANAGED"]
    return answer(session, fields, rows)


@_command("show_databases")
def _show_databases(session: SparkSession, args: Args, command: r.Command) -> DataFrame:
    names = tables.schemas(session._state, args["pattern"])
    return answer(session, [("namespace", _STRING, False)], [(name,) for name in names])


@_command("show_catalogs")
def _show_catalogs(session: SparkSession, args: Args, command: r.Command) -> DataFrame:
    names = [name for name in ("spark_catalog",) if tables.matches(name, args.get("pattern"))]
    return answer(session, [("catalog", _STRING, False)], [(name,) for name in names])


@_command("show_current_database")
def _show_current(session: SparkSession, args: Args, command: r.Command) -> DataFrame:
    fields: Fields = [("catalog", _STRING, False), ("namespace", _STRING, False)]
    return answer(session, fields, [("spark_catalog", session._state.conf.schema)])


@_command("show_columns")
def _show_columns(session: SparkSession, args: Args, command: r.Command) -> DataFrame:
    name = (*args["database"], args["name"][-1]) if args["database"] else args["name"]
    plan = session._state.analyze(r.UnresolvedTable(name))
    return answer(session, [("col_name", _STRING, False)], [(a.name,) for a in plan.output])


@_command("show_functions")
def _show_functions(session: SparkSession, args: Args, command: r.Command) -> DataFrame:
    from lightstream.functions import registry

    names = [] if args["scope"] == "user" else registry.names()
    if args["scope"] != "system":
        names = sorted({*names, *session._state.functions, *session._state.sql_functions})
    found = [name for name in names if tables.matches(name, args["pattern"])]
    return answer(session, [("function", _STRING, False)], [(name,) for name in found])


def _describe(session: SparkSession, plan: lp.LogicalPlan) -> DataFrame:
    fields: Fields = [("col_name", _STRING, False), ("data_type", _STRING, False), ("comment", _STRING, True)]
    rows = [(f.name, f.dataType.simpleString(), f.metadata.get("comment")) for f in plan.schema.fields]
    return answer(session, fields, rows)


@_command("describe_table")
def _describe_table(session: SparkSession, args: Args, command: r.Command) -> DataFrame:
    plan = session._state.analyze(r.UnresolvedTable(args["name"]))
    if args["column"] is not None:
        raise unsupported("DESCRIBE TABLE of one column")
    if args["extended"] and not (len(args["name"]) == 1 and args["name"][0].lower() in session._state.views):
        raise unsupported("DESCRIBE TABLE EXTENDED of a table")
    return _describe(session, plan)


@_command("describe_query")
def _describe_query(session: SparkSession, args: Args, command: r.Command) -> DataFrame:
    return _describe(session, _plan(session, command))


@_command("explain")
def _explain(session: SparkSession, args: Args, command: r.Command) -> DataFrame:
    from lightstream.sql.explain import explained

    if isinstance(command.query, r.Command):
        text = f"== Physical Plan ==\nExecute {command.query.kind}\n"
    else:
        text = explained(_plan(session, command), session._state.conf, args["mode"])
    return answer(session, [("plan", _STRING, True)], [(text + "\n",)])


# ---- settings


@_command("use")
def _use(session: SparkSession, args: Args, command: r.Command) -> None:
    from lightstream.sql.schemas import use_schema

    use_schema(session._state, args["name"])


_SETTING: Fields = [("key", _STRING, False), ("value", _STRING, False)]


@_command("set")
def _set(session: SparkSession, args: Args, command: r.Command) -> DataFrame:
    conf = session._state.conf
    key = args.get("key")
    if key is None:
        if args.get("verbose"):
            raise unsupported("SET -v")
        return answer(session, _SETTING, sorted(conf.values.items()))
    if args.get("value") is not None:
        if key.lower() in session._state.variables:
            raise AnalysisException(
                "UNSUPPORTED_FEATURE.SET_VARIABLE_USING_SET",
                f"`{key}` is a VARIABLE and cannot be updated using the SET statement. Use SET VARIABLE `{key}` = ... "
                "instead.",
                sqlstate="0A000",
                parameters={"variableName": f"`{key}`"},
            )
        check_modifiable(key)
        conf.set(key, args["value"])
        return answer(session, _SETTING, [(key, args["value"])])
    from lightstream.conf import DEFAULTS

    known = key in conf.values or key in DEFAULTS
    value = conf.get(key) if known else None
    return answer(session, _SETTING, [(key, "<undefined>" if value is None else value)])


@_command("reset")
def _reset(session: SparkSession, args: Args, command: r.Command) -> None:
    conf = session._state.conf
    key = args.get("key")
    for name in [key] if key is not None else [n for n in conf.values if n.startswith("spark.sql.")]:
        check_modifiable(name)
        conf.unset(name)


@_command("set_time_zone")
def _set_time_zone(session: SparkSession, args: Args, command: r.Command) -> DataFrame:
    from lightstream.conf import local_time_zone

    key = "spark.sql.session.timeZone"
    value = local_time_zone() if args["value"] == "LOCAL" else args["value"]
    session._state.conf.set(key, value)
    return answer(session, _SETTING, [(key, value)])
