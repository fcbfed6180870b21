"""A run whose change of the job is held sends nothing but its probes."""

from __future__ import annotations

from airflow_provider_claude.errors import StateError
from airflow_provider_claude.store.planned_shard import PlannedShard


def check_not_held(shard: PlannedShard) -> None:
    """Raise StateError where the run of *shard* is held: a task of an earlier plan may still ask for it."""
    if shard.plan.held:
        raise StateError(
            f"{shard} is not sent: its run is held until the change of its job is accepted. Run `claude-batch accept "
            f"{shard.run}` and clear the plan task."
        )
