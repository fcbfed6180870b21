"""The records of an account that outlive a run: its batches, its answers, and what runs measured."""

from __future__ import annotations

from airflow_provider_claude.core.cost.cache_use import CacheUse
from airflow_provider_claude.core.packing.pack_verdict import Scores
from airflow_provider_claude.store.records.record import Record


class ClaimRecord(Record, frozen=True, kw_only=True):
    """batches/<batch id>.json of an account's folder: the attempt of the batch. `shard` is relative to the work folder."""

    batch_id: str
    shard: str
    attempt: int


class CollectedRecord(Record, frozen=True, kw_only=True):
    """answers/<job>/….json of an account's folder: raw results that can answer the same requests again."""

    shard: str
    attempt: int
    created_at: str


class BatchRun(Record, frozen=True, kw_only=True):
    """A batch that ended by itself: its size, the UTC hour it was created in, and how many minutes it took."""

    requests: int
    hour: int
    minutes: float


class TokensRecord(Record, frozen=True, kw_only=True):
    """tokens/<job>.json of an account's folder: what the requests of a job have used, on average in the last run.

    See core.cost.tokens for what it means.
    """

    input_per_byte: float
    tool_tokens: float
    output_tokens: float
    rows: int
    at: str


class CacheRecord(Record, frozen=True, kw_only=True):
    """cache/<job>/….json of an account's folder: what the prompt cache did to the requests of a run, by lane and ttl; nothing,
    where none had cache markers. `shard` is the run's first one.
    """

    shard: str
    at: str
    uses: list[CacheUse]


class LabelsRecord(Record, frozen=True, kw_only=True):
    """labels/<group>/….json of an account's folder: how the answers of a run are distributed. `fields` has the rows by label.

    `shard` is the run's first one, `weekend` whether its day was a Saturday or Sunday; the rest says what was asked of whom.
    """

    shard: str
    at: str
    partition: str | None
    weekend: bool
    model: str
    prompt_hash: str
    schema_hash: str
    fields: dict[str, dict[str, int]]


class GoldenRecord(Record, frozen=True, kw_only=True):
    """golden/<group>/….json of an account's folder: which golden rows a run got right. `keys` name the rows, and `right` has, for
    each field, a character for each of them: `1` right, `0` wrong, `-` not known. `accepted`: the run was not red. `stated` has
    the rows by the confidence that was stated of them in `confidence_field` (`0.93`), `stated_right` those that were right in all
    that is known.

    The rest is as in LabelsRecord.
    """

    shard: str
    at: str
    partition: str | None
    model: str
    prompt_hash: str
    schema_hash: str
    accepted: bool
    keys: list[str]
    right: dict[str, str]
    confidence_field: str | None = None
    stated: dict[str, int] = {}
    stated_right: dict[str, int] = {}


class HistoryRecord(Record, frozen=True, kw_only=True):
    """history/….json of an account's folder: what a run has measured. `shard` is its first one; `cancels` are the seconds that
    cancels took to end a batch.
    """

    shard: str
    at: str
    batches: list[BatchRun]
    cancels: list[float]


class PackingRecord(Record, frozen=True, kw_only=True):
    """packing/<job>/….json of an account's folder: what packs did to a sample of one run's rows. `shard` is the run's first one,
    `model` what the API answered with, `scores` an entry for each size and field. `tokens` and `by` as in Packing.
    """

    shard: str
    at: str
    model: str
    tokens: int
    by: list[str]
    scores: list[Scores]
