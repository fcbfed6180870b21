"""`@claude_batch`: a function that names the source or returns the rows becomes the task group that answers them."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from functools import wraps
from typing import Any

from airflow.providers.common.compat.sdk import TaskGroup
from airflow.sdk.definitions.xcom_arg import PlainXComArg

from airflow_provider_claude.errors import JobError
from airflow_provider_claude.job import ClaudeJob
from airflow_provider_claude.operators.rows import ClaudeRowsOperator
from airflow_provider_claude.task_groups.batch import claude_batch_job
from airflow_provider_claude.task_groups.settings import Scan, group_of

#: What a run knows of itself, for parameters of these names that the call leaves out.
_OF_RUN = ("day", "hour", "partition")


class Published(PlainXComArg):
    """The published partition, for the tasks below; tasks above it come before the whole group."""

    group: TaskGroup

    @property
    def roots(self) -> list[Any]:
        return list(self.group.roots)

    def set_upstream(self, task_or_task_list: Any, edge_modifier: Any = None) -> None:
        self.group.set_upstream(task_or_task_list, edge_modifier)


def claude_batch(
    *,
    job: ClaudeJob,
    work: str,
    output: str | None,
    group_id: str | None = None,
    partition: str | None = "{{ day }}",
    scan: Scan | None = None,
    **settings: Any,
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """A decorator: the function returns the source or the rows, and its call is the published partition.

    A source is a path or URI, as claude_batch_job takes it. Rows are a list of dictionaries, a DataFrame or an Arrow table,
    with the columns of the prompt, the carried ones and the *id_column*; they are written below *work*. Arguments of the call are
    templated. Parameters ``day``, ``hour`` and ``partition`` that the call leaves out are those of the run, and Airflow's context
    is there by name, as in ``@task``. The call makes the group *group_id*: ``rows``
    runs the function, ``batch`` is claude_batch_job. What the call returns is the path of the partition, or the table; None
    where nothing is published.

    All other parameters are those of claude_batch_job, but for ``source``. ``@task.claude_batch`` is the same decorator.

    :param job: what is asked about every row.
    :param work: root of the run folders, on any store that all workers reach (templated).
    :param output: root of the answers, or a table, as in claude_batch_job (templated).
    :param group_id: the group's name in the DAG. None: the function's.
    :param partition: the partition of the answers (templated); see claude_batch_job.
    :param scan: a ``Scan``. With ``redact``, the function has to return a source.
    :raises JobError: where the decorator stands without arguments, or a value is out of range.
    """
    reading = group_of(Scan, scan)
    if "source" in settings:
        raise JobError("source is what the decorated function returns: leave it out, or call claude_batch_job.")

    def decorated(function: Callable[..., Any]) -> Callable[..., Any]:
        if not callable(function):
            raise JobError(f"@claude_batch decorates a function, not {function!r}.")
        name = group_id or function.__name__

        @wraps(function)
        def called(*args: Any, **kwargs: Any) -> Published:
            with TaskGroup(name) as group:
                rows = ClaudeRowsOperator(
                    task_id="rows",
                    python_callable=function,
                    **call_of(function, args, kwargs),
                    folder=rows_folder(work, group.group_id),
                    columns=job.columns if reading.columns is None else reading.columns,
                    partition=partition,
                    redacts=bool(reading.redact),
                )
                source: Any = rows.output
                answered = claude_batch_job(
                    "batch",
                    job=job,
                    source=source,
                    work=work,
                    output=output,
                    partition=partition,
                    scan=scan,
                    **settings,
                )
            return _published(group, answered)

        return called

    return decorated


def call_of(function: Callable[..., Any], args: tuple[Any, ...], kwargs: dict[str, Any]) -> dict[str, Any]:
    """The arguments for the operator: by name, as a run has values of its own for some names, and those of the call are meant."""
    takes = inspect.signature(function).parameters
    if any(one.kind in {one.VAR_POSITIONAL, one.POSITIONAL_ONLY} for one in takes.values()):
        raise JobError(
            f"{function.__name__} has positional-only parameters or *args: @claude_batch passes arguments by name."
        )
    bound = dict(inspect.signature(function).bind_partial(*args, **kwargs).arguments)
    rest = {name: bound.pop(name) for name, one in takes.items() if one.kind is one.VAR_KEYWORD and name in bound}
    of_run = {name: f"{{{{ {name} }}}}" for name in _OF_RUN if name in takes and name not in bound}
    return {"op_kwargs": {**of_run, **bound, **next(iter(rest.values()), {})}}


def rows_folder(work: str, group_id: str | None) -> str:
    """Where the rows of a run are written: in its run folder, with which `claude-batch prune` removes them."""
    return f"{work.rstrip('/')}/{{{{ dag.dag_id }}}}/{group_id}.batch/{{{{ partition }}}}/rows"


def _published(group: TaskGroup, answered: TaskGroup) -> Published:
    report: Any = answered.get_child_by_label("report")
    found = Published(operator=report, key="published")
    found.group = group
    return found
