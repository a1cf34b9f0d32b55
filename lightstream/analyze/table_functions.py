"""Table-valued functions in FROM: `range`, the generators, and Python's."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any

from lightstream.analyze.aggregate import is_aggregate_call
from lightstream.analyze.analyzer import Analyzer, attributes_of, rule
from lightstream.analyze.calls import check_distinct_names, is_builtin, is_only_in_from, is_volatile
from lightstream.analyze.columns import check_columns
from lightstream.analyze.naming import name_item, shown
from lightstream.analyze.rows import constant
from lightstream.errors import AnalysisException, UnsupportedOperationException, unsupported
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp
from lightstream.plan import relations as r
from lightstream.plan import types as t
from lightstream.plan.table_functions import (
    PythonTableFunction,
    TableFunctionArgument,
    TableFunctionInput,
    TableFunctionShape,
)

if TYPE_CHECKING:
    from lightstream.execute.session import SessionState


def through_python(
    inputs: Sequence[lp.LogicalPlan],
    columns: tuple[e.Attribute, ...],
    function: Callable[[list[Any]], Any],
    session: SessionState,
) -> lp.LogicalPlan:
    """Return the rows that a function makes of Arrow tables: of whole ones, or of each batch's when one is a stream."""
    if not columns:
        raise unsupported("A result without columns of a Python function")
    if any(plan.is_streaming for plan in inputs):
        return lp.MapFrames(tuple(inputs), columns, function)
    return lp.LocalScan(columns, lambda: function([session.run(plan).arrow() for plan in inputs]))


@rule(r.UnresolvedTableFunction)
def _table_function(relation: r.UnresolvedTableFunction, analyzer: Analyzer) -> lp.LogicalPlan:
    from lightstream.functions import registry
    from lightstream.functions.spark_names import SPARK_NAMES

    name = relation.name.lower()
    if name == "sql_keywords" and not relation.args and not relation.named:
        return _keywords()
    function = relation.function
    if function is None and name != "range" and not is_builtin(name):
        function = analyzer.session.table_functions.get(name)
    if function is not None:
        return _python_function(relation, function, analyzer)
    own = None if is_builtin(name) else analyzer.session.sql_functions.get(name)
    if own is not None:
        from lightstream.analyze.session_objects import call_table_function

        return call_table_function(own, relation.args, relation.named, analyzer)
    built_in = registry.lookup(name)
    if name != "range" and built_in is None and name in SPARK_NAMES:
        raise unsupported(f"The function {name}")
    if name != "range" and (built_in is None or built_in.kind != "generator"):
        raise AnalysisException(
            "UNRESOLVABLE_TABLE_VALUED_FUNCTION",
            f"Could not resolve `{relation.name}` to a table-valued function. Please make sure that it is defined.",
            sqlstate="42883",
            parameters={"name": f"`{relation.name}`"},
        )
    if any(
        isinstance(argument, e.TableArgument) for argument in (*relation.args, *dict(relation.named).values())
    ):
        raise AnalysisException(
            "UNSUPPORTED_SUBQUERY_EXPRESSION_CATEGORY.UNSUPPORTED_TABLE_ARGUMENT",
            f"A table is an argument of {name}, which takes no tables.",
            sqlstate="0A000",
        )
    if name != "range":
        called = relation.name
        if is_only_in_from(name):
            if not relation.args and not relation.named:
                raise _missing(name, "input")
            called = f"({name})"
        call = e.UnresolvedFunction(called, relation.args, named=relation.named)
        return analyzer.plan(r.Project(r.OneRow(), (call,)))
    if relation.named:
        raise unsupported(f"A named argument (in {name})")
    bounds = [_bound(item, analyzer) for item in relation.args]
    if not 1 <= len(bounds) <= 4:
        raise AnalysisException(
            "WRONG_NUM_ARGS.WITHOUT_SUGGESTION",
            f"The `range` requires [1, 2, 3, 4] parameters but the actual number is {len(bounds)}.",
            sqlstate="42605",
        )
    start, end = (0, bounds[0]) if len(bounds) == 1 else (bounds[0], bounds[1])
    return analyzer.plan(r.Range(start, end, bounds[2] if len(bounds) > 2 else 1))


def _missing(name: str, parameter: str) -> AnalysisException:
    return AnalysisException(
        "REQUIRED_PARAMETER_NOT_FOUND",
        f"Cannot invoke routine `{name}` because its parameter `{parameter}` is required: the call gives no value for "
        "it.",
        sqlstate="4274K",
        parameters={"routineName": f"`{name}`", "parameterName": f"`{parameter}`", "index": "0"},
    )


