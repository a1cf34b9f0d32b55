"""What errors of SQL text look like."""

from __future__ import annotations

import subprocess
import sys
import textwrap

import pytest

from lightstream.errors import AnalysisException, ParseException
from lightstream.parse import parse_expression, parse_statement


def _message(text: str, parse: object = parse_statement) -> str:
    with pytest.raises(ParseException) as caught:
        parse(text)  # type: ignore[operator]
    return str(caught.value)


@pytest.mark.parametrize(
    ("text", "near", "line", "position"),
    [
        ("select * form t", "'t': extra input 't'", 1, 14),
        ("selct * from t", "'selct'", 1, 0),
        ("select a b c from t", "'c'", 1, 11),
        ("select count(*", "end of input", 1, 14),
        ("select 1; select 2", "'select': extra input 'select'", 1, 10),
        ("select a\n  from t\n wher b = 1", "'b'", 3, 6),
        ("select * from t where a = 'x", "'''", 1, 26),
        ("select * from t where a == = 1", "'='", 1, 27),
        ("select f(a,)", "')'", 1, 11),
        ("select a from t)", "')': extra input ')'", 1, 15),
        ("select $x", "'$'", 1, 7),
        ("select a from t order by a union select b from u", "'union'", 1, 27),
        ("select * from t where a where b", "'where'", 1, 24),
        ("select * from t limit 1, 2", "','", 1, 23),
        ("-- nothing", "end of input", 1, 10),
        ("select * from t left cross join u", "'cross'", 1, 21),
    ],
)
def test_syntax_errors_name_the_token_and_its_place(text: str, near: str, line: int, position: int) -> None:
    message = _message(text)
    assert message.startswith(
        f"[PARSE_SYNTAX_ERROR] Syntax error at or near {near}. SQLSTATE: 42601 (line {line}, pos {position})\n"
    )
    lines = text.split("\n")
    lines.insert(line, "-" * position + "^^^")
    assert message.endswith("\n\n== SQL ==\n" + "\n".join(lines))


def test_a_whole_message() -> None:
    expected = """
        [PARSE_SYNTAX_ERROR] Syntax error at or near 'd'. SQLSTATE: 42601 (line 2, pos 6)

        == SQL ==
        select a,
          b c d
        ------^^^
        from t"""
    assert _message("select a,\n  b c d\nfrom t") == textwrap.dedent(expected).strip()


def test_empty_texts() -> None:
    for text in ("", "  ", "\n"):
        for parse in (parse_statement, parse_expression):
            assert _message(text, parse).startswith("[PARSE_EMPTY_STATEMENT] ")
    assert _message("/* a /* b */").startswith("[UNCLOSED_BRACKETED_COMMENT] ")


def test_errors_of_values_underline_them() -> None:
    assert _message("select a,\n  128Y + 1 from t") == textwrap.dedent("""
        [INVALID_NUMERIC_LITERAL_RANGE] The numeric literal 128 is outside the range of tinyint, -128 to 127. \
SQLSTATE: 22003
        == SQL (line 2, position 3) ==
          128Y + 1 from t
          ^^^^""").lstrip("\n")
    assert _message("a + date\n'x'", parse_expression).endswith(
        "== SQL (line 1, position 5) ==\na + date\n    ^^^^\n'x'\n^^^"
    )


def test_errors_carry_condition_sqlstate_and_parameters() -> None:
    with pytest.raises(AnalysisException) as caught:
        parse_statement("select a b c")
    error = caught.value
    assert error.getCondition() == "PARSE_SYNTAX_ERROR"
    assert error.getSqlState() == "42601"
    assert error.getMessageParameters() == {"error": "'c'", "hint": ": extra input 'c'"}
    assert error.getMessage() == str(error)


def test_parsing_loads_neither_duckdb_nor_another_parser() -> None:
    code = (
        "import sys; from lightstream.parse import parse_expression, parse_statement;"
        "parse_expression(\"gt like '%stairs%'\"); parse_statement('select * from t');"
        "print(sorted(n for n in ('duckdb', 'polars', 'pyarrow', 'pandas', 'sqlglot') if n in sys.modules))"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert found.strip() == "[]"
