"""Relations with two inputs: joins and set operations."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from lightstream.analyze.analyzer import Analyzer, renewed, rule
from lightstream.analyze.columns import check_columns, project
from lightstream.analyze.expressions import check_no_maps, check_subqueries
from lightstream.analyze.scope import Scope, scope_of
from lightstream.analyze.subqueries import check_static
from lightstream.errors import AnalysisException, ParseException
from lightstream.functions import registry
from lightstream.plan import expressions as e
from lightstream.plan import logical as lp
from lightstream.plan import relations as r
from lightstream.plan import types as t


@rule(r.Join)
def _join(relation: r.Join, analyzer: Analyzer) -> lp.LogicalPlan:
    left = analyzer.plan(relation.left)
    if relation.lateral:
        return _lateral_join(relation, left, analyzer)
    right = _own_sources(left, analyzer.plan(relation.right))
    condition = relation.condition
    shared = {a.id for a in left.output} & {a.id for a in right.output}
    lost = _made_below(left) & {a.id for a in right.output} - shared
    if shared or lost:
        fresh = renewed(right, shared | lost)
        moved = {old.id: new for old, new in zip(right.output, fresh.columns, strict=True)}
        if condition is not None:
            # Spark: what the left side has lost can be meant on the right only, by the condition and no more.
            condition = condition.transform_up(
                lambda node: moved[node.id] if isinstance(node, e.Attribute) and node.id in lost else node
            )
            condition = _tell_sides_apart(condition, shared, moved)
        right = fresh
    if relation.natural:
        same = analyzer.over(left).scope.same
        using = tuple(a.name for a in left.output if any(same(a.name, b.name) for b in right.output))
        return _using_join(left, right, relation.kind, using, analyzer)
    if relation.using:
        return _using_join(left, right, relation.kind, relation.using, analyzer)
    if condition is None:
        kind = "inner" if relation.kind == "cross" else relation.kind
        return lp.Join(left, right, kind, None)
    resolved = analyzer.over(left, right).condition(condition, "join")
    check_columns(lp.Join(left, right, "inner", None), (resolved,))
    _check_deterministic(resolved)
    check_subqueries(resolved, "a join condition", predicates=True)
    return lp.Join(left, right, "inner" if relation.kind == "cross" else relation.kind, resolved)


def _check_deterministic(condition: e.Expression) -> None:
    from lightstream.analyze.naming import shown

    for node in condition.walk():
        function = registry.lookup(node.name) if isinstance(node, e.Call) else None
        if function is not None and not function.deterministic:
            raise AnalysisException(
                "INVALID_NON_DETERMINISTIC_EXPRESSIONS",
                f'The operator expects a deterministic expression, but the actual expression is "{shown(condition)}".',
                sqlstate="42K0E",
                parameters={"sqlExprs": f'"{shown(condition)}"'},
            )


def _made_below(plan: lp.LogicalPlan) -> set[int]:
    """Return the ids of the columns that any part of a plan makes, whether or not they come out."""
    found: set[int] = set()
    for node in plan.walk():
        match node:
            case lp.Leaf() | lp.Rename() | lp.SetOperation():
                found.update(a.id for a in node.columns)
            case lp.Project():
                found.update(item.id for item in node.items)
            case lp.Aggregate():
                found.update(item.id for item in (*node.keys, *node.aggregates))
    return found


def _own_sources(left: lp.LogicalPlan, right: lp.LogicalPlan) -> lp.LogicalPlan:
    """Return the right side of a join with sources of its own in the place of streams of which the left has columns.

    Spark: a stream that is joined with itself is read by two sources, each with its log.
    """
    if not (left.is_streaming and right.is_streaming):
        return right
    taken = {scan for scan, _ in set(_passed(left).values()) & set(_passed(right).values())}
    copies: dict[int, lp.LogicalPlan] = {}

    def own(node: lp.LogicalPlan) -> lp.LogicalPlan:
        return copies.setdefault(id(node), replace(node)) if id(node) in taken else node

    return right.transform_up(own) if taken else right


def _passed(plan: lp.LogicalPlan) -> dict[int, tuple[int, int]]:
    """Return which output columns are columns of a stream's source, as they are: id to scan and id there."""
    match plan:
        case lp.DataSourceScan(streaming=True):
            return {a.id: (id(plan), a.id) for a in plan.columns}
        case lp.Rename():
            below = _passed(plan.child)
            pairs = zip(plan.columns, plan.child.output, strict=True)
            return {new.id: below[old.id] for new, old in pairs if old.id in below}
        case lp.SetOperation():
            return {}
    found = {i: origin for child in plan.children for i, origin in _passed(child).items()}
    return {a.id: found[a.id] for a in plan.output if a.id in found}


