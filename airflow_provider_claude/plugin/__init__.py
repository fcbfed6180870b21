"""What Airflow itself loads of this package. Every Airflow process loads it, so it imports next to nothing."""

from __future__ import annotations

from functools import cached_property
from typing import TYPE_CHECKING, Any

from airflow.providers.common.compat.sdk import AirflowPlugin

from airflow_provider_claude.plugin import note_failures, urls, warm_imports
from airflow_provider_claude.plugin.deadlines import SUPPORTED, LocalWallClockDeadline

if TYPE_CHECKING:
    from airflow.providers.common.compat.sdk import BaseOperatorLink


class ClaudePlugin(AirflowPlugin):
    """Registers the deadline reference, without which the scheduler could make no run of a DAG that uses one, the imports
    that the scheduler makes ahead of the tasks, what notes why a try failed, and the page of a run with the links to it.

    The app, the views and the links are properties: only the API server asks for them, and only it imports what they need.
    """

    name = "claude"
    deadline_references = [LocalWallClockDeadline] if SUPPORTED else []
    listeners = [warm_imports, note_failures]  # noqa: RUF012 - as Airflow declares it

    @cached_property
    def fastapi_apps(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """The page of a run, and the list of runs."""
        from airflow_provider_claude.plugin.web.app import create_app

        return [{"app": create_app(), "url_prefix": urls.PREFIX, "name": "claude"}]

    @cached_property
    def external_views(self) -> list[dict[str, Any]]:  # type: ignore[override]
        """Where Airflow shows them: in the menu, and as a tab of each DAG run. It fills in the ids."""
        run = f"{urls.base()}{urls.PREFIX}/run/{{DAG_ID}}?run_id={{RUN_ID}}"
        return [
            {
                "name": "Claude runs",
                "href": urls.entry(),
                "destination": "nav",
                "category": "browse",
                "url_route": "claude-runs",
            },
            {"name": "Claude", "href": run, "destination": "dag_run", "url_route": "claude"},
        ]

    @cached_property
    def operator_extra_links(self) -> list[BaseOperatorLink]:  # type: ignore[override]
        """The link to the page, on the task instances of every operator of this package, and that to the Claude Console."""
        from airflow_provider_claude.plugin.links import ConsoleLink, RunPageLink

        return [RunPageLink(), ConsoleLink()]
