"""Connectors that data comes from: one file each behind `contract`."""
