"""Tables, typed expressions and queries, drawn at random from the catalogue (`fuzz_catalogue`)."""

from __future__ import annotations

import functools
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from fuzz_catalogue import (
    AGGREGATES,
    LITERALS,
    POOLS,
    SCALAR_FAMILIES,
    SCALARS,
    VARIABLES,
    WINDOW_CALLS,
    ZONES,
)

# ---- expressions ------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Node:
    """An expression: pieces of SQL text and the expressions between them. `kind`: what it was drawn as."""

    kind: str
    pieces: tuple[str | Node, ...]

    @property
    def sql(self) -> str:
        """The expression in SQL."""
        return "".join(piece if isinstance(piece, str) else piece.sql for piece in self.pieces)

    @property
    def children(self) -> list[Node]:
        """The expressions in it, one level down."""
        return [piece for piece in self.pieces if isinstance(piece, Node)]

    @property
    def calls(self) -> set[str]:
        """What is called in it: the words before parentheses, and operators."""
        own = "".join(piece if isinstance(piece, str) else "\0" for piece in self.pieces)
        found = set(re.findall(r"([a-z_0-9]+)\(", own)) or {re.sub(r"[\s\0()]+", " ", own).strip()}
        return found.union(*(child.calls for child in self.children))

    def __len__(self) -> int:
        return 1 + sum(map(len, self.children))


@dataclass(frozen=True, slots=True)
class Template:
    """A line of the catalogue: the kind of the result, and texts and holes in turn (text first)."""

    result: str
    parts: tuple[str, ...]

    @property
    def text(self) -> str:
        """The template as it is written."""
        return "".join(part if i % 2 == 0 else f"{{{part}}}" for i, part in enumerate(self.parts))


def templates(text: str) -> list[Template]:
    """Return the templates of a family."""
    found = []
    for line in text.strip().splitlines():
        result, _, calls = line.strip().partition(": ")
        found += [Template(result, tuple(re.split(r"[{}]", call.strip()))) for call in calls.split(" ; ")]
    return found


FAMILIES = {name: templates(text) for name, text in SCALAR_FAMILIES.items()}
_SCALAR = [template for family in FAMILIES.values() for template in family]
AGGREGATE_TEMPLATES = templates(AGGREGATES)
_WINDOW = templates(WINDOW_CALLS)
_SUBQUERIES = templates(
    """
    boolean: exists (select 1 from u where u_k = k) ; ({int} in (select u_k from u))
    boolean: (not exists (select 1 from u where u_id = {int})) ; (id not in (select u_id from u where {boolean}))
    int: (select max(u_id) from u where u_k = k) ; (select count(*) from u where u_g = g) ; (select min(u_k) from u)
    """
)
_DDL = {
    "small": "int", "quarter": "double", "decimal": "decimal(10,2)", "dt_interval": "interval day to second",
    "ym_interval": "interval year to month", "struct": "struct<i:int,s:string>",
}  # fmt: skip


def ddl(kind: str) -> str:
    """Return the SQL type of a kind."""
    return re.sub(r"[a-z_]+", lambda word: _DDL.get(word[0], word[0]), kind)


def _inner(kind: str) -> tuple[str, ...]:
    """Return the kinds in `array<T>` or `map<K,V>`."""
    inside = kind.partition("<")[2][:-1]
    if kind.startswith("map<"):
        key, _, value = inside.partition(",")
        return (key, value)
    return (inside,)


@functools.cache
def _matching(kind: str, subqueries: bool = False) -> list[tuple[Template, dict[str, str]]]:
    """Return the templates whose result can be of a kind, with what their variables stand for then."""
    found = []
    for template in [*_SCALAR, *(_SUBQUERIES * 8 if subqueries else ())]:
        bound: dict[str, str] = {}
        if _unify(template.result, kind, bound):
            found.append((template, bound))
    return found


def _unify(pattern: str, kind: str, bound: dict[str, str]) -> bool:
    if pattern in VARIABLES:
        if bound.setdefault(pattern, kind) != kind:
            return False
        return (
            kind in VARIABLES[pattern]
            or pattern in ("T", "U")
            or (pattern == "O" and "map" not in kind and kind not in ("small", "quarter"))
        )
    if "<" in pattern and "<" in kind and pattern.partition("<")[0] == kind.partition("<")[0]:
        return all(_unify(p, k, bound) for p, k in zip(_inner(pattern), _inner(kind), strict=True))
    return pattern == kind


