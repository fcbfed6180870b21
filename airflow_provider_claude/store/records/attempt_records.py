"""The records of an attempt, from its intent to the end of its batch."""

from __future__ import annotations

from airflow_provider_claude.core.cost.prices import Price
from airflow_provider_claude.job.cache import Ttl
from airflow_provider_claude.store.records.record import Record


class RefusedRecord(Record, frozen=True, kw_only=True):
    """refused.json: why the API took no batch of the run; the sync lane asks its rows."""

    reason: str
    at: str


class IntentRecord(Record, frozen=True, kw_only=True):
    """N.intent.json: this attempt may be paid for from now on, until `until`, when its sender stops.

    `shard_fingerprint` is the fingerprint of the shard it answers, `round` 1 for its first batch and more for unresolved rows;
    `fingerprint` stands for the requests of this attempt, and its custom ids start with it; `job` is the hash of what is
    the same in all of them. `lane` is `batch`, `sync`, or `trial`: only a batch can be found again in the API's list.
    `withheld` items are not asked, because the budget does not cover them. At most `pack` items share a request; where it
    is more than 1, its requests hold `items` items together. Its requests go to `model` at `price` (see core.cost.prices), and
    cost `most_usd` together at the most, the dearest of them `most_each_usd`: the assumption where the real cost
    is unknown. `cache` is how long the part that they share is cached, None where they have no cache marker; request hashes and
    fingerprints do not cover it.
    """

    attempt: int
    job: str
    shard_fingerprint: str
    round: int
    fingerprint: str
    requests: int
    bytes: int
    at: str
    until: str
    model: str
    price: Price
    most_usd: str
    most_each_usd: str
    lane: str = "batch"
    withheld: int = 0
    pack: int = 1
    items: int = 0
    cache: Ttl | None = None

    @property
    def rows(self) -> int:
        """The items it asks."""
        return self.items if self.pack > 1 else self.requests


class SubmittedRecord(Record, frozen=True, kw_only=True):
    """N.submitted.json: the API accepted it. `batch_id` is None in the sync lane, and where nothing had to be sent.

    `adopted` says that the batch was found in the workspace's list, not answered to the sender; its results prove it.
    """

    attempt: int
    batch_id: str | None
    lane: str
    created_at: str
    expires_at: str | None = None
    adopted: bool = False


class VoidedRecord(Record, frozen=True, kw_only=True):
    """N.voided.json: this attempt no longer counts, and why. `batch_id` is one that proved to be another's.
    `paid` is false where it was certainly not carried out.
    """

    attempt: int
    batch_id: str | None
    reason: str
    at: str
    paid: bool = True


class LeaseRecord(Record, frozen=True, kw_only=True):
    """N.lease.K.json: worker K of attempt N in the sync lane may send until `until`; `done` requests are answered.

    `unsure` requests of this worker ended without an answer that may have been paid. Until it is `ended` there may be
    `under_way` more of them, which a worker that dies leaves behind. `rate_limited` of its requests were refused because the
    account was busy (429), and asked again.
    """

    attempt: int
    number: int
    until: str
    done: int
    unsure: int = 0
    under_way: int = 0
    rate_limited: int = 0
    ended: bool = False


class AbandonedRecord(Record, frozen=True, kw_only=True):
    """N.abandoned.json: the cutoff of attempt N came before its end; the sync lane asks its unanswered rows.

    `batch_id` is None where none is known. `waits`: its batch cannot be cancelled, and the shard keeps waiting for it.
    """

    attempt: int
    batch_id: str | None
    at: str
    waits: bool = False


class EndedRecord(Record, frozen=True, kw_only=True):
    """N.ended.json: the batch's own counts (`succeeded`, `errored`, `canceled`, `expired`), and its end where that is known."""

    attempt: int
    batch_id: str | None
    counts: dict[str, int]
    created_at: str
    ended_at: str | None


class LooksRecord(Record, frozen=True, kw_only=True):
    """N.looks.json: the results of attempt N were incomplete at `looks` looks since `since`, the last time at `at`; `why`
    says what was wrong. `short_looks` of them, since `short_since`, held something, and not all. The best look named `best` of
    its requests. Where it is `final`, that is used as its results.
    """

    attempt: int
    batch_id: str
    looks: int
    best: int
    since: str
    at: str
    why: str
    short_looks: int = 0
    short_since: str | None = None
    final: bool = False
