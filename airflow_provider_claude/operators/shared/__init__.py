"""Steps and parameters that several operators share."""
