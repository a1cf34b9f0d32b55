"""Variants where they are read, written and given to programs, on both engines."""

from __future__ import annotations

import functools
import importlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from json_cases import _NUMBERS, _STRINGS, _WORDS

from lightstream.parity.answers import Answer, columns_of, difference, failed, rows_of

_RECORDS = (
    b'{"a":1.50,"b":{"z":1,"y":[null]}}\n\n{"a":\n[1,2]\n"x"\n{"a":1,"a":2}\n{"a":NaN}\n{"b":"\\ud800"}\n1 2\n'
    b'   \nnull\n{"a":{"x":1,"x":2},"b":1}\n{"a":[{"x":1,"x":2},3],"b":1}\n{"b":{"b":1}}\n{\'a\':1}\n{c:1}\n{"a":01}\n'
)
_VALUES = b"".join(b'{"a":%s,"b":1}\n' % value for value in (*_NUMBERS, *_WORDS, *_STRINGS))
_BARE = b"\n".join((*_NUMBERS, *_WORDS, *_STRINGS))
_ONE = {"singleVariantColumn": "v"}
# Content, options, schema ("" to infer it), and what is selected.
READS: dict[str, tuple[bytes, dict[str, str], str, str]] = {
    "records": (_RECORDS, _ONE, "", "v"),
    "records, DROPMALFORMED": (_RECORDS, {**_ONE, "mode": "DROPMALFORMED"}, "", "v"),
    "records, DROPMALFORMED, counted": (_RECORDS, {**_ONE, "mode": "DROPMALFORMED"}, "", "count(*)"),
    "records, counted": (_RECORDS, _ONE, "", "count(*)"),
    "records, FAILFAST": (_RECORDS, {**_ONE, "mode": "FAILFAST"}, "", "v"),
    "good records, FAILFAST": (b'{"a":1}\n[2]\n', {**_ONE, "mode": "FAILFAST"}, "", "v"),
    "records and bad ones": (_RECORDS, _ONE, "v variant, _corrupt_record string", "*"),
    "records with a schema": (_RECORDS, _ONE, "v variant", "*"),
    "records with a schema of another type": (_RECORDS, _ONE, "v int", "*"),
    "records with a schema of two": (_RECORDS, _ONE, "v variant, w variant", "*"),
    "multiLine": (b'[{"a":1},\n{"a":2}]\n', {**_ONE, "multiLine": "true"}, "", "v"),
    "options of the parser": (
        _RECORDS,
        {
            **_ONE,
            "allowUnquotedFieldNames": "true",
            "allowNumericLeadingZeros": "true",
            "allowSingleQuotes": "false",
        },
        "v variant, _corrupt_record string",
        "*",
    ),
    "no NaN": (_BARE, {**_ONE, "allowNonNumericNumbers": "false"}, "v variant, _corrupt_record string", "*"),
    "values": (_BARE, _ONE, "v variant, _corrupt_record string", "*"),
    "columns": (_RECORDS, {}, "a variant, b variant", "*"),
    "columns and bad records": (_RECORDS, {}, "a variant, b variant, _corrupt_record string", "*"),
    "columns, DROPMALFORMED": (_RECORDS, {"mode": "DROPMALFORMED"}, "a variant, b variant", "*"),
    "columns, FAILFAST": (_RECORDS, {"mode": "FAILFAST"}, "a variant", "*"),
    "values of a column": (_VALUES, {}, "a variant, b int, _corrupt_record string", "*"),
    "inside others": (
        b'{"a":[1,{"b":2}],"m":{"x":1.50,"y":[]},"s":{"v":{"q":1}}}\n{"a":null,"m":{},"s":null}\n{"a":1}\n',
        {},
        "a array<variant>, m map<string,variant>, s struct<v:variant>",
        "*",
    ),
    "a path": (_RECORDS, _ONE, "", "v:b.z::int as z"),
}


@pytest.mark.parametrize("case", READS.values(), ids=READS)
def test_reading_json(
    spark: Any, lightstream: Any, tmp_path: Path, case: tuple[bytes, dict[str, str], str, str]
) -> None:
    content, options, schema, selected = case
    (tmp_path / "data.json").write_bytes(content)

    def read(session: Any) -> Any:
        reader = session.read.options(**options)
        return (reader.schema(schema) if schema else reader).json(str(tmp_path)).selectExpr(selected)

    found = difference(_answer(spark, read), _answer(lightstream, read))
    assert found is None, found


