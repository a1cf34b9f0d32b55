"""Expressions that both engines evaluate: SQL text by family, one row each, no input table.

The parity suite runs every text through Spark and through lightstream and compares value, type, nullability, column
name and error condition.
"""

from __future__ import annotations

CASES: dict[str, tuple[str, ...]] = {
    "operators": (
        "1 + 1", "1 + 2L", "1Y + 1S", "1 + 1.5", "1.5 + 2.25", "1 + 1.5D", "1.5F + 1", "1.5F + 2.5D", "1.5 + 1.5D",
        "'1' + 1", "'1' + 1.5", "'1.5' + 1.5D", "'1' + '2'", "'1' + 1L", "NULL + 1", "NULL + NULL", "1 - 3", "2 * 1.5",
        "2.5 * 1.25", "cast(1.5 as decimal(20,2)) * cast(2.5 as decimal(20,2))", "1 / 2", "1L / 3", "1.0 / 3",
        "7.5 / 2", "1.5D / 2", "-7.0 / 2", "cast(1 as decimal(38,18)) / 3", "cast(2 as decimal(10,2)) / cast(3 as decimal(10,2))",
        "-2.00 / 3.00", "1.00 / 7", "0.5 / -3", "1 / 0", "1.5 / 0", "1.5D / 0", "NULL / 0", "0 / 5", "5 % 3", "-5 % 3",
        "5 % -3", "-5 % -3", "5.5 % 2", "-5.5 % 2", "5.5D % 2", "-5.5D % 2.5D", "5 % 0", "5.5 % 0", "5.5D % 0", "NULL % 0",
        "mod(7, 3)", "mod(-7, 3)", "7 div 2", "-7 div 2", "7 div -2", "7.5 div 2", "-7.5 div 2", "7L div 2", "1 div 0", "7 div 0.5",
        "2147483647 + 1", "-2147483648 - 1", "2147483647 * 2", "9223372036854775807 + 1", "127Y + 1Y", "32767S + 1S",
        "-(-128Y)", "-(5)", "-(1.5)", "-(1.5D)", "- NULL", "+5", "positive(5)", "negative(5)", "negative(1.5)", "-'5'",
        "cast(5 as decimal(38,0)) + cast(5 as decimal(38,0))", "99999999999999999999999999999999999999 + 1",
        "cast(1.5 as decimal(38,18)) * cast(1.5 as decimal(38,18))", "1.5D * 2", "1e308 * 10", "true + 1", "array(1) + 1",
        "1 = 1", "1 = 2", "1 = 1.0", "1 = '1'", "'a' = 'A'", "1.0 = 1.00", "NULL = 1", "NULL = NULL", "1 = 1.5D", "true = 'true'",
        "date'2020-01-01' = '2020-01-01'", "date'2020-01-01' < timestamp'2020-01-01 00:00:01'", "timestamp'2020-01-01' = '2020-01-01'",
        "array(1, 2) = array(1, 2)", "array(1) < array(1, 2)", "named_struct('a', 1) = named_struct('a', 1)", "map(1, 2) = map(1, 2)",
        "1 = array(1)", "1 = true", "'a' < 'b'", "'a' < 'B'", "'é' > 'z'", "1 <> 2", "1 != 1", "1 < 2", "2 <= 1", "2 > 1", "2 >= 3",
        "1 <=> 1", "1 <=> NULL", "NULL <=> NULL", "double('nan') = double('nan')", "double('nan') > double('infinity')",
        "0.0D = -0.0D", "X'01' = X'01'", "X'01' < X'02'", "'a' = X'61'", "1 is null", "NULL is null", "1 is not null", "isnull(NULL)",
        "isnotnull(1)", "true is true", "NULL is true", "false is not true", "1 is distinct from 2", "NULL is distinct from NULL",
        "1 between 0 and 2", "1 not between 0 and 2", "1 between 2 and 3", "1 between NULL and 0", "'b' between 'a' and 'c'",
        "1.5 between 1 and 2", "between(1, 0, 2)", "1 in (1, 2)", "1 in (2, 3)", "1 not in (2, NULL)", "NULL in (1)", "1 in (1.0, 2)",
        "'a' in ('a', 'b')", "1 in ('1')", "'a' in (1)", "date'2020-01-01' in ('2020-01-01')", "(1, 2) in ((1, 2), (3, 4))",
        "true and false", "true and NULL", "false and NULL", "NULL and NULL", "true or NULL", "false or NULL", "not true", "not NULL",
        "!true", "1 = 2 and 1 / 0 = 1", "1 = 1 or 1 / 0 = 1", "1 and true", "'true' and true", "'x' and true", "not 1",
        "5 & 3", "5 | 3", "5 ^ 3", "~5", "5L & 3", "5Y | 3S", "'5' & 3", "1.5 & 1", "true & 1", "~5Y", "~1.5", "~NULL",
        "array(1, 2)[0]", "array(1, 2)[1]", "array(1, 2)[5]", "array(1, 2)[-1]", "array(1, NULL)[1]", "map('a', 1)['a']",
        "map('a', 1)['b']", "map(1, 'x')[1]", "map(1, 'x')['1']", "named_struct('a', 1, 'b', 'x').b", "named_struct('a', 1)['a']",
        "array(named_struct('a', 1), named_struct('a', 2)).a", "array(1)['x']", "array(1)[NULL]", "1[0]", "map('a', 1)[1]",
        "1 == 1", "'abc' || 'def'", "'a' || 1", "NULL || 'a'", "X'01' || X'02'", "X'61' || 'b'", "array(1) || array(2)", "1 || 2.5D",
        "date'2020-01-01' + 5", "5 + date'2020-01-01'", "date'2020-01-01' - 5", "date'2020-03-01' - date'2020-02-01'",
        "date'2020-01-01' - '2019-12-31'", "timestamp'2020-01-02' - timestamp'2020-01-01'", "timestamp'2020-01-02 12:00:00' - date'2020-01-01'",
        "date'2020-01-31' + interval 1 month", "date'2020-01-31' - interval 1 month", "date'2020-01-01' + interval 1 day",
        "date'2020-01-01' + interval 1 hour", "timestamp'2020-01-31 10:00:00' + interval 1 month", "timestamp'2020-01-31 10:00:00' + interval 90 minute",
        "timestamp'2020-01-31 10:00:00' - interval '1 02:03:04.5' day to second", "interval 1 hour + interval 30 minute",
        "interval 1 year - interval 1 month", "interval 1 hour * 2", "2 * interval 1 day", "interval 1 day / 2", "interval 1 day * 1.5", "interval 10 second / 3",
        "interval 1 year / 5", "interval 1 day / 0", "- interval 1 day", "interval 1 hour > interval 30 minute", "interval 2 hour = interval 120 minute",
        "interval 3 hour div interval 1 hour", "timestamp_ntz'2020-01-01 00:00:00' + interval 1 day", "date'2020-01-01' + 1L", "date'2020-01-01' + 1.5",
        "interval 1 day + 1", "interval 1 month + interval 1 day", "interval 1 day + date'2020-01-01'", "date'2020-01-01' - interval 25 hour",
    ),
}  # fmt: skip
