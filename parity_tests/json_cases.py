"""Reading JSON: a table of files with the schema and options to read them by, and of files to infer a schema from.

Plain data: `tests/` reads the files here and compares with what Spark 4.3.0 was seen to give
(`tests/golden/json_rows.json`), the parity suite with a running Spark.
"""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class JsonCase:
    """One file, and how it is read.

    `columns`: the columns that are selected, all of them without; Spark judges a record by these alone.
    """

    name: str
    content: bytes
    schema: str
    options: dict[str, str] = field(default_factory=dict)
    columns: tuple[str, ...] | None = None
    time_zone: str = "UTC"
    file_name: str = "data.json"


@dataclass(frozen=True, slots=True)
class InferCase:
    """Files whose schema is inferred together."""

    name: str
    contents: tuple[bytes, ...]
    options: dict[str, str] = field(default_factory=dict)


def _values(name: str, values: list[bytes]) -> bytes:
    """Return a record for each value; a second field shows what is kept of a bad record."""
    return b"".join(b'{"before":1,"%s":%s,"after":2}\n' % (name.encode(), value) for value in values)


def _lines(*lines: bytes) -> bytes:
    return b"".join(line + b"\n" for line in lines)


_KEPT = "before int, {} , after int, _corrupt_record string"

_NUMBERS = [
    b"0", b"-0", b"1", b"-1", b"127", b"128", b"200", b"255", b"256", b"-128", b"-129", b"32767", b"32768",
    b"-32769", b"2147483647", b"2147483648", b"-2147483649", b"9223372036854775807", b"9223372036854775808",
    b"-9223372036854775808", b"-9223372036854775809", b"123456789012345678901234567890", b"1.0", b"1.5", b"-0.0",
    b"1e2", b"1E+2", b"1e400", b"-1e400", b"1e-7", b"0.1", b"16777217", b"01", b"-01", b"+1", b".5", b"1.", b"1e",
    b"-", b"1 2", b"1x",
]  # fmt: skip
_WORDS = [
    b"null", b"true", b"false", b"NaN", b"Infinity", b"-Infinity", b"INF", b"+INF", b"-INF", b"nan", b"inf",
    b"TRUE", b"tru", b"truex", b"nulll", b"abc",
]  # fmt: skip
_STRINGS = [
    b'""', b'" "', b'"x"', b'"5"', b'"1.5"', b'"true"', b'"NaN"', b'"Infinity"', b'"-Infinity"', b'"+INF"',
    b'"-INF"', b'"INF"', b'"nan"', b"'single'", b"'it\"s'", b'"\\u0041\\n\\/"', b'"\\ud83d\\ude00"', b'"\\ud83d"',
    b'"\xc3\xa9"', b'"\xff"', b'"a\tb"', b'"\\q"', b'"\\u00g0"', b'"open',
]  # fmt: skip
_NESTED = [
    b"{}", b"[]", b'{"k" : 1.50}', b"[1, 2.50]", b'{"p":1}', b'{"p":"7","q":"x"}', b'{"p":1,"q":{"z" : 1}}',
    b"[1,2]", b'[1,"2"]', b'["a","b"]', b"[null]", b"[[1],[2,3]]", b'[{"p":1},{"p":"x"}]', b'{"a":1,"b":2}',
    b'{"a":1,"b":"x"}', b'{"a":1,"b":null}', b"[1,]", b'{"p":1,}', b"[1 2]", b"{p:1}", b'{"p":tru}', b'{"p":1',
]  # fmt: skip
_ANY = _NUMBERS + _WORDS + _STRINGS + _NESTED

