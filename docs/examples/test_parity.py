"""Tests that compare queries on real Spark and on lightstream. Run them with: pytest docs/examples/test_parity.py"""

import json

import pytest

from lightstream.parity import assert_parity

pytestmark = pytest.mark.filterwarnings("ignore::FutureWarning")

FILES = [
    [{"user": "ann", "amount": 10}, {"user": "bob", "amount": 5}],
    [{"user": "ann", "amount": None}],
    [{"user": None, "amount": 7}, {"user": "bob", "amount": 1}],
]
SCHEMA = "user string, amount int"


def totals(df, F):
    return df.groupBy("user").agg(F.sum("amount").alias("total"), F.count("*").alias("n"))


def test_totals():
    assert_parity(totals, FILES, schema=SCHEMA)


def test_totals_in_sql():
    assert_parity("select user, sum(amount) as total from data group by user", FILES, output_mode="complete")


# Runs twice: on Spark, and on lightstream.
def test_large_amounts(engine):
    path = engine.directory / "amounts.json"
    path.write_text("".join(json.dumps(row) + "\n" for rows in FILES for row in rows))
    frame = engine.spark.read.schema(SCHEMA).json(str(path)).where(engine.F.col("amount") >= 7)
    assert [row.amount for row in frame.orderBy("amount").collect()] == [7, 10]
