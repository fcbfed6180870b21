"""A shard as one task: submitted, waited for, loaded and settled."""

from __future__ import annotations

from typing import TYPE_CHECKING

from airflow_provider_claude.hooks.claude import ClaudeHook
from airflow_provider_claude.operators.settle import ClaudeSettleOperator
from airflow_provider_claude.runtime.now import utc_now
from airflow_provider_claude.runtime.paths import shard_folder

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_claude.stages.settle.run import Settled, Waiting


class ClaudeShardOperator(ClaudeSettleOperator):
    """Submits a shard, waits for its batch in the triggerer, loads its answers and settles it, as one task. Returns the counts.

    What ClaudeBatchCreateOperator, ClaudeBatchSensor, ClaudeResultLoadOperator and ClaudeSettleOperator do one after the other,
    in two starts of a process instead of five: for executors that start each task cold, such as KubernetesExecutor. The
    grid shows less: one task instance a shard. Its parameters are those of ClaudeSettleOperator.
    """

    ui_color = "#f4efd7"

    def step(self, rounds: int, context: Context) -> Settled | Waiting:
        from airflow_provider_claude.stages.submit.run import create

        # Sent before, it is found again: nothing is paid twice.
        batch_id = create(shard_folder(self.shard), ClaudeHook(self.conn_id).gateway(), clock=utc_now)
        self.log.info("Shard %s: %s", self.shard, f"batch {batch_id}" if batch_id else "no batch needed")
        return super().step(rounds, context)
