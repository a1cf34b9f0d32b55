"""Python functions whose names, arguments or results Spark treats in a way of its own, for test_frames.py."""

from __future__ import annotations

from typing import Any

from frames_cases import many

# ---- names of columns -----------------------------------------------------------------------------------------

_ARGUMENTS = (
    "not flag", "not flag and id > 1", "-id", "id <> 1", "id in (1, 2)", "name in ('a', 'b')", "name is null",
    "name is not null", "if(id = 1, 'x', name)", "struct(id, name)", "struct(id + 1, 2 as x)", "size(array(id))",
    "date'2020-01-01'", "timestamp'2020-01-01 00:00:00'", "x'0aff'", "'text'", "null", "1.50", "try_cast(name as int)",
    "cast(id as string)", "upper(cast(id as string))", "case when flag then 1 else 2 end", "hash(id)", "positive(id)",
    "id between 1 and 2", "concat(name, 'x')", "named_struct('a', id)",
)  # fmt: skip


def _named(argument: str) -> Any:
    def case(s: Any) -> Any:
        df = s.spark.createDataFrame([(1, "a", True)], "id int, name string, flag boolean")
        return df.select(s.F.udf(lambda *given: 1, "int")(s.F.expr(argument))).columns

    return case


many("udf_named", **{f"argument_{i}": _named(argument) for i, argument in enumerate(_ARGUMENTS)})


def _registered(call: str) -> Any:
    def case(s: Any) -> Any:
        s.spark.udf.register("joined", lambda a, b: f"{a}{b}")
        return s.spark.sql(f"select {call} from range(1)")

    return case


many(
    "udf_call",
    named_struct=_registered("joined(struct(id), date'2020-01-01')"),
    by_name=_registered("joined(b => 1, a => 2)"),
    twice=_registered("joined(a => 1, a => 2)"),
    place_after_name=_registered("joined(a => 1, 2)"),
    generator=_registered("joined(explode(array(1)), 1)"),
)

# ---- vectorized functions -------------------------------------------------------------------------------------


def _pandas(result: Any, kind: str = "long", function_type: int = 200) -> Any:
    def case(s: Any) -> Any:
        import pandas

        function = s.F.pandas_udf(lambda column: result(pandas, column), kind, function_type)
        return s.spark.range(3).coalesce(1).select(function("id").alias("x"))

    return case


def _batches(result: Any) -> Any:
    def case(s: Any) -> Any:
        function = s.F.pandas_udf(result, "long", 204)
        return s.spark.range(3).coalesce(1).select(function("id").alias("x"))

    return case


def _twice(batches: Any) -> Any:
    for batch in batches:
        yield batch
        yield batch


many(
    "vectorized",
    row=_pandas(lambda pandas, column: pandas.Series([1])),
    number=_pandas(lambda pandas, column: 1),
    nothing=_pandas(lambda pandas, column: None),
    listed=_pandas(lambda pandas, column: [1, 2, 3]),
    array=_pandas(lambda pandas, column: column.to_numpy() + 1),
    rows_for_struct=_pandas(lambda pandas, column: pandas.Series([(1,)] * 3), "a long"),
    frame_for_struct=_pandas(lambda pandas, column: pandas.DataFrame({"a": column}), "a long"),
    dates_for_times=_pandas(
        lambda pandas, column: pandas.Series([__import__("datetime").date(2020, 1, 1)] * 3), "timestamp"
    ),
    more_batches=_batches(_twice),
    no_batch_read=_batches(lambda batches: iter([])),
    short_batches=_batches(lambda batches: (batch[:1] for batch in batches)),
    without_arguments=lambda s: s.F.pandas_udf(lambda: 1, "int", 200),
    struct_of_group=lambda s: s.F.pandas_udf(lambda x: {"a": 1}, "a int", 202)("id"),
    year_month=lambda s: s.F.pandas_udf(lambda x: x, "interval year to month", 200)("id"),
)

# ---- whole frames ---------------------------------------------------------------------------------------------


def _mapped(method: str, change: Any, schema: str) -> Any:
    def case(s: Any) -> Any:
        def changed(frames: Any) -> Any:
            for frame in frames:
                yield change(frame)

        return getattr(s.spark.range(3).coalesce(1), method)(changed, schema)

    return case


def _grouped(method: str, function: Any, schema: Any) -> Any:
    return lambda s: getattr(s.emp.select("id", "dept").groupBy("dept"), method)(function, schema)


many(
    "mapped",
    extra_column=_mapped("mapInPandas", lambda f: f.assign(x=1), "id long"),
    extra_before=_mapped("mapInPandas", lambda f: f.assign(x=1)[["x", "id"]], "id long"),
    other_name=_mapped("mapInPandas", lambda f: f.rename(columns={"id": "x"}), "id long"),
    arrow_other_name=_mapped("mapInArrow", lambda f: f, "x long"),
    arrow_extra=_mapped("mapInArrow", lambda f: f.append_column("x", f.column(0)), "id long"),
    arrow_places=_mapped("mapInArrow", lambda f: f.append_column("x", f.column(0)), "x long, id long"),
    no_schema=lambda s: s.spark.range(1).mapInPandas(lambda f: f, "int"),
    number=lambda s: s.spark.range(1).mapInPandas(lambda f: f, 5),
)
many(
    "grouped",
    no_argument=_grouped("applyInPandas", lambda: 1, "id long"),
    arguments=_grouped("applyInPandas", lambda a, b, c: 1, "id long"),
    no_schema=_grouped("applyInPandas", lambda f: f, "int"),
    number=_grouped("applyInPandas", lambda f: f, 5),
    arrow_type=_grouped("applyInArrow", lambda f: f, "id int, dept string"),
    arrow=_grouped("applyInArrow", lambda f: f, "id long, dept string"),
    other_keys=lambda s: (
        s.emp.groupBy("id").cogroup(s.emp.groupBy("id", "dept")).applyInPandas(lambda a, b: a, "id long")
    ),
)

# ---- table functions ------------------------------------------------------------------------------------------


def _table(call: str) -> Any:
    def case(s: Any) -> Any:
        class One:
            def eval(self, a: Any, b: Any = 2) -> Any:
                yield a, b

        s.spark.udtf.register("one", s.F.udtf(One, returnType="a int, b int"))
        return s.spark.sql(f"select * from {call}")

    return case


many(
    "udtf_call",
    aggregate=_table("one(sum(1))"),
    place_after_name=_table("one(a => 1, 2)"),
    twice=_table("one(a => 1, a => 2)"),
    aliases=_table("one(1) as t(x)"),
    no_table=_table("one(table(nowhere))"),
)
