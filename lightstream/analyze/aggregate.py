"""GROUP BY: aggregate calls taken out of the select list, and HAVING over them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lightstream.analyze.analyzer import Analyzer, rule
from lightstream.analyze.calls import is_volatile, makes_rows
from lightstream.analyze.columns import check_columns, project
from lightstream.analyze.expressions import ExpressionResolver, check_no_maps
from lightstream.analyze.naming import name_item, shown, trim_alias
from lightstream.analyze.rows import as_ordinal, ordinal_column
from lightstream.analyze.scope import ambiguous, unresolved_column
from lightstream.analyze.time_windows import TimeWindows, has_time_window, is_session, with_merged_sessions
from lightstream.conf import Conf
from lightstream.errors import AnalysisException, unsupported
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp
from lightstream.plan import relations as r
from lightstream.plan import types as t

# GROUP BY ALL and ORDER BY ALL mean a column of this name first.
ALL = e.UnresolvedAttribute(("all",))


def is_aggregate_call(node: e.Expression) -> bool:
    """Return whether a node is a call of an aggregate function."""
    if not isinstance(node, e.Call):
        return False
    from lightstream.functions import registry

    function = registry.lookup(node.name)
    return function is not None and function.kind == "aggregate"


def has_aggregate(expression: e.Expression) -> bool:
    """Return whether an expression aggregates (a function over a window does not, what is inside it may)."""
    if isinstance(expression, e.WindowExpression):
        inner = (*expression.function.children, *expression.partition_by, *expression.order_by)
        return any(has_aggregate(child) for child in inner)
    return is_aggregate_call(expression) or any(has_aggregate(child) for child in expression.children)


@rule(r.Aggregate)
def _aggregate(relation: r.Aggregate, analyzer: Analyzer) -> lp.LogicalPlan:
    if relation.kind == "distinct":
        child = analyzer.plan(relation.input)
        check_no_maps(child.output)
        # Spark: SELECT DISTINCT is an aggregation by all columns without aggregates.
        if any(map(is_session, child.output)):
            return build_aggregate(child, child.output, child.output)
        return lp.Aggregate(child, child.output, ())
    child, keys, items, resolver = resolved_parts(relation, analyzer)
    check_columns(child, (*keys, *items))
    having = having_condition(relation.having, items, resolver, keys)
    return build_aggregate(child, keys, items, sets_of(relation, len(keys)), having)


def resolved_parts(
    relation: r.Aggregate, analyzer: Analyzer
) -> tuple[lp.LogicalPlan, list[e.Alias | e.Attribute], list[e.Alias | e.Attribute], ExpressionResolver]:
    """Return an aggregation's input, keys and select list, resolved, and what resolves over the input."""
    child = analyzer.plan(relation.input)
    resolver = analyzer.over(child)
    keys: list[e.Alias | e.Attribute] = []
    if relation.kind == "all" and not is_named(ALL, relation.items, resolver):
        from lightstream.analyze.group_by_all import keys_of_all

        items = resolver.named_all(relation.items)
        keys = keys_of_all(items, resolver)
        _refuse_generators(keys)
        _check_orderable(keys)
        refuse_outer(items)
        return child, keys, items, resolver
    for key in (ALL,) if relation.kind == "all" else relation.keys:
        keys.extend(_key(key, relation, resolver))
    for item in keys:
        if has_aggregate(item):
            raise AnalysisException(
                "GROUP_BY_AGGREGATE",
                f"Aggregate functions are not allowed in GROUP BY, but found {shown(item)}.",
                sqlstate="42903",
                parameters={"sqlExpr": shown(item)},
            )
    _check_orderable(keys)
    _refuse_generators(keys)
    if any(has_time_window(key) for key in keys):
        # A window is a column of the input from here on: `select window, count(*) ... group by window(...)`.
        windows = TimeWindows(child)
        keys = windows.take(keys)
        resolver = analyzer.over(windows.child)
        items = windows.take(resolver.named_all(relation.items))
        child = windows.child
    else:
        items = resolver.named_all(relation.items)
    if relation.piped:
        _check_piped(items)
    if relation.keys_first:
        items = [*keys, *items]
    refuse_scalar_subqueries(items, keys)
    refuse_outer((*items, *keys))
    if any(map(_correlated, keys)) and not any(map(_correlated, items)) and relation.kind == "groupby":
        raise AnalysisException(
            "UNSUPPORTED_SUBQUERY_EXPRESSION_CATEGORY.MUST_AGGREGATE_CORRELATED_SCALAR_SUBQUERY",
            "A correlated scalar subquery in GROUP BY must stand in the select list, too.",
            sqlstate="0A000",
        )
    return child, keys, items, resolver


