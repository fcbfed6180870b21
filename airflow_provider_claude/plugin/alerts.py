"""Alerts when a run's deadline is at risk, and when it is missed.

This module only notifies. The pipeline acts on its deadline elsewhere, with or without a notifier.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

import pendulum

from airflow_provider_claude.errors import JobError, without_secrets
from airflow_provider_claude.notify import NOTIFY_SECONDS, Alert, send_alert
from airflow_provider_claude.plugin.deadlines import SUPPORTED, LocalWallClockDeadline
from airflow_provider_claude.plugin.fix_dag_test import fix_dag_test
from airflow_provider_claude.runtime.page_url import page_with_host

if TYPE_CHECKING:
    from airflow.sdk.definitions.deadline import DeadlineAlert

__all__ = ["Alert", "deadline_alerts", "raise_alert"]

log = logging.getLogger(__name__)

HOUR = timedelta(hours=1)


def deadline_alerts(
    at: str,
    zone: str,
    notify: Callable[[Alert], object] | str | None = None,
    warn_before: timedelta | None = HOUR,
    *,
    work: str | None = None,
) -> list[DeadlineAlert]:
    """For `DAG(deadline=…)`: an alert at the local time *at* (`HH:MM`), and one *warn_before* it; None leaves that out.

    Each is raised where a scheduled run has not succeeded by then: a line in the log of the triggerer, and a call of
    *notify* with an `Alert`. The same *notify* is called when a run abandons its first batch at the cutoff:
    that alert has the facts. The one *warn_before* goes by the clock, for runs that did not get that far.

    *notify* is a function, sync or async, or its dotted path; the triggerer imports it, so it cannot be in a DAG file.
    *work*: the root of the run folders, as that of `claude_batch_job`, without templates: each alert then has the verdict that
    the records of the run give. Before Airflow 3.2 the list is empty. Raises JobError for arguments that cannot work.
    """
    if warn_before is not None and warn_before <= timedelta(0):
        raise JobError(f"warn_before is {warn_before}: write the time between the warning and {at}, above zero.")
    path = None if notify is None else _path(notify)
    end = LocalWallClockDeadline(at, zone)
    if not SUPPORTED:
        return []
    fix_dag_test()
    known = {"notify": path, "work": work}
    warning = [] if warn_before is None else [_alert("at risk", replace(end, before=warn_before), known)]
    return [*warning, _alert("missed", end, known)]


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


def _alert(outlook: str, reference: LocalWallClockDeadline, known: Mapping[str, str | None]) -> DeadlineAlert:
    # Async, since the triggerer is there anyhow: the waiting of the pipeline needs it. Not every executor of 3.2 and
    # 3.3 takes sync ones.
    from airflow.sdk.definitions.callback import AsyncCallback
    from airflow.sdk.definitions.deadline import DeadlineAlert

    moment = {"outlook": outlook, "zone": reference.zone, "before": reference.before.total_seconds()}
    callback = AsyncCallback(raise_alert, {**moment, **known})
    alert = DeadlineAlert(reference=reference, interval=timedelta(0), callback=callback)
    alert.name = f"deadline {outlook}"  # shown from Airflow 3.3 on, and no argument before
    return alert


async def raise_alert(
    outlook: Literal["at risk", "missed"],
    zone: str,
    before: float,
    notify: str | None,
    context: Mapping[str, Any],
    work: str | None = None,
) -> None:
    """What the triggerer runs. The log line comes first, so that it exists even if the notifier fails."""
    run = context["dag_run"]
    due = _moment(context["deadline"]["deadline_time"]).in_timezone(zone) + timedelta(seconds=before)
    alert = Alert(outlook, due, run["dag_id"], run["dag_run_id"], run["state"], context)
    verdicts, page = await _verdicts(alert, work), page_with_host(alert.dag_id, alert.run_id)
    await send_alert(replace(alert, verdicts=verdicts, page=page), notify)


async def _verdicts(alert: Alert, work: str | None) -> Sequence[str]:
    """What the records of the run say; nothing where they cannot be read within a minute: the alert is sent in any case."""
    if work is None:
        return ()
    try:
        async with asyncio.timeout(NOTIFY_SECONDS):
            return await asyncio.to_thread(_read_verdicts, alert, work)
    except Exception as error:
        log.exception("The records in %s could not be read", work, exc_info=without_secrets(error))
        return ()


def _read_verdicts(alert: Alert, work: str) -> list[str]:
    from airflow_provider_claude.runtime.now import epoch_now
    from airflow_provider_claude.runtime.paths import to_path
    from airflow_provider_claude.stages.view.in_words import in_words

    return in_words(to_path(work), alert.dag_id, alert.run_id, state=alert.state, now=epoch_now())


def _moment(value: datetime | str) -> pendulum.DateTime:
    return pendulum.instance(datetime.fromisoformat(value) if isinstance(value, str) else value)
