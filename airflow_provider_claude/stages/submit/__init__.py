"""Sends a shard as one batch, never twice; finds a lost batch again."""
