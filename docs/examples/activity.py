"""The textbook's streaming chapter over the activity data: counts, a filter, triggers, queries on the results.

Runs unedited on both engines:

    lightstream run docs/examples/activity.py data/activity-data
    lightstream run --engine spark docs/examples/activity.py data/activity-data
"""

import sys
from time import sleep

from pyspark.sql import SparkSession
from pyspark.sql.functions import expr

spark = SparkSession.builder.appName("activity").getOrCreate()
activityDataSample = sys.argv[1] if len(sys.argv) > 1 else "data/activity-data"

static = spark.read.json(activityDataSample)
static.printSchema()
static.show(3, truncate=True)

spark.conf.set("spark.sql.streaming.schemaInference", True)
streaming = spark.readStream.schema(static.schema).option("maxFilesPerTrigger", 1).json(activityDataSample)
activityCounts = streaming.groupBy("gt").count()
spark.conf.set("spark.sql.shuffle.partitions", 5)

activityQuery = (
    activityCounts.writeStream.queryName("activity_counts").format("memory").outputMode("complete").start()
)
print("active:", [query.name for query in spark.streams.active])
for _ in range(3):
    spark.sql("select * from activity_counts").show(3)
    sleep(2)

simpleTransform = (
    streaming.withColumn("stairs", expr("gt like '%stairs%'"))
    .where("stairs")
    .where("gt is not null")
    .select("gt", "model", "arrival_time", "creation_time")
    .writeStream.queryName("simple_transform")
    .format("memory")
    .outputMode("append")
    .start()
)
trigger = (
    activityCounts.writeStream.trigger(processingTime="5 seconds")
    .queryName("t1")
    .format("console")
    .outputMode("complete")
    .start()
)
triggerOnce = (
    activityCounts.writeStream.trigger(once=True)
    .queryName("t2")
    .format("console")
    .outputMode("complete")
    .start()
)

activityQuery.processAllAvailable()
simpleTransform.processAllAvailable()
triggerOnce.awaitTermination()
spark.sql("select count(*) from simple_transform").show()
spark.sql("select * from activity_counts order by gt").show()

activityQuery.stop()
simpleTransform.stop()
trigger.stop()
triggerOnce.stop()
assert spark.streams.active == []
