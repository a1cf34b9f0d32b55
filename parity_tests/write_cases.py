"""Writing files: the cases, and how one is written on an engine."""

# ruff: noqa: E501
from __future__ import annotations

import bz2
import gzip
import os
import re
import zlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_DECOMPRESS: dict[str, Callable[[bytes], bytes]] = {
    ".gz": gzip.decompress,
    ".bz2": bz2.decompress,
    ".deflate": zlib.decompress,
}


@dataclass(frozen=True, slots=True)
class WriteCase:
    """Some writes into one directory, one after the other: query, format, options, partition columns, mode."""

    name: str
    writes: tuple[tuple[str, str, dict[str, Any], tuple[str, ...], str], ...]
    settings: dict[str, str] = field(default_factory=dict)


def _w(
    name: str, query: str, format: str, *by: str, settings: dict[str, str] | None = None, **options: Any
) -> WriteCase:
    return WriteCase(name, ((query, format, options, by, "error"),), settings or {})


def _modes(name: str, *writes: tuple[str, str], by: tuple[str, ...] = (), **options: Any) -> WriteCase:
    return WriteCase(name, tuple((query, "json", options, by, mode) for query, mode in writes))


def write(session: Any, case: WriteCase, directory: Path) -> list[Any]:
    """Return what becomes of each write: its error, or the files that are there."""
    for key, value in case.settings.items():
        session.conf.set(key, value)
    path = directory / "out"
    said: list[Any] = []
    try:
        for query, format, options, by, mode in case.writes:
            frame = session.sql(query).coalesce(1)
            writer = frame.write.format(format).mode(mode).options(**options)
            try:
                (writer.partitionBy(*by) if by else writer).save(str(path))
            except Exception as error:
                said.append(_spoken(error))
            else:
                said.append(sorted(files_of(path, format)))
    finally:
        for key in case.settings:
            session.conf.unset(key)
    if case.writes[0][1] in ("parquet", "orc") and path.exists():
        said.append(path)  # what is in it is for Spark to say
    return said


def _spoken(error: Exception) -> str:
    condition = getattr(error, "getCondition", lambda: None)()
    if condition is not None:
        return str(condition)
    found = re.search(r"(?:SparkException|Exception): \[?([A-Z_]+(?:\.[A-Z_]+)*|[^\n]*)", str(error))
    return found[1] if found is not None else str(error).split("\n")[0]


def files_of(path: Path, format: str) -> Iterator[tuple[str, Any]]:
    """Yield names, without what is their own, and content of the files below a path."""
    for root, _, names in os.walk(path):
        for name in names:
            if name.startswith("."):
                continue
            data = (Path(root) / name).read_bytes()
            for suffix, decompress in _DECOMPRESS.items():
                if name.endswith(suffix):
                    data = decompress(data)
            shown = _UUID.sub("UUID", os.path.relpath(os.path.join(root, name), path))
            yield shown, b"" if format in ("parquet", "orc") else data


