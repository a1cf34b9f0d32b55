"""`pyspark.sql.streaming.stateful_processor`: `transformWithState`. Not supported yet."""

from __future__ import annotations

from lightstream.sql.unsupported import refused_class

__all__ = [
    "ExpiredTimerInfo",
    "ListState",
    "MapState",
    "StatefulProcessor",
    "StatefulProcessorHandle",
    "TimerValues",
    "TwsTester",
    "ValueState",
]


class StatefulProcessor:
    """Base of user classes for `transformWithState`, which is refused."""


ExpiredTimerInfo = refused_class("ExpiredTimerInfo")
ListState = refused_class("ListState")
MapState = refused_class("MapState")
StatefulProcessorHandle = refused_class("StatefulProcessorHandle")
TimerValues = refused_class("TimerValues")
TwsTester = refused_class("TwsTester")
ValueState = refused_class("ValueState")