_DATES = [
    b'"2025-01-02"', b'"2025-1-2"', b'"2025"', b'"2025-05"', b'"2025-02-30"', b'"2024-02-29"', b'" 2025-01-02 "',
    b'"2025-01-02T"', b'"2025-01-02 junk"', b'"2025-01-02junk"', b'"12025-01-02"', b'"0001-01-01"', b'"123"',
    b'"10957"', b'"20250102"', b'"2025/01/02"', b'"N/A"', b'""', b"20250102", b"1.5", b"true",
]  # fmt: skip
_TIMES = [
    b'"2025-01-02T03:04:05Z"', b'"2025-01-02 03:04:05"', b'"2025-01-02T03:04:05.123456"', b'"2025-01-02 03:04:05.1"',
    b'"2025-01-02T03:04:05.1234567Z"', b'"2025-01-02T03:04:05+02:00"', b'"2025-01-02T03:04:05-0230"',
    b'"2025-01-02T03:04:05+2"', b'"2025-01-02T03:04:05+19:00"', b'"2025-01-02 03:04:05 Europe/Paris"',
    b'"2025-01-02 03:04:05 PST"', b'"2025-01-02T03:04:05GMT+01:00"', b'"2025-01-02 03:04:05 GMT"', b'"2025-01-02T03"',
    b'"2025-01-02 03:04"', b'"2025-01-02"', b'"2025-01"', b'"2025-1-2 3:4:5"', b'"2025-01-02 24:00:00"',
    b'"2025-01-02 23:59:60"', b'"2025-02-30 00:00:00"', b'"2025-03-09 02:30:00"', b'"2025-11-02 01:30:00"',
    b'"1969-12-31 23:59:59"', b'"1900-01-01 00:00:00"', b'"02/01/2025"', b'"N/A"', b'""', b"1735787045", b"-1", b"1.5",
    b"true", b"{}",
]  # fmt: skip
_DECIMALS = [
    b"1.005", b"-0.005", b"99999999.994", b"99999999.995", b"12345678.905", b"1e7", b"1e8", b"0e50", b"1e-500",
    b'"12.34"', b'"1,234.5"', b'"+5"', b'".5"', b'"5."', b'"1e3"', b'" 5"', b'"0x10"',
]  # fmt: skip
_BASE64 = [
    b'"YWJj"', b'"YWI="', b'"YQ=="', b'"YQ=="', b'"YQ"', b'"Y"', b'"YW Jj"', b'"YWJj YWJj"', b'"YQ==YQ=="', b'""',
    b'"x"', b'"YWJj\\n"', b"5", b"null",
]  # fmt: skip

_RECORDS = _lines(
    b"", b" ", b"\t", b"null", b"5", b'"x"', b"true", b"{}", b"[]", b"[{}]", b'[{"a":7},{"a":8}]',
    b'[{"a":7},{"a":"x"}]',
    b'[{"a":7},null]', b'[{"a":7},5]', b'[[{"a":7}]]', b'{"a":3}{"a":4}', b'{"a":3} junk', b"{bad json", b'{"a":1',
    b'{"a":1,', b"{", b"}", b'{"a"}', b'{"a":}', b'{"a":1,,"b":"x"}', b'{,"a":1}', b'{"a":1 "b":"x"}', b'{"a":1,}',
    b'{"A":1}', b'{"":1,"a":2}', b'{"\\u0061":1}', b'{"a":1,"a":2}', b'{"a":"x","a":2}', b'{"a":1,"a":"x"}',
    b'\x0c{"a":1}', b'\xc2\xa0{"a":1}', b'{"a":1}\x0c', b'{"a"\x0c:1}', b"{'a':6}", b"{a:6}", b'{"a":1}//c', b"//c",
    b'/*c*/{"a":1}', b'{"z":[1,{"a":5}],"a":1}', b'{"n":{"p":1,"a":3}}', b'{"n":{"p":tru},"a":1}',
    b'{"l":[1,"x",{"a":5}],"b":"z"}', b'{"l":[tru],"a":1}', b'{"l":[1,2],"a":3', b'{"b":[tru],"a":1}',
    b'{"b":"\\q","a":1}', b'{"b":"\\q,"a":1}', b'{"z":"\\q","a":1}', b'{"a":"\x01","b":"x"}', b'{"z":nan,"a":1}',
    b'{"a":1,"z":' + b"[" * 1000 + b"]" * 1000 + b"}", b'{"a":1,"z":' + b"[" * 999 + b"]" * 999 + b"}",
    b'{"a":1,"z":' + b"1" * 1000 + b"}", b'{"a":1,"z":' + b"1" * 1001 + b"}",
)  # fmt: skip
_RECORDS_SCHEMA = "a int, b string, n struct<p:int,q:string>, l array<int>, _corrupt_record string"

