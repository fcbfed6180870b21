"""Asks unresolved rows again."""
