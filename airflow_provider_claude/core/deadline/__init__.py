"""When answers are due, and until when a batch may be waited for."""
