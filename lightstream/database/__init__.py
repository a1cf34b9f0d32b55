"""The one place that opens DuckDB, and how other processes of the same user ask a running one."""
