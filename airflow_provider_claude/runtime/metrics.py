"""Metrics, sent by Airflow's own client: to StatsD, Datadog or OpenTelemetry, as `[metrics]` of airflow.cfg says."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import conf

from airflow_provider_claude.errors import ClaudeError
from airflow_provider_claude.runtime.now import epoch_now

if TYPE_CHECKING:
    from airflow_provider_claude.store import RunFolder

log = logging.getLogger(__name__)

_BACKENDS = ("statsd_on", "statsd_datadog_enabled", "otel_on")


def gauge(task: Any, figures: Callable[[], Mapping[str, float]]) -> None:
    """Send each of *figures* as the gauge `claude.<name>`. They are asked for where metrics are sent. A failure is only logged.

    *task*: the operator or its task instance, whose DAG and group are the tags; None outside a run.
    """
    if not is_on():
        return
    try:
        found, tags = figures(), tags_of(task)
    except (ClaudeError, OSError) as error:
        log.warning("Metrics could not be counted: %s", error)
        return
    for name, value in found.items():
        _send("gauge", f"claude.{name}", value, tags)


def count(task: Any, name: str, by: int) -> None:
    """Add *by* to the counter `claude.<name>`. A failure is only logged."""
    if by and is_on():
        _send("incr", f"claude.{name}", by, tags_of(task))


def gauge_progress(task: Any, run: RunFolder) -> None:
    """Send how many shards of *run* are open, and the seconds to its deadline."""
    gauge(task, lambda: _progress(run.main))


def is_on() -> bool:
    """Whether Airflow sends metrics anywhere."""
    return any(conf.getboolean("metrics", name, fallback=False) for name in _BACKENDS)


def tags_of(task: Any) -> dict[str, str]:
    """The DAG, and the task group of all stages, if there is one."""
    if task is None:
        return {}
    names = task.task_id.split(".")[:-1]
    group = ".".join(names[:-1] if names[-1:] == ["shard"] else names)
    return {"dag_id": task.dag_id, **({"group": group} if group else {})}


def _progress(run: RunFolder) -> dict[str, float]:
    from airflow_provider_claude.stages.view.open_shards import count_open

    plan = run.plan()
    if plan is None:
        return {}
    if plan.held:  # its rows are not asked, and nothing is due
        return {"shards.open": 0.0}
    found: dict[str, float] = {"shards.open": count_open(run, plan)}
    return found if plan.due is None else {**found, "deadline.seconds": plan.due - epoch_now()}


def _send(how: str, name: str, value: float, tags: Mapping[str, str]) -> None:
    from airflow.providers.common.compat.sdk import Stats

    try:
        getattr(Stats, how)(name, value, tags=dict(tags))
    except Exception as error:  # noqa: BLE001 - a client of any kind, and no run fails because of its metrics
        log.warning("The metric %s could not be sent: %s", name, error)
