"""Record what Spark answers to every function and cast case, for the tests that run without Spark.

Run with pyspark installed: `python parity_tests/record_functions.py`. It writes `tests/golden/function_answers.json`,
one case to a line: column name, type, nullability and the value as text; or the error's condition, class and SQLSTATE.
Cases that are recorded stay as they are, unless `--all` is given.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import cast_cases
import function_cases

TARGET = Path(__file__).parent.parent / "tests" / "golden" / "function_answers.json"


def statements() -> list[str]:
    """Return the select lists to record, each with its FROM."""
    plain = [
        case
        for cases in (function_cases.CASES, cast_cases.CASES)
        for family in cases.values()
        for case in family
    ]
    aggregates = [
        f"{case} from {function_cases.TABLES[table]}"
        for table, cases in function_cases.AGGREGATE_CASES.items()
        for case in cases
    ]
    return list(dict.fromkeys(plain + aggregates))


def answer(spark: Any, statement: str) -> list[Any]:
    """Return `[name, type, nullable, text]`, the last two perhaps an error, or `[error]`."""
    try:
        frame = spark.sql(f"select {statement}")
        field = frame.schema.fields[0]
    except Exception as error:
        return [_error(error)]
    known = [field.name, field.dataType.jsonValue(), field.nullable]
    try:
        return [*known, frame.toDF("v").selectExpr("cast(v as string) as v").collect()[0][0]]
    except Exception as error:
        return [*known, _error(error)]


def _error(error: Any) -> dict[str, str | None]:
    return {"condition": error.getCondition(), "class": type(error).__name__, "sqlstate": error.getSqlState()}


def main() -> None:
    from pyspark.sql import SparkSession

    settings = {
        "spark.ui.enabled": "false",
        "spark.sql.shuffle.partitions": "1",
        "spark.sql.session.timeZone": "UTC",
    }
    spark = SparkSession.builder.master("local[1]").config(map=settings).getOrCreate()
    spark.sparkContext.setLogLevel("OFF")
    known = {} if "--all" in sys.argv else json.loads(TARGET.read_text(encoding="utf-8"))
    answers = {s: known[s] if s in known else answer(spark, s) for s in statements()}
    lines = [f"{json.dumps(s)}: {json.dumps(a, sort_keys=True)}" for s, a in answers.items()]
    TARGET.write_text("{\n" + ",\n".join(lines) + "\n}\n", encoding="utf-8")
    print(f"{len(lines)} answers in {TARGET}")


if __name__ == "__main__":
    main()
