"""What to do with a shard: send, adopt, wait, hold."""
