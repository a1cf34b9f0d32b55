"""INTERIM"""
from __future__ import annotations
from lightstream.functions.spelling import quote, text_sql, duck_type
from lightstream.plan import types as t
from lightstream.sources.contract import Scan

class JsonFormat:
    name = "json"
    def check(self, schema, options, conf): pass
    def infer(self, source, cursor):
        files = "[" + ", ".join(text_sql(f.path) for f in source.files) + "]"
        rows = cursor.execute(f"describe select * from read_json_auto({files}, sample_size=-1)").fetchall()
        m = {"BIGINT": t.LongType(), "VARCHAR": t.StringType(), "DOUBLE": t.DoubleType()}
        return t.StructType([t.StructField(r[0], m[r[1]]) for r in sorted(rows)])
    def scan(self, source, columns, cursor):
        if not source.files:
            items = ", ".join(f"CAST(NULL AS {duck_type(source.schema[c.path[0]].dataType)}) AS {quote(c.output)}" for c in columns)
            return Scan(f"(SELECT {items or '1'} WHERE FALSE)")
        files = "[" + ", ".join(text_sql(f.path) for f in source.files) + "]"
        cols = ", ".join(f"{text_sql(c.path[0])}: {text_sql(duck_type(source.schema[c.path[0]].dataType))}" for c in columns) or "'zz': 'VARCHAR'"
        items = ", ".join(f"{quote(c.path[0])} AS {quote(c.output)}" for c in columns)
        return Scan(f"(SELECT {items or '1 AS one'} FROM read_json({files}, columns={{{cols}}}, format='newline_delimited', records=true))")
