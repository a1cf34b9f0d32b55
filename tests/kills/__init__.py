"""Processes that run queries and are killed, the disks that they fail on, and what must be there afterwards."""
