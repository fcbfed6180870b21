"""Where the API refuses batches: recorded for the run, so that no other shard tries; and which lane asks the rows then."""

from __future__ import annotations

from airflow_provider_claude.core.cost.estimate import usd
from airflow_provider_claude.errors import BatchesRefusedError
from airflow_provider_claude.store import PlanRecord, RefusedRecord, RunFolder, write_new_record


def to_the_sync_lane(run: RunFolder, plan: PlanRecord, error: BatchesRefusedError, now: str) -> None:
    """Put on record that the API refuses the batches of *run*: the sync lane asks its rows, at full price.

    Raises *error*, with that price, where the plan does not allow it.
    """
    if not allows_sync(plan):
        raise BatchesRefusedError(f"{error}{full_price(plan)}") from error
    write_new_record(run.file("refused.json"), RefusedRecord(reason=str(error), at=now))


def are_refused(run: RunFolder) -> bool:
    """Whether the API has refused a batch of *run* since it was planned."""
    return run.refused() is not None


def allows_sync(plan: PlanRecord) -> bool:
    """Whether rows that cannot go by batch may be asked at full price."""
    return plan.lanes.refused_batches == "sync" or plan.lanes.lane == "sync"


def full_price(plan: PlanRecord) -> str:
    """What all rows would cost by the sync lane, as a sentence that follows another."""
    sync, batch = plan.estimate.usd("sync"), plan.estimate.usd("batch")
    if sync is None or batch is None:
        return ""
    return f" By the sync lane this run costs about {usd(sync)} instead of {usd(batch)}."


def refusal_warnings(run: RunFolder) -> list[str]:
    """The report's warnings about it."""
    record = run.refused()
    if record is None:
        return []
    return [f"The API refused batches, and the sync lane asked the remaining rows, at full price: {record.reason}"]