def is_named(
    name: e.UnresolvedAttribute, items: Sequence[e.Expression], resolver: ExpressionResolver
) -> bool:
    """Return whether a column of the input, or an item of the select list, has a name."""
    same = resolver.scope.same
    named = (item for item in items if isinstance(item, e.Alias))
    return resolver.scope.find(name.parts) is not None or any(
        same(item.name, name.parts[0]) for item in named
    )


def _check_piped(items: Sequence[e.Expression]) -> None:
    for item in items:
        if not has_aggregate(item):
            text = shown(trim_alias(item))
            raise AnalysisException(
                "PIPE_OPERATOR_AGGREGATE_EXPRESSION_CONTAINS_NO_AGGREGATE_FUNCTION",
                f"The expression {text} of |> AGGREGATE has no aggregate function: add one, or move it to GROUP BY.",
                sqlstate="0A000",
                parameters={"expr": text},
            )


def _refuse_generators(keys: Sequence[e.Expression]) -> None:
    for key in keys:
        if any(makes_rows(node) or isinstance(node, e.WindowExpression) for node in key.walk()):
            raise AnalysisException(
                "UNSUPPORTED_EXPR_FOR_OPERATOR",
                f"{shown(trim_alias(key))} cannot be grouped by. Give it a column of its own below.",
                sqlstate="42K0E",
                parameters={"operator": "Aggregate", "invalidExprSqls": f'"{shown(trim_alias(key))}"'},
            )


def refuse_scalar_subqueries(items: Sequence[e.Expression], keys: Sequence[e.Expression] = ()) -> None:
    """Raise where an item of an aggregation has a correlated scalar subquery that is no key and not aggregated."""
    known = [trim_alias(key) for key in keys]
    nodes = list(items)
    while nodes:
        node = nodes.pop()
        if node in known or is_aggregate_call(node):
            continue
        if isinstance(node, e.SubqueryExpression) and node.kind == "scalar" and node.outer:
            raise AnalysisException(
                "SCALAR_SUBQUERY_IS_IN_GROUP_BY_OR_AGGREGATE_FUNCTION",
                f"The correlated scalar subquery '{shown(node)}' is neither present in GROUP BY, nor in an aggregate "
                "function. Add it to GROUP BY, or aggregate it.",
                sqlstate="0A000",
                parameters={"sqlExpr": f'"{shown(node)}"'},
            )
        nodes.extend(node.children)


def _correlated(expression: e.Expression) -> bool:
    nodes = (node for node in expression.walk() if isinstance(node, e.SubqueryExpression))
    return any(node.kind == "scalar" and node.outer for node in nodes)