def _bound(expression: e.Expression, analyzer: Analyzer) -> int:
    found = constant(e.Cast(expression, t.LongType(), "ansi"), analyzer)
    if found is None:
        raise AnalysisException(
            "NON_FOLDABLE_ARGUMENT",
            "The function `range` requires its arguments to be constants.",
            sqlstate="42K08",
            parameters={"funcName": "`range`", "paramName": "`end`", "paramType": '"BIGINT"'},
        )
    if found.value is None:
        raise AnalysisException(
            "UNEXPECTED_INPUT_TYPE",
            "The function `range` requires its arguments to be whole numbers, and one is NULL.",
            sqlstate="42K09",
            parameters={"functionName": "`range`"},
        )
    return int(found.value)


def _keywords() -> lp.LogicalPlan:
    """Return the keywords; none is reserved, as Spark's parser takes them by default."""
    from lightstream.parse.keywords import KEYWORDS

    text, flag = t.StringType(), t.BooleanType()
    columns = (
        e.Attribute("keyword", text, False, e.fresh_id()),
        e.Attribute("reserved", flag, False, e.fresh_id()),
    )
    return lp.Values(columns, tuple((e.Literal(word, text), e.Literal(False, flag)) for word in KEYWORDS))


# ---- Python's -------------------------------------------------------------------------------------------------


def _python_function(
    relation: r.UnresolvedTableFunction, function: PythonTableFunction, analyzer: Analyzer
) -> lp.LogicalPlan:
    check_distinct_names(relation.name, [name.lower() for name, _ in relation.named])
    given = [(None, argument) for argument in relation.args] + list(relation.named)
    resolver = analyzer.over()
    table: e.TableArgument | None = None
    plan: lp.LogicalPlan = lp.OneRow(())
    arguments: list[TableFunctionArgument] = []
    values: list[e.Expression | None] = []  # None for the table
    for given_name, argument in given:
        if isinstance(argument, e.TableArgument):
            if table is not None:
                raise AnalysisException(
                    "TABLE_VALUED_FUNCTION_TOO_MANY_TABLE_ARGUMENTS",
                    "There are too many table arguments for table-valued function. It allows one table argument, "
                    "but got: 2. If you want to allow it, please set "
                    '"spark.sql.allowMultipleTableArguments.enabled" to "true".',
                    sqlstate="54023",
                    parameters={"num": "2"},
                )
            table, plan = argument, analyzer.plan(argument.relation)
            arguments.append(TableFunctionArgument(plan.schema, is_table=True, name=given_name))
            values.append(None)
        else:
            value = resolver.value(argument)
            _refuse_aggregates(value)
            arguments.append(_described(value, given_name, analyzer))
            values.append(value)
    check_columns(lp.OneRow(()), [value for value in values if value is not None])
    shape = function.shape_of(tuple(arguments))
    _check_distinct(shape.schema.names)
    columns = attributes_of(shape.schema)
    correlated = any(_is_outer(value) for value in values if value is not None)
    if table is None:
        expressions = tuple(value for value in values if value is not None)
        if correlated:
            program = partial(_program, function, shape, arguments)
            return lp.TableFunction(columns, expressions, program, function.deterministic)
        plan = lp.Project(plan, tuple(map(_named, expressions)))
        run = function.program(shape, TableFunctionInput(tuple(arguments)))
        return through_python((plan,), columns, run, analyzer.session)
    if correlated:
        raise AnalysisException(
            "MISSING_ATTRIBUTES.RESOLVED_ATTRIBUTE_MISSING_FROM_INPUT",
            "A table function that is given a table cannot be given columns of an enclosing query.",
            sqlstate="XX000",
        )
    if any(map(_is_outer, lp.expressions(plan))):
        raise unsupported("A table function of a table that uses columns of an enclosing query")
    own = _selected(plan, shape, analyzer)
    _check_distinct([item.name for item in own])
    plan, keys = _arranged(plan, table, shape, analyzer)
    arguments = [
        replace(argument, type=t.StructType([t.StructField(i.name, i.type, i.nullable) for i in own]))
        if argument.is_table
        else argument
        for argument in arguments
    ]
    items: list[e.Alias | e.Attribute] = []
    for argument_value in values:
        items.extend(own if argument_value is None else [_named(argument_value)])
    read = lp.Project(plan, (*items, *keys))
    key_types = t.StructType([t.StructField(key.name, key.type) for key in keys])
    given_input = TableFunctionInput(tuple(arguments), keys=key_types)
    return through_python((read,), columns, function.program(shape, given_input), analyzer.session)


