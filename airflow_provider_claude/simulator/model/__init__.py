"""What the simulated model answers, and how it misbehaves."""
