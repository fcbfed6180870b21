"""From what a person types to folders: work folders, run folders, shard folders, on any store."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from upath import UPath

from airflow_provider_claude.errors import StateError
from airflow_provider_claude.store import AccountFolder, RunFolder, ShardFolder
from airflow_provider_claude.store.access import access_in, grant
from airflow_provider_claude.store.work_of import work_of as stages_work_of

if TYPE_CHECKING:
    from airflow_provider_claude.core.scan.pii.redaction import Cipher
    from airflow_provider_claude.gateway.client import Gateway

_LOCAL = re.compile(r"(file|local)://")

#: What a run writes first into its folder.
_BEGUN = re.compile(r"active\.\d+\.json")

#: Folders of a work folder that hold what its runs share.
_SHARED = frozenset({"accounts", "accepted", "spending", "budgets"})


def to_path(uri: str) -> UPath:
    """*uri* as a path. A local one is made absolute, without links; only another store costs the import of Airflow.

    What is written there from now on is as private as what is there.
    Raises StateError where the store, or its connection, is not known here.
    """
    rest = _LOCAL.sub("", uri, count=1)
    if "://" not in rest:
        folder = Path(rest).expanduser().resolve()
        grant(access_in(folder))
        return UPath(folder)
    with using_airflow(uri):
        from airflow_provider_claude.runtime.paths import to_path

        path = to_path(uri.rstrip("/"))
        _ = path.fs
        return path


def open_api(conn_id: str) -> Gateway:
    """The API through the Airflow connection *conn_id*. Raises StateError where there is no such connection."""
    with using_airflow(f"Connection {conn_id!r}"):
        from airflow_provider_claude.hooks.claude import ClaudeHook

        gateway = ClaudeHook(conn_id).gateway()
        gateway.connect()
        return gateway


def open_cipher() -> Cipher:
    """Airflow's Fernet key. Raises StateError where none is configured."""
    with using_airflow("The Fernet key"):
        from airflow_provider_claude.runtime.fernet import fernet

        cipher = fernet()
    if cipher is None:
        raise StateError("No Fernet key is configured here: set AIRFLOW__CORE__FERNET_KEY to that of the workers.")
    return cipher


@contextmanager
def using_airflow(what: str) -> Iterator[None]:
    """Use Airflow. It reads connections from its database only if asked to, as its own command does."""
    os.environ.setdefault("_AIRFLOW_PROCESS_CONTEXT", "server")
    from airflow.providers.common.compat.sdk import AirflowException

    try:
        yield
    except (AirflowException, ImportError, ValueError) as e:
        raise StateError(f"{what} cannot be used here: {e}") from e


def find_runs(root: UPath) -> Iterator[RunFolder]:
    """The run folders at and under *root*, in order. A run folder has a scan.json, and none inside it.

    Raises StateError where there is no such folder.
    """
    return (run for run, scanned in find_folders(root) if scanned)


def find_folders(root: UPath) -> Iterator[tuple[RunFolder, bool]]:
    """The same with the folders that a run has begun to use and that have no scan.json, each with whether it has one: the run is
    scanning, or its scan failed. A run that failed before its first task has left no file.
    """
    root.fs.invalidate_cache()
    try:
        yield from _folders(root, skip=_SHARED)
    except (FileNotFoundError, NotADirectoryError) as e:
        raise StateError(f"There is no folder {root}.") from e


def _folders(directory: UPath, skip: frozenset[str] = frozenset()) -> Iterator[tuple[RunFolder, bool]]:
    here = directory.path.strip("/")
    entries = {
        entry["name"].strip("/").rsplit("/", 1)[-1]: entry["type"]
        for entry in directory.fs.ls(directory.path, detail=True)
        if not entry.get("islink") and entry["name"].strip("/") != here  # an object store may list the folder itself
    }
    if entries.get("scan.json") == "file":
        yield RunFolder(directory), True
        return
    if any(map(_BEGUN.fullmatch, entries)):
        yield RunFolder(directory), False
    for name in sorted(name for name, kind in entries.items() if kind == "directory" and name not in skip):
        yield from _folders(directory / name)


def run_at(path: UPath) -> RunFolder:
    """The run folder *path*. Raises StateError if it is not one, or was written by another version."""
    run = RunFolder(path)
    if run.scan() is None:
        raise StateError(f"{path} is not a run folder: it has no scan.json. `claude-batch runs` lists run folders.")
    return run


def shard_at(path: UPath) -> ShardFolder:
    """The shard folder *path*. Raises StateError if it is not one, is missing, or was written by another version."""
    shard = ShardFolder(path)
    shard.run.check_layout()
    if not path.is_dir():
        raise StateError(f"There is no folder {path}; `claude-batch show {shard.run}` lists the shards of its run.")
    return shard


def run_or_shard(path: UPath) -> RunFolder | ShardFolder:
    return shard_at(path) if path.parent.name == "shards" else run_at(path)


def work_of(run: RunFolder) -> AccountFolder:
    """The work folder that *run* is in, by its plan. Raises StateError where there is no plan, or no such folder."""
    plan = run.plan()
    if plan is None:
        raise StateError(f"{run.file('plan.json')} does not exist: the work folder of the run is unknown.")
    return stages_work_of(run, plan)
