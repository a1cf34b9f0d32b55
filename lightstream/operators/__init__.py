"""Stateful operators: state tables, the SQL of one batch, and the plan that runs batch by batch."""
