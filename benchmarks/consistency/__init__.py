"""Whether the figures of consistency find what was planted in the simulated model."""