_TEXTS = """select * from values (1,'plain',1.5D),(2,'a,b',null),(3,'q"x"y',0D),(4,'',-1D),(5,null,1D),(6,' lead ',2D),
(7,'back\\\\slash',3D),(8,'nl\nx',4D),(9,'cr\rx',4D),(10,'\\\\"',5D),(11,'"',5D),(12,',',6D),(13,'#c',1D),(14,'a;b|c',7D),
(15,'  ',8D),(16,"it's ,",8D),(17,'\t',1D),(18,'ü€😀',2D),(19,'NA',3D),(20,'"quoted"',3D),(21,'x\n',3D),(22,'\nx',3D),
(23,'"a,',1D) t(n,s,d)"""
_NUMBERS = """select cast('nan' as double) a, cast('inf' as double) b, cast('-inf' as float) c, 1e7D d, 0.00001D e, 1e300D f,
cast(0.1 as float) g, 0.0000001BD h, cast(1 as decimal(38,18)) i, -0D j, cast(-1 as tinyint) k, cast('a\nb' as binary) l,
true m, cast(0 as decimal(10,8)) n, cast(-0.00000015 as decimal(10,8)) o, cast(0.000001 as decimal(10,8)) p,
cast(12.34 as decimal(20,10)) q, cast(0.0000100 as decimal(7,7)) r, 9223372036854775807 s"""
_TIMES = """select date'0001-01-01' a, date'9999-12-31' b, timestamp'2020-07-01 00:00:00' e,
timestamp'1883-11-18 12:03:57.5' f, timestamp'0001-01-01 00:00:00' g, timestamp'2020-01-01 00:00:00.000001' i,
timestamp_ntz'2020-01-01 00:00:00.000001' j, timestamp_ntz'0001-01-01 00:00:00' k, interval '-1-2' year to month l,
interval '-1 02:03:04.5' day to second m"""
_NESTED = """select 'a"b\\\\c/d' a, 'nl\n\r\t\b\f' b, '\u0001\u007f\u2028é😀' c, map('x y',1,'',null) d, map(1.5D,1) e,
array(array(1,null),null) h, named_struct('a',null,'b',named_struct('c',1)) i, map(true,1) l, cast('ab' as binary) m"""
_NULLS = """select cast(null as int) a, cast(null as string) b, '' c, named_struct('x', cast(null as int)) e,
array(cast(null as int)) f, cast(null as struct<a:int>) g, map('a', cast(null as int)) h, cast(null as array<int>) i"""
_TYPES = """select cast(1 as tinyint) a, 2S b, 3 c, 4L d, cast(1.5 as float) e, 2.5D f, 1.25BD g,
cast(12345678901.5 as decimal(15,2)) h, cast(1 as decimal(30,5)) i, 'x' s, true t, cast('ab' as binary) u, date'2020-01-02' v,
timestamp'2020-01-02 03:04:05.123456' w, timestamp_ntz'2020-01-02 03:04:05.123456' x, array(1,2) y, map('k',1.5D) z,
named_struct('p',1,'q',array(named_struct('r','z'))) aa, interval '1-2' year to month ab, interval '1 02:03:04' day to second ac,
date'0001-01-01' ad, timestamp'0001-01-01 00:00:00' ae, cast(null as int) af, array(cast(null as string)) ag, `a b,c;d{}=()`
from values (1) t(`a b,c;d{}=()`)"""
_RECENT_TYPES = _TYPES.replace("0001-01-01", "1970-01-02")
_PARTED = "select * from values (1,'a',1.5D),(2,'b',2.5D),(3,null,3.5D),(4,'',4.5D),(5,'b',null) t(n,s,d)"
_ODD = ("a b", "a/b", "a=b", "x:y", "100%", "ü", "{a}", "it''s", 'q"q"', "a#?", "a\\\\b", "[x]", "a^b", "tab\tx", "nl\nx",
        "*", "~", "a;b,c", "\x7f", " lead", "trail ", "&+@!$()", "__HIVE_DEFAULT_PARTITION__", "<>|`")  # fmt: skip
_KEYS = ("1.5D", "cast('nan' as double)", "1e10D", "cast(0.1 as float)", "date'0001-01-01'", "timestamp'2020-01-02 03:04:05.100'",
         "timestamp_ntz'2020-01-02 03:04:05.123456'", "true", "1.50BD", "0.00000001BD", "cast('a/b' as binary)", "interval '1' month")  # fmt: skip

