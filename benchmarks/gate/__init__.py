"""How well the gate holds."""
