"""How many shards of a run have no answers yet."""

from __future__ import annotations

import re

from airflow_provider_claude.store import LoadedRecord, PlanRecord, RunFolder, is_local
from airflow_provider_claude.store.planned_shard import planned_shards
from airflow_provider_claude.store.snapshot import Snapshot, record_cache

_LOADED = re.compile(r"shards/\d+/loaded\.json")


def count_open(run: RunFolder, plan: PlanRecord) -> int:
    """How many shards of *plan* are not loaded; read with one listing of the folder of *run*."""
    snapshot = Snapshot(run.path, record_cache())
    if not is_local(run.path):
        snapshot.read_ahead((name, LoadedRecord) for name in snapshot.files if _LOADED.fullmatch(name))
    return sum(shard.loaded() is None for shard in planned_shards(RunFolder(run.path, snapshot), plan))