CASES: list[JsonCase] = [
    *(
        JsonCase(name, _values("v", _ANY), _KEPT.format(f"v {kind}"))
        for name, kind in (
            ("boolean", "boolean"),
            ("tinyint", "tinyint"),
            ("smallint", "smallint"),
            ("int", "int"),
            ("bigint", "bigint"),
            ("float", "float"),
            ("double", "double"),
            ("string", "string"),
            ("struct", "struct<p:int,q:string>"),
            ("array of int", "array<int>"),
            ("array of string", "array<string>"),
            ("array of struct", "array<struct<p:int>>"),
            ("map to int", "map<string,int>"),
            ("map to struct", "map<string,struct<p:int>>"),
        )
    ),
    JsonCase("decimal(10,2)", _values("v", _ANY + _DECIMALS), _KEPT.format("v decimal(10,2)")),
    JsonCase("decimal(38,18)", _values("v", _ANY + _DECIMALS), _KEPT.format("v decimal(38,18)")),
    JsonCase("date", _values("v", _DATES), _KEPT.format("v date")),
    JsonCase("timestamp", _values("v", _TIMES), _KEPT.format("v timestamp")),
    JsonCase(
        "timestamp in New York",
        _values("v", _TIMES),
        _KEPT.format("v timestamp"),
        time_zone="America/New_York",
    ),
    JsonCase(
        "timestamp, timeZone", _values("v", _TIMES), _KEPT.format("v timestamp"), {"timeZone": "+05:30"}
    ),
    JsonCase("timestamp_ntz", _values("v", _TIMES), _KEPT.format("v timestamp_ntz")),
    JsonCase("binary", _values("v", _BASE64), _KEPT.format("v binary")),
    *(
        JsonCase(
            f"timestampFormat {pattern}",
            _values("v", [*_TIMES, b'"02/01/2025 03:04"', b'"20250102030405"', b'"Jan 2, 2025 03:04 PM"']),
            _KEPT.format("v timestamp"),
            {"timestampFormat": pattern},
        )
        for pattern in (
            "yyyy-MM-dd HH:mm:ss",
            "yyyy-MM-dd'T'HH:mm:ss[.SSS][XXX]",
            "dd/MM/yyyy HH:mm",
            "yyyyMMddHHmmss",
            "MMM d, yyyy hh:mm a",
            "yyyy-MM-dd'T'HH:mm:ss'Z'",
        )
    ),
    JsonCase("dateFormat", _values("v", _DATES), _KEPT.format("v date"), {"dateFormat": "yyyy/MM/dd"}),
    JsonCase("records", _RECORDS, _RECORDS_SCHEMA),
    JsonCase("records without _corrupt_record", _RECORDS, _RECORDS_SCHEMA, columns=("a", "b", "n", "l")),
    JsonCase("records, one column", _RECORDS, _RECORDS_SCHEMA, columns=("b", "_corrupt_record")),
    JsonCase("records, no column", _RECORDS, _RECORDS_SCHEMA, columns=()),
    JsonCase("records, DROPMALFORMED", _RECORDS, _RECORDS_SCHEMA, {"mode": "DROPMALFORMED"}),
    JsonCase(
        "records, DROPMALFORMED, one column", _RECORDS, _RECORDS_SCHEMA, {"mode": "dropMalformed"}, ("b",)
    ),
    JsonCase("records, DROPMALFORMED, no column", _RECORDS, _RECORDS_SCHEMA, {"mode": "DROPMALFORMED"}, ()),
    JsonCase(
        "records, another corrupt column", _RECORDS, "a int, bad string", {"columnNameOfCorruptRecord": "bad"}
    ),
    *(
        JsonCase(f"records, {name}={value}", _RECORDS, _RECORDS_SCHEMA, {name: value})
        for name, value in (
            ("allowSingleQuotes", "false"),
            ("allowUnquotedFieldNames", "true"),
            ("allowComments", "true"),
            ("allowUnquotedControlChars", "true"),
            ("allowBackslashEscapingAnyCharacter", "true"),
            ("allowNonNumericNumbers", "false"),
        )
    ),
    JsonCase(
        "leading zeros",
        _values("v", [b"01", b"-007", b"00", b"0", b"00.5"]),
        _KEPT.format("v double"),
        {"allowNumericLeadingZeros": "true"},
    ),
    JsonCase("byte order mark", b'\xef\xbb\xbf{"a":1}\n\xef\xbb\xbf{"a":2}\n', _RECORDS_SCHEMA),
    JsonCase("line ends", b'{"a":1}\r{"a":2}\r\n{"a":3}\n\r{"a":\r4}\r\r\n{"a":5}', _RECORDS_SCHEMA),
    JsonCase("lineSep", b'{"a":1}||{"a":\n2}||||{bad||', _RECORDS_SCHEMA, {"lineSep": "||"}),
    JsonCase("encoding UTF-8", _values("b", _ANY), "b string, _corrupt_record string", {"encoding": "UTF-8"}),
    JsonCase(
        "encoding UTF-16LE",
        '{"a":1,"b":{"k" : 1.50}}\n{"a":2,"b":"é"}\n'.encode("utf-16-le"),
        "a int, b string",
        {"encoding": "UTF-16LE", "lineSep": "\n"},
    ),
    JsonCase(
        "encoding ISO-8859-1",
        '{"a":1,"b":"é"}\n'.encode("latin-1"),
        "a int, b string",
        {"encoding": "ISO-8859-1", "lineSep": "\n"},
    ),
    JsonCase("multiLine, an object", b'{"a":\n1}\n{"a":2}', _RECORDS_SCHEMA, {"multiLine": "true"}),
    JsonCase(
        "multiLine, an array", b'[{"a":3},\n{"a":4,"b":{"k" : 1}}]', _RECORDS_SCHEMA, {"multiLine": "true"}
    ),
    JsonCase("multiLine, a bad element", b'[{"a":3},{"a":"x"}]', _RECORDS_SCHEMA, {"multiLine": "true"}),
    JsonCase("multiLine, broken", b"{bad", _RECORDS_SCHEMA, {"multiLine": "true"}),
    JsonCase(
        "multiLine, UTF-16",
        b"\xff\xfe" + '{"a":7}'.encode("utf-16-le"),
        _RECORDS_SCHEMA,
        {"multiLine": "true"},
    ),
    JsonCase("empty file", b"", _RECORDS_SCHEMA),
    JsonCase("one byte", b"}", _RECORDS_SCHEMA),
    JsonCase(
        "void",
        _lines(
            b'{"v":{"z":0},"a":8}',
            b'{"v":[1,2],"a":8}',
            b'{"v":"x","a":8}',
            b'{"n":{"v":{"z":0},"a":8},"a":1}',
            b'{"n":{"v":[{}],"a":8},"a":1}',
            b'{"v":{"a":5},"a":8}',
        ),
        "v void, a double, n struct<v:void,a:double>, _corrupt_record string",
    ),
    JsonCase(
        "surrogates in names",
        _lines(
            rb'{"a":1,"\ud83d\ude00":5}',
            rb'{"a":1,"\ud83d":5}',
            rb'{"a":1,"\ude00\ud83d":5}',
            rb'{"a":1,"z":[{"\ud83d":5}]}',
            rb'{"a":1,"\ud83dx\ude00":5}',
            b'{"a":1,"\xf4\x90\x80\x80":5}',
            b'{"a":1,"\xed\xa0\xbd":5}',
        ),
        _RECORDS_SCHEMA,
    ),
    JsonCase(
        "digits of other scripts, and dates beyond 32 bits",
        _values(
            "v",
            [
                f'"{text}"'.encode()
                for text in (
                    "\u0663",
                    "+\u0661\u0662",
                    "\U0001d7d3",
                    "2025-0\u0661-01",
                    "5881580-07-10",
                    "5881580-07-12",
                    "-5877641-06-23",
                    "-5877641-06-22",
                )
            ],
        ),
        _KEPT.format("v date"),
    ),
    JsonCase(
        "decimals of other scripts",
        _values(
            "v",
            [
                f'"{text}"'.encode()
                for text in ("\u0663", "-\u0661.\u0662", "1e\u0661", "\U0001d7d3", "\uff15")
            ],
        ),
        _KEPT.format("v decimal(10,2)"),
    ),
    JsonCase(
        "surrogates written anew",
        _lines(
            rb'{"b":{"k":"\ud83d"}}',
            rb'{"b":{"\ude00\ud83d":1}}',
            rb'{"b":{"k":"\ud83d\ude00"}}',
            '{"b":{"😀":"é"}}'.encode(),
            rb'{"a":1,"\ud83d":5,"b":"x"}',
        ),
        _RECORDS_SCHEMA,
        {"encoding": "UTF-8"},
    ),
    JsonCase(
        "multiLine, UTF-16, raw text",
        '{"a":7,"b":[1]}'.encode("utf-16-le"),
        _RECORDS_SCHEMA,
        {"multiLine": "true"},
    ),
    JsonCase("UTF-16, raw text", '{"a":7,"b":[1]}'.encode("utf-16-le"), _RECORDS_SCHEMA),
    JsonCase(
        "encoding UTF-16LE, bad records",
        '{b\n{"a":"x"}\n'.encode("utf-16-le"),
        "a int, _corrupt_record string",
        {"encoding": "UTF-16LE", "lineSep": "\n"},
    ),
    JsonCase(
        "encoding ISO-8859-1, bad records",
        '{b\n{"a":"é"}\n'.encode("latin-1"),
        "a int, _corrupt_record string",
        {"encoding": "ISO-8859-1", "lineSep": "\n"},
    ),
    JsonCase("unknown option", b'{"a":1}\n', "a int", {"noSuchOption": "x"}),
]

