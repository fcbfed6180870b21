"""Claims the destination of a run, and publishes its answers."""