def _key(
    key: e.Expression, relation: r.Aggregate, resolver: ExpressionResolver
) -> Sequence[e.Alias | e.Attribute]:
    if relation.piped and isinstance(key, e.UnresolvedOrdinal):
        return [ordinal_column(key, resolver.scope.attributes, "GROUP BY")]
    if relation.keys_first and relation.kind == "groupby" and not relation.piped:
        _check_position(key, relation)
    items = relation.items
    if isinstance(key, e.UnresolvedOrdinal):
        if not 1 <= key.position <= len(items):
            ordinal_column(key, [e.Attribute("", t.NullType(), True, 0)] * len(items), "GROUP BY")
        return _item_as_key(items[key.position - 1], items, resolver)
    try:
        return resolver.named(key)
    except AnalysisException as error:
        if not (error.getCondition() or "").startswith("UNRESOLVED_COLUMN"):
            raise
        if isinstance(key, e.UnresolvedAttribute) and len(key.parts) == 1:
            for item in items:
                if isinstance(item, e.Alias) and resolver.scope.same(item.name, key.parts[0]):
                    return _item_as_key(item, items, resolver)
        raise


def _item_as_key(
    item: e.Expression, items: Sequence[e.Expression], resolver: ExpressionResolver
) -> Sequence[e.Alias | e.Attribute]:
    try:
        return resolver.named(item)
    except AnalysisException as error:
        names = [node for node in item.walk() if isinstance(node, e.UnresolvedAttribute)]
        unresolved = (error.getCondition() or "").startswith("UNRESOLVED_COLUMN")
        if unresolved and any(is_named(replace(n, parts=n.parts[:1]), items, resolver) for n in names):
            raise lateral_in_group_by() from None
        raise


def lateral_in_group_by() -> AnalysisException:
    """Return the error of a key that is an item of the select list and names another one by its alias."""
    return AnalysisException(
        "UNSUPPORTED_FEATURE.LATERAL_COLUMN_ALIAS_IN_GROUP_BY",
        "Referencing a lateral column alias via GROUP BY alias, position or ALL.",
        sqlstate="0A000",
    )


def _check_orderable(keys: Sequence[e.Expression]) -> None:
    """Raise where a key is of a type whose values Spark does not compare."""
    for key in keys:
        found = e.type_of(key)
        if t.holds(found, t.VariantType):
            raise AnalysisException(
                "GROUP_EXPRESSION_TYPE_IS_NOT_ORDERABLE",
                f'The expression "{shown(key)}" cannot be used as a grouping expression because its data type '
                f'"{found.sql()}" is not an orderable data type.',
                sqlstate="42822",
                parameters={"sqlExpr": f'"{shown(key)}"', "dataType": f'"{found.sql()}"'},
            )


def _check_position(key: e.Expression, relation: r.Aggregate) -> None:
    """Raise where a number among a DataFrame's keys is no position of a key: it is one of the row that comes out."""
    ordinal = as_ordinal(key)
    if ordinal is None:
        return
    if any(isinstance(node, e.UnresolvedStar) for item in relation.items for node in item.walk()):
        raise AnalysisException(
            "STAR_GROUP_BY_POS",
            "Star (*) is not allowed in a select list when GROUP BY an ordinal position is used.",
            sqlstate="0A000",
        )
    row = (*relation.keys, *relation.items)
    ordinal_column(ordinal, [e.Attribute("", t.NullType(), True, 0)] * len(row), "GROUP BY")
    target = row[ordinal.position - 1]
    if calls_aggregate(target):
        raise AnalysisException(
            "GROUP_BY_POS_AGGREGATE",
            f"GROUP BY {ordinal.position} refers to an expression that contains an aggregate function.",
            sqlstate="42903",
            parameters={"index": str(ordinal.position)},
        )


def sets_of(relation: r.Aggregate, width: int) -> tuple[tuple[int, ...], ...]:
    """Return the grouping sets as places of keys; none for an ordinary GROUP BY."""
    every = tuple(range(width))
    if relation.kind == "rollup":
        return tuple(every[:length] for length in range(width, -1, -1))
    if relation.kind == "cube":
        return tuple(tuple(i for i in every if not mask >> (width - 1 - i) & 1) for mask in range(1 << width))
    if relation.kind == "sets":
        return relation.grouping_sets
    return ()


