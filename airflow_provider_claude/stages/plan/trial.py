"""The trial: the run's first item is asked on the Messages API, before anything is sent in bulk.

A wrong parameter then fails one row and says so at once, instead of failing every row of a batch that has to end
first. The answer is kept as shard 0 and loaded like any other, so its row is not asked again. If the same request
was answered in an earlier run, that answer is reused: the request is known to work.

The Messages API has no list to find a lost answer in: where a worker dies between the answer and its record, this one
request is asked, and paid for, again, once that worker can no longer be waiting for its answer.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol

import msgspec

from airflow_provider_claude.core.cost.prices import Usage
from airflow_provider_claude.core.load.answers import judge
from airflow_provider_claude.core.plan.cut_shards import TRIAL_SHARD
from airflow_provider_claude.core.requests.request_bytes import RequestEncoder, custom_id
from airflow_provider_claude.core.submit.attempt import Attempt
from airflow_provider_claude.core.times import epoch
from airflow_provider_claude.errors import ClaudeError, PendingError, UnknownFateError
from airflow_provider_claude.stages.cost.budget import Budget, free_reserved, most_of
from airflow_provider_claude.stages.cost.intents import begin
from airflow_provider_claude.stages.requests.attempt_selection import AttemptSelection
from airflow_provider_claude.stages.requests.encode_attempt import encode_body
from airflow_provider_claude.stages.requests.reuse import planned, read_reused, take
from airflow_provider_claude.store import (
    RunFolder,
    ShardFolder,
    ShardSpec,
    exists,
)
from airflow_provider_claude.store.attempts import history
from airflow_provider_claude.store.items import read_items
from airflow_provider_claude.store.planned_shard import PlannedShard
from airflow_provider_claude.store.result_writer import write_results
from airflow_provider_claude.store.results import read_lines

#: Seconds a second worker has to wait.
_CALL_SECONDS = 60.0


class Api(Protocol):
    """What the trial needs of the gateway."""

    def create_message(self, params: bytes) -> bytes: ...


def first_request(run: RunFolder, encoder: RequestEncoder) -> bytes:
    """The parameters of item 0."""
    batch = next(read_items(run, run.need_scan(), 0, 1, encoder.columns))
    return encoder.request(next(encoder.of_batch(batch)))


def trial_spec(size: int, request_hash: bytes) -> ShardSpec:
    """Shard 0 with the one request of *request_hash*, *size* bytes as the body of a batch."""
    fingerprint = hashlib.sha256(request_hash).hexdigest()
    return ShardSpec(number=TRIAL_SHARD, start=0, stop=1, bytes=size, fingerprint=fingerprint, lane="sync")


@dataclass
class Trial:
    """One item, one call, one record of it."""

    shard: PlannedShard
    clock: Callable[[], str]

    @property
    def folder(self) -> ShardFolder:
        return self.shard.folder

    def ask_once(self, params: bytes, api: Api) -> None:
        """Ask *params* and keep the answer as an attempt of shard 0, unless it is on record already."""
        past = history(self.folder)
        if self.shard.rounds() or self._finish_lost_record():
            return
        self._check_asked(past)
        number = (
            max((attempt.number for attempt in past), default=0) + 1
        )  # not counted again: another worker may be here, too
        ask, at = AttemptSelection(skip=take(self.shard, planned(self.shard))), self.clock()
        with encode_body(self.shard, ask) as body:
            begun = begin(self.shard, ask, body, number=number, lane="trial", at=at, seconds=_CALL_SECONDS)
            if begun is None:
                raise PendingError("Another task is planning this run right now.", _CALL_SECONDS)
            rows = body.rows
            budget = Budget.of(self.shard.work, self.shard.plan)
            if budget is not None and rows:
                budget.reserve(self.shard.work.name_of(self.folder), number, most_of(body, self.shard.plan, "sync"))
        began = self.clock()
        if rows:
            self._keep(number, self._pay(number, params, api), began)
        self.folder.submit(number, "sync" if rows else "store", began)

    def _pay(self, number: int, params: bytes, api: Api) -> bytes:
        """The answer. An attempt whose call was certainly not carried out is voided: nothing was paid for it."""
        try:
            return api.create_message(params)
        except UnknownFateError:
            self._stop_waiting(number)
            raise
        except ClaudeError as error:
            reason = f"the API did not take it: {type(error).__name__}"
            self.folder.void(number, None, reason, self.clock(), paid=False)
            free_reserved(self.shard, number)
            raise

    def _check_asked(self, past: Sequence[Attempt]) -> None:
        """Raise PendingError where another worker may be waiting for the answer right now."""
        mine = [
            one
            for one in past
            if one.shard_fingerprint == self.shard.fingerprint and not one.submitted and not one.voided
        ]
        left = max((one.until for one in mine), default=0.0) - epoch(self.clock())
        if left > 0:
            raise PendingError("Another task is planning this run right now.", left)

    def _stop_waiting(self, number: int) -> None:
        """Record that no task waits for the answer of attempt *number* any more, so that a retry need not wait either."""
        intent = self.folder.intent(number)
        if intent is not None:
            self.folder.intents.overwrite(number, msgspec.structs.replace(intent, until=intent.at))

    def _finish_lost_record(self) -> bool:
        """Whether there is an answer whose last record is missing; writes that record."""
        for number in self.folder.attempts():
            intent = self.folder.intent(number)
            if intent and intent.shard_fingerprint == self.shard.fingerprint and exists(self.folder.results(number)):
                self.folder.submit(number, "sync", intent.at)
                return True
        return False

    def _keep(self, number: int, message: bytes, began: str) -> None:
        """Write the answer as the one line of a results file, in the form a batch has."""
        line = b'{"custom_id":"%b","result":{"type":"succeeded","message":%b}}\n'
        name = custom_id(self.shard.fingerprint, 0).encode()
        with write_results(self.folder.results(number)) as out:
            out.write(line % (name, message.strip()))
        self.folder.end(number, {"succeeded": 1}, created_at=began, ended_at=self.clock())

    def usage(self) -> Usage:
        """The tokens the trial used, in this run or in the one whose answer it took."""
        reused = read_reused(self.folder.reused(self.shard.fingerprint), ["line"])
        taken = [line for batch in reused for line in batch["line"].to_pylist()]
        first = self.shard.rounds()[0]  # later rounds are batches, which may be in progress
        lines = taken or list(read_lines(self.folder.results(first.number)))
        judged = judge(lines[0], lambda _: {})
        return judged.usage if judged else Usage()
