"""Checks, tries and decides everything before money is spent in bulk."""
