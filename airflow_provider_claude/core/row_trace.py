"""Where one row of a run came from, and what was done with it, as one value: `claude-batch trace` prints it.

Times are ISO 8601 with a zone, money is USD, hashes are SHA-256 in hexadecimal. What is not known, or not there, is None.
"""

from __future__ import annotations

from decimal import Decimal
from typing import Any

import msgspec

#: What a row of the source became.
ITEM, DUPLICATE, QUARANTINED = "item", "duplicate", "quarantined"


class Rebuilt(msgspec.Struct, frozen=True, kw_only=True):
    """A request, made again from the files of a run.

    `params` is its body as it went over the wire, UTF-8; None where it cannot be made again. `same`: its hash is the
    `recorded_hash`, else `why` says what is wrong. Neither hash covers a cache marker, which `params` has where it was sent.
    """

    recorded_hash: str
    hash: str | None = None
    same: bool = False
    why: str = ""
    bytes: int = 0
    params: str | None = None


class Tokens(msgspec.Struct, frozen=True, kw_only=True):
    """What a row used: of a request that several rows share, its part."""

    input: int = 0
    output: int = 0
    cache_read: int = 0
    cache_write: int = 0


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """The line about a request in the results, as the API wrote it. `result` is `succeeded`, `errored`, `expired` or `canceled`.

    `text` is what the model said, unchecked; `element` the part of it about the row, where several rows share the request.
    `reason` is the API's error, or the `stop_reason` of a message that is not whole.
    """

    result: str
    message_id: str | None = None
    model: str | None = None
    stop_reason: str | None = None
    reason: str = ""
    text: str | None = None
    element: str | None = None
    tokens: Tokens = Tokens()
    cost_usd: Decimal = Decimal(0)


class AttemptTrace(msgspec.Struct, frozen=True, kw_only=True):
    """One request about the row, and what came of it.

    `state` is `collected` (its results are here), `submitted`, `begun` (it may have been sent), or `voided`: it no longer
    counts, and `voided_because` says why. Where `items` share the request, the row is element `element` of them, from 1.
    `reused_from` is the shard folder of the earlier run that asked and paid, as a path in the work folder; None where it was
    this run. `said` is None while there is no result. `earlier`: it was sent for an earlier plan of the run, and no longer
    counts. `probe`: it only measured, in the probe with this name, see stages.probes.
    """

    attempt: int
    round: int
    lane: str
    state: str
    custom_id: str
    request_hash: str
    max_tokens: int
    model: str
    batch_id: str | None = None
    cache: str | None = None
    items: int = 1
    element: int = 1
    reused_from: str | None = None
    earlier: bool = False
    probe: str | None = None
    begun_at: str | None = None
    sent_at: str | None = None
    ended_at: str | None = None
    abandoned_at: str | None = None
    voided_at: str | None = None
    voided_because: str | None = None
    said: Said | None = None
    request: Rebuilt | None = None

    @property
    def purpose(self) -> str:
        """What its probe is for, as `which only measures`; empty where it is of no probe."""
        if self.probe is None:
            return ""
        return "which asks a third time, for a vote" if self.probe.startswith("vote-") else "which only measures"


class Verdict(msgspec.Struct, frozen=True, kw_only=True):
    """What the scan says of a row. `reason`, `detail`, `layer` and `excerpt` are of rows in quarantine."""

    flags: list[str] = []
    score: float | None = None
    suspect: bool = False
    found: bool = False
    reason: str | None = None
    detail: str | None = None
    layer: str | None = None
    excerpt: str | None = None


class Released(msgspec.Struct, frozen=True, kw_only=True):
    """A release from quarantine that covers the row."""

    number: int
    at: str
    by: str
    note: str = ""


class Ending(msgspec.Struct, frozen=True, kw_only=True):
    """How a row ended. `answer` is the checked answer, `provenance` its `claude_` columns; both None where there is none.
    `vote` says which of three answers it is, where there was a vote; see core.consistency.vote.
    """

    outcome: str
    reason: str = ""
    answer: dict[str, Any] | None = None
    provenance: dict[str, Any] | None = None
    vote: str = ""


class RowTrace(msgspec.Struct, frozen=True, kw_only=True):
    """One row: where it stood, what was found in it, what was asked about it, and how it ended.

    A duplicate has the attempts and the ending of its original, `duplicate_of`; `near`: its text is only similar. `redacted`:
    tokens stand for personal data in all of its texts. `cost_usd` is what this run paid for the row, all attempts together,
    without `measured`: what its probes asked about it, which is in no table.
    `not_asked` says why there is no attempt; empty where there is one. `published` is where its answer is. `zone` is the DAG's,
    for people.
    """

    run: str
    partition: str | None
    zone: str
    source: str
    source_ref: str
    item_id: str | None
    became: str
    verdict: Verdict
    releases: list[Released] = []
    redacted: bool = False
    duplicate_of: str | None = None
    near: bool = False
    ordinal: int | None = None
    shard: int | None = None
    attempts: list[AttemptTrace] = []
    measured: list[AttemptTrace] = []
    not_asked: str = ""
    ending: Ending | None = None
    cost_usd: Decimal = Decimal(0)
    published: str | None = None

    @property
    def answered_by(self) -> AttemptTrace | None:
        """The last attempt that counts; None where there is none."""
        return next((one for one in reversed(self.attempts) if one.state != "voided" and not one.earlier), None)

    @property
    def is_proven(self) -> bool:
        """Whether each request of the current plan that was made again is the recorded one."""
        sent = [*self.attempts, *self.measured]
        return all(one.request is None or one.request.same for one in sent if not one.earlier)