class Drawer:
    """Draws expressions over the columns in scope."""

    def __init__(self, random: Random, scope: Mapping[str, str], *, subqueries: bool = False) -> None:
        self.random = random
        self.scope = dict(scope)  # name to kind
        self.subqueries = subqueries
        self.odd = random.choice([0.0, 0.0, 0.0, 0.06])  # how often another kind is drawn than is asked for
        self._names = 0

    def any(self, depth: int, family: Sequence[Template] = _SCALAR) -> Node:
        """Return an expression: each template is as likely as any other."""
        template = self.random.choice(family)
        bound: dict[str, str] = {}
        return self._fill(template, self._kind(template.result, bound), bound, depth)

    def expression(self, kind: str, depth: int) -> Node:
        """Return an expression of a kind."""
        random = self.random
        if self.odd and random.random() < self.odd:
            kind = random.choice(SCALARS)
        if kind in ("small", "quarter"):
            return self._leaf(kind)
        if depth <= 0 or random.random() < 0.15:
            return self._leaf(kind)
        found = _matching(kind, self.subqueries)
        if not found:
            return self._leaf(kind)
        template, bound = random.choice(found)
        return self._fill(template, kind, dict(bound), depth)

    def _leaf(self, kind: str) -> Node:
        random = self.random
        columns = [name for name, found in self.scope.items() if found == kind]
        if kind == "int":
            columns += [name for name, found in self.scope.items() if found == "small"]
        if kind == "double":
            columns += [name for name, found in self.scope.items() if found == "quarter"]
        if columns and random.random() < 0.75:
            return Node(kind, (random.choice(columns),))
        return Node(kind, (self.constant(kind),))

    def constant(self, kind: str, null: float = 0.07) -> str:
        """Return a constant of a kind in SQL."""
        random = self.random
        if random.random() < null:
            return f"cast(null as {ddl(kind)})" if random.random() < 0.9 else "null"
        if kind.startswith("array<"):
            (element,) = _inner(kind)
            values = [self.constant(element, 0.15) for _ in range(random.choice([0, 1, 2, 2, 3]))]
            return f"array({', '.join(values)})" if values else f"cast(array() as {ddl(kind)})"
        if kind.startswith("map<"):
            key, value = _inner(kind)
            keys = dict.fromkeys(self.constant(key, 0) for _ in range(random.choice([0, 1, 2])))
            pairs = [f"{k}, {self.constant(value, 0.15)}" for k in keys]
            return f"map({', '.join(pairs)})" if pairs else f"cast(map() as {ddl(kind)})"
        return random.choice(LITERALS[kind])

    def _kind(self, pattern: str, bound: dict[str, str]) -> str:
        """Return the kind of a place in a template; its variables are chosen when they are met."""
        if pattern in VARIABLES:
            return bound.setdefault(pattern, self.random.choice(VARIABLES[pattern]))
        if "<" in pattern:
            inside = ",".join(self._kind(inner, bound) for inner in _inner(pattern))
            return f"{pattern.partition('<')[0]}<{inside}>"
        return pattern

    def _fill(self, template: Template, kind: str, bound: dict[str, str], depth: int) -> Node:
        pieces: list[str | Node] = []
        subqueries, self.subqueries = self.subqueries, self.subqueries and template not in _SUBQUERIES
        for i, part in enumerate(template.parts):
            if i % 2 == 0:
                pieces += [part] if part else []
            elif part.startswith("$"):
                constant = self.random.choice(POOLS[part[1:]])
                pieces.append(Node("string", (constant,)) if part == "$odd" else constant)
            elif part == "=":  # what stands before it, once more
                pieces.append(next(piece for piece in reversed(pieces) if isinstance(piece, Node)))
            elif "->" in part:
                pieces += self._lambda(part, bound, depth)
            else:
                pieces.append(self.expression(self._kind(part, bound), depth - 1))
        self.subqueries = subqueries
        return Node(kind, tuple(pieces))

    def _lambda(self, part: str, bound: dict[str, str], depth: int) -> list[str | Node]:
        takes, _, gives = part.partition(" -> ")
        kept, subqueries = self.scope, self.subqueries
        self.subqueries = False
        names = []
        self.scope = dict(kept)
        for kind in takes.split(", "):
            self._names += 1
            names.append(f"x{self._names}")
            self.scope[names[-1]] = self._kind(kind, bound)
        body = self.expression(self._kind(gives, bound), max(depth - 1, 1))
        self.scope, self.subqueries = kept, subqueries
        head = names[0] if len(names) == 1 else f"({', '.join(names)})"
        return [f"{head} -> ", body]

    def aggregate(self, depth: int) -> Node:
        """Return an aggregate."""
        node = self.any(depth, AGGREGATE_TEMPLATES)
        if self.random.random() < 0.15 and " within " not in node.sql:
            node = Node(node.kind, (*node.pieces, " filter (where ", self.expression("boolean", depth), ")"))
        return node

    def window(self, depth: int) -> Node:
        """Return a function over a window whose order no two rows share."""
        random = self.random
        ranks = random.random() < 0.5
        call = self.any(depth, _WINDOW if ranks else AGGREGATE_TEMPLATES)
        pieces: list[str | Node] = [call, " over ("]
        if random.random() < 0.8:
            pieces += [
                "partition by ",
                self.expression(random.choice(["small", "string", "boolean"]), 1),
                " ",
            ]
        if ranks or random.random() < 0.5:
            key = self.expression(random.choice(["int", "double", "string", "date", "decimal"]), 1)
            pieces += [
                "order by ",
                key,
                random.choice(["", " desc", " nulls last", " desc nulls first"]),
                *(f", {name}" for name in self.scope if name in ("id", "u_id")),
            ]
            ranked = re.match(r"(row_number|rank|dense_rank|ntile|percent|cume|lag|lead)", call.sql)
            if not ranks and random.random() < 0.25 and "id" in self.scope:
                # A range takes one key, which rows of a join may share.
                pieces = [*pieces[: pieces.index("order by ")], random.choice(_RANGES)]
            elif not ranked:
                pieces.append(random.choice(_FRAMES))
        return Node(call.kind, (*pieces, ")"))


