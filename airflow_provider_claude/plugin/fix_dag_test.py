"""`DAG.test` with deadlines. To be removed once the oldest Airflow supported has apache/airflow#73428 solved."""

from __future__ import annotations

from functools import cache, wraps
from typing import Any

from airflow_provider_claude.plugin.deadlines import LocalWallClockDeadline


@cache
def fix_dag_test() -> None:
    """Let `DAG.test`, and so `airflow dags test`, run DAGs with our deadlines. Others run as before.

    It looks for the deadlines of its run under ids that they have in the database only, and fails after the last task
    of a run that went well. It has no scheduler that could raise an alert, and its runs are manual ones: nothing is
    lost by leaving the deadlines out.
    """
    from airflow.sdk.definitions.dag import DAG

    whole = DAG.test

    @wraps(whole)
    def test(self: DAG, *args: Any, **kwargs: Any) -> Any:
        kept = self.deadline
        alerts = kept if isinstance(kept, list) else []
        if any(isinstance(alert.reference, LocalWallClockDeadline) for alert in alerts):
            self.deadline = None
        try:
            return whole(self, *args, **kwargs)
        finally:
            self.deadline = kept

    DAG.test = test  # type: ignore[method-assign]
