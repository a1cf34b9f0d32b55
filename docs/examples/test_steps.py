"""Tests of a streaming query, step by step. Run them with: pytest docs/examples/test_steps.py"""

from datetime import datetime

from lightstream.sql import functions as F
from lightstream.testing import StreamTest, expect_failure, memory_stream

CLICKS = "at timestamp, page string"


def visits(clicks):
    """What is tested: visits by page and quarter of an hour, each once it is sure that no more come."""
    windows = clicks.withWatermark("at", "10 minutes").groupBy(F.window("at", "15 minutes"), "page").count()
    return windows.select("window.start", "page", "count")


def at(minutes):
    return datetime(2025, 1, 1, 12 + minutes // 60, minutes % 60)


def test_a_window_comes_out_when_the_watermark_has_passed_it():
    clicks = memory_stream(CLICKS)
    with StreamTest(visits(clicks.df)) as test:
        clicks.add_data((at(1), "home"), (at(2), "home"), (at(20), "cart"))
        test.run_batch()
        test.check_last_batch()  # the watermark was 0
        test.check_state(total=2, updated=2)

        clicks.add_data((at(30), "cart"))
        test.run_batch()  # the watermark is 12:10
        test.check_last_batch()

        test.run_batch()  # without data: the watermark is 12:20
        test.check_last_batch((at(0), "home", 2))
        assert test.process_all_available() == 0


def test_late_clicks_are_dropped():
    clicks = memory_stream(CLICKS)
    with StreamTest(visits(clicks.df)) as test:
        clicks.add_data((at(40), "home"))
        test.process_all_available()
        clicks.add_data({"at": at(5), "page": "late"}, {"at": at(41), "page": "home"})
        test.run_batch()
        test.check_state(total=1, dropped=1)


def test_it_goes_on_after_a_stop():
    clicks = memory_stream(CLICKS)
    with StreamTest(visits(clicks.df)) as test:
        clicks.add_data((at(1), "home"))
        test.process_all_available()
        test.restart()
        clicks.add_data((at(2), "home"), (at(59), "home"))
        test.process_all_available()
        test.check_answer((at(0), "home", 2))


def test_a_failure():
    numbers = memory_stream("n int")
    with StreamTest(numbers.df.selectExpr("100 / n AS share")) as test:
        numbers.add_data(4, 5)
        test.run_batch()
        test.check_answer(25.0, 20.0)
        numbers.add_data(0)
        with expect_failure("DIVIDE_BY_ZERO"):
            test.run_batch()


def test_the_time_of_a_batch():
    words = memory_stream("word string")
    with StreamTest(words.df.select("word", F.current_timestamp().alias("seen"))) as test:
        test.set_clock(datetime(2025, 1, 1, 12))
        words.add_data("one")
        test.run_batch()
        test.advance_clock("10 minutes")
        words.add_data("two")
        test.run_batch()
        test.check_answer(("one", at(0)), ("two", at(10)))
