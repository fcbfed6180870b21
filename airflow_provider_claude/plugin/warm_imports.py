"""What the tasks of this provider import, imported once by the process that forks them.

LocalExecutor forks a worker, and the worker a process for each task. What the scheduler has imported by then, no task imports
again: the Claude SDK alone has 2,600 modules. The cost is memory of the scheduler, which its forks share, and that a new version
of these packages needs a restart of the scheduler (as one of Airflow's own does). `[claude] warm_imports` switches it on.

A Celery worker forks its tasks too. It loads no plugin before it does, so Celery's own setting names the module for it:
see warm_worker.py.
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
)


@hookimpl
def on_starting(component: Any) -> None:  # noqa: ARG001 - Airflow's signature
    """Import MODULES in the scheduler, where the setting says so.

    Airflow calls this as it makes the scheduler's Job, before the executor starts; the Job does not have its type yet.
    """
    if sys.argv[1:2] == ["scheduler"] and conf.getboolean("claude", "warm_imports", fallback=False):
        import_all()


def import_all() -> None:
    """Import MODULES. What cannot be imported is left to the tasks."""
    for name in MODULES:
        try:
            importlib.import_module(name)
        except Exception:
            log.warning("Could not import %s ahead of the tasks; they import it themselves.", name, exc_info=True)


def load_plugins() -> None:
    """Load the plugins of all providers, as each task does. Those that cannot be loaded are left to the tasks."""
    try:
        importlib.import_module("airflow.sdk.listener").get_listener_manager()
    except Exception:
        log.warning("Could not load Airflow's plugins ahead of the tasks; they load them themselves.", exc_info=True)