_FRAMES = (
    "", "", " rows between unbounded preceding and current row", " rows between 1 preceding and 1 following",
    " rows between current row and unbounded following", " rows between unbounded preceding and unbounded following",
    " rows 2 preceding", " rows between 2 following and 3 following",
)  # fmt: skip

_RANGES = (
    "order by id range between 1 preceding and 2 following", "order by id desc range 3 preceding",
    "order by id range between current row and unbounded following",
    "order by id desc range between 2 preceding and 1 preceding",
    "order by cast(id as decimal(5,1)) range between 0.5 preceding and 2.0 following",
    "order by date_add(date'2024-02-27', id) range between interval '1' day preceding and interval '2' day following",
    "order by timestamp_seconds(id) range between interval '1' second preceding and current row",
    "order by id range between unbounded preceding and 1 following",
    "order by id groups between 1 preceding and current row",
)  # fmt: skip

# ---- tables -----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Table:
    """A view: names and kinds of its columns, and rows of SQL texts."""

    name: str
    columns: tuple[tuple[str, str], ...]
    rows: tuple[tuple[str, ...], ...]

    @property
    def scope(self) -> dict[str, str]:
        """Name to kind."""
        return dict(self.columns)

    @property
    def sql(self) -> str:
        """The rows as a relation."""
        rows = ", ".join(f"({', '.join(row)})" for row in self.rows)
        return f"values {rows} as {self.name}({', '.join(name for name, _ in self.columns)})"

    @property
    def statement(self) -> str:
        """What makes the view."""
        return f"create or replace temporary view {self.name} as select * from {self.sql}"

    def only(self, columns: set[str] | None = None, row: int | None = None) -> Table:
        """Return the table with some of the columns, or one of the rows."""
        kept = [i for i, (name, _) in enumerate(self.columns) if columns is None or name in columns] or [0]
        rows = self.rows if row is None else (self.rows[row],)
        return replace(
            self,
            columns=tuple(self.columns[i] for i in kept),
            rows=tuple(tuple(values[i] for i in kept) for values in rows),
        )


