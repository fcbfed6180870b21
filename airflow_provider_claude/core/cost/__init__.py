"""Tokens, prices, and what a run costs or may cost."""
