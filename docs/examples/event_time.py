"""The textbook's chapter on event time over the activity data: windows, watermarks, duplicates.

Runs unedited on both engines, with the same results:

    lightstream run docs/examples/event_time.py data/activity-data
    lightstream run --engine spark docs/examples/event_time.py data/activity-data
"""

import sys

from pyspark.sql import SparkSession
from pyspark.sql.functions import col, window

spark = SparkSession.builder.appName("event_time").getOrCreate()
spark.conf.set("spark.sql.shuffle.partitions", 5)
data = sys.argv[1] if len(sys.argv) > 1 else "data/activity-data"

static = spark.read.json(data)
streaming = spark.readStream.schema(static.schema).option("maxFilesPerTrigger", 10).json(data)
withEventTime = streaming.selectExpr(
    "*", "cast(cast(Creation_Time as double)/1000000000 as timestamp) as event_time"
)


def run(counted, name):
    """Count all there is into a table of that name."""
    query = counted.writeStream.queryName(name).format("memory").outputMode("complete")
    query.trigger(availableNow=True).start().awaitTermination()
    return spark.table(name)


tumbling = run(withEventTime.groupBy(window(col("event_time"), "10 minutes")).count(), "events_per_window")
tumbling.printSchema()
tumbling.orderBy("window").show(30, truncate=False)

by_user = run(withEventTime.groupBy(window(col("event_time"), "10 minutes"), "User").count(), "by_user")
by_user.orderBy("window", "User").show(100, truncate=False)

sliding = run(
    withEventTime.groupBy(window(col("event_time"), "10 minutes", "5 minutes")).count(), "sliding_windows"
)
sliding.orderBy("window").show(100, truncate=False)

late = withEventTime.withWatermark("event_time", "5 hours")
watermarked = run(late.groupBy(window(col("event_time"), "10 minutes", "5 minutes")).count(), "watermarked")
watermarked.orderBy("window").show(100, truncate=False)

deduplicated = run(late.dropDuplicates(["User", "event_time"]).groupBy("User").count(), "deduplicated")
deduplicated.orderBy("User").show(truncate=False)

spark.sql("select sum(count) as events, count(*) as windows from events_per_window").show()
spark.stop()