_CSV_OPTIONS: tuple[dict[str, Any], ...] = (
    {}, {"header": True}, {"quoteAll": True}, {"quoteAll": True, "nullValue": "NA", "emptyValue": "E"}, {"escape": '"'},
    {"quote": "'"}, {"escapeQuotes": False}, {"sep": ";"}, {"sep": "||"}, {"sep": "\\t"}, {"nullValue": " NA "},
    {"emptyValue": ""}, {"emptyValue": "a,b", "nullValue": '"N"'}, {"charToEscapeQuoteEscaping": "|"}, {"quote": ""}, {"escape": ""},
    {"ignoreLeadingWhiteSpace": False, "ignoreTrailingWhiteSpace": False}, {"lineSep": ";"}, {"lineSep": "\r\n"},
    {"lineSep": "ab"}, {"encoding": "ISO-8859-1"}, {"encoding": "UTF-16", "header": True}, {"encoding": "UTF-32"},
    {"encoding": "foo"}, {"quote": "ab"}, {"compression": "gzip"}, {"compression": "deflate", "header": True},
    {"codec": "bzip2"}, {"compression": "foo"}, {"lineSep": ""}, {"sep": "a;"},
)  # fmt: skip
_TIME_OPTIONS: tuple[dict[str, Any], ...] = (
    {}, {"timeZone": "Asia/Tokyo"},
    {"timestampFormat": "yyyy/MM/dd HH:mm:ss.SSSSSS", "dateFormat": "dd.MM.yyyy", "timestampNTZFormat": "yyyy HH"},
)  # fmt: skip
_REFUSED = (
    ("parquet", "make_interval(1) a"), ("orc", "make_interval(1) a"), ("orc", "array(null) a"), ("json", "make_interval(1) a"), ("csv", "array(1) a"), ("csv", "map(1,2) a"),
    ("csv", "named_struct('a',1) a"), ("csv", "null a, 1 b"), ("text", "1 a"), ("text", "'a' a, 'b' b"), ("text", "'a' a, 1 b"),
    ("json", "1 a, 2 A"),
)  # fmt: skip
_NEW_YORK = {"spark.sql.session.timeZone": "America/New_York"}