_COLUMN_KINDS = (
    *SCALARS, "double", "string", "string", "decimal", "timestamp", "date", "int", "array<int>", "array<string>",
    "map<string,int>", "struct", "array<double>", "array<decimal>",
)  # fmt: skip
_DECIMALS = ("decimal(10,2)", "decimal(38,18)", "decimal(5,0)", "decimal(38,0)", "decimal(20,10)")


def draw_table(random: Random, name: str, prefix: str = "") -> Table:
    """Return a table: an id, a small number and a word to group by, quarters, and columns of any kind."""
    drawer = Drawer(random, {})
    drawer.odd = 0
    kinds = random.sample(_COLUMN_KINDS, 8)
    columns = [("id", "int"), ("k", "small"), ("g", "string"), ("q", "quarter")]
    columns += [(f"c{i}", kind) for i, kind in enumerate(kinds)]
    wide = [random.choice(_DECIMALS) for _ in columns]
    nulls = [0.0, 0.2, 0.2, 0.2, *(random.choice([0.0, 0.25, 0.25, 0.6]) for _ in kinds)]
    rows = []
    for i in range(random.choice([1, 4, 6, 8])):
        row = [str(i + 1)]
        for (column, kind), null, decimal in list(zip(columns, nulls, wide, strict=True))[1:]:
            if random.random() < null:
                row.append(f"cast(null as {decimal if kind == 'decimal' else ddl(kind)})")
            elif column == "g":
                row.append(random.choice(["'a'", "'b'", "'B'", "''"]))
            elif kind == "decimal":
                row.append(f"try_cast({drawer.constant(kind, 0)} as {decimal})")
            else:
                row.append(drawer.constant(kind, 0))
        rows.append(tuple(row))
    return Table(name, tuple((prefix + column, kind) for column, kind in columns), tuple(rows))


# ---- queries ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Query:
    """A query, clause by clause. Aliases of `items` are empty where Spark is to name the column."""

    items: tuple[tuple[Node, str], ...]
    nested: Query | None = None  # in the place of t
    cte: bool = False
    join: tuple[str, Node | None] | None = None  # with u
    lateral: Node | None = None
    where: Node | None = None
    group: tuple[Node, ...] | None = None
    grouping: str = ""  # ROLLUP, CUBE
    having: Node | None = None
    distinct: bool = False
    set_operation: tuple[str, Query] | None = None
    ordered: tuple[str, ...] = ()
    limit: int | None = None
    pivot: str = ""
    qualify: Node | None = None
    settings: dict[str, str] = field(default_factory=dict)

    @property
    def sql(self) -> str:
        """The query in SQL."""
        items = ", ".join(f"{node.sql} as {alias}" if alias else node.sql for node, alias in self.items)
        text = f"select {'distinct ' if self.distinct else ''}{items} from "
        if self.nested is None:
            text += "t"
        elif self.cte:
            text = f"with t2 as ({self.nested.sql}) {text}t2 as t"
        else:
            text += f"({self.nested.sql}) as t"
        if self.join is not None:
            how, condition = self.join
            text += f" {how} join u" + ("" if condition is None else f" on {condition.sql}")
        if self.lateral is not None:
            text += f" lateral view {self.lateral.sql}"
        if self.where is not None:
            text += f" where {self.where.sql}"
        if self.group:
            keys = ", ".join(node.sql for node in self.group)
            sets = f"{keys} grouping sets (({self.group[-1].sql}), (), ({keys}))"
            text += " group by " + {"": keys, "sets": sets}.get(self.grouping, f"{self.grouping}({keys})")
        if self.having is not None:
            text += f" having {self.having.sql}"
        if self.qualify is not None:
            text += f" qualify {self.qualify.sql}"
        if self.pivot:
            text = f"select * from ({text}) {self.pivot}"
        if self.set_operation is not None:
            text = f"({text}) {self.set_operation[0]} ({self.set_operation[1].sql})"
        if self.ordered:
            text += f" order by {', '.join(self.ordered)}"
        return text if self.limit is None else f"{text} limit {self.limit}"

    @property
    def nodes(self) -> list[Node]:
        """The expressions of the query."""
        found = [node for node, _ in self.items] + list(self.group or ())
        found += [node for node in (self.where, self.having, self.lateral, self.qualify) if node is not None]
        if self.join is not None and self.join[1] is not None:
            found.append(self.join[1])
        for other in (self.nested, self.set_operation and self.set_operation[1]):
            found += other.nodes if other else []
        return found

    @property
    def calls(self) -> set[str]:
        """What is called in it, and its clauses."""
        clauses = {
            name
            for name in ("nested", "lateral", "where", "having", "distinct", "ordered", "limit", "pivot", "qualify")
            if getattr(self, name)
        }  # fmt: skip
        clauses |= {self.join[0]} if self.join else set()
        clauses |= {f"group {self.grouping}"} if self.group is not None else set()
        clauses |= {self.set_operation[0]} if self.set_operation else set()
        return clauses.union(*(node.calls for node in self.nodes))

    def __len__(self) -> int:
        return sum(map(len, self.nodes)) + 2 * len(self.calls)


