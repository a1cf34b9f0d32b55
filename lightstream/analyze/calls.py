"""Calls: which function a name means, and its arguments resolved."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

from lightstream.analyze.naming import shown, trim_alias
from lightstream.analyze.scope import extract_field
from lightstream.errors import AnalysisException, unsupported
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp
from lightstream.plan import types as t

if TYPE_CHECKING:
    from lightstream.analyze.expressions import ExpressionResolver
    from lightstream.functions.registry import Function
    from lightstream.plan.session_objects import SqlFunction


def is_builtin(name: str) -> bool:
    """Return whether Spark has a function of this name: it comes before a registered one."""
    from lightstream.functions import registry
    from lightstream.functions.spark_names import SPARK_NAMES

    return name.lower() in SPARK_NAMES or registry.lookup(name) is not None


def is_only_in_from(name: str) -> bool:
    """Return whether a name is that of a generator of Spark's that stands in FROM, and nowhere else."""
    from lightstream.functions import registry

    entry = registry.lookup(name)
    return entry is not None and "only_in_from" in entry.extra and not name.startswith("(")


def makes_rows(expression: e.Expression) -> bool:
    """Return whether an expression is the call of a generator."""
    from lightstream.functions import registry

    function = registry.lookup(expression.name) if isinstance(expression, e.Call) else None
    return function is not None and function.kind == "generator"


def is_volatile(expression: e.Expression) -> bool:
    """Return whether an expression may give another value each time."""
    from lightstream.functions import registry

    for node in expression.walk():
        if isinstance(node, e.PythonUdf) and not node.deterministic:
            return True
        if isinstance(node, e.Call) and not registry.entry_of(node).deterministic:
            return True
    return False


def function_call(resolver: ExpressionResolver, call: e.UnresolvedFunction) -> e.Expression:
    """Return a call resolved: of a function of Spark's, of the program's, or written in SQL.

    Raises:
        AnalysisException: the function, or the call of it, is not what Spark allows there.
    """
    if call.name == "(field)":
        return _updated_field(resolver, call)
    if call.name == "(extract)":
        return _variant_part(resolver, call)
    if call.name.lower() == "input_file_name":
        return _input_file_name(resolver, call)
    registered = resolver.session.functions.get(call.name.lower())
    if registered is not None and not is_builtin(call.name):
        return python_function(resolver, registered(call.args, call.named))
    own = _sql_function(resolver, call.name)
    if own is not None:
        from lightstream.analyze.session_objects import call_function

        if resolver.lambda_variables:
            raise AnalysisException(
                "UNSUPPORTED_FEATURE.LAMBDA_FUNCTION_WITH_SQL_UDF",
                f"The SQL function {own.name} inside a lambda function.",
                sqlstate="0A000",
                parameters={"funcName": own.name},
            )
        return call_function(own, call, resolver)
    if is_builtin(call.name):
        is_table = is_only_in_from(call.name)
    else:
        is_table = call.name.lower() in resolver.session.table_functions
    if is_table:
        raise AnalysisException(
            "NOT_A_SCALAR_FUNCTION",
            f"`{call.name}` is a table function: call it in the FROM clause.",
            sqlstate="42887",
            parameters={"functionName": f"`{call.name}`"},
        )
    return _builtin_call(resolver, call)


def _builtin_call(resolver: ExpressionResolver, call: e.UnresolvedFunction) -> e.Expression:
    from lightstream.functions import registry

    lower = call.name.lower()
    over, resolver.in_window = resolver.in_window, False
    entry = registry.lookup(lower)
    if entry is not None and entry.kind == "window" and not over:
        raise AnalysisException(
            "WINDOW_FUNCTION_WITHOUT_OVER_CLAUSE",
            f"Window function {shown(call)} requires an OVER clause.",
            sqlstate="42601",
            parameters={"funcName": f'"{shown(call)}"'},
        )
    args = _arguments(resolver, call, lower)
    if entry is not None and "lambda_types" in entry.extra:
        args = _lambdas(resolver, entry, args)
    elif entry is not None and any(isinstance(a, e.LambdaFunction) for a in args):
        raise AnalysisException(
            "INVALID_LAMBDA_FUNCTION_CALL.NON_HIGHER_ORDER_FUNCTION",
            f"A lambda function should only be used in a higher order function, and {call.name} is none.",
            sqlstate="42K0D",
            parameters={"class": call.name},
        )
    if call.named:
        args += _named_arguments(resolver, call, len(args))
    for place in entry.extra.get("constants", ()) if entry is not None else ():
        if place < len(args) and not isinstance(args[place], e.Literal) and registry.is_constant(args[place]):
            args[place] = replace(resolver.session.constant(args[place]), label=shown(args[place]))
    found = registry.bind_call(
        call.name,
        tuple(args),
        resolver.conf,
        distinct=call.distinct,
        filter=_aggregate_filter(resolver, call),
        order_by=resolver.orders(call.order_by),
        ignore_nulls=call.ignore_nulls,
    )
    if entry is not None and "lambda_types" in entry.extra:
        _refuse_subqueries(found)
    return found