_JOIN_WORDS = {
    "rightouter": "RIGHT OUTER",
    "fullouter": "FULL OUTER",
    "leftsemi": "LEFT SEMI",
    "leftanti": "LEFT ANTI",
}


def _lateral_join(relation: r.Join, left: lp.LogicalPlan, analyzer: Analyzer) -> lp.LogicalPlan:
    """Resolve a join whose right side may use the columns of the left."""
    kind = "inner" if relation.kind == "cross" else relation.kind
    if kind not in ("inner", "leftouter"):
        raise AnalysisException(
            "INVALID_LATERAL_JOIN_TYPE",
            f"The {kind} JOIN with LATERAL correlation is not allowed: use INNER, CROSS or LEFT OUTER.",
            sqlstate="42613",
            parameters={"joinType": _JOIN_WORDS[kind]},
        )
    if relation.natural or relation.using:
        natural = "INCOMPATIBLE_JOIN_TYPES", {"joinType1": "LATERAL", "joinType2": "NATURAL"}
        refused, parameters = natural if relation.natural else ("UNSUPPORTED_FEATURE.LATERAL_JOIN_USING", {})
        raise ParseException(
            refused,
            "A lateral join takes a condition (ON), not NATURAL or USING.",
            sqlstate="42613" if relation.natural else "0A000",
            parameters=parameters,
        )
    case_sensitive = analyzer.conf.case_sensitive
    scope = Scope((), case_sensitive, outer=scope_of((left,), case_sensitive, analyzer.outer))
    right = Analyzer(analyzer.session, analyzer.tables, scope).plan(relation.right)
    check_static(right)
    present = {a.id for a in left.output}
    used = tuple(a for a in scope.used_outer.values() if a.id in present)
    if analyzer.outer is not None:
        analyzer.outer.used_outer.update({i: a for i, a in scope.used_outer.items() if i not in present})
    if {a.id for a in left.output} & {a.id for a in right.output}:
        right = renewed(right)
    condition = None
    if relation.condition is not None:
        condition = analyzer.over(left, right).condition(relation.condition, "join")
    if any(isinstance(node, lp.TableFunction) for node in right.walk()):
        from lightstream.analyze.table_functions import lateral

        return lateral(left, right, kind, condition, analyzer)
    if kind == "leftouter" and condition is None and _makes_rows_only(right):
        # Spark: a row that a generator makes no rows of is left out, here too.
        nullable = tuple(replace(a, nullable=True) for a in right.output)
        return lp.Rename(lp.Join(left, right, "inner", None, used), (*left.output, *nullable))
    return lp.Join(left, right, kind, condition, used)


def _makes_rows_only(plan: lp.LogicalPlan) -> bool:
    """Return whether a lateral query is generators and what is computed of their rows."""
    while isinstance(plan, lp.Project | lp.SubqueryAlias | lp.Generate):
        plan = plan.child
    return isinstance(plan, lp.OneRow)


def _tell_sides_apart(
    condition: e.Expression, shared: set[int], moved: dict[int, e.Attribute]
) -> e.Expression:
    """Give the right side of `df.a == df.a` in a self-join its own column, as Spark does for equalities."""

    def rewrite(node: e.Expression) -> e.Expression:
        if isinstance(node, e.UnresolvedFunction) and node.name in ("==", "=", "<=>"):
            first, second = node.args
            if (
                isinstance(first, e.Attribute)
                and isinstance(second, e.Attribute)
                and first.id == second.id in shared
            ):
                return replace(node, args=(first, moved[second.id]))
        return node.map_children(rewrite)

    rewritten = rewrite(condition)
    for node in rewritten.walk():
        if isinstance(node, e.Attribute) and node.id in shared:
            other = moved[node.id]
            if not any(isinstance(n, e.Attribute) and n.id == other.id for n in rewritten.walk()):
                raise AnalysisException(
                    "_LEGACY_ERROR_TEMP_1182",
                    f"Column {node.name} are ambiguous. It's probably because you joined several Datasets "
                    "together, and some of these Datasets are the same. This column points to one of the Datasets "
                    "but Spark is unable to figure out which one. Please alias the Datasets with different names via "
                    "`Dataset.as` before joining them, and specify the column using qualified name.",
                )
    return rewritten


