"""Resolved plans to DuckDB SQL text. Pure: text out, nothing run."""
