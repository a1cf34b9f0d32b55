"""JSON files, schemas and options drawn at random; most files have one odd line among clean ones."""

from __future__ import annotations

import gzip
import json
from dataclasses import dataclass, field, replace
from random import Random
from typing import Any

from json_tokens import PIECES, TIME_PATTERNS, TOKENS, WHOLE_LINES

CORRUPT = "_corrupt_record"

# Schemas in Spark's JSON notation: both engines read it.
Type = Any


@dataclass(frozen=True, slots=True)
class Drawn:
    """Files to read with one schema and one set of options.

    `columns`: the columns that are selected; None: all. `where`: a filter on top.
    """

    schema: dict[str, Any]
    files: dict[str, bytes]
    options: dict[str, str] = field(default_factory=dict)
    columns: tuple[str, ...] | None = None
    where: str | None = None
    time_zone: str = "UTC"
    files_per_trigger: int | None = None
    format: str = "json"

    def only(self, *names: str) -> Drawn:
        """Return the same with only some of the files."""
        return replace(self, files={name: self.files[name] for name in names})

    def __repr__(self) -> str:
        columns = ", ".join(f"{f['name']!r}: {shown_type(f['type'])}" for f in self.schema["fields"])
        parts = [f"schema {{{columns}}}"]
        if self.options:
            parts.append(f"options {self.options}")
        if self.columns is not None:
            parts.append(f"columns {list(self.columns)}")
        if self.where:
            parts.append(f"where {self.where}")
        if self.time_zone != "UTC":
            parts.append(f"time zone {self.time_zone}")
        for name, content in self.files.items():
            parts.append(f"{name}: {content!r}")
        return "\n  ".join(parts)


def shown_type(kind: Type) -> str:
    """Return a type in DDL."""
    if isinstance(kind, str):
        return kind
    if kind["type"] == "array":
        return f"array<{shown_type(kind['elementType'])}>"
    if kind["type"] == "map":
        return f"map<string,{shown_type(kind['valueType'])}>"
    fields = [f"`{item['name']}`:{shown_type(item['type'])}" for item in kind["fields"]]
    return f"struct<{','.join(fields)}>"


# ---- schemas

_SCALARS = (
    ["string"] * 6 + ["long"] * 4 + ["integer"] * 3 + ["double"] * 4 + ["timestamp"] * 3 + ["boolean"] * 2
    + ["byte", "short", "float", "float", "date", "date", "timestamp_ntz", "binary", "void"]
    + ["decimal(10,2)", "decimal(38,18)", "decimal(5,0)", "decimal(18,6)", "decimal(3,3)", "decimal(20,0)"]
)  # fmt: skip
_NAMES = [
    "a",
    "b",
    "c",
    "d",
    "e",
    "k",
    "long name",
    "é",
    "x.y",
    "A1",
    "value",
    "filename",
    "file_index",
    "null",
    "",
]
_WORDS = [
    "walk",
    "sit",
    "a b",
    "é",
    "日本",
    "😀",
    "x,y",
    "it's",
    "a\\b",
    'q"q',
    "}",
    "{",
    "[",
    ", ]",
    "nan",
    "tab\t",
]


def draw_schema(random: Random) -> dict[str, Any]:
    """Return a schema of one to six columns, sometimes with the corrupt-record column."""
    fields = _fields(random, random.choice([1, 1, 2, 3, 4, 6]), 0)
    if random.random() < 0.45:
        fields.insert(random.randrange(len(fields) + 1), _field(CORRUPT, "string"))
    return {"type": "struct", "fields": fields}


def _field(name: str, kind: Type) -> dict[str, Any]:
    return {"name": name, "type": kind, "nullable": True, "metadata": {}}


def _fields(random: Random, count: int, depth: int) -> list[dict[str, Any]]:
    usual = random.random() < 0.8
    names = random.sample(_NAMES[:6] if usual else _NAMES[:-1], count)
    return [_field(name, draw_type(random, depth)) for name in names]


def draw_type(random: Random, depth: int = 0) -> Type:
    """Return a type, sometimes of several levels."""
    if depth > 2 or random.random() < 0.72:
        # Spark's Arrow transfer breaks on arrays of void.
        return random.choice([kind for kind in _SCALARS if kind != "void" or not depth])
    kind = random.choice(["array", "array", "map", "struct", "struct"])
    if kind == "array":
        return {"type": "array", "elementType": draw_type(random, depth + 1), "containsNull": True}
    if kind == "map":
        return {
            "type": "map", "keyType": "string", "valueType": draw_type(random, depth + 1),
            "valueContainsNull": True,
        }  # fmt: skip
    return {"type": "struct", "fields": _fields(random, random.choice([1, 2, 2, 3]), depth + 1)}


