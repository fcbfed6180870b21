"""Which publication may replace which: a partition has one owner, and a table never shrinks silently.

Each function returns the sentence that says why not and what to do, or None if the publication is allowed. *where*
names the partition.
"""

from __future__ import annotations

from collections.abc import Iterable

from airflow_provider_claude.core.publish.destination import ALWAYS, Destination, Holder
from airflow_provider_claude.core.report.ledger import rows
from airflow_provider_claude.errors import DestinationError

#: A partition may lose this share of its rows unasked, and always fewer rows than `FEWER_ROWS`, unless none is left.
FEWER_SHARE = 0.2
FEWER_ROWS = 5

#: What to write where the schedule is finer than the partition.
PARTITION_OF_AN_HOUR = (
    "a partition as fine as the schedule, such as partition='{{ hour }}', partition_column='hour' and an output "
    "of its own"
)


def foreign(where: str, held: Holder | None, mine: Destination) -> str | None:
    """Why *mine* may not write a partition that *held* has planned or published."""
    if held is None or mine.take_over:
        return None
    if not held.is_same_task(mine.holder):
        return (
            f"{where} belongs to {held.name}{_of_run(held)}, and {mine.holder.name} would replace its rows. Give each its "
            "own output folder, or its own partition (partition=…); to hand the partition over, write take_over=True "
            "for one run."
        )
    if held.interval and mine.holder.interval and held.interval != mine.holder.interval:
        return (
            f"{where} belongs to the data interval {held.interval}{_of_run(held)}, and this run is about "
            f"{mine.holder.interval}: the schedule is finer than the partition, and each run would replace the one before. "
            f"Write {PARTITION_OF_AN_HOUR}; if the schedule was changed, take_over=True for one run."
        )
    return None


def _of_run(held: Holder) -> str:
    return f" (run {held.run_id})" if held.run_id else ""


def other_source(where: str, count: int, before: str | None, now: str, mine: Destination) -> str | None:
    """Why *count* rows that were read from *before* may not be replaced by what was read from *now*."""
    if mine.replace == ALWAYS or not count or before is None or before.rstrip("/") == now.rstrip("/"):
        return None
    return (
        f"{where} holds {rows(count)} that were read from {before}; this run read {now}. If that is intended, write "
        f"replace={ALWAYS!r} for this run."
    )


def fewer_rows(where: str, before: int, now: int, mine: Destination) -> str | None:
    """Why *now* rows (at most) may not replace *before*."""
    if mine.replace == ALWAYS or not shrinks(before, now):
        return None
    return (
        f"{where} holds {rows(before)}, and this run has {rows(now) if now else 'none'}. If that is intended, write "
        f"replace={ALWAYS!r} for this run; if not, look at its source."
    )


def shrinks(before: int, now: int) -> bool:
    """Whether *now* rows are far fewer than *before*: none at all, or `FEWER_ROWS` and `FEWER_SHARE` less."""
    lost = before - now
    return before > 0 and (now == 0 or (lost >= FEWER_ROWS and lost > FEWER_SHARE * before))


def refuse(problems: Iterable[str] | str | None) -> None:
    """Raise DestinationError where there are *problems*."""
    messages = [problems] if isinstance(problems, str) else list(problems or ())
    if messages:
        raise DestinationError(" ".join(messages))
