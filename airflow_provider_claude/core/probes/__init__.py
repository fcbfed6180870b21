"""Probes: questions of a run's own about some of its items."""