# ---- values: valid ones, and tokens of any kind

_INTEGERS = {"byte": 7, "short": 15, "integer": 31, "long": 63}
_ALL = [token for tokens in TOKENS.values() for token in tokens]
_OF_TYPE = {
    "string": ["strings", "number strings", "nested", "numbers"], "boolean": ["words"],
    "byte": ["numbers"], "short": ["numbers"], "integer": ["numbers"], "long": ["numbers"],
    "float": ["numbers", "number strings", "words"], "double": ["numbers", "number strings", "words"],
    "decimal": ["numbers", "number strings"], "date": ["dates"],
    "timestamp": ["times", "dates"], "timestamp_ntz": ["times", "dates"],
    "binary": ["base64", "strings"], "void": ["nested"],
}  # fmt: skip


def draw_token(random: Random, kind: Type) -> str:
    """Return any token: often one that is nearly right for the type."""
    if isinstance(kind, str) and random.random() < 0.6:
        return random.choice(TOKENS[random.choice(_OF_TYPE[kind.split("(")[0]])])
    if random.random() < 0.2:
        return _number(random)
    return random.choice(_ALL)


def _number(random: Random) -> str:
    whole = str(random.randrange(10 ** random.choice([1, 2, 5, 9, 15, 16, 17, 19, 25])))
    fraction = ""
    if random.random() < 0.6:
        digits = random.choice([1, 2, 3, 6, 9, 14, 17, 20])
        fraction = f".{random.randrange(10**digits):0{digits}}"
    exponent = ""
    if random.random() < 0.3:
        sign = random.choice(["e", "E", "e+", "e-", "E-"])
        exponent = f"{sign}{random.choice([0, 1, 2, 5, 10, 17, 22, 37, 45, 300])}"
    text = random.choice(["", "", "-"]) + whole + fraction + exponent
    return f'"{text}"' if random.random() < 0.15 else text


def draw_value(random: Random, kind: Type, odd: float) -> str:
    """Return a token for a value of a type; with the probability `odd`, at each place in it, another one."""
    if odd and random.random() < odd:
        return draw_token(random, kind)
    if random.random() < 0.06:
        return "null"
    if isinstance(kind, str):
        return _scalar(random, kind)
    if kind["type"] == "array":
        values = [draw_value(random, kind["elementType"], odd) for _ in range(random.choice([0, 1, 1, 2, 3]))]
        return f"[{random.choice([',', ',', ', '])}]" if not values and odd else f"[{','.join(values)}]"
    if kind["type"] == "map":
        names = random.sample(["x", "y", "z", "k1", "é", "X"], random.choice([0, 1, 2]))
        if odd and names and random.random() < 0.05:
            names.append(names[0])
        return "{" + ",".join(f'"{n}":{draw_value(random, kind["valueType"], odd)}' for n in names) + "}"
    return draw_object(random, kind["fields"], odd)


def _scalar(random: Random, kind: str) -> str:
    if kind in _INTEGERS:
        bits = random.choice([3, _INTEGERS[kind]])
        return str(random.randrange(-(2**bits), 2**bits))
    if kind == "boolean":
        return random.choice(["true", "false"])
    if kind in ("float", "double"):
        return random.choice(
            [repr(random.uniform(-10, 10)), str(random.randrange(100)), f"{random.random():.3f}"]
        )
    if kind.startswith("decimal"):
        precision, scale = map(int, kind[8:-1].split(","))
        whole = random.randrange(10 ** random.randrange(precision - scale + 1))
        return f"{whole}.{random.randrange(10**scale):0{scale}}" if scale else str(whole)
    if kind == "binary":
        return random.choice(['"YWJj"', '"YWI="', '"YQ=="', '""'])
    if kind == "date":
        return f'"{random.randrange(1900, 2100)}-{random.randrange(1, 13):02}-{random.randrange(1, 29):02}"'
    if kind.startswith("timestamp"):
        return _timestamp(random, zone=kind == "timestamp")
    if kind == "void":
        return "null"
    word = random.choice(_WORDS) if random.random() < 0.3 else random.choice(["walk", "sit", "stand", "bike"])
    return json.dumps(word, ensure_ascii=random.random() < 0.5)


