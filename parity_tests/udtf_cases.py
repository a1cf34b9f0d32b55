"""Python table functions, as DataFrame programs for test_frames.py."""

from __future__ import annotations

import datetime
import decimal
from typing import Any

from frames_cases import many

# Each class is made inside a function: those of a module would have to be on the path of Spark's Python workers.


def two() -> Any:
    class Two:
        def eval(self, x: Any = 1, y: Any = 2) -> Any:
            yield x, y
            yield x + 1, y + 1

    return Two


def few() -> Any:
    class Few:
        def eval(self, n: Any) -> Any:
            for i in range(n):
                yield (i,)

    return Few


def shows() -> Any:
    class Shows:
        """Shows the rows of a table."""

        def __init__(self) -> None:
            self.rows: list[str] = []

        def eval(self, row: Any, extra: Any = None) -> Any:
            self.rows.append(f"{row!r} {extra!r}")

        def terminate(self) -> Any:
            if self.rows:  # in Spark a partition without rows may have no others made for it either
                yield len(self.rows), "; ".join(self.rows)

    return Shows


def arguments() -> Any:
    class Arguments:
        def eval(self, *given: Any) -> Any:
            yield (repr(given),)

    return Arguments


def _ends(s: Any) -> Any:
    skip = s.F.SkipRestOfInputTableException

    class Ends:
        def __init__(self) -> None:
            self.rows = 0

        def eval(self, x: Any) -> Any:
            self.rows += 1
            if x < 0:
                raise skip("enough")
            yield ("eval", x)

        def terminate(self) -> Any:
            yield ("end", self.rows)

    return s.F.udtf(Ends, returnType="k string, v int")


def _analyzed(s: Any) -> Any:
    result, struct, field, kind = s.F.AnalyzeResult, s.T.StructType, s.T.StructField, s.T.IntegerType

    class Analyzed:
        @staticmethod
        def analyze(*args: Any, **named: Any) -> Any:
            told = [("", a) for a in args] + list(named.items())
            shown = [
                f"{i} {name} {a.dataType.simpleString()} {a.value!r} {a.isTable} {a.isConstantExpression}"
                for i, (name, a) in enumerate(told)
            ]
            return result(struct([field(text, kind()) for text in shown or ["none"]]))

        def eval(self, *args: Any, **named: Any) -> Any:
            yield tuple([1] * max(1, len(args) + len(named)))

    return s.F.udtf(Analyzed)


def _asking(**asked: Any) -> Any:
    """Return a program whose function asks for its table's rows in some way, by names of classes and arguments."""

    def case(s: Any) -> Any:
        made = {
            name: [getattr(s.F, kind)(*args) for kind, *args in value] if isinstance(value, list) else value
            for name, value in asked.items()
        }
        made.pop("of", None)
        result = s.F.AnalyzeResult(s.T.StructType([s.T.StructField("s", s.T.StringType())]), **made)

        class Asking:
            def __init__(self, told: Any) -> None:
                self.rows: list[str] = []

            @staticmethod
            def analyze(row: Any) -> Any:
                return result

            def eval(self, row: Any) -> Any:
                self.rows.append(repr(row))

            def terminate(self) -> Any:
                yield ("; ".join(self.rows),)

        table = _table(s).asTable()
        of = asked.get("of")
        given = s.F.lit(1) if of == "value" else table.partitionBy("v") if of == "partitions" else table
        return s.F.udtf(Asking)(given)

    return case


def _table(s: Any) -> Any:
    rows = [(1, "b"), (2, "c"), (1, "a"), (None, "z"), (None, "y")]
    found = s.spark.createDataFrame(rows, "k int, v string").coalesce(1)
    found.createOrReplaceTempView("udtf_t")
    return found


def _sql(text: str) -> Any:
    """Return a program that runs a query over table functions and the table `t`."""

    def case(s: Any) -> Any:
        register = s.spark.udtf.register
        register("two", s.F.udtf(two(), returnType="a int, b int not null"))
        register("few", s.F.udtf(few(), returnType="i int"))
        register("shows", s.F.udtf(shows(), returnType="n int, s string"))
        register("arguments", s.F.udtf(arguments(), returnType="s string"))
        _table(s)
        return s.spark.sql(text.replace("(t)", "(udtf_t)").replace(" t ", " udtf_t "))

    return case


