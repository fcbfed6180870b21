"""DAGs to begin with. The documentation shows what stands between their START and END marks."""
