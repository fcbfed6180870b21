"""The facts of runs and shards as plain values, for `--json`: see docs/reference/cli.md."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

from airflow_provider_claude.cli.facts import RunFacts
from airflow_provider_claude.core.submit.attempt import Attempt
from airflow_provider_claude.core.times import clock_in
from airflow_provider_claude.store import LoadedRecord, ShardFolder, ShardSpec

#: How the fields of records end that hold money, as text: in a document these are numbers.
_MONEY = "_usd"


def run_document(name: str, facts: RunFacts, margin: float | None) -> dict[str, Any]:
    """One run of a list, called *name*. *margin*: seconds between its end and its deadline, see `RunFacts.margin`."""
    ledger = facts.report.ledger if facts.report else None
    answered = ledger.answered if ledger else None
    return {
        "run": name,
        "path": str(facts.run),
        "partition": facts.plan.partition if facts.plan else None,
        "state": facts.state,
        "inputs": facts.scan.rows,
        "answered": answered,
        "quarantined": sum(ledger.quarantined.values()) if ledger else None,
        "failed": sum(ledger.failed.values()) if ledger else None,
        "lost": facts.scan.lost,
        "damaged_places_uncounted": facts.scan.uncounted,
        "shards": len(facts.plan.shards) if facts.plan else None,
        "shards_loaded": facts.loaded_planned,
        "in_flight": len(facts.in_flight),
        "without_batch": [{"shard": str(shard), "attempt": attempt.number} for shard, attempt in facts.orphans],
        "deadline": facts.plan.deadline if facts.plan else None,
        "margin_seconds": margin,
        "agreement": facts.report.agreement if facts.report else None,
        "cost_usd": facts.cost,
        "usd_per_thousand": facts.usd_per_thousand,
        "problems": list(facts.report.problems) if facts.report else [],
        "warnings": list(facts.report.warnings) if facts.report else [],
        "published": facts.report.published if facts.report else None,
    }


def run_details(facts: RunFacts, margin: float | None) -> dict[str, Any]:
    """Everything that `show` says of a run."""
    whose, risk = facts.run.account(), facts.run.at_risk()
    plan, report = facts.plan, facts.report
    zone = plan.zone if plan else "UTC"
    return {
        **run_document(str(facts.run), facts, margin),
        "scan": plain(facts.scan),
        "explanation": list(plan.explanation) if plan else [],
        "account": plain(whose.account) if whose else None,
        "at_risk": {"at": risk.at, "says": risk.at_risk.sentences(clock_in(zone))} if risk else None,
        "costs": plain(report.costs) if report else None,
        "published_rows": report.published_rows if report else None,
        "shard_list": [one for run in (facts, *facts.probes) for one in _shards(run)],
    }


def _shards(facts: RunFacts) -> list[dict[str, Any]]:
    specs = {spec.number: spec for spec in facts.plan.shards} if facts.plan else {}
    return [_shard(facts, number, specs.get(number)) for number in sorted(specs.keys() | facts.attempts.keys())]


def _shard(facts: RunFacts, number: int, spec: ShardSpec | None) -> dict[str, Any]:
    attempts, loaded = facts.attempts.get(number, []), facts.loaded.get(number)
    return {
        "shard": str(facts.run.shard(number)),
        "rows": spec.rows if spec else None,
        "reused": spec.reused if spec else None,
        "attempts": len(attempts),
        "round": attempts[-1].round if attempts else None,
        "batch_id": attempts[-1].batch_id if attempts else None,
        "outcomes": loaded.outcomes if loaded else None,
        "cost_usd": Decimal(loaded.cost_usd) if loaded else None,
    }


def shard_document(
    shard: ShardFolder, spec: ShardSpec | None, attempts: list[tuple[Attempt, str]], loaded: LoadedRecord | None
) -> dict[str, Any]:
    """Everything that `show` says of a shard: *attempts*, each with its state, and their records."""
    return {
        "shard": str(shard),
        "planned": plain(spec) if spec else None,
        "attempts": [_attempt(shard, attempt, state) for attempt, state in attempts],
        "loaded": plain(loaded) if loaded else None,
    }


def _attempt(shard: ShardFolder, attempt: Attempt, state: str) -> dict[str, Any]:
    number = attempt.number
    records = {
        "intent": shard.intent(number),
        "submitted": shard.submitted(number),
        "abandoned": shard.abandoned(number),
        "ended": shard.ended(number),
        "voided": shard.voided(number),
    }
    shown = {name: plain(record) if record else None for name, record in records.items()}
    return {
        "attempt": number,
        "state": state,
        "round": attempt.round,
        "lane": attempt.lane,
        "rows": attempt.rows,
        **shown,
    }


def plain(record: msgspec.Struct) -> Any:
    """*record* with money as numbers."""
    return _numbers(msgspec.to_builtins(record, builtin_types=(Decimal,)))


def _numbers(value: Any, name: str = "") -> Any:
    if isinstance(value, dict):
        return {key: _numbers(one, key) for key, one in value.items()}
    if isinstance(value, list):
        return [_numbers(one) for one in value]
    return Decimal(value) if isinstance(value, str) and name.endswith(_MONEY) else value
