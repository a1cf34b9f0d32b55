"""Reading CSV: a table of files, and how they are read."""

# ruff: noqa: E501
from __future__ import annotations

import gzip

from file_cases import FileCase, case

_KEPT = "before int, c {} , after int, _corrupt_record string"


def _c(
    name: str,
    files: bytes | dict[str, bytes],
    schema: str | None = "a string, b string, c string",
    **more: str,
) -> FileCase:
    return case(name, "csv", files, schema=schema, **more)


def _values(values: list[bytes]) -> bytes:
    """Return a record for each value; the cells beside it show what is kept of a bad record."""
    return b"".join(b"1,%s,2\n" % value for value in values)


_NUMBERS = [
    b"0", b"-0", b"1", b"-1", b"+1", b"127", b"128", b"-128", b"-129", b"32767", b"32768", b"2147483647", b"2147483648",
    b"-2147483649", b"9223372036854775807", b"9223372036854775808", b"123456789012345678901234567890", b"1.0", b"1.5",
    b"-0.0", b"1e2", b"1E+2", b"1e400", b"-1e400", b"1e-400", b"0.1", b"16777217", b"01", b"-01", b".5", b"1.", b".", b"1e",
    b"-", b"", b" ", b" 1", b"1 ", b"1 2", b"1x", b"1f", b"1D", b"1L", b"0x10", b"0x1p3", b"1_000", b'"1,000.5"', b"1,5",
    b"NaN", b"nan", b"Inf", b"-Inf", b"inf", b"Infinity", b"-Infinity", b"+Infinity", b"\xd9\xa1", b"\xef\xbc\x91",
    b"100000000000000000000000000000000000000000", b"12345678.905", b"99999999.994", b"99999999.995", b"1.005", b"-0.005",
    b"0.1000000000000000055511151231257827", b"3.4028236e38", b"1.00000017881393432617187499", b"true", b"True", b"FALSE",
    b" true", b"t", b"yes", b"1e10000000000",
]  # fmt: skip
_DATES = [
    b"2025-01-02", b"2025-1-2", b"2025", b"2025-05", b"2025-02-30", b"2024-02-29", b" 2025-01-02 ", b"2025-01-02T",
    b"2025-01-02 junk", b"2025-01-02junk", b"12025-01-02", b"+12025-01-02", b"0001-01-01", b"123", b"10957", b"20250102",
    b"2025/01/02", b"N/A", b"", b"GMT2025-01-02", b"1969-12-31", b"9999-12-31", b"-0001-01-01",
]  # fmt: skip
_TIMES = [
    b"2025-01-02T03:04:05Z", b"2025-01-02 03:04:05", b"2025-01-02T03:04:05.123456", b"2025-01-02 03:04:05.1",
    b"2025-01-02T03:04:05.1234567Z", b"2025-01-02T03:04:05+02:00", b"2025-01-02T03:04:05-0230", b"2025-01-02T03:04:05+2",
    b"2025-01-02T03:04:05+19:00", b"2025-01-02 03:04:05 Europe/Paris", b"2025-01-02 03:04:05 PST",
    b"2025-01-02T03:04:05GMT+01:00", b"2025-01-02T03", b"2025-01-02 03:04", b"2025-01-02", b"2025-01", b"2025-1-2 3:4:5",
    b"2025-01-02 24:00:00", b"2025-01-02 23:59:60", b"2025-02-30 00:00:00", b"2025-03-09 02:30:00", b"2025-11-02 01:30:00",
    b"1969-12-31 23:59:59", b"1900-01-01 00:00:00", b"02/01/2025", b"N/A", b"", b"1735787045", b"-1", b"1.5", b"true",
]  # fmt: skip
_TYPES = (
    "boolean", "tinyint", "smallint", "int", "bigint", "float", "double", "decimal(10,2)", "decimal(38,5)", "string",
)  # fmt: skip

