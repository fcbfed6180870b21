"""All tasks of a run in one call."""
