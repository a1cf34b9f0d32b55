"""Settings that cannot be honoured are refused, and variables in SQL text."""

import pytest

from lightstream.conf import DEFAULTS, FIXED, Conf
from lightstream.errors import UnsupportedOperationException
from lightstream.sql import SparkSession


@pytest.mark.parametrize("key", sorted(FIXED))
def test_a_setting_that_is_built_in_takes_its_default_only(key):
    conf = Conf()
    if key in DEFAULTS:
        conf.set(key, DEFAULTS[key])
        assert conf.get(key) == DEFAULTS[key]
    with pytest.raises(UnsupportedOperationException, match=key):
        conf.set(key, "false" if FIXED[key] == {"true"} else "true")


def test_legacy_settings_are_refused():
    with pytest.raises(UnsupportedOperationException, match="legacy"):
        Conf().set("spark.sql.legacy.castComplexTypesToString.enabled", "true")


def test_variables_in_sql_text_are_replaced(monkeypatch):
    # Spark 4.3: what has no value stays as it is.
    monkeypatch.setenv("LIGHTSTREAM_TEST", "x")
    spark = SparkSession.builder.create()
    spark.conf.set("my.value", "7")
    query = "select ${my.value} + 1 as a, '${spark:my.value}' as b, '${env:LIGHTSTREAM_TEST}' as c, '${none}' as d"
    assert spark.sql(query).collect() == [(8, "7", "x", "${none}")]
    spark.stop()
