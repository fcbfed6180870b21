"""`cancel`: the batches of a run or a shard that are still being answered."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Protocol

from airflow_provider_claude.cli.facts import RunFacts
from airflow_provider_claude.cli.screen import Screen, number
from airflow_provider_claude.cli.show import name_in_run
from airflow_provider_claude.core.submit.attempt import Attempt
from airflow_provider_claude.core.submit.polling import ENDED
from airflow_provider_claude.errors import ClaudeError, NotFoundYetError, RequestRejectedError
from airflow_provider_claude.gateway.batch_info import BatchInfo
from airflow_provider_claude.store import ShardFolder

_RUNNING = "in_progress"

_HEAD = ("shard", "attempt", "round", "requests", "batch", "status")

#: A shard and one of its attempts.
Sent = tuple[ShardFolder, Attempt]


class Api(Protocol):
    """What cancelling needs of the gateway."""

    def batch(self, batch_id: str) -> BatchInfo: ...

    def cancel_batch(self, batch_id: str) -> BatchInfo: ...


def cancel(facts: RunFacts, shard: int | None, api: Api, out: Screen, *, sure: Callable[[str], bool]) -> int:
    """Cancel what is in flight of a run, or of one *shard* of it, if the person is *sure*. Returns the exit code.

    It lists the batches first. It writes nothing: cleared tasks find the batches ended and use their answers.
    """
    sent = [one for one in facts.in_flight if _is_meant(one[0], facts, shard)]
    statuses = [_status(api, *one) for one in sent]
    orphans = [one for one in facts.orphans if _is_meant(one[0], facts, shard)]
    if sent:
        out.table(_HEAD, [_row(*one, status) for one, status in zip(sent, statuses, strict=True)], right=_HEAD[:4])
    _warn_of_orphans(orphans, out)
    running = [one for one, status in zip(sent, statuses, strict=True) if status == _RUNNING]
    listed = [_facts(*one, status) for one, status in zip(sent, statuses, strict=True)]
    if not running:
        out.document(_done(listed, orphans, {}))
        out.line("No batch is being answered: there is nothing to cancel.")
        return 0
    out.line("What they have answered is billed, and will be used; the rest is not billed.")
    out.line(
        "A running settle task sends the unanswered rows again: first mark the run failed in Airflow to prevent that."
    )
    if not sure(f"Cancel {len(running)} of these batches? [y/N]"):
        out.line("Nothing was cancelled.")
        return 1
    failed = 0
    answers: dict[str, str] = {}
    for _, attempt in running:
        try:
            said = _cancel(api, attempt.batch_id or "")
        except ClaudeError as error:
            failed += 1
            said = f"NOT cancelled: {error}"
        answers[attempt.batch_id or ""] = said
        out.line(f"{attempt.batch_id}: {said}")
    out.document(_done(listed, orphans, answers))
    return 1 if failed else 0


def _facts(shard: ShardFolder, attempt: Attempt, status: str) -> dict[str, Any]:
    return {
        "shard": str(shard),
        "attempt": attempt.number,
        "round": attempt.round,
        "requests": attempt.requests,
        "batch_id": attempt.batch_id,
        "status": status,
    }


def _done(listed: list[dict[str, Any]], orphans: Sequence[Sent], answers: dict[str, str]) -> dict[str, Any]:
    """What was found in flight, and what was said to each batch that was to be cancelled."""
    return {
        "in_flight": [{**one, "cancelled": answers.get(one["batch_id"])} for one in listed],
        "without_batch": [{"shard": str(shard), "attempt": attempt.number} for shard, attempt in orphans],
    }


def _is_meant(one: ShardFolder, facts: RunFacts, shard: int | None) -> bool:
    """Whether *one* is a shard, or of a probe, of the run; or the one with that number."""
    return shard is None or str(one) == str(facts.run.shard(shard))


def _status(api: Api, shard: ShardFolder, attempt: Attempt) -> str:
    record = shard.submitted(attempt.number)
    if record is not None and record.adopted:
        return "adopted: not cancelled, because its results have not proven yet whose it is"
    try:
        return api.batch(attempt.batch_id or "").status
    except NotFoundYetError:
        return "not known to the API"


def _row(shard: ShardFolder, attempt: Attempt, status: str) -> Sequence[str]:
    return (
        name_in_run(shard),
        number(attempt.number),
        number(attempt.round),
        number(attempt.requests),
        attempt.batch_id or "",
        status,
    )


def _cancel(api: Api, batch_id: str) -> str:
    """Cancel one batch, and say how that went. It may have ended in this moment."""
    try:
        return f"{api.cancel_batch(batch_id).status}; it ends within minutes"
    except RequestRejectedError:
        if api.batch(batch_id).status == ENDED:
            return "has ended by itself meanwhile"
        raise


def _warn_of_orphans(orphans: Sequence[Sent], out: Screen) -> None:
    for shard, attempt in orphans:
        out.line(
            f"Shard {shard.number}, attempt {attempt.number} has no batch id and cannot be cancelled from here. If the API "
            f"accepted it, its {attempt.requests:,} requests are being processed: look for it in the Console."
        )
