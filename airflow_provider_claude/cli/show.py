"""`show`: what is on record of a run or a shard, read from the files alone."""

from __future__ import annotations

from collections.abc import Iterator

from airflow_provider_claude.cli.facts import RunFacts, look
from airflow_provider_claude.cli.run_documents import run_details, shard_document
from airflow_provider_claude.cli.screen import NOTHING, Screen, counts, number, time
from airflow_provider_claude.core.submit.attempt import Attempt
from airflow_provider_claude.core.times import clock_in
from airflow_provider_claude.store import (
    IntentRecord,
    LoadedRecord,
    PlanRecord,
    RunFolder,
    ScanRecord,
    ShardFolder,
    ShardSpec,
    exists,
)
from airflow_provider_claude.store.attempts import history

_SHARDS = ("shard", "rows", "reused", "attempts", "round", "latest", "batch", "loaded", "cost USD")
_NUMBERS = ("shard", "rows", "reused", "attempts", "round", "cost USD")


#: What is said of a report that is `publishing`.
CUT_SHORT = "publishing, or interrupted while publishing: if this does not change, clear its report task to complete it"


def _damage(scan: ScanRecord) -> Iterator[str]:
    if scan.uncounted:
        places = "1 place" if scan.uncounted == 1 else f"{scan.uncounted:,} places"
        yield f"the number of rows lost in {places} of the source is unknown"
    yield from scan.unreadable


def show_run(run: RunFolder, out: Screen) -> int:
    """Show the plan of *run* in its sentences, and one line a shard. Returns the exit code."""
    facts = look(run)
    scan = facts.scan
    out.document(run_details(facts, facts.margin()))
    out.line(f"run     {run}")
    out.line(f"state   {facts.state}")
    out.line(
        f"source  {scan.source} ({scan.format}): {scan.rows:,} rows = {scan.items:,} items + {scan.duplicates:,} "
        f"duplicates + {scan.quarantined:,} quarantined + {scan.lost:,} lost"
    )
    if (whose := run.account()) is not None:
        out.line(f"account {whose.account}")
    for damage in _damage(scan):
        out.line(f"damage  {damage}")
    for note in scan.origin.notes():
        out.line(f"note    {note}")
    for sentence in facts.plan.explanation if facts.plan else []:
        out.line(f"plan    {sentence}")
    if (risk := run.at_risk()) is not None:
        out.line(f"at risk  {risk.at_risk.sentences(clock_in(_zone(facts.plan)))}")
    for sentence in _reported(facts):
        out.line(sentence)
    for problem in facts.report.problems if facts.report else []:
        out.line(f"red     {problem}")
    for warning in facts.report.warnings if facts.report else []:
        out.line(f"warning {warning}")
    out.line()
    rows = [row for one in (facts, *facts.probes) for row in _shard_rows(one)]
    if rows:
        out.table(_SHARDS, rows, right=_NUMBERS)
    return 0


def _shard_rows(facts: RunFacts) -> list[list[str]]:
    """A line for each shard of a run, or of a probe."""
    specs = {spec.number: spec for spec in facts.plan.shards} if facts.plan else {}
    return [_shard_row(shard, specs.get(shard), facts) for shard in sorted(specs.keys() | facts.attempts.keys())]


def _reported(facts: RunFacts) -> Iterator[str]:
    if facts.report is not None:
        yield f"cost    {facts.report.costs.sentence()}"
        for use in facts.report.costs.cache:
            yield f"cache   {use.sentence()}"
    if facts.report is not None and facts.report.published:
        yield f"answers {number(facts.report.published_rows)} rows are published in {facts.report.published}"
    elif facts.state == "publishing":
        yield f"answers {CUT_SHORT}"


def _shard_row(shard: int, spec: ShardSpec | None, facts: RunFacts) -> list[str]:
    attempts, loaded = facts.attempts.get(shard, []), facts.loaded.get(shard)
    latest = attempts[-1] if attempts else None
    return [
        name_in_run(facts.run.shard(shard)),
        number(spec.rows) if spec else "earlier plan",
        number(spec.reused if spec else None),
        number(len(attempts)),
        number(latest.round if latest else None),
        state_of(facts.run.shard(shard), latest) if latest else NOTHING,
        (latest.batch_id if latest else None) or NOTHING,
        counts(loaded.outcomes) if loaded else NOTHING,
        loaded.cost_usd if loaded else NOTHING,
    ]


def name_in_run(shard: ShardFolder) -> str:
    """The number of *shard*, after the name of its probe where it is of one."""
    return f"{shard.run.path.name} {number(shard.number)}" if shard.run.is_probe else number(shard.number)


