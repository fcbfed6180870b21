"""Rows that people should look at, and what they corrected."""