def _refuse_subqueries(call: e.Expression) -> None:
    if any(isinstance(node, e.SubqueryExpression) for node in call.walk()):
        raise AnalysisException(
            "UNSUPPORTED_SUBQUERY_EXPRESSION_CATEGORY.HIGHER_ORDER_FUNCTION",
            "Subqueries are not supported within higher-order functions. Compute them in a column first.",
            sqlstate="0A000",
        )


def _arguments(resolver: ExpressionResolver, call: e.UnresolvedFunction, name: str) -> list[e.Expression]:
    args: list[e.Expression] = []
    for argument in call.args:
        if isinstance(argument, e.UnresolvedStar | e.UnresolvedRegex):
            spread = _spread(resolver, call, argument)
            keeps_names = name in ("struct", "(,)")
            args.extend(resolver.part(a) if isinstance(a, e.Alias) and not keeps_names else a for a in spread)
        elif isinstance(argument, e.LambdaFunction):
            args.append(argument)
        elif isinstance(argument, e.Alias) and name in ("struct", "named_struct", "(,)"):
            args.append(replace(argument, child=resolver.value(argument.child)))
        else:
            resolved = resolver.resolve(argument)
            args.append(resolved if name in ("struct", "(,)") else trim_alias(resolved))
    for argument in args:
        if makes_rows(argument):
            raise _nested_generator(argument, name, shown(argument))
    return args


def _nested_generator(generator: e.Expression, name: str, text: str) -> AnalysisException:
    return AnalysisException(
        "UNSUPPORTED_GENERATOR.NESTED_IN_EXPRESSIONS",
        f"The generator is not supported: {shown(generator)} inside {name}(). Give it a column of its own.",
        sqlstate="42K0E",
        parameters={"expression": f'"{text}"'},
    )


def check_distinct_names(routine: str, names: Sequence[str]) -> None:
    """Raise where a call gives an argument's name twice."""
    for position, name in enumerate(names):
        if name in names[:position]:
            raise AnalysisException(
                "DUPLICATE_ROUTINE_PARAMETER_ASSIGNMENT.DOUBLE_NAMED_ARGUMENT_REFERENCE",
                f"Call to routine `{routine}` is invalid: the argument `{name}` is given twice.",
                sqlstate="4274K",
                parameters={"routineName": f"`{routine}`", "parameterName": f"`{name}`"},
            )


def _spread(
    resolver: ExpressionResolver, call: e.UnresolvedFunction, star: e.UnresolvedStar | e.UnresolvedRegex
) -> Sequence[e.Expression]:
    """Return the arguments that a star stands for; `count(*)` counts rows, `count(t.*)` could be taken for that."""
    if call.name.lower() != "count" or len(call.args) > 1:
        return resolver.expand(star)
    if star == e.UnresolvedStar() and not call.distinct:
        return [e.Literal(1, t.IntegerType())]
    if not isinstance(star, e.UnresolvedStar) or star.excluded or not resolver.scope.of_table(star.target):
        return resolver.expand(star)
    name = ".".join(star.target)
    raise AnalysisException(
        "INVALID_USAGE_OF_STAR_WITH_TABLE_IDENTIFIER_IN_COUNT",
        f"count({name}.*) is not allowed. Use count(*), or count the columns by their names.",
        sqlstate="42000",
        parameters={"tableName": f"`{name}`"},
    )


