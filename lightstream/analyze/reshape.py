"""Window functions, generators, pivot and unpivot: what changes the shape of rows."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from functools import partial

from lightstream.analyze.analyzer import Analyzer, rule
from lightstream.analyze.calls import is_builtin, is_only_in_from, makes_rows
from lightstream.analyze.columns import check_columns
from lightstream.analyze.expressions import check_subqueries
from lightstream.analyze.naming import shown, trim_alias
from lightstream.analyze.scope import Scope
from lightstream.errors import AnalysisException, unsupported
from lightstream.functions import registry
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp
from lightstream.plan import relations as r
from lightstream.plan import types as t
from lightstream.plan.literal_texts import literal_text


def with_windows(child: lp.LogicalPlan, items: Sequence[e.Alias | e.Attribute]) -> lp.LogicalPlan:
    """Return a projection whose window functions are columns of a Window operator below it."""
    numbered_only = not any(isinstance(n, e.WindowExpression) for item in items for n in item.walk())
    if child.is_streaming and numbered_only:
        if any(registry.is_seeded(n) for item in items for n in item.walk()):
            raise unsupported("A random number with a seed in a stream")
        raise AnalysisException(
            "_LEGACY_ERROR_TEMP_3102",
            "Expression(s): monotonically_increasing_id() is not supported with streaming DataFrames/Datasets",
        )
    if child.is_streaming:
        raise AnalysisException(
            "NON_TIME_WINDOW_NOT_SUPPORTED_IN_STREAMING",
            "Window functions are not supported on streaming DataFrames/Datasets. Structured Streaming only supports "
            "time-window aggregation using the WINDOW function.",
            sqlstate="42KDE",
        )
    windows: list[e.Alias] = []

    def place() -> e.Expression:
        """Return the position of the row: there is one partition."""
        call = e.Call("row_number", (), t.IntegerType(), False, "row_number")
        number = e.Alias(e.WindowExpression(call, (), ()), ("window",), id=e.fresh_id())
        windows.append(number)
        found = e.Cast(number.to_attribute(), t.LongType(), implicit=True, nullable=False)
        return e.Call("-", (found, e.Literal(1, t.LongType())), t.LongType(), False, "-")

    def take(node: e.Expression) -> e.Expression:
        if registry.wants_row(node):
            assert isinstance(node, e.Call)
            return replace(node, args=(*node.args, place()))
        _check_rows(node)
        if isinstance(node, e.WindowExpression):
            check_over(node)
            for known in windows:
                if known.child == node:
                    return known.to_attribute()
            alias = e.Alias(node, ("window",), id=e.fresh_id())
            windows.append(alias)
            return alias.to_attribute()
        return node.map_children(take)

    outputs = [
        item if isinstance(item, e.Attribute) else replace(item, child=take(item.child)) for item in items
    ]
    check_columns(child, items)
    return lp.Project(lp.Window(child, tuple(windows)), tuple(outputs))


_CONDITIONAL = frozenset(
    (
        "if",
        "when",
        "coalesce",
        "nvl",
        "nvl2",
        "nullif",
        "nanvl",
        "zeroifnull",
        "nullifzero",
        "and",
        "or",
        "in",
        "decode",
    )
)


def check_over(window: e.WindowExpression) -> None:
    """Raise where what stands over a window is no function over one, or takes distinct values."""
    from lightstream.functions import registry

    function = window.function
    if isinstance(function, e.Call) and function.distinct:
        raise AnalysisException(
            "DISTINCT_WINDOW_FUNCTION_UNSUPPORTED",
            f'Distinct window functions are not supported: "{shown(window)}".',
            sqlstate="0A000",
            parameters={"windowExpr": f'"{shown(window)}"'},
        )
    scalar = isinstance(function, e.Call) and registry.entry_of(function).kind == "scalar"
    if scalar or isinstance(function, e.PythonUdf):
        raise AnalysisException(
            "UNSUPPORTED_EXPR_FOR_WINDOW",
            f'The expression "{shown(function)}" is no function over a window.',
            sqlstate="42P20",
            parameters={"sqlExpr": f'"{shown(function)}"'},
        )


def _check_rows(node: e.Expression) -> None:
    """Refuse random numbers with a seed where Spark draws one for some rows only.

    Raises:
        UnsupportedOperationException: they stand in a condition, or beside what can be NULL.
    """
    if not isinstance(node, e.Call | e.LambdaFunction):
        return
    seeded = [child for child in node.children if any(map(registry.is_seeded, child.walk()))]
    others = [child for child in node.children if child not in seeded]
    strict = isinstance(node, e.Call) and node.name not in _CONDITIONAL
    if seeded and not (strict and not any(map(e.nullable_of, others))):
        raise unsupported("A random number with a seed in a condition or beside what can be NULL")


def with_lateral_aliases(
    child: lp.LogicalPlan, items: Sequence[e.Alias | e.Attribute], used: set[int]
) -> lp.LogicalPlan:
    """Return a projection whose items name aliases of the same list: one operator above the other."""
    from lightstream.analyze.aggregate import build_aggregate, has_aggregate
    from lightstream.analyze.columns import project

    depth: dict[int, int] = {}
    aliases = [item for item in items if isinstance(item, e.Alias)]
    for item in aliases:
        named = [depth[n.id] for n in item.walk() if isinstance(n, e.Attribute) and n.id in used]
        depth[item.id] = 1 + max(named) if named else 0
    above = [item for item in aliases if depth[item.id] > 0]
    first: list[e.Alias | e.Attribute] = [item for item in aliases if depth[item.id] == 0]
    if any(has_aggregate(item) for item in first):
        first += [item for item in items if isinstance(item, e.Attribute) and item.id not in depth]
    if any(has_aggregate(item) for item in first):
        plan = build_aggregate(child, (), first)
    else:
        plan = project(child, [*child.output, *first])
    known = {a.id for a in plan.output} | {item.id for item in above}
    for node in (node for item in above for node in item.walk()):
        foreign = isinstance(node, e.Attribute) and node.id not in known
        if foreign or isinstance(node, e.WindowExpression) or has_aggregate(node):
            raise unsupported("This use of an alias in the select list that makes it")
    for level in range(1, max(depth.values()) + 1):
        made = [item for item in above if depth[item.id] == level]
        plan = project(plan, [*plan.output, *made])
    made_by_id = {item.id: item.to_attribute() for item in aliases}
    return lp.Project(plan, tuple(made_by_id.get(i.id, i) for i in items))


def with_generators(child: lp.LogicalPlan, items: Sequence[e.Alias | e.Attribute]) -> lp.LogicalPlan:
    """Return a projection over a Generate for each generator of a select list, the first one innermost."""
    plan = child
    outputs: list[e.Alias | e.Attribute] = []
    for item in items:
        generator = trim_alias(item)
        if not makes_rows(generator):
            outputs.append(item)
            continue
        names = item.names if isinstance(item, e.Alias) else ()
        names = names if len(names) > 1 else _own_names(item, generator)
        plan = generate(plan, generator, names, outer=False)
        outputs.extend(plan.generated)
    check_columns(plan, outputs)
    return lp.Project(plan, tuple(outputs))


def _own_names(item: e.Alias | e.Attribute, generator: e.Expression) -> tuple[str, ...]:
    # An alias that the analyser gave is the call's own text: then the generator names its columns itself.
    return () if not isinstance(item, e.Alias) or item.name == shown(generator) else item.names


def generate(
    child: lp.LogicalPlan, generator: e.Expression, names: Sequence[str], outer: bool
) -> lp.Generate:
    """Return a Generate; the generator's type is a struct of the columns that it makes."""
    struct = e.type_of(generator)
    if not isinstance(generator, e.Call) or not isinstance(struct, t.StructType):
        raise unsupported("This generator")
    if names and len(names) != len(struct.fields):
        raise AnalysisException(
            "UDTF_ALIAS_NUMBER_MISMATCH",
            f"The number of aliases supplied ({','.join(names)}) does not match the number of columns that the "
            f"generator makes ({len(struct.fields)}).",
            sqlstate="42802",
            parameters={"aliasesNames": ",".join(names), "aliasesSize": str(len(struct.fields))},
        )
    check_columns(child, (generator,))
    check_subqueries(generator, "a generator")
    is_outer = outer or generator.name.endswith("_outer")
    columns = tuple(
        e.Attribute(name, field.dataType, field.nullable or is_outer, e.fresh_id())
        for name, field in zip(names or struct.names, struct.fields, strict=True)
    )
    return lp.Generate(child, generator, columns, is_outer)