def _using_join(
    left: lp.LogicalPlan, right: lp.LogicalPlan, kind: str, using: Sequence[str], analyzer: Analyzer
) -> lp.LogicalPlan:
    left_keys = [_side_column(name, left, analyzer, "left") for name in using]
    right_keys = [_side_column(name, right, analyzer, "right") for name in using]
    resolver = analyzer.over(left, right)
    condition: e.Expression | None = None
    for a, b in zip(left_keys, right_keys, strict=True):
        equal = resolver.value(e.UnresolvedFunction("==", (a, b)))
        condition = (
            equal if condition is None else resolver.value(e.UnresolvedFunction("and", (condition, equal)))
        )
    kind = "inner" if kind == "cross" else kind
    join = lp.Join(left, right, kind, condition)
    if kind in ("leftsemi", "leftanti"):
        named = {a.id for a in left_keys}
        first = [next(a for a in join.output if a.id == key.id) for key in left_keys]
        return lp.Project(join, (*first, *(a for a in join.output if a.id not in named)))
    rest = [a for a in join.output if a not in left_keys and a not in right_keys]
    output = {a.id: a for a in join.output}
    keys: list[e.Alias | e.Attribute] = []
    for a, b in zip(left_keys, right_keys, strict=True):
        if kind == "rightouter":
            keys.append(output[b.id])
        elif kind == "fullouter":
            both = analyzer.over(join).value(e.UnresolvedFunction("coalesce", (output[a.id], output[b.id])))
            keys.append(e.Alias(both, (a.name,), id=e.fresh_id()))
        else:
            keys.append(output[a.id])
    items = [*keys, *rest]
    if left.is_streaming and right.is_streaming:
        return project(join, items)
    visible = {item.id for item in items}
    hidden = (output[a.id] for a in (*left_keys, *right_keys) if a.id not in visible)
    return lp.Project(join, tuple(items), tuple(hidden))


def _side_column(name: str, plan: lp.LogicalPlan, analyzer: Analyzer, side: str) -> e.Attribute:
    same = analyzer.over(plan).scope.same
    found = [a for a in plan.output if same(a.name, name)]
    if not found:
        columns = ", ".join(f"`{a.name}`" for a in plan.output)
        raise AnalysisException(
            "UNRESOLVED_USING_COLUMN_FOR_JOIN",
            f"USING column `{name}` cannot be resolved on the {side} side of the join. "
            f"The {side}-side columns: [{columns}].",
            sqlstate="42703",
            parameters={"colName": f"`{name}`", "side": side, "suggestion": columns},
        )
    if len(found) > 1:
        raise AnalysisException(
            "AMBIGUOUS_REFERENCE",
            f"Reference `{name}` is ambiguous on the {side} side of the join.",
            sqlstate="42704",
            parameters={"name": f"`{name}`"},
        )
    return found[0]


