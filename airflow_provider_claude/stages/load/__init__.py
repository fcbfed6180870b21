"""Turns the results of a shard into answers and unresolved rows."""
