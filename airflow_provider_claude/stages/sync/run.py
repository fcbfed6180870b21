"""An attempt in the sync lane: begun, continued by the worker that holds its lease, and completed.

    N.intent.json, N.manifest.parquet    what it asks; one writer wins
    N.lease.K.json, N.answers.K.jsonl    worker K is processing it, and its answers
    N.results.jsonl.zst, N.ended.json    all answers, in the form of a batch's results
    N.submitted.json                     from here on it is an attempt like any other

A worker that dies leaves its answers; the next one asks the rest. The Messages API has no list to find a lost answer in:
requests that were open when a worker was killed are asked, and paid for, again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

import numpy as np

from airflow_provider_claude.core.load.answers import read_head
from airflow_provider_claude.core.requests.request_bytes import Named, custom_id
from airflow_provider_claude.errors import PendingError, StateError
from airflow_provider_claude.stages.cost.budget import encode_affordable
from airflow_provider_claude.stages.cost.intents import begin
from airflow_provider_claude.stages.cost.spent import reopen
from airflow_provider_claude.stages.requests.attempt_selection import AttemptSelection
from airflow_provider_claude.stages.requests.encode_attempt import encode_body
from airflow_provider_claude.stages.requests.request_body import RequestBody
from airflow_provider_claude.stages.sync.journal import Journal, discard_journals, read_journals
from airflow_provider_claude.stages.sync.lease import LEASE_SECONDS, Lease, lease_over
from airflow_provider_claude.stages.sync.order import Turns, turns
from airflow_provider_claude.stages.sync.request import Request
from airflow_provider_claude.stages.sync.sender import Lane
from airflow_provider_claude.store import (
    IntentRecord,
    ShardFolder,
    exists,
)
from airflow_provider_claude.store.parquet_files import read_table
from airflow_provider_claude.store.planned_shard import PlannedShard
from airflow_provider_claude.store.result_writer import write_results

#: Makes the lane that asks the remaining rows, given its journal and its lease.
MakeLane = Callable[[Journal, Lease], Lane]


@dataclass(kw_only=True)
class SyncAttempt:
    """Attempt *number* of *shard*."""

    shard: ShardFolder
    number: int
    clock: Callable[[], str]

    def begin(self, shard: PlannedShard, selection: AttemptSelection) -> None:
        """Record what will be asked: as much as the budget covers. Raises PendingError where another worker was faster."""
        reopen(shard, self.clock)
        with encode_affordable(shard, selection, attempt=self.number, lane="sync") as (body, within):
            if begin(shard, within, body, number=self.number, lane="sync", at=self.clock()) is None:
                raise PendingError(f"Another task is asking shard {self.shard.number} right now.", LEASE_SECONDS)

    def carry_on(self, shard: PlannedShard, make: MakeLane) -> None:
        """Ask the rows without an answer, and end. Raises PendingError where another worker is active, and the lane's errors."""
        lease, done = self._take(), 0
        try:
            if not self._asked():
                return
            intent = self._intent()
            with encode_body(shard, self._selection(shard, intent)) as body:
                self._check_same(body, intent)
                seen = self._seen(intent)
                lane = make(Journal(self.shard, self.number, lease.number), lease)
                lane.writer.done = done = sum(seen)
                try:
                    lane.send_all(_unanswered(body, intent, seen, turns(shard, body)))
                finally:
                    done = lane.writer.done
            self._end(intent, lease)
        finally:
            lease.give_back(done)

    def close(self) -> None:
        """Keep its answers, and end. Raises PendingError where a worker is active."""
        lease = self._take()
        try:
            if self._asked():
                self._end(self._intent(), lease)
        finally:
            lease.give_back(0)

    def _take(self) -> Lease:
        return Lease(self.shard, self.number, self.clock)

    def _asked(self) -> bool:
        """Whether it has asked anything; if not, it is voided. Only the holder of its lease may decide that."""
        if self.shard.voided(self.number) is not None:
            raise PendingError(f"Shard {self.shard.number}, attempt {self.number} was voided meanwhile.", 1.0)
        if exists(self.shard.manifest(self.number)):
            return True
        self.shard.void(self.number, None, "its worker died before it asked anything", self.clock(), paid=False)
        return False

    def _intent(self) -> IntentRecord:
        intent = self.shard.intent(self.number)
        if intent is None:
            raise StateError(f"{self.shard}, attempt {self.number}: its intent was removed while it was read.")
        return intent

    def _selection(self, shard: PlannedShard, intent: IntentRecord) -> AttemptSelection:
        """What its manifest says that it asks."""
        columns = ["index", "max_tokens", *(["pack_element"] if intent.pack > 1 else [])]
        asked = read_table(self.shard.manifest(self.number), columns)
        ordinals = [shard.spec.start + index for index in asked["index"].to_pylist()]
        limits = dict(zip(ordinals, asked["max_tokens"].to_pylist(), strict=True))
        others = {ordinal: limit for ordinal, limit in limits.items() if limit != shard.plan.job.max_tokens}
        selection = AttemptSelection(
            round=intent.round, only=frozenset(ordinals), max_tokens=others, cache=intent.cache
        )
        if intent.pack == 1:
            return selection
        places = zip(ordinals, asked["pack_element"].to_pylist(), strict=True)
        alone = frozenset(ordinal for ordinal, element in places if not element)
        return replace(selection, pack=intent.pack, alone=alone, name=intent.fingerprint)

    def _check_same(self, body: RequestBody, intent: IntentRecord) -> None:
        """Make the packs again. Raise StateError if they are no longer those of the attempt."""
        if intent.pack > 1 and not body.is_asked_in(self.shard.manifest(self.number)):
            raise StateError(
                f"Shard {self.shard.number}, attempt {self.number}: its packs cannot be made again as they were. Clear the "
                "plan task, so that the rows without an answer are planned again."
            )

    def _seen(self, intent: IntentRecord) -> bytearray:
        """Which of its requests are answered, a byte each."""
        named = Named(intent.fingerprint, intent.requests)
        for line in read_journals(self.shard, self.number):
            named.add(read_head(line)[0])
        return named.seen

    def _end(self, intent: IntentRecord, lease: Lease) -> None:
        """Make the journals its results, the first answer of each request, and close it."""
        if not exists(self.shard.results(self.number)):
            self._write_ended(intent)
            self._write_results(intent, lease)
        self.shard.submit(self.number, "sync", intent.at)
        discard_journals(self.shard, self.number)

    def _write_ended(self, intent: IntentRecord) -> None:
        counts = Counter(kind for _, kind in self._first_lines(intent))
        self.shard.end(self.number, counts, created_at=intent.at, ended_at=self.clock())

    def _write_results(self, intent: IntentRecord, lease: Lease) -> None:
        """Write what the journals hold, unless another worker may hold the lease."""
        with write_results(self.shard.results(self.number)) as out:
            for line, _ in self._first_lines(intent):
                out.write(line + b"\n")
            if lease.over:
                raise lease_over(LEASE_SECONDS)

    def _first_lines(self, intent: IntentRecord) -> Iterator[tuple[bytes, str]]:
        heads = ((*read_head(line), line) for line in read_journals(self.shard, self.number))
        results = ((name, (line, kind)) for name, kind, line in heads)
        return (first for _, first in Named(intent.fingerprint, intent.requests).first(results))


def _unanswered(body: RequestBody, intent: IntentRecord, seen: bytearray, turn: Turns) -> Iterator[Request]:
    left = turn.order[~np.frombuffer(bytes(seen), dtype=bool)[turn.order]]
    items, in_results = body.items, body.in_results
    for index, params in zip(left.tolist(), body.requests(left), strict=True):
        name, urgent = custom_id(intent.fingerprint, index), bool(turn.urgent[index])
        yield Request(name, params, items[index], urgent, in_results[index])
