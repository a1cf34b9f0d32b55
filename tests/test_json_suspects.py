"""Finding the files that DuckDB would read otherwise than Spark, without an error."""

from __future__ import annotations

import gzip
import os
import random
from pathlib import Path

import duckdb
import pytest
from json_reading import schema_of

from lightstream.sources.json import suspects
from lightstream.sources.json.exact import read_exact
from lightstream.sources.json.options import JsonOptions
from lightstream.sources.json.suspects import find_suspects, is_suspect
from lightstream.sources.two_ways import PendingCheck

CLEAN = [
    b"",
    b"\n",
    b'{"a":1,"b":"x","c":null,"d":-1.5e-3,"e":[1,2],"f":{"g":true}}\n',
    b'{"a": 1, "b": "x", "c": null, "d": -1, "e": [1, 2]}\n',
    b'{"a":NaN,"b":-Infinity,"c":[Infinity, NaN]}\n',
    b'{"a":1}\r\n{"a":2}\r\n',
    b'{"a":"nan inf"}\n',
    b'{"a":"xnan, iffy"}\n',
    b"null\n",
    b'{"a":"in text: nan, inf, [1,] and {,}"}\n',
    b'{"a":"level:info","b":"x,nano"}\n{"a": "status: information, infinite"}\n',
    b'{"a":[' + b"[1,2]," * 1500 + b"[3,4]]}\n",
    b'{"a":"' + b"[" * 1500 + b'"}\n',
    b'{"a":"' + b"x" * 60_000 + b'","b":"' + b'\\"' * 60_000 + b'"}\n',
]
SUSPECT = [
    b'{"a":1,}\n',
    b'{"a":[1,]}\n',
    b'{"a":1 , }\n',
    b'{"a":1,\t}\n',
    b'{"a":[1, \t ]}\n',
    b'{"a":nan}\n',
    b'{"a":-nan}\n',
    b'{"a":NAN}\n',
    b'{"a":nAn}\n',
    b'{"a":inf}\n',
    b'{"a":INF}\n',
    b'{"a":-inf}\n',
    b'{"a":-INF}\n',
    b'{"a":infinity}\n',
    b'{"a":Inf}\n',
    b'{"a": nan}\n',
    b'{"a":  nan}\n',
    b'{"a":\tnan}\n',
    b'{"a":[nan]}\n',
    b'{"a":[1,nan]}\n',
    b'{"a":[1, inf]}\n',
    b'{"a":[ -Inf]}\n',
    b'{"a":\r1}\n',
    b'{"a":1}\r{"a":2}\n',
    b'{"a":1}\n\x0b\n',
    b'\x0c{"a":1}\n',
    b'{"a":1}\n\0\n',
    b'{"a":' + b"[" * 1001 + b"]" * 1001 + b"}\n",
    b'{"a":' + b'{"b":' * 1001 + b"1" + b"}" * 1001 + b"}\n",
    b'{"a":' + b"1" * 1001 + b"}\n",
    b'{"a":0.' + b"1" * 1001 + b"}\n",
    b'{"' + b"k" * 50_001 + b'":1}\n',
    b'{"' + b'\\"' * 50_001 + b'" :1}\n',
    b'{"a":"\\","b":1,}\n',
]


def _write(directory: Path, content: bytes, name: str = "data.json") -> str:
    path = directory / name
    path.write_bytes(content)
    return str(path)


@pytest.mark.parametrize("content", CLEAN)
def test_clean(tmp_path: Path, content: bytes) -> None:
    assert not is_suspect(_write(tmp_path, content))
    assert not is_suspect(_write(tmp_path, gzip.compress(content), "data.json.gz"))