def _returns(*rows: Any, schema: Any = "a int, b string", value: Any = None) -> Any:
    """Return a program whose function gives these rows, or a value that is no rows."""

    def case(s: Any) -> Any:
        class Gives:
            def eval(self) -> Any:
                return list(rows) if value is None else value

        return s.F.udtf(Gives, returnType=schema)()

    return case


def _raises(method: str) -> Any:
    def case(s: Any) -> Any:
        def fail(self: Any) -> Any:
            raise ValueError("no")

        methods = {"eval": lambda self: [(1,)], method: fail}
        return s.F.udtf(type("Raises", (), methods), returnType="a int")()

    return case


def _raises_later(s: Any) -> Any:
    class Later:
        def eval(self) -> Any:
            yield (1,)
            raise ValueError("later")

    return s.F.udtf(Later, returnType="a int")()


def _made(**attributes: Any) -> Any:
    return lambda s: s.F.udtf(type("Made", (), attributes), returnType="a int")()


def _few(s: Any) -> Any:
    return s.F.udtf(few(), returnType="i int")


def _decorated(s: Any) -> Any:
    @s.F.udtf(returnType="n int, word string")
    class Words:
        def eval(self, text: Any) -> Any:
            yield from enumerate(text.split(" "))

    return Words(s.F.lit("a b"))


def _attributes(s: Any) -> Any:
    f = s.F.udtf(two(), returnType="a int, b int")
    registered = s.spark.udtf.register("named", f)
    return (
        type(f).__name__, f.returnType.simpleString(), f.evalType, f.deterministic, f.func.__name__, f._name,
        registered._name, registered is f, f.asDeterministic().deterministic, _analyzed(s).returnType,
    )  # fmt: skip


def _failing_analyze(given: Any, *args: int) -> Any:
    def case(s: Any) -> Any:
        class Fails:
            @staticmethod
            def analyze(x: Any) -> Any:
                if given is None:
                    raise ValueError("no")
                return given

            def eval(self, x: Any) -> Any:
                yield (1,)

        return s.F.udtf(Fails)(*map(s.F.lit, args))

    return case


def _known(s: Any) -> Any:
    return _table(s).filter("k is not null")


def _arrow(columns: Any, given: Any) -> Any:
    """Return a program whose function on Arrow gives a table of columns made of what it is given."""

    def case(s: Any) -> Any:
        class OnArrow:
            def eval(self, *args: Any) -> Any:
                import pyarrow

                yield pyarrow.table(columns(args))

        return s.F.arrow_udtf(OnArrow, returnType="kind string, n long")(*given(s))

    return case


def _kinds() -> Any:
    def kinds(args: Any) -> Any:
        return {"n": [len(args[0])], "kind": [f"{len(args)} {type(args[0]).__name__}"]}

    return kinds


NAN_KEYS = [(float("nan"),), (float("nan"),), (0.0,), (-0.0,)]

