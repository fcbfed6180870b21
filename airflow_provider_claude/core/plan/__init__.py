"""Which lane, how many shards, which model."""
