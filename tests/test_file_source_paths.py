"""Paths, URIs and patterns: as Spark 4.3.0 and Hadoop were seen to treat them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lightstream.errors import IllegalArgumentException, UnsupportedOperationException
from lightstream.sources.globs import expand_glob, expand_slashes, name_pattern, split_glob
from lightstream.sources.paths import display_path, from_uri, is_below, is_glob, local_path, to_uri

# From a source log that Spark wrote.
SPARK_URIS = {
    "a b.json": "a%20b.json",
    "p%20q.json": "p%2520q.json",
    "h#1.json": "h%231.json",
    "q?1.json": "q%3F1.json",
    "plus+1.json": "plus+1.json",
    "ué中.json": "ué中.json",
    "emoji😀.json": "emoji😀.json",
    "am&p=1;,.json": "am&p=1;,.json",
    "br[1]{2}.json": "br%5B1%5D%7B2%7D.json",
    'c^`|".json': "c%5E%60%7C%22.json",
    "t~!@$'()*.json": "t~!@$'()*.json",
    "back\\s.json": "back%5Cs.json",
    "co:lon.json": "co:lon.json",
    "nb\u00a0sp.json": "nb%C2%A0sp.json",
    "ctl\x01.json": "ctl%01.json",
    "tab\t.json": "tab%09.json",
    "zw\u200b.json": "zw\u200b.json",
    "lt<gt>.json": "lt%3Cgt%3E.json",
    "c1\x85.json": "c1%C2%85.json",
    "line\u2028.json": "line%E2%80%A8.json",
}


@pytest.mark.parametrize(("name", "encoded"), SPARK_URIS.items())
def test_uris_are_those_of_spark(name: str, encoded: str) -> None:
    assert to_uri(f"/tmp/C d/in x%y/{name}") == f"file:///tmp/C%20d/in%20x%25y/{encoded}"


@given(st.binary(min_size=1).filter(lambda name: b"\0" not in name and b"/" not in name))
def test_every_name_comes_back_from_its_uri(name: bytes) -> None:
    path = "/d/" + os.fsdecode(name)
    uri = to_uri(path)
    assert from_uri(uri) == path
    uri.encode()  # can be written to a log
    assert not set(uri) & set(' "\\\n%') - {"%"}


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("/a/b", "/a/b"),
        ("/a//b/", "/a/b"),
        ("//a/b", "/a/b"),
        ("/a/./b/../c", "/a/c"),
        ("file:/a/b", "/a/b"),
        ("file:///a/b", "/a/b"),
        ("FILE:///a/b", "/a/b"),
        ("file://localhost/a", "/a"),
        ("file:/a%20b", "/a%20b"),
        ("/a/co:lon", "/a/co:lon"),
        ("file:/a/*?[x]", "/a/*?[x]"),
        ("file:/", "/"),
    ],
)
def test_paths_as_users_write_them(text: str, path: str) -> None:
    assert local_path(text) == path


def test_relative_paths_are_below_the_working_directory(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert local_path("in/x") == str(tmp_path / "in" / "x")


@pytest.mark.parametrize("text", ["s3://bucket/x", "hdfs://host:1/y", "s3a:x", "zzz:/x"])
def test_other_file_systems_are_refused_by_name(text: str) -> None:
    with pytest.raises(UnsupportedOperationException, match=text.split(":")[0] + ":"):
        local_path(text)


def test_other_hosts_and_no_path_at_all_are_refused() -> None:
    with pytest.raises(IllegalArgumentException, match="Wrong FS"):
        local_path("file://host/a")
    with pytest.raises(IllegalArgumentException, match="Can not create a Path from an empty string"):
        local_path("")


def test_small_questions() -> None:
    assert display_path("/a/b c") == "file:/a/b c"
    assert is_below("/a/b", "/a") and is_below("/a", "/a") and is_below("/a", "/")
    assert not is_below("/ab", "/a")
    assert [is_glob(text) for text in ("/a", "/a*", "/a?", "/[a]", "/{a}", "/a\\b")] == [False] + [True] * 5


@pytest.mark.parametrize(
    ("glob", "matches", "differs"),
    [
        ("*.json", ["a.json", ".json"], ["a.jsonx", "a"]),
        ("a?", ["ab", "a*"], ["a", "abc"]),
        ("[a-c]x", ["ax", "cx"], ["dx", "-x"]),
        ("[!a]", ["b", "!"], ["a", "bb"]),
        ("[^a]", ["b", "^"], ["a"]),
        ("[]a]", ["]", "a"], ["b"]),
        ("[a-]", ["a", "-"], ["b"]),
        ("{f00,f01}.json", ["f00.json", "f01.json"], ["f02.json", "{f00,f01}.json"]),
        ("{a,b{c,d}}", ["a", "bc", "bd"], ["b"]),
        ("a,b", ["a,b"], ["a"]),
        ("a}", ["a}"], ["a"]),
        ("\\*", ["*"], ["a"]),
        ("a.b+(c)$|", ["a.b+(c)$|"], ["aXb+(c)$|"]),
        ("", [""], ["a"]),
        ("*", ["", "a\nb"], []),
    ],
)
def test_name_patterns(glob: str, matches: list[str], differs: list[str]) -> None:
    pattern = name_pattern(glob)
    assert [name for name in matches if not pattern.fullmatch(name)] == []
    assert [name for name in differs if pattern.fullmatch(name)] == []


@pytest.mark.parametrize("glob", ["[a", "{a", "a\\", "[a[b]", "[{]", "{[,]}", "\\d", "[z-a]", "[]", "[!]"])
def test_illegal_patterns(glob: str) -> None:
    with pytest.raises(IllegalArgumentException, match="Illegal file pattern"):
        name_pattern(glob)


@pytest.mark.parametrize(
    ("glob", "expanded"),
    [
        ("/x/{a,b}/c", ["/x/{a,b}/c"]),
        ("/x/{a1,a2/y}", ["/x/a1", "/x/a2/y"]),
        ("/{a,b/c}/{d/e,f}", ["/a/d/e", "/a/f", "/b/c/d/e", "/b/c/f"]),
        ("/{a,{b/c,d}}", ["/a", "/b/c", "/d"]),
        ("/\\{a/b}", ["/\\{a/b}"]),
    ],
)
def test_groups_with_slashes(glob: str, expanded: list[str]) -> None:
    assert expand_slashes(glob) == expanded


def test_patterns_are_split_at_the_first_component_with_a_pattern() -> None:
    assert split_glob("/a/b") == (("/a/b", ()),)
    assert split_glob("/a/b*/c/d?") == (("/a", ("b*", "c", "d?")),)
    assert split_glob("/*") == (("/", ("*",)),)


def test_expansion_finds_files_and_directories(tmp_path: Path) -> None:
    for name in ("a1/x", "a2/y", "b/z", ".h/w", "a3"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_text("")
    found = {glob: expand_glob(f"{tmp_path}/{glob}") for glob in ("a*", "*/*", "{a1,a2/y}", "nope*/x", "*/y")}
    assert {glob: [os.path.relpath(path, tmp_path) for path in paths] for glob, paths in found.items()} == {
        "a*": ["a1", "a2", "a3"],
        "*/*": [".h/w", "a1/x", "a2/y", "b/z"],
        "{a1,a2/y}": ["a1", "a2/y"],
        "nope*/x": [],
        "*/y": ["a2/y"],
    }
