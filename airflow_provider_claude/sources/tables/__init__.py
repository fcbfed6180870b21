"""Readers of Parquet, CSV and JSON Lines."""