def over_aggregate(
    expression: e.Expression,
    items: Sequence[e.Alias | e.Attribute],
    resolver: ExpressionResolver,
    keys: Sequence[e.Expression] | None = None,
) -> e.Expression:
    """Resolve an ORDER BY expression, or a condition (HAVING): by the select list's names, or over the input.

    What is one of the `keys` of a HAVING is that before it is an item of the select list.
    """
    named = _by_name(items)
    aliases = {name: trim_alias(found[0]) for name, found in named.items() if len(found) == 1}
    known = [trim_alias(key) for key in keys or ()]

    def is_key(node: e.Expression) -> bool:
        names = [n for n in node.walk() if isinstance(n, e.UnresolvedAttribute)]
        if not known or all(n.parts[0].lower() not in aliases for n in names):
            return False
        if any(isinstance(n, e.SubqueryExpression) for n in node.walk()):
            return False
        try:
            return resolver.value(node) in known
        except AnalysisException:
            return False

    def by_alias(node: e.Expression) -> e.Expression:
        # Inside an aggregate call names are the input's; outside, the select list's come first.
        if isinstance(node, e.UnresolvedFunction) and is_aggregate_name(node.name):
            return node.map_children(by_column)
        if is_key(node):
            return node
        if isinstance(node, e.UnresolvedAttribute) and len(node.parts) == 1:
            name = node.parts[0].lower()
            return of_several(node) if len(named.get(name, ())) > 1 else aliases.get(name, node)
        return node.map_children(by_alias)

    def by_column(node: e.Expression) -> e.Expression:
        # A column that the select list names with its table is known without it.
        if isinstance(node, e.UnresolvedAttribute) and len(node.parts) == 1:
            found = aliases.get(node.parts[0].lower())
            return (
                found if isinstance(found, e.Attribute) and resolver.scope.is_ambiguous(node.parts) else node
            )
        return node.map_children(by_column)

    def of_several(node: e.UnresolvedAttribute) -> e.Expression:
        # Spark: a name that the select list has twice is the input's, if that has it.
        try:
            return resolver.value(node)
        except AnalysisException:
            columns = [i if isinstance(i, e.Attribute) else i.to_attribute() for i in items]
            if keys is None:
                raise unresolved_column(node.parts, columns) from None
            raise ambiguous(
                node.parts, [c for c in columns if c.name.lower() == node.parts[0].lower()]
            ) from None

    rewritten = by_alias(expression)
    return resolver.value(rewritten) if keys is None else resolver.condition(rewritten, "having")


def _by_name(items: Sequence[e.Alias | e.Attribute]) -> dict[str, list[e.Alias | e.Attribute]]:
    """Return a select list's items by their names; of those that are the same thing only the first."""
    named: dict[str, list[e.Alias | e.Attribute]] = {}
    for item in items:
        others = named.setdefault(item.name.lower(), [])
        if all(trim_alias(item) != trim_alias(other) for other in others):
            others.append(item)
    return named


def having_condition(
    condition: e.Expression | None,
    items: Sequence[e.Alias | e.Attribute],
    resolver: ExpressionResolver,
    keys: Sequence[e.Expression],
) -> e.Expression | None:
    """Resolve the condition of HAVING, if there is one.

    Raises:
        AnalysisException: WINDOW_FUNCTION_NOT_ALLOWED_IN_CLAUSE.
    """
    if condition is None:
        return None
    if has_window(condition):
        raise AnalysisException(
            "WINDOW_FUNCTION_NOT_ALLOWED_IN_CLAUSE",
            "It is not allowed to use window functions inside HAVING clause.",
            sqlstate="42601",
            parameters={"clauseName": "HAVING"},
        )
    below = [item for item in items if not has_window(item)]
    return over_aggregate(condition, below, resolver, keys=keys)


def has_window(expression: e.Expression) -> bool:
    """Return whether a function over a window is part of an expression."""
    return any(isinstance(node, e.WindowExpression) for node in expression.walk())