@rule(r.Generate)
def _generate(relation: r.Generate, analyzer: Analyzer) -> lp.LogicalPlan:
    child = analyzer.plan(relation.input)
    call = relation.generator
    if isinstance(call, e.UnresolvedFunction) and (not is_builtin(call.name) or is_only_in_from(call.name)):
        raise AnalysisException(
            "ROUTINE_NOT_FOUND",
            f"The routine `default`.`{call.name}` cannot be found among the generators.",
            sqlstate="42883",
            parameters={"routineName": f"`default`.`{call.name}`"},
        )
    generator = analyzer.over(child).value(call)
    plan = generate(child, generator, relation.columns, relation.outer)
    qualifier = (relation.alias,) if relation.alias else ()
    return replace(plan, generated=tuple(replace(a, qualifier=qualifier) for a in plan.generated))


# ---- columns to rows ------------------------------------------------------------------------------------------


@rule(r.Unpivot)
def _unpivot(relation: r.Unpivot, analyzer: Analyzer) -> lp.LogicalPlan:
    child = analyzer.plan(relation.input)
    resolver = analyzer.over(child)
    groups: list[tuple[str, list[e.Alias | e.Attribute]]] = []
    if relation.values is not None:
        for group in relation.values:
            columns = resolver.named_all(group.columns)
            if len(columns) > 1 and len(relation.value_names) == 1:  # a star stands for one group a column
                groups.extend((column.name, [column]) for column in columns)
            else:
                groups.append((group.name or "_".join(column.name for column in columns), columns))
    if relation.ids is not None:
        ids = resolver.named_all(relation.ids)
    else:
        used = {i for _, columns in groups for column in columns for i in e.references(column)}
        ids = [a for a in child.output if a.id not in used]
    if relation.values is None:
        known = {i for item in ids for i in e.references(item)}
        groups = [(a.name, [a]) for a in child.output if a.id not in known]
    if not groups:
        raise AnalysisException(
            "UNPIVOT_REQUIRES_VALUE_COLUMNS",
            "At least one value column needs to be specified for UNPIVOT, all columns specified as ids.",
            sqlstate="42K0A",
        )
    sizes = {len(columns) for _, columns in groups}
    if sizes != {len(relation.value_names)}:
        raise AnalysisException(
            "UNPIVOT_VALUE_SIZE_MISMATCH",
            f"All unpivot value columns must have the same size as there are value column names "
            f"({', '.join(relation.value_names)}).",
            sqlstate="428C4",
            parameters={"names": ", ".join(relation.value_names)},
        )
    return _unpivoted(child, ids, groups, relation, analyzer)


