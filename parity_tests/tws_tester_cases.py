"""`TwsTester`: a StatefulProcessor without a query, for test_frames.py."""

from __future__ import annotations

from importlib import import_module
from typing import Any

from frames_cases import many


def _tester(s: Any, uses_frames: bool = False, **options: Any) -> Any:
    """Return a tester of a processor that counts rows, keeps their values, and sets a timer for each."""
    streaming = import_module(f"{type(s.spark).__module__.partition('.')[0]}.sql.streaming")
    timed = options.get("timeMode", "None") != "None"

    class Counter(streaming.StatefulProcessor):  # type: ignore[name-defined, misc]
        def init(self, handle: Any) -> None:
            self.handle = handle
            self.count = handle.getValueState("count", "n int")
            self.values = handle.getListState("values", "v int")
            self.seen = handle.getMapState("seen", "v int", "n int")

        def handleInputRows(self, key: Any, rows: Any, timerValues: Any) -> Any:
            found = [row for part in rows for row in (part["v"].tolist() if uses_frames else [part.v])]
            total = (self.count.get() or (0,))[0] + len(found)
            self.count.update((total,))
            for v in found:
                self.values.appendValue((v,))
                self.seen.updateValue((v,), ((self.seen.getValue((v,)) or (0,))[0] + 1,))
                if timed:
                    self.handle.registerTimer(v * 10)
            times = timerValues.getCurrentProcessingTimeInMs(), timerValues.getCurrentWatermarkInMs()
            yield self.shown(str(key), total, str(times))

        def handleExpiredTimer(self, key: Any, timerValues: Any, expiredTimerInfo: Any) -> Any:
            left = list(self.handle.listTimers())
            yield self.shown(str(key), expiredTimerInfo.getExpiryTimeInMs(), str(left))

        def handleInitialState(self, key: Any, initialState: Any, timerValues: Any) -> None:
            self.count.update((initialState["n"].iloc[0] if uses_frames else initialState.n,))

        def shown(self, key: str, number: int, text: str) -> Any:
            if uses_frames:
                import pandas

                return pandas.DataFrame({"key": [key], "number": [int(number)], "text": [text]})
            return s.Row(key=key, number=number, text=text)

    return streaming.TwsTester(Counter(), **options)


def _rows(s: Any, *values: int) -> list[Any]:
    return [s.Row(v=v) for v in values]


def _counted(s: Any) -> Any:
    tester = _tester(s, initialStateRow=[("b", s.Row(n=7))])
    found = [tester.test("a", _rows(s, 1, 2)), tester.test("b", _rows(s, 1)), tester.test("a", _rows(s, 2))]
    state = [
        (tester.peekValueState("count", k), tester.peekListState("values", k), tester.peekMapState("seen", k))
        for k in ("a", "b", "c")
    ]
    return str(found), str(state)


def _state_set(s: Any) -> Any:
    tester = _tester(s)
    tester.updateValueState("count", "a", (5,))
    tester.updateListState("values", "a", [(1,), (2,)])
    tester.updateMapState("seen", "a", {(1,): (3,)})
    found = [
        tester.test("a", _rows(s, 1)),
        tester.peekListState("values", "a"),
        tester.peekMapState("seen", "a"),
    ]
    tester.deleteState("count", "a")
    return str(found), tester.peekValueState("count", "a"), str(tester.test("a", []))


def _timed(s: Any, **options: Any) -> Any:
    tester = _tester(s, timeMode="ProcessingTime")
    found = [tester.test("b", _rows(s, 3, 1)), tester.test("a", _rows(s, 2)), tester.setProcessingTime(5)]
    return str(
        [*found, tester.setProcessingTime(25), tester.setProcessingTime(30), tester.setProcessingTime(31)]
    )


def _by_event_time(s: Any) -> Any:
    tester = _tester(s, timeMode="eventTime", eventTimeExtractor=lambda row: row.v)
    found = [tester.test("a", _rows(s, 1, 5)), tester.setWatermark(4), tester.test("a", _rows(s, 4, 6))]
    return str([*found, tester.setWatermark(55)])


def _frames(s: Any) -> Any:
    import pandas

    tester = _tester(
        s, True, timeMode="ProcessingTime", initialStatePandas=[("a", pandas.DataFrame({"n": [3]}))]
    )
    found = [
        tester.testInPandas("a", pandas.DataFrame({"v": [1, 2]})), tester.setProcessingTime(11),
        tester.setProcessingTime(12),
    ]  # fmt: skip
    return [frame.to_dict("list") for frame in found]


def _late_timer(s: Any) -> Any:
    tester = _tester(s, timeMode="EventTime", eventTimeExtractor=lambda row: 1000)
    tester.setWatermark(50)
    return tester.test("a", _rows(s, 5))


def _back(s: Any) -> Any:
    tester = _tester(s, timeMode="ProcessingTime")
    tester.setProcessingTime(5)
    return tester.setProcessingTime(5)


many(
    "tester",
    counted=_counted,
    state_set=_state_set,
    timed=_timed,
    by_event_time=_by_event_time,
    frames=_frames,
    late_timer=_late_timer,
    back=_back,
    other_time=lambda s: _tester(s).setWatermark(1),
    no_extractor=lambda s: _tester(s, timeMode="EventTime"),
    unknown_mode=lambda s: _tester(s, timeMode="Sometimes"),
    unknown_state=lambda s: _tester(s).peekValueState("values", "a"),
    delete_unknown=lambda s: _tester(s).deleteState("nothing", "a"),
    both_states=lambda s: _tester(s, initialStateRow=[], initialStatePandas=[]),
)
