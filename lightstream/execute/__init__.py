"""Running compiled SQL: scans bound to files and frames, DuckDB's errors turned into Spark's, results to Python."""
