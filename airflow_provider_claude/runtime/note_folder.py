"""A task notes its run folder for the page in the Airflow UI, which finds a run by its ids and by nothing in a URL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from airflow.sdk import Context

    from airflow_provider_claude.store import RunFolder

#: The key of the XCom that holds the path of the run folder.
RUN_FOLDER = "claude_run_folder"


def note_folder(context: Context, run: RunFolder) -> None:
    """Note *run* as a run folder of the run of *context*."""
    ti: Any = context.get("ti")
    if hasattr(ti, "xcom_push"):
        ti.xcom_push(RUN_FOLDER, str(run))
