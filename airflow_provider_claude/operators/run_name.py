"""The name of a run, its partition, as a template of an operator."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import BaseOperator

from airflow_provider_claude.runtime import name_run, task_errors

if TYPE_CHECKING:
    from airflow.sdk import Context


class NamesItsRun(BaseOperator):
    """An operator whose `partition` names its run before the other templates are rendered: they may hold that name."""

    partition: str | None

    def render_template_fields(self, context: Context, jinja_env: Any = None) -> None:
        with task_errors():
            partition = name_run(self, self.partition, context, jinja_env)
        super().render_template_fields(context, jinja_env)
        self.partition = partition  # as text, also where templates are rendered to Python objects
