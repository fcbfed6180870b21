"""Which publication may replace which."""
