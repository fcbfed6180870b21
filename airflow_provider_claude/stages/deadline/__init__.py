"""Where the shards of a run stand, and when one is abandoned."""
