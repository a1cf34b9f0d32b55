"""What `first_result.py` does, with DuckDB and nothing else."""

import os
import sys

import duckdb

db = duckdb.connect(sys.argv[2])
db.execute("CREATE TABLE counts (gt VARCHAR PRIMARY KEY, count BIGINT)")
for name in os.listdir(sys.argv[1]):
    db.execute(
        "INSERT INTO counts SELECT gt, count(*) FROM read_json(?, format='newline_delimited', records=true, "
        "columns={'gt': 'VARCHAR'}) GROUP BY gt ON CONFLICT DO UPDATE SET count = count + excluded.count",
        [os.path.join(sys.argv[1], name)],
    )
[(rows,)] = db.execute("SELECT sum(count) FROM counts").fetchall()
print(rows, flush=True)