def _unpivoted(
    child: lp.LogicalPlan,
    ids: Sequence[e.Alias | e.Attribute],
    groups: Sequence[tuple[str, list[e.Alias | e.Attribute]]],
    relation: r.Unpivot,
    analyzer: Analyzer,
) -> lp.LogicalPlan:
    from lightstream.functions.coercion import cast_to, common_type_without_strings

    ansi = analyzer.conf.ansi
    width = len(relation.value_names)
    targets, kinds = [], []
    for place in range(width):
        columns = [group[place] for _, group in groups]
        target = common_type_without_strings([column.type for column in columns])
        if target is None:
            shown_types = ", ".join(f'"{c.type.sql()}" (`{c.name}`)' for c in columns)
            raise AnalysisException(
                "UNPIVOT_VALUE_DATA_TYPE_MISMATCH",
                f"Unpivot value columns must share a least common type, some types do not: [{shown_types}].",
                sqlstate="42K09",
                parameters={"types": shown_types},
            )
        targets.append(target)
        # Spark: where the types differ in nothing but what may be NULL, the first one is taken.
        alike = all(t.same_structure(column.type, columns[0].type) for column in columns)
        kinds.append(columns[0].type if alike else target)
    cells: list[e.Expression] = [e.Literal(len(groups), t.IntegerType())]
    for name, group in groups:
        cells.append(e.Literal(name, t.StringType()))
        cells.extend(cast_to(trim_alias(c), target, ansi) for c, target in zip(group, targets, strict=True))
    names = (relation.variable_name, *relation.value_names)
    rows = generate(child, registry.bind_call("stack", tuple(cells), analyzer.conf), names, outer=False)
    nullable = [False, *(any(e.nullable_of(group[i]) for _, group in groups) for i in range(width))]
    given = zip(rows.generated, nullable, (t.StringType(), *kinds), strict=True)
    generated = tuple(replace(a, nullable=null, type=kind) for a, null, kind in given)
    rows = replace(rows, generated=generated)
    check_columns(child, ids)
    plan: lp.LogicalPlan = lp.Project(rows, (*ids, *generated))
    if relation.include_nulls:
        return plan
    present: e.Expression | None = None
    for column in generated[1:]:
        holds = registry.bind_call("isnotnull", (column,), analyzer.conf)
        present = holds if present is None else registry.bind_call("or", (present, holds), analyzer.conf)
    assert present is not None
    return lp.Filter(plan, present)


