"""Asks rows a third time whose first two answers differ."""
