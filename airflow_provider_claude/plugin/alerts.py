"""Somebody is told when a night's promise is in danger, and when it is broken.

This only tells. What the pipeline does about its deadline is decided elsewhere, and happens without it.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import pkgutil
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import pendulum

from airflow_provider_claude.errors import JobError
from airflow_provider_claude.plugin.deadlines import SUPPORTED, LocalWallClockDeadline
from airflow_provider_claude.plugin.mend import mend_dag_test

if TYPE_CHECKING:
    from airflow.sdk.definitions.deadline import DeadlineAlert

log = logging.getLogger(__name__)

HOUR = timedelta(hours=1)


@dataclass(frozen=True)
class Alert:
    """What a notifier gets. *context* is Airflow's: `dag_run` as the REST API shows it, and `deadline`."""

    promise: Literal["in danger", "broken"]
    due: datetime
    dag_id: str
    run_id: str
    state: str
    context: Mapping[str, Any]

    @property
    def message(self) -> str:
        """One sentence for people."""
        run = f"{self.run_id} of {self.dag_id} is {self.state}"
        if self.promise == "broken":
            return f"Promise broken: {run}, and its answers were due at {self.due:%Y-%m-%d %H:%M %Z}."
        return f"Promise in danger: {run}, and its answers are due at {self.due:%Y-%m-%d %H:%M %Z}."


def deadline_alerts(
    at: str, zone: str, notify: Callable[[Alert], object] | str | None = None, warn_before: timedelta = HOUR
) -> list[DeadlineAlert]:
    """For `DAG(deadline=…)`: one alert *warn_before* the local time *at* (`HH:MM`), and one at it.

    Each is raised where a scheduled run has not succeeded by then: a line in the log of the triggerer, and a call of
    *notify* with an `Alert`. *notify* is a function, sync or async, or its dotted path; the triggerer imports it, so it
    cannot be in a DAG file. Before Airflow 3.2 the list is empty. Raises JobError for arguments that cannot work.
    """
    if warn_before <= timedelta(0):
        raise JobError(f"warn_before is {warn_before}: give the time between the warning and {at}, more than none.")
    path = None if notify is None else _path(notify)
    warning, end = (LocalWallClockDeadline(at, zone, before) for before in (warn_before, timedelta(0)))
    if not SUPPORTED:
        return []
    mend_dag_test()
    return [_alert("in danger", warning, path), _alert("broken", end, path)]


def _path(notify: Callable[[Alert], object] | str) -> str:
    """Where the triggerer finds *notify*. Nothing is imported: it may be installed in the triggerer only."""
    if isinstance(notify, str):
        path = notify
    else:
        path = f"{getattr(notify, '__module__', '')}.{getattr(notify, '__qualname__', '<nameless>')}"
    names = path.split(".")
    if len(names) < 2 or not all(name.isidentifier() for name in names) or _of_a_dag_file(names[0]):
        raise JobError(
            f"notify is {path!r}, which the triggerer cannot import. Put the function at the top level of an installed "
            "module, or of a file in Airflow's plugins folder, and give it or its dotted path."
        )
    return path


def _of_a_dag_file(module: str) -> bool:
    return module == "__main__" or module.startswith("unusual_prefix_")  # as Airflow names the DAG files it parses


def _alert(promise: str, reference: LocalWallClockDeadline, notify: str | None) -> DeadlineAlert:
    # Async, since the triggerer is there anyhow: the waiting of the pipeline needs it. Not every executor of 3.2 and
    # 3.3 takes sync ones.
    from airflow.sdk.definitions.callback import AsyncCallback
    from airflow.sdk.definitions.deadline import DeadlineAlert

    known = {
        "promise": promise,
        "zone": reference.zone,
        "before": reference.before.total_seconds(),
        "notify": notify,
    }
    alert = DeadlineAlert(reference=reference, interval=timedelta(0), callback=AsyncCallback(raise_alert, known))
    alert.name = f"promise {promise}"  # shown from Airflow 3.3 on, and no argument before
    return alert


async def raise_alert(
    promise: Literal["in danger", "broken"], zone: str, before: float, notify: str | None, context: Mapping[str, Any]
) -> None:
    """What the triggerer runs. The log line comes first: it is there even where the notifier fails."""
    run = context["dag_run"]
    due = _moment(context["deadline"]["deadline_time"]).in_timezone(zone) + timedelta(seconds=before)
    alert = Alert(promise, due, run["dag_id"], run["dag_run_id"], run["state"], context)
    log.log(logging.ERROR if promise == "broken" else logging.WARNING, "%s", alert.message)
    if notify is not None:
        await _call(notify, alert)


def _moment(value: datetime | str) -> pendulum.DateTime:
    return pendulum.instance(datetime.fromisoformat(value) if isinstance(value, str) else value)


async def _call(path: str, alert: Alert) -> None:
    """Sync notifiers run in a thread, as the triggerer has but one loop for all that waits."""
    function = await asyncio.to_thread(pkgutil.resolve_name, path)
    told = function(alert) if inspect.iscoroutinefunction(function) else await asyncio.to_thread(function, alert)
    if inspect.isawaitable(told):
        await told
