"""An earlier plan of the same run folder: its batches are ended, and what it loaded is removed."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from airflow_provider_claude.stages.submit.collect_late import collect_late, has_left
from airflow_provider_claude.stages.submit.recover import AttemptRecovery
from airflow_provider_claude.store import (
    RunFolder,
    ShardFolder,
    remove,
)
from airflow_provider_claude.store.attempts import history


def retire(run: RunFolder, planned: Mapping[int, str], recovery_of: Callable[[ShardFolder], AttemptRecovery]) -> None:
    """End the batches of this run's earlier content, and keep their answers."""
    for shard in run.shards():
        if any(attempt.in_flight or attempt.orphan or attempt.open for attempt in history(shard)):
            recovery_of(shard).pursue(planned.get(shard.number, ""))
        if has_left(shard):
            collect_late(recovery_of(shard))


def forget_plan(run: RunFolder) -> None:
    """Remove an earlier plan and the answers it loaded: if this plan fails, no report may use the old answers.

    Rows are loaded again from the raw results, which stay, as all paid work does. The same goes for its probes.
    """
    for probe in run.probes():
        forget_plan(probe)
    remove(run.file("plan.json"))
    remove(run.file("at_risk.json"))
    remove(run.file("refused.json"))
    for part in run.parts("answers"):
        remove(part)
    for shard in run.shards():
        remove(shard.file("loaded.json"))
        remove(shard.file("unresolved.parquet"))
        remove(shard.file("settled.json"))
