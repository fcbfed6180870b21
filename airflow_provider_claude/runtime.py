"""What the operators know of the run they are in: its day, its deadline, its clock; and how errors leave a task.

The day of a run is resolved here and nowhere else. Never from `ds`, which is UTC.
"""

from __future__ import annotations

import re
import warnings
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, cast

import pendulum
from airflow.providers.common.compat.sdk import AirflowException, AirflowFailException, conf

from airflow_provider_claude.core.batch.patience import WORK_SECONDS, next_try
from airflow_provider_claude.core.batch.polling import POLL_CEILING, POLL_FLOOR, check_interval
from airflow_provider_claude.core.plan.deadline import next_wall_clock
from airflow_provider_claude.core.publish.destination import Destination, Holder, is_true
from airflow_provider_claude.core.publish.guard import PARTITION_OF_AN_HOUR
from airflow_provider_claude.core.publish.naming import checked_partition
from airflow_provider_claude.core.task import TaskRef
from airflow_provider_claude.core.times import shown_in
from airflow_provider_claude.errors import (
    DestinationError,
    JobError,
    PendingError,
    RateLimitedError,
    StateError,
    Terminal,
    without_secrets,
)
from airflow_provider_claude.job.numbers import number
from airflow_provider_claude.schedule import is_tick, next_tick

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context

    from airflow_provider_claude.core.scan.redacting import Cipher

#: Runs that are further apart than this are about two days: the shortest day has 23 hours.
_DAY_AT_LEAST = timedelta(hours=22)

_DAY = re.compile(r"\d{4}-\d{2}-\d{2}")
_HOUR = "YYYY-MM-DDTHHZZ"


@contextmanager
def task_errors() -> Iterator[None]:
    """Errors that no retry mends fail the task at once; all others are left to Airflow's retries. None shows a secret."""
    try:
        with safe_errors():
            yield
    except Terminal as e:
        raise AirflowFailException(f"{type(e).__name__}: {e}") from e


@contextmanager
def safe_errors() -> Iterator[None]:
    """No error that leaves this block tells a secret, nor does what it was caused by."""
    try:
        yield
    except Exception as e:
        safe = without_secrets(e)
        if safe is e:
            raise
        raise safe from None


def raise_if_gave_up(event: object) -> None:
    """Fail the task where the trigger's *event* says that it gave up; at once where no retry can help.

    Of a deferral for a time alone the event is the moment of its end, and says nothing.
    """
    if isinstance(event, Mapping) and event.get("status") == "gave_up":
        raise (AirflowFailException if event.get("terminal") else AirflowException)(event["message"])


@contextmanager
def resumable(operator: BaseOperator, method_name: str = "resume", *, since: float | None = None) -> Iterator[None]:
    """Where something else has to end first, *operator* is deferred until then, and holds no worker meanwhile.

    So it is where the API has no room yet: a full queue of batches, or a limit on calls. *since*: see defer_for.
    """
    began = epoch_now()
    try:
        with task_errors():
            yield
    except (PendingError, RateLimitedError) as e:
        in_vain = epoch_now() - began < WORK_SECONDS
        defer_for(operator, e, method_name, since=since if in_vain else None)


def defer_for(
    operator: BaseOperator,
    error: PendingError | RateLimitedError,
    method_name: str = "resume",
    *,
    since: float | None = None,
) -> None:
    """Defer *operator* until what *error* names may have ended. Raises AirflowFailException after a day in vain.

    *since*: when (epoch seconds) it was deferred for such a thing first, None for now; *method_name* is given it as
    `waiting_since`.
    """
    from airflow.providers.standard.triggers.temporal import TimeDeltaTrigger

    operator.log.info("%s", error)
    limited, began = isinstance(error, RateLimitedError), epoch_now() if since is None else since
    pause = next_try(error.retry_after, waited=epoch_now() - began, limited=limited)
    if pause is None:
        raise AirflowFailException(_in_vain(error, began, limited=limited)) from error
    operator.defer(
        trigger=TimeDeltaTrigger(timedelta(seconds=pause)), method_name=method_name, kwargs={"waiting_since": began}
    )


def _in_vain(error: Exception, since: float, *, limited: bool) -> str:
    """What is said of a task that has waited for as long as it may."""
    do = (
        "See in the Console (Limits, Usage) what else uses the account, or have its limits raised; "
        if limited
        else "See to what stands in the way; "
    )
    when = pendulum.from_timestamp(since).to_iso8601_string()
    return (
        f"{str(error).rstrip('.')}. It has been so at each try since {when}, for {(epoch_now() - since) / 3600:.0f} hours, and "
        f"this task waits no longer. {do}then clear this task. What was paid for is kept, and is not paid again."
    )


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


#: What is said where nothing will be published, and it was not written that this is meant.
UNPUBLISHED = (
    "publish_to is None (output in claude_batch_job): the answers are not published, they stay in the run folder. "
    "Write where they go, or an empty text where that is meant."
)


def warn_unpublished(operator: BaseOperator, publish_to: str | None) -> bool:
    """Whether neither *operator* nor a task beside it names where the answers go; then that is a warning at parse."""
    beside = operator.dag.tasks if operator.get_dag() else []
    told = [task for task in beside if task.task_group is operator.task_group and task is not operator]
    if publish_to is not None or any(getattr(task, "publish_to", None) is not None for task in told):
        return False
    warnings.warn(f"{operator.task_id}: {UNPUBLISHED}", stacklevel=3)
    return True


