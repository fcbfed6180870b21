"""Plans the probes of a run, and measures what they answered."""