_QUOTES = [
    b'"a"', b'"a,b"', b'""', b'"', b'"a', b'a"', b'a"b', b'"a"b', b'"a"b"', b'"a""b"', b'"a\\"b"', b'"a\\\\"', b'"a\\\\"b"',
    b'"a\\b"', b'\\"a\\"', b'"a" ', b' "a"', b'"a" b', b'"a" "b"', b'"a"\t', b'"""a"""', b'""a', b'"" ', b'"\\"', b'"\\""',
    b'"a\\', b'"a\\"', b"'a,b'", b'" a "', b'"a"",b"', b'a""b', b'"a"\\"b"', b'"a"b,"c"d', b'"\\a"', b'\\', b'\\\\', b'"a\\n"',
]  # fmt: skip
_RECORDS = (
    b'1,2,3\n\n \n\t\n1\n1,2\n1,2,3,4\n,,\n,\n1,,3\n1,2,\n"1",2,3\n x , y , z \n#1,2,3\n1,2,3\r\n4,5,6\r7,8,9\n'
    b"a\tb,c,d\n1,2,3 \n\n"
)
_PLAIN = b"1,x,2.5\n2,,\n3,z,-1\n"
_HEADER = b"a,b,c\n1,x,2.5\n2,y,\n"
_LINES = b'1,"two\nlines",3\n4,"a ""b"" c",6\n7,"x\\"y\nz",9\n\n10,,12\r\n'

_HANDLING = ("STOP_AT_CLOSING_QUOTE", "STOP_AT_DELIMITER", "SKIP_VALUE", "RAISE_ERROR", "stop_at_delimiter")
_ONE_EACH = {f"{i:02}": b"k,%s,z\n" % value for i, value in enumerate(_QUOTES)}


def _quoted(name: str, **options: str) -> FileCase:
    return _c(name, b"".join(b"%d,%s,z\n" % (i, value) for i, value in enumerate(_QUOTES)), **options)


