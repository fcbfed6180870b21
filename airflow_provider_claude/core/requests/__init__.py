"""From columns of items to the bytes of requests."""
