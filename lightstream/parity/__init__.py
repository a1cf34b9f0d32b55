"""Compares what programs and queries give on real Spark and on lightstream."""
