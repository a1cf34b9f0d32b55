"""Queries: text and the relations it becomes."""

from __future__ import annotations

import textwrap

import pytest
from parse_rendering import outline

from lightstream.errors import PySparkException, UnsupportedOperationException
from lightstream.parse import parse_statement
from lightstream.plan.expressions import SubqueryExpression, UnresolvedStar, WindowExpression
from lightstream.plan.relations import Aggregate, Filter, Project, Sort

# A text, and below it, indented, its relations. In expressions a quote stands before each name.
QUERIES = """
select 1
    Project items=[1]
      OneRow
select a as b, t.* from t where c > 1
    Project items=['a AS b, t.*]
      Filter condition=('c > 1)
        UnresolvedTable name=[t]
select 1 where false
    Project items=[1]
      Filter condition=false
        OneRow
select /*+ broadcast(t) */ a from t -- the end
    Project items=['a]
      UnresolvedTable name=[t]
select distinct a from t
    Aggregate keys=[*] items=[*] kind=distinct
      Project items=['a]
        UnresolvedTable name=[t]
select distinct a from t group by a order by a
    Sort orders=['a ASC NULLS FIRST]
      Aggregate keys=[*] items=[*] kind=distinct
        Aggregate keys=['a] items=['a]
          UnresolvedTable name=[t]
select a, count(*) n from t group by a, 2, b + 1 having count(*) > 1
    Aggregate keys=['a, #2, ('b + 1)] items=['a, 'count(1) AS n] having=('count(1) > 1)
      UnresolvedTable name=[t]
select count(*) from t having count(*) > 1
    Aggregate items=['count(1)] having=('count(1) > 1)
      UnresolvedTable name=[t]
select a from t group by all
    Aggregate items=['a] kind=all
      UnresolvedTable name=[t]
select a from t group by rollup(a, b)
    Aggregate keys=['a, 'b] items=['a] kind=rollup
      UnresolvedTable name=[t]
select a from t group by a, b with cube
    Aggregate keys=['a, 'b] items=['a] kind=cube
      UnresolvedTable name=[t]
select a from t group by rollup((a, b), c)
    Aggregate keys=['a, 'b, 'c] items=['a] kind=sets grouping_sets=[[0, 1, 2], [0, 1], []]
      UnresolvedTable name=[t]
select a from t group by grouping sets ((a, b), a, ())
    Aggregate keys=['a, 'b] items=['a] kind=sets grouping_sets=[[0, 1], [0], []]
      UnresolvedTable name=[t]
select a from t group by a, b grouping sets ((a), (b, c))
    Aggregate keys=['a, 'b, 'c] items=['a] kind=sets grouping_sets=[[0], [1, 2]]
      UnresolvedTable name=[t]
select a from t group by a, cube(b, c)
    Aggregate keys=['a, 'b, 'c] items=['a] kind=sets grouping_sets=[[0, 1, 2], [0, 1], [0, 2], [0]]
      UnresolvedTable name=[t]
select a from t group by grouping sets (rollup(a), cube(b))
    Aggregate keys=['a, 'b] items=['a] kind=sets grouping_sets=[[0], [], [1], []]
      UnresolvedTable name=[t]
select a from t order by a desc, 2 nulls last, b asc nulls last limit 5 offset 2
    Limit count=5
      Offset count=2
        Sort orders=['a DESC NULLS LAST, #2 ASC NULLS LAST, 'b ASC NULLS LAST]
          Project items=['a]
            UnresolvedTable name=[t]
select a from t order by all desc limit all
    Sort orders=[ALL DESC NULLS LAST]
      Project items=['a]
        UnresolvedTable name=[t]
select a from t distribute by a sort by b
    Sort orders=['b ASC NULLS FIRST] is_global=False
      Project items=['a]
        UnresolvedTable name=[t]
select a from t cluster by a
    Sort orders=['a ASC NULLS FIRST] is_global=False
      Project items=['a]
        UnresolvedTable name=[t]
select f() over w from t window w as (partition by c), v as (order by d)
    Project items=['f() windowspecdefinition('c, unspecifiedframe$())]
      UnresolvedTable name=[t]
select f() over (v) from t window w as (partition by c), v as w
    Project items=['f() windowspecdefinition('c, unspecifiedframe$())]
      UnresolvedTable name=[t]
select * from a, b c join d on x
    Project items=[*]
      Join condition='x
        Join
          UnresolvedTable name=[a]
          SubqueryAlias alias=c
            UnresolvedTable name=[b]
        UnresolvedTable name=[d]
select * from a left join b using (x, y) cross join c natural full outer join d
    Project items=[*]
      Join kind=fullouter natural=True
        Join kind=cross
          Join kind=leftouter using=[x, y]
            UnresolvedTable name=[a]
            UnresolvedTable name=[b]
          UnresolvedTable name=[c]
        UnresolvedTable name=[d]
select * from a right outer join b on x left semi join c on y anti join d on z
    Project items=[*]
      Join kind=leftanti condition='z
        Join kind=leftsemi condition='y
          Join kind=rightouter condition='x
            UnresolvedTable name=[a]
            UnresolvedTable name=[b]
          UnresolvedTable name=[c]
        UnresolvedTable name=[d]
select * from (a join b) c join (d join e on f) on g
    Project items=[*]
      Join condition='g
        SubqueryAlias alias=c
          Join
            UnresolvedTable name=[a]
            UnresolvedTable name=[b]
        Join condition='f
          UnresolvedTable name=[d]
          UnresolvedTable name=[e]
select * from a, lateral (select a.x) b left join lateral explode(b.x) as c(y) on true
    Project items=[*]
      Join kind=leftouter condition=true lateral=True
        Join lateral=True
          UnresolvedTable name=[a]
          SubqueryAlias alias=b
            Project items=['a.x]
              OneRow
        SubqueryAlias alias=c columns=[y]
          UnresolvedTableFunction name=explode args=['b.x]
select * from (select a, b from t) as s(x, y)
    Project items=[*]
      SubqueryAlias alias=s columns=[x, y]
        Project items=['a, 'b]
          UnresolvedTable name=[t]
select * from ((select 1))
    Project items=[*]
      SubqueryAlias alias=__auto_generated_subquery_name
        Project items=[1]
          OneRow
select * from ((select 1) union all (select 2)) u
    Project items=[*]
      SubqueryAlias alias=u
        SetOperation kind=union
          Project items=[1]
            OneRow
          Project items=[2]
            OneRow
select * from ((select a from t) s join u on s.a = u.a)
    Project items=[*]
      Join condition=('s.a = 'u.a)
        SubqueryAlias alias=s
          Project items=['a]
            UnresolvedTable name=[t]
        UnresolvedTable name=[u]
select * from db.t x, json.`/tmp/x`, stream s, stream(u) as v
    Project items=[*]
      Join
        Join
          Join
            SubqueryAlias alias=x
              UnresolvedTable name=[db, t]
            UnresolvedTable name=[json, /tmp/x]
          UnresolvedTable name=[s] is_streaming=True
        SubqueryAlias alias=v
          UnresolvedTable name=[u] is_streaming=True
select * from range(0, 10, 2) r(n)
    Project items=[*]
      SubqueryAlias alias=r columns=[n]
        UnresolvedTableFunction name=range args=[0, 10, 2]
select * from values (1, 'a'), (2, null) as v(x, y)
    Project items=[*]
      SubqueryAlias alias=v columns=[x, y]
        Values rows=[[1, a], [2, null]]
values 1, 2 order by 1
    Sort orders=[#1 ASC NULLS FIRST]
      Values rows=[[1], [2]]
values ((1, 2)), (struct(3, 4 as b))
    Values rows=[[1, 2], [3, 4]]
table db.t limit 1
    Limit count=1
      UnresolvedTable name=[db, t]
from t
    UnresolvedTable name=[t]
from t select a where b limit 3
    Limit count=3
      Project items=['a]
        Filter condition='b
          UnresolvedTable name=[t]
select a from t union select b from u intersect select c from v except all select d from w
    SetOperation kind=except
      SetOperation kind=union all=False
        Project items=['a]
          UnresolvedTable name=[t]
        SetOperation kind=intersect all=False
          Project items=['b]
            UnresolvedTable name=[u]
          Project items=['c]
            UnresolvedTable name=[v]
      Project items=['d]
        UnresolvedTable name=[w]
(select a from t order by a limit 1) union all (select b from u) order by 1 limit 2
    Limit count=2
      Sort orders=[#1 ASC NULLS FIRST]
        SetOperation kind=union
          Limit count=1
            Sort orders=['a ASC NULLS FIRST]
              Project items=['a]
                UnresolvedTable name=[t]
          Project items=['b]
            UnresolvedTable name=[u]
with x as (select 1), y(a, b) as (with z as (table x) select * from z) select * from y limit 1
    With x y(a, b)
      Project items=[1]
        OneRow
      With z
        UnresolvedTable name=[x]
        Project items=[*]
          UnresolvedTable name=[z]
      Limit count=1
        Project items=[*]
          UnresolvedTable name=[y]
with recursive r(n) as (select 1 union all select n + 1 from r where n < 5) select * from r
    With r(n) recursive=True
      SetOperation kind=union
        Project items=[1]
          OneRow
        Project items=[('n + 1)]
          Filter condition=('n < 5)
            UnresolvedTable name=[r]
      Project items=[*]
        UnresolvedTable name=[r]
with x as (select 1) (with y as (select 2) select * from x, y)
    With x
      Project items=[1]
        OneRow
      With y
        Project items=[2]
          OneRow
        Project items=[*]
          Join
            UnresolvedTable name=[x]
            UnresolvedTable name=[y]
select * from t lateral view outer explode(a) x as k, v lateral view posexplode(v) y where w
    Project items=[*]
      Filter condition='w
        Generate generator='posexplode('v) alias=y
          Generate generator='explode('a) outer=True alias=x columns=[k, v]
            UnresolvedTable name=[t]
select * from t pivot (sum(a) as s, max(c) for b in (1 as x, 2)) as p
    Project items=[*]
      SubqueryAlias alias=p
        Pivot column='b values=[1 AS x, 2] items=['sum('a) AS s, 'max('c)]
          UnresolvedTable name=[t]
select * from t pivot (sum(a) for (b, c) in ((1, 2), (3, 4) as z))
    Project items=[*]
      Pivot column='struct('b, 'c) values=['struct(1, 2), 'struct(3, 4) AS z] items=['sum('a)]
        UnresolvedTable name=[t]
select * from t unpivot (v for n in (a, t.b)) u
    Project items=[*]
      SubqueryAlias alias=u
        Unpivot values=[('a), ('t.b)] variable_name=n value_names=[v] include_nulls=False
          UnresolvedTable name=[t]
select * from t unpivot include nulls (v for n in (a))
    Project items=[*]
      Unpivot values=[('a)] variable_name=n value_names=[v]
        UnresolvedTable name=[t]
select * from t tablesample (10 percent) repeatable (42) x
    Project items=[*]
      Sample lower=0.0 upper=0.1 seed=42
        SubqueryAlias alias=x
          UnresolvedTable name=[t]
select * from t tablesample (5 rows), u tablesample (bucket 1 out of 4)
    Project items=[*]
      Join
        Limit count=5
          UnresolvedTable name=[t]
        Sample lower=0.0 upper=0.25
          UnresolvedTable name=[u]
select * from stream t watermark ts delay of interval 10 seconds x
    Project items=[*]
      WithWatermark column=ts delay=10 seconds
        SubqueryAlias alias=x
          UnresolvedTable name=[t] is_streaming=True
select window(ts, '10 minutes').start, count(*) from t group by window(ts, '10 minutes')
    Aggregate keys=['window('ts, 10 minutes)] items=['window('ts, 10 minutes)[start], 'count(1)]
      UnresolvedTable name=[t]
select window.end from t where
    Project items=['window.end]
      SubqueryAlias alias=where
        UnresolvedTable name=[t]
"""


