"""What Airflow itself loads of this package. Every Airflow process loads it, so it imports next to nothing."""

from __future__ import annotations

from airflow.providers.common.compat.sdk import AirflowPlugin

from airflow_provider_claude.plugin import warm_imports
from airflow_provider_claude.plugin.deadlines import SUPPORTED, LocalWallClockDeadline


class ClaudePlugin(AirflowPlugin):
    """Registers the deadline reference, without which the scheduler could make no run of a DAG that uses one, and the imports
    that the scheduler makes ahead of the tasks.
    """

    name = "claude"
    deadline_references = [LocalWallClockDeadline] if SUPPORTED else []
    listeners = [warm_imports]  # noqa: RUF012 - as Airflow declares it