@rule(r.SetOperation)
def _set_operation(relation: r.SetOperation, analyzer: Analyzer) -> lp.LogicalPlan:
    left = analyzer.plan(relation.left)
    right = analyzer.plan(relation.right)
    if relation.by_name:
        left, right = _by_name(left, right, relation.allow_missing, analyzer)
    word = relation.kind.upper()
    if len(left.output) != len(right.output):
        raise AnalysisException(
            "NUM_COLUMNS_MISMATCH",
            f"{word} can only be performed on inputs with the same number of columns, but the first input has "
            f"{len(left.output)} columns and the second input has {len(right.output)} columns.",
            sqlstate="42826",
            parameters={
                "operator": word if word == "UNION" or not relation.all else f"{word} ALL",
                "firstNumColumns": str(len(left.output)),
                "invalidNumColumns": str(len(right.output)),
                "invalidOrdinalNum": "second",
            },
        )  # fmt: skip
    from lightstream.functions.coercion import common_type

    ansi = analyzer.conf.ansi
    targets: list[t.DataType] = []
    alike = all(
        t.as_nullable(a.type) == t.as_nullable(b.type) for a, b in zip(left.output, right.output, strict=True)
    )
    for position, (a, b) in enumerate(zip(left.output, right.output, strict=True), 1):
        target = a.type if a.type == b.type else common_type([a.type, b.type], ansi)
        if target is None and relation.kind == "union" and t.same_structure(a.type, b.type):
            target = t.with_nulls_of(a.type, b.type)
        if relation.kind != "union" and alike:
            target = a.type  # Spark: what comes out are rows of the first table, unless some column is cast
        if target is None:
            raise AnalysisException(
                "INCOMPATIBLE_COLUMN_TYPE",
                f"{word} can only be performed on tables with compatible column types. The column {position} of the "
                f'second table is "{b.type.sql()}" type which is not compatible with "{a.type.sql()}" at the same '
                "column of the first table.",
                sqlstate="42825",
                parameters={
                    "operator": word,
                    "dataType1": f'"{b.type.sql()}"',
                    "dataType2": f'"{a.type.sql()}"',
                },
            )
        targets.append(target)
    if word != "UNION" or not relation.all:
        check_no_maps((*left.output, *right.output))
    left, right = _cast_columns(left, targets, ansi), _cast_columns(right, targets, ansi)
    columns: list[e.Attribute] = []
    for a, b, target in zip(left.output, right.output, targets, strict=True):
        column = replace(a, type=target, nullable=_nullable(a, b, relation.kind))
        # Spark: the columns are those of the first table. Streams are told apart by the columns of their sources.
        if left.is_streaming or right.is_streaming or any(a.id == other.id for other in columns):
            column = replace(column, id=e.fresh_id(), qualifier=())
        columns.append(column)
    return lp.SetOperation(left, right, relation.kind, relation.all, tuple(columns))


def _nullable(left: e.Attribute, right: e.Attribute, kind: str) -> bool:
    if kind == "except":
        return left.nullable
    if kind == "intersect":
        return left.nullable and right.nullable
    return left.nullable or right.nullable


def _cast_columns(plan: lp.LogicalPlan, targets: Sequence[t.DataType], ansi: bool) -> lp.LogicalPlan:
    from lightstream.functions.coercion import cast_to

    items: list[e.Alias | e.Attribute] = []
    for attribute, target in zip(plan.output, targets, strict=True):
        cast = cast_to(attribute, target, ansi)
        items.append(attribute if cast is attribute else e.Alias(cast, (attribute.name,), id=e.fresh_id()))
    if all(isinstance(item, e.Attribute) for item in items):
        return plan
    return lp.Project(plan, tuple(items))


def _by_name(
    left: lp.LogicalPlan, right: lp.LogicalPlan, allow_missing: bool, analyzer: Analyzer
) -> tuple[lp.LogicalPlan, lp.LogicalPlan]:
    same = analyzer.over(left).scope.same
    for plan in (left, right):
        for position, a in enumerate(plan.output):
            if any(same(a.name, b.name) for b in plan.output[:position]):
                from lightstream.analyze.columns import duplicate_column

                raise duplicate_column(a.name)
    ordered: list[e.Alias | e.Attribute] = []
    for a in left.output:
        match = next((b for b in right.output if same(a.name, b.name)), None)
        if match is not None:
            ordered.append(match)
        elif allow_missing:
            ordered.append(e.Alias(e.Literal(None, a.type), (a.name,), id=e.fresh_id()))
        else:
            names = ", ".join(b.name for b in right.output)
            raise AnalysisException(
                "UNRESOLVED_COLUMN_AMONG_FIELD_NAMES",
                f'Cannot resolve column name "{a.name}" among ({names}).',
                sqlstate="42703",
                parameters={"colName": a.name, "fieldNames": names},
            )
    extra = [b for b in right.output if not any(same(a.name, b.name) for a in left.output)]
    if extra and not allow_missing:
        raise AnalysisException(
            "NUM_COLUMNS_MISMATCH",
            f"UNION can only be performed on inputs with the same number of columns, but the first input has "
            f"{len(left.output)} columns and the second input has {len(right.output)} columns.",
            sqlstate="42826",
        )
    if extra:
        nulls = tuple(e.Alias(e.Literal(None, b.type), (b.name,), id=e.fresh_id()) for b in extra)
        left = lp.Project(left, (*left.output, *nulls))
    return left, lp.Project(right, (*ordered, *extra))


