"""File paths as Hadoop reads and writes them: `file:` URIs, url-encoding, and what may be opened."""

from __future__ import annotations

import os
import posixpath
import re

from lightstream.errors import IllegalArgumentException, unsupported
from lightstream.storage.paths import is_remote, normal, originals, split

_SCHEME = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*):(.*)", re.DOTALL)
_GLOB_CHARACTERS = frozenset("{}[]*?\\")

# What java.net.URI leaves as it is in a path, besides letters beyond ASCII.
_PLAIN = re.compile(r"[A-Za-z0-9_\-!.~'()*:@&=+$,;/]*")
_ASCII_ESCAPES = {
    code: f"%{code:02X}" for code in range(128) if not _PLAIN.fullmatch(chr(code))
}  # for str.translate


def file_path(text: str) -> str:
    """Return the whole path of files as a user wrote it: in an object store (`s3a://bucket/in`), or a local path.

    Raises:
        IllegalArgumentException: the text is empty, or names no bucket.
        UnsupportedOperationException: the path has a scheme that is neither, e.g. `hdfs:`.
    """
    return normal(text) if is_remote(text) else local_path(text)


def local_path(text: str) -> str:
    """Return the absolute local path of a path as a user wrote it: plain, relative, or a `file:` URI.

    Nothing is decoded: as in Hadoop, `%20` in a path stands for itself, also behind `file:`.

    Raises:
        IllegalArgumentException: the text is empty.
        UnsupportedOperationException: the path has another scheme, e.g. `s3:`.
    """
    if not text:
        raise IllegalArgumentException(None, "Can not create a Path from an empty string")
    match = _SCHEME.fullmatch(text)  # a colon behind a slash is part of a name
    if match is not None:
        scheme, rest = match.group(1).lower(), match.group(2)
        if scheme != "file":
            raise unsupported(
                f"Reading files from {scheme}: paths ({text})",
                "Copy the files to a local directory, or mount it.",
            )
        if rest.startswith("//"):
            authority, slash, path = rest[2:].partition("/")
            if authority not in ("", "localhost"):
                raise IllegalArgumentException(
                    None, f"Wrong FS: {text}: a file: path names no host. Write it as file:///path."
                )
            rest = slash + path
        text = rest or "/"
    # normpath keeps a leading "//", which means nothing on Linux.
    path = os.path.abspath(text)
    return "/" + path.lstrip("/") if path.startswith("//") else path


def display_path(path: str) -> str:
    """Return a path as Spark prints it: `file:/dir/name`, `s3a://bucket/dir/name`."""
    return path if is_remote(path) else f"file:{path}"


def to_uri(path: str) -> str:
    """Return the url-encoded URI of a path, as Spark writes it to a source log: `file:///dir/a%20b`.

    A local copy of an object has the object's. Spark: only what java.net.URI must quote is quoted, so that letters
    beyond ASCII stay as they are.
    """
    path = originals.get(path, path)
    if is_remote(path):
        root, key = split(path)
        return root + to_uri(f"/{key}").removeprefix("file://") if key else root
    if _PLAIN.fullmatch(path):
        return f"file://{path}"
    encoded = path.translate(_ASCII_ESCAPES)
    if not encoded.isascii():
        encoded = "".join(_encode_beyond_ascii(char) for char in encoded)
    return f"file://{encoded}"


def from_uri(uri: str) -> str:
    """Return the path of a url-encoded URI.

    Raises:
        UnsupportedOperationException: neither a local file nor an object.
    """
    if is_remote(uri):
        root, key = split(uri)
        return root + from_uri(f"file:///{key}") if key else root
    if not uri.startswith("file:"):
        raise unsupported(f"A source log entry that is neither a local file nor an object ({uri})")
    path = uri[5:]
    if path.startswith("///"):
        path = path[2:]
    if "%" not in path:
        return path
    from urllib.parse import unquote_to_bytes

    return os.fsdecode(unquote_to_bytes(path.encode("utf-8", "surrogateescape")))


def is_glob(path: str) -> bool:
    """Return whether Hadoop takes a path as a pattern."""
    return not _GLOB_CHARACTERS.isdisjoint(path)


def is_below(path: str, directory: str) -> bool:
    """Return whether `path` is `directory` or lies below it."""
    return path == directory or path.startswith(posixpath.join(directory, ""))


def _encode_beyond_ascii(char: str) -> str:
    code = ord(char)
    if code < 128:
        return char
    # Names that are no UTF-8 reach Python as lone surrogates: their bytes are written, and read back as they were.
    if 0xDC80 <= code <= 0xDCFF:
        return f"%{code - 0xDC00:02X}"
    # java.net.URI quotes control characters (C1) and Unicode's separators.
    if code < 0xA0 or _is_separator(char):
        return "".join(f"%{byte:02X}" for byte in char.encode())
    return char


def _is_separator(char: str) -> bool:
    import unicodedata

    return unicodedata.category(char) in ("Zs", "Zl", "Zp")
