"""Where a run publishes, and which task owns the partition: values that the plan records and the report uses."""

from __future__ import annotations

import msgspec

from airflow_provider_claude.core.task_ref import TaskRef
from airflow_provider_claude.errors import DestinationError, JobError

GUARDED, ALWAYS = "guarded", "always"


class Holder(msgspec.Struct, frozen=True, kw_only=True):
    """The task that plans what a partition holds, and the data interval of its run; all None outside Airflow.

    `task_id` has the task group in it: `sentiment.plan`. `interval` is `start/end`, ISO 8601 in UTC, or a partition key;
    None where the partition was set by hand. `run_id` is for people, and is not compared.
    """

    dag_id: str | None = None
    task_id: str | None = None
    interval: str | None = None
    run_id: str | None = None

    @classmethod
    def of(cls, task: TaskRef, interval: str | None = None) -> Holder:
        return cls(dag_id=task.dag_id, task_id=task.task_id, interval=interval, run_id=task.run_id)

    def is_same_task(self, other: Holder) -> bool:
        return (self.dag_id, self.task_id) == (other.dag_id, other.task_id)

    def is_same_claim(self, other: Holder) -> bool:
        return self.is_same_task(other) and self.interval == other.interval

    def continuing(self, held: Holder | None) -> Holder:
        """This holder in the place of *held*: where the partition was set by hand, the interval on record stays."""
        if held is None or not held.is_same_task(self):
            return self
        return msgspec.structs.replace(self, interval=self.interval or held.interval)

    @property
    def name(self) -> str:
        return f"task {self.task_id} of DAG {self.dag_id}" if self.dag_id else "a run outside Airflow"


class Destination(msgspec.Struct, frozen=True, kw_only=True):
    """The partition that a run publishes to, as the parameters of the plan say.

    :param output: the root of the answers, as the task was given it.
    :param column: the partition column. The run's partition is in its plan; without one *output* holds one table.
    :param replace: `guarded` or `always`, see `core.publish.guard`.
    :param take_over: whether the partition becomes *holder*'s even if it is another's.
    """

    output: str
    column: str = "day"
    holder: Holder = Holder()
    replace: str = GUARDED
    take_over: bool = False

    def __post_init__(self) -> None:
        checked_replace(self.replace)


def checked_replace(value: str) -> str:
    """*value* of the parameter replace, or a template of it. Raises JobError for any other value."""
    if value not in {GUARDED, ALWAYS} and "{{" not in value:
        raise JobError(f"replace is {value!r}: write {GUARDED!r} or {ALWAYS!r}.")
    return value


def agreed(plan: str | None, report: str | None) -> str | None:
    """The output that the parameters of a plan and of the report below it name; None where neither does.

    Raises DestinationError where both name one, and not the same.
    """
    if plan is not None and report is not None and plan.rstrip("/") != report.rstrip("/"):
        raise DestinationError(
            f"publish_to is {plan!r} for the plan and {report!r} for the report below it. Write it in one of the two, or "
            "the same in both."
        )
    return report if plan is None else plan


def is_true(value: object, name: str) -> bool:
    """*value* of a templated switch. Raises JobError for what is neither true nor false; *name* is the parameter's."""
    text = str(value).strip().lower()
    if text in {"true", "1"}:
        return True
    if text in {"false", "0", "", "none"}:
        return False
    raise JobError(f"{name} is {value!r}: write True or False.")
