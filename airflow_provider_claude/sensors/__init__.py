"""Waits for a batch."""
