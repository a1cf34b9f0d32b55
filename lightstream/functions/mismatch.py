"""The errors of binding a call: wrong number or types of arguments."""

from __future__ import annotations

from collections.abc import Sequence

from lightstream.errors import AnalysisException
from lightstream.plan import expressions as e
from lightstream.plan import types as t
from lightstream.plan.literal_texts import shown_literal

_ORDINALS = ("first", "second", "third", "fourth", "fifth", "sixth", "seventh", "eighth", "ninth", "tenth")


def text_of(expression: e.Expression) -> str:
    """Return an expression's text for an error message."""
    from lightstream.functions import registry

    match expression:
        case e.Attribute():
            return expression.name
        case e.LambdaVariable():
            return "namedlambdavariable()"
        case e.Literal():
            return shown_literal(expression)
        case e.Alias():
            return text_of(expression.child)
        case e.Cast():
            inner = text_of(expression.child)
            nested = isinstance(expression.type, t.ArrayType | t.MapType | t.StructType)
            return inner if expression.implicit or nested else f"CAST({inner} AS {expression.type.sql()})"
        case e.GetField():
            return f"{text_of(expression.child)}.{expression.name}"
        case e.Call():
            return registry.shown(expression, [text_of(a) for a in expression.args])
        case e.LambdaFunction(body, parameters):
            return f"lambdafunction({', '.join(map(text_of, (body, *parameters)))})"
    return type(expression).__name__


def call_text(name: str, args: Sequence[e.Expression]) -> str:
    """Return a call's text before it is bound."""
    from lightstream.functions import registry

    entry = registry.lookup(name)
    shown = [text_of(a) for a in args]
    if entry is not None and entry.shown is not None:
        return entry.shown(e.Call(entry.name, tuple(args), t.NullType(), True, shown=name), shown)
    return f"{name}({', '.join(shown)})"


def data_mismatch(
    kind: str, name: str, args: Sequence[e.Expression], message: str, **parameters: str
) -> AnalysisException:
    """Return DATATYPE_MISMATCH.<kind> for a call."""
    text = f'"{call_text(name, args)}"'
    return AnalysisException(
        f"DATATYPE_MISMATCH.{kind}",
        f"Cannot resolve {text} due to data type mismatch: {message}",
        sqlstate="42K09",
        parameters={"sqlExpr": text, **parameters},
    )


def unexpected_input(
    name: str, args: Sequence[e.Expression], position: int, required: str
) -> AnalysisException:
    """Return DATATYPE_MISMATCH.UNEXPECTED_INPUT_TYPE for the argument at a position (from 0)."""
    shown, found = text_of(args[position]), e.type_of(args[position]).sql()
    ordinal = _ORDINALS[position] if position < len(_ORDINALS) else f"{position + 1}th"
    return data_mismatch(
        "UNEXPECTED_INPUT_TYPE",
        name,
        args,
        f'The {ordinal} parameter requires the {required} type, however "{shown}" has the type "{found}".',
        paramIndex=ordinal,
        requiredType=required,
        inputSql=f'"{shown}"',
        inputType=f'"{found}"',
    )


def different_types(
    name: str, args: Sequence[e.Expression], types: Sequence[t.DataType]
) -> AnalysisException:
    """Return DATATYPE_MISMATCH.DATA_DIFF_TYPES: arguments that must share a type do not."""
    shown = "(" + " or ".join(f'"{data_type.sql()}"' for data_type in types) + ")"
    return data_mismatch(
        "DATA_DIFF_TYPES",
        name,
        args,
        f"Input to `{name}` should all be the same type, but it's {shown}.",
        functionName=f"`{name}`",
        dataType=shown,
    )


def different_operands(name: str, args: Sequence[e.Expression]) -> AnalysisException:
    """Return DATATYPE_MISMATCH.BINARY_OP_DIFF_TYPES: the operands have no common type."""
    left, right = (f'"{e.type_of(a).sql()}"' for a in args)
    return data_mismatch(
        "BINARY_OP_DIFF_TYPES",
        name,
        args,
        f"the left and right operands of the binary operator have incompatible types ({left} and {right}).",
        left=left,
        right=right,
    )


def wrong_operand(name: str, args: Sequence[e.Expression], required: str, found: str) -> AnalysisException:
    """Return DATATYPE_MISMATCH.BINARY_OP_WRONG_TYPE: the operands agree, on a type the operator has not."""
    return data_mismatch(
        "BINARY_OP_WRONG_TYPE",
        name,
        args,
        f'the binary operator requires the input type {required}, not "{found}".',
        inputType=required,
        actualDataType=f'"{found}"',
    )


def wrong_count(name: str, expected: str, actual: int) -> AnalysisException:
    """Return WRONG_NUM_ARGS.WITHOUT_SUGGESTION."""
    return AnalysisException(
        "WRONG_NUM_ARGS.WITHOUT_SUGGESTION",
        f"The `{name}` requires {expected} parameters but the actual number is {actual}. Please refer to Spark's "
        "documentation of the function for its parameters.",
        sqlstate="42605",
        parameters={
            "functionName": f"`{name}`",
            "expectedNum": expected,
            "actualNum": str(actual),
            "docroot": "https://spark.apache.org/docs/latest",
        },
    )


def no_time_type() -> AnalysisException:
    """Return UNSUPPORTED_TIME_TYPE: what Spark says to most uses of TIME while its type is switched off."""
    return AnalysisException(
        "UNSUPPORTED_TIME_TYPE", "The data type TIME is not supported.", sqlstate="0A000"
    )


def not_constant(name: str, args: Sequence[e.Expression], position: int, what: str) -> AnalysisException:
    """Return DATATYPE_MISMATCH.NON_FOLDABLE_INPUT: an argument must be a constant."""
    shown = f'"{text_of(args[position])}"'
    kind = f'"{e.type_of(args[position]).sql()}"'
    return data_mismatch(
        "NON_FOLDABLE_INPUT",
        name,
        args,
        f"the input `{what}` should be a foldable {kind} expression; however, got {shown}.",
        inputName=f"`{what}`",
        inputType=kind,
        inputExpr=shown,
    )


def not_of_elements(name: str, args: Sequence[e.Expression]) -> AnalysisException:
    """Return the error of an array and a value that is none of its elements'."""
    return data_mismatch(
        "ARRAY_FUNCTION_DIFF_TYPES",
        name,
        args,
        f'Input to `{name}` should have been "ARRAY" followed by a value with same element type, but it\'s '
        f'["{e.type_of(args[0]).sql()}", "{e.type_of(args[-1]).sql()}"].',
    )
