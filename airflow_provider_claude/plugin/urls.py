"""Where the page is, and what of Airflow it links to; below the path of `[api] base_url`."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from airflow_provider_claude.runtime.page_url import PREFIX, base, page

__all__ = ["PREFIX", "airflow_run", "airflow_task", "base", "entry", "page", "static"]


def entry(dag_id: str = "") -> str:
    """The page that lists the runs, or those of one DAG."""
    return f"{base()}{PREFIX}/" + (f"?{urlencode({'dag_id': dag_id})}" if dag_id else "")


def static(name: str) -> str:
    return f"{base()}{PREFIX}/static/{name}"


def airflow_run(dag_id: str, run_id: str) -> str:
    """The run in Airflow's own UI."""
    return f"{base()}/dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}"


def airflow_task(dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> str:
    """A task instance in Airflow's own UI; its log is there."""
    mapped = f"/mapped/{map_index}" if map_index >= 0 else ""
    return f"{airflow_run(dag_id, run_id)}/tasks/{quote(task_id, safe='')}{mapped}"