def _timestamp(random: Random, zone: bool) -> str:
    year = random.choice([2025, 2025, 2014, 1999, 1970, 1969, 1950, 2038, 2100])
    day = f"{year}-{random.randrange(1, 13):02}-{random.randrange(1, 29):02}"
    time = f"{random.randrange(24):02}:{random.randrange(60):02}:{random.randrange(60):02}"
    digits = random.choice([0, 0, 3, 6, 9])
    fraction = f".{random.randrange(10**digits):0{digits}}" if digits else ""
    suffix = random.choice(["Z", "+01:00", "-05:30", "", ""]) if zone else ""
    return f'"{day}{random.choice("T ")}{time}{fraction}{suffix}"'


def draw_object(random: Random, fields: list[dict[str, Any]], odd: float) -> str:
    """Return an object with the fields: most of them, mostly in their order."""
    members = []
    for item in fields:
        name = item["name"]
        if name == CORRUPT or random.random() < 0.08:
            continue
        members.append(
            (json.dumps(name, ensure_ascii=random.random() < 0.3), draw_value(random, item["type"], odd))
        )
    if random.random() < 0.15:
        members.insert(
            random.randrange(len(members) + 1),
            ('"extra"', random.choice(["1", '"x"', "[1,2]", '{"a":[{}]}', "null"])),
        )
    if odd:
        members = _odd_members(random, members, fields, odd)
    comma, colon = random.choice([(",", ":"), (",", ":"), (", ", ": ")])
    text = comma.join(f"{name}{colon}{value}" for name, value in members)
    return f"{{{text}}}"


def _odd_members(random: Random, members: list[Any], fields: list[Any], odd: float) -> list[Any]:
    chance = random.random()
    if chance < odd * 0.3 and members:
        name, _ = random.choice(members)
        index = random.randrange(len(members) + 1)
        members.insert(index, (name, random.choice([draw_token(random, "string"), *(v for _, v in members)])))
    elif chance < odd * 0.45 and members:
        index = random.randrange(len(members))
        members[index] = (members[index][0].swapcase(), members[index][1])
    elif chance < odd * 0.6:
        name = random.choice(
            [
                '"\\u0061"',
                "'a'",
                "a",
                '""',
                '"a ',
                '"a"x',
                "1",
                "null",
                '"\\q"',
                '"a\\u0000"',
                '"\\ud800"',
                '"A"',
                '"_corrupt_record"',
                '"a\tb"',
                "[",
                '"é"',
            ]
        )
        members.insert(random.randrange(len(members) + 1), (name, draw_token(random, "string")))
    elif chance < odd * 0.75:
        members.insert(random.randrange(len(members) + 1), ('"extra"', draw_token(random, "string")))
    elif chance < odd * 0.8:
        random.shuffle(members)
    return members


# ---- lines and files


def draw_line(random: Random, fields: list[Any], odd: float) -> bytes:
    """Return one record, or what is none."""
    if odd and random.random() < 0.08:
        return random.choice(WHOLE_LINES)
    line = draw_object(random, fields, odd).replace("\n", " ").encode("utf-8", "surrogatepass")
    if not odd:
        return line
    chance = random.random()
    if chance < 0.12:
        line = _mutated(random, line)
    elif chance < 0.16:
        line = b"[" + line + b"," + draw_object(random, fields, odd).encode("utf-8", "surrogatepass") + b"]"
    elif chance < 0.2:
        other = draw_object(random, fields, odd).encode("utf-8", "surrogatepass")
        line += random.choice([b"", b" ", b",", b"\r", b"\r\n", b";"]) + other
    elif chance < 0.24:
        line += random.choice(
            [
                b" ",
                b"\t",
                b"x",
                b",",
                b"}",
                b" junk",
                b"//c",
                b"#",
                b"\0",
                b"\x0c",
                b"]",
                b'"',
                b" \r",
                b"null",
                b"1",
            ]
        )
    elif chance < 0.27:
        line = (
            random.choice(
                [b" ", b"\t", b"  ", b"\x0c", b"\xef\xbb\xbf", b"//c ", b"x", b",", b"\xc2\xa0", b"\0", b"\r"]
            )
            + line
        )
    elif chance < 0.3:
        line = line[: random.randrange(len(line) + 1)]
    # Names that begin with FF are another name to Spark's parser: see the tests of what is known to differ.
    return line.replace(b"\n", b" ").replace(b'"\xff', b'"\xfe')


