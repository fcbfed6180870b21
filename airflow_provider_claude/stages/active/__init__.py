"""Keeps a run folder to one active run."""
