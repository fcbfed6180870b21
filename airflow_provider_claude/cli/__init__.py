"""`claude-batch`: manage work folders from a terminal."""