def _mutated(random: Random, line: bytes) -> bytes:
    text = bytearray(line)
    for _ in range(random.choice([1, 1, 1, 2, 3])):
        at = random.randrange(len(text) + 1)
        if random.random() < 0.6:
            text[at:at] = random.choice(PIECES)
        elif random.random() < 0.5:
            del text[at : at + random.choice([1, 1, 2, 5])]
        else:
            text[at : at + 1] = random.choice(PIECES)
    return bytes(text)


def draw_file(random: Random, schema: dict[str, Any]) -> bytes:
    """Return a file: mostly clean lines with one odd one among them."""
    fields = schema["fields"]
    chance = random.random()
    if chance < 0.1:
        odds = [0.0] * random.choice([1, 3, 8])
    elif chance < 0.75:
        odds = [0.0] * random.choice([0, 1, 2, 5])
        odds.insert(random.randrange(len(odds) + 1), random.choice([0.1, 0.3, 0.6]))
    else:
        odds = [random.choice([0.0, 0.2, 0.4]) for _ in range(random.choice([1, 2, 4, 7]))]
    lines = [draw_line(random, fields, odd) for odd in odds]
    end = b"\n"
    if random.random() < 0.06:
        end = random.choice([b"\r\n", b"\r\n", b"\r", b"\n\n", b"\n\r", b" \n", b"\t\r\n"])
    content = end.join(lines)
    if random.random() < 0.9:
        content += end
    if random.random() < 0.02:
        content = b"\xef\xbb\xbf" + content
    return content


# ---- options

_OPTIONS: list[tuple[str, list[str]]] = [
    ("mode", ["DROPMALFORMED", "DROPMALFORMED", "permissive"]),
    ("columnNameOfCorruptRecord", ["bad", "a"]),
    ("allowSingleQuotes", ["false"]),
    ("allowUnquotedFieldNames", ["true"]),
    ("allowComments", ["true"]),
    ("allowUnquotedControlChars", ["true"]),
    ("allowBackslashEscapingAnyCharacter", ["true"]),
    ("allowNumericLeadingZeros", ["true"]),
    ("allowNonNumericNumbers", ["false"]),
    ("timestampFormat", TIME_PATTERNS),
    ("timestampNTZFormat", TIME_PATTERNS),
    (
        "dateFormat",
        ["yyyy/MM/dd", "yyyy-MM-dd", "dd.MM.yyyy", "yyyyMMdd", "d MMM yyyy", "yyyy-MM", "MM/dd/yy"],
    ),
    ("enableDateTimeParsingFallback", ["true", "false"]),
    ("timeZone", ["America/New_York", "+05:30", "Asia/Tokyo", "Z"]),
    ("lineSep", ["\n", "\r\n", "|", "\r", "},"]),
    ("encoding", ["UTF-8", "UTF-8", "ISO-8859-1", "US-ASCII", "UTF-16LE"]),
    ("multiLine", ["true"]),
    ("locale", ["en-US"]),
    ("primitivesAsString", ["true"]),
    ("maxNestingDepth", ["2"]),
    ("maxNumLen", ["3"]),
]


def draw_options(random: Random) -> dict[str, str]:
    """Return options that change how records are read; none in half of all cases."""
    options: dict[str, str] = {}
    if random.random() < 0.5:
        for name, values in random.sample(_OPTIONS, random.choice([1, 1, 1, 2])):
            options[name] = random.choice(values)
    if options.get("encoding", "UTF-8") != "UTF-8" and options.get("multiLine") != "true":
        options.setdefault("lineSep", "\n")
    return options


_CONDITIONS = {
    "string": ["{} = 'walk'", "{} > 'b'", "{} like 's%'", "{} in ('sit', '5', '')", "{} <> 'sit'", "length({}) > 1"],
    "boolean": ["{}", "not {}", "{} = false"],
    "number": ["{} > 5", "{} = 1", "{} <= 100", "{} in (1, 2, 42)", "{} between 0 and 10", "{} + 1 > 3"],
    "time": ["{} > '2020-01-01'", "{} < '2000-06-01 12:00:00'", "year({}) = 2025"],
}  # fmt: skip


def draw_condition(random: Random, schema: dict[str, Any]) -> str | None:
    """Return a filter on one or two columns."""
    conditions = []
    for item in random.sample(schema["fields"], min(len(schema["fields"]), random.choice([1, 1, 2]))):
        kind, name = item["type"], f"`{item['name']}`"
        shapes = ["{} is null", "{} is not null"]
        if isinstance(kind, str):
            family = "time" if kind[:4] in ("date", "time") else kind if kind in _CONDITIONS else "number"
            if kind not in ("binary", "void"):
                shapes += _CONDITIONS[family] * 2
        conditions.append(random.choice(shapes).format(name))
    return random.choice([" and ", " or "]).join(conditions)


