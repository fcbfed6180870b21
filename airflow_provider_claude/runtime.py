"""What the operators know of the run they are in: its day, its deadline, its clock; and how errors leave a task.

The day of a run is resolved here and nowhere else. Never from `ds`, which is UTC.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pendulum
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, ObjectStoragePath

from airflow_provider_claude.core.plan.deadline import next_wall_clock
from airflow_provider_claude.core.task import TaskRef
from airflow_provider_claude.errors import JobError, PendingError, RateLimitedError, StateError, Terminal
from airflow_provider_claude.store import RunFolder, ShardFolder

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context
    from upath import UPath

    from airflow_provider_claude.core.scan.redacting import Cipher

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")


@contextmanager
def task_errors() -> Iterator[None]:
    """Errors that no retry mends fail the task at once; all others are left to Airflow's retries."""
    try:
        yield
    except Terminal as e:
        raise AirflowFailException(f"{type(e).__name__}: {e}") from e


def raise_if_gave_up(event: Mapping[str, Any] | None) -> None:
    """Fail the task where the trigger's *event* says that it gave up; at once where no retry can help."""
    if event and event.get("status") == "gave_up":
        raise (AirflowFailException if event.get("terminal") else AirflowException)(event["message"])


@contextmanager
def resumable(operator: BaseOperator, method_name: str = "resume") -> Iterator[None]:
    """Where something else has to end first, *operator* is deferred until then, and holds no worker meanwhile.

    So it is where the API has no room yet: a full queue of batches, or a limit on calls.
    """
    try:
        with task_errors():
            yield
    except (PendingError, RateLimitedError) as e:
        from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger

        operator.log.info("%s", e)
        operator.defer(trigger=TimeDeltaTrigger(timedelta(seconds=_pause(e))), method_name=method_name)


def _pause(error: PendingError | RateLimitedError) -> float:
    """Seconds until it is tried again: what was asked for, within bounds."""
    least, most = (30.0, 120.0) if isinstance(error, RateLimitedError) else (1.0, 900.0)
    return min(max(least, error.retry_after or 0.0), most)


def fernet() -> Cipher | None:
    """Airflow's Fernet key as a cipher, None where none is configured. Raises JobError where the configured one is none."""
    from cryptography.fernet import InvalidToken

    try:
        key = _get_fernet()
    except AirflowException as e:
        raise JobError(f"[core] fernet_key is not a Fernet key: {e}") from e
    if not key.is_encrypted:
        return None
    from airflow_provider_claude.core.scan.redacting import Cipher

    def unseal(sealed: bytes) -> bytes:
        try:
            return bytes(key.decrypt(sealed))
        except InvalidToken as e:
            raise StateError(
                "This was encrypted with another Fernet key. Put that one behind the new one, "
                "[core] fernet_key = <new>,<old>, and try again."
            ) from e

    return Cipher(key.encrypt, unseal)


def _get_fernet() -> Any:
    try:
        from airflow.sdk.crypto import get_fernet
    except ImportError:  # older task SDKs have none
        from airflow.models.crypto import get_fernet
    return get_fernet()


def need_xcom(operator: BaseOperator) -> None:
    """Raise JobError where *operator* is to keep what it returns from the tasks that need it."""
    if not operator.do_xcom_push:
        raise JobError(
            f"{operator.task_id} has do_xcom_push=False, and the tasks after it need what it returns (a path, or paths). "
            "Leave it out, also of default_args."
        )


def utc_now() -> str:
    """Now, as records have it: ISO 8601 in UTC."""
    return pendulum.now("UTC").isoformat()


def epoch_now() -> float:
    """Now, as triggers count: epoch seconds."""
    return float(pendulum.now("UTC").timestamp())


def zone_of(context: Context) -> str:
    """The name of the DAG's time zone."""
    return str(getattr(context["dag"].timezone, "name", context["dag"].timezone))


def resolve_day(context: Context) -> str:
    """The day this run is about, as `YYYY-MM-DD`.

    The param `day`, else the partition key where it is a day, else the local date on which the data interval starts,
    else yesterday, seen from when the run was due. An interval without length (`@daily` in Airflow 3) is none.
    Raises JobError for a param that is not a day, or that gives all runs of a backfill the same one.
    """
    run: Any = context["dag_run"]
    asked = _param(context, "day")
    if asked is not None:
        if _is(run, "backfill"):
            raise JobError(f"param day is {asked!r} in a backfill, whose runs have days of their own. Leave it out.")
        return _checked_day(str(asked))
    key = getattr(run, "partition_key", None)
    if key and _DAY.fullmatch(key):
        return str(key)
    zone = zone_of(context)
    start, end = run.data_interval_start, run.data_interval_end
    if start is not None and start != end:
        return _local(start, zone).to_date_string()
    return _local(start or run.run_after, zone).subtract(days=1).to_date_string()


def _checked_day(day: str) -> str:
    try:
        return pendulum.from_format(day, "YYYY-MM-DD").to_date_string()
    except ValueError as e:
        raise JobError(f"param day is {day!r}: write a date as YYYY-MM-DD.") from e


def resolve_deadline(context: Context, at: str | None) -> str | None:
    """When this run's answers are due, ISO 8601 with its offset; None where nobody waits for them.

    *at* (`HH:MM`, local) binds scheduled runs only: yesterday's nine o'clock is no reason to hurry a backfill. The
    param `deadline` binds any run.
    """
    run: Any = context["dag_run"]
    asked = _param(context, "deadline")
    scheduled = _is(run, "scheduled")
    due = asked or (at if scheduled else None)
    if not due:
        return None
    after = run.data_interval_end if scheduled and run.data_interval_end is not None else run.run_after
    return next_wall_clock(pendulum.instance(after), str(due), zone_of(context)).isoformat()


def _is(run: Any, kind: str) -> bool:
    return bool(getattr(run.run_type, "value", run.run_type) == kind)


def _param(context: Context, name: str) -> Any:
    params: Mapping[str, Any] = context.get("params") or {}
    return params.get(name)


def _local(moment: Any, zone: str) -> pendulum.DateTime:
    local: pendulum.DateTime = pendulum.instance(moment).in_timezone(zone)
    return local


def task_ref(context: Context) -> TaskRef:
    """The task instance of *context*, for provenance."""
    ti: Any = context["ti"]
    return TaskRef(dag_id=ti.dag_id, run_id=ti.run_id, task_id=ti.task_id, map_index=ti.map_index)


def to_path(uri: str) -> UPath:
    """*uri* on any store Airflow knows; `conn_id@` in it names the connection. It has the whole interface of a UPath."""
    return cast("UPath", ObjectStoragePath(uri))


def run_folder(path: str | None) -> RunFolder:
    if not path:
        raise StateError("There is no run folder: the scan of this run has not succeeded.")
    return RunFolder(to_path(path))


def shard_folder(path: str) -> ShardFolder:
    return ShardFolder(to_path(path))
