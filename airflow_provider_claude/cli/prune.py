"""`prune`: removes old green runs, with all records of the work folder that point into them."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol

from airflow_provider_claude.cli.facts import RunFacts, look_at_all, look_or_why_not
from airflow_provider_claude.cli.locations import find_runs, work_of
from airflow_provider_claude.cli.runs import name_under
from airflow_provider_claude.cli.screen import Screen
from airflow_provider_claude.core.account import NO_ACCOUNT, Account
from airflow_provider_claude.core.submit.attempt import RESULTS_SECONDS
from airflow_provider_claude.core.submit.polling import ENDED
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.errors import NotFoundYetError, StateError
from airflow_provider_claude.gateway.batch_info import BatchInfo
from airflow_provider_claude.stages.cost.spent import keep_on_record
from airflow_provider_claude.store import (
    ActiveRecord,
    Record,
    RunFolder,
    WorkFolder,
    all_names,
    list_names,
    read_record,
    remove,
)

if TYPE_CHECKING:
    from upath import UPath

_DAY = 86_400.0

#: Records that are read at once.
_READERS = 8

#: Removed after all else of a run: while they are there, the next removal completes one that was cut short.
_LAST = frozenset({"scan.json", "plan.json", "report.json"})

#: Where a work folder keeps what was spent. It stays.
_SPENDING = "spending"


class _Pointer(Record, frozen=True, kw_only=True):
    """Any record of a work folder, in the shard it names."""

    shard: str


class Api(Protocol):
    """What removing batches needs of the gateway."""

    def account(self) -> Account: ...

    def batch(self, batch_id: str) -> BatchInfo: ...

    def delete_batch(self, batch_id: str) -> None: ...


@dataclass(frozen=True, kw_only=True)
class Old:
    """A run to remove, and the records of its work folder that point into it."""

    facts: RunFacts
    records: list[UPath]

    @property
    def batches(self) -> list[str]:
        """The batches that are proven to be this run's: their results are downloaded and they were not abandoned."""
        all_facts = (self.facts, *self.facts.probes)
        attempts = [attempt for facts in all_facts for attempts in facts.attempts.values() for attempt in attempts]
        return [a.batch_id for a in attempts if a.batch_id is not None and a.collected and not a.voided]


def prune(root: UPath, api: Api | None, out: Screen, *, days: float, now: str, dry_run: bool = False) -> int:
    """Remove the runs under *root* whose green report is older than *days*, and print what was done about each run.

    With an *api* the runs' batches are deleted there first. Returns the exit code; raises what the API raises, with
    all runs before that one removed, and that one whole.
    """
    shared: dict[str, list[tuple[UPath, str]]] = {}
    removed, account = 0, None if api is None else api.account()
    done: list[dict[str, Any]] = []
    for run, seen in look_at_all(list(find_runs(root)), out):
        facts = seen
        name, why = name_under(root, run), _why_kept(facts, days, now) or _why_out_of_reach(run, account)
        if not why and not dry_run:  # much may have happened since all runs were looked at
            facts = look_or_why_not(run)
            why = _why_kept(facts, days, now)
        if why or isinstance(facts, StateError):
            done.append({"run": name, "kept_because": why or str(facts)})
            out.line(f"kept     {name}: {why}")
            continue
        old = Old(facts=facts, records=_records_of(run, shared))
        said = f"{name}: {_size(old, with_batches=api is not None)}"
        if not dry_run:
            keep_on_record(run, work_of(run), open_=False, now=now)
            _remove(old, api)
        done.append({"run": name, "kept_because": None, **_facts(old)})
        out.line(f"{'would go' if dry_run else 'removed '} {said}")
        removed += 1
    out.document({"root": str(root), "dry_run": dry_run, "runs": done, "count": removed})
    out.line(f"{removed} {'run' if removed == 1 else 'runs'} {'would be removed' if dry_run else 'removed'}.")
    return 0


def _why_kept(facts: RunFacts | StateError, days: float, now: str) -> str:
    """Why a run stays; empty if it may be removed."""
    if isinstance(facts, StateError):
        return f"it cannot be read. {facts}"
    try:
        work_of(facts.run)
    except StateError as e:
        return str(e)
    return _why_wanted(facts, days, epoch(now))