def _pairs() -> list[tuple[str, str]]:
    found: list[tuple[str, list[str]]] = []
    for line in QUERIES.strip().splitlines():
        if line.startswith("    "):
            found[-1][1].append(line)
        else:
            found.append((line, []))
    return [(text, textwrap.dedent("\n".join(lines))) for text, lines in found]


@pytest.mark.parametrize(("text", "expected"), _pairs())
def test_queries_become_relations(text: str, expected: str) -> None:
    assert "\n".join(outline(parse_statement(text))) == expected


def test_distinct_is_an_aggregation_over_all_columns() -> None:
    found = parse_statement("select distinct * from t")
    assert isinstance(found, Aggregate)
    assert (found.keys, found.items, found.kind) == ((UnresolvedStar(),), (UnresolvedStar(),), "distinct")
    assert isinstance(found.input, Project)


def test_a_semicolon_at_the_end_and_comments_change_nothing() -> None:
    plain = parse_statement("select a from t")
    for text in ("select a from t;", "select a from t ;; ", "/* x /* y */ */ select a -- ;\nfrom t; -- z"):
        assert parse_statement(text) == plain


def test_each_query_has_windows_of_its_own() -> None:
    text = "select a, (select max(b) over w from u window w as (order by c)) from t window w as (order by d)"
    found = parse_statement(text)
    assert isinstance(found, Project)
    subquery = found.items[1]
    assert isinstance(subquery, SubqueryExpression)
    assert isinstance(subquery.plan, Project)
    assert isinstance(subquery.plan.items[0], WindowExpression)
    with pytest.raises(PySparkException, match="MISSING_WINDOW_SPECIFICATION"):
        parse_statement("select (select max(b) over w from u) from t window w as (order by d)")