# ---- rows to columns ------------------------------------------------------------------------------------------


@rule(r.Pivot)
def _pivot(relation: r.Pivot, analyzer: Analyzer) -> lp.LogicalPlan:
    from lightstream.analyze.aggregate import has_aggregate
    from lightstream.analyze.time_windows import with_time_windows
    from lightstream.functions.casts import can_cast

    child = analyzer.plan(relation.input)
    resolver = analyzer.over(child)
    column = resolver.value(relation.column)
    if relation.keys is not None and any(
        isinstance(node, e.UnresolvedStar) for item in relation.items for node in item.walk()
    ):
        # Spark: not in `pivot(...).agg(...)`; in SQL count(*) was replaced before.
        raise AnalysisException(
            "INVALID_USAGE_OF_STAR_OR_REGEX",
            "Invalid usage of '*' in Pivot. Count a literal: F.count(F.lit(1)).",
            sqlstate="42000",
            parameters={"elem": "'*'", "prettyName": "Pivot"},
        )
    items = resolver.named_all(relation.items)
    for item in items:
        if not has_aggregate(item):
            raise AnalysisException(
                "_LEGACY_ERROR_TEMP_1006",
                f"Aggregate expression required for pivot, but '{shown(item)}' did not appear in any aggregate "
                "function.",
            )
    keys: list[e.Alias | e.Attribute]
    if relation.keys is None:
        used = {i for item in (column, *items) for i in e.references(item)}
        keys = [a for a in child.output if a.id not in used]
    else:
        child, keys = with_time_windows(child, resolver.named_all(relation.keys))
    kind = e.type_of(column)
    constants = analyzer.resolver(Scope((), analyzer.conf.case_sensitive))
    values: list[tuple[str, e.Expression]] = []
    for given in relation.values or ():
        (value,) = resolver.named(given) if _names_columns(given) else constants.named(given)
        if e.references(value):
            raise AnalysisException(
                "NON_LITERAL_PIVOT_VALUES",
                f'Literal expressions required for pivot values, found "{shown(value)}".',
                sqlstate="42K08",
                parameters={"expression": f'"{shown(value)}"'},
            )
        bare = trim_alias(value)
        source = e.type_of(bare)
        same = t.same_structure(source, kind)
        if not same and not can_cast(source, kind, "legacy"):
            raise AnalysisException(
                "PIVOT_VALUE_DATA_TYPE_MISMATCH",
                f"Invalid pivot value '{shown(bare)}': value data type \"{source.sql()}\" does not match pivot "
                f'column data type "{kind.sql()}".',
                sqlstate="42K09",
            )
        name = value.name if isinstance(given, e.Alias) else value_text(bare, analyzer.conf.time_zone)
        # Spark: what only other rules cast is cast by them.
        mode = "ansi" if analyzer.conf.ansi and can_cast(source, kind, "ansi") else "legacy"
        cast = bare if source == kind else e.Cast(bare, kind, mode, implicit=True)
        if cast is not bare and isinstance(kind, t.AtomicType):
            analyzer.session.constant(cast)  # Spark: computed at once, so that one which does not fit fails
        values.append((name, cast))
    return _pivoted(child, keys, column, values, items, analyzer)


