"""Measurements, each a command that prints a table and writes benchmarks/results/*.json."""