@pytest.mark.parametrize("content", SUSPECT, ids=lambda content: repr(content[:20]))
@pytest.mark.parametrize("size", [0, 3 << 20])
def test_suspect_wherever_it_stands(tmp_path: Path, content: bytes, size: int) -> None:
    line = b'{"a":1,"b":"x"}\n'
    for before in {0, size // 2, size}:
        filling = line * (before // len(line))
        rest = line * ((size - before) // len(line))
        assert is_suspect(_write(tmp_path, filling + content + rest))


@pytest.mark.parametrize("content", SUSPECT, ids=lambda content: repr(content[:20]))
def test_suspect_across_the_ends_of_chunks(
    tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    for chunk in (16, 61, 64, 127):
        monkeypatch.setattr(suspects, "_CHUNK_BYTES", chunk)
        assert is_suspect(_write(tmp_path, b'{"a":1}\n' * 5 + content + b'{"a":1}'))


def test_without_a_fast_c_library(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    connection = duckdb.connect()
    for index, content in enumerate(CLEAN):
        path = _write(tmp_path, content, f"clean{index}.json")
        assert find_suspects([path], connection) == []
    for index, content in enumerate(SUSPECT):
        path = _write(tmp_path, content, f"suspect{index}.json")
        assert find_suspects([path], connection) == [path]
    not_utf8 = _write(tmp_path, b'{"a":"\xff",}\n', "bad.json")
    assert find_suspects([not_utf8], connection) == [not_utf8]
    monkeypatch.setattr(suspects, "_c_search", lambda: None)
    for index, content in enumerate(SUSPECT):
        assert is_suspect(_write(tmp_path, content, f"suspect{index}.json"))


@pytest.mark.parametrize("line", [b"null\n", b" null\n", b'{"a":1}\n\tnull\n', b'{"a":1}\nnull'])
def test_null_lines_only_where_they_matter(tmp_path: Path, line: bytes) -> None:
    path = _write(tmp_path, line)
    assert not is_suspect(path)
    assert is_suspect(path, null_lines=True)
    assert not is_suspect(_write(tmp_path, b'{"n":1}\n {"a":null}\n'), null_lines=True)


def test_a_file_of_one_byte_which_duckdb_leaves_out(tmp_path: Path) -> None:
    assert is_suspect(_write(tmp_path, b"}"))
    assert is_suspect(_write(tmp_path, gzip.compress(b"5"), "data.json.gz"))
    assert not is_suspect(_write(tmp_path, b" "))


def test_what_duckdb_accepts_and_spark_does_not_is_found(tmp_path: Path) -> None:
    source = random.Random(7)
    pieces = [
        b",",
        b"}",
        b"]",
        b" ",
        b'"a":',
        b"1",
        b"nan",
        b"inf",
        b"NaN",
        b"-",
        b"null",
        b"[",
        b"{",
        b"\r",
        b"\x0c",
        b"\t",
    ]
    schema = schema_of("a string, _corrupt_record string")
    connection = duckdb.connect()
    accepted = 0
    for _ in range(800):
        inside = b"".join(source.choice(pieces) for _ in range(source.randrange(6)))
        path = _write(
            tmp_path, source.choice([b'{"a":%s}\n', b'{"a":[%s]}\n', b'{"a":1%s}\n', b'%s{"a":1}\n']) % inside
        )
        sql = f"SELECT a FROM read_json('{path}', columns={{'a': 'JSON'}}, format='newline_delimited', records=true)"
        try:
            rows = connection.execute(sql).fetchall()
        except duckdb.Error:
            continue
        exact = read_exact(path, schema, JsonOptions())
        if exact.num_rows != len(rows) or exact["_corrupt_record"].null_count != len(rows):
            accepted += 1
            assert is_suspect(path, null_lines=True), inside
    assert accepted > 10


def test_a_check_beside_the_query(tmp_path: Path) -> None:
    clean = _write(tmp_path, b'{"a":1}\n' * 200_000, "clean.json")
    odd = _write(tmp_path, b'{"a":1}\n' * 200_000 + b'{"a":1,}\n', "odd.json")
    check = PendingCheck(lambda: find_suspects([clean, odd]), os.path.getsize(clean) + os.path.getsize(odd))
    assert check.suspects() == [odd]
    assert check.suspects() == [odd]
    missing = PendingCheck(lambda: find_suspects([str(tmp_path / "none.json")]), 1 << 30)
    with pytest.raises(FileNotFoundError):
        missing.suspects()


@pytest.mark.parametrize(
    ("number", "long"),
    [
        (b"12.34", False), (b"1234567890.12345", False), (b"1234567890.123456", True), (b"0.123456789012345", True),
        (b"0.12345678901234", False), (b"123456789012.123", False), (b"1234567890123.123", True),
        (b"12345678901234567890", False), (b"1e5", False), (b"1234567890123456e-3", True), (b"1.5e300", False),
    ],
)  # fmt: skip
def test_fractions_that_a_double_does_not_keep(tmp_path: Path, number: bytes, long: bool) -> None:
    path = _write(tmp_path, b'{"a":' + number + b',"b":"1.2"}\n')
    assert is_suspect(path, decimals=True) is long
    assert not is_suspect(path)
