"""`pyspark.sql.datasource`: data sources written in Python. Not supported yet."""

from __future__ import annotations

from lightstream.sql.unsupported import refused_class


class DataSource:
    """Base of user classes; `spark.dataSource.register` is refused."""


class DataSourceReader:
    """Base of user classes; `spark.dataSource.register` is refused."""


class DataSourceStreamReader:
    """Base of user classes; `spark.dataSource.register` is refused."""


class SimpleDataSourceStreamReader:
    """Base of user classes; `spark.dataSource.register` is refused."""


class DataSourceWriter:
    """Base of user classes; `spark.dataSource.register` is refused."""


class DataSourceStreamWriter:
    """Base of user classes; `spark.dataSource.register` is refused."""


InputPartition = refused_class("InputPartition")
WriterCommitMessage = refused_class("WriterCommitMessage")
DataSourceRegistration = refused_class("DataSourceRegistration")
