"""Schemas inferred from JSON: what Spark 4.3.0 was seen to infer, whichever way a record is looked at."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from json_reading import entry

from lightstream.errors import AnalysisException, IllegalArgumentException, SparkRuntimeException
from lightstream.plan import types as t
from lightstream.sources.json import infer
from lightstream.sources.json.infer import infer_schema
from lightstream.sources.json.lookalike import lookalike_pattern
from lightstream.sources.json.options import JsonOptions, parse_options

from json_cases import INFER_CASES, InferCase  # isort: skip

EXPECTED = json.loads((Path(__file__).parent / "golden" / "json_rows.json").read_text())["schemas"]


def _schema(directory: Path, contents: tuple[bytes, ...], options: JsonOptions) -> t.StructType:
    paths = []
    for index, content in enumerate(contents):
        path = directory / f"f{index}.json"
        path.write_bytes(content)
        paths.append(path)
    schema = infer_schema([entry(path) for path in paths], options)
    assert schema is not None
    return schema


@pytest.mark.parametrize("case", INFER_CASES, ids=lambda case: case.name)
def test_schema_is_sparks(case: InferCase, tmp_path: Path) -> None:
    expected = EXPECTED[case.name]
    options = parse_options(case.options)
    if isinstance(expected, dict):
        with pytest.raises(AnalysisException) as caught:
            _schema(tmp_path, case.contents, options)
        assert caught.value.getCondition() == expected["condition"]
    else:
        assert _schema(tmp_path, case.contents, options).simpleString() == expected


def test_no_files() -> None:
    assert infer_schema([], JsonOptions()) is None


def test_failfast(tmp_path: Path) -> None:
    options = parse_options({"mode": "FAILFAST"})
    for content, condition in (
        (b'{"a":1}\n{bad\n', "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION"),
        (b'{"a":1}\n5\n', "INVALID_JSON_RECORD_TYPE"),
    ):
        with pytest.raises(SparkRuntimeException) as caught:
            _schema(tmp_path, (content,), options)
        assert caught.value.getCondition() == condition
        assert caught.value.getSqlState() == "22023"


def test_negative_scale_is_refused(tmp_path: Path) -> None:
    with pytest.raises(AnalysisException) as caught:
        _schema(tmp_path, (b'{"a":1e5}\n',), parse_options({"prefersDecimal": "true"}))
    assert caught.value.getCondition() == "NEGATIVE_SCALE_DISALLOWED"


def test_sampling_ratio(tmp_path: Path) -> None:
    with pytest.raises(IllegalArgumentException, match=r"samplingRatio \(0.0\) should be greater than 0"):
        _schema(tmp_path, (b'{"a":1}\n',), parse_options({"samplingRatio": "0"}))
    # Spark takes a random part; all of the records are as good a sample as any.
    schema = _schema(tmp_path, (b'{"a":1}\n' * 50 + b'{"b":1}\n',), parse_options({"samplingRatio": "0.5"}))
    assert schema.names == ["a", "b"]


_VALUES = st.sampled_from(
    ["1", "-5", "0", "1.5", "1e3", '"x"', '""', '"é"', '"a\\"b"', '"\\u00e9"', "null", "true", "[]", "[1]", "[1.5,2]",
     '["a",null]', "{}", '{"p":1}', '{"q":"x"}', '{"p":1,"q":""}', "9223372036854775807", "9223372036854775808",
     "12345678901234567890123456789012345678901234567890", "NaN", "01", "1,", "tru", '[{"p":1},{"q":2}]', "[[1],[2]]"]
)  # fmt: skip


@st.composite
def _files(draw: st.DrawFn) -> bytes:
    names = draw(st.lists(st.sampled_from("abcdef"), min_size=1, max_size=4, unique=True))
    usual = {name: draw(_VALUES) for name in names}
    lines = []
    for _ in range(draw(st.integers(1, 25))):
        members = [
            f'"{name}":{usual[name] if draw(st.integers(0, 9)) else draw(_VALUES)}'
            for name in names
            if draw(st.integers(0, 9))
        ]
        lines.append("{" + draw(st.sampled_from([",", ",", ", "])).join(members) + "}")
    return ("\n".join(lines) + draw(st.sampled_from(["", "\n", "\r\n"]))).encode()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(_files())
def test_lookalike_records_change_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, content: bytes
) -> None:
    def schema() -> str:
        try:
            return _schema(tmp_path, (content,), JsonOptions()).simpleString()
        except AnalysisException as error:
            return str(error.getCondition())

    # allowComments switches all short cuts off; there are no comments here.
    options = parse_options({"allowComments": "true"})
    try:
        exact = _schema(tmp_path, (content,), options).simpleString()
    except AnalysisException as error:
        exact = str(error.getCondition())
    assert schema() == exact
    for every in (1, 2, 5):
        monkeypatch.setattr(infer, "_RECORDS_PER_LESSON", every)
        assert schema() == exact


def test_a_pattern_passes_over_what_it_knows() -> None:
    sample = [[("a", 1), ("b", "x")], [("a", 2)]]
    pattern = lookalike_pattern([infer._Pairs(pairs) for pairs in sample], b'{"a":1,"b":"x"}')
    assert pattern is not None

    def passed(line: bytes) -> bool:
        match = pattern.match(line + b"\n")
        return match is not None and match.end() > 0

    assert passed(b'{"a":-7,"b":"a\\"b"}')
    assert passed(b'{"a":null,"b":null}')
    assert passed(b'{"a":9}')
    for unlike in (
        b'{"a":1.5}', b'{"a":01}', b'{"a":9223372036854775808}', b'{"b":"x"}', b'{"b":"x","a":1}', b'{"a":1,"a":2}',
        b'{"a":1,"c":1}', b'{"a":1,}', b'{"a":1,"b":"\\u0041"}', b'{"a":1,"b":5}', b'{"a": 1}', b'{"a":1}x', b"null",
    ):  # fmt: skip
        assert not passed(unlike), unlike
