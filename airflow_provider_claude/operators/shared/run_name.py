"""The name of a run, its partition, as a template of an operator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, cast

from airflow_provider_claude.runtime.run_day import name_run
from airflow_provider_claude.runtime.task_errors import task_errors

if TYPE_CHECKING:
    from airflow.sdk import BaseOperator, Context


class NamesItsRun:
    """Makes an operator's `partition` name its run before the other templates are rendered: they may hold that name."""

    partition: str | None

    def render_template_fields(self, context: Context, jinja_env: Any = None) -> None:
        with task_errors():
            partition = name_run(cast("BaseOperator", self), self.partition, context, jinja_env)
        super().render_template_fields(context, jinja_env)  # type: ignore[misc]
        self.partition = partition  # as text, also where templates are rendered to Python objects
