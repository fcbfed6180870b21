"""What is asked of Claude about every row."""

from airflow_provider_claude.job.job import DEFAULT_MODEL, ClaudeJob
from airflow_provider_claude.job.spec import JobSpec

__all__ = ["DEFAULT_MODEL", "ClaudeJob", "JobSpec"]