def draw_case(random: Random, files: int = 40) -> Drawn:
    """Return files with one schema and options, and what is asked of them."""
    schema = draw_schema(random)
    options = draw_options(random)
    if random.random() < 0.04:
        # Each file that fails has a query of its own.
        options, files = options | {"mode": "FAILFAST"}, 6
    corrupt = options.get("columnNameOfCorruptRecord", CORRUPT)
    names = [item["name"] for item in schema["fields"]]
    columns = None
    if random.random() < 0.35:
        columns = tuple(random.sample(names, random.randrange(len(names) + 1)))
        if columns == (corrupt,):
            columns = ()
    where = draw_condition(random, schema) if random.random() < 0.25 else None
    contents: dict[str, bytes] = {}
    for number in range(files):
        content = draw_file(random, schema)
        name = f"{number:03}.json"
        if random.random() < 0.02:
            name, content = name + ".gz", gzip.compress(content, mtime=0)
        elif options.get("encoding", "UTF-8") == "UTF-16LE":
            content = content.decode("utf-8", "replace").encode("utf-16-le")
        elif "lineSep" in options and options["lineSep"] != "\n" and random.random() < 0.8:
            content = content.replace(b"\n", options["lineSep"].encode())
        contents[name] = content
    zone = random.choice(["UTC", "UTC", "America/New_York", "Asia/Kolkata", "Europe/Berlin"])
    return Drawn(schema, contents, options, columns, where, zone, random.choice([None, 1, 7]))


# ---- schemas to infer

_INFERENCE_OPTIONS: list[tuple[str, list[str]]] = [
    ("dropFieldIfAllNull", ["true"]),
    ("prefersDecimal", ["true"]),
    ("primitivesAsString", ["true"]),
    ("inferTimestamp", ["true"]),
    ("timestampFormat", TIME_PATTERNS),
    ("timestampNTZFormat", TIME_PATTERNS),
    ("mode", ["DROPMALFORMED", "DROPMALFORMED", "FAILFAST"]),
    ("columnNameOfCorruptRecord", ["bad", "a"]),
    ("allowSingleQuotes", ["false"]),
    ("allowComments", ["true"]),
    ("allowUnquotedFieldNames", ["true"]),
    ("allowNumericLeadingZeros", ["true"]),
    ("allowNonNumericNumbers", ["false"]),
    ("encoding", ["UTF-8"]),
    ("lineSep", ["\n", "|"]),
    ("multiLine", ["true"]),
]


def draw_inference(random: Random) -> tuple[dict[str, bytes], dict[str, str]]:
    """Return files and options to infer a schema with: several columns that drift, each for itself."""
    fields = _fields(random, 5, 0) + [
        _field(f"k{n}", draw_type(random, 0)) for n in range(random.choice([0, 3, 6]))
    ]
    options = {}
    if random.random() < 0.6:
        for name, values in random.sample(
            _INFERENCE_OPTIONS[: random.choice([6, 99])], random.choice([1, 1, 2, 3])
        ):
            options[name] = random.choice(values)
    many = random.random() < 0.3
    files = {}
    for number in range(random.choice([1, 1, 2])):
        lines = []
        for _ in range(random.choice([30, 130, 300]) if many else random.choice([1, 2, 4, 8])):
            odd = random.random() < (0.03 if many else 0.5)
            lines.append(_line_to_infer(random, fields, odd))
        files[f"{number}.json"] = options.get("lineSep", "\n").encode().join([*lines, b""])
    return files, options


def _line_to_infer(random: Random, fields: list[Any], odd: bool) -> bytes:
    if odd and random.random() < 0.1:
        return draw_line(random, fields, 0.3)
    members = []
    for item in fields:
        if random.random() < 0.1:
            continue
        value = draw_value(random, item["type"], 0.0)
        if odd and random.random() < 0.4:
            value = _sound(random, item["type"])
        members.append(f"{json.dumps(item['name'])}:{value}")
    return f"{{{','.join(members)}}}".replace("\n", " ").encode("utf-8", "surrogatepass")


def _sound(random: Random, kind: Type) -> str:
    """Return a token that is valid JSON, most of the time."""
    for _ in range(20):
        token = draw_token(random, kind)
        try:
            json.loads(token)
        except ValueError:
            continue
        return token
    return draw_token(random, kind)