many(
    "udtf",
    decorated=_decorated,
    attributes=_attributes,
    defaults=lambda s: s.F.udtf(two(), returnType="a int, b int")(s.F.lit(1)),
    named=lambda s: s.F.udtf(two(), returnType="a int, b int")(s.F.lit(1), y=s.F.lit(5)),
    column_name=lambda s: _few(s)("x"),
    number=lambda s: _few(s)(1),
    unequal=lambda s: _few(s)(s.F.lit(2)).join(_few(s)(s.F.lit(3)), "i"),
    count=lambda s: _few(s)(s.F.lit(2)).count(),
    sql=_sql("select * from two(1, 2)"),
    sql_named=_sql("select * from two(y => 1, x => 1 + 2)"),
    sql_alias=_sql("select f.q, p from two(1, 2) as f(p, q)"),
    sql_alias_short=_sql("select * from two(1, 2) as f(p)"),
    sql_position_last=_sql("select * from two(y => 1, 2)"),
    sql_named_twice=_sql("select * from two(y => 1, y => 2)"),
    sql_given_twice=_sql("select * from two(1, x => 2)"),
    sql_too_many=_sql("select * from two(1, 2, 3)"),
    sql_as_value=_sql("select two(1, 2)"),
    sql_null=_sql("select * from two(null, 1)"),
    sql_unknown=_sql("select * from nowhere(1)"),
    sql_unknown_named=_sql("select * from nowhere(a => 1)"),
    lateral=_sql("select * from values (1), (5) o(x), lateral two(x, 2)"),
    lateral_on=_sql("select * from values (1), (5) o(x) join lateral two(x, 2) f on f.a > 5"),
    lateral_left=_sql("select * from values (0), (2) o(x) left join lateral few(x)"),
    lateral_left_on=_sql("select * from values (1), (5) o(x) left join lateral two(x, 2) on a > 5"),
    lateral_query=_sql(
        "select * from values (1), (5) o(x), lateral (select a + x as s from two(o.x, 2) where a > 1)"
    ),
    lateral_query_of_one=_sql(
        "select * from values (5) o(x), lateral (select a + x as s from two(o.x, 2) where a > 5)"
    ),
    lateral_query_certain=lambda s: (
        s.spark.udtf.register("certain", s.F.udtf(two(), returnType="a int, b int").asDeterministic()),
        s.spark.sql(
            "select * from values (1), (5) o(x), lateral (select a + x as s from certain(o.x, 2) where a > 1)"
        ),
    )[1],
    lateral_columns=_sql("select * from values (1), (5) o(x), lateral (select b, a + o.x, o.x from two(o.x, 2))"),
    lateral_outer_name=_sql("select * from values (1), (5) o(x), lateral (select o.x, x + 1, x as y)"),
    lateral_left_columns=_sql("select * from values (0), (2) o(x) left join lateral (select i + 1 from few(o.x))"),
    lateral_names=_sql("select o.x, f.a from values (1), (5) o(x), lateral two(o.x, 2) f where f.b = 2"),
    lateral_view=_sql("select * from values (1), (5) o(x) lateral view two(x, 2) v as p, q"),
    not_lateral=_sql("select * from values (1), (5) o(x), two(x, 2)"),
    table=_sql("select * from shows(table(t))"),
    table_bare=_sql("select * from shows(table t )"),
    table_query=_sql("select * from shows(table(select k from t where k = 1), 7)"),
    table_partition=_sql("select * from shows(table(t) partition by k order by v)"),
    table_expressions=_sql("select * from shows(table(t) partition by (k + 1, 'x') order by v desc)"),
    table_lists=_sql("select * from shows(table(t) partition by (k, v) order by (v desc))"),
    table_list_bare=_sql("select * from shows(table(t) partition by k, v order by v)"),
    table_orders_bare=_sql("select * from shows(table(t) partition by k order by v, k)"),
    table_single=_sql("select * from shows(table(t) with single partition order by v)"),
    table_distribute=_sql("select * from shows(table(t) distribute by k sort by v)"),
    table_order_only=_sql("select * from shows(table(t) order by v)"),
    table_named=_sql("select * from shows(row => table(t) with single partition, extra => 5)"),
    table_twice=_sql("select * from shows(table(t), table(t))"),
    table_empty=_sql("select * from shows(table(select * from t where k > 50))"),
    table_empty_partition=_sql("select * from shows(table(select * from t where k > 50) partition by k)"),
    table_same_names=_sql("select * from shows(table(select 1 a, 2 a))"),
    table_types=_sql(
        "select * from shows(table(select timestamp'2020-01-01 00:00:00' t, map('a', named_struct('b', 1)) m, 1.50 d))"
    ),
    table_lateral=_sql("select * from values (1) o(x), lateral shows(table(t), x)"),
    arguments=_sql(
        "select * from arguments(timestamp'2020-01-01 00:00:00', timestamp_ntz'2020-01-01 00:00:00', "
        "date'2020-01-01', 1.50, interval 1 day, x'41', map('a', 1), array(1, null), named_struct('a', 1), "
        "cast(1.5 as float), null)"
    ),
    as_table=lambda s: s.F.udtf(shows(), returnType="n int, s string")(
        _table(s).asTable().partitionBy("k").orderBy("v")
    ),
    as_table_desc=lambda s: (
        lambda t: s.F.udtf(shows(), returnType="n int, s string")(
            t.asTable().partitionBy(t.k).orderBy(t.v.desc(), "k")
        )
    )(_table(s)),
    as_table_single=lambda s: s.F.udtf(shows(), returnType="n int, s string")(
        row=_table(s).asTable().withSinglePartition(), extra=s.F.lit(4)
    ),
    as_table_nan=lambda s: s.F.udtf(shows(), returnType="n int, s string")(
        s.spark.createDataFrame(NAN_KEYS, "d double").coalesce(1).asTable().partitionBy("d")
    ),
    order_first=lambda s: _table(s).asTable().orderBy("v"),
    partition_twice=lambda s: _table(s).asTable().partitionBy("k").partitionBy("v"),
    single_then_partition=lambda s: _table(s).asTable().withSinglePartition().partitionBy("v"),
    partition_then_single=lambda s: _table(s).asTable().partitionBy("v").withSinglePartition(),
    order_twice=lambda s: s.F.udtf(shows(), returnType="n int, s string")(
        _table(s).asTable().withSinglePartition().orderBy("k").orderBy("v")
    ),
    terminate=lambda s: _ends(s)(s.F.lit(3)),
    terminate_lateral=lambda s: _known(s).select("k").lateralJoin(_ends(s)(s.F.col("k").outer())),
    skip=lambda s: (
        s.spark.createDataFrame([(1,), (-2,), (3,)], "x int")
        .coalesce(1)
        .lateralJoin(_ends(s)(s.F.col("x").outer()))
    ),
    skip_left=lambda s: (
        s.spark.createDataFrame([(1,), (-2,), (3,)], "x int")
        .coalesce(1)
        .lateralJoin(_ends(s)(s.F.col("x").outer()), how="left")
    ),
    join=lambda s: _known(s).lateralJoin(_few(s)(s.F.col("k").outer())),
    join_bound=lambda s: (lambda t: t.lateralJoin(_few(s)(t.k.outer())))(_known(s)),
    join_not_outer=lambda s: _known(s).lateralJoin(_few(s)(s.F.col("k"))),
    join_left=lambda s: _known(s).lateralJoin(_few(s)((s.F.col("k") - 1).outer()), how="left"),
    join_on=lambda s: _known(s).lateralJoin(_few(s)(s.F.col("k").outer()), on=s.F.col("i") == 1),
    join_alias=lambda s: (
        _known(s)
        .alias("d")
        .lateralJoin(_few(s)(s.F.col("d.k").outer()).alias("f"))
        .select("d.v", s.F.col("f.i"))
    ),
    join_query=lambda s: _known(s).lateralJoin(
        _few(s)(s.F.col("k").outer())
        .filter(s.F.col("i") == s.F.col("k").outer() - 1)
        .select("i", s.F.col("v").outer())
    ),
    outer_alone=lambda s: _few(s)(s.F.col("k").outer()).collect(),
    arrow_values=_arrow(_kinds(), lambda s: [s.F.lit(1), s.F.lit("x")]),
    arrow_table=_arrow(_kinds(), lambda s: [_table(s).asTable().withSinglePartition(), s.F.lit(1)]),
    arrow_partitions=_arrow(_kinds(), lambda s: [_table(s).asTable().partitionBy("k").orderBy("v")]),
    arrow_lateral=lambda s: _known(s).lateralJoin(_arrow(_kinds(), lambda s: [s.F.col("k").outer()])(s)),
    arrow_names=_arrow(lambda args: {"kind": ["a"], "m": [1]}, lambda s: [s.F.lit(1)]),
    arrow_width=_arrow(lambda args: {"kind": ["a"]}, lambda s: [s.F.lit(1)]),
    arrow_types=_arrow(lambda args: {"kind": ["a"], "n": ["b"]}, lambda s: [s.F.lit(1)]),
    # results
    types=_returns(
        (1, 2.5, "s", b"b", True, None, [1, None], {"k": 1}, (1, "z")),
        schema="i long, d double, s string, x binary, b boolean, n int, l array<int>, m map<string,int>, "
        "t struct<p:int,q:string>",
    ),
    times=_returns(
        (
            datetime.date(2020, 1, 1),
            datetime.datetime(2020, 1, 1, 2, 3),
            datetime.datetime(2020, 1, 1, 2, 3),
            decimal.Decimal("1.50"),
        ),
        schema="d date, t timestamp, n timestamp_ntz, c decimal(5,2)",
    ),
    returns_lists=_returns([1, "x"]),
    returns_dicts=_returns({"b": "x", "a": 1}, {"a": 2}),
    returns_rows=lambda s: _returns(s.Row(b="x", a=1))(s),
    returns_short=_returns((1,)),
    returns_none=_returns(None),
    returns_numbers=_returns(5),
    returns_text=_returns("ab"),
    returns_wrong=_returns(("q", "x")),
    returns_float=_returns((1.0, "x")),
    returns_half=_returns((1.5, "x")),
    returns_other=_returns((True, True), (1, 5)),
    returns_value=_returns(value=5),
    one_plain=_returns(5, schema="a int"),
    one_list=_returns([5], schema="a int"),
    one_text=_returns("abc", ("d",), ["e"], schema="a string"),
    one_dict=_returns({"a": 5}, schema="a int"),
    not_null=_returns((None, "x"), schema="a int not null, b string"),
    not_null_inside=_returns((1, "x"), schema="a int not null, b string"),
    raises=_raises("eval"),
    raises_end=_raises("terminate"),
    raises_init=_raises("__init__"),
    raises_later=_raises_later,
    init_argument=_made(eval=lambda self: [(1,)], __init__=lambda self, x: None),
    # classes and types
    no_eval=_made(),
    no_class=lambda s: s.F.udtf(5, returnType="a int"),
    instance=lambda s: s.F.udtf(few()(), returnType="a int"),
    no_type=lambda s: s.F.udtf(few()),
    type_no_struct=lambda s: s.F.udtf(few(), returnType="int")(s.F.lit(1)),
    type_no_type=lambda s: s.F.udtf(few(), returnType=5)(s.F.lit(1)),
    type_integer=lambda s: s.F.udtf(few(), returnType=s.T.IntegerType())(s.F.lit(1)),
    register_class=lambda s: s.spark.udtf.register("x", few()),
    register_built_in=lambda s: (
        s.spark.udtf.register("explode_outer", _few(s)), s.spark.sql("select * from explode_outer(2)"))[1],
    analyze_static=lambda s: s.F.udtf(
        type("Made", (), {"analyze": lambda x: None, "eval": lambda self: None})
    ),
    analyze_and_type=lambda s: s.F.udtf(_analyzed(s).func, returnType="a int"),
    # analyze
    analyze=lambda s: _analyzed(s)(s.F.lit(1), s.F.lit("x"), s.F.lit(None), z=s.F.lit(2.5)),
    analyze_nothing=lambda s: _analyzed(s)(),
    analyze_sql=lambda s: (
        s.spark.udtf.register("analyzed", _analyzed(s)),
        s.spark.sql(
            "select * from analyzed(1 + 2, upper('x'), array(1), named_struct('a', 1), rand() > 2, z => 5, "
            "t => timestamp'2020-01-01 00:00:00', d => date'2020-01-01', c => 1.50, m => map('a', 1), "
            "i => interval 1 day)"
        ),
    )[1],
    analyze_lateral=lambda s: (
        s.spark.udtf.register("analyzed", _analyzed(s)),
        s.spark.sql("select * from values (1) o(x), lateral analyzed(x, x + 1, 3)"),
    )[1],
    analyze_table=lambda s: _analyzed(s)(_table(s).limit(1).asTable(), s.F.lit(3)),
    analyze_fails=_failing_analyze(None, 1),
    analyze_arguments=_failing_analyze(None, 1, 2),
    analyze_returns_number=_failing_analyze(5, 1),
    asks_single=_asking(withSinglePartition=True),
    asks_single_sorted=_asking(withSinglePartition=True, orderBy=[("OrderingColumn", "v")]),
    asks_partitions=_asking(
        partitionBy=[("PartitioningColumn", "k")], orderBy=[("OrderingColumn", "v", False)]
    ),
    asks_expressions=_asking(
        partitionBy=[("PartitioningColumn", "k + 1")],
        orderBy=[("OrderingColumn", "length(v)"), ("OrderingColumn", "v", True, False)],
    ),
    asks_columns=_asking(select=[("SelectedColumn", "v"), ("SelectedColumn", "k + 1", "kk")]),
    asks_no_alias=_asking(select=[("SelectedColumn", "k + 1")]),
    asks_columns_partitions=_asking(
        partitionBy=[("PartitioningColumn", "k")], select=[("SelectedColumn", "v")]
    ),
    asks_both=_asking(partitionBy=[("PartitioningColumn", "k")], of="partitions"),
    asks_both_single=_asking(withSinglePartition=True, of="partitions"),
    asks_order_only=_asking(orderBy=[("OrderingColumn", "v")]),
    asks_single_partitions=_asking(withSinglePartition=True, partitionBy=[("PartitioningColumn", "k")]),
    asks_without_table=_asking(withSinglePartition=True, of="value"),
    asks_partitions_without_table=_asking(partitionBy=[("PartitioningColumn", "k")], of="value"),
    asks_unknown=_asking(partitionBy=[("PartitioningColumn", "nowhere")]),
    asks_unknown_column=_asking(select=[("SelectedColumn", "nowhere")]),
)  # fmt: skip
