"""From the bytes of results to typed answers."""
