"""From the ids of a run to its run folder, and what is in it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from airflow.api_fastapi.app import get_auth_manager

from airflow_provider_claude.core.report.summary import Summary
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.core.view.run_view import RunView
from airflow_provider_claude.core.view.verdict import Verdict, reported
from airflow_provider_claude.errors import ClaudeError, without_secrets
from airflow_provider_claude.masking import masked
from airflow_provider_claude.plugin import urls
from airflow_provider_claude.plugin.web import database
from airflow_provider_claude.plugin.web.database import AirflowRun, Listed, Noted
from airflow_provider_claude.plugin.web.months import Month
from airflow_provider_claude.runtime.paths import to_path
from airflow_provider_claude.stages.view.look import has_own_report, look, own_since, report_of
from airflow_provider_claude.store import RunFolder
from airflow_provider_claude.store.files import read_whole
from airflow_provider_claude.store.snapshot import StampedCache

_LOG = logging.getLogger(__name__)

#: Runs on the entry page, and runs of a month that are added up.
_LISTED, _OF_A_MONTH = 60, 500

#: Earlier runs on the page of a run.
_NIGHTS = 14
_READERS = 32

#: What no run can cost, in USD.
_NO_COST = Decimal(10**12)
_BRIEFS = StampedCache["Brief"](most=2_000)

#: What is noted is an XCom, which others than its task may write: so the folder's own records have to name the run.
FOREIGN = (
    "The run folder that was noted has no record of this run, a run of another DAG has used it since, or the API server cannot "
    "read it: it has to reach the same folders and stores as the workers."
)

_NO_REPORT = "This run has no report yet, or the API server cannot read it."


class NotThereError(Exception):
    """There is no such run for this page; the message says what is missing."""


@dataclass(frozen=True, kw_only=True)
class Found:
    """A run, and its run folder as it is. *view* is None where the folder cannot be read, and *problem* says why; or where the
    run failed before it had one.

    *folders* are all that the run has noted, *noted* the one that is shown.
    """

    run: AirflowRun
    noted: Noted | None
    folders: Sequence[Noted]
    view: RunView | None
    problem: str = ""

    @property
    def of(self) -> str:
        """The task that has noted the folder that is shown."""
        return self.noted.task_id if self.noted else ""


def find_run(dag_id: str, run_id: str, of: str, *, now: float) -> Found:
    """The run and its folder at *now* (epoch seconds). Raises NotThereError."""
    with database.session() as db:
        run = database.run_of(db, dag_id, run_id)
        folders = database.noted(db, dag_id, run_id)
    if run is None:
        raise NotThereError("There is no such run.")
    if not folders and any(task.error for task in run.tasks):
        return Found(run=run, noted=None, folders=(), view=None)
    noted = chosen(folders, of)
    try:
        view = look(to_path(noted.folder), now=now, dag_id=dag_id, run_id=run_id)
    except Exception as error:  # noqa: BLE001 - of stores and damaged records, any; the page says which
        return unreadable(Found(run=run, noted=noted, folders=folders, view=None), error)
    if view is None:
        raise NotThereError(FOREIGN)
    return Found(run=run, noted=noted, folders=folders, view=view)


def unreadable(found: Found, error: Exception) -> Found:
    """*found*, which raised *error*, without what is in its folder."""
    return replace(found, view=None, problem=told(error))


def told(error: Exception) -> str:
    """What the page says of *error*; the log of the API server has all of one that is not our own."""
    if isinstance(error, ClaudeError | OSError):
        return masked(str(error))
    _LOG.warning("A run folder cannot be shown", exc_info=without_secrets(error))
    return f"{type(error).__name__}: a record is damaged, or the store cannot be reached. See the API server's log."


def read_report(dag_id: str, run_id: str, of: str) -> bytes:
    """The report page of the run. Raises NotThereError."""
    with database.session() as db:
        noted = chosen(database.noted(db, dag_id, run_id), of)
    try:
        run = RunFolder(to_path(noted.folder))
        since = own_since(run, dag_id, run_id)
        if since is None:
            raise NotThereError(FOREIGN)
        if since and not has_own_report(run, since):
            raise NotThereError(_NO_REPORT)
        return read_whole(run.file("report.html"))
    except (ClaudeError, OSError):
        raise NotThereError(_NO_REPORT) from None


def shard_page(dag_id: str, run_id: str, task_id: str, map_index: int) -> str:
    """The address of the page of the run, at the shard of the task instance where it has one."""
    with database.session() as db:
        shard = database.shard_of(db, dag_id, run_id, task_id, map_index)
        folders = database.noted(db, dag_id, run_id)
    above, _, number = (shard or "").rpartition("/shards/")
    of = next((one.task_id for one in folders if one.folder == above), "")
    query = {"of": of} if of and len(folders) > 1 else {}
    return urls.page(dag_id, run_id, **query) + (f"#shard-{int(number)}" if of and number.isdecimal() else "")


@dataclass(frozen=True, kw_only=True)
class Brief:
    """A report in a line: *this_run* is the part of what was *paid*, in USD, that this run has paid. *margin*: seconds between
    the last shard's loading and the deadline, negative where it was late; None without a deadline.
    """

    verdict: Verdict
    answered: int
    inputs: int
    paid: Decimal
    this_run: Decimal
    margin: float | None = None
    agreement: float | None = None

    @classmethod
    def of(cls, summary: Summary) -> Brief:
        """Raises ValueError for amounts that are none: they are added up."""
        if not (summary.costs.actual.is_finite() and 0 <= summary.costs.this_run < _NO_COST):
            raise ValueError("The report has costs that are no amounts.")
        weakest = summary.consistency.weakest if summary.consistency else None
        return cls(
            verdict=reported(summary),
            answered=summary.ledger.answered,
            inputs=summary.ledger.inputs,
            paid=summary.costs.actual,
            this_run=summary.costs.this_run,
            margin=_margin(summary),
            agreement=weakest.agreement.value if weakest is not None else None,
        )


def _margin(summary: Summary) -> float | None:
    if summary.due is None or summary.loaded_at is None:
        return None
    return summary.due - epoch(summary.loaded_at)


@dataclass(frozen=True, kw_only=True)
class Line:
    """A line of the list of runs. *brief* is None where the run has no report, or it cannot be read."""

    listed: Listed
    brief: Brief | None

    @property
    def name(self) -> str:
        """What the run is of: its partition, after which its run folder is called."""
        return self.listed.folder.rstrip("/").rpartition("/")[2]


@dataclass(frozen=True, kw_only=True)
class Runs:
    """The *newest* runs, and those *of_month*, which may be the same ones; newest first. *cut*: the month has more."""

    newest: Sequence[Line]
    of_month: Sequence[Line]
    cut: bool


def list_runs(user: Any, may_read: Callable[[str], bool], month: Month, dag_id: str = "") -> Runs:
    """The runs of the DAGs that *user* may read, and whose runs are shown to them (*may_read*); or of *dag_id* alone, if that is
    one of them.
    """
    readable = get_auth_manager().get_authorized_dag_ids(user=user, method="GET")
    with database.session() as db:
        dag_ids = set(filter(may_read, database.noting(db, readable & {dag_id} if dag_id else readable)))
        newest = database.latest(db, dag_ids, _LISTED)
        of_month = database.latest(db, dag_ids, _OF_A_MONTH + 1, month.span)
    listed = {(one.dag_id, one.run_id): one for one in (*newest, *of_month)}
    with ThreadPoolExecutor(_READERS) as pool:
        lines = {
            key: Line(listed=one, brief=brief)
            for (key, one), brief in zip(listed.items(), pool.map(_brief, listed.values()), strict=True)
        }
    chosen = [[lines[one.dag_id, one.run_id] for one in some] for some in (newest, of_month[:_OF_A_MONTH])]
    return Runs(newest=chosen[0], of_month=chosen[1], cut=len(of_month) > _OF_A_MONTH)


def nights_before(run: AirflowRun) -> list[Line]:
    """The last runs of the DAG of *run* but itself, newest first. Who may read *run* may read them."""
    with database.session() as db:
        listed = database.latest(db, {run.dag_id}, _NIGHTS + 1)
    others = [one for one in listed if one.run_id != run.run_id][:_NIGHTS]
    with ThreadPoolExecutor(_READERS) as pool:
        return [Line(listed=one, brief=brief) for one, brief in zip(others, pool.map(_brief, others), strict=True)]


def _brief(one: Listed) -> Brief | None:
    """The report of a run that has ended, read once for each of its ends."""
    if one.ended is None or not one.folder:
        return None
    key, stamp = f"{one.dag_id} {one.run_id} {one.folder}", one.ended.isoformat()
    found = _BRIEFS.get(key, stamp)
    if found is None and (found := _read_brief(one)) is not None:
        _BRIEFS.keep(key, stamp, found)
    return found


def _read_brief(one: Listed) -> Brief | None:
    """The report in the run folder, if it is of this run. One that cannot be read costs the list no other."""
    try:
        summary = report_of(to_path(one.folder), one.dag_id, one.run_id)
        return Brief.of(summary) if summary is not None else None
    except (ClaudeError, OSError):
        return None
    except Exception as error:  # noqa: BLE001 - as above
        _LOG.warning("The report of %r %r cannot be listed", one.dag_id, one.run_id, exc_info=without_secrets(error))
        return None


def chosen(folders: Sequence[Noted], of: str) -> Noted:
    """The folder that the task *of* has noted, the first one where *of* is empty."""
    for one in folders:
        if of in {"", one.task_id}:
            return one
    raise NotThereError(
        "No task of this run has noted a run folder: it has no task of this package, none of them has begun, or an XCom backend "
        "of this deployment keeps what they return elsewhere."
    )