def _program(
    function: PythonTableFunction,
    shape: TableFunctionShape,
    arguments: Sequence[TableFunctionArgument],
    kept: int,
) -> Callable[[list[Any]], Any]:
    return function.program(shape, TableFunctionInput(tuple(arguments), kept=kept))


def _named(value: e.Expression) -> e.Alias:
    return e.Alias(value, ("argument",), id=e.fresh_id())


def _refuse_aggregates(value: e.Expression) -> None:
    if any(map(is_aggregate_call, value.walk())):
        raise AnalysisException(
            "UNSUPPORTED_EXPR_FOR_OPERATOR",
            f"A table function cannot be given an aggregate: {shown(value)}. Aggregate in a query of its own below.",
            sqlstate="42K0E",
            parameters={"operator": "Generate", "invalidExprSqls": f'"{shown(value)}"'},
        )


def _described(value: e.Expression, name: str | None, analyzer: Analyzer) -> TableFunctionArgument:
    """Return what an `analyze` is told of an argument, its value too where that is a constant."""
    variable = (e.Attribute, e.OuterReference, e.SubqueryExpression, e.PythonUdf)
    kind = e.type_of(value)
    if is_volatile(value) or any(isinstance(node, variable) for node in value.walk()):
        return TableFunctionArgument(kind, name=name)
    constant = value.value if isinstance(value, e.Literal) and _is_plain(kind) else None
    if constant is None and not (isinstance(value, e.Literal) and value.value is None):
        plan = lp.Project(lp.OneRow(()), (_named(value),))
        constant = analyzer.session.run(plan).tuples()[0][0]
    return TableFunctionArgument(kind, is_constant=True, value=constant, name=name)


def _is_outer(expression: e.Expression) -> bool:
    return any(isinstance(node, e.OuterReference) for node in expression.walk())


def _is_plain(kind: t.DataType) -> bool:
    return isinstance(kind, t.BooleanType | t.IntegralType | t.StringType)


def _arranged(
    plan: lp.LogicalPlan,
    table: e.TableArgument,
    shape: TableFunctionShape,
    analyzer: Analyzer,
) -> tuple[lp.LogicalPlan, tuple[e.Attribute, ...]]:
    """Return a table argument sorted as the call, or the function, asks for it, and the keys of its partitions."""
    from lightstream.parse import parse_expression

    partition_by, order_by, single = table.partition_by, table.order_by, table.single_partition
    if shape.single_partition or shape.partition_by:
        if shape.single_partition and shape.partition_by:
            raise _metadata_error("'analyze' asks for one partition and for several", "INVALID")
        if partition_by or single:
            raise _metadata_error("'analyze' asks for partitions of the table, and so does the call")
        partition_by = tuple(map(parse_expression, shape.partition_by))
        single = shape.single_partition
    if shape.order_by:
        if not (shape.partition_by or shape.single_partition):
            raise _metadata_error(
                "'analyze' asks for an order of the table's rows, but not for partitions", "INVALID"
            )
        order_by = tuple(
            e.SortOrder(parse_expression(text), up, up if nulls_first is None else nulls_first)
            for text, up, nulls_first in shape.order_by
        )
    if not (partition_by or order_by):
        return plan, ()
    resolver = analyzer.over(plan)
    keys = tuple(
        e.Alias(resolver.value(key), (f"partition_by_{i}",), id=e.fresh_id())
        for i, key in enumerate(partition_by)
    )
    orders = [replace(order, child=resolver.value(order.child)) for order in order_by]
    check_columns(plan, (*keys, *orders))
    with_keys = lp.Project(plan, (*plan.output, *keys)) if keys else plan
    outputs = tuple(key.to_attribute() for key in keys)
    return lp.Sort(with_keys, (*(e.SortOrder(key) for key in outputs), *orders)), outputs


def _selected(
    plan: lp.LogicalPlan, shape: TableFunctionShape, analyzer: Analyzer
) -> tuple[e.Alias | e.Attribute, ...]:
    """Return the columns of a table argument that the function is given."""
    from lightstream.parse import parse_expression

    if not shape.select:
        return plan.output
    resolver = analyzer.over(plan)
    found: list[e.Alias | e.Attribute] = []
    for text, alias in shape.select:
        value = resolver.value(parse_expression(text))
        if alias:
            found.append(e.Alias(value, (alias,), id=e.fresh_id()))
            continue
        if not isinstance(value, e.Attribute):
            raise AnalysisException(
                "UDTF_INVALID_REQUESTED_SELECTED_EXPRESSION_FROM_ANALYZE_METHOD_REQUIRES_ALIAS",
                f"Failed to evaluate the user-defined table function because its 'analyze' method selected "
                f"'{text}', which needs an alias.",
                sqlstate="42802",
                parameters={"expression": text},
            )
        found.append(name_item(value))
    return tuple(found)


