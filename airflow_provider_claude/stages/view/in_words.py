"""What the records of a run say about it, in sentences, for readers who look at no page."""

from __future__ import annotations

from collections.abc import Iterator

from upath import UPath

from airflow_provider_claude.core.active_run import LEASE_SECONDS
from airflow_provider_claude.core.legible import excerpt, legible
from airflow_provider_claude.core.times import clock_in, epoch
from airflow_provider_claude.core.view.verdict import AirflowSide, verdict
from airflow_provider_claude.stages.view.look import began, look
from airflow_provider_claude.store import RunFolder, list_names

#: Partitions of a group that are looked at, the last by name first, and characters of what is said about one.
_MOST_PARTITIONS, _MOST = 100, 1_000


def in_words(work: UPath, dag_id: str, run_id: str, *, state: str, now: float) -> list[str]:
    """The verdict on each task group of the run *run_id* of *dag_id*, by its folders in the work folder *work*.

    *state*: that of the Airflow run; *now*: epoch seconds. Raises StateError where a record cannot be read, and the store's own
    error where it does not answer.
    """
    found = []
    for group, folder in _folders(work / dag_id, dag_id, run_id):
        view = look(folder, now=now, dag_id=dag_id, run_id=run_id)
        if view is not None:
            said = verdict(view, AirflowSide(state=state))
            found.append(f"{group}: {said.word}. {said.sentence}{_silence(RunFolder(folder), view.zone, now)}")
    return [legible(excerpt(one, _MOST)) for one in found]


def _folders(root: UPath, dag_id: str, run_id: str) -> Iterator[tuple[str, UPath]]:
    """The groups of the run, each with its run folder."""
    for group in list_names(root):
        for partition in list_names(root / group)[: -_MOST_PARTITIONS - 1 : -1]:
            folder = root / group / partition
            if began(RunFolder(folder), dag_id, run_id) is not None:
                yield group, folder
                break


def _silence(run: RunFolder, zone: str, now: float) -> str:
    """What to think of a run whose tasks and waits have stopped renewing its record."""
    _, latest = run.actives.latest()
    if latest is None or latest.ended or now <= epoch(latest.until):
        return ""
    return f" No task of it has given a sign of life since {clock_in(zone)(epoch(latest.until) - LEASE_SECONDS)}."
