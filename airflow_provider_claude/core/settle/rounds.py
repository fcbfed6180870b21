"""How far to go for a leftover."""

#: How often leftovers are sent again.
ROUNDS = 2

#: The most that can be asked for: each may be paid.
MOST_ROUNDS = 20