def _check_distinct(names: list[str]) -> None:
    """Refuse a table of which two columns have one name.

    Raises:
        UnsupportedOperationException: DUPLICATED_FIELD_NAME_IN_ARROW_STRUCT.
    """
    if len(set(names)) < len(names):
        raise UnsupportedOperationException(
            "DUPLICATED_FIELD_NAME_IN_ARROW_STRUCT",
            f"Duplicated field names in Arrow Struct are not allowed, got [{', '.join(names)}].",
            sqlstate="42713",
            parameters={"fieldNames": f"[{', '.join(names)}]"},
        )


def _metadata_error(why: str, kind: str = "INCOMPATIBLE_WITH_CALL") -> AnalysisException:
    return AnalysisException(
        f"TABLE_VALUED_FUNCTION_REQUIRED_METADATA_{kind}",
        f"The table function cannot be called like this: {why}.",
        sqlstate="22023",
    )


def _is_one_row(plan: lp.LogicalPlan) -> bool:
    """Return whether a plan has one row at most, as far as Spark sees it."""
    match plan:
        case lp.OneRow():
            return True
        case lp.Values():
            return len(plan.rows) <= 1
        case lp.Limit():
            return plan.count is not None and plan.count <= 1
        case lp.Aggregate():
            return not plan.keys
        case lp.Project() | lp.Filter() | lp.SubqueryAlias() | lp.Rename() | lp.Sort():
            return _is_one_row(plan.child)
    return False


# ---- lateral joins --------------------------------------------------------------------------------------------


def lateral(
    left: lp.LogicalPlan, right: lp.LogicalPlan, kind: str, condition: e.Expression | None, analyzer: Analyzer
) -> lp.LogicalPlan:
    """Return a lateral join with a Python table function of the left side's columns.

    What stands between the join and the function is put above it: the function runs once over all rows of the left.
    """
    above: list[lp.LogicalPlan] = []
    plan = right
    while isinstance(plan, lp.SubqueryAlias | lp.Project | lp.Filter):
        above.append(plan)
        plan = plan.child
    if not isinstance(plan, lp.TableFunction):
        raise unsupported("This query over a table function of the left side's columns")
    is_outer, is_filtered = kind == "leftouter", any(isinstance(node, lp.Filter) for node in above)
    if is_outer and (condition is not None or is_filtered):
        raise unsupported("A left join with a condition over a table function of the left side's columns")
    if any(map(_is_outer, lp.expressions(left))):
        raise unsupported("A table function in a correlated subquery")
    if is_filtered and not plan.deterministic and not _is_one_row(left):
        raise AnalysisException(
            "UNSUPPORTED_SUBQUERY_EXPRESSION_CATEGORY.NON_DETERMINISTIC_LATERAL_SUBQUERIES",
            "A lateral query that filters the rows of a table function that is not deterministic cannot be joined "
            "with more than one row. Filter after the join, or mark the function: asDeterministic().",
            sqlstate="0A000",
        )

    def of_left(expression: e.Expression) -> Any:
        def bound(node: e.Expression) -> e.Expression:
            if isinstance(node, e.OuterReference):
                return e.Attribute(node.name, node.type, node.nullable, node.id)
            return node

        return expression.transform_up(bound)

    items = tuple(_named(of_left(argument)) for argument in plan.arguments)
    check_columns(left, items)
    read = lp.Project(left, (*left.output, *items))
    # Spark: a left join, too, leaves out the rows that the function makes none for.
    program = plan.program(len(left.output))
    found = through_python((read,), (*left.output, *plan.columns), program, analyzer.session)
    for node in reversed(above):
        if isinstance(node, lp.Filter):
            found = lp.Filter(found, of_left(node.condition))
        elif isinstance(node, lp.Project):
            found = lp.Project(found, (*left.output, *map(of_left, node.items)))
    output = tuple(replace(a, nullable=a.nullable or is_outer) for a in right.output)
    found = lp.Rename(found, (*left.output, *output))
    return found if condition is None else lp.Filter(found, condition)