CSV_CASES: tuple[FileCase, ...] = (
    *(_c(f"numbers as {kind}", _values(_NUMBERS), _KEPT.format(kind)) for kind in _TYPES),
    *(_c(f"numbers as {kind}, alone", _values(_NUMBERS), f"before int, c {kind}, after int") for kind in _TYPES),
    _c("dates", _values(_DATES), _KEPT.format("date")),
    _c("dates by a pattern", _values([*_DATES, b"02.01.2025"]), _KEPT.format("date"), dateFormat="dd.MM.yyyy"),
    _c("dates by the usual pattern", _values(_DATES), _KEPT.format("date"), dateFormat="yyyy-MM-dd"),
    _c("dates by a pattern or not", _values([*_DATES, b"02.01.2025"]), _KEPT.format("date"), dateFormat="dd.MM.yyyy",
       enableDateTimeParsingFallback="true"),
    _c("timestamps", _values(_TIMES), _KEPT.format("timestamp")),
    _c("timestamps in a zone", _values(_TIMES), _KEPT.format("timestamp"), timeZone="America/New_York"),
    _c("timestamps by a pattern", _values([*_TIMES, b"02.01.2025 03:04"]), _KEPT.format("timestamp"),
       timestampFormat="dd.MM.yyyy HH:mm"),
    _c("timestamps by the usual pattern", _values(_TIMES), _KEPT.format("timestamp"),
       timestampFormat="yyyy-MM-dd'T'HH:mm:ss[.SSS][XXX]"),
    _c("local timestamps", _values(_TIMES), _KEPT.format("timestamp_ntz")),
    _c("local timestamps by a pattern", _values(_TIMES), _KEPT.format("timestamp_ntz"),
       timestampNTZFormat="yyyy-MM-dd HH:mm:ss"),
    _quoted("quotes"),
    *(_quoted(f"quotes: {handling}", unescapedQuoteHandling=handling, mode="PERMISSIVE") for handling in _HANDLING[:4]),
    _quoted("quotes escaped by themselves", escape='"'),
    _quoted("quotes without an escape", escape=""),
    _quoted("no quotes", quote=""),
    _quoted("other quotes", quote="'"),
    _quoted("another escape of escapes", charToEscapeQuoteEscaping="\\"),
    _quoted("another escape of other escapes", escape="|", charToEscapeQuoteEscaping="^"),
    _quoted("quotes and values of their own for nothing", nullValue="NULL", emptyValue="EMPTY"),
    _quoted("quotes and white space", ignoreLeadingWhiteSpace="true", ignoreTrailingWhiteSpace="true"),
    _quoted("quotes and an unknown way", unescapedQuoteHandling="x"),
    _c("records", _RECORDS),
    _c("records that are bad", _RECORDS, "a string, b string, c string, _corrupt_record string"),
    _c("bad records under another name", _RECORDS, "a int, b string, c string, bad string", columnNameOfCorruptRecord="bad"),
    _c("a bad record's column in front", _RECORDS, "_corrupt_record string, a int, b string"),
    _c("a bad record's column that is no string", _RECORDS, "a int, _corrupt_record int"),
    case("a bad record's column alone", "csv", _RECORDS, schema="a int, _corrupt_record string", columns=("_corrupt_record",)),
    case("a bad record's column and another", "csv", _RECORDS, schema="a int, b int, _corrupt_record string",
         columns=("_corrupt_record", "b")),
    _c("bad records dropped", _RECORDS, "a int, b int, c string", mode="DROPMALFORMED"),
    _c("bad records fail", _RECORDS, "a int, b int, c string", mode="FAILFAST"),
    _c("no bad records, and failing", _PLAIN, "a int, b string, c double", mode="FAILFAST"),
    case("one column of bad records dropped", "csv", _RECORDS, schema="a int, b int, c string", columns=("a",),
         mode="DROPMALFORMED"),
    case("one column of bad records fails", "csv", b"1,x,\n2\n", schema="a int, b int, c string", columns=("a",), mode="FAILFAST"),
    _c("an unknown mode", _RECORDS, "a int, b int", mode="x"),
    case("rows", "csv", _RECORDS, schema="a int, b int, c int", columns=()),
    case("rows of dropped records", "csv", _RECORDS, schema="a int, b int, c int", columns=(), mode="DROPMALFORMED"),
    case("rows without pruning", "csv", _RECORDS, schema="a int, b int, c int", columns=("b",), columnPruning="false",
         mode="DROPMALFORMED"),
    case("one column", "csv", _PLAIN, schema="a int, b string, c double", columns=("c",)),
    _c("white space", b" a , b ,\t c\t\n  ,  ,  \n\"  x \",y  , z\n", ignoreLeadingWhiteSpace="true"),
    _c("white space at the end", b" a , b ,\t c\t\n  ,  ,  \n\"  x \",y  , z\n", ignoreTrailingWhiteSpace="true"),
    _c("white space around, and a value for nothing", b" a , b ,\t c\t\n  ,  ,  \n\"  x \",y  , z\n",
       ignoreLeadingWhiteSpace="true", ignoreTrailingWhiteSpace="true", nullValue="NULL", emptyValue="EMPTY"),
    _c("a value for nothing", b"NA,,\"NA\"\n\"\",x,NAN\n NA,na,\n", nullValue="NA"),
    _c("a value for nothing that is empty", b"a,,\"\"\n", nullValue="", emptyValue="E"),
    _c("a value for the empty", b"a,,\"\"\n\"\",b,\n", emptyValue="E", nullValue="N"),
    _c("numbers that are special", b"x,-,NOT\nInf,NaN,+\n", "a double, b float, c double", nanValue="NOT", positiveInf="+",
       negativeInf="-"),
    _c("comments", b"#a\n1,2,3\n #b\n4,#,6\n\n#\n", comment="#"),
    _c("comments and a header", b"#x\na,b,c\n#y\n1,2,3\n", comment="#", header="true"),
    _c("comments in lines", b'1,"a\n#b",3\n#x,"\n4,5,6\n', comment="#", multiLine="true"),
    _c("a comment of two characters", b"1,2,3\n", comment="##"),
    _c("a header", _HEADER, "x int, y string, z double", header="true"),
    _c("a header in each file", {"a": _HEADER, "b": _HEADER, "c": b"\n\n" + _HEADER}, "a int, b string, c double", header="true"),
    _c("a header alone", b"a,b,c\n", header="true"),
    _c("a header behind a blank line", {"a": b"  \na,b,c\n1,2,3\n", "b": b"a,b,c\n4,5,6\n"}, header="true"),
    _c("a header that is checked", {"a": _HEADER}, "a int, B string, c double", header="true", enforceSchema="false"),
    _c("a header that differs", {"a": _HEADER}, "a int, y string, c double", header="true", enforceSchema="false"),
    _c("a header that is shorter", {"a": b"a,b\n1,2\n"}, "a int, y string, c double", header="true", enforceSchema="false"),
    *(_c(f"separator {sep!r}", text.replace(b"|", sep_bytes), sep=sep) for sep, sep_bytes, text in (
        (";", b";", b"1|2|3\n||\n"), ("\t", b"\t", b"1|2|3\n||\n|5|\n"), ("\\t", b"\t", b"1|2|3\n"), ("|", b"|", b"1|2|3\n||\n"),
        (" ", b" ", b"1|2|3\n||\n 5\n"), ("||", b"||", b"1|2|3\n|x|\n"), ("ab", b"ab", b"1|2|aab\n"), ("\x01", b"\x01", b"1|2|3\n"),
        ("é", "é".encode(), b"1|2|3\n"), ("\\u0000", b"\0", b"1|2|3\n"))),
    _c("separator of several characters", b"1||x|y||3\n||||\n|||4|||5\n", sep="||"),
    _c("separator that overlaps itself", b"1aabxaaaby\n", sep="aab"),
    *(_c(f"separator that is refused {sep!r}", b"1", sep=sep) for sep in ("\\x", "\\q")),
    _c("separator by its other name", b"1;2;3\n", delimiter=";"),
    *(_c(f"lines ended by {end!r}", b"1,2,3\n4,\"5\n\",6;7,8,9\r\n", lineSep=end) for end in (";", "\n", "\r\n", "\r", ";;")),
    _c("line ends within records", b'\n1,b;;\n\ny;;3,"c\nd";;', "a int, b string, _corrupt_record string", lineSep=";;"),
    _c("lines ended by three", b"1", lineSep=";;;"),
    _c("lines ended by nothing", b"1", lineSep=""),
    _c("records of several lines", _LINES, multiLine="true"),
    _c("records of several lines, bad", _LINES, "a int, b string, _corrupt_record string", multiLine="true"),
    _c("records of several lines with a header", b"a,b,c\n" + _LINES, multiLine="true", header="true"),
    _c("records of several lines, escaped by quotes", _LINES, multiLine="true", escape='"'),
    _c("records of several lines and their ends", b'1,"a\r\nb",3\r\n4,5,6\r\n', multiLine="true"),
    _c("records of several lines and ends given", b'1,"a\r\nb",3\r\n4,5,6\n', multiLine="true", lineSep="\n"),
    case("records of several lines, counted", "csv", _LINES, schema="a int, b int", columns=(), multiLine="true"),
    _c("lines in quotes that are none", _LINES),
    _c("latin", "é,ü,ñ\n".encode("latin-1"), encoding="ISO-8859-1"),
    _c("UTF-16", "é,ü,ñ\nx,y,z\n".encode("utf-16-le"), encoding="UTF-16LE", multiLine="true"),
    _c("bytes that are no UTF-8", b"\xff,a\xed\xa0\x80,\xc3\xa9\n"),
    _c("a byte order mark", b"\xef\xbb\xbf1,2,3\n"),
    _c("a byte order mark and a header", b"\xef\xbb\xbfa,b,c\n1,2,3\n", header="true"),
    _c("an encoding that is none", b"1", encoding="x"),
    _c("zero bytes", b"a,\0,c\n\0,1,2\nx,y,z\n"),
    _c("carriage returns", b"1,2,3\r\n4,5,6\r\n\r\n7,,\r\n"),
    _c("carriage returns that end no line", b"1,2,3\r\n4,5,6\r\n\r\n7,,\r\n", lineSep="\n"),
    _c("characters beyond the basic plane", "😀,a😀b,\"😀\"\n".encode()),
    _c("too many columns", b"1,2,3\n1,2,3,4\n", maxColumns="3"),
    _c("too many characters", b"1,22,333\n1,2,4444\n", maxCharsPerColumn="3"),
    case("too many columns to infer a schema", "csv", {"a": b"1,2\n"}, maxColumns="1"),
    case("too many columns to infer a schema, on several lines", "csv", b"1,2\n", maxColumns="1", multiLine="true"),
    case("empty files, without a schema", "csv", {"a": b"", "p=1/b": b""}),
    _c("an option that is no number", b"1", maxColumns="x"),
    _c("a quote of two characters", b"1", quote="''"),
    _c("a locale", b"1", locale="en-US"),
    _c("gzip", {"a.gz": gzip.compress(_PLAIN)}, "a int, b string, c double"),
    _c("partitions", {"p=1/a": b"x,1\n", "p=2/b": b"y,2\n"}, "a string, n int"),
    case("where rows come from", "csv", {"a.csv": b"1\n", "b.csv": b"2\n3\n"}, schema="n int",
         columns=("n", "_metadata.file_name", "_metadata.file_size")),
    _c("one column of lines", b"1\n\n2\n\"\"\n  \nx\n", "a int"),
    _c("many files, judged", {"a": _PLAIN, "b": b'1,"a""b",3\n', "c": b"1,2\n", "d": b"1,2,3,4\n", "e": _PLAIN, "f": b"1,\n"},
       "a int, b string, c double, _corrupt_record string"),
    _c("many files that fail", {"a": _PLAIN, "b": b"1,2\n", "c": _PLAIN}, "a int, b string, c double", mode="FAILFAST"),
    _c("many files", {"a": _PLAIN, "b": b'1,"a""b",3\n', "c": b"1,2\n", "d": b"1,2,3,4\n"}, "a int, b string, c double"),
    _c("an array", b"1", "a array<int>"),
    _c("binary", b"1", "a binary"),
    _c("an interval", b"1", "a interval day to second"),
    _c("an empty file", {"a": b"", "b": _PLAIN}),
    # Inferred.
    *(_c(f"inferred: {name}", files, None, **options) for name, files, options in (
        ("nothing", _PLAIN, {}),
        ("a header", _HEADER, {"header": "true"}),
        ("types", _PLAIN, {"inferSchema": "true"}),
        ("types and a header", _HEADER, {"inferSchema": "true", "header": "true"}),
        ("names that are repeated", b"a,A,b,,b,NA\n1,2,3,4,5,6\n", {"header": "true", "nullValue": "NA"}),
        ("the largest file's names", {"a": b"x,y\n1,2\n", "b": b"z,w\n1,2\n3,4\n5,6\n"}, {"header": "true"}),
        ("the same header in all files", {"a": b"x,y\n1,2\n", "b": b"x,y\n1,2\n3,4\n"}, {"header": "true", "inferSchema": "true"}),
        ("empty files only", {"a": b""}, {}),
        ("blank lines only", {"a": b"\n \n"}, {}),
        ("a header alone", {"a": b"a,b\n"}, {"header": "true", "inferSchema": "true"}),
        ("shorter and longer records", b"1,2\n1,2,3\n1\n", {"inferSchema": "true"}),
        ("several lines", _LINES, {"inferSchema": "true", "multiLine": "true"}),
        ("several lines and a header", b"a,b,c\n" + _LINES, {"inferSchema": "true", "multiLine": "true", "header": "true"}),
        ("comments", b"#x\na,b\n1,2\n", {"comment": "#", "header": "true", "inferSchema": "true"}),
        ("a sample", _PLAIN, {"inferSchema": "true", "samplingRatio": "1.0"}),
        ("no sample", _PLAIN, {"inferSchema": "true", "samplingRatio": "0"}),
    )),
    *(_c(f"inferred type {b' '.join(values)!r} {' '.join(options)}".strip(), b"".join(b"%s,x\n" % value for value in values), None, inferSchema="true",
         **options)
      for values, options in (
        ([b"1", b"2"], {}), ([b"1", b"3000000000"], {}), ([b"3000000000", b"1"], {}), ([b"9223372036854775808"], {}),
        ([b"9223372036854775808", b"1"], {}), ([b"9223372036854775808", b"1.5"], {}), ([b"1", b"1.5"], {}), ([b"1e5"], {}),
        ([b"NaN", b"1"], {}), ([b"Inf"], {}), ([b"inf"], {}), ([b"true", b"FALSE"], {}), ([b"true", b"1"], {}), ([b"", b""], {}),
        ([b"2025-01-02"], {}), ([b"2025-01-02", b"2025-01-02 03:04:05"], {}), ([b"2025-01-02 03:04:05", b"2025-01-02"], {}),
        ([b"2025-01-02T03:04:05Z"], {}), ([b"2025-01-02 03:04:05", b"2025-01-02T03:04:05Z"], {}), ([b"2025"], {}),
        ([b"2025-1-2"], {}), ([b"2025-01-02"], {"preferDate": "false"}), ([b"02.01.2025"], {"dateFormat": "dd.MM.yyyy"}),
        ([b"02.01.2025"], {"timestampFormat": "dd.MM.yyyy"}), ([b"2025-01-02"], {"dateFormat": "dd.MM.yyyy"}),
        ([b"1", b"2025-01-02"], {}), ([b"2025-01-02", b"1"], {}), ([b"2025-01-02", b"x"], {}), ([b"1", b"true"], {}),
        ([b"1" * 39], {}), ([b"1" * 38, b"1.5"], {}), ([b"1" * 38, b"-1"], {}), ([b"1f"], {}), ([b"0x10"], {}), ([b" 1"], {}),
        ([b"+1"], {}), ([b"1,000"], {}), ([b"10:00"], {}), ([b"NA", b"1"], {"nullValue": "NA"}), ([b"1E3", b"10000000000000000000"], {}),
    )),
)  # fmt: skip
