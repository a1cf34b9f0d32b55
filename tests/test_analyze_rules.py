"""Every relation has the rule that resolves it, in the module that the analyzer looks in."""

from __future__ import annotations

from importlib import import_module

from lightstream.analyze import analyzer
from lightstream.plan.relations import Relation


def test_relations_have_rules() -> None:
    for kind in Relation.__subclasses__():
        module = analyzer._MODULES.get(kind, "analyzer")
        import_module(f"lightstream.analyze.{module}")
        assert analyzer._rules[kind].__module__ == f"lightstream.analyze.{module}", kind
