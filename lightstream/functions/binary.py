"""The functions of strings over bytes: cutting, padding, finding. `strings` hands calls with BINARY arguments over."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.conf import Conf
from lightstream.functions import mismatch
from lightstream.functions.registry import Bound, any_nullable
from lightstream.functions.signatures import parse as signature
from lightstream.functions.spelling import let
from lightstream.plan import types as t
from lightstream.plan.expressions import Call, Expression, Literal, type_of

_ZERO = Literal(b"\0", t.BinaryType())
_SIGNATURES = {
    "lpad": "binary, int, binary -> binary",
    "rpad": "binary, int, binary -> binary",
    "substring": "binary, int, int=2147483647 -> binary",
    "substr": "binary, int, int=2147483647 -> binary",
    "left": "binary, int -> binary",
    "overlay": "binary, binary, int, int=-1 -> binary",
    "reverse": "binary -> binary",
    "contains": "binary, binary -> boolean?",
    "startswith": "binary, binary -> boolean?",
    "endswith": "binary, binary -> boolean?",
}


def bind_binary(name: str, args: tuple[Expression, ...], conf: Conf) -> Bound | None:
    """Return the call over bytes; None where it is one over strings."""
    kinds = [type_of(a) for a in args]
    wanted = {"contains": 2, "startswith": 2, "endswith": 2}.get(name, 1)
    if len(args) < wanted or not all(isinstance(k, t.BinaryType) for k in kinds[:wanted]):
        return None
    if name in ("lpad", "rpad"):
        if len(args) == 2:
            args = (*args, _ZERO)
        elif len(args) == 3 and not isinstance(kinds[2], t.BinaryType):
            return None
    if name == "overlay" and len(args) > 1 and not isinstance(kinds[1], t.BinaryType):
        raise mismatch.different_types(name, args, kinds[:2])
    bound = signature(_SIGNATURES[name]).bind(name, args, conf)
    return Bound(bound.args, bound.type, bound.nullable or any_nullable(bound.args))


def is_binary(call: Call) -> bool:
    """Return whether a bound call is one over bytes."""
    if isinstance(call.type, t.BooleanType):
        return isinstance(type_of(call.args[0]), t.BinaryType)
    return isinstance(call.type, t.BinaryType)


def binary_sql(call: Call, args: Sequence[str]) -> str:
    """Return DuckDB text of a call over bytes."""
    match call.name:
        case "lpad" | "rpad":
            return _padded(call.name, *args)
        case "substring":
            return let(args[0], lambda v: _substring(v, args[1], args[2]), "bytes")
        case "left":
            return let(
                args[0],
                lambda v: f"CASE WHEN {args[1]} IS NOT NULL THEN {_cut(v, '1', args[1])} END",
                "bytes",
            )
        case "overlay":
            return _overlaid(*args)
        case "reverse":
            pairs = f"list_reverse(regexp_extract_all(hex({args[0]}), '..'))"
            return f"unhex(array_to_string({pairs}, ''))"
    one, other = (f"hex({a})" for a in args)
    if call.name == "contains":  # at whole bytes only
        return f"regexp_matches({one}, '^(?:..)*' || {other})"
    return f"{'starts_with' if call.name == 'startswith' else 'ends_with'}({one}, {other})"


def _cut(v: str, start: str, size: str) -> str:
    return f"{v}[{start} : {start} + greatest({size}, 0) - 1]"


def _substring(v: str, start: str, length: str) -> str:
    size = f"octet_length({v})"
    at = f"CASE WHEN {start} > 0 THEN {start} - 1 WHEN {start} < 0 THEN {size} + {start} ELSE 0 END"

    def body(a: str) -> str:
        # What would begin before the bytes is cut off at their begin.
        rest = f"least({a} + CAST({length} AS BIGINT), {size}) - greatest({a}, 0)"
        known = f"{start} IS NOT NULL AND {length} IS NOT NULL"
        return f"CASE WHEN {known} THEN {_cut(v, f'(greatest({a}, 0) + 1)', rest)} END"

    return let(at, body, "at")


def _padded(name: str, value: str, length: str, pad: str) -> str:
    def body(v: str) -> str:
        missing = f"({length} - octet_length({v}))"
        times = f"CAST(ceil({missing} / greatest(octet_length({pad}), 1)) AS BIGINT)"
        filling = f"repeat({pad}, {times})[1 : {missing}]"
        padded = f"{filling} || {v}" if name == "lpad" else f"{v} || {filling}"
        return (
            f"CASE WHEN {length} IS NULL OR {pad} IS NULL THEN NULL "
            f"WHEN {missing} <= 0 OR octet_length({pad}) = 0 THEN {_cut(v, '1', length)} ELSE {padded} END"
        )

    return let(value, body, "bytes")


def _overlaid(value: str, part: str, at: str, length: str) -> str:
    def body(v: str) -> str:
        skipped = f"CASE WHEN {length} >= 0 THEN {length} ELSE octet_length({part}) END"
        known = f"{at} IS NOT NULL AND {length} IS NOT NULL"
        before, after = _cut(v, "1", f"greatest({at}, 1) - 1"), f"{v}[{at} + {skipped} : octet_length({v})]"
        return f"CASE WHEN {known} THEN {before} || {part} || {after} END"

    return let(value, body, "bytes")