def test_named_windows_stand_in_the_select_list_only() -> None:
    found = parse_statement("select a from t window w as (order by d) order by a")
    assert isinstance(found, Sort)
    with pytest.raises(UnsupportedOperationException):
        parse_statement("select a from t order by a window w as (order by d)")
    with pytest.raises(PySparkException, match="MISSING_WINDOW_SPECIFICATION"):
        parse_statement("select a from t window w as (order by d) order by sum(a) over w")


def test_subqueries_stand_where_expressions_stand() -> None:
    found = parse_statement("select * from t where a > (select max(a) from u where u.b = t.b)")
    assert isinstance(found, Project)
    assert isinstance(found.input, Filter)


@pytest.mark.parametrize(
    ("text", "what"),
    [
        ("select * from t version as of 1", "Time travel"),
        ("select * from t for timestamp as of '2024-01-01'", "Time travel"),
        ("select * from t with (a = 1)", "Options of a table"),
        ("select * from t tablesample (100b)", "TABLESAMPLE by bytes"),
        ("select transform(a, b) using 'cat' as (c, d) from t", "TRANSFORM ... USING"),
        ("from t insert into u select a insert into v select b", "FROM ... INSERT"),
        ("with recursive r max recursion level 10 as (select 1) select * from r", "MAX RECURSION LEVEL"),
    ],
)
def test_what_spark_has_and_we_have_not_is_refused_by_name(text: str, what: str) -> None:
    with pytest.raises(PySparkException) as caught:
        parse_statement(text)
    if what:
        assert caught.value.getCondition() == "LIGHTSTREAM_UNSUPPORTED"
        assert what in str(caught.value)
