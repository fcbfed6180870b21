"""Where the page is, and what of Airflow it links to; below the path of `[api] base_url`."""

from __future__ import annotations

from urllib.parse import quote, urlencode, urlsplit

from airflow.providers.common.compat.sdk import conf

#: Where the app of this plugin is mounted. Airflow reserves some other prefixes.
PREFIX = "/claude"


def base() -> str:
    """The path of `[api] base_url`, without a slash at its end."""
    return urlsplit(conf.get("api", "base_url", fallback="/") or "/").path.rstrip("/")


def page(dag_id: str, run_id: str, *, part: str = "", **query: str) -> str:
    """The page of a run; *part*: what else there is of it."""
    below = f"/{part}" if part else ""
    return f"{base()}{PREFIX}/run/{quote(dag_id, safe='')}{below}?{urlencode({'run_id': run_id, **query})}"


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
