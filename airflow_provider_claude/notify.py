"""Alerts about a run's deadline: a line in the log, and a call of the user's notifier.

This module only notifies. The pipeline acts on its deadline elsewhere, with or without a notifier.
"""

from __future__ import annotations

import asyncio
import inspect
import logging
import pkgutil
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal

import pendulum

from airflow_provider_claude.core.deadline.at_risk import AtRisk
from airflow_provider_claude.core.times import shown
from airflow_provider_claude.runtime.page_url import page_with_host
from airflow_provider_claude.runtime.run_context import zone_of

if TYPE_CHECKING:
    from airflow.sdk import Context

log = logging.getLogger(__name__)

#: What Airflow's deadline alerts of `plugin.alerts` call; a DAG's notifier is found by it.
RAISE_ALERT = "airflow_provider_claude.plugin.alerts.raise_alert"

#: The seconds a notifier may take while the task waits for a batch.
NOTIFY_SECONDS = 60.0


@dataclass(frozen=True)
class Alert:
    """What a notifier gets. *context* is Airflow's: `dag_run` as the REST API shows it, and `deadline`.

    *at_risk*: the facts where a batch was abandoned at its cutoff; None where the alert goes by the clock only. Then
    *context* has only the run's ids and state. *verdicts*: what the records of the run say, a sentence a task group, where
    `deadline_alerts` is given the work folder. *page*: the page of the run, empty where the triggerer does not know its host.
    """

    outlook: Literal["at risk", "missed"]
    due: datetime
    dag_id: str
    run_id: str
    state: str
    context: Mapping[str, Any]
    at_risk: AtRisk | None = None
    verdicts: Sequence[str] = ()
    page: str = ""

    @property
    def message(self) -> str:
        """The message for people: one sentence, what is known of the risk and of the run, and where to look."""
        run, due = f"{self.run_id} of {self.dag_id} is {self.state}", shown(self.due)
        if self.outlook == "missed":
            message = f"Deadline missed: {run}, and its answers were due at {due}."
        else:
            message = f"Deadline at risk: {run}, and its answers are due at {due}."
        risk = [] if self.at_risk is None else [self.at_risk.sentences(self._clock)]
        return " ".join([message, *risk, *self.verdicts, *([self.page] if self.page else [])])

    def _clock(self, moment: float) -> str:
        return shown(datetime.fromtimestamp(moment, self.due.tzinfo), "%H:%M")


@dataclass(frozen=True, kw_only=True)
class Listener:
    """Whose deadline it is, and the notifier's dotted path; None for the log only. Times are shown in
    *zone*.
    """

    dag_id: str
    run_id: str
    zone: str
    notify: str | None = None

    @classmethod
    def of(cls, context: Context) -> Listener | None:
        """The listener of a task's run: the notifier of its DAG's `deadline_alerts`. None outside of a run."""
        run, dag = context.get("dag_run"), context.get("dag")
        if run is None or dag is None:
            return None
        notify = next(_notifiers(dag), None)
        return cls(dag_id=dag.dag_id, run_id=run.run_id, zone=zone_of(context), notify=notify)

    def at_risk_alert(self, at_risk: AtRisk) -> Alert:
        """The alert of a running run that has abandoned a batch."""
        due = pendulum.from_timestamp(at_risk.due, self.zone)
        run = {"dag_id": self.dag_id, "dag_run_id": self.run_id, "state": "running"}
        context = {"dag_run": run, "deadline": {"deadline_time": due}}
        page = page_with_host(self.dag_id, self.run_id)
        return Alert("at risk", due, self.dag_id, self.run_id, "running", context, at_risk, page=page)


def _notifiers(dag: Any) -> Iterator[str]:
    """The notifiers of *dag*'s alerts that are ours."""
    alerts = getattr(dag, "deadline", None) or []
    for alert in alerts if isinstance(alerts, list) else [alerts]:
        callback: Any = getattr(alert, "callback", None)
        if getattr(callback, "path", None) == RAISE_ALERT and callback.kwargs.get("notify"):
            yield callback.kwargs["notify"]


async def send_alert(alert: Alert, notify: str | None) -> None:
    """Log the alert, then call *notify*, a dotted path. The line comes first, so that it exists even if the notifier fails."""
    log.log(logging.ERROR if alert.outlook == "missed" else logging.WARNING, "%s", alert.message)
    if notify is not None:
        await _call(notify, alert)


async def _call(path: str, alert: Alert) -> None:
    """Sync notifiers run in a thread, as the triggerer has one event loop for all its waits."""
    function = await asyncio.to_thread(pkgutil.resolve_name, path)
    outcome = function(alert) if inspect.iscoroutinefunction(function) else await asyncio.to_thread(function, alert)
    if inspect.isawaitable(outcome):
        await outcome
