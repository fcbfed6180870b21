"""Where a run publishes, and which task owns the partition; and a warning where it publishes nowhere."""

from __future__ import annotations

import warnings
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from airflow_provider_claude.core.publish.destination import Destination, Holder, is_true
from airflow_provider_claude.core.publish.guard import PARTITION_OF_AN_HOUR
from airflow_provider_claude.core.times import shown_in
from airflow_provider_claude.errors import (
    DestinationError,
)
from airflow_provider_claude.runtime.schedule import next_tick

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context

from airflow_provider_claude.runtime.run_context import local_time, task_ref, zone_of
from airflow_provider_claude.runtime.run_day import DAY, resolve_interval

#: Runs that are further apart than this are about two days: the shortest day has 23 hours.
_DAY_AT_LEAST = timedelta(hours=22)


#: The warning where nothing will be published, and the DAG does not say that this is intended.
UNPUBLISHED = (
    "publish_to is None (output in claude_batch_job): the answers are not published, they stay in the run folder. "
    "Write where they go, or an empty text if that is intended."
)


def warn_unpublished(operator: BaseOperator, publish_to: str | None) -> bool:
    """Whether neither *operator* nor a task beside it names where the answers go; warns at parse time."""
    beside = operator.dag.tasks if operator.get_dag() else []
    siblings = [task for task in beside if task.task_group is operator.task_group and task is not operator]
    if publish_to is not None or any(getattr(task, "publish_to", None) is not None for task in siblings):
        return False
    warnings.warn(f"{operator.task_id}: {UNPUBLISHED}", stacklevel=3)
    return True


def destination_of(
    context: Context,
    publish_to: str | None,
    *,
    partition: str | None,
    column: str,
    replace: str,
    take_over: bool | str,
) -> Destination | None:
    """Where this run publishes, and which task owns the partition; None for nowhere. Raises JobError for invalid values.

    A table without partitions is replaced by each run, so its data interval does not block others.
    """
    if not publish_to:
        return None
    interval, takes_over = resolve_interval(context) if partition else None, is_true(take_over, "take_over")
    if interval and partition and DAY.fullmatch(partition) and not takes_over:
        _check_one_run_a_day(context)
    return Destination(
        output=publish_to,
        column=column,
        holder=Holder.of(task_ref(context), interval),
        replace=replace,
        take_over=takes_over,
    )


def _check_one_run_a_day(context: Context) -> None:
    """Raises DestinationError where the schedule names another run on the day of this one: both would publish one partition."""
    run: Any = context["dag_run"]
    zone, due = zone_of(context), run.data_interval_end or run.data_interval_start or run.run_after
    following = next_tick(context["dag"], due)
    if following is None or following - due > _DAY_AT_LEAST:
        return
    if local_time(following, zone).date() == local_time(due, zone).date():
        raise DestinationError(
            f"The schedule has a run at {shown_in(due.isoformat(), zone)} and the next at "
            f"{shown_in(following.isoformat(), zone)}: the schedule is finer than the partition, which is a day, and each run "
            f"would replace the one before. Write {PARTITION_OF_AN_HOUR}; if the last run of a day is to win, take_over=True."
        )
