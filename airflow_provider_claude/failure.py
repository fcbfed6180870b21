"""The task of a run that failed first: the failure callback names it, and later tasks do, instead of their own error."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import quote

from airflow.providers.common.compat.sdk import conf

from airflow_provider_claude.core.legible import excerpt, legible
from airflow_provider_claude.core.task_ref import TaskRef
from airflow_provider_claude.errors import LedgerError, StateError
from airflow_provider_claude.masking import masked

if TYPE_CHECKING:
    from airflow.sdk import Context

#: A longer error is cut: its beginning says what happened.
_MOST = 1_000

#: The state of each map index of a task; -1 for a task that is not mapped.
States = Mapping[str, Mapping[int, str]]


@dataclass(frozen=True, kw_only=True)
class Failure:
    """A failed task instance. *map_index* is -1 where the task is not mapped, *error* is empty where it is not known."""

    dag_id: str
    run_id: str
    task_id: str
    map_index: int = -1
    error: str = ""

    @classmethod
    def of(cls, context: Context) -> Failure | None:
        """For an `on_failure_callback` of tasks: the task that failed.

        None where a task before it, or another instance of it, had failed already: the notifier was called for that.
        """
        if first_failed(context) is not None:
            return None
        ti: Any = context["ti"]
        error = excerpt(legible(masked(str(context.get("exception") or ""))), _MOST)
        return cls(dag_id=ti.dag_id, run_id=ti.run_id, task_id=ti.task_id, map_index=ti.map_index, error=error)

    @property
    def name(self) -> str:
        """The task, with its map index: `sentiment.shard.load[3]`."""
        return self.task_id if self.map_index < 0 else f"{self.task_id}[{self.map_index}]"

    @property
    def log_url(self) -> str:
        """Where Airflow shows the log of the task."""
        base = conf.get("api", "base_url", fallback="http://localhost:8080/").rstrip("/")
        mapped = f"/mapped/{self.map_index}" if self.map_index >= 0 else ""
        return f"{base}/dags/{self.dag_id}/runs/{quote(self.run_id)}/tasks/{self.task_id}{mapped}"

    @property
    def message(self) -> str:
        """The message for people, on one line."""
        error = f": {self.error.rstrip('.')}" if self.error else ""
        return f"The task {self.name} of {self.dag_id}, run {self.run_id}, failed{error}. Its log: {self.log_url}"


def first_failed(context: Context) -> Failure | None:
    """The first failed task that blocks the one in *context*; None if there is none."""
    states = _states(context)
    if not states:
        return None
    ti: Any = context["ti"]
    dag: Any = context["dag"]
    above = {task_id: frozenset(task.upstream_task_ids) for task_id, task in dag.task_dict.items()}
    found = first_in_the_way(ti.task_id, ti.map_index, above, states)
    if found is None:
        return None
    return Failure(dag_id=ti.dag_id, run_id=ti.run_id, task_id=found[0], map_index=found[1])


def refuse_old_plan(planned_by: TaskRef, context: Context) -> None:
    """Raise StateError where the plan that *planned_by* wrote is outdated: its task, or the scan, has failed since.

    The answers to it may be old, and a report on them would be green.
    """
    states = _states(context)
    again = states.get(planned_by.task_id or "", {})
    another = planned_by.run_id not in {None, context.get("run_id")} and first_failed(context) is not None
    if another or {"failed", "upstream_failed"} & set(again.values()):
        raise StateError(f"the plan in the run folder is an earlier one, of {planned_by.run_id}.")


def _states(context: Context) -> States:
    """The states of the run's tasks; empty where Airflow cannot be asked, as in a test of one operator."""
    ti: Any = context.get("ti")
    if not hasattr(ti, "get_task_states"):
        return {}
    dag: Any = context["dag"]
    return by_task(ti.get_task_states(dag_id=ti.dag_id, run_ids=[ti.run_id]).get(ti.run_id, {}), dag.task_dict)


def by_task(states: Mapping[str, Any], tasks: Mapping[str, Any]) -> States:
    """*states* as Airflow gives them, under `task` and `task_3`, by the ids of *tasks*."""
    found: dict[str, dict[int, str]] = defaultdict(dict)
    for key, state in states.items():
        mapped = re.fullmatch(r"(.+)_(\d+)", key)
        task_id, index = (mapped[1], int(mapped[2])) if mapped and key not in tasks else (key, -1)
        found[task_id][index] = str(getattr(state, "value", state))
    return found


def first_in_the_way(
    task_id: str, map_index: int, above: Mapping[str, frozenset[str]], states: States
) -> tuple[str, int] | None:
    """The first failed instance, as task and map index, on the ways that lead to instance *map_index* of *task_id*.

    A task that succeeded although one before it failed is the end of a way: it did without. *above* has the tasks right
    before each.
    """
    own = {index: state for index, state in states.get(task_id, {}).items() if index != map_index}
    first = _failed(task_id, own)
    seen, level = {task_id}, [task_id]
    while level:
        level = sorted({name for below in level for name in above.get(below, ())} - seen)
        seen.update(level)
        first = next(filter(None, (_failed(name, states.get(name, {})) for name in level)), first)
        level = [name for name in level if not _ended_well(states.get(name, {}))]
    return first


def _ended_well(instances: Mapping[int, str]) -> bool:
    return bool(instances) and set(instances.values()) <= {"success", "skipped"}


def _failed(task_id: str, instances: Mapping[int, str]) -> tuple[str, int] | None:
    failed = [index for index, state in instances.items() if state == "failed"]
    return (task_id, min(failed)) if failed else None


@contextmanager
def blaming_the_first(context: Context) -> Iterator[None]:
    """Where a task cannot do its work because an earlier one failed, its error names that one."""
    try:
        yield
    except (StateError, LedgerError) as e:
        first = first_failed(context)
        if first is None:
            raise
        message = f"The task {first.name} failed first, and its log says why: {first.log_url}. Here: {e}"
        raise type(e)(message) from None
