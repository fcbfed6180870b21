"""How consistent answers are: with themselves, and with other answers of the same rows."""
