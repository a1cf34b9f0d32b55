"""The bytes of a file: decompression by its name, and what is said of a file that cannot be read."""

from __future__ import annotations

import os
from collections.abc import Iterator

from lightstream.errors import QueryExecutionException, unsupported
from lightstream.sources.paths import to_uri

# Hadoop's codecs, by the end of the file name.
_CODECS = {
    ".gz": "gzip", ".gzip": "gzip", ".bz2": "bzip2", ".deflate": "zlib", ".zst": "zstd",
    ".snappy": "snappy", ".lz4": "lz4",
}  # fmt: skip
# DuckDB decompresses these by itself.
_DUCKDB_CODECS = ("gzip", "zstd")


def codec_of(path: str) -> str | None:
    """Return the compression that a file's name asks for, or None."""
    lower = path.rsplit("/", 1)[-1].lower()
    return next((codec for suffix, codec in _CODECS.items() if lower.endswith(suffix)), None)


def read_failed(path: str, cause: str, kind: str = "NO_HINT") -> QueryExecutionException:
    """Return Spark's error for a file that could not be read, FAILED_READ_FILE."""
    name = to_uri(path)
    return QueryExecutionException(
        f"FAILED_READ_FILE.{kind}",
        f"Encountered error while reading file {name}. {cause}",
        sqlstate="KD001",
        parameters={"path": name},
    )


def missing_file(path: str) -> QueryExecutionException:
    """Return Spark's error for a file that is gone."""
    return read_failed(path, "The file does not exist: it may have been deleted.", "FILE_NOT_EXIST")


def damaged_file(path: str, format_name: str, error: Exception) -> QueryExecutionException:
    """Return Spark's error for a file whose format a reader does not find in it, or that is gone."""
    if not os.path.exists(path):
        return missing_file(path)
    return read_failed(path, f"The file is damaged, or no {format_name} file: {error}")


def footer_failed(path: str, format_name: str, error: Exception) -> QueryExecutionException:
    """Return Spark's error for a file whose schema cannot be read, or that is gone."""
    if not os.path.exists(path):
        return missing_file(path)
    reason = f"The footer cannot be read: the file is damaged, or no {format_name} file. {error}"
    return read_failed(path, reason, "CANNOT_READ_FILE_FOOTER")


def read_file(path: str, *, ignore_missing: bool = False, ignore_corrupt: bool = False) -> bytes | None:
    """Return a file's content, decompressed by its name; None for a missing file that is to be ignored.

    Raises:
        QueryExecutionException: `FAILED_READ_FILE`.
        UnsupportedOperationException: a compression that is not supported here.
    """
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        if ignore_missing:
            return None
        raise missing_file(path) from None
    except OSError as error:
        raise read_failed(path, str(error)) from error
    codec = codec_of(path)
    if codec is None or not data:
        return data
    return _decompress(data, codec, path, ignore_corrupt)


def _decompress(data: bytes, codec: str, path: str, ignore_corrupt: bool) -> bytes:
    out = bytearray()
    try:
        for part in _decompressed_parts(data, codec, path):
            out += part
    except (OSError, EOFError, ValueError) as error:
        if not ignore_corrupt:
            raise read_failed(path, f"The compressed data is damaged: {error}") from error
    return bytes(out)


def _decompressed_parts(data: bytes, codec: str, path: str) -> Iterator[bytes]:
    if codec in ("gzip", "zlib"):
        import zlib

        try:
            while data:
                member = zlib.decompressobj(31 if codec == "gzip" else 15)
                yield member.decompress(data)
                if not member.eof:
                    raise EOFError("unexpected end of the compressed data")
                data = member.unused_data
        except zlib.error as error:
            raise ValueError(str(error)) from error
    elif codec == "bzip2":
        import bz2

        while data:
            stream = bz2.BZ2Decompressor()
            yield stream.decompress(data)
            if not stream.eof:
                raise EOFError("unexpected end of the compressed data")
            data = stream.unused_data
    elif codec == "zstd":
        try:
            import pyarrow
        except ImportError:
            raise unsupported(f"Reading a zstd-compressed file ({path})", "pip install pyarrow") from None
        with pyarrow.CompressedInputStream(pyarrow.BufferReader(data), "zstd") as reader:
            yield reader.read()
    else:
        raise unsupported(f"Reading a {codec}-compressed file ({path})")


def escape_glob(path: str) -> str:
    """Return a path as DuckDB's file functions need it to mean that one file."""
    if "*" not in path and "?" not in path and "[" not in path:
        return path
    return "".join(f"[{char}]" if char in "*?[" else char for char in path)


def duckdb_reads(codec: str | None) -> bool:
    """Return whether DuckDB can read files of a compression by itself."""
    return codec is None or codec in _DUCKDB_CODECS
