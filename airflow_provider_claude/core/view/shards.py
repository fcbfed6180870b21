"""How far the shards of a run have come."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from enum import StrEnum

from airflow_provider_claude.core.report.ledger import ShardCount
from airflow_provider_claude.core.report.timeline import ShardSpan
from airflow_provider_claude.core.submit.attempt import Attempt


class Stage(StrEnum):
    """How far a shard is, in the order in which it gets there; the words are shown."""

    NOT_SENT = "not sent yet"
    SENDING = "being sent"
    IN_BATCH = "with the batch API"
    IN_SYNC = "in the sync lane"
    ENDED = "ended, not loaded yet"
    AGAIN = "loaded, some rows asked again"
    LOADED = "loaded, to be settled"
    DONE = "done"


#: The stages of shards whose answers are in the table.
_LOADED = frozenset({Stage.AGAIN, Stage.LOADED, Stage.DONE})


@dataclass(frozen=True, kw_only=True)
class ShardView:
    """A shard of the plan. Times are ISO 8601; *outcomes* are those of its loaded rows, duplicates counted with their originals.

    *abandoned*: its cutoff has come. *cost*: USD for what is loaded; None where it was not read. *rate_limited*: requests of its
    sync lane that the API has refused because the account was busy (429), and that were asked again.
    """

    number: int
    rows: int
    lane: str
    stage: Stage
    attempts: int = 0
    round: int = 0
    batch_id: str | None = None
    created_at: str | None = None
    ended_at: str | None = None
    loaded_at: str | None = None
    abandoned: bool = False
    outcomes: Mapping[str, int] = field(default_factory=dict)
    cost: Decimal | None = Decimal(0)
    rate_limited: int = 0

    @property
    def is_loaded(self) -> bool:
        return self.stage in _LOADED

    @property
    def name(self) -> str:
        """As in the run folder, and in the grid of Airflow."""
        return f"{self.number:05d}"

    @property
    def span(self) -> ShardSpan:
        return ShardSpan(
            shard=self.number,
            rows=self.rows,
            lane=self.lane,
            attempts=self.attempts,
            created_at=self.created_at,
            ended_at=self.ended_at,
            loaded_at=self.loaded_at,
        )


def reported_shard(span: ShardSpan, count: ShardCount) -> ShardView:
    """A shard as the report has it: without its batch, its round and what it has cost."""
    open_ = Stage.NOT_SENT if span.created_at is None else Stage.ENDED
    return ShardView(
        number=span.shard,
        rows=span.rows,
        lane=span.lane,
        stage=open_ if count.loaded is None else Stage.DONE,
        attempts=span.attempts,
        created_at=span.created_at,
        ended_at=span.ended_at,
        loaded_at=span.loaded_at,
        outcomes={"succeeded": count.answered, **count.failed},
        cost=None,
    )


def stage_of(attempts: Sequence[Attempt], *, loaded_round: int | None, done: bool, ended: bool) -> Stage:
    """How far a shard is with *attempts*, oldest first, for what it asks now.

    *loaded_round*: the last round that is loaded, None for none. *done*: it is settled, or loaded with an answer for each row.
    *ended*: whether the batch of its latest attempt has ended.
    """
    if done:
        return Stage.DONE
    live = [attempt for attempt in attempts if not attempt.voided]
    latest = live[-1] if live else None
    if loaded_round is not None:
        return Stage.LOADED if latest is None or latest.round <= loaded_round else Stage.AGAIN
    if latest is None:
        return Stage.NOT_SENT
    if latest.open:
        return Stage.IN_SYNC
    if not latest.submitted:
        return Stage.SENDING
    return Stage.IN_BATCH if latest.in_flight and not ended else Stage.ENDED


def by_stage(shards: Iterable[ShardView]) -> dict[Stage, int]:
    """How many shards are at each stage, those that are furthest first; stages without a shard are left out."""
    counts = Counter(shard.stage for shard in shards)
    return {stage: counts[stage] for stage in reversed(Stage) if counts[stage]}


def outcomes_of(shards: Iterable[ShardView]) -> dict[str, int]:
    """The outcomes of all loaded rows, most frequent first."""
    total: Counter[str] = Counter()
    for shard in shards:
        total.update(shard.outcomes)
    return dict(total.most_common())
