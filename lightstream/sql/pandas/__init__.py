"""`pyspark.sql.pandas`: functions on pandas frames. Not supported yet."""
