"""What is asked of Claude about every row."""

from airflow_provider_claude.job.job import DEFAULT_MODEL, ClaudeJob

__all__ = ["DEFAULT_MODEL", "ClaudeJob"]