def _names_columns(expression: e.Expression) -> bool:
    return any(isinstance(node, e.UnresolvedAttribute | e.Attribute) for node in expression.walk())


# Spark picks the values of these types out of an aggregation by keys and pivot column; the others it computes anew
# for each pivot value. That shows in counts: NULL where there are no rows, against 0.
_PICKED = (t.NumericType, t.BooleanType)


def _pivoted(
    child: lp.LogicalPlan,
    keys: Sequence[e.Alias | e.Attribute],
    column: e.Expression,
    values: Sequence[tuple[str, e.Expression]],
    items: Sequence[e.Alias | e.Attribute],
    analyzer: Analyzer,
) -> lp.LogicalPlan:
    from lightstream.analyze.aggregate import build_aggregate
    from lightstream.analyze.time_windows import is_session

    def where(value: e.Expression, pivot: e.Expression, found: e.Expression) -> e.Expression:
        matches = registry.bind_call("<=>", (pivot, value), analyzer.conf)
        return registry.bind_call("when", (matches, found), analyzer.conf)

    def name_of(value: str, item: e.Alias | e.Attribute) -> str:
        return value if len(items) == 1 else f"{value}_{item.name}"

    outputs: list[e.Alias | e.Attribute] = []
    if all(isinstance(item.type, _PICKED) for item in items):
        if any(map(is_session, keys)):  # Spark: of sessions that meet across pivot values the last is picked
            raise unsupported("A pivot of numbers by a session window")
        pivot = e.Alias(column, ("pivot",), id=e.fresh_id())
        inner = build_aggregate(child, (*keys, pivot), (*keys, pivot, *items))
        found = inner.output
        for value, constant in values:
            for item, attribute in zip(items, found[len(keys) + 1 :], strict=True):
                chosen = where(constant, found[len(keys)], attribute)
                picked = registry.bind_call("max", (chosen,), analyzer.conf)
                outputs.append(e.Alias(picked, (name_of(value, item),), id=e.fresh_id()))
        return build_aggregate(inner, found[: len(keys)], (*found[: len(keys)], *outputs))
    for value, constant in values:
        for item in items:
            only = _only_where(trim_alias(item), partial(where, constant, column))
            outputs.append(e.Alias(only, (name_of(value, item),), id=e.fresh_id()))
    return build_aggregate(child, keys, (*keys, *outputs))


def _only_where(expression: e.Expression, condition: Callable[[e.Expression], e.Expression]) -> e.Expression:
    """Return an aggregate expression over those rows only for which a condition holds: other values are NULL."""
    from lightstream.analyze.aggregate import is_aggregate_call

    if isinstance(expression, e.Call) and is_aggregate_call(expression):
        if expression.name in ("first", "last", "any_value"):
            return replace(
                expression, args=(condition(expression.args[0]), *expression.args[1:]), ignore_nulls=True
            )
        args = tuple(
            argument if isinstance(argument, e.Literal) and place else condition(argument)
            for place, argument in enumerate(expression.args)
        )
        return replace(expression, args=args)
    return expression.map_children(lambda node: _only_where(node, condition))


