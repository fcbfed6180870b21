"""How often unresolved rows are sent again."""

#: Rounds in which unresolved rows are sent again, by default.
ROUNDS = 2

#: The most rounds: each may cost money.
MOST_ROUNDS = 20
