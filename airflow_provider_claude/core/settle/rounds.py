"""How far to go for a leftover."""

#: How often leftovers are sent again.
ROUNDS = 2
