"""Counts what is in a directory and prints the number of rows: the shortest streaming program there is."""

import sys

from pyspark.sql import SparkSession

spark = SparkSession.builder.getOrCreate()
schema = "Arrival_Time BIGINT, Creation_Time BIGINT, Device STRING, Index BIGINT, Model STRING, User STRING, gt STRING"
counts = (
    spark.readStream.schema(schema + ", x DOUBLE, y DOUBLE, z DOUBLE").json(sys.argv[1]).groupBy("gt").count()
)
query = (
    counts.writeStream.format("memory")
    .queryName("counts")
    .outputMode("complete")
    .option("checkpointLocation", sys.argv[2])
    .start()
)
query.processAllAvailable()
[(rows,)] = spark.sql("SELECT sum(count) FROM counts").collect()
print(rows, flush=True)
query.stop()
