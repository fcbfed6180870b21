"""Where the page is, and what of Airflow it links to; below the path of `[api] base_url`."""

from __future__ import annotations

from urllib.parse import quote, urlencode

from airflow_provider_claude.runtime.page_url import PREFIX, base, page

__all__ = ["CONSOLE", "PREFIX", "airflow_run", "airflow_task", "base", "entry", "page", "row", "rows", "static"]

#: The batches of a workspace in the Claude Console. No address of one batch is documented: it is looked up there by its id.
#: https://platform.claude.com/docs/en/build-with-claude/batch-processing#tracking-your-batch (read 2026-11-30)
CONSOLE = "https://platform.claude.com/settings/workspaces/default/batches"


def entry(dag_id: str = "", month: str = "") -> str:
    """The page that lists the runs, or those of one DAG, or of a month (`2026-11`)."""
    query = {name: value for name, value in (("dag_id", dag_id), ("month", month)) if value}
    return f"{base()}{PREFIX}/" + (f"?{urlencode(query)}" if query else "")


def rows(dag_id: str) -> str:
    """The page of a row, without its query."""
    return f"{base()}{PREFIX}/run/{quote(dag_id, safe='')}/row"


def row(dag_id: str, run_id: str, of: str, item: str) -> str:
    """The page of the row *item* of a run."""
    return f"{rows(dag_id)}?{urlencode({'run_id': run_id, 'of': of, 'item': item[:1000]})}"


def static(name: str) -> str:
    return f"{base()}{PREFIX}/static/{name}"


def airflow_run(dag_id: str, run_id: str) -> str:
    """The run in Airflow's own UI."""
    return f"{base()}/dags/{quote(dag_id, safe='')}/runs/{quote(run_id, safe='')}"


def airflow_task(dag_id: str, run_id: str, task_id: str, map_index: int = -1) -> str:
    """A task instance in Airflow's own UI; its log is there."""
    mapped = f"/mapped/{map_index}" if map_index >= 0 else ""
    return f"{airflow_run(dag_id, run_id)}/tasks/{quote(task_id, safe='')}{mapped}"