_FRAME = (
    "select * from values (1, parse_json('{\"b\":1,\"a\":[1.50,null]}')), (2, null), (3, parse_json('null')), "
    "(4, cast(timestamp'2020-01-02 03:04:05' as variant)), (5, parse_json('\"x\"')) t(id, v)"
)
FRAMES: dict[str, Callable[[Any], Any]] = {
    "dropDuplicates by it": lambda df: df.dropDuplicates(["v"]),
    "dropDuplicates by another": lambda df: df.dropDuplicates(["id"]),
    "distinct": lambda df: df.distinct(),
    "orderBy": lambda df: df.orderBy("v"),
    "groupBy": lambda df: df.groupBy("v").count(),
    "pivot": lambda df: df.groupBy("id").pivot("v").count(),
    "repartition": lambda df: df.repartition(2, "v"),
    "exceptAll": lambda df: df.exceptAll(df),
    "na.fill": lambda df: df.na.fill(1),
    "na.drop": lambda df: df.na.drop(),
    "describe": lambda df: df.describe(),
    "unpivot": lambda df: df.unpivot("id", "v", "k", "value"),
    "a field": lambda df: df.select(df.v.a),
    "an item": lambda df: df.select(df.v["a"]),
    "cast": lambda df: df.select(df.id.cast("variant"), df.v.cast("string")),
    "nested": lambda df: df.selectExpr("array(v) a", "struct(v) s", "map('k', v) m"),
}


@pytest.mark.parametrize("change", FRAMES.values(), ids=FRAMES)
def test_frames(spark: Any, lightstream: Any, change: Callable[[Any], Any]) -> None:
    answers = [
        _answer(session, lambda session: change(session.sql(_FRAME))) for session in (spark, lightstream)
    ]
    found = difference(*answers)
    assert found is None, found


def test_shown_and_written(
    spark: Any, lightstream: Any, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = []
    for name, session in (("spark", spark), ("here", lightstream)):
        frame = session.sql(_FRAME)
        frame.show(truncate=False)
        frame.selectExpr("array(v)", "struct(v)", "map('k', v)").show(truncate=False)
        frame.printSchema()
        frame.coalesce(1).write.json(str(tmp_path / name))
        files = sorted((tmp_path / name).glob("part*"))
        texts.append(
            (capsys.readouterr().out, [file.read_text() for file in files], frame.toJSON().collect())
        )
    assert texts[0] == texts[1]


def test_in_python(spark: Any, lightstream: Any) -> None:
    found = []
    for session in (spark, lightstream):
        values = [row.v for row in session.sql(_FRAME).orderBy("id").collect()]
        present = [value for value in values if value is not None]
        found.append(
            [(str(v), repr(v), v.toPython(), v.toJson("America/New_York")) for v in present]
            + [(type(v).parseJson(str(v)).value, type(v).parseJson(str(v)).metadata) for v in present]
        )
    assert found[0] == found[1]


# Value and metadata, as hexadecimal text, of what is broken or odd.
BYTES: dict[str, tuple[str, str]] = {
    "good": ("0202010002000d0c01020200020200040c020c03", "010300010203626163"),
    "no value": ("", "010000"),
    "no metadata": ("00", ""),
    "another version": ("00", "020000"),
    "a number that ends early": ("0c", "010000"),
    "more than a number": ("0c0105", "010000"),
    "more than a text": ("056162", "010000"),
    "an unknown type": ("54", "010000"),
    "a name that is not there": ("02010500020c01", "010000"),
    "an unknown type of time": ("480000000000000000", "010000"),
    "a uuid": ("50000102030405060708090a0b0c0d0e0f", "010000"),
    "metadata of sorted names": ("00", "110000"),
    "a decimal with too many places": ("202801000000", "010000"),
    "a decimal with too many digits": ("2001ffffff7f", "010000"),
    "an element behind the end": ("030200040 00c010c02".replace(" ", ""), "010000"),
    "a gap": ("03020003050c01ff0c02", "010000"),
    "a long text that ends early": ("400200000061", "010000"),
    "more than metadata": ("00", "0100007a7a"),
}


@pytest.mark.parametrize("case", BYTES.values(), ids=BYTES)
def test_odd_bytes(spark: Any, lightstream: Any, case: tuple[str, str]) -> None:
    value, metadata = map(bytes.fromhex, case)

    def frame(session: Any, expression: str) -> Any:
        types = importlib.import_module(type(session).__module__.partition(".sql")[0] + ".sql.types")
        given = session.createDataFrame([(types.VariantVal(value, metadata),)], "v variant")
        return given.selectExpr(expression)

    for expression in ("is_valid_variant(v)", "to_json(v)", "is_variant_null(v)"):
        make = functools.partial(frame, expression=expression)
        found = difference(_answer(spark, make), _answer(lightstream, make))
        assert found is None, f"{expression}: {found}"


def _answer(session: Any, make: Callable[[Any], Any]) -> Answer:
    try:
        frame = make(session)
        return Answer(columns_of(frame), rows_of(frame))
    except Exception as error:  # every engine's errors are what is compared
        return failed(error)