_JOINS = ("inner", "left", "right", "full", "left semi", "left anti", "cross", "left", "inner")
_SIMPLE = ("int", "string", "double", "decimal", "date", "timestamp", "boolean", "bigint", "dt_interval")


def draw_query(random: Random, t: Table, u: Table, depth: int = 2) -> Query:
    """Return a query over `t`, perhaps joined with `u`."""
    scope = t.scope
    nested = None
    if random.random() < 0.2 and depth > 0:
        kinds = [random.choice([*_SIMPLE, "array<int>", "struct"]) for _ in range(2)]
        inner = Drawer(random, scope)
        items = [(Node(kind, (name,)), name) for name, kind in list(scope.items())[:4]]
        items += [(inner.expression(kind, 2), f"n{i}") for i, kind in enumerate(kinds)]
        where = inner.expression("boolean", 2) if random.random() < 0.3 else None
        nested = Query(tuple(items), where=where, distinct=random.random() < 0.1)
        scope = {alias: node.kind for node, alias in items}
    join = None
    if random.random() < 0.3:
        how = random.choice(_JOINS)
        both = Drawer(random, scope | u.scope)
        equal = random.choice(["k = u_k", "g = u_g", "k = u_k and g <=> u_g", "k <=> u_k", "id < u_id"])
        condition: Node | None = Node("boolean", (equal,))
        if random.random() < 0.3:
            condition = Node("boolean", (f"{equal} and ", both.expression("boolean", 1)))
        join = (how, None if how == "cross" else condition)
        scope = scope if how in ("left semi", "left anti") else scope | u.scope
    drawer = Drawer(random, scope, subqueries=random.random() < 0.2)
    lateral = None
    if random.random() < 0.12:
        outer = random.choice(["", "outer "])
        call, columns, added = random.choice(_LATERALS)
        kind = next(iter(re.findall(r"\{(.*)\}", call)))
        before, _, after = call.partition(f"{{{kind}}}")
        lateral = Node("", (f"{outer}{before}", drawer.expression(kind, 1), f"{after} l as {columns}"))
        drawer.scope |= added
    where = drawer.expression("boolean", 2) if random.random() < 0.4 else None
    query = Query((), nested, bool(nested) and random.random() < 0.5, join, lateral, where)
    chance = random.random()
    if chance < 0.4:
        query = _grouped(random, drawer, query)
    elif chance < 0.65:
        drawer.subqueries = False
        query = replace(query, items=tuple(_aliased(random, [drawer.window(2) for _ in range(2)], "id")))
        if random.random() < 0.15:
            query = replace(query, qualify=Node("boolean", (drawer.window(1), " is not null")))
    elif chance < 0.72:
        return _pivoted(random, drawer, query)
    else:
        nodes = [drawer.expression(random.choice(_SIMPLE), 2) for _ in range(random.choice([1, 2, 3]))]
        query = replace(query, items=tuple(_aliased(random, nodes)), distinct=random.random() < 0.2)
    if random.random() < 0.12 and query.group is None:
        other = Drawer(random, t.scope)
        same = [(other.expression(node.kind or "int", 1), "") for node, _ in query.items]
        name = random.choice(["union", "union all", "intersect", "except", "intersect all", "except all"])
        query = replace(query, set_operation=(name, Query(tuple(same))))
    if random.random() < 0.3:
        keys = [f"{i + 1}{random.choice(['', ' desc', ' nulls last'])}" for i in range(len(query.items))]
        if all("map" not in node.kind for node, _ in query.items):
            query = replace(query, ordered=tuple(keys))
            plain = query.group is None and query.set_operation is None and not query.distinct
            if plain and random.random() < 0.3:
                key = drawer.expression(random.choice(_SIMPLE), 1)
                query = replace(query, ordered=(f"{key.sql} desc nulls first", *keys))
            if not any(_inexact(node.kind) for node, _ in query.items) and random.random() < 0.5:
                query = replace(query, limit=random.choice([0, 1, 2, 3, 5]))
    return query


