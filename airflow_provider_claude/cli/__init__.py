"""`claude-batch`: looking after work folders from a terminal."""
