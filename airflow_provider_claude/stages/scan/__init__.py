"""Reads a source once; writes items, quarantine and duplicates."""
