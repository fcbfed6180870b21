"""Budgets, and the record of what attempts have cost."""
