"""Reading text: a table of files, and how they are read."""

from __future__ import annotations

import bz2
import gzip
import zlib

from file_cases import FileCase, case

_LINES = b"one\ntwo\r\nthree\rfour\n\n  five  \n"


def _text(name: str, content: bytes | dict[str, bytes], **options: str) -> FileCase:
    return case(name, "text", content, **options)


TEXT_CASES: tuple[FileCase, ...] = (
    _text("lines", _LINES),
    _text("no last line end", b"a\nb"),
    _text("one line end", b"\n"),
    _text("two line ends", b"\n\n"),
    _text("carriage returns", b"a\r\r\nb\r"),
    _text("a byte order mark", b"\xef\xbb\xbfa\nb\n"),
    _text("a byte order mark alone", b"\xef\xbb\xbf"),
    _text("a byte order mark and a line end", b"\xef\xbb\xbf\na"),
    _text("bytes that are no UTF-8", b"a\xff\nb\xed\xa0\x80c\n\xc3\xa9\n"),
    _text("zero bytes", b"a\0b\n\0\n"),
    _text("an empty file beside others", {"a": b"", "b": b"x\n", "c": b""}),
    _text("a separator", b"a;b;c\nd;", lineSep=";"),
    _text("a separator of two characters", b"a||b|c||", lineSep="||"),
    _text("a separator that overlaps itself", b"aaaxaa", lineSep="aa"),
    _text("a separator in another encoding", "aéb\n".encode("latin-1"), lineSep="é", encoding="ISO-8859-1"),
    _text("an encoding that is none", b"a", lineSep="b", encoding="latin-1"),
    _text("a carriage return as separator", b"a\r\nb\r", lineSep="\r"),
    _text("an empty separator", b"a", lineSep=""),
    _text("whole files", {"a": b"one\ntwo\n", "b": b"\xef\xbb\xbfx"}, wholetext="true"),
    _text("whole files and a separator", b"a;b", wholetext="true", lineSep=";"),
    _text("whole files that are no boolean", b"a;b", wholetext="x"),
    _text("gzip", {"a.gz": gzip.compress(_LINES), "b.txt": b"x\n"}),
    _text("bzip2", {"a.bz2": bz2.compress(_LINES)}),
    _text("deflate", {"a.deflate": zlib.compress(_LINES)}),
    _text("whole gzip files", {"a.gz": gzip.compress(_LINES)}, wholetext="true"),
    _text("damaged gzip", {"a.gz": gzip.compress(_LINES * 100)[:40]}),
    _text("partitions", {"p=1/a": b"x\n", "p=2/b": b"y\nz\n", "p=2/c": b""}),
    case("partitions alone", "text", {"p=1/a": b"x\n\n", "p=2/b": b"y\nz\n"}, columns=("p",)),
    case("where rows come from", "text", {"a b.txt": b"x\n", "c.txt": b"y\nz\n"},
         columns=("value", "_metadata.file_path", "_metadata.file_name", "_metadata.file_size",
                  "_metadata.file_block_length")),
    case("another name", "text", b"a\nb\n", schema="line string"),
    case("a number", "text", b"1\n", schema="n int"),
    case("two columns", "text", b"1\n", schema="a string, b string"),
    case("one of two columns", "text", b"1\n", schema="a string, b string", columns=("b",)),
    case("a partition in the schema", "text", {"p=1/a": b"x\n"}, schema="p string, value string"),
    case("counted", "text", {"a": _LINES, "b": b"x"}, columns=()),
    _text("only empty files", {"a": b""}),
    _text("names that are left out", {"_a": b"x\n", ".b": b"x\n", "c": b"y\n"}),
    _text("a pattern", {"a.txt": b"x\n", "c": b"y\n"}, pathGlobFilter="*.txt"),
    _text("directories", {"d/a": b"x\n", "c": b"y\n"}, recursiveFileLookup="true"),
)  # fmt: skip
