"""Functions that DuckDB calls back, against values that Spark gave, and their errors."""

from __future__ import annotations

from collections.abc import Iterator
from decimal import Decimal
from typing import Any

import pytest

from lightstream.errors import PySparkException
from lightstream.sql import SparkSession


@pytest.fixture(scope="module")
def session() -> Iterator[SparkSession]:
    session = SparkSession.builder.config("spark.sql.session.timeZone", "America/Los_Angeles").create()
    yield session
    session.stop()


@pytest.mark.parametrize(
    ("expression", "expected"),
    [
        ("hash(1)", -559580957), ("hash(1L)", -1712319331), ("hash(1.5D)", 1290763749), ("hash(-0.0D)", -1670924195),
        ("hash(float(1.5))", -221251528), ("hash('abcdé')", 1633936390), ("hash(cast(null as int))", 42),
        ("hash(1.50)", -2056712946), ("hash(cast(-1.5 as decimal(30,2)))", -690534446),
        ("hash(array(1, 2, null))", -222940379), ("hash(struct(1, 'a'))", -936062819),
        ("hash(timestamp'2020-01-01 10:00:00')", 17563505), ("hash(1, 'a', null, 2.5D)", 389417474),
        ("xxhash64('abc')", 1423657621850124518), ("xxhash64('')", -7444071767201028348),
        ("xxhash64('abcdefghijklmnopqrstuvwxyz0123456789abcdefghij')", 5663019105511798709),
        ("xxhash64(array(1, 2, null), struct(1, 'a'))", -5164560692699447985),
        ("to_char(454, '00000')", "00454"), ("to_char(4, '9,999,999')", "        4"),
        ("to_char(454.25, '999.9')", "###.#"),
        ("to_char(-12454.8, '99G999D9S')", "12,454.8-"), ("to_char(-8.12, '$999.99PR')", "<$  8.12>"),
        ("to_char(8, 'S999')", "  +8"), ("to_char(0, '9.9')", "0.0"), ("to_char(0, '999S')", "+   "),
        ("to_char(12345678901234567890123456789012345678, '99999999999999999999999999999999999999')",
         "12345678901234567890123456789012345678"),
        ("to_number('12,454.8-', '99,999.9S')", Decimal("-12454.8")), ("to_number('<454>', '999PR')", Decimal(-454)),
        ("to_number(',005', '99,000')", Decimal(5)), ("try_to_number('454', '99')", None),
        ("parse_url('http://u:p@h.com:8/a?q=1&b=2#f', 'FILE')", "/a?q=1&b=2"),
        ("parse_url('http://u:p@h.com:8/a?q=1&b=2#f', 'USERINFO')", "u:p"),
        ("parse_url('http://h/p?aa=1&a=2', 'QUERY', 'a')", "2"), ("parse_url('http://a_b.c/x', 'HOST')", None),
        ("try_parse_url('http://h/a b', 'PATH')", None),
        ("bitmap_count(bitmap_construct_agg(x)) from values (1), (2), (2), (40) t(x)", 3),
        ("bitmap_count(bitmap_and_agg(x)) from values (x'FF'), (x'0F') t(x)", 4),
        ("bitmap_bit_position(-32768)", 0), ("bitmap_bucket_number(32769)", 2),
        ("instr('abcabc', 'b', -1, 2)", 2), ("instr('aaaa', 'aa', 1, 2)", 2), ("instr('abc', '', 2)", 1),
        ("soundex('Tymczak')", "T522"), ("soundex('Ashcraft')", "A261"), ("soundex('123')", "123"),
        ("jaro_winkler_similarity('ABCVWXYZ', 'CABVWXYZ')", 0.9375), ("from_base32('MZXW6YTBOI')", b"foobar"),
        ("make_valid_utf8(x'61C262')", "a�b"), ("is_valid_utf8(x'80')", False), ("try_validate_utf8(x'80')", None),
        ("hmac(cast(null as binary), 'm')", None),
    ],
)  # fmt: skip
def test_values(session: SparkSession, expression: str, expected: Any) -> None:
    ((found,),) = session.sql(f"select {expression}").collect()
    assert found == expected
    assert type(found) is type(expected) or isinstance(found, bytes | bytearray)


@pytest.mark.parametrize(
    ("expression", "condition"),
    [
        ("hash(map('a', 1))", "DATATYPE_MISMATCH.HASH_MAP_TYPE"),
        ("hmac('', 'm')", "INVALID_PARAMETER_VALUE.HMAC_CRYPTO_ERROR"),
        ("to_char(1, '9.9.9')", "INVALID_FORMAT.WRONG_NUM_TOKEN"),
        ("to_char(1, '99,')", "INVALID_FORMAT.CONT_THOUSANDS_SEPS"),
        ("to_char(1, '9$9')", "INVALID_FORMAT.CUR_MUST_BEFORE_DIGIT"),
        ("to_number('454', '99')", "INVALID_FORMAT.MISMATCH_INPUT"),
        ("parse_url('inva lid://h', 'HOST')", "INVALID_URL"),
        ("validate_utf8(x'80')", "INVALID_UTF8_STRING"),
        ("instr('a', 'b', 1, 0)", "INVALID_PARAMETER_VALUE.OCCURRENCE"),
        ("bitmap_construct_agg(x) from values (99999) t(x)", "INVALID_BITMAP_POSITION"),
        ("cast(x'80' as string)", "LIGHTSTREAM_UNSUPPORTED"),
    ],
)  # fmt: skip
def test_errors(session: SparkSession, expression: str, condition: str) -> None:
    with pytest.raises(PySparkException) as failed:
        session.sql(f"select {expression}").collect()
    assert failed.value.getCondition() == condition


def test_a_select_list_may_name_its_own_aliases(session: SparkSession) -> None:
    frame = session.sql("select x + 1 as y, y * 2 as z, y + z from values (1), (3) t(x) order by z desc")
    assert frame.columns == ["y", "z", "(lateralAliasReference(y) + lateralAliasReference(z))"]
    assert frame.collect() == [(4, 8, 12), (2, 4, 6)]


def test_base_32_is_ascii(session: SparkSession) -> None:
    with pytest.raises(PySparkException, match="LIGHTSTREAM_UNSUPPORTED"):
        session.sql("select from_base32('ß')").collect()
