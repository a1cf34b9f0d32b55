"""The parts of URLs, as Java's URI takes them apart."""

from __future__ import annotations

import re

from lightstream.errors import IllegalArgumentException, unsupported
from lightstream.execute.natives.failure import failing

_BLANK = r"\x00-\x20\x7f-\xa0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000"
_WORD = rf"[A-Za-z0-9_.!~*'()\-]|%[0-9A-Fa-f]{{2}}|[^{_BLANK}!-~]"
_PATH = rf"(?:{_WORD}|[:@&=+$,;/])*"
_ANY = rf"(?:{_WORD}|[:@&=+$,;/?\[\]])*"
_URI = re.compile(
    rf"(?:(?P<scheme>[A-Za-z][A-Za-z0-9+.\-]*):(?P<opaque>(?!/)(?:{_WORD}|[:@&=+$,;?\[\]/])+)?|(?![^/?#]*:))"
    rf"(?:(?P<slashes>//)(?P<authority>(?:{_WORD}|[:@&=+$,;\[\]])*))?(?P<path>{_PATH})"
    rf"(?:\?(?P<query>{_ANY}))?(?:#(?P<ref>{_ANY}))?"
)
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?"
_BYTE = r"(?:25[0-5]|2[0-4]\d|1?\d?\d)"
_SERVER = re.compile(
    rf"(?:(?P<user>(?:{_WORD}|[:&=+$,;])*)@)?"
    rf"(?P<host>\[[0-9A-Fa-f:.]+(?:%\w+)?\]|{_BYTE}(?:\.{_BYTE}){{3}}|(?:{_LABEL}\.)*[A-Za-z](?:[A-Za-z0-9-]*[A-Za-z0-9])?\.?)"
    r"(?::(?P<port>\d*))?"
)


def _part(url: str, part: str, fails: bool) -> str | None:
    match = _URI.fullmatch(url)
    nothing = match is not None and match["slashes"] and not (match["authority"] or match["path"])
    if match is None or nothing or (match["scheme"] and not url[len(match["scheme"]) + 1 :]):
        if not fails:
            return None
        raise IllegalArgumentException(
            "INVALID_URL",
            f"The url is invalid: {url}. Use `try_parse_url` to tolerate invalid URL and return NULL instead.",
            sqlstate="22P02",
            parameters={"url": url},
        )
    opaque = match["opaque"] is not None
    path, query = (None, None) if opaque else (match["path"], match["query"])
    match part:
        case "PROTOCOL":
            return match["scheme"]
        case "PATH":
            return path
        case "QUERY":
            return query
        case "REF":
            return match["ref"]
        case "FILE":
            return path if query is None else f"{path}?{query}"
        case "AUTHORITY":
            return match["authority"] or None
        case "HOST" | "USERINFO":
            server = _SERVER.fullmatch(match["authority"] or "")
            return None if server is None else server["host" if part == "HOST" else "user"]
    return None


@failing
def parse_url(url: str, part: str, fails: bool) -> str | None:
    """Return a part of a URL; for one that is none, fail or return None."""
    return _part(url, part, fails)


@failing
def parse_url_query(url: str, key: str, fails: bool) -> str | None:
    """Return the value of a key in a URL's query."""
    query = _part(url, "QUERY", fails)
    if query is None:
        return None
    if re.search(r"[^\w.%-]", key):  # Spark reads the key as a part of a pattern
        raise unsupported(f"parse_url with the key {key!r}")
    found = re.search(rf"(?:&|^){key}=([^&]*)", query)
    return found[1] if found else None
