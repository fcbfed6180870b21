"""The state of a run's shards, and when one is abandoned."""
