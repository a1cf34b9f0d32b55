"""Resolution: names, types, coercion, output names, and the refusals that Spark makes before data flows."""
