"""The benchmarks of `scripts/bench`: a file for each subject, which holds its programs, contenders and bars.

To add one: write its programs as functions from `Work` to measured values, describe it as a `Benchmark`, and put that
into the `BENCHMARKS` of its file (a new file also goes into `catalogue.py`).
"""
