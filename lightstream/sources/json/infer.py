"""The schema of JSON files, as Spark infers it from all their records.

Records that look like the first ones cannot change the schema: a regular expression made from those passes over
them at hundreds of megabytes a second. Only the others are parsed.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from lightstream.errors import AnalysisException, IllegalArgumentException, SparkRuntimeException
from lightstream.plan import types as t
from lightstream.sources.file_bytes import codec_of, read_file
from lightstream.sources.json.exact import make_tokenizer
from lightstream.sources.json.infer_types import (
    final_type,
    integer_type,
    make_inferrer,
    name_order,
    struct_of,
    wider,
    widest,
)
from lightstream.sources.json.lookalike import lookalike_pattern
from lightstream.sources.json.options import JsonOptions
from lightstream.sources.json.quick import is_unusual
from lightstream.sources.json.record_reader import BadValue
from lightstream.sources.json.records import split_records
from lightstream.sources.listing import FileEntry
from lightstream.sources.record_options import DROPMALFORMED, FAILFAST

_RECORDS_PER_LESSON = 100
_MAX_SAMPLE = 1000
_MAX_PARSED = 2000
_MEAN_RECORD_BYTES = 200
_MAX_LINE_BYTES = 20_000_000
_BOM = b"\xef\xbb\xbf"
_SPACE = " \t\r\n"

# The type of a record as a nested tuple that can be a dictionary's key; see `_shape`.
Shape = Any


def infer_schema(
    files: Sequence[FileEntry], options: JsonOptions, *, case_sensitive: bool = False
) -> t.StructType | None:
    """Return the schema of all records of some files, None when there are no files.

    Spark: with `samplingRatio` it looks at a random part of the records; here at all of them, always.

    Raises:
        IllegalArgumentException: the option samplingRatio is not positive.
        AnalysisException: COLUMN_ALREADY_EXISTS, for keys that are the same or differ in case only.
        SparkRuntimeException: with the mode FAILFAST, a record that is no object.
        QueryExecutionException: `FAILED_READ_FILE`.
    """
    if not files:
        return None
    if not options.sampling_ratio > 0:
        raise IllegalArgumentException(
            None, f"requirement failed: samplingRatio ({options.sampling_ratio}) should be greater than 0"
        )
    inference = _Inference(options)
    for file in files:
        data = read_file(
            file.path,
            ignore_missing=options.ignore_missing_files,
            ignore_corrupt=options.ignore_corrupt_files,
        )
        if data:
            raw_text = not options.multi_line or codec_of(file.path) is None
            inference.add_file(data, raw_text=raw_text)
    schema = inference.schema()
    _refuse_duplicates(schema, case_sensitive)
    return schema


class _Inference:
    def __init__(self, options: JsonOptions) -> None:
        self.options = options
        self.root: t.DataType | None = None
        self.infer = make_inferrer(options)
        self.shapes: set[Shape] = set()
        # The short cuts know the default way to write and to judge records.
        self.plain = (
            options.is_plain
            and not options.prefers_decimal
            and not options.infer_timestamp
            and not options.primitives_as_string
        )
        self.scan = json.JSONDecoder(object_pairs_hook=_Pairs, strict=True).scan_once  # type: ignore[attr-defined]
        self.sample: list[Any] = []
        self.pattern: re.Pattern[bytes] | None = None
        self.sample_text = b""

    def add_file(self, data: bytes, *, raw_text: bool) -> None:
        """Take the records of one file into account."""
        self.tokens = make_tokenizer(self.options, raw_text)
        if not self.plain:
            self._add_records(split_records(data, self.options))
            return
        if data.startswith(_BOM):
            data = data[len(_BOM) :]
        odd_ends = b"\r" in data and data.count(b"\r") != data.count(b"\r\n")
        if odd_ends or not _is_utf8(data) or _has_huge_line(data):
            self._add_records(split_records(data, self.options))
            return
        self._add_lines(data)

    def _add_lines(self, data: bytes) -> None:
        position, parsed = 0, 0
        while position < len(data):
            if self.pattern is not None:
                match = self.pattern.match(data, position)
                position = match.end() if match is not None else position
                if position >= len(data):
                    return
            end = data.find(b"\n", position)
            end = len(data) if end < 0 else end
            record = data[position:end]
            position = end + 1
            self.add_record(record)
            parsed += 1
            if len(self.sample) < _MAX_SAMPLE:
                self._learn(record)
            if parsed % _RECORDS_PER_LESSON == 0:
                self.pattern = lookalike_pattern(self.sample, self.sample_text)
            if parsed > _MAX_PARSED and parsed * _MEAN_RECORD_BYTES * 10 > position:
                # Too few look like the others: do without.
                self._add_records(data[position:].split(b"\n"))
                return

    def _learn(self, record: bytes) -> None:
        try:
            value, _ = self.scan(record.decode(), 0)
        except (ValueError, StopIteration, RecursionError):
            return
        if type(value) is _Pairs:
            self.sample.append(value)
            self.sample_text = self.sample_text or record

    def _add_records(self, records: Iterable[bytes]) -> None:
        for record in records:
            self.add_record(record)

    def add_record(self, record: bytes) -> None:
        """Take one record into account."""
        if self.plain:
            shape = self._quick_shape(record)
            if shape is not None:
                if shape not in self.shapes:
                    self.shapes.add(shape)
                    self._merge(_type_of(shape))
                return
        try:
            tokens = self.tokens(record)
            tokens.next_token()
            self._merge(self.infer(tokens))
        except BadValue:
            self._add_bad(record)

    def _quick_shape(self, record: bytes) -> Shape | None:
        if is_unusual(record):
            return None
        try:
            text = record.decode()
            if text[:1] != "{":
                text = text.lstrip(_SPACE)
            value, _ = self.scan(text, 0)
            return _shape(value) if type(value) is _Pairs else None
        except (ValueError, StopIteration, RecursionError):
            return None

    def _add_bad(self, record: bytes) -> None:
        options = self.options
        if options.mode == FAILFAST:
            raise SparkRuntimeException(
                "MALFORMED_RECORD_IN_PARSING.WITHOUT_SUGGESTION",
                f"A record is malformed: {record[:200].decode('utf-8', 'replace')}. The mode is FAILFAST.",
                sqlstate="22023",
                parameters={"badRecord": options.corrupt_column, "failFastMode": FAILFAST},
            )
        if options.mode != DROPMALFORMED:
            self._merge(struct_of([(options.corrupt_column, t.StringType())]))

    def _merge(self, found: t.DataType) -> None:
        self.root = found if self.root is None else self._root_type(self.root, found)

    def _root_type(self, left: t.DataType, right: t.DataType) -> t.DataType:
        if isinstance(left, t.ArrayType):
            return self._root_type(left.elementType, right)
        if isinstance(right, t.ArrayType):
            return self._root_type(left, right.elementType)
        one, other = isinstance(left, t.StructType), isinstance(right, t.StructType)
        if one == other:
            return wider(left, right)
        struct, rest = (left, right) if one else (right, left)
        assert isinstance(struct, t.StructType)
        if isinstance(rest, t.NullType):
            return struct
        return self._with_corrupt_field(struct, rest)

    def _with_corrupt_field(self, struct: t.StructType, rest: t.DataType) -> t.StructType:
        options = self.options
        if options.mode == FAILFAST:
            raise SparkRuntimeException(
                "INVALID_JSON_RECORD_TYPE",
                f"A record is no object but a {rest.simpleString()}. The mode is FAILFAST.",
                sqlstate="22023",
                parameters={"failFastMode": FAILFAST, "invalidType": f'"{rest.sql()}"'},
            )
        if options.mode == DROPMALFORMED or options.corrupt_column in struct.names:
            return struct
        fields = [(field.name, field.dataType) for field in struct.fields]
        return struct_of([(options.corrupt_column, t.StringType()), *fields])

    def schema(self) -> t.StructType:
        """Return the schema of what was added."""
        root = t.StructType() if self.root is None else self._root_type(t.StructType(), self.root)
        final = final_type(root, self.options)
        return final if isinstance(final, t.StructType) else t.StructType()


class _Pairs(list[tuple[str, Any]]):
    """An object's members, in order and with repetitions."""