def build_aggregate(
    child: lp.LogicalPlan,
    keys: Sequence[e.Alias | e.Attribute],
    items: Sequence[e.Alias | e.Attribute],
    grouping_sets: tuple[tuple[int, ...], ...] = (),
    having: e.Expression | None = None,
) -> lp.LogicalPlan:
    """Return an Aggregate of keys and bare aggregate calls, below a projection to `items` where one is needed.

    `having` is a condition on the groups, of which `items` see those that meet it: their windows, too.

    Raises:
        AnalysisException: MISSING_AGGREGATION, NESTED_AGGREGATE_FUNCTION,
            AGGREGATE_FUNCTION_WITH_NONDETERMINISTIC_EXPRESSION.
    """
    distinct_keys: list[e.Alias | e.Attribute] = []
    for key in keys:
        if all(trim_alias(key) != trim_alias(other) for other in distinct_keys) or grouping_sets:
            distinct_keys.append(key)
    if grouping_sets:
        # A key that is grouped away is NULL while aggregates still see its values: give it a column of its own.
        distinct_keys = [e.Alias(trim_alias(k), (k.name,), id=e.fresh_id()) for k in distinct_keys]
    by_expression = [
        (trim_alias(k), k if isinstance(k, e.Attribute) else k.to_attribute()) for k in distinct_keys
    ]
    if grouping_sets:
        always = set.intersection(*map(set, grouping_sets))
        by_expression = [
            (key, attribute if position in always else replace(attribute, nullable=True))
            for position, (key, attribute) in enumerate(by_expression)
        ]
    else:
        _refuse_grouping([*items, *([] if having is None else [having])])
    aggregates: list[e.Alias] = []
    grouping_id = (
        e.Attribute("spark_grouping_id", t.LongType(), False, e.fresh_id()) if grouping_sets else None
    )

    def take(call: e.Call, name: str, alias_id: int = 0) -> e.Attribute:
        for known in aggregates:
            if known.child == call and not alias_id:
                return known.to_attribute()
        if call.filter is not None and is_volatile(call.filter):
            raise AnalysisException(
                "INVALID_AGGREGATE_FILTER.NON_DETERMINISTIC",
                f'The FILTER of "{shown(call)}" is not deterministic.',
                sqlstate="42903",
                parameters={"filterExpr": f'"{shown(call.filter)}"'},
            )
        refuse_outer((call,))
        for argument in call.children:
            if has_aggregate(argument):
                raise nested_aggregate()
            if is_volatile(argument):
                raise AnalysisException(
                    "AGGREGATE_FUNCTION_WITH_NONDETERMINISTIC_EXPRESSION",
                    f'The argument of "{shown(call)}" is not deterministic. Compute it in a sub-query.',
                    sqlstate="42845",
                    parameters={"sqlExpr": f'"{shown(call)}"'},
                )
        alias = e.Alias(call, (name,), id=alias_id or e.fresh_id())
        aggregates.append(alias)
        return alias.to_attribute()

    def rewrite(node: e.Expression) -> e.Expression:
        for expression, attribute in by_expression:
            if node == expression:
                return attribute
        if grouping_id is not None and isinstance(node, e.Call) and node.name in ("grouping", "grouping_id"):
            return grouping_call(node, by_expression, grouping_id, Conf())
        if isinstance(node, e.Call) and is_aggregate_call(node):
            return take(node, shown(node))
        if isinstance(node, e.WindowExpression):
            return replace(
                node,
                function=node.function.map_children(rewrite),
                partition_by=tuple(map(rewrite, node.partition_by)),
                order_by=tuple(replace(o, child=rewrite(o.child)) for o in node.order_by),
            )
        rewritten = node.map_children(rewrite)
        return _with_nulls(rewritten) if grouping_sets else rewritten

    outputs: list[e.Alias | e.Attribute] = []
    for item in items:
        if isinstance(item, e.Alias) and isinstance(item.child, e.Call) and is_aggregate_call(item.child):
            outputs.append(take(item.child, item.name, item.id))
            continue
        body = rewrite(trim_alias(item))
        if isinstance(item, e.Attribute):
            base = body if isinstance(body, e.Attribute) else item
            outputs.append(
                replace(base, name=item.name) if isinstance(base, e.Attribute) else name_item(base)
            )
        elif isinstance(body, e.Attribute) and body.name == item.name and not item.metadata:
            outputs.append(body)
        else:
            outputs.append(replace(item, child=body))
    conditions = [] if having is None else [rewrite(having)]
    plan_keys: tuple[e.Alias | e.Attribute, ...] = tuple(distinct_keys)
    if any(map(is_session, plan_keys)):
        if grouping_sets:
            raise unsupported("rollup, cube or grouping sets of session windows")
        if not child.is_streaming:
            child, plan_keys = with_merged_sessions(child, plan_keys)
    plan = lp.Aggregate(child, plan_keys, tuple(aggregates), grouping_sets, grouping_id)
    _refuse_ungrouped([*outputs, *conditions], plan)
    groups = lp.Filter(plan, conditions[0]) if conditions else plan
    # What comes out may be nullable where the expression is not: from a state store, or grouped away.
    nullable = {a.id: a.nullable for a in plan.output}
    outputs = [
        replace(item, nullable=nullable[item.id])
        if isinstance(item, e.Attribute)
        else replace(item, child=replace(item.child, nullable=nullable[item.child.id]))
        if isinstance(item.child, e.Attribute)
        else item
        for item in outputs
    ]
    names = [(a.id, a.name) for a in plan.output]
    if [(o.id, o.name) for o in outputs if isinstance(o, e.Attribute)] == names and len(outputs) == len(
        names
    ):
        return groups
    projected = project(groups, outputs)
    return lp.Rename(projected, lp.from_state(projected.output)) if plan.is_streaming else projected