def _aggregate_filter(resolver: ExpressionResolver, call: e.UnresolvedFunction) -> e.Expression | None:
    from lightstream.functions import registry

    if call.filter is None:
        return None
    entry = registry.lookup(call.name)
    if entry is None or entry.kind != "aggregate":  # which is the error that comes first
        return resolver.value(call.filter)
    condition = resolver.condition(call.filter, "aggregate filter")
    for node in condition.walk():
        if isinstance(node, e.WindowExpression):
            raise _wrong_filter("CONTAINS_WINDOW_FUNCTION", condition, windowExpr=f'"{shown(node)}"')
        entry = registry.lookup(node.name) if isinstance(node, e.Call) else None
        if entry is not None and entry.kind == "aggregate":
            raise _wrong_filter("CONTAINS_AGGREGATE", condition, aggExpr=f'"{shown(node)}"')
    return condition


def _wrong_filter(kind: str, condition: e.Expression, **parameters: str) -> AnalysisException:
    what = "a window function" if kind == "CONTAINS_WINDOW_FUNCTION" else "an aggregate function"
    return AnalysisException(
        f"INVALID_AGGREGATE_FILTER.{kind}",
        f'The FILTER expression "{shown(condition)}" contains {what}. Compute it in a sub-query.',
        sqlstate="42903",
        parameters={"filterExpr": f'"{shown(condition)}"', **parameters},
    )


def _sql_function(resolver: ExpressionResolver, name: str) -> SqlFunction | None:
    if not resolver.session.sql_functions or is_builtin(name):
        return None
    from lightstream.plan.session_objects import session_name

    return resolver.session.sql_functions.get(session_name(tuple(name.split("."))) or "")


def python_function(resolver: ExpressionResolver, udf: e.PythonUdf) -> e.Expression:
    """Return the call of a program's function, which the session gives a name in SQL."""
    if udf.sql_name:
        return udf
    check_distinct_names(udf.name, udf.keywords)
    args = tuple(resolver.value(argument) for argument in udf.args)
    for argument in args:
        if makes_rows(argument):
            raise _nested_generator(argument, udf.name, shown(replace(udf, args=args)))
    if udf.aggregates:
        from lightstream.functions import registry

        args = tuple(registry.bind_call("(list)", (argument,), resolver.conf) for argument in args)
    name = resolver.session.python_function(udf, tuple(map(e.type_of, args)))
    return replace(udf, args=args, sql_name=name)


def _variant_part(resolver: ExpressionResolver, call: e.UnresolvedFunction) -> e.Expression:
    """Resolve `v:a.b`, which has a name as a field of a struct has one."""
    from lightstream.functions.variant_paths import last_name

    path = call.args[1]
    assert isinstance(path, e.Literal)
    found = _builtin_call(resolver, call)
    name = last_name(path.value)
    return found if name is None else e.Alias(found, (name,))


def _updated_field(resolver: ExpressionResolver, call: e.UnresolvedFunction) -> e.Expression:
    """Resolve `Column.withField` and `dropFields`; a dot in the name leads into a struct."""
    from lightstream.functions.fields import update
    from lightstream.parse.identifier import parse_identifier

    struct, name, *value = call.args
    assert isinstance(name, e.Literal)
    path = parse_identifier(name.value)
    return update(
        resolver.value(struct), path, resolver.value(value[0]) if value else None, resolver.scope.same
    )


def _named_arguments(
    resolver: ExpressionResolver, call: e.UnresolvedFunction, given: int
) -> list[e.Expression]:
    """Return the arguments that a call gives by name, in the order of the function's parameters."""
    from lightstream.functions import registry

    entry = registry.lookup(call.name)
    parameters = entry.extra.get("parameters", ()) if entry is not None else ()
    named = {name.lower(): value for name, value in call.named}
    if tuple(named) != tuple(parameters[given:]):
        raise unsupported(f"A named argument (in {call.name})")
    return [resolver.value(named[name]) for name in parameters[given:]]


