"""Counts a run from its files, and writes the report."""