WRITE_CASES: tuple[WriteCase, ...] = (
    _w("all types", _TYPES, "parquet"),
    _w("all types in New York", _TYPES, "parquet", settings=_NEW_YORK),
    _w("partitions", _PARTED, "parquet", "s"),
    _w("no rows", _PARTED + " where n > 9", "parquet"),
    _w("no rows in partitions", _PARTED + " where n > 9", "parquet", "s"),
    *(_w(f"compressed by {c}", _PARTED, "parquet", compression=c)
      for c in ("none", "gzip", "zstd", "LZ4_RAW", "foo", "lz4")),
    _w("compressed by the setting", _PARTED, "parquet", settings={"spark.sql.parquet.compression.codec": "gzip"}),
    _w("all types", _RECENT_TYPES, "orc"),
    _w("partitions", _PARTED, "orc", "s"),
    _w("no rows", _PARTED + " where n > 9", "orc"),
    *(_w(f"compressed by {c}", "select 1 a", "orc", compression=c)
      for c in ("none", "Snappy", "zlib", "lz4", "gzip")),
    _w("compressed by the setting", "select 1 a", "orc", settings={"spark.sql.orc.compression.codec": "snappy"}),
    _w("compressed by ORC's option", "select 1 a", "orc", **{"orc.compress": "ZLIB"}),
    _w("numbers", _NUMBERS, "json"),
    _w("nested", _NESTED, "json"),
    _w("nulls", _NULLS, "json"),
    _w("nulls kept", _NULLS, "json", ignoreNullFields=False),
    _w("nulls kept by the setting", _NULLS, "json", settings={"spark.sql.jsonGenerator.ignoreNullFields": "false"}),
    _w("a bad flag", _NULLS, "json", ignoreNullFields="foo"),
    _w("no rows", _PARTED + " where n > 9", "json"),
    *(_w("files of two rows", _PARTED, f, maxRecordsPerFile=2) for f in ("json", "parquet", "orc")),
    _w("files of two rows", "select s from (" + _PARTED + ")", "csv", maxRecordsPerFile=2, header=True),
    _w("files of one row in partitions", _PARTED, "json", "s", maxRecordsPerFile=1),
    _w("files of one row in partitions", _PARTED, "parquet", "s", settings={"spark.sql.files.maxRecordsPerFile": "1"}),
    _w("no rows in files of two", _PARTED + " where n > 9", "json", maxRecordsPerFile=2),
    *(_w("files of any number of rows", _PARTED, "json", maxRecordsPerFile=n) for n in (0, -1, "x", "")),
    *(_w("the option codec", "select 'a' s", f, codec=c) for f in ("json", "text") for c in ("gzip", "foo")),
    _w("partitions", _PARTED, "json", "s", "N"),
    _w("partitions of odd names", "select * from values " + ", ".join(f"({i}, '{v}')" for i, v in enumerate(_ODD)) + " t(x, p)", "json", "p"),
    *(_w(f"a partition of {key}", f"select 1 x, {key} p, 2 `a b=c/d`", "json", "p", "a b=c/d") for key in _KEYS),
    *(_w(f"{options}", _NESTED, "json", **options)
      for options in ({"lineSep": ","}, {"encoding": "UTF-16"}, {"encoding": "ISO-8859-1"}, {"encoding": "foo"}, {"compression": "gzip"},
                      {"pretty": True}, {"sortKeys": True})),
    *(_w(f"times {options}", _TIMES, format, settings=_NEW_YORK, **options) for options in _TIME_OPTIONS for format in ("json", "csv")),
    *(_w(f"texts {options}", _TEXTS, "csv", **options) for options in _CSV_OPTIONS),
    _w("numbers", _NUMBERS, "csv"),
    _w("comments", "select * from values ('#a', '#a'), (' #', '!'), ('!', '#'), (null, '') t(`#`, b)", "csv", header=True, nullValue="#N"),
    _w("other comments", "select * from values ('#a', '#a'), (' #', '!'), ('!', '#') t(`#`, b)", "csv", comment="!"),
    _w("one column", "select * from values (''), (null), ('x'), (' ') t(a)", "csv"),
    _w("odd names", "select 1 `a,b`, 2 `q\"`, 3 ` lead `", "csv", header=True),
    _w("no rows with a header", _PARTED + " where n > 9", "csv", header=True),
    _w("partitions with a header", _PARTED, "csv", "s", header=True, lineSep="\r\n"),
    _w("lines", "select * from values ('a'), (null), (''), ('x\ny') t(v)", "text"),
    _w("lines ended by ||", "select * from values ('a'), (null) t(v)", "text", lineSep="||"),
    _w("partitions", _PARTED.replace("1.5D", "'x'").replace("2.5D", "'y'").replace("3.5D", "'z'").replace("4.5D", "''"), "text", "n", "s"),
    *(_w(f"refused: {items}", f"select {items}", format) for format, items in _REFUSED),
    *(_w(f"partitioned by {' '.join(by)}", "select 1 a, 'x' b, map(1,2) c, null d", "json", *by)
      for by in (("a", "A"), ("z",), ("c",), ("d",))),
    _w("partitioned by all", "select 1 a, 'x' b", "parquet", "a", "b"),
    _w("bad partitionOverwriteMode", "select 1 a, 'x' b", "json", "a", partitionOverwriteMode="static"),
    _modes("modes", ("select 1 a", "error"), ("select 2 a", "error"), ("select 3 a", "append"), ("select 4 a", "ignore"), ("select 5 a", "overwrite")),
    _modes("partitions replaced", ("select * from values (1,'a'),(2,'b'),(3,'b') t(x,p)", "append"),
           ("select * from values (4,'b'),(5,'c') t(x,p)", "overwrite"), ("select 1 x, 'b' p where 1 = 0", "overwrite"),
           by=("p",), partitionOverwriteMode="dynamic"),
    _modes("partitions replaced with all", ("select * from values (1,'a'),(2,'b') t(x,p)", "append"), ("select 4 x, 'b' p", "overwrite"), by=("p",)),
)  # fmt: skip
