"""The checkpoint directory in Spark's own v1 text format: offsets, commits, metadata, source logs, the lock."""
