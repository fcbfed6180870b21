"""Answers in a table of a database: each partition has an owner, and is replaced whole in one transaction."""