def value_text(value: e.Expression, time_zone: str) -> str:
    """Return a pivot value's text, as a cast to a string gives it."""
    if isinstance(value, e.Call) and value.name in ("struct", "named_struct", "array"):
        parts = value.args[1::2] if value.name == "named_struct" else value.args
        texts = ", ".join(value_text(trim_alias(part), time_zone) for part in parts)
        return f"[{texts}]" if value.name == "array" else f"{{{texts}}}"
    if isinstance(value, e.Cast):
        return value_text(value.child, time_zone)
    if isinstance(value, e.Call) and value.name == "negative":
        return f"-{value_text(value.args[0], time_zone)}"
    if not isinstance(value, e.Literal):
        raise unsupported(f"The pivot value {shown(value)}", "Give a constant, or name it with AS.")
    if value.value is None:
        return "null"
    if isinstance(value.type, t.TimestampType):
        return value.local or literal_text(value.value, value.type)
    if isinstance(value.type, t.DatetimeType | t.AnsiIntervalType):
        text = literal_text(value.value, value.type)
        return (
            text[text.index("'") + 1 : text.rindex("'")] if isinstance(value.type, t.DatetimeType) else text
        )
    if isinstance(value.type, t.BinaryType):
        return bytes(value.value).decode("utf-8", "replace")
    return literal_text(value.value, value.type)


# ---- samples --------------------------------------------------------------------------------------------------


def numbered(child: lp.LogicalPlan) -> tuple[lp.LogicalPlan, e.Attribute]:
    """Return the plan with a column of row numbers, counted from 1, and that column."""
    call = e.Call("row_number", (), t.IntegerType(), False, "row_number")
    number = e.Alias(e.WindowExpression(call, (), ()), ("number",), id=e.fresh_id())
    return lp.Window(child, (number,)), number.to_attribute()


def sampled(child: lp.LogicalPlan, sample: r.Sample, analyzer: Analyzer) -> lp.LogicalPlan:
    """Return a random part of the rows: those that Spark takes of one partition with the rows in this order.

    Spark: with replacement its numbers are those of another generator; here they have the same distribution only.
    """
    import random

    from lightstream.functions.sampling import Copies, InRange

    if child.is_streaming:
        return lp.Sample(child, sample.lower, sample.upper, sample.with_replacement, 0)
    seed = random.getrandbits(63) if sample.seed is None else sample.seed
    rows, number = numbered(child)
    if not sample.with_replacement:
        chosen = _sampler(InRange(sample.lower, sample.upper, seed), t.BooleanType(), (number,), analyzer)
        return lp.Project(lp.Filter(rows, chosen), child.output)
    copies = _sampler(Copies(sample.upper - sample.lower, seed), t.IntegerType(), (number,), analyzer)
    one = e.Literal(1, t.IntegerType())
    repeated = registry.bind_call("array_repeat", (one, copies), analyzer.conf)
    copied = generate(rows, registry.bind_call("explode", (repeated,), analyzer.conf), (), outer=False)
    return lp.Project(copied, child.output)


def _sampler(
    function: object, kind: t.DataType, args: tuple[e.Expression, ...], analyzer: Analyzer
) -> e.PythonUdf:
    udf = e.PythonUdf("sample", function, args, kind, nullable=False)
    return replace(udf, sql_name=analyzer.session.python_function(udf, tuple(map(e.type_of, args))))


@rule(r.SampleBy)
def _sample_by(relation: r.SampleBy, analyzer: Analyzer) -> lp.LogicalPlan:
    import random

    from lightstream.functions.sampling import Fractions

    child = analyzer.plan(relation.input)
    column = analyzer.over(child).value(relation.column)
    seed = random.getrandbits(63) if relation.seed is None else relation.seed
    rows, number = numbered(child)
    chosen = _sampler(Fractions(relation.fractions, seed), t.BooleanType(), (number, column), analyzer)
    return lp.Project(lp.Filter(rows, chosen), child.output)
