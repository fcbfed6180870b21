"""Simulated time, batches, limits and books."""