def _lambdas(resolver: ExpressionResolver, entry: Function, args: list[e.Expression]) -> list[e.Expression]:
    """Resolve lambda bodies: the entry says what types its lambdas' parameters have, given the other args."""
    first = entry.extra.get("lambdas_from", 1)
    resolved: list[e.Expression] = []
    for position, argument in enumerate(args):
        if position < first:
            resolved.append(argument)
            continue
        given = argument.parameters if isinstance(argument, e.LambdaFunction) else ()
        types = entry.extra["lambda_types"](tuple(resolved), position, len(given))
        if not isinstance(argument, e.LambdaFunction):  # Spark: the same value for each element
            hidden = (e.LambdaVariable(f"_{i}", *found) for i, found in enumerate(types))
            resolved.append(e.LambdaFunction(argument, tuple(hidden)))
            continue
        _check_parameters(given, len(types), resolver)
        _refuse_subqueries(argument)
        variables = tuple(e.LambdaVariable(p.name, *found) for p, found in zip(given, types, strict=True))
        resolver.lambda_variables.append({v.name: v for v in variables})
        try:
            body = resolver.value(argument.body)
        finally:
            resolver.lambda_variables.pop()
        resolved.append(e.LambdaFunction(body, variables))
    return resolved


def _check_parameters(
    parameters: Sequence[e.LambdaVariable], expected: int, resolver: ExpressionResolver
) -> None:
    if len(parameters) != expected:
        raise AnalysisException(
            "INVALID_LAMBDA_FUNCTION_CALL.NUM_ARGS_MISMATCH",
            f"A lambda function of {len(parameters)} arguments was given where {expected} are expected.",
            sqlstate="42K0D",
            parameters={"expectedNumArgs": str(len(parameters)), "actualNumArgs": str(expected)},
        )
    names = [p.name for p in parameters]
    if any(resolver.scope.same(name, other) for i, name in enumerate(names) for other in names[:i]):
        raise AnalysisException(
            "INVALID_LAMBDA_FUNCTION_CALL.DUPLICATE_ARG_NAMES",
            f"The lambda function has duplicate arguments: {', '.join(names)}.",
            sqlstate="42K0D",
            parameters={
                "args": ", ".join(f"`{name.lower()}`" for name in names),
                "caseSensitiveConfig": '"spark.sql.caseSensitive"',
            },
        )


def _input_file_name(resolver: ExpressionResolver, call: e.UnresolvedFunction) -> e.Expression:
    """Return the file that a row comes from.

    Raises:
        AnalysisException: MULTI_SOURCES_UNSUPPORTED_FOR_EXPRESSION.
        UnsupportedOperationException: rows of several files may have become one, or changed their places.
    """
    from lightstream.functions import mismatch, registry

    if call.args:
        raise mismatch.wrong_count("input_file_name", "0", len(call.args))
    leaves = [node for plan in resolver.scope.plans for node in plan.walk() if isinstance(node, lp.Leaf)]
    path: tuple[e.Expression, ...] = ()
    # What a program has made comes from no file; a table's rows, or those of a batch, do in Spark.
    if not all(isinstance(leaf, lp.OneRow | lp.Range | lp.Values | lp.LocalScan) for leaf in leaves):
        files = [leaf for leaf in leaves if isinstance(leaf, lp.DataSourceScan) and leaf.metadata is not None]
        [plan, *others] = resolver.scope.plans
        while isinstance(plan, lp.Project | lp.Filter | lp.SubqueryAlias | lp.Watermark | lp.Rename):
            plan = plan.child
        if others or (isinstance(plan, lp.Join) and len(files) > 1):
            raise AnalysisException(
                "MULTI_SOURCES_UNSUPPORTED_FOR_EXPRESSION",
                'The expression "input_file_name()" does not support more than one source.',
                sqlstate="42K0E",
                parameters={"expr": '"input_file_name()"'},
            )
        found = [column for column in resolver.scope.hidden if column.name.strip("()") == "_metadata"]
        if plan not in files or len(found) != 1:
            raise unsupported(
                "input_file_name() of a table or a batch, or above a join, union, aggregation, explode, sort or "
                "limit",
                "Select it, or _metadata.file_path, next to the files.",
            )
        path = (extract_field(found[0], "file_path", resolver.scope.same),)
    return registry.bind_call("input_file_name", path, resolver.conf)
