"""What `pip install lightstream` brings is enough: programs run where no other package can be imported."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from importlib import metadata
from pathlib import Path

import pytest

PROGRAM = """
import sys

ALLOWED = {allowed!r}
PACKAGES = {packages!r}


class Refuse:
    def find_spec(self, name, path=None, target=None):
        package = name.partition(".")[0]
        if package in PACKAGES and package not in ALLOWED:
            raise ModuleNotFoundError(f"No module named {{name!r}}", name=name)


sys.meta_path.insert(0, Refuse())
{body}
"""

SESSION = """
from lightstream.sql import SparkSession
from lightstream.sql import functions as F

spark = SparkSession.builder.getOrCreate()
"""

BODIES = {
    "functions in Python": """
spark.sql("select hash('a', 1), xxhash64('a'), to_char(1.5, '9.9'), parse_url('http://a/b', 'HOST'), soundex('a'), "
          "from_json('{\\"a\\":1}', 'a int'), get_json_object('{\\"a\\":1}', '$.a'), from_csv('1', 'a int'), "
          "regexp_replace('a', 'a+', 'b'), parse_json('[1]'), date_format(timestamp'2020-01-01', 'EEEE')").show()
""",
    "time zones": """
import datetime
spark.conf.set("spark.sql.session.timeZone", "America/New_York")
spark.sql("select timestamp'2020-01-01 00:00:00' as t, to_json(struct(now())), from_csv('2020-01-01', 't timestamp'), "
          "from_utc_timestamp(now(), 'Asia/Tokyo')").show()
frame = spark.createDataFrame([(datetime.datetime(2020, 1, 1),)], "t timestamp")
print(frame.collect(), frame.toPolars(), frame.toArrow())
""",
    "a program's own functions": """
double = F.udf(lambda n: n * 2, "long")
spark.range(3).select(double("id")).show()
spark.range(3).groupBy("id").applyInArrow(lambda table: table, "id long").show()
""",
    "windows on the console": """
rows = spark.readStream.schema("t timestamp, k string").json("in")
counts = rows.withWatermark("t", "1 minute").groupBy(F.window("t", "10 minutes"), "k").count()
for mode in ("complete", "update", "append"):
    counts.writeStream.outputMode(mode).format("console").trigger(availableNow=True).start().awaitTermination()
rows.select(F.array("t")).writeStream.foreach(print).trigger(availableNow=True).start().awaitTermination()
observed = rows.observe("m", F.max("t"), F.collect_list("t"))
observed.writeStream.format("noop").trigger(availableNow=True).start().awaitTermination()
""",
    "tables, joins and state": """
rows = spark.readStream.schema("t timestamp, k string").json("in").withWatermark("t", "1 minute")
other = rows.select(F.col("k").alias("j"), F.col("t").alias("u"))
rows.join(other, F.expr("k = j and u between t and t + interval 1 minute")).writeStream.option(
    "checkpointLocation", "1").trigger(availableNow=True).toTable("joined").awaitTermination()
rows.dropDuplicates(["k"]).writeStream.option("checkpointLocation", "2").trigger(
    availableNow=True).toTable("known").awaitTermination()
spark.readStream.table("known").writeStream.format("parquet").option("checkpointLocation", "3").trigger(
    availableNow=True).start("out").awaitTermination()
assert spark.read.parquet("out").count() == spark.table("known").count() == 2
print(spark.table("known").collect(), spark.table("joined").first(), spark.table("joined").toPolars())
""",
    "files": """
frame = spark.sql("select 1 as n, 'a' as s, timestamp'2020-01-01' as t, array(1) as l")
for name in ("json", "parquet", "orc"):
    frame.write.format(name).save(name)
    assert spark.read.format(name).load(name).count() == 1
frame.drop("l").write.csv("csv", header=True)
spark.read.csv("csv", header=True, inferSchema=True).show()
""",
}  # fmt: skip


def brought() -> set[str]:
    """The packages that `pip install lightstream` brings."""
    found: set[str] = set()
    waiting = ["lightstream"]
    while waiting:
        name = waiting.pop()
        if name in found:
            continue
        found.add(name)
        try:
            needed = metadata.requires(name) or []
        except metadata.PackageNotFoundError:  # for another system
            continue
        for requirement in needed:
            if "extra ==" not in requirement:
                waiting.append(re.split(r"[^A-Za-z0-9._-]", requirement)[0].lower().replace("_", "-"))
    return found


@pytest.mark.parametrize("name", list(BODIES))
def test_a_program_needs_no_other_package(tmp_path: Path, name: str) -> None:
    modules = metadata.packages_distributions()
    packages = brought()
    allowed = sorted(
        module
        for module, owners in modules.items()
        if any(owner.lower().replace("_", "-") in packages for owner in owners)
    )
    assert "duckdb" in allowed and "pandas" not in allowed
    (tmp_path / "in").mkdir()
    (tmp_path / "in" / "1.json").write_text(
        '{"t": "2024-01-01 00:01:00", "k": "a"}\n{"t": "2024-01-01 00:21:00", "k": "b"}\n'
    )
    text = PROGRAM.format(allowed=allowed, packages=sorted(modules), body=SESSION + BODIES[name])
    program = tmp_path / "program.py"
    program.write_text(text)
    # Nor does the system bring a database of time zones.
    environment = {**os.environ, "PYTHONTZPATH": ""}
    done = subprocess.run(
        [sys.executable, str(program)], cwd=tmp_path, capture_output=True, text=True, env=environment
    )
    assert done.returncode == 0, done.stderr[-3000:]
