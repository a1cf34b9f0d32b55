"""`pyspark.sql.streaming.state`: state that user functions keep. Not supported yet."""

from __future__ import annotations

from lightstream.sql.unsupported import refused_class

__all__ = ["GroupState", "GroupStateTimeout"]


class GroupStateTimeout:
    """When the state of a group without new rows times out."""

    NoTimeout: str = "NoTimeout"
    ProcessingTimeTimeout: str = "ProcessingTimeTimeout"
    EventTimeTimeout: str = "EventTimeTimeout"


GroupState = refused_class("GroupState")