def refuse_outer(items: Sequence[e.Expression]) -> None:
    """Raise where an item of an aggregation in a subquery has columns of the enclosing query."""
    for item in items:
        if not any(isinstance(node, e.OuterReference) for node in item.walk()):
            continue
        for call in filter(is_aggregate_call, item.walk()):
            kinds = {type(node) for node in call.walk()}
            if e.OuterReference in kinds and e.Attribute in kinds:
                raise _outer_refused(
                    "AGGREGATE_FUNCTION_MIXED_OUTER_LOCAL_REFERENCES", "function", shown(call)
                )
        raise _outer_refused("CORRELATED_REFERENCE", "sqlExprs", f'"{shown(item)}"')


def _outer_refused(kind: str, parameter: str, text: str) -> AnalysisException:
    return AnalysisException(
        f"UNSUPPORTED_SUBQUERY_EXPRESSION_CATEGORY.{kind}",
        f"{text} stands in an aggregation and has columns of the enclosing query. Select them in a subquery below it.",
        sqlstate="0A000",
        parameters={parameter: text},
    )


def _with_nulls(node: e.Expression) -> e.Expression:
    """Return an expression over keys that can be NULL now, with the nullability that follows."""
    from lightstream.functions import registry

    if isinstance(node, e.Cast):
        return replace(node, nullable=node.nullable or e.nullable_of(node.child))
    if not isinstance(node, e.Call) or node.nullable or not any(map(e.nullable_of, node.args)):
        return node
    try:
        return replace(node, nullable=registry.entry_of(node).bind(node.name, node.args, Conf()).nullable)
    except AnalysisException:  # it was bound with fewer arguments than it has now
        return replace(node, nullable=True)


