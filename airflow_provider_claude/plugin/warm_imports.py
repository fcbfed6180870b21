"""With `[claude] warm_imports`, the scheduler imports what the tasks of this provider import, before it forks its workers.

LocalExecutor forks a worker, and the worker a process for each task. What the scheduler has imported by then, no task imports
again: the Claude SDK alone has 2,600 modules. The cost is memory of the scheduler, which its forks share, and that a new version
of these packages needs a restart of the scheduler (as one of Airflow's own does).
"""

from __future__ import annotations

import importlib
import logging
import sys
from typing import Any

from airflow.providers.common.compat.sdk import conf, hookimpl

log = logging.getLogger(__name__)

#: What create, wait, load and settle import on the way; once a night it may be more.
MODULES = (
    "airflow.sdk.execution_time.task_runner",
    "anthropic.resources.beta",
    "anthropic.resources.messages",
    "airflow_provider_claude.task_groups.batch",
    "airflow_provider_claude.stages.load.run",
    "airflow_provider_claude.stages.settle.run",
    "airflow_provider_claude.stages.submit.run",
    "airflow_provider_claude.triggers.batch",
    "pandas",
)


@hookimpl
def on_starting(component: Any) -> None:  # noqa: ARG001 - Airflow's signature
    """Import MODULES in the scheduler, where the setting says so. What cannot be imported is left to the tasks.

    Airflow calls this as it makes the scheduler's Job, before the executor starts; the Job does not have its type yet.
    """
    if sys.argv[1:2] != ["scheduler"] or not conf.getboolean("claude", "warm_imports", fallback=False):
        return
    for name in MODULES:
        try:
            importlib.import_module(name)
        except Exception:
            log.warning("Could not import %s ahead of the tasks; they import it themselves.", name, exc_info=True)