def _pivoted(random: Random, drawer: Drawer, query: Query) -> Query:
    """Return a query whose rows become columns, or whose columns become rows."""
    if random.random() < 0.4:
        kind = random.choice([*_SIMPLE, "array<int>", "struct"])
        items = [(Node("int", ("id",)), "id")]
        items += [(drawer.expression(kind, 1), f"v{i}") for i in range(2)]
        nulls = random.choice(["", "include nulls ", "exclude nulls "])
        names = random.choice(["v0, v1", "v0 as x, v1 as `y z`", "v1"])
        return replace(query, items=tuple(items), pivot=f"unpivot {nulls}(w for n in ({names}))")
    kind = random.choice(["int", "string", "boolean", "date", "decimal", "double"])
    value = random.choice(["int", "decimal", "string", "date", "quarter"])
    items = [
        (Node("string", ("g",)), "g"),
        (drawer.expression(kind, 1), "p"),
        (drawer.expression(value, 1), "v"),
    ]
    constants = dict.fromkeys(drawer.constant(kind, 0.1) for _ in range(3))
    values = ", ".join(f"{c} as p{i}" if random.random() < 0.3 else c for i, c in enumerate(constants))
    calls = random.choice(
        ["max(v)", "count(v)", "min(v) as m, count(*) as n", "count(distinct v) + 1 as d", "max(v), min(v)"]
    )
    return replace(query, items=tuple(items), pivot=f"pivot ({calls} for p in ({values}))")


def _inexact(kind: str) -> bool:
    """Tell whether equal values of a kind can look different, so that a limit may take any of them."""
    return any(word in kind for word in ("double", "float", "quarter", "decimal"))


_LATERALS: tuple[tuple[str, str, dict[str, str]], ...] = (
    ("explode({array<int>})", "e", {"e": "int"}), ("posexplode({array<string>})", "p, e", {"p": "int", "e": "string"}),
    ("explode({map<string,int>})", "mk, mv", {"mk": "string", "mv": "int"}),
    ("inline(array({struct}))", "li, ls", {"li": "int", "ls": "string"}),
    ("stack(2, {int}, 1)", "e", {"e": "int"}), ("explode_outer({array<string>})", "e", {"e": "string"}),
    ("posexplode_outer({map<string,int>})", "p, mk, mv", {"p": "int", "mk": "string", "mv": "int"}),
    ("inline_outer(array({struct}, null))", "li, ls", {"li": "int", "ls": "string"}),
    ("json_tuple({string}, 'a', 'b')", "ja, jb", {"ja": "string", "jb": "string"}),
    ("explode(sequence(1, greatest({small}, 2)))", "e", {"e": "int"}),
)  # fmt: skip


def _aliased(random: Random, nodes: Sequence[Node], *names: str) -> Iterator[tuple[Node, str]]:
    yield from ((Node("int", (name,)), "") for name in names)
    yield from ((node, f"a{i}" if random.random() < 0.6 else "") for i, node in enumerate(nodes))


