"""Results that never came whole, as sentences of the report."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from airflow_provider_claude.core.cost.estimate import usd
from airflow_provider_claude.core.report.ledger import rows

#: Sentences about single attempts beyond this many are counted, not written.
_MAX_SENTENCES = 8


def never_whole(attempts: Sequence[str], asked_again: int, cost: Decimal) -> list[str]:
    """The sentences *attempts* about attempts whose results never came whole, and that for this reason *asked_again* rows
    were asked once more, at this *cost* in USD.
    """
    found = list(attempts[:_MAX_SENTENCES])
    if more := len(attempts) - len(found):
        found.append(f"{more:,} more such attempts; the loaded.json of each shard names them.")
    if asked_again:
        found.append(f"For that reason {rows(asked_again)} had to be asked again, which cost {usd(cost)}.")
    return found
