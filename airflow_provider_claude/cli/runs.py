"""`runs`: the runs of a work folder, a line each, and what needs attention; read from the files alone."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from airflow_provider_claude.cli.facts import RunFacts, look_at_all
from airflow_provider_claude.cli.locations import find_folders
from airflow_provider_claude.cli.run_documents import run_document
from airflow_provider_claude.cli.screen import NOTHING, Screen, number, time, usd
from airflow_provider_claude.cli.show import CUT_SHORT
from airflow_provider_claude.core.times import duration, epoch
from airflow_provider_claude.errors import StateError
from airflow_provider_claude.store import RunFolder, ScanRecord

if TYPE_CHECKING:
    from upath import UPath

_RUNS = (
    "run",
    "partition",
    "inputs",
    "answered",
    "quarantined",
    "failed",
    "lost",
    "loaded",
    "in flight",
    "state",
    "deadline",
    "margin",
    "agreement",
    "cost USD",
    "per 1,000",
)
_NUMBERS = (
    *("inputs", "answered", "quarantined", "failed", "lost", "in flight"),
    *("margin", "agreement", "cost USD", "per 1,000"),
)


def show_runs(root: UPath, out: Screen, *, now: str | None = None) -> int:
    """List the runs under *root*, and below them what needs attention. Returns the exit code.

    *now* (ISO 8601): runs that are not loaded yet have the time that is left until their deadline.
    """
    folders = list(find_folders(root))
    runs = look_at_all([run for run, scanned in folders if scanned], out)
    begun = {name_under(root, run): _begun(run, now) for run, scanned in folders if not scanned}
    out.document({"root": str(root), "runs": [*_documents(root, runs, now), *_begun_documents(begun)]})
    if not folders:
        out.line(f"There is no run under {root}: no folder with a scan.json.")
        return 0
    rows = [_run_row(name_under(root, run), facts, now) for run, facts in runs]
    rows += [_unknown_row(name, state) for name, (state, _) in begun.items()]
    out.table(_RUNS, rows, right=_NUMBERS)
    sentences = [sentence for run, facts in runs for sentence in _to_look_at(name_under(root, run), facts)]
    sentences += [f"{name}: {why}" for name, (_, why) in begun.items()]
    for sentence in ["", *sentences] if sentences else []:
        out.line(sentence)
    return 0


def name_under(root: UPath, run: RunFolder) -> str:
    """The path of *run* relative to *root*."""
    return str(run.path)[len(str(root).rstrip("/")) + 1 :] or "."


def _documents(
    root: UPath, runs: Sequence[tuple[RunFolder, RunFacts | StateError]], now: str | None
) -> Iterator[dict[str, Any]]:
    for run, facts in runs:
        name = name_under(root, run)
        if isinstance(facts, StateError):
            yield {"run": name, "path": str(run), "state": "unreadable", "problems": [str(facts)]}
        else:
            yield run_document(name, facts, facts.margin(now))


def _begun_documents(begun: Mapping[str, tuple[str, str]]) -> Iterator[dict[str, Any]]:
    return ({"run": name, "state": state, "problems": [why]} for name, (state, why) in begun.items())


def _begun(run: RunFolder, now: str | None) -> tuple[str, str]:
    """The state of a run without a scan.json, and what is known of it."""
    _, latest = run.actives.latest()
    if latest is None:
        return "unknown", "it has no scan.json"
    if latest.ended or (now is not None and epoch(latest.until) < epoch(now)):
        return "failed", f"{latest.run} began at {time(latest.since)} and has left no scan.json: its scan failed"
    return "scanning", f"{latest.run} is scanning since {time(latest.since)}"


def _unknown_row(name: str, state: str) -> list[str]:
    """A run of which only its *state* is known."""
    return [name, *[state if column == "state" else NOTHING for column in _RUNS[1:]]]


def _run_row(name: str, facts: RunFacts | StateError, now: str | None) -> list[str]:
    if isinstance(facts, StateError):
        return _unknown_row(name, "unreadable")
    ledger = facts.report.ledger if facts.report else None
    agreement = facts.report.agreement if facts.report else None
    return [
        name,
        (facts.plan.partition if facts.plan else None) or NOTHING,
        number(facts.scan.rows),
        number(ledger.answered if ledger else None),
        number(sum(ledger.quarantined.values()) if ledger else None),
        number(sum(ledger.failed.values()) if ledger else None),
        _lost(facts.scan),
        f"{facts.loaded_planned} of {len(facts.plan.shards)}" if facts.plan else NOTHING,
        number(len(facts.in_flight)),
        facts.state,
        _deadline(facts),
        _margin(facts, now),
        NOTHING if agreement is None else f"{agreement:.1%}",
        usd(facts.cost),
        usd(facts.usd_per_thousand),
    ]


def _deadline(facts: RunFacts) -> str:
    return time(facts.plan.deadline, facts.plan.zone) if facts.plan else NOTHING


def _margin(facts: RunFacts, now: str | None) -> str:
    """`1 h 20 min` to spare, `5 min late`, or what is left of a run that is not loaded yet."""
    margin = facts.margin(now)
    if margin is None:
        return NOTHING
    is_done = facts.margin() is not None
    return f"{duration(abs(margin))}{' late' if margin < 0 else '' if is_done else ' left'}"


def _lost(scan: ScanRecord) -> str:
    return f"{scan.lost:,} and more" if scan.uncounted else number(scan.lost)


def _to_look_at(name: str, facts: RunFacts | StateError) -> Iterator[str]:
    if isinstance(facts, StateError):
        yield f"{name}: {facts}"
        return
    if facts.report is not None and facts.report.problems:
        yield f"{name}: {' '.join(facts.report.problems)}"
    elif facts.state == "publishing":
        yield f"{name}: {CUT_SHORT}"
    for warning in facts.report.warnings if facts.report else []:
        yield f"{name}: warning: {warning}"
    if facts.report is not None and facts.report.costs.unsure_requests:
        yield f"{name}: {facts.report.costs.sentence()}"
    for shard, attempt in facts.orphans:
        yield (
            f"{name}: shard {shard.number}, attempt {attempt.number} may have been sent, but has no batch id; "
            f"see `claude-batch show {shard}`"
        )