def state_of(shard: ShardFolder, attempt: Attempt) -> str:
    """How far *attempt* has come, in one word."""
    if attempt.voided:
        return "voided"
    if attempt.collected:
        return "collected"
    if not attempt.submitted:
        return "intent"
    if attempt.batch_id is None:
        return "nothing to send"
    if shard.ended(attempt.number) is not None:
        return "ended" if shard.looks(attempt.number) is None else "incomplete"
    record = shard.submitted(attempt.number)
    return "adopted" if record is not None and record.adopted else "submitted"


def show_shard(shard: ShardFolder, out: Screen) -> int:
    """Show every attempt of *shard* with all its records, then how its rows ended. Returns the exit code."""
    plan = shard.run.plan()
    spec = next((spec for spec in plan.shards if spec.number == shard.number), None) if plan else None
    out.line(f"shard    {shard}")
    out.line(f"planned  {_planned(spec)}")
    attempts = history(shard)
    states = [(attempt, state_of(shard, attempt)) for attempt in attempts]
    out.document(shard_document(shard, spec, states, shard.loaded()))
    if not attempts:
        out.line("Never sent: there is no attempt on record.")
    for attempt in attempts:
        out.line()
        whose = (
            "" if spec and attempt.shard_fingerprint == spec.fingerprint else ", for rows that are no longer planned"
        )
        state = state_of(shard, attempt)
        out.line(f"attempt {attempt.number}: {state} (round {attempt.round}, {_asks(attempt)}{whose})")
        out.table(("record", "at", ""), list(_records(shard, attempt.number, _zone(plan))))
    out.line()
    _landing(shard.loaded(), out, _zone(plan))
    return 0


def _asks(attempt: Attempt) -> str:
    """What *attempt* asks: items may share requests."""
    together = "" if attempt.rows == attempt.requests else f" about {attempt.rows:,} items"
    return f"{attempt.requests:,} requests{together}"


def _planned(spec: ShardSpec | None) -> str:
    if spec is None:
        return "no: there is no plan with this shard"
    return (
        f"items {spec.start:,} to {spec.stop:,}: {spec.rows:,} rows, {spec.reused:,} of them answered in earlier runs; "
        f"lane {spec.lane}, fingerprint {spec.fingerprint[:8]}"
    )


def _zone(plan: PlanRecord | None) -> str:
    """The zone in which times of a run are shown: its DAG's, as its plan has it."""
    return "UTC" if plan is None else plan.zone


def _records(shard: ShardFolder, attempt: int, zone: str) -> Iterator[tuple[str, str, str]]:
    """The records of an attempt that are there, in the order in which they are written."""
    if (intent := shard.intent(attempt)) is not None:
        yield (
            "  intent",
            time(intent.at, zone),
            f"fingerprint {intent.shard_fingerprint[:8]}, its sender stops by {time(intent.until, zone)}{_cached(intent)}",
        )
    if (submitted := shard.submitted(attempt)) is not None:
        how = ", found in the workspace's list: its results prove it, or it is voided" if submitted.adopted else ""
        what = submitted.batch_id or f"no batch (lane {submitted.lane})"
        yield "  adopted" if submitted.adopted else "  submitted", time(submitted.created_at, zone), what + how
    if (abandoned := shard.abandoned(attempt)) is not None:
        yield (
            "  abandoned",
            time(abandoned.at, zone),
            "abandoned at its cutoff: the sync lane asks its unanswered rows",
        )
    if (ended := shard.ended(attempt)) is not None:
        yield "  ended", time(ended.ended_at, zone), counts(ended.counts)
    if exists(shard.results(attempt)):
        yield "  collected", NOTHING, shard.results(attempt).name
    if (voided := shard.voided(attempt)) is not None:
        whose = f" ({voided.batch_id})" if voided.batch_id else ""
        yield "  voided", time(voided.at, zone), voided.reason + whose


def _cached(intent: IntentRecord) -> str:
    return f", cache markers of {intent.cache}" if intent.cache else ""


def _landing(loaded: LoadedRecord | None, out: Screen, zone: str) -> None:
    if loaded is None:
        out.line("loaded   not yet: there is no loaded.json")
        return
    out.line(f"loaded   {time(loaded.loaded_at, zone)}, after round {loaded.round}: {loaded.rows:,} rows")
    out.line(f"rows     {counts(loaded.outcomes)}; {loaded.reused:,} from earlier runs")
    out.line(f"cost     {loaded.cost_usd} USD, {loaded.retried_usd} of it for tries that a later one replaced")
    if loaded.unmatched:
        out.line(f"unmatched  result lines that belong to no row: {counts(loaded.unmatched)}")
    for sentence in loaded.count_mismatches:
        out.line(f"counts   {sentence}")