def _grouped(random: Random, drawer: Drawer, query: Query) -> Query:
    drawer.subqueries = False
    keys = [
        drawer.expression(random.choice(["small", "string", "boolean", *_SIMPLE]), random.choice([0, 1]))
        for _ in range(random.choice([0, 1, 1, 2]))
    ]
    keys = [key for key in keys if drawer.scope.keys() & set(re.findall(r"\w+", key.sql))]
    aggregates = [drawer.aggregate(1) for _ in range(random.choice([1, 2, 3]))]
    if random.random() < 0.2:
        first = aggregates[0]
        aggregates[0] = Node(first.kind, ("coalesce(", first, ", ", first, ")"))
    having = None
    if random.random() < 0.2:
        having = Node("boolean", (drawer.aggregate(1), random.choice([" is not null", " is null"])))
    return replace(
        query,
        items=tuple(_aliased(random, [*keys, *aggregates])),
        group=tuple(keys),
        grouping=random.choice(["", "", "", "", "rollup", "cube", "sets"]) if keys else "",
        having=having,
    )


def draw_settings(random: Random) -> dict[str, str]:
    """Return a time zone and an ANSI mode."""
    return {
        "spark.sql.session.timeZone": random.choice(ZONES),
        "spark.sql.ansi.enabled": random.choice(["true", "true", "false"]),
    }


# ---- cutting down -----------------------------------------------------------------------------------------------


def simpler(node: Node) -> Iterator[Node]:
    """Yield simpler expressions in the place of one: its parts, a constant, itself with a simpler part."""
    yield from node.children
    if node.children or len(node.sql) > 12:
        for constant in LITERALS.get(node.kind, ())[:2]:
            if len(constant) < len(node.sql):
                yield Node(node.kind, (constant,))
    for piece in node.pieces:
        if isinstance(piece, Node):
            for other in simpler(piece):
                yield Node(node.kind, tuple(other if part is piece else part for part in node.pieces))


def guarded(node: Node) -> Iterator[Node]:
    """Yield an expression in which one argument of a call is not computed where another one is NULL."""
    for piece in node.pieces:
        if not isinstance(piece, Node):
            continue
        others = [child.sql for child in node.children if child is not piece]
        changed = [Node(piece.kind, part.pieces) for part in guarded(piece)]
        if others:
            null = " or ".join(f"({other}) is null" for other in others)
            changed.append(Node(piece.kind, (f"if({null}, null, ", piece, ")")))
        for other in changed:
            yield Node(node.kind, tuple(other if part is piece else part for part in node.pieces))


def with_expressions(query: Query, change: Callable[[Node], Iterator[Node]]) -> Iterator[Query]:
    """Yield queries of which one expression is changed."""
    for i, (node, alias) in enumerate(query.items):
        for other in change(node):
            yield replace(query, items=(*query.items[:i], (other, alias), *query.items[i + 1 :]))
    group = query.group or ()
    for i, node in enumerate(group):
        for other in change(node):
            yield replace(query, group=(*group[:i], other, *group[i + 1 :]))
    for name in ("where", "having", "lateral", "qualify"):
        clause = getattr(query, name)
        for other in change(clause) if clause is not None else ():
            yield replace(query, **{name: other})
    if query.join is not None and query.join[1] is not None:
        for other in change(query.join[1]):
            yield replace(query, join=(query.join[0], other))
    if query.nested is not None:
        for nested in with_expressions(query.nested, change):
            yield replace(query, nested=nested)


def simpler_queries(query: Query) -> Iterator[Query]:
    """Yield simpler queries: a clause gone, an item gone, an expression simpler."""
    if query.set_operation is not None:
        yield query.set_operation[1]
    for name, empty in _EMPTY.items():
        if name == "ordered" and query.limit is not None:
            continue  # any rows would do then
        if getattr(query, name) != empty:
            yield replace(query, **{name: empty})
    if len(query.items) > 1:
        for i in range(len(query.items)):
            yield replace(query, items=query.items[:i] + query.items[i + 1 :])
    if query.group:
        for i in range(len(query.group)):
            yield replace(query, group=query.group[:i] + query.group[i + 1 :])
    if query.nested is not None:
        for other in simpler_queries(query.nested):
            yield replace(query, nested=other)
    yield from with_expressions(query, simpler)


_EMPTY: dict[str, Any] = {
    "set_operation": None, "ordered": (), "limit": None, "distinct": False, "having": None, "where": None,
    "lateral": None, "join": None, "nested": None, "cte": False, "grouping": "", "pivot": "", "qualify": None,
}  # fmt: skip
