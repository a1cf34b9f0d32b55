"""Asks an engine in SQL, one query or many expressions at once."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from lightstream.parity.answers import Answer, columns_of, failed, rows_of

REFUSED = "LIGHTSTREAM_UNSUPPORTED"
_BATCH = 24


def ask(session: Any, query: str) -> Answer:
    """Return what one query answers."""
    try:
        frame = session.sql(query)
        return Answer(columns_of(frame), rows_of(frame))
    except Exception as error:  # every engine's errors are what is compared
        return failed(error)


def ask_all(session: Any, expressions: Sequence[str], table: str) -> dict[str, Answer]:
    """Return what each expression over a table answers; many go into one statement, which is much faster."""
    answers: dict[str, Answer] = {}
    pending: list[str] = []
    for text in dict.fromkeys(expressions):
        try:
            answers[text] = Answer(columns_of(session.sql(f"select {text} {table}")))
            pending.append(text)
        except Exception as error:  # every engine's errors are what is compared
            answers[text] = failed(error)
    waiting = [pending[i : i + _BATCH] for i in range(0, len(pending), _BATCH)]
    while waiting:
        batch = waiting.pop()
        if len(batch) == 1:
            answers[batch[0]] = ask(session, f"select {batch[0]} {table}")
            continue
        listed = ", ".join(f"{text} as c{i}" for i, text in enumerate(batch))
        try:
            (row,) = rows_of(session.sql(f"select {listed} {table}"))
            if len(row) != len(batch):
                raise ValueError("an expression of several columns")
        except Exception:  # one of them fails: it is found by halves
            waiting += [batch[: len(batch) // 2], batch[len(batch) // 2 :]]
            continue
        for text, value in zip(batch, row, strict=True):
            answers[text] = Answer(answers[text].columns, ((value,),))
    return answers
