"""The trace of a row, for its page: what `claude-batch trace` prints."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass, replace
from itertools import islice
from typing import TYPE_CHECKING

from airflow_provider_claude.core.row_trace import RowTrace
from airflow_provider_claude.errors import StateError
from airflow_provider_claude.plugin.web import database
from airflow_provider_claude.plugin.web.find import FOREIGN, NotThereError, chosen, told
from airflow_provider_claude.runtime.paths import to_path
from airflow_provider_claude.stages.trace.trace_row import trace
from airflow_provider_claude.stages.view.look import has_own_scan, own_since
from airflow_provider_claude.store import RunFolder, is_local

if TYPE_CHECKING:
    from upath import UPath

#: Rows of one name that are shown.
_MOST = 20


@dataclass(frozen=True, kw_only=True)
class Traced:
    """The *rows* of a run that are called *name*, 20 at most. *problem*: why there are none."""

    dag_id: str
    run_id: str
    of: str
    name: str
    rows: Sequence[RowTrace] = ()
    problem: str = ""


def trace_rows(dag_id: str, run_id: str, of: str, name: str) -> Traced:
    """The rows of the run whose id, or place in the source, is *name*. Raises NotThereError where there is no such run."""
    with database.session() as db:
        noted = chosen(database.noted(db, dag_id, run_id), of)
    traced = Traced(dag_id=dag_id, run_id=run_id, of=of, name=name)
    try:
        rows = list(islice(trace(_run(noted.folder, dag_id, run_id), name), _MOST))
    except NotThereError:
        raise
    except Exception as error:  # noqa: BLE001 - of stores and damaged files, any; the page says which
        return replace(traced, problem=told(error))
    none = "" if rows else "No row of this run has this id, or this place in the source."
    return replace(traced, rows=rows, problem=none)


def _run(folder: str, dag_id: str, run_id: str) -> RunFolder:
    """The run folder *folder*, which has to name the run."""
    run = RunFolder(to_path(folder))
    since = own_since(run, dag_id, run_id)
    if since is None:
        raise NotThereError(FOREIGN)
    if since and not has_own_scan(run, since):
        raise NotThereError("This run has no scan yet: what is in its run folder is of a run of another DAG.")
    refuse_links(run.path)
    return run


def refuse_links(run: UPath) -> None:
    """Raise StateError where something in the folder *run* on a local disk is neither a file nor a folder. Tables are read by
    their paths: a link leads out of the folder, and a pipe is waited for.
    """
    if not is_local(run):
        return
    for folder, names, files in os.walk(run.path):
        for name in (*names, *files):
            mode = os.lstat(f"{folder}/{name}").st_mode
            if not (stat.S_ISREG(mode) or stat.S_ISDIR(mode)):
                raise StateError(f"{folder}/{name} is neither a file nor a folder: nothing in {run} was read.")