def _why_out_of_reach(run: RunFolder, account: Account | None) -> str:
    """Why the batches of *run* cannot be deleted through a connection of *account*; empty where they can, or stay."""
    whose = work_of(run).account
    if account in {None, whose} or whose == NO_ACCOUNT:
        return ""
    return f"its batches are of {whose}, and the connection (--conn-id) leads to {account}"


def _why_wanted(facts: RunFacts, days: float, now: float) -> str:
    if (busy := _active(facts.run, now)) is not None:
        return f"{busy.run} is active in it"
    if facts.report is None:
        return f"it has no report of its current plan; it is {facts.state}"
    if facts.report.problems:
        return f"its report is red: {facts.report.problems[0]}"
    if not facts.is_published:
        return "its answers are not published, and exist nowhere else"
    flying = [attempt for _, attempt in facts.in_flight if now < attempt.created + RESULTS_SECONDS]
    if flying or facts.orphans:
        return f"batches in flight: {len(flying)}; attempts without a batch id: {len(facts.orphans)}"
    age = (now - epoch(facts.report.created_at)) / _DAY
    return f"its report is {age:.1f} days old" if age <= days else ""


def _active(run: RunFolder, now: float) -> ActiveRecord | None:
    """The record of the run that is active in *run*, if one is."""
    _, latest = run.actives.latest()
    return latest if latest is not None and not latest.ended and epoch(latest.until) > now else None


def _records_of(run: RunFolder, shared: dict[str, list[tuple[UPath, str]]]) -> list[UPath]:
    """The records of the work folder of *run* that name one of its shards, or of its probes'. *shared* keeps those of each work
    folder.
    """
    work = work_of(run)
    prefixes = tuple(work.name_of(one.shard(0)).removesuffix("00000") for one in (run, *run.probes()))
    if str(work) == str(run):
        return []
    if str(work) not in shared:
        shared[str(work)] = list(_pointers(work))
    return [path for path, shard in shared[str(work)] if shard.startswith(prefixes)]


def _pointers(work: WorkFolder) -> Iterator[tuple[UPath, str]]:
    """Every record of *work* that names a shard or a run, and the shard it names."""
    for own in work.accounts():
        yield from _named(own / "batches")
        yield from _named(own / "history")
        for kind in ("answers", "asked", "cache", "labels", "golden"):
            for job in list_names(own / kind):
                yield from _named(own / kind / job)


def _named(folder: UPath) -> Iterator[tuple[UPath, str]]:
    paths = [folder / name for name in list_names(folder) if name.endswith(".json")]
    with ThreadPoolExecutor(_READERS) as pool:
        for path, record in zip(paths, pool.map(partial(read_record, kind=_Pointer), paths), strict=True):
            if record is not None:
                yield path, record.shard


def _size(old: Old, *, with_batches: bool) -> str:
    batches = f", {len(old.batches)} batches of the API" if with_batches else ""
    answered = old.facts.report.ledger.answered if old.facts.report else 0
    return f"{answered:,} answers, {len(old.records)} records that point to it{batches}"


def _facts(old: Old) -> dict[str, Any]:
    answered = old.facts.report.ledger.answered if old.facts.report else 0
    return {"answers": answered, "records": len(old.records), "batches": old.batches}


def _remove(old: Old, api: Api | None) -> None:
    if api is not None:
        for batch_id in old.batches:
            _delete(api, batch_id)
    for path in old.records:
        remove(path)
    run = old.facts.run
    for name in all_names(run.path):
        if name not in {*_LAST, _SPENDING}:
            remove(run.file(name))
    if run.file(_SPENDING).exists():  # the run folder is its own work folder
        for name in _LAST:
            remove(run.file(name))
    else:
        remove(run.path)


def _delete(api: Api, batch_id: str) -> None:
    """Delete a batch at the API, unless it is gone. Raises StateError where it has not ended."""
    try:
        info = api.batch(batch_id)
    except NotFoundYetError:
        return
    if info.status != ENDED:
        raise StateError(
            f"Batch {batch_id} is {info.status}, although its results are downloaded; nothing of its run is removed."
        )
    api.delete_batch(batch_id)