def grouping_call(
    call: e.Call, keys: Sequence[tuple[e.Expression, e.Attribute]], grouping_id: e.Attribute, conf: Conf
) -> e.Expression:
    """Return grouping() or grouping_id() over the bits of an aggregation's grouping id."""
    from lightstream.functions import registry

    expressions = [expression for expression, _ in keys]
    shown_keys = ",".join(map(shown, expressions))
    if call.name == "grouping_id":
        if call.args and list(call.args) != expressions:
            shown_args = ",".join(map(shown, call.args))
            raise AnalysisException(
                "GROUPING_ID_COLUMN_MISMATCH",
                f"Columns of grouping_id ({shown_args}) does not match grouping columns ({shown_keys}).",
                sqlstate="42803",
                parameters={"groupingIdColumn": shown_args, "groupByColumns": shown_keys},
            )
        return grouping_id
    if call.args[0] not in expressions:
        raise AnalysisException(
            "GROUPING_COLUMN_MISMATCH",
            f"Column of grouping ({shown(call.args[0])}) can't be found in grouping columns {shown_keys}.",
            sqlstate="42803",
            parameters={"grouping": shown(call.args[0]), "groupingColumns": shown_keys},
        )
    place = e.Literal(len(keys) - 1 - expressions.index(call.args[0]), t.IntegerType())
    moved = registry.bind_call("shiftright", (grouping_id, place), conf)
    bit = registry.bind_call("&", (moved, e.Literal(1, t.LongType())), conf)
    return e.Cast(bit, t.ByteType(), implicit=True, nullable=False)


def _refuse_grouping(items: Sequence[e.Expression]) -> None:
    for item in items:
        for node in item.walk():
            if isinstance(node, e.Call) and node.name in ("grouping", "grouping_id"):
                raise AnalysisException(
                    "UNSUPPORTED_GROUPING_EXPRESSION",
                    "grouping()/grouping_id() can only be used with GroupingSets/Cube/Rollup.",
                    sqlstate="42K0E",
                )


def _refuse_ungrouped(items: Sequence[e.Expression], plan: lp.Aggregate) -> None:
    known = {a.id for a in plan.output}
    for item in items:
        for node in item.walk():
            if isinstance(node, e.Attribute) and node.id not in known:
                if plan.keys or plan.grouping_sets:
                    raise AnalysisException(
                        "MISSING_AGGREGATION",
                        f'The non-aggregating expression "{node.name}" is based on columns which are not participating '
                        "in the GROUP BY clause. Add the columns or the expression to the GROUP BY, aggregate the "
                        'expression, or use "any_value({0})" if you do not care which of the values within a group is '
                        "returned.".replace("{0}", node.name),
                        sqlstate="42803",
                        parameters={
                            "expression": f'"{node.name}"',
                            "expressionAnyValue": f'"any_value({node.name})"',
                        },
                    )
                raise missing_group_by()


def missing_group_by() -> AnalysisException:
    """Return the error of columns beside aggregates, without GROUP BY."""
    return AnalysisException(
        "MISSING_GROUP_BY",
        "The query does not include a GROUP BY clause. Add GROUP BY or turn it into the window functions using OVER "
        "clauses.",
        sqlstate="42803",
    )


def nested_aggregate() -> AnalysisException:
    """Return the error of an aggregate function in another."""
    return AnalysisException(
        "NESTED_AGGREGATE_FUNCTION",
        "It is not allowed to use an aggregate function in the argument of another aggregate function. "
        "Please use the inner aggregate function in a sub-query.",
        sqlstate="42607",
    )


def is_aggregate_name(name: str) -> bool:
    """Return whether an aggregate function has this name."""
    from lightstream.functions import registry

    function = registry.lookup(name)
    return function is not None and function.kind == "aggregate"


def calls_aggregate(expression: e.Expression) -> bool:
    """Return whether an unresolved expression calls an aggregate function, or names grouping sets."""
    names = (node.name for node in expression.walk() if isinstance(node, e.UnresolvedFunction))
    return any(is_aggregate_name(name) or name.lower() in ("grouping", "grouping_id") for name in names)
