"""From bytes to text: one rule for character sets."""