def _is_utf8(data: bytes) -> bool:
    try:
        return data.isascii() or bool(data.decode())
    except UnicodeDecodeError:
        return False


def _has_huge_line(data: bytes) -> bool:
    """Return whether a line may have a string that is too long for Spark's parser."""
    position = 0
    while len(data) - position > _MAX_LINE_BYTES:
        newline = data.rfind(b"\n", position, position + _MAX_LINE_BYTES)
        if newline < 0:
            return True
        position = newline + 1
    return False


def _shape(value: Any) -> Shape:
    kind = type(value)
    if kind is str:
        return "s" if value else "n"
    if kind is int:
        return "l" if -(2**63) <= value < 2**63 else ("i", len(str(abs(value))))
    if kind is _Pairs:
        return ("o", tuple([(name, _shape(item)) for name, item in value]))
    if kind is list:
        return ("a", tuple(dict.fromkeys(map(_shape, value))))
    return _WORD_SHAPES[kind]


_WORD_SHAPES = {float: "d", bool: "b", type(None): "n"}
_SHAPE_TYPES: dict[str, Callable[[], t.DataType]] = {
    "s": t.StringType, "n": t.NullType, "l": t.LongType, "d": t.DoubleType, "b": t.BooleanType,
}  # fmt: skip


def _type_of(shape: Shape) -> t.DataType:
    if isinstance(shape, str):
        return _SHAPE_TYPES[shape]()
    kind, parts = shape
    if kind == "i":
        return integer_type(10 ** (parts - 1) * 9 if parts > 19 else 2**63, JsonOptions())
    if kind == "a":
        return t.ArrayType(widest(map(_type_of, parts)))
    return struct_of([(name, _type_of(part)) for name, part in parts])


def _refuse_duplicates(data_type: t.DataType, case_sensitive: bool) -> None:
    if isinstance(data_type, t.ArrayType):
        _refuse_duplicates(data_type.elementType, case_sensitive)
    if not isinstance(data_type, t.StructType):
        return
    seen: set[str] = set()
    for field in sorted(data_type.fields, key=lambda field: name_order(field.name)):
        name = field.name if case_sensitive else field.name.lower()
        if name in seen:
            raise AnalysisException(
                "COLUMN_ALREADY_EXISTS",
                f"The column `{name}` already exists: two keys of the JSON records have this name. Give the schema.",
                sqlstate="42711",
                parameters={"columnName": f"`{name}`"},
            )
        seen.add(name)
        _refuse_duplicates(field.dataType, case_sensitive)
