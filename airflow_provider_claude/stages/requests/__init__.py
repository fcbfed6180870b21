"""Writes the request body of an attempt, and its manifest."""