def utc_now() -> str:
    """Now, as records have it: ISO 8601 in UTC."""
    return pendulum.now("UTC").isoformat()


def who_triggered(context: Context) -> str:
    """The user who triggered the run of *context*, as records have it; a run without one is named by its type."""
    run: Any = context.get("dag_run")
    name = getattr(run, "triggering_user_name", None)
    kind = getattr(run, "run_type", None) or "unknown"
    return f"Airflow user {name}" if name else f"no user (a {getattr(kind, 'value', kind)} run)"


def epoch_now() -> float:
    """Now, as triggers count: epoch seconds."""
    return float(pendulum.now("UTC").timestamp())


def poll_floor() -> float:
    """The least seconds between two looks at a batch: `[claude] poll_floor`."""
    return number("[claude] poll_floor", conf.getfloat("claude", "poll_floor", fallback=POLL_FLOOR), 0, POLL_CEILING)


def poll_interval_of(seconds: object) -> float:
    """*seconds* as a `poll_interval`. Raises JobError where they are none, or below the floor."""
    return check_interval(seconds, poll_floor())


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


def resolve_hour(context: Context) -> str:
    """The hour this run is about, with its offset, so that no two hours of a year have one name: `2026-11-22T05+0100`.

    The param `hour`, else the local hour in which the data interval starts, else the hour before the run was due. Raises
    JobError for a param that is not an hour, or where a day is asked for and no hour.
    """
    run: Any = context["dag_run"]
    asked = _param(context, "hour")
    if asked is not None:
        return _checked_hour(str(asked))
    if _param(context, "day") is not None:
        raise JobError("The partition is an hour, and param day names a day. Give the param hour as well.")
    start, end = run.data_interval_start, run.data_interval_end
    began = start if start is not None and start != end else pendulum.instance(start or run.run_after).subtract(hours=1)
    return _local(began, zone_of(context)).format(_HOUR)


def _checked_hour(hour: str) -> str:
    try:
        return pendulum.from_format(hour, _HOUR).format(_HOUR)
    except ValueError as e:
        raise JobError(f"param hour is {hour!r}: write one as 2026-11-22T05+0100.") from e


def resolve_interval(context: Context) -> str | None:
    """What the schedule says that this run is about: its partition key, or its data interval `start/end` in UTC.

    None where the day or hour was chosen by hand, for a run that an asset has started, and for a run by hand that is about
    no interval of the schedule, only the moment of the click.
    """
    run: Any = context["dag_run"]
    if _param(context, "day") is not None or _param(context, "hour") is not None:
        return None
    if key := getattr(run, "partition_key", None):
        return str(key)
    bounds = [run.data_interval_start, run.data_interval_end or run.data_interval_start]
    if bounds[0] is None:
        return None
    by_schedule = _is(run, "scheduled") or _is(run, "backfill")
    if not by_schedule and not (_is(run, "manual") and is_tick(context["dag"], bounds[1])):
        return None
    return "/".join(pendulum.instance(bound).in_timezone("UTC").to_iso8601_string() for bound in bounds)


class _Hour:
    """`{{ hour }}` of a template, resolved where it is used: not every run has one."""

    def __init__(self, context: Context) -> None:
        self._context = context

    def __str__(self) -> str:
        return resolve_hour(self._context)


def name_run(operator: BaseOperator, partition: str | None, context: Context, jinja_env: Any) -> str | None:
    """Put `day`, `hour` and `partition` into what the templates of *operator* know; returns its *partition*, rendered.

    Without a partition `{{ partition }}` is the day. Raises JobError for a partition that cannot name a folder.
    """
    names = cast("dict[str, Any]", context)
    names["day"], names["hour"] = resolve_day(context), _Hour(context)
    if partition is None:
        names["partition"] = names["day"]
        return None
    names["partition"] = checked_partition(str(operator.render_template(partition, context, jinja_env)))
    return str(names["partition"])


def destination_of(
    context: Context,
    publish_to: str | None,
    *,
    partition: str | None,
    column: str,
    replace: str,
    take_over: bool | str,
) -> Destination | None:
    """Where this run publishes, and in whose name; None for nowhere. Raises JobError for values that are none.

    A table without partitions is replaced by each run, so its data interval is not held against others.
    """
    if not publish_to:
        return None
    interval, takes_over = resolve_interval(context) if partition else None, is_true(take_over, "take_over")
    if interval and partition and _DAY.fullmatch(partition) and not takes_over:
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
    if _local(following, zone).date() == _local(due, zone).date():
        raise DestinationError(
            f"The schedule has a run at {shown_in(due.isoformat(), zone)} and the next at "
            f"{shown_in(following.isoformat(), zone)}: the schedule is finer than the partition, which is a day, and each run "
            f"would replace the one before. Write {PARTITION_OF_AN_HOUR}; if the last run of a day is to win, take_over=True."
        )


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
    """What the param *name* says; None where it is not there, or left empty."""
    params: Mapping[str, Any] = context.get("params") or {}
    return params.get(name) or None


def _local(moment: Any, zone: str) -> pendulum.DateTime:
    local: pendulum.DateTime = pendulum.instance(moment).in_timezone(zone)
    return local


def task_ref(context: Context) -> TaskRef:
    """The task instance of *context*, for provenance."""
    ti: Any = context["ti"]
    return TaskRef(dag_id=ti.dag_id, run_id=ti.run_id, task_id=ti.task_id, map_index=ti.map_index)