def recursive(name: str, query: r.Relation, columns: Sequence[str], analyzer: Analyzer) -> lp.LogicalPlan:
    """Resolve a table of WITH RECURSIVE; one that does not name itself is an ordinary one."""
    from lightstream.analyze.analyzer import renamed
    from lightstream.functions.coercion import common_type

    if not _names(query, name):
        plan = analyzer.plan(query)
        return renamed(plan, columns) if columns else plan
    if (
        not isinstance(query, r.SetOperation)
        or query.kind != "union"
        or not isinstance(query.left, r.Relation)
    ):
        raise AnalysisException(
            "INVALID_RECURSIVE_CTE",
            "Invalid recursive definition found. Recursive queries must contain an UNION or an UNION ALL statement "
            "with 2 children.",
            sqlstate="42836",
        )
    if not query.all:
        raise AnalysisException(
            "UNION_NOT_SUPPORTED_IN_RECURSIVE_CTE",
            "The UNION operator is not yet supported within recursive common table expressions. Please use UNION ALL.",
            sqlstate="42836",
        )
    anchor = analyzer.plan(query.left)
    if columns:
        anchor = renamed(anchor, columns)
    # Spark: what comes round again may be NULL.
    own = tuple(replace(a, id=e.fresh_id(), qualifier=(), nullable=True) for a in anchor.output)
    reference = lp.RecursiveReference(own)
    step = analyzer.with_tables({name.lower(): reference}).plan(query.right)
    _check_places(step, reference)
    if len(step.output) != len(own):
        raise AnalysisException(
            "NUM_COLUMNS_MISMATCH",
            f"UNION can only be performed on inputs with the same number of columns, but the first input has "
            f"{len(own)} columns and the second input has {len(step.output)} columns.",
            sqlstate="42826",
        )
    for a, b in zip(own, step.output, strict=True):
        common = common_type([a.type, b.type], analyzer.conf.ansi)
        if common is None or t.as_nullable(common) != t.as_nullable(a.type):
            raise AnalysisException(
                "CANNOT_MERGE_INCOMPATIBLE_DATA_TYPE",
                f'Failed to merge incompatible data types "{a.type.sql()}" and "{b.type.sql()}" of the column '
                f"`{a.name}` of a recursive query: cast what comes round again.",
                sqlstate="42825",
                parameters={"left": f'"{a.type.sql()}"', "right": f'"{b.type.sql()}"'},
            )
    step = _cast_columns(step, [a.type for a in own], analyzer.conf.ansi)
    output = tuple(
        e.Attribute(a.name, a.type, a.nullable or b.nullable, e.fresh_id())
        for a, b in zip(anchor.output, step.output, strict=True)
    )
    return lp.Recursive(anchor, step, output, reference)


# The sides of joins where a recursive query may not name itself.
_NO_REFERENCE = {
    "leftouter": ("right",),
    "rightouter": ("left",),
    "fullouter": ("left", "right"),
    "leftsemi": ("right",),
    "leftanti": ("right",),
}


def _check_places(step: lp.LogicalPlan, reference: lp.RecursiveReference) -> None:
    for node in step.walk():
        below: tuple[lp.LogicalPlan, ...] = ()
        if isinstance(node, lp.Join):
            below = tuple(getattr(node, side) for side in _NO_REFERENCE.get(node.kind, ()))
        elif isinstance(node, lp.Window) or (isinstance(node, lp.Aggregate) and node.aggregates):
            below = node.children
        if any(reference is found for side in below for found in side.walk()):
            raise AnalysisException(
                "INVALID_RECURSIVE_REFERENCE.PLACE",
                "Recursive references cannot be used on the right side of left outer or semi joins, on the left "
                "side of right outer joins, in full outer joins, or in aggregates.",
                sqlstate="42836",
            )


def _names(relation: object, name: str) -> bool:
    """Return whether a query reads the table of a name."""
    from dataclasses import fields, is_dataclass

    if isinstance(relation, r.UnresolvedTable):
        return len(relation.name) == 1 and relation.name[0].lower() == name.lower()
    if isinstance(relation, tuple):
        return any(_names(part, name) for part in relation)
    if not isinstance(relation, r.Relation | e.Expression) or not is_dataclass(relation):
        return False
    return any(_names(getattr(relation, item.name), name) for item in fields(relation))
