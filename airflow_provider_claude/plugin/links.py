"""The links from a task instance: to the page of its run, at the task's shard, and to the batches in the Claude Console.

They are registered by the plugin, so that the API server makes them from the ids alone: they are there while the task runs, and
before.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, ClassVar

from airflow.providers.common.compat.sdk import BaseOperator, BaseOperatorLink

from airflow_provider_claude.operators.create import ClaudeBatchCreateOperator
from airflow_provider_claude.operators.load import ClaudeResultLoadOperator
from airflow_provider_claude.operators.messages import ClaudeMessagesOperator
from airflow_provider_claude.operators.plan import ClaudePlanOperator
from airflow_provider_claude.operators.release import ClaudeReleaseOperator
from airflow_provider_claude.operators.report import ClaudeReportOperator
from airflow_provider_claude.operators.rows import ClaudeRowsOperator
from airflow_provider_claude.operators.scan import ClaudeInputScanOperator
from airflow_provider_claude.operators.scan_splits import (
    ClaudeScanSplitOperator,
    ClaudeSplitMergeOperator,
    ClaudeSplitScanOperator,
)
from airflow_provider_claude.operators.settle import ClaudeSettleOperator
from airflow_provider_claude.operators.shard import ClaudeShardOperator
from airflow_provider_claude.operators.vote import ClaudeVoteOperator
from airflow_provider_claude.plugin import urls
from airflow_provider_claude.sensors.batch import ClaudeBatchSensor

if TYPE_CHECKING:
    from airflow.sdk.types import TaskInstanceKey


class RunPageLink(BaseOperatorLink):
    """To the page of the run, at the shard of the task instance."""

    name = "Claude run"
    operators: ClassVar[list[type[BaseOperator]]] = [
        ClaudeBatchCreateOperator,
        ClaudeBatchSensor,
        ClaudeInputScanOperator,
        ClaudeMessagesOperator,
        ClaudePlanOperator,
        ClaudeReleaseOperator,
        ClaudeReportOperator,
        ClaudeResultLoadOperator,
        ClaudeRowsOperator,
        ClaudeScanSplitOperator,
        ClaudeSettleOperator,
        ClaudeShardOperator,
        ClaudeSplitMergeOperator,
        ClaudeSplitScanOperator,
        ClaudeVoteOperator,
    ]

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        return urls.page(
            ti_key.dag_id, ti_key.run_id, part="task", task_id=ti_key.task_id, map_index=str(ti_key.map_index)
        )


class ConsoleLink(BaseOperatorLink):
    """To the batches of the workspace in the Claude Console. The page of the run has the id of the batch to look for."""

    name = "Batches in the Claude Console"
    operators: ClassVar[list[type[BaseOperator]]] = [
        ClaudeBatchCreateOperator,
        ClaudeBatchSensor,
        ClaudeResultLoadOperator,
        ClaudeSettleOperator,
        ClaudeShardOperator,
    ]

    def get_link(self, operator: BaseOperator, *, ti_key: TaskInstanceKey) -> str:
        return urls.CONSOLE
