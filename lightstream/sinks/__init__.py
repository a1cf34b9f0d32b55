"""Connectors that results go to: one file each behind `contract`."""