INFER_CASES: list[InferCase] = [
    InferCase("types", (b'{"l":1,"d":1.5,"s":"x","b":true,"big":9223372036854775808,"huge":1e400}\n',)),
    InferCase(
        "widening",
        (
            b'{"a":1,"b":1,"c":true,"d":[1],"e":{"x":1},"f":9223372036854775808,"g":9223372036854775808,"h":1}\n',
            b'{"a":1.5,"b":"x","c":1,"d":["x"],"e":[1],"f":1,"g":1.5,"h":99999999999999999999999999999999999999}\n',
        ),
    ),
    InferCase("nothing but nulls", (b'{"a":null,"b":[],"c":{},"d":[null],"e":""}\n',)),
    InferCase(
        "dropFieldIfAllNull", (b'{"a":null,"b":[],"c":{},"d":[null],"e":"","f":1}\n',), {"dropFieldIfAllNull": "true"}
    ),
    InferCase("order", (b'{"z":1,"a":{"y":1,"b":2},"M":1}\n',)),
    InferCase("empty name", (b'{"":1,"a":2}\n',)),
    InferCase("broken record", (b'{"a":1}\n{bad\n',)),
    InferCase("broken record, DROPMALFORMED", (b'{"a":1}\n{bad\n',), {"mode": "DROPMALFORMED"}),
    InferCase("no object", (b'{"a":1}\n5\n',)),
    InferCase("only numbers", (b"5\n6\n",)),
    InferCase("only null", (b"null\n",)),
    InferCase("arrays of objects", (b'[{"a":1},{"b":2}]\n{"c":1}\n',)),
    InferCase("array of numbers", (b'[1,2]\n{"c":1}\n',)),
    InferCase("nested arrays", (b'{"a":[[1],[2.5]],"b":[{"p":1},{"q":"x"}]}\n',)),
    InferCase("key in two cases", (b'{"a":1,"A":2}\n',)),
    InferCase("nested key in two cases", (b'{"n":{"a":1,"A":2}}\n',)),
    InferCase("key twice", (b'{"a":1,"a":2}\n',)),
    InferCase(
        "inferTimestamp", (b'{"a":"2025-01-01T00:00:00Z","b":"2025-01-01","c":"x","d":"10:00"}\n',),
        {"inferTimestamp": "true"},
    ),
    InferCase(
        "inferTimestamp, timestampFormat",
        (b'{"a":"2025-01-02","b":"2025-01-02T03:04:05","c":"02/01/2025","d":"03:04"}\n',),
        {"inferTimestamp": "true", "timestampFormat": "dd/MM/yyyy"},
    ),
    InferCase("surrogates in names", (rb'{"a":1,"\ud83d":1}' + b"\n",)),
    InferCase("prefersDecimal", (b'{"a":1.5,"b":"1.25","c":1.0E-10,"d":"1,000"}\n',), {"prefersDecimal": "true"}),
    InferCase("primitivesAsString", (b'{"a":1.5,"b":true,"c":[1]}\n',), {"primitivesAsString": "true"}),
    InferCase("multiLine", (b'[{"a":1},\n{"b":"x"}]',), {"multiLine": "true"}),
    InferCase("empty file", (b"",)),
    InferCase("many alike, one not", (b'{"a":1,"b":"x"}\n' * 500 + b'{"a":1.5,"b":"x","c":true}\n',)),
]  # fmt: skip
