"""A connector as people have it: the text of a module, which both engines run with their own `pyspark`."""

from __future__ import annotations

import types
from importlib import import_module
from typing import Any

TEXT = """
import datetime, json
from decimal import Decimal
from pyspark.sql import Row
from pyspark.sql.datasource import (
    DataSource, DataSourceReader, DataSourceStreamReader, DataSourceStreamWriter, DataSourceWriter, EqualTo,
    InputPartition, SimpleDataSourceStreamReader, WriterCommitMessage,
)
from pyspark.sql.streaming.datasource import ReadAllAvailable, ReadMaxRows, SupportsTriggerAvailableNow


class Shop(DataSource):
    @classmethod
    def name(cls):
        return "shop"

    def schema(self):
        if self.options.get("broken") == "schema":
            raise ValueError("no schema today")
        return ("k INT NOT NULL, s STRING, x DOUBLE, d DECIMAL(10,2), b BINARY, at TIMESTAMP, day DATE, "
                "l ARRAY<INT>, m MAP<STRING,INT>, r STRUCT<p: INT, q: STRING>")

    def reader(self, schema):
        return Filtered(self.options) if "filters" in self.options else Shelf(self.options)

    def writer(self, schema, overwrite):
        return Till(self.options, overwrite)

    def streamReader(self, schema):
        return Belt(self.options)

    def streamWriter(self, schema, overwrite):
        return Door(self.options)


class Shelf(DataSourceReader):
    def __init__(self, options):
        self.options = options
        self.planned = 0

    def partitions(self):
        self.planned += 1
        return [InputPartition(k) for k in range(3)]

    def read(self, partition):
        broken = self.options.get("broken")
        if broken == "read":
            raise ValueError("broken read")
        k = partition.value
        rest = (0.5 * k, Decimal("1.005"), b"\\x00\\xff", datetime.datetime(2025, 1, 1, 0, 0, k, 123456),
                datetime.date(2025, 1, 1), [1, None], {"a": 1}, Row(p=k, q="z"))
        if k == 0:
            return iter([(k, "s", *rest), [k, None] + [None] * 8])
        if k == 1:
            names = ["s", "k", "x", "d", "b", "at", "day", "l", "m", "r"]
            return iter([Row(**dict(zip(names, [True, k, *rest]))), (self.planned, 5, *rest[:-1], {"q": "only"})])
        return iter(())


class Filtered(Shelf):
    equal = None

    def pushFilters(self, filters):
        for one in filters:
            if isinstance(one, EqualTo) and one.attribute == ("k",):
                self.equal = one.value
            else:
                yield one

    def partitions(self):
        return [InputPartition(self.equal or 0)]

    def read(self, partition):
        return iter([(partition.value, repr(self.equal)) + (None,) * 8])


class Count(WriterCommitMessage):
    def __init__(self, rows):
        self.rows = rows


class Log:
    def __init__(self, options, *more):
        self.options, self.more, self.seen = options, more, 0

    def log(self, *what):
        with open(self.options["log"], "a") as file:
            file.write(json.dumps(what) + "\\n")


class Till(Log, DataSourceWriter):
    def write(self, rows):
        rows = [str(row) for row in rows]
        self.seen += len(rows)
        task = TaskContext.get()
        self.log("write", rows, *self.more, task.partitionId(), task.attemptNumber())
        return Count(len(rows))

    def commit(self, messages):
        self.log("commit", sum(m.rows for m in messages), self.seen)
        if self.options.get("broken") == "commit":
            raise ValueError("broken commit")

    def abort(self, messages):
        self.log("abort", [m and m.rows for m in messages])


class Door(Log, DataSourceStreamWriter):
    def write(self, rows):
        rows = list(rows)
        self.seen += len(rows)
        self.log("write", sorted(row.k for row in rows), self.seen)
        return Count(len(rows))

    def commit(self, messages, batchId):
        self.log("commit", batchId, sum(m.rows for m in messages), self.seen)


class Belt(DataSourceStreamReader, SupportsTriggerAvailableNow):
    def __init__(self, options):
        self.top = int(options["top"])

    def prepareForTriggerAvailableNow(self):
        pass

    def initialOffset(self):
        return {"at": 0, "more": {"flag": True, "name": "x"}}

    def getDefaultReadLimit(self):
        return ReadMaxRows(2)

    def latestOffset(self, start, limit):
        most = self.top if isinstance(limit, ReadAllAvailable) else limit.max_rows
        return {"at": min(start["at"] + most, self.top), "more": start["more"]}

    def reportLatestOffset(self):
        return {"at": self.top}

    def partitions(self, start, end):
        return [InputPartition((start["at"], end["at"]))]

    def read(self, partition):
        for k in range(*partition.value):
            yield (k, "s") + (None,) * 8


class Drip(DataSource):
    def schema(self):
        return "k INT"

    def simpleStreamReader(self, schema):
        return Dripping()


class Dripping(SimpleDataSourceStreamReader):
    def initialOffset(self):
        return {"at": 0}

    def read(self, start):
        end = min(start["at"] + 2, 3)
        return iter([(k,) for k in range(start["at"], end)]), {"at": end}

    def readBetweenOffsets(self, start, end):
        return iter([(100 + k,) for k in range(start["at"], end["at"])])
"""


def load(package: str) -> Any:
    """Return the connector's module; `package` is what the engine calls `pyspark`."""
    module = types.ModuleType("shop_connector")
    names = import_module("lightstream.pyspark_names" if package == "lightstream" else package)
    vars(module)["TaskContext"] = names.TaskContext
    exec(compile(TEXT.replace("pyspark.", f"{package}."), "shop_connector.py", "exec"), module.__dict__)
    return module
