"""SQL text to tokens, by the rules of Spark's lexer."""

from __future__ import annotations

import re

from lightstream.errors import ParseException

WORD = "word"
QUOTED = "quoted"
STRING = "string"
NUMBER = "number"
OPERATOR = "operator"
BAD = "bad"
END = "end"


class Token:
    """A piece of SQL text.

    `key` is what the grammar compares with: a bare word in upper case, an operator as written, "" for the others (so
    that a quoted name or a string is never taken for a keyword).
    """

    __slots__ = ("end", "key", "kind", "start", "text")

    def __init__(self, kind: str, text: str, key: str, start: int, end: int) -> None:
        self.kind = kind
        self.text = text
        self.key = key
        self.start = start
        self.end = end

    def __repr__(self) -> str:
        return f"Token({self.kind}, {self.text!r})"


_TOKEN = re.compile(
    r"""
      (?P<space>    (?: \s+ | --(?:\\\n|[^\r\n])* )+ )
    | (?P<comment>  /\* )
    | (?P<raw>      [rR](?: '[^']*' | "[^"]*" ) )
    | (?P<number>   (?: [0-9]+(?:\.[0-9]*)? | \.[0-9]+ ) (?: [eE][+-]?[0-9]+ )?
                    (?: [bB][dD] | [LSYFDlsyfd] )? (?! \w ) )
    | (?P<word>     \w+ )
    | (?P<string>   '[^'\\]*+(?:(?:\\.|'')[^'\\]*+)*' | "[^"\\]*+(?:(?:\\.|"")[^"\\]*+)*" )
    | (?P<quoted>   `[^`]*+(?:``[^`]*+)*` )
    | (?P<operator> <=> | >>> | << | >> | <= | >= | <> | != | !< | !> | == | :: | -> | => | \|\| | \|>
                  | [-+*/%~&|^<>=!(),.;:?\[\]] )
    """,
    re.VERBOSE | re.DOTALL,
)
_COMMENT_EDGE = re.compile(r"/\*|\*/")
_KINDS = {
    "word": WORD,
    "string": STRING,
    "raw": STRING,
    "quoted": QUOTED,
    "number": NUMBER,
    "operator": OPERATOR,
}


def tokenize(sql: str) -> list[Token]:
    """Return the tokens of a text, the last of kind END.

    A character that starts no token becomes a token of kind BAD, at which the grammar will fail.

    Raises:
        ParseException: UNCLOSED_BRACKETED_COMMENT.
    """
    found: list[Token] = []
    at, size = 0, len(sql)
    match_at = _TOKEN.match
    while at < size:
        match = match_at(sql, at)
        if match is None:
            found.append(Token(BAD, sql[at], "", at, at + 1))
            at += 1
            continue
        group = match.lastgroup or ""
        end = match.end()
        if group == "comment":
            end = _comment_end(sql, at)
        elif group != "space":
            text = match.group()
            if group == "number" and not _is_number(text):
                group, end = _split_number(text, at)
                text = sql[at:end]
            key = text.upper() if group == "word" else text if group == "operator" else ""
            found.append(Token(_KINDS[group], text, key, at, end))
        at = end
    found.append(Token(END, "", "", size, size))
    return found


def _is_number(text: str) -> bool:
    last = text[-1].upper()
    return last not in "LSY" or text[:-1].isdigit()


def _split_number(text: str, at: int) -> tuple[str, int]:
    # L, S and Y end whole numbers only: `1e3L` is a name; `1.5L` is 1, a dot and a name.
    whole, dot, _ = text.partition(".")
    if not dot:
        return "word", at + len(text)
    return ("number", at + len(whole)) if whole else ("operator", at + 1)


def _comment_end(sql: str, start: int) -> int:
    depth = 0
    for edge in _COMMENT_EDGE.finditer(sql, start):
        depth += 1 if edge.group() == "/*" else -1
        if depth == 0:
            return edge.end()
    raise _unclosed_comment(sql)


def _unclosed_comment(sql: str) -> ParseException:
    return ParseException(
        "UNCLOSED_BRACKETED_COMMENT",
        "A bracketed comment is not closed. Append */ at its end.",
        sqlstate="42601",
        context=f"\n== SQL ==\n{sql}",
    )
